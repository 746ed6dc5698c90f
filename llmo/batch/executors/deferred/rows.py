"""The rows of a shard: what is kept of each until its answer is there, found by its place in the file."""

from __future__ import annotations

import json
import os
from array import array
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from llmo.batch.output.journal import last_break
from llmo.errors import LlmoError
from llmo.types import jsontext
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from llmo.types.jsontext import Json

GONE = "a file of the run is gone or was changed, and with it which row is which"
PRIVATE = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRow:
    """
    A row in a batch.

    `call` is its call in the ledger, which holds `worst` picodollars, None where the price is unknown. `estimate` and
    `bound` are its input tokens, `asked` the output limit that the user gave, `limit` the one that was sent, `full` the
    one that money was no reason against. `kept` are fields that its line repeats, `apart` the row as --errors gets it.
    """

    name: str
    index: int
    key: str
    call: str
    worst: int | None
    estimate: int
    bound: int
    asked: int | None
    limit: int
    full: int
    task: str
    tools: bool = False
    known: bool = True
    notes: list[str]
    kept: Mapping[str, Json] | None
    apart: Mapping[str, Json] | str

    def line(self) -> bytes:
        """As it is kept."""
        return jsontext.write(asdict(self)).encode() + b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedRow:
    """A row whose request is that of another row, which is paid for."""

    name: str
    index: int
    key: str
    kept: Mapping[str, Json] | None
    apart: Mapping[str, Json] | str

    def line(self) -> bytes:
        """As it is kept."""
        return jsontext.write(asdict(self)).encode() + b"\n"


class SentRows:
    """The rows of a shard, by number, in 8 bytes each and one of them in memory."""

    def __init__(self, path: Path) -> None:
        """Raises `LlmoError` for a file that is gone."""
        self._file: BinaryIO = _opened(path)
        self._places, self._path = array("Q"), path
        begin = 0
        for line in self._file:
            self._places.append(begin)
            begin += len(line)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> SentRow:
        self._file.seek(self._places[number])
        return _row(self._file.readline(), self._path)

    def __iter__(self) -> Iterator[SentRow]:
        return (self[number] for number in range(len(self)))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def sent(path: Path) -> Iterator[SentRow]:
    """The rows of a shard, one by one."""
    with _opened(path) as file:
        for line in file:
            yield _row(line, path)


def copies(path: Path, begin: int = 0) -> Iterator[tuple[CopiedRow, int]]:
    """Duplicates, and where the next one begins."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(begin)
        for line in file:
            begin += len(line)
            yield CopiedRow(**_parsed(line)), begin


def mend(path: Path) -> None:
    """Cut off a last line that is torn, as a full disk leaves it: the next one would become a part of it."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        file.truncate(last_break(file, file.seek(0, os.SEEK_END)))


def appended(path: Path) -> BinaryIO:
    """A file of this user's own to append to; each write is handed to the kernel."""
    return os.fdopen(os.open(path, PRIVATE, 0o600), "ab", buffering=0)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as exc:
        raise LlmoError(f"cannot read {path}: {exc.strerror}", hint=GONE) from None


def _row(line: bytes, path: Path) -> SentRow:
    try:
        return SentRow(**_parsed(line))
    except (ValueError, TypeError):
        raise LlmoError(f"not as it was written: {path}", hint=GONE) from None


def _parsed(line: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line)
    return found
