"""Ends what takes too long: one timer for all requests in flight, where `asyncio.timeout` makes one for each."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Deadlines:
    """The deadlines of an event loop; its timer rings at the first of them."""

    def __init__(self) -> None:
        self._set: set[Deadline] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = inf

    def until(self, at: float, loop: asyncio.AbstractEventLoop) -> Deadline:
        """As `asyncio.timeout_at`, for `with`: what takes longer is canceled, and ends in `TimeoutError`."""
        return Deadline(self, at, loop)

    def add(self, deadline: Deadline) -> None:
        """Ring for one more."""
        self._set.add(deadline)
        self.moved(deadline)

    def moved(self, deadline: Deadline) -> None:
        """Ring for one at another time, unless that is over."""
        if deadline.at < self._rings_at and deadline in self._set:
            self._ring_at(deadline.at, deadline.loop)

    def remove(self, deadline: Deadline) -> None:
        """Ring for one less."""
        self._set.discard(deadline)
        if not self._set and self._timer is not None:
            self._timer.cancel()
            self._timer, self._rings_at = None, inf

    def _ring_at(self, at: float, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._rings_at = loop.call_at(at, self._ring, loop), at

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        # A loop may call a little early.
        now = max(loop.time(), self._rings_at)
        self._timer, self._rings_at = None, inf
        for deadline in [one for one in self._set if one.at <= now]:
            self._set.discard(deadline)
            deadline.expire()
        if self._set:
            self._ring_at(min(one.at for one in self._set), loop)


class Deadline:
    """One deadline, which can be moved; `expired` once that has ended its task."""

    __slots__ = ("_cancelling", "_deadlines", "_task", "at", "expired", "loop")

    def __init__(self, deadlines: Deadlines, at: float, loop: asyncio.AbstractEventLoop) -> None:
        self._deadlines = deadlines
        self.at, self.loop, self.expired = at, loop, False

    def __enter__(self) -> Self:
        task = asyncio.current_task(self.loop)
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        self._deadlines.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deadlines.remove(self)
        # Who was canceled by somebody else too stays so.
        if self.expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def move(self, at: float) -> None:
        """Have until then instead, unless it is over."""
        self.at = at
        self._deadlines.moved(self)

    def expire(self) -> None:
        """End what it is for."""
        self.expired = True
        self._task.cancel()
