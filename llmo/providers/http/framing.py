"""From bytes to frames: lines of JSON, and server-sent events."""

from __future__ import annotations

from typing import Protocol

from llmo.errors import Unavailable
from llmo.providers.http.fields import _BOM

LINE_LIMIT = 64 * 2**20
_LF, _CR = b"\n\r"
"""As numbers, which bytes look for in a third of the time."""


class Framer(Protocol):
    """Cut a stream of bytes into messages."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The messages that this chunk completes."""
        ...

    def end(self) -> list[bytes]:
        """The unterminated rest, which may be half a message."""
        ...


class NdjsonFramer:
    """NDJSON: a message a line; blank lines are skipped."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._size = 0
        self.begun = False

    def taken(self) -> bytes:
        """What came of a line that has not ended yet, now the caller's."""
        rest, self._rest, self._size = b"".join(self._rest), [], 0
        return rest

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes."""
        return [line for line in self.split(chunk) if line and line != b"\r"]

    def split(self, chunk: bytes) -> list[bytes]:
        """Every completed line, also the blank ones."""
        if _LF not in chunk:
            self._keep(chunk)
            return []
        lines = chunk.split(b"\n")
        if self._rest:
            self._rest.append(lines[0])
            lines[0] = b"".join(self._rest)
            self._rest = []
        self._size = 0
        self._keep(lines.pop())
        if not self.begun:
            self.begun = True
            lines[0] = lines[0].removeprefix(_BOM)
        return lines

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._rest.append(piece)
            self._size += len(piece)
            if self._size > LINE_LIMIT:
                raise Unavailable(f"a line of the answer is longer than {LINE_LIMIT >> 20} MiB")

    def end(self) -> list[bytes]:
        """The last line when it has no line end."""
        rest = b"".join(self._rest).removeprefix(_BOM).strip()
        self._rest = []
        return [rest] if rest else []


class SseFramer:
    """SSE: the `data` of each event; names, ids and comments are skipped, since `data` says it all."""

    def __init__(self) -> None:
        self._lines = NdjsonFramer()
        self._data: list[bytes] = []
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that this chunk completes."""
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if _CR in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        found: list[bytes] = []
        if not self._data and (end := chunk.rfind(b"\n\n") + 2) > 1:
            events = self._lines.taken() + chunk[:end]
            chunk = chunk[end:]
            plain = _plain(events)
            if plain is None:
                self._split(events, found)
            else:
                found, self._lines.begun = plain, True
        self._split(chunk, found)
        return found

    def _split(self, chunk: bytes, found: list[bytes]) -> None:
        for line in self._lines.split(chunk):
            if not line:
                self._dispatch(found)
            elif line.startswith(b"data"):
                self._field(line)

    def _field(self, line: bytes) -> None:
        if line.startswith(b"data: "):
            self._data.append(line[6:])
        elif line.startswith(b"data:"):
            self._data.append(line[5:])
        elif line == b"data":
            self._data.append(b"")

    def _dispatch(self, found: list[bytes]) -> None:
        if self._data:
            data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
            self._data = []
            if data:
                found.append(data)

    def end(self) -> list[bytes]:
        """The data of an event that no blank line ended."""
        for line in self._lines.end():
            self._field(line)
        found: list[bytes] = []
        self._dispatch(found)
        return found


def _plain(events: bytes) -> list[bytes] | None:
    """The data of whole events that have one line of it each, all behind the same name or none; None of others."""
    head = events[: events.find(b"data: ") + 6]
    named = head.startswith(b"event: ") and head.endswith(b"\ndata: ") and head.count(b"\n") == 1
    if head != b"data: " and not named:
        return None
    found = events[len(head) : -2].split(b"\n\n" + head)
    return found if all(found) and _LF not in b"".join(found) else None
