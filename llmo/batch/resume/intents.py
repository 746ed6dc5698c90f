"""
What is about to be sent, written before it is sent, for `--at-most-once`.

A row that is here and not in the output may have been answered when the run was killed. The
file begins with the size that the output had, so that only newer lines count as answers.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from llmo.batch.input.hash_table import HashTable
from llmo.batch.input.identity import short
from llmo.batch.output.appended import ROOM, OutputLost
from llmo.batch.output.lines import entries
from llmo.storage.files import replaced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

LONGEST, DIGITS = 64, 20
"""Limits of the first line, a number of bytes."""


class Intents:
    """The file of marks; without a path nothing is written and nothing is in doubt."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._fd = -1

    def doubtful(self, output: Path) -> set[str]:
        """Ids that were sent and have no line in the output."""
        if self._path is None or not self._path.exists():
            return set()
        with self._path.open("rb") as file:
            begin = file.readline(LONGEST).strip()
            answered = _answered(output, int(begin) if begin.isdigit() and len(begin) < DIGITS else 0)
            doubtful: set[str] = set()
            for name, sent in _marks(file):
                if not sent:
                    doubtful.discard(name)
                elif short(name) not in answered:
                    doubtful.add(name)
        return doubtful

    def begin(self, size: int, doubtful: Iterable[str] = ()) -> None:
        """
        Start a new file for an output of that size; what is in doubt already stays so until it has its line.

        The marks of before are there until the new file is whole. Raises `OSError`.
        """
        if self._path is not None:
            with replaced(self._path, durable=False) as out:
                out.write(b"%d\n" % size)
                out.writelines(_line("+", name) for name in doubtful)
            self._path.chmod(0o600)
            self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))

    def sending(self, name: str) -> None:
        """Mark a row as about to be sent. Raises `OutputLost`; then it must not be sent."""
        self._mark("+", name)

    def unsent(self, name: str) -> None:
        """Take a mark back: the row was not sent, or certainly not answered. A failure only leaves it in doubt."""
        with suppress(OutputLost):
            self._mark("-", name)

    def end(self) -> None:
        """All rows have their lines: nothing is in doubt."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            assert self._path is not None
            self._path.unlink(missing_ok=True)

    def _mark(self, mark: str, name: str) -> None:
        if self._fd >= 0:
            try:
                os.write(self._fd, _line(mark, name))
            except OSError as exc:
                raise OutputLost(f"cannot write {self._path}: {str(exc.strerror).lower()}", hint=ROOM) from None


def _line(mark: str, name: str) -> bytes:
    return f"{mark}{json.dumps(name)}\n".encode()


def _marks(file: BinaryIO) -> Iterator[tuple[str, bool]]:
    for line in file:
        try:
            name = json.loads(line[1:])
        except (ValueError, RecursionError):
            name = None
        if not isinstance(name, str):
            # Torn at the kill: the mark was not complete, so the row was not sent.
            return
        yield name, line[:1] == b"+"


def _answered(output: Path, begin: int) -> HashTable:
    """The ids of all lines from `begin` on."""
    found = HashTable()
    for entry in entries(output) if output.exists() else ():
        if entry.begin >= begin:
            found.set(short(entry.name), 0)
    return found
