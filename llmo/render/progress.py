"""How far a batch is: snapshots of a run, a sentence for each, and now and then a line in a log; all on stderr."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

from llmo.render.summary import doubt
from llmo.types.dataclass import dataclass
from llmo.types.format import dollars, exact, rounded, span

if TYPE_CHECKING:
    from collections.abc import Callable

BAR_S = 0.25
LOG_S = 30.0
LOG_SHARE = 0.05
WINDOW_S = 60.0
"""Seconds over which the rate of a run is measured: it follows a limit that changes, and not single answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """
    Where a run stands; amounts are picodollars, None where nothing limits or nothing is known.

    `total` are all rows of the input: None until anything is known of it, and `estimated` until all of it is read.
    `skipped` are those that earlier runs finished, `done` those of this run. `rate` is rows per second, `elapsed`
    seconds since the start.
    """

    total: int | None
    estimated: bool = False
    skipped: int
    done: int
    failed: int
    in_flight: int
    spent: int
    held: int
    in_doubt: int
    cap: int | None
    unpriced: int
    throttled: int
    used: float | None
    rate: float
    elapsed: float
    unit: str = "rows"

    @property
    def over(self) -> int:
        """Rows with an outcome, of this run or an earlier one."""
        return self.skipped + self.done

    @property
    def expected(self) -> int | None:
        """All rows; an estimate is rounded, and never less than what is done."""
        if self.total is None or not self.estimated:
            return self.total
        return max(rounded(self.total), self.over)

    @property
    def left(self) -> int | None:
        """Rows without an outcome, rounded if they are an estimate."""
        if self.expected is None:
            return None
        left = max(0, self.expected - self.over)
        return rounded(left) if self.estimated else left

    @property
    def share(self) -> float | None:
        """How much of all is done, 0 to 1."""
        if self.expected is None:
            return None
        return min(1.0, self.over / self.expected) if self.expected else 1.0

    @property
    def eta(self) -> float | None:
        """Seconds to the end at this rate; None when there is no end in sight, or nothing left."""
        return self.left / self.rate if self.left and self.rate > 0 else None

    @property
    def projected(self) -> int | None:
        """What all will have cost at the end; None when it is not known, or known already."""
        return self.spent + self.spent * self.left // self.done if self.done and self.left and self.spent else None


class RecentRate:
    """Rows per second over the last minute."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque([(0.0, 0)])

    def __call__(self, elapsed: float, done: int) -> float:
        """The rate now, `done` rows and so many seconds after the start."""
        marks = self._marks
        if elapsed - marks[-1][0] >= 1:
            marks.append((elapsed, done))
        while len(marks) > 1 and elapsed - marks[1][0] >= WINDOW_S:
            marks.popleft()
        began, before = marks[0]
        return max(0.0, (done - before) / (elapsed - began)) if elapsed > began else 0.0


class Watch(Protocol):
    """Shows snapshots until it is closed."""

    def show(self, now: Snapshot) -> None:
        """Show where the run stands."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


async def watch(take: Callable[[], Snapshot], on: Watch, every: float = BAR_S) -> None:
    """Show a snapshot every so often until cancelled."""
    while True:
        on.show(take())
        await asyncio.sleep(every)


class Log:
    """A plain line every 30 seconds or 5 %."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._at = 0.0
        self._share: float | None = None

    def show(self, now: Snapshot) -> None:
        """Say a line if it is time for one."""
        share = now.share or 0.0
        if self._share is None:
            # What earlier runs did is no progress of this one.
            self._share = share
        if now.elapsed - self._at >= LOG_S or (share - self._share >= LOG_SHARE and now.elapsed - self._at >= 1):
            self._at, self._share = now.elapsed, share
            self._say(f"llmo: {line(now)}")

    def close(self) -> None:
        """Nothing to leave."""


def line(now: Snapshot) -> str:
    """Everything about a run in one line."""
    about = "~" if now.estimated else ""
    parts = [
        f"{now.over:,} {now.unit}" if now.expected is None else f"{now.over:,} of {about}{now.expected:,} {now.unit}"
    ]
    if now.failed:
        parts.append(f"{now.failed:,} failed")
    if now.left is not None:
        parts.append(f"{about}{now.left:,} left")
    parts.append(f"{now.rate:.1f} {now.unit}/s")
    if now.used is not None:
        parts.append(f"{now.used:.0%} of the limit")
    if now.throttled:
        parts.append(f"{now.throttled:,} HTTP 429")
    parts.append(_money(now))
    if now.eta is not None:
        parts.append(f"{about}{span(now.eta)} left")
    return ", ".join(parts)


def _money(now: Snapshot) -> str:
    cap = "" if now.cap is None else f" of {exact(now.cap)}"
    notes = [f"{dollars(now.held)} held"] if now.held else []
    notes += [doubt(now.in_doubt).removeprefix(", ")] if now.in_doubt else []
    more = f" ({', '.join(notes)})" if notes else ""
    unpriced = " and unpriced calls" if now.unpriced else ""
    ends = f", about {dollars(now.projected)} in total" if now.projected else ""
    return f"{dollars(now.spent)}{unpriced}{cap}{more}{ends}"
