"""Bodies of requests that differ in nothing but their last text: what stands around it is written once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from llmo.types.dataclass import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.types.messages import Message, Request

KEPT = 64


class _Around(NamedTuple):
    """The bytes before and behind the text, None where it is not in one place; of requests with these very objects."""

    same: tuple[object, ...]
    parts: list[bytes] | None
    spelled: Callable[[str], bytes]
    """Writes a text as JSON. Raises `ValueError`."""


class Bodies:
    """Writes the bodies of one provider."""

    def __init__(self, write: Callable[[Request, str], bytes]) -> None:
        """`write` makes a body of a request and a model, with the text in it as JSON spells it in UTF-8."""
        self._write = write
        self._met: dict[tuple[object, ...], _Around | None] = {}

    def __call__(self, request: Request, model: str) -> bytes:
        """The body of a request. Raises what `write` does."""
        messages = request.messages
        if request.body is not None or not messages or not _is_text(messages[-1]):
            return self._write(request, model)
        same = (request.params, request.schema, *messages[:-1])
        key = (model, request.stream, request.strategy, request.ceiling, request.private, *map(id, same))
        known = self._met.get(key)
        if known is None:
            known = self._meet(key, same, request, model)
        if known is None or known.parts is None:
            return self._write(request, model)
        try:
            return known.spelled(messages[-1].text).join(known.parts)
        except ValueError:  # half of a surrogate pair, which `write` refuses
            return self._write(request, model)

    def _meet(self, key: tuple[object, ...], same: tuple[object, ...], request: Request, model: str) -> _Around | None:
        """What stands around the text, from the second request of a kind on: the first may stay the only one."""
        if key not in self._met:
            if len(self._met) >= KEPT:
                self._met.clear()
            self._met[key] = None
            return None
        from pydantic_core import to_json

        mark = f"llmo-{os.urandom(16).hex()}"
        marked = replace(request, messages=(*request.messages[:-1], replace(request.messages[-1], text=mark)))
        parts = self._write(marked, model).split(f'"{mark}"'.encode())
        found = self._met[key] = _Around(same, parts if len(parts) == 2 else None, to_json)  # noqa: PLR2004 - before and behind
        return found


def _is_text(last: Message) -> bool:
    return last.role == "user" and not last.images and last.verbatim is None
