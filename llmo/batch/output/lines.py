"""Lines of an output as they are read again: which of them can be trusted, and where each begins."""

from __future__ import annotations

import json
import re
from array import array
from typing import TYPE_CHECKING, Any, get_args

from pydantic_core import from_json

from llmo.batch.input.hash_table import SMALLEST, HashTable
from llmo.batch.input.identity import short
from llmo.batch.output.records import Status
from llmo.storage.line_reader import PIECE, lines
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

SPREAD = 16
"""Positions per line that are sorted by counting; others come at the end."""
HEAD = re.compile(rb'\{"id": "([^"\\]*)", "index": (\d{1,18}), "key": "')
_TEXT = rb'"[^"\\\x00-\x1f\x80-\xff]*+"'
_COUNT = rb"(?:0|[1-9]\d{0,17}+)"
BEFORE = re.compile(
    rb'\{"id": "([^"\\\x00-\x1f]++)", "index": COUNT, "key": "([0-9a-f]{32})", "status": "ok", "text": '.replace(
        b"COUNT", _COUNT
    )
)
NOTHING = b', "data": null, "tool_calls": []'
"""What stands behind the text of an answer that is only text."""
PROVIDER = b', "provider": '
AFTER = re.compile(
    rb', "provider": TEXT, "model": TEXT, "finish_reason": TEXT, "usage": (?:\{"input_tokens": COUNT, '
    rb'"cached_input_tokens": COUNT, "cache_write_tokens": COUNT, "output_tokens": COUNT, "reasoning_tokens": COUNT\}|'
    rb'\{"\w++": COUNT(?:, "\w++": COUNT)*+\}|null), "cost_usd": (?:null|"\d{1,10}(?:\.\d{1,12})?"), '
    rb'"cost_source": TEXT, "attempts": (?:0|[1-9]\d{0,7}), "duration_s": COUNT(?:\.\d{1,9})?, "error": null, '
    rb'"input": null\}\n'.replace(b"TEXT", _TEXT).replace(b"COUNT", _COUNT)
)
"""What stands before and behind what the model said, in an answer as nearly all lines have it."""
SAID = {"text", "data", "tool_calls"}
LONGEST_NUMBER = 4300
"""Digits of a number that Python reads; the other parser does not mind more."""
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
) -> Iterator[tuple[str, str, dict[str, Any] | None]]:
    """The id and the key of each line of an output that can be trusted, and the whole of one that is not ordinary."""
    with path.open("rb", PIECE) as file:
        for begin, line in lines(file):
            if line is not None and (found := ordinary(line)) is not None:
                yield *found, None
                continue
            row = None if line is None else trusted(line)
            if row is None:
                broken(begin, line)
            else:
                yield row["id"], row["key"], row


def answers(path: Path) -> Iterator[tuple[int, str, dict[str, Any] | None]]:
    """Where each line begins, and its key: of ordinary ones that seem whole, with the whole of any other."""
    with path.open("rb", PIECE) as file:
        for begin, line in lines(file):
            head = None if line is None else BEFORE.match(line)
            row = None if line is None or head is not None else trusted(line)
            if head is not None:
                yield begin, head[2].decode(), None
            elif row is not None:
                yield begin, row["key"], row


def ordinary(line: bytes) -> tuple[str, str] | None:
    """
    The id and the key of an answer as nearly all lines have it; None of any other line, whatever it is.

    It takes nothing that `trusted` refuses, in a quarter of the time, and less for long answers: what the model said is
    left to a fast parser.
    """
    head, end = BEFORE.match(line), line.rfind(PROVIDER)
    if head is None or AFTER.fullmatch(line, end) is None:
        return None
    said = line[head.end() : end]
    try:
        if said.endswith(NOTHING):
            whole = type(from_json(said[: -len(NOTHING)], cache_strings="none")) is str
        else:
            whole = len(line) <= LONGEST_NUMBER and _is_answer(from_json(b'{"text": %b}' % said))
        return (head[1].decode(), head[2].decode()) if whole else None
    except ValueError:
        return None


def _is_answer(said: dict[str, Any]) -> bool:
    return said.keys() == SAID and type(said["text"]) is str


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
