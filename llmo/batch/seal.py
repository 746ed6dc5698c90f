"""
Whether everything is as it was when a run had answered its last row: then the same command has nothing to read.

A file is known by what the system says of it and by its two ends. An edit, also one that takes the old date back, a
copy or another machine shows there, and then the files are read as ever.
"""

from __future__ import annotations

import os
import stat
from hashlib import blake2b
from typing import TYPE_CHECKING

from llmo.batch.input.rows import STDIN
from llmo.types.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from llmo.batch.input.rows import Input
    from llmo.batch.spec import BatchSpec
    from llmo.types.jsontext import Json

END = 1 << 16
"""Bytes of a file's beginning, and of its end, that are compared."""
SIZE = 16


class Seal:
    """Made before the input is read, so that what is written to it meanwhile breaks the seal."""

    def __init__(self, spec: BatchSpec, choice: Mapping[str, Json], sources: Sequence[Input]) -> None:
        """`choice` and `spec` are what was asked for; only files of rows are sealed, and outputs of lines."""
        usual = spec.output.shape == "jsonl" and not spec.output.compared_targets and not spec.at_most_once
        rows = not spec.files and STDIN not in (spec.inputs or (STDIN,))
        self._names = [one.name for one in sources] if usual and rows else []
        self._asked = repr((__version__, spec, choice, self._names)).encode("utf-8", "surrogatepass")
        self._inputs = _looks(self._names)

    def of(self, output: Path) -> str | None:
        """The seal of an output; None where a file can't be known again, or an input is no longer what it was."""
        looks = (*(self._inputs or ()), _look(os.fspath(output)))
        if not self._inputs or None in looks or _looks(self._names) != self._inputs:
            return None
        found = blake2b(self._asked, digest_size=SIZE)
        for look in looks:
            found.update(look or b"")
        return found.hexdigest()


def _looks(names: Sequence[str]) -> list[bytes] | None:
    found = [_look(name) for name in names]
    return None if None in found else [look for look in found if look is not None]


def _look(name: str) -> bytes | None:
    """What a file looks like, None for one that is no regular file or can't be read."""
    try:
        # A pipe must not be opened: whoever writes to it would take that for its reader.
        if not stat.S_ISREG(os.stat(name).st_mode):  # noqa: PTH116 - a name may be that of no path
            return None
        with open(name, "rb", buffering=0) as file:  # noqa: PTH123 - as above
            told = os.fstat(file.fileno())
            ends = file.read(END)
            file.seek(max(0, told.st_size - END))
            ends += file.read(END)
    except (OSError, ValueError):
        return None
    said = f"{told.st_size} {told.st_mtime_ns} {told.st_ctime_ns} {told.st_ino} "
    return blake2b(said.encode() + ends, digest_size=SIZE).digest()
