"""Messages of a stream that differ in nothing but their text: what stands around it is read once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from llmo.providers.http import fields
from llmo.types.events import Reasoning, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Alone: TypeAlias = "Callable[[dict[str, Any]], Text | Reasoning | None]"
"""What gives the text of a message that says nothing else, however often it comes."""
TRIES = 3
"""Messages without a repeat after which none is looked for: some servers write the time into each."""
_QUOTE, _ESCAPE = b'"\\'
"""As numbers, which bytes look for in a third of the time."""
_MARK = "llmo's place for a text"


class Repeats:
    """
    The messages of one answer that repeat the last one in all but its text.

    What stands around the text is known for what it says only when another text in its place is read as just that:
    then a string is all that can change, and a string is all that is taken.
    """

    def __init__(self) -> None:
        self._left = TRIES
        self._before = self._behind = b""
        self.kind: type[Text | Reasoning] = Text

    def learn(self, data: bytes, message: dict[str, Any], alone: Alone) -> None:
        """Take a message that has just been read, as `data`, for the one that those after it may repeat."""
        self._before = self._behind = b""
        said = alone(message) if self._left else None
        if said is None or not said.text or said.text == _MARK:
            return
        self._left -= 1
        before, _, behind = data.partition(b'"%b"' % said.text.encode("utf-8", "replace"))
        try:
            marked = fields.read(b'%b"%b"%b' % (before, _MARK.encode(), behind))
        except ValueError:
            return
        if isinstance(marked, dict) and alone(marked) == type(said)(_MARK):
            self._before, self._behind, self.kind = before + b'"', b'"' + behind, type(said)

    def texts(self, messages: Sequence[bytes], at: int) -> list[str]:
        """The texts of the messages from `at` on, as far as they are repeats."""
        before, behind = self._before, self._behind
        around = len(before) + len(behind)
        pieces: list[bytes] = []
        for number in range(at, len(messages) if behind else at):
            data = messages[number]
            piece = data.removeprefix(before).removesuffix(behind)
            if len(data) - len(piece) != around:
                break
            pieces.append(piece)
        found = _spelled(pieces)
        if found:
            self._left = TRIES
        return found


def _spelled(pieces: list[bytes]) -> list[str]:
    """What strings with these bytes between their quotes say; up to the first that is none."""
    joined = b"\n".join(pieces)
    if _QUOTE not in joined and _ESCAPE not in joined:
        found = joined.decode("utf-8", "replace").split("\n")
        if len(found) == len(pieces):
            return found
    found = []
    for piece in pieces:
        try:
            found.append(fields.read(b'"%b"' % piece))
        except ValueError:
            break
    return found
