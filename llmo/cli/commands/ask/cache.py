"""Reuses answers to identical requests (`--cache`)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from llmo.types.format import dollars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.cli.commands.ask.question import AskRequest
    from llmo.cli.context import Context
    from llmo.engine.answer_cache import AnswerCache
    from llmo.engine.results import Result


class AskCache:
    """Stores complete answers and returns those no older than `--cache` allows; does nothing without the flag."""

    def __init__(self, ctx: Context, asked: AskRequest) -> None:
        self._ctx, self._asked = ctx, asked

    def find(self) -> Result | None:
        """Return a stored answer to the same request, None if there is none."""
        with self._opened() as cache:
            found = None if cache is None else cache.find(self._key(cache))
        if found is None:
            return None
        self._ctx.note(f"llmo: from the cache, saved {dollars(found.saved)}")
        return found.result

    def keep(self, result: Result) -> None:
        """Store an answer, if it is complete and good."""
        with self._opened() as cache:
            if cache is not None:
                cache.keep(self._key(cache), result)

    def _key(self, cache: AnswerCache) -> str:
        return cache.key(self._asked.question.request, self._asked.plan)

    @contextmanager
    def _opened(self) -> Iterator[AnswerCache | None]:
        """The cache, for one lookup: while the model answers nothing is kept open."""
        cache = self._ctx.answer_cache(self._asked.output.cache)
        try:
            yield cache
        finally:
            if cache is not None:
                cache.close()
