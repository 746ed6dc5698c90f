"""
The durable record of a run: one line a row, whole or not there.

A line is handed to the kernel in one `write` on an append-only descriptor before its row
counts as done, which survives `kill -9` at any instant. Against a power cut the file is synced
at most once a second, or for every row with `durable`; both in a thread.
"""

from __future__ import annotations

import asyncio
import os
import stat
from typing import TYPE_CHECKING

from llmo.batch.output.appended import APPEND, Appended
from llmo.batch.output.lines import line_in, looks_like_ours, parsed
from llmo.errors import LlmoError, UsageError
from llmo.storage.line_reader import LONGEST_LINE, lines
from llmo.storage.locks import locked
from llmo.types import jsontext

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

    from llmo.types.jsontext import Json

SYNC_S = 1.0
HEAD = b'{"id": "'
TAIL_READ = 1 << 16
LOOKED_AT = 100
"""Lines by which an output is known."""


class Journal:
    """An output file open for appending, locked against a second run."""

    def __init__(self, path: Path, *, durable: bool = False, refuge: Path | None = None) -> None:
        """Raises `UsageError` when it cannot be written, is no output of ours, or another run holds it."""
        self.path = path
        self.cut = 0
        self.durable = durable
        try:
            fd = os.open(path, APPEND, 0o666)
        except OSError as exc:
            raise UsageError(f"cannot write {path}: {exc.strerror}") from None
        try:
            locked(fd, path)
            self.cut = repaired(fd, path)
        except UsageError:
            os.close(fd)
            raise
        self.file: Appended | None = Appended(fd, path, refuge=refuge)
        self._written = self._flushed = 0
        self._syncing: asyncio.Future[None] | None = None

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._open.size

    def append(self, line: bytes) -> int:
        """Write one whole line; where it begins. Raises `OutputLost` and leaves no part of it."""
        begin = self._open.write(line)
        self._written += 1
        return begin

    def read(self, stretch: int) -> bytes:
        """The line that begins in a stretch of `SMALLEST` bytes."""
        with os.fdopen(os.dup(self._open.fd), "rb") as file:
            return line_in(file, stretch)

    @property
    def lost(self) -> bool:
        """Whether the file can't be read any more under its name, or not be written, by what is there now."""
        return self._open.look() is not None

    @property
    def _open(self) -> Appended:
        assert self.file is not None
        return self.file

    async def synced(self) -> None:
        """With `durable`, wait until all that was appended before is on the disk."""
        mine = self._written
        while self.durable and self._flushed < mine:
            if self._syncing is None:
                self._syncing = asyncio.ensure_future(self._sync())
            await asyncio.shield(self._syncing)

    async def keep_synced(self) -> None:
        """Sync once a second until cancelled."""
        while True:
            await asyncio.sleep(SYNC_S)
            if self._flushed < self._written and self._syncing is None:
                await self._sync()

    async def _sync(self) -> None:
        upto = self._written
        try:
            await asyncio.get_running_loop().run_in_executor(None, _flush, self._open.fd)
            self._flushed = upto
        finally:
            self._syncing = None

    def sync(self) -> None:
        """Wait until all of it is on the disk. Raises `OSError`."""
        _flush(self._open.fd)

    def empty(self) -> None:
        """Discard everything written so far."""
        os.ftruncate(self._open.fd, 0)
        self._open.size = 0

    def close(self) -> None:
        """Sync and close the file."""
        if self.file is not None:
            fd, self.file = self.file.fd, None
            try:
                if self._flushed < self._written:
                    _flush(fd)
            except OSError as exc:
                raise LlmoError(f"cannot sync {self.path}: {exc.strerror}") from None
            finally:
                os.close(fd)


def encoded(row: Mapping[str, Json]) -> bytes:
    """A row as one line, also for readers that break lines at every Unicode line separator."""
    text = jsontext.write(row)
    if text.isascii():
        return text.encode() + b"\n"
    if "\u2028" in text or "\u2029" in text or "\x85" in text:
        text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085")
    return text.encode() + b"\n"


def repaired(fd: int, path: Path) -> int:
    """
    Cut a torn end off; how many bytes went.

    A last line that only lacks its line break gets it. Raises `UsageError` when the file is no
    output of ours: nothing of it is touched then.
    """
    size = os.fstat(fd).st_size
    if not stat.S_ISREG(os.fstat(fd).st_mode) or size == 0:
        return 0
    with os.fdopen(os.dup(fd), "rb") as file:
        file.seek(0)
        if not _ours(file):
            raise UsageError(
                f"not an output of llmo batch: {path}",
                hint="use another -o, or move the file away; llmo would append to it",
            )
        end = last_break(file, size)
        file.seek(end)
        rest = file.read(LONGEST_LINE)
    if rest and (end + len(rest) < size or parsed(rest) is not None):
        # A whole line that lacks its break; or so long a one that nothing of ours can be torn there.
        os.write(fd, b"\n")
        return 0
    if rest:
        os.ftruncate(fd, end)
    return len(rest)


def _ours(file: BinaryIO) -> bool:
    """Whether one of the first lines is a line of an output, or the only one the torn beginning of such a line."""
    for number, (begin, line) in enumerate(lines(file)):
        if line is not None and looks_like_ours(line):
            return True
        if number == 0 and line is not None and not line.endswith(b"\n"):
            return HEAD.startswith(line[: len(HEAD)])
        if number >= LOOKED_AT or begin > LONGEST_LINE:
            return False
    return False


def last_break(file: BinaryIO, size: int) -> int:
    """Where the last whole line ends."""
    stop = size
    while stop > 0:
        begin = max(0, stop - TAIL_READ)
        file.seek(begin)
        found = file.read(stop - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        stop = begin
    return 0


def _flush(fd: int) -> None:
    getattr(os, "fdatasync", os.fsync)(fd)
