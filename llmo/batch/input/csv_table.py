"""CSV and TSV in the dialects that spreadsheets and databases write, a record at a time."""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO

from llmo.batch.input.opening import Joined, buffered
from llmo.batch.input.record import (
    LONGEST_ROW,
    Record,
    damaged,
    header,
    named,
    no_text,
    not_utf8,
    place,
    too_long,
    unread,
)
from llmo.errors import UsageError
from llmo.storage.line_reader import ENDLESS, endless

if TYPE_CHECKING:
    from collections.abc import Iterator

DELIMITERS = ",;\t|"
"""Between fields of a `.csv`; the first that fits is taken. Excel writes `;` where the comma is in numbers."""
NAMED = re.compile(r"(?:\ufeff)?sep=(.)\r?\n?", re.IGNORECASE)
"""Excel's own line before the header."""
HEADER = 1 << 16
"""Bytes of a header line that are looked at."""


def read_csv(file: BinaryIO, name: str) -> Iterator[Record]:
    """Records under the names of the header line; every record has as many fields as the header."""
    first = file.readline(HEADER)
    found = NAMED.fullmatch(first.decode("utf-8", "replace"))
    if found:
        return _records(file, name, found[1], skipped=1)
    peek = getattr(file, "peek", None)
    follows = b"" if peek is None or not first else peek()
    return _records(buffered(Joined(first, file)), name, delimiter(first, follows), skipped=0)


def read_tsv(file: BinaryIO, name: str) -> Iterator[Record]:
    """As CSV, tabs between."""
    return _records(file, name, "\t", skipped=0)


def delimiter(first: bytes, follows: bytes) -> str:
    """
    What stands between the fields of a table that begins so.

    One under which the rows that follow have as many fields as the header; else the one that splits the header most.
    """
    whole, _, _ = follows.rpartition(b"\n")
    lines = (first + whole).decode("utf-8-sig", "replace").splitlines(keepends=True)
    widths = {mark: found for mark in DELIMITERS if len(found := _widths(lines, mark)) and found[0] > 1}
    if whole:
        for mark, found in widths.items():
            if len(set(found)) == 1:
                return mark
    return max(widths, key=lambda mark: widths[mark][0], default=",")


def _widths(lines: list[str], mark: str) -> list[int]:
    """How many fields each record has."""
    found: list[int] = []
    # The last record may go on behind what is known of the table.
    with suppress(csv.Error):
        found.extend(len(values) for values in csv.reader(lines, delimiter=mark, strict=True) if values)
    return found


class _TableLines:
    """Lines for `csv`, of bounded length; `number` is how many there were."""

    def __init__(self, text: io.TextIOWrapper, number: int) -> None:
        self._text, self.number = text, number

    def __iter__(self) -> _TableLines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(LONGEST_ROW)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == LONGEST_ROW and not line.endswith(("\n", "\r")):
            size = len(line)
            while (rest := self._text.readline(HEADER)) and not rest.endswith(("\n", "\r")):
                size += len(rest)
                if size >= ENDLESS:
                    raise endless()
            raise csv.Error(f"a line of more than {LONGEST_ROW >> 20} MiB")
        return line


def _records(file: BinaryIO, name: str, mark: str, *, skipped: int) -> Iterator[Record]:
    csv.field_size_limit(LONGEST_ROW)
    # Bytes that are no UTF-8 stay in their row, and only that one is refused.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    lines = _TableLines(text, skipped)
    reader = csv.reader(lines, delimiter=mark, strict=True)
    names: list[str] | None = None
    try:
        names = _names(next(reader), name)
        while (record := _row(reader, lines, names, name)) is not None:
            if record.fields or record.fault:
                yield record
    except StopIteration:
        raise UsageError(f"no header line: {name}", hint="the first line must name the fields") from None
    except csv.Error as exc:
        raise UsageError(f"broken CSV: {name}:{lines.number}: {exc}") from None
    except UsageError as exc:
        if names is None:
            raise named(exc, name) from None
        yield damaged(lines.number, name, exc)
    finally:
        text.detach()


def _names(values: list[str], name: str) -> list[str]:
    fault = _unsound(values, place(name, 1))
    if fault is not None:
        raise fault
    return header(values, name)


def _row(reader: Any, lines: _TableLines, names: list[str], name: str) -> Record | None:
    """The next record, None at the end; one without fields for an empty line."""
    number = lines.number + 1
    try:
        values = next(reader, None)
    except csv.Error as exc:
        long = "field larger" in str(exc)
        where = place(name, number if long else lines.number)
        return unread(number, None, name, too_long(where) if long else UsageError(f"broken CSV: {where}: {exc}"))
    if values is None:
        return None
    if not values:
        return Record(number, {})
    fault = _unsound(values, place(name, number))
    if fault is None and len(values) == len(names):
        return Record(number, dict(zip(names, values, strict=True)))
    fault = fault or UsageError(
        f"ragged row: {name}:{number}: {len(values)} fields, the header has {len(names)}",
        hint="quote fields that contain the delimiter or a line break",
    )
    return Record(number, {}, json.dumps(values, ensure_ascii=False), fault)


def _unsound(values: list[str], where: str) -> UsageError | None:
    """Why a record is no text."""
    line = "".join(values)
    if "\0" in line:
        return no_text(where)
    try:
        line.encode()
    except UnicodeEncodeError as exc:
        return not_utf8(where, ord(line[exc.start]) & 0xFF)
    return None
