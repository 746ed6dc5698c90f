"""Calls of tools in an answer, put together from the pieces that each dialect sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.providers.http import fields
from llmo.types import jsontext
from llmo.types.dataclass import dataclass, field
from llmo.types.events import ToolCall
from llmo.types.surrogates import whole

if TYPE_CHECKING:
    from llmo.types.jsontext import Json


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class Calls:
    """The calls of one answer in their order."""

    def __init__(self) -> None:
        self._made: list[_Call] = []
        self._placed: dict[Any, _Call] = {}

    def __bool__(self) -> bool:
        return bool(self._made)

    def start(self, place: int | str | None = None, *, id: Any = None, name: Any = None, arguments: Any = None) -> None:  # noqa: A002 - the wire's word
        """A call; pieces of it may follow at its place."""
        made = _Call()
        self._made.append(made)
        self._placed[place] = made
        _fill(made, id, name, arguments)

    def more(self, place: int | str | None, *, id: Any = None, name: Any = None, arguments: Any = None) -> None:  # noqa: A002 - as above
        """
        A piece of the call at a place; another id there begins another call.

        Without a place it belongs to the last call, unless it names a tool again.
        """
        known = self._placed.get(place)
        another = known is not None and (
            (id and known.id and id != known.id) or (place is None and name and known.name and not id)
        )
        if known is None or another:
            self.start(place, id=id, name=name, arguments=arguments)
        else:
            _fill(known, id, name, arguments)

    def events(self) -> list[ToolCall]:
        """All of them; arguments that are no JSON object are text."""
        return [ToolCall(call.id or None, call.name, _read("".join(call.arguments))) for call in self._made]


def _fill(call: _Call, identifier: Any, name: Any, arguments: Any) -> None:
    call.id = call.id or whole(fields.text(identifier))
    call.name = call.name or whole(fields.text(name))
    if isinstance(arguments, str):
        call.arguments.append(arguments)
    elif arguments is not None:
        call.arguments.append(_written(arguments))


def _written(value: Any) -> str:
    try:
        return jsontext.write(value)
    except RecursionError:
        return ""


def _read(text: str) -> Json:
    """The object that arguments say; the text itself where it is none, or can't be written as it was read."""
    if not text.strip():
        return {}
    text = whole(text)
    try:
        found = jsontext.read(text)
    except ValueError:
        return text
    return found if isinstance(found, dict) else text
