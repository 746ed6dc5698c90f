"""
The rows of one pass over the input, read as they are needed: a few before anything is paid, the rest while it runs.

A pipe is read by a thread, for nobody may wait for whoever writes it: neither the signals nor the answers in flight.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llmo.batch.input.reading import Reading
    from llmo.batch.input.rows import Row

AHEAD = 256
"""Rows of a pipe that are read before they are asked for."""


class Waiting:
    """No row is there right now, but more may come."""


WAITING = Waiting()


class RowStream:
    """
    The rows of a pass; iterating it goes on from where it was, and yields `WAITING` when a pipe has none yet.

    `limit` ends it after so many rows. Iterating raises what reading raises.
    """

    def __init__(self, reading: Reading, rows: Iterator[Row] | None = None, *, limit: int | None = None) -> None:
        """`rows` are those of `reading` that count, all by default."""
        self._reading, self._limit = reading, limit
        self._head: deque[Row] = deque()
        self._read = 0
        self.ended = False
        source = iter(reading) if rows is None else rows
        self._thread = Prefetched(source) if reading.piped else None
        self._source: Iterator[Row | Waiting] = source if self._thread is None else self._thread

    def head(self, most: int | None, seconds: float, now: Callable[[], float] = time.monotonic) -> list[Row]:
        """
        The first rows, which come again when it is iterated: at most so many, and what can be read in so many seconds.

        Waits for the first one however long it takes, as there is nothing else to do.
        """
        until = now() + seconds
        while not self.ended and (most is None or len(self._head) < most):
            if self._thread is not None:
                self._thread.wait(max(0.0, until - now()) if self._head else None)
            row = self._next()
            if isinstance(row, Waiting):
                break
            if row is not None:
                self._head.append(row)
            if now() >= until:
                break
        return list(self._head)

    def __iter__(self) -> Iterator[Row | Waiting]:
        while self._head:
            yield self._head.popleft()
        while not self.ended:
            row = self._next()
            if row is not None:
                yield row

    def _next(self) -> Row | Waiting | None:
        if self._limit is not None and self._read >= self._limit:
            self.ended = True
            return None
        row = next(self._source, None)
        if row is None:
            self.ended = True
        elif not isinstance(row, Waiting):
            self._read += 1
        return row

    def total(self) -> tuple[int, bool]:
        """How many rows there are, and whether that is an estimate from the bytes that were read."""
        if self.ended:
            return self._read, False
        if self._reading.count is not None:
            return min(self._reading.count, self._limit or self._reading.count), False
        share = self._reading.share()
        found = self._read if not share else max(self._read, round(self._read / share))
        return (found if self._limit is None else min(found, self._limit)), True

    @property
    def known(self) -> bool:
        """Whether the size of the input says anything of how many rows there are."""
        return self.ended or self._reading.share() is not None

    async def more(self) -> None:
        """Wait until there may be a row; others get their turn in any case."""
        if self._thread is None:
            await asyncio.sleep(0)
        else:
            await self._thread.more()

    def wake(self) -> None:
        """Let whoever waits in `more` go on: the run is over."""
        if self._thread is not None:
            self._thread.wake()


class Prefetched:
    """Rows that a thread reads; `WAITING` where there is none yet."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows: deque[Row] = deque()
        self._changed = threading.Condition()
        self._over = False
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived: asyncio.Event | None = None
        self._waiters = 0
        # It may be blocked in a read for ever, which must not keep the program from ending.
        threading.Thread(target=self._fill, args=(rows,), name="llmo input", daemon=True).start()

    def __iter__(self) -> Iterator[Row | Waiting]:
        return self

    def __next__(self) -> Row | Waiting:
        with self._changed:
            if self._rows:
                self._changed.notify()
                return self._rows.popleft()
            if not self._over:
                return WAITING
        if self._failure is not None:
            raise self._failure
        raise StopIteration

    def wait(self, seconds: float | None) -> None:
        """Block until there is a row or the end, at most so long; None for as long as it takes."""
        with self._changed:
            self._changed.wait_for(lambda: self._rows or self._over, seconds)

    async def more(self) -> None:
        """Wait for a row, the end, or `wake`."""
        with self._changed:
            if self._arrived is None:
                self._loop, self._arrived = asyncio.get_running_loop(), asyncio.Event()
            ready = bool(self._rows) or self._over
            if not ready:
                self._arrived.clear()
                self._waiters += 1
        if ready:
            await asyncio.sleep(0)
            return
        try:
            await self._arrived.wait()
        finally:
            self._waiters -= 1

    def wake(self) -> None:
        """End the waiting in `more`."""
        if self._arrived is not None:
            self._arrived.set()

    def _fill(self, rows: Iterator[Row]) -> None:
        try:
            for row in rows:
                with self._changed:
                    self._changed.wait_for(lambda: len(self._rows) < AHEAD)
                    self._rows.append(row)
                    self._tell()
        except BaseException as exc:  # noqa: BLE001 - raised again where the rows are taken
            self._failure = exc
        with self._changed:
            self._over = True
            self._tell()

    def _tell(self) -> None:
        self._changed.notify()
        if self._waiters and self._loop is not None and self._arrived is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                self._loop.call_soon_threadsafe(self._arrived.set)
