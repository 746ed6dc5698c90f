"""Where lines go besides a journal of their own: standard output, in the order of the input if that is wanted."""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

from llmo.batch.output.lines import line_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import BinaryIO

    from llmo.batch.output.journal import Journal

WINDOW = 16
"""Rows per worker that may be answered before their turn comes."""


class ToJournal:
    """Lines into the output file."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def append(self, line: bytes, seq: int) -> int:
        """Write one line; the file has them in the order in which they were finished."""
        del seq
        return self._journal.append(line)

    def read(self, stretch: int) -> bytes:
        """The line that begins in a stretch of `SMALLEST` bytes."""
        return self._journal.read(stretch)

    def synced(self) -> Awaitable[None] | None:
        """With `--durable` there is the disk to wait for."""
        return self._journal.synced() if self._journal.durable else None

    def room(self, seq: int) -> None:
        """A journal has no window."""


class ToStream:
    """Lines to a pipe or a terminal; answers to requests that come again are kept in an unnamed file."""

    def __init__(self, write: Callable[[bytes], None], *, keeps: bool = False, window: int | None = None) -> None:
        """With `keeps`, `read` finds lines again."""
        self._write = write
        self._answers: BinaryIO | None = tempfile.TemporaryFile() if keeps else None  # noqa: SIM115 - lives as long as the run
        self._window = window
        self._waiting: dict[int, bytes] = {}
        self._next = 0
        self._moved = asyncio.Event()

    def append(self, line: bytes, seq: int) -> int:
        """Write one line, at once or when its turn has come."""
        if self._window is None:
            self._write(line)
        else:
            self._waiting[seq] = line
            while (ready := self._waiting.pop(self._next, None)) is not None:
                self._write(ready)
                self._next += 1
            self._moved.set()
        return self._kept(line)

    def read(self, stretch: int) -> bytes:
        """The line that begins in a stretch of `SMALLEST` bytes."""
        return b"" if self._answers is None else line_in(self._answers, stretch)

    def synced(self) -> None:
        """There is nothing to wait for."""

    def room(self, seq: int) -> Awaitable[None] | None:
        """With a window there is the moment at which the row is within it."""
        window = self._window
        return None if window is None or seq - self._next < window else self._within(seq, window)

    async def _within(self, seq: int, window: int) -> None:
        while seq - self._next >= window:
            self._moved.clear()
            await self._moved.wait()

    def close(self) -> None:
        """Write the lines that waited for rows that will not come."""
        if self._answers is not None:
            self._answers.close()
        for seq in sorted(self._waiting):
            self._write(self._waiting.pop(seq))

    def _kept(self, line: bytes) -> int:
        if self._answers is None:
            return 0
        try:
            begin = self._answers.seek(0, os.SEEK_END)
            self._answers.write(line)
            self._answers.flush()
        except OSError:
            # No room for it: identical rows are sent again from here on, which loses nothing.
            with suppress(OSError):
                self._answers.close()
            self._answers = None
            return 0
        return begin
