"""Lines of an output as they are read again: which of them can be trusted, and where each begins."""

from __future__ import annotations

import json
import re
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from llmo.batch.input.hash_table import SMALLEST, HashTable
from llmo.batch.input.identity import short
from llmo.batch.output.records import Status
from llmo.storage.line_reader import PIECE, lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

SPREAD = 16
"""Positions per line that are sorted by counting; others come at the end."""
HEAD = re.compile(rb'\{"id": "([^"\\]*)", "index": (\d{1,18}), "key": "')
_TEXT = rb'"(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*+"'
_COUNT = rb"(?:0|[1-9]\d{0,17})"
ORDINARY = re.compile(
    rb'\{"id": "([^"\\\x00-\x1f]++)", "index": COUNT, "key": "([0-9a-f]{32})", "status": "ok", "text": TEXT, '
    rb'"data": null, "tool_calls": \[\], "provider": TEXT, "model": TEXT, "finish_reason": TEXT, '
    rb'"usage": (?:null|\{(?:"\w+": COUNT(?:, |(?=\})))*+\}), "cost_usd": (?:null|"\d{1,10}(?:\.\d{1,12})?"), '
    rb'"cost_source": TEXT, "attempts": (?:0|[1-9]\d{0,7}), "duration_s": COUNT(?:\.\d{1,9})?, "error": null, '
    rb'"input": null\}\n'.replace(b"TEXT", _TEXT).replace(b"COUNT", _COUNT)
)
"""An answer as nearly all lines have it, whole: what matches needs no parsing to be trusted, ten times as fast."""
HEX = re.compile("[0-9a-f]{1,64}")
USD = re.compile(r"\d{1,10}(\.\d{1,12})?")
STATUSES = frozenset(get_args(Status))
NONE = type(None)
KINDS: dict[str, tuple[type, ...]] = {
    "id": (str,),
    "index": (int,),
    "key": (str,),
    "status": (str,),
    "text": (str, NONE),
    "provider": (str, NONE),
    "model": (str, NONE),
    "finish_reason": (str, NONE),
    "usage": (dict, NONE),
    "cost_usd": (str, NONE),
    "cost_source": (str,),
    "attempts": (int,),
    "duration_s": (int, float),
    "error": (dict, NONE),
    "input": (dict, NONE),
}
"""The fields of a line and what they hold; `data` is anything."""


@dataclass(frozen=True, slots=True)
class RecordedLine:
    """A line that can be trusted: where it begins, its bytes, what they say."""

    begin: int
    line: bytes
    row: dict[str, Any]

    @property
    def name(self) -> str:
        """Its id."""
        name: str = self.row["id"]
        return name


@dataclass(frozen=True, slots=True)
class Kept:
    """The last line of an id, and its position in the input."""

    begin: int
    line: bytes
    name: str
    index: int


def entries(
    path: Path, broken: Callable[[int, bytes | None], object] = lambda _begin, _line: None
) -> Iterator[RecordedLine]:
    """The lines of an output that can be trusted; `broken` hears of every other one."""
    with path.open("rb") as file:
        for begin, line in lines(file):
            row = None if line is None else trusted(line)
            if line is None or row is None:
                broken(begin, line)
            else:
                yield RecordedLine(begin, line, row)


def outcomes(
    path: Path, broken: Callable[[int, bytes | None], object]
) -> Iterator[tuple[int, str, str, dict[str, Any] | None]]:
    """Where each line of an output begins that can be trusted, its id, its key, and the whole of one that is not ok."""
    with path.open("rb") as file:
        for begin, line in lines(file):
            if line is not None and (found := ORDINARY.fullmatch(line)) is not None:
                try:
                    line.decode()
                except UnicodeDecodeError:
                    broken(begin, line)
                else:
                    yield begin, found[1].decode(), found[2].decode(), None
                continue
            row = None if line is None else trusted(line)
            if row is None:
                broken(begin, line)
            else:
                yield begin, row["id"], row["key"], row


def trusted(line: bytes) -> dict[str, Any] | None:
    """What a line says; None when it is no whole line of ours, whatever else it is."""
    row = parsed(line)
    if row is None or not line.endswith(b"\n"):
        return None
    if any(name not in row or type(row[name]) not in kinds for name, kinds in KINDS.items()) or "data" not in row:
        return None
    error, cost = row["error"], row["cost_usd"]
    sound = (
        row["id"]
        and 0 <= row["index"] < 1 << 63
        and HEX.fullmatch(row["key"])
        and row["status"] in STATUSES
        and (error is None or (isinstance(error.get("kind"), str) and isinstance(error.get("message"), str)))
        and (cost is None or USD.fullmatch(cost))
        and all(type(count) is int and 0 <= count < 1 << 63 for count in (row["usage"] or {}).values())
        and 0 <= row["attempts"] < 1 << 31
    )
    return row if sound else None


def parsed(line: bytes) -> dict[str, Any] | None:
    """A line as a JSON object, None when it is none."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def looks_like_ours(line: bytes) -> bool:
    """Whether a line has the fields by which an output is known."""
    row = parsed(line)
    return row is not None and {"id", "key", "status"} <= row.keys()


def line_in(file: BinaryIO, stretch: int) -> bytes:
    """The line that begins in a stretch of `SMALLEST` bytes, see `Places`; empty if none does."""
    before = max(0, stretch * SMALLEST - 1)
    file.seek(before)
    if stretch:
        skipped = file.readline(SMALLEST + 1)
        if not skipped.endswith(b"\n"):
            return b""
    return file.readline()


class Last:
    """The last line of each id: 16 bytes an id."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.begins = HashTable()
        self._count, self._top = 0, -1
        for entry in entries(path):
            self.begins.set(short(entry.name), entry.begin)
            self._count += 1
            self._top = max(self._top, entry.row["index"])

    def __iter__(self) -> Iterator[Kept]:
        """They themselves, as they stand in the file."""
        with self._path.open("rb") as file:
            for begin, line in lines(file):
                found = None if line is None else _head(begin, line)
                # What is known to be somebody's last line has been parsed before.
                if found is not None and self.begins.get(short(found.name)) == begin:
                    yield found

    def ordered(self, ending: str = "") -> Iterator[int]:
        """
        Where those begin whose id ends so, in the order of the input.

        Rows that share a position (the input no longer has one of them) or have an absurd one come last.
        """
        places = array("Q", bytes(8 * (min(self._top, SPREAD * (self._count + PIECE)) + 1)))
        others = array("Q")
        for found in self:
            if not found.name.endswith(ending):
                continue
            if found.index >= len(places) or places[found.index]:
                others.append(found.begin)
            else:
                places[found.index] = found.begin + 1
        yield from (place - 1 for place in places if place)
        yield from others


def _head(begin: int, line: bytes) -> Kept | None:
    """The id and the position of a line, mostly without parsing it."""
    found = HEAD.match(line)
    if found:
        return Kept(begin, line, found[1].decode("utf-8", "replace"), int(found[2]))
    row = trusted(line)
    return None if row is None else Kept(begin, line, row["id"], row["index"])
