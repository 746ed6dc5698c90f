"""The stream of rows: inputs in their order, read as often as needed, never held in memory."""

from __future__ import annotations

import glob
import json
import os
import shutil
import stat
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from llmo.batch.input.readers import READERS, SUFFIXES, place, sniff
from llmo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from llmo.batch.input.readers import Format, Record
    from llmo.types.jsontext import Json

SNIFFED = 65536
STDIN = "-"


class Row:
    """One row; `index` counts from 0 over all inputs, `fault` is why it can't be read."""

    __slots__ = ("_name", "_number", "_text", "fault", "fields", "index")

    def __init__(  # noqa: PLR0913 - what a record is, and where it stands
        self,
        index: int,
        fields: Mapping[str, Json],
        *,
        name: str,
        number: int | None,
        text: str | None,
        fault: UsageError | None = None,
    ) -> None:
        self.index = index
        self.fields = fields
        self.fault = fault
        self._name, self._number, self._text = name, number, text

    @property
    def where(self) -> str:
        """File and line."""
        return place(self._name, self._number)

    @property
    def line(self) -> str:
        """The whole line, or for formats without lines the row as JSON."""
        return self._text or json.dumps(self.fields, ensure_ascii=False)

    @property
    def content(self) -> Mapping[str, Json] | str:
        """The fields, or what stands there instead."""
        return self.fields if self.fault is None else self.line


@dataclass(frozen=True, slots=True)
class Input:
    """One input that can be read again and again."""

    name: str
    format: Format
    open: Callable[[], BinaryIO]


def inputs(names: Sequence[str], stdin: BinaryIO | None, *, format: Format | None = None) -> list[Input]:  # noqa: A002 - the flag's word
    """Find the inputs and their formats. Raises `UsageError` for what can't be read."""
    if names.count(STDIN) > 1:
        raise UsageError("standard input can be read only once: -")
    return [_input(name, stdin, format) for name in names]


def no_input() -> UsageError:
    """The error for a run without rows."""
    return UsageError("no input", hint="name a file, as in llmo batch rows.jsonl -o out.jsonl, or pipe rows in")


def files(names: Sequence[str], *, without: Collection[Path] = ()) -> list[Input]:
    """One input per file of paths, globs and directories; hidden files only when they are named."""
    found = dict.fromkeys(path for name in names for path in _expand(name))
    left_out = {path.resolve() for path in without}
    kept = [path for path in found if not left_out or path.resolve() not in left_out]
    return [Input(str(path), "file", _opener(path)) for path in kept]


def rows(sources: Sequence[Input]) -> Iterator[Row]:
    """All rows of all inputs, in order. Raises `UsageError` for an input that can't be read on."""
    index = 0
    for source in sources:
        for record in _records(source):
            yield Row(
                index,
                record.fields,
                name=source.name,
                number=record.line,
                text=record.text,
                fault=record.fault,
            )
            index += 1


def _records(source: Input) -> Iterator[Record]:
    try:
        with source.open() as file:
            yield from READERS[source.format](file, source.name)
    except OSError as exc:
        raise UsageError(f"cannot read {source.name}: {exc.strerror or exc}") from None


def _input(name: str, stdin: BinaryIO | None, format: Format | None) -> Input:  # noqa: A002 - as above
    if name == STDIN:
        if stdin is None:
            raise no_input()
        return _staged("stdin", stdin, format)
    path = Path(name)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            if path.is_dir():
                raise UsageError(f"is a directory: {name}", hint="use --files to make each file in it a row")
            with path.open("rb") as pipe:
                return _staged(name, pipe, format)
        opener = _opener(path)
        with opener() as file:
            head = b"" if format or path.suffix.lower() in SUFFIXES else file.read(SNIFFED)
    except OSError as exc:
        raise UsageError(f"cannot read {name}: {exc.strerror}") from None
    return Input(name, format or SUFFIXES.get(path.suffix.lower()) or sniff(head), opener)


def _staged(name: str, pipe: BinaryIO, format: Format | None) -> Input:  # noqa: A002 - as above
    """
    A pipe copied to an unnamed temporary file.

    So that all of it is checked before anything is paid, and it need not fit into memory.
    """
    with tempfile.TemporaryFile() as staged:
        shutil.copyfileobj(pipe, staged)
        staged.seek(0)
        head = staged.read(SNIFFED)
        kept = os.dup(staged.fileno())

    def again() -> BinaryIO:
        os.lseek(kept, 0, os.SEEK_SET)
        return os.fdopen(os.dup(kept), "rb")

    weakref.finalize(again, os.close, kept)
    return Input(name, format or sniff(head), again)


def _opener(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")


def _expand(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        return sorted(_walk(path))
    if path.exists():
        return [path]
    matches = sorted(Path(match) for match in glob.glob(name, recursive=True) if not os.path.isdir(match))  # noqa: PTH207,PTH112 - the user's own pattern, also absolute
    if not matches:
        raise UsageError(f"no such file: {name}")
    return matches


def _walk(directory: Path) -> Iterator[Path]:
    for folder, names, entries in os.walk(directory):
        names[:] = [name for name in names if not name.startswith(".")]
        yield from (Path(folder) / entry for entry in entries if not entry.startswith("."))
