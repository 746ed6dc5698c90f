"""Rows, and the inputs that they come from."""

from __future__ import annotations

import glob
import json
import os
import shutil
import stat
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from llmo.batch.input import opening, remote
from llmo.batch.input.readers import READERS, SUFFIXES, sniff
from llmo.batch.input.record import place
from llmo.errors import UsageError
from llmo.types.dataclass import dataclass

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

    def __init__(  # noqa: PLR0913, PLR0917 - what a record is, and where it stands
        self,
        index: int,
        fields: Mapping[str, Json],
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
    """
    One input; `once` if it is a pipe, which can be read a single time.

    `size` is its bytes, None where they tell nothing. The format of a pipe is found when it is read: None until then.
    """

    name: str
    format: Format | None
    open: Callable[[], BinaryIO]
    once: bool = False
    size: int | None = None

    def records(self, file: BinaryIO) -> Iterator[Record]:
        """
        Its records, of the opened file.

        Parquet needs the file itself, a file that is a row may hold anything; the format of a pipe is found now.
        """
        if self.format == "parquet":
            return READERS[self.format](file, self.name)
        if self.format == "file":
            return READERS[self.format](opening.unpacked(file, self.name), self.name)
        stream = opening.text(file, self.name)
        if self.format is not None:
            return READERS[self.format](stream, self.name)
        line, stream = opening.first_line(stream)
        return READERS[sniff(line)](stream, self.name)


def inputs(
    names: Sequence[str],
    stdin: BinaryIO | None,
    *,
    format: Format | None = None,  # noqa: A002 - the flag's word
    again: bool = True,
) -> list[Input]:
    """
    Find the inputs and their formats. Raises `UsageError` for what can't be read.

    With `again`, pipes are copied to a file until they end, so that they can be read more than once.
    """
    if names.count(STDIN) > 1:
        raise UsageError("standard input can be read only once: -")
    return [_input(name, stdin, format, again=again) for name in names]


def no_input() -> UsageError:
    """The error for a run without rows."""
    return UsageError("no input", hint="name a file, as in llmo batch rows.jsonl -o out.jsonl, or pipe rows in")


def files(names: Sequence[str], *, without: Collection[Path] = ()) -> list[Input]:
    """One input per file of paths, globs and directories; hidden files only when they are named."""
    found = dict.fromkeys(path for name in names for path in _expand(name))
    left_out = {path.resolve() for path in without}
    kept = [path for path in found if not left_out or path.resolve() not in left_out]
    return [Input(str(path), "file", _opener(path)) for path in kept]


def _input(name: str, stdin: BinaryIO | None, format: Format | None, *, again: bool) -> Input:  # noqa: A002 - as above
    if name == STDIN:
        if stdin is None:
            raise no_input()
        return _stdin(stdin, format, again=again)
    path = Path(name)
    try:
        if remote.is_url(name):
            return _remote(name, format, again=again)
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            if path.is_dir():
                raise UsageError(f"is a directory: {name}", hint="use --files to make each file in it a row")
            if not again:
                return Input(name, format, _opener(path), once=True)
            with path.open("rb") as pipe:
                return _staged(name, pipe, format)
        opener = _opener(path)
        with opener() as file:
            known = _format(file, name, format)
    except OSError as exc:
        raise UsageError(f"cannot read {remote.shown(name)}: {exc.strerror or exc}") from None
    return Input(name, known, opener, size=None if known == "parquet" else found.st_size)


def _remote(url: str, format: Format | None, *, again: bool) -> Input:  # noqa: A002 - as above
    """A URL, named without its secrets; read beside the run, as a pipe is, where it is read once."""
    opener, name = remote.opener(url), remote.shown(url)
    with opener() as file:
        known = _format(file, remote.path(name), format)
    return Input(name, known, opener, once=not again)


def _format(file: BinaryIO, name: str, given: Format | None) -> Format:
    """What an input holds, by the flag, its name or its first line. Raises `UsageError` for what has no rows."""
    found = given or SUFFIXES.get(opening.suffix(name))
    if found == "parquet":
        return found
    stream = opening.text(file, name)
    return found or sniff(opening.first_line(stream)[0])


def _stdin(stdin: BinaryIO, format: Format | None, *, again: bool) -> Input:  # noqa: A002 - as above
    """Standard input: a file is read from where it stands, as often as needed; anything else once."""
    try:
        number = stdin.fileno()
        regular = stat.S_ISREG(os.fstat(number).st_mode)
    except (OSError, ValueError):  # bytes in memory
        return _staged("stdin", stdin, format)
    if regular:
        begin = os.lseek(number, 0, os.SEEK_CUR)
        size = max(0, os.fstat(number).st_size - begin)

        def opened() -> BinaryIO:
            return opening.buffered(opening.FileFrom(number, begin))

        with opened() as file:
            known = _format(file, "stdin", format)
        return Input("stdin", known, opened, size=None if known == "parquet" else size)
    if again or format == "parquet":
        return _staged("stdin", stdin, format)
    # Its own buffer: a thread that is blocked in the one of sys.stdin would keep Python from ending.
    return Input("stdin", format, lambda: os.fdopen(os.dup(number), "rb"), once=True)


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
        # Each pass has a position of its own: one is counted while another one runs.
        return opening.buffered(opening.FileFrom(kept, 0))

    weakref.finalize(again, os.close, kept)
    return Input(name, found, again)


def _opener(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")


def _expand(name: str) -> list[Path]:
    if remote.is_url(name):
        raise UsageError(f"--files takes local paths: {remote.shown(name)}", hint="download it first")
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
