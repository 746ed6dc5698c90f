"""How far a batch is: a bar on a terminal, now and then a line in a log. All of it on stderr."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from llmo.render.summary import doubt
from llmo.types.format import dollars, exact, span

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TextIO

BAR_S = 0.25
LOG_S = 30.0
LOG_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Where a run stands; amounts are picodollars, None where nothing limits or nothing is known."""

    total: int
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
    elapsed: float
    unit: str = "rows"

    @property
    def left(self) -> int:
        """Rows without an outcome."""
        return max(0, self.total - self.skipped - self.done)

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.done / self.elapsed if self.elapsed > 0 else 0.0

    @property
    def eta(self) -> float | None:
        """Seconds to the end at this rate."""
        return self.left / self.rate if self.rate else None

    @property
    def projected(self) -> int | None:
        """What all will have cost at the end."""
        return self.spent + self.spent * self.left // self.done if self.done else None


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
        self._share = 0.0

    def show(self, now: Snapshot) -> None:
        """Say a line if it is time for one."""
        share = (now.skipped + now.done) / now.total if now.total else 1.0
        if now.elapsed - self._at >= LOG_S or (share - self._share >= LOG_SHARE and now.elapsed - self._at >= 1):
            self._at, self._share = now.elapsed, share
            self._say(f"llmo: {line(now)}")

    def close(self) -> None:
        """Nothing to leave."""


class Bar:
    """A bar that moves, and below it everything in words, drawn by rich."""

    def __init__(self, stream: TextIO, *, color: bool, width: int) -> None:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=stream, force_terminal=True, no_color=not color, width=width, highlight=False)
        self._width = width
        self._live: Any = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._live.start()

    def show(self, now: Snapshot) -> None:
        """Draw."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.text import Text

        bar = ProgressBar(total=max(1, now.total), completed=now.skipped + now.done, width=min(60, self._width - 1))
        # A bar ends no line by itself: what follows it would stand beside it, cut by the edge.
        self._live.update(Group(bar, Text(), Text(line(now))), refresh=True)

    def close(self) -> None:
        """Take the bar away."""
        self._live.stop()


def line(now: Snapshot) -> str:
    """Everything about a run in one line."""
    parts = [f"{now.skipped + now.done:,} of {now.total:,} {now.unit}"]
    if now.failed:
        parts.append(f"{now.failed:,} failed")
    parts += [f"{now.left:,} left", f"{now.rate:.1f} {now.unit}/s"]
    if now.used is not None:
        parts.append(f"{now.used:.0%} of the limit")
    if now.throttled:
        parts.append(f"{now.throttled:,} HTTP 429")
    parts.append(_money(now))
    if now.left and now.eta is not None:
        parts.append(f"{span(now.eta)} left")
    return ", ".join(parts)


def _money(now: Snapshot) -> str:
    cap = "" if now.cap is None else f" of {exact(now.cap)}"
    notes = [f"{dollars(now.held)} held"] if now.held else []
    notes += [doubt(now.in_doubt).removeprefix(", ")] if now.in_doubt else []
    more = f" ({', '.join(notes)})" if notes else ""
    unpriced = " and unpriced calls" if now.unpriced else ""
    ends = f", about {dollars(now.projected)} in total" if now.projected and now.left else ""
    return f"{dollars(now.spent)}{unpriced}{cap}{more}{ends}"
