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
        found: list[str] = []
        if not behind:
            return found
        start, end, least = len(before), -len(behind), len(before) + len(behind)
        for number in range(at, len(messages)):
            data = messages[number]
            if data[:start] != before or data[end:] != behind or len(data) < least:
                break
            piece = data[start:end]
            if _QUOTE in piece or _ESCAPE in piece:
                try:
                    text = fields.read(b'"%b"' % piece)
                except ValueError:
                    break
            else:
                text = str(piece, "utf-8", "replace")
            found.append(text)
        if found:
            self._left = TRIES
        return found
