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

from llmo.batch.input import opening
from llmo.batch.input.readers import READERS, SUFFIXES, sniff
from llmo.batch.input.record import place, unread
from llmo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from llmo.batch.input.readers import Format
    from llmo.batch.input.record import Record
    from llmo.types.jsontext import Json
    from llmo.types.messages import Image

STDIN = "-"


class Row:
    """One row; `index` counts from 0 over all inputs, `fault` is why it can't be read."""

    __slots__ = ("_name", "_number", "_text", "fault", "fields", "image", "index")

    def __init__(  # noqa: PLR0913 - what a record is, and where it stands
        self,
        index: int,
        fields: Mapping[str, Json],
        *,
        name: str,
        number: int | None,
        text: str | None,
        fault: UsageError | None = None,
        image: Image | None = None,
    ) -> None:
        self.index = index
        self.fields = fields
        self.fault = fault
        self.image = image
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

    def stream(self, file: BinaryIO) -> BinaryIO:
        """What its reader reads: Parquet needs the file itself, a file that is a row may hold anything."""
        if self.format == "parquet":
            return file
        return opening.unpacked(file, self.name) if self.format == "file" else opening.text(file, self.name)


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
                image=record.image,
            )
            index += 1


def _records(source: Input) -> Iterator[Record]:
    try:
        with source.open() as file:
            yield from READERS[source.format](source.stream(file), source.name)
    except OSError as exc:
        fault = UsageError(f"cannot read {source.name}: {exc.strerror or exc}")
        if source.format != "file":
            raise fault from None
        yield unread(None, None, source.name, fault)


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
            return Input(name, _format(file, name, format), opener)
    except OSError as exc:
        raise UsageError(f"cannot read {name}: {exc.strerror}") from None


def _format(file: BinaryIO, name: str, given: Format | None) -> Format:
    """What an input holds, by the flag, its name or its first line. Raises `UsageError` for what has no rows."""
    found = given or SUFFIXES.get(opening.suffix(name))
    if found == "parquet":
        return found
    stream = opening.text(file, name)
    return found or sniff(opening.first_line(stream)[0])


def _staged(name: str, pipe: BinaryIO, format: Format | None) -> Input:  # noqa: A002 - as above
    """
    A pipe copied to an unnamed temporary file.

    So that all of it is checked before anything is paid, and it need not fit into memory.
    """
    with tempfile.TemporaryFile() as staged:
        shutil.copyfileobj(pipe, staged)
        staged.seek(0)
        found = _format(staged, name, format)
        kept = os.dup(staged.fileno())

    def again() -> BinaryIO:
        os.lseek(kept, 0, os.SEEK_SET)
        return os.fdopen(os.dup(kept), "rb")

    weakref.finalize(again, os.close, kept)
    return Input(name, found, again)


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
        paths = (Path(folder) / entry for entry in entries if not entry.startswith("."))
        # Who named a folder did not mean its pipes and sockets, which may never end.
        yield from (path for path in paths if path.is_file() or path.is_symlink())
