"""Rows whose request was answered before, by `ask` or an earlier batch: nothing is sent, held or booked for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from llmo.batch.executors.executor import Answered
from llmo.errors import LlmoError
from llmo.types.dataclass import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.batch.resume.feed import Work
    from llmo.batch.stats import RunStats
    from llmo.engine.answer_cache import AnswerCache
    from llmo.routing.plan import Plan


class SendPlanned(Protocol):
    """Sends one row by its plan, None where there is none yet."""

    async def __call__(self, work: Work, plan: Plan | None, /) -> Answered:
        """Send it, with retries and fallbacks; failures are in the result."""
        ...


class CachedRows:
    """Sends the rows that the cache has no answer to, and keeps what comes. A cache that fails ends with a warning."""

    def __init__(self, send: SendPlanned, cache: AnswerCache, plan: Callable[[Work], Plan], *, stats: RunStats) -> None:
        self._send, self._cache, self._plan, self._stats = send, cache, plan, stats
        self._usable = True

    async def __call__(self, work: Work) -> Answered:
        """Answer one row."""
        plan = self._planned(work)
        if plan is None or not plan.ranked:
            return await self._send(work, plan)
        key = self._cache.key(work.request, plan)
        found = self._found(key)
        if found is not None:
            # Others get their turn: a run may have a million of these one after the other.
            await asyncio.sleep(0)
            return found
        answered = await self._send(work, plan)
        self._keep(key, answered)
        return answered

    def _planned(self, work: Work) -> Plan | None:
        if work.fault is not None or not self._usable:
            return None
        try:
            return self._plan(work)
        except LlmoError:
            # Whoever sends it says why it has no plan.
            return None

    def _found(self, key: str) -> Answered | None:
        try:
            found = self._cache.find(key)
        except LlmoError as exc:
            self._failed(exc)
            return None
        if found is None:
            return None
        self._stats.cached += 1
        self._stats.saved += found.saved or 0
        # Its tokens were counted when they were paid for.
        return Answered(replace(found.result, usage=None), found.result.data)

    def _keep(self, key: str, answered: Answered) -> None:
        if not self._usable:
            return
        try:
            self._cache.keep(key, answered.result)
        except LlmoError as exc:
            self._failed(exc)

    def close(self) -> None:
        """Write the last answers."""
        try:
            self._cache.close()
        except LlmoError as exc:
            self._failed(exc)

    def _failed(self, error: LlmoError) -> None:
        """Go on without it: the rows are what is paid for."""
        self._usable = False
        self._stats.warnings[f"the cache is not used any more: {error.message}"] += 1
