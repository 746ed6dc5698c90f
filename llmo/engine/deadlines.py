"""Ends what takes too long: one timer for all requests in flight, where `asyncio.timeout` makes one for each."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Deadlines:
    """What must have ended when; the timer of its event loop `rings_at` the first of these times."""

    def __init__(self) -> None:
        self.open: set[Deadline] = set()
        self.rings_at = inf
        self._timer: asyncio.TimerHandle | None = None

    def ring(self, at: float, loop: asyncio.AbstractEventLoop) -> None:
        """Ring at another time."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self.rings_at = loop.call_at(at, self._expire, loop), at

    def rest(self) -> None:
        """Ring no more: nothing is in flight."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self.rings_at = None, inf

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        # A loop may call a little early.
        now = max(loop.time(), self.rings_at)
        self._timer, self.rings_at = None, inf
        for deadline in [one for one in self.open if one.at <= now]:
            deadline.expire()
        if self.open:
            self.ring(min(one.at for one in self.open), loop)


class Deadline:
    """As `asyncio.timeout_at`, for `with`: what takes longer is canceled, and ends in `TimeoutError`."""

    __slots__ = ("_all", "_cancelling", "_expired", "_loop", "_task", "at")

    def __init__(self, deadlines: Deadlines, at: float, loop: asyncio.AbstractEventLoop) -> None:
        self._all, self._loop = deadlines, loop
        self.at, self._expired = at, False

    def __enter__(self) -> Self:
        task = asyncio.current_task(self._loop)
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        self._all.open.add(self)
        if self.at < self._all.rings_at:
            self._all.ring(self.at, self._loop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._all.open.discard(self)
        if not self._all.open:
            self._all.rest()
        # Who was canceled by somebody else too stays so.
        if self._expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def move(self, at: float) -> None:
        """Have until then instead, unless it is over."""
        self.at = at
        if at < self._all.rings_at and self in self._all.open:
            self._all.ring(at, self._loop)

    def expire(self) -> None:
        """End its task: the time is over."""
        self._expired = True
        self._all.open.discard(self)
        self._task.cancel()
