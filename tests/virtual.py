"""An event loop whose time jumps to the next timer when nothing else is to do, so that no test sleeps."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class VirtualClock:
    """A wall clock that follows the virtual loop, beginning at `start`."""

    def __init__(self, start: float = 1_795_300_000.0) -> None:
        self.start = start
        self.elapsed = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.start + self.elapsed


class _Selector(selectors.SelectSelector):
    """Poll; where the loop would wait, move its time instead."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            return super().select(None)
        if not ready and timeout:
            self.clock.elapsed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; for code without sockets and threads."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(_Selector(clock))
        self.virtual = clock

    def time(self) -> float:
        """Virtual seconds."""
        return self.virtual.elapsed


def run(main: Coroutine[Any, Any, T], clock: VirtualClock | None = None) -> T:
    """Run a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock or VirtualClock())) as runner:
        return runner.run(main)
