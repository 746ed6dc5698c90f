"""The seam of an executor: rows in, lines out, and why it ended."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Literal, Protocol

from llmo.batch.output.appended import OutputLost
from llmo.errors import Cancelled, LlmoError
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from llmo.batch.resume.feed import Work
    from llmo.engine.results import Result
    from llmo.routing.plan import Plan
    from llmo.types.jsontext import Json
    from llmo.types.money import Pico

Reason = Literal["done", "signal", "budget", "fatal", "failures", "output", "pipe"]


@dataclass(frozen=True, slots=True)
class Answered:
    """
    What came back for a row; `fatal` says that every other row would fail the same way.

    `line` is its output line, where somebody else has made it.
    """

    result: Result
    data: Json = None
    fatal: bool = False
    line: dict[str, Json] | None = None

    @property
    def kept(self) -> bool:
        """Whether it gets a line; else the run ends, and its row is sent again by the next one."""
        return not self.fatal and not isinstance(self.result.error, Cancelled | OutputLost)


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a run ended; `lost` are paid answers that could not be written."""

    reason: Reason = "done"
    error: LlmoError | None = None
    lost: int = 0


class Send(Protocol):
    """Sends one row."""

    async def __call__(self, work: Work, /) -> Answered:
        """Send it, with retries and fallbacks; failures are in the result."""
        ...


class Crew(Protocol):
    """Who sends the rows of a run: the engine of this process, or workers elsewhere."""

    async def __call__(self, work: Work, plan: Plan | None = None, /) -> Answered:
        """Send one row, with retries and fallbacks, by its plan if there is one; failures are in the result."""
        ...

    @property
    def used(self) -> float | None:
        """The share of the providers' limits that is used, None without limits."""
        ...

    @property
    def held(self) -> Pico:
        """Picodollars that are reserved for what is in flight."""
        ...

    def width(self) -> int:
        """How many rows are worth having in flight at once."""
        ...


class Sink(Protocol):
    """Where lines go."""

    def append(self, line: bytes, seq: int) -> int:
        """Write one whole line, and say where it can be read again. Raises `OutputLost`."""
        ...

    def read(self, stretch: int) -> bytes:
        """The line that begins in a stretch, see `Places`; empty if it can't be read."""
        ...

    def synced(self) -> Awaitable[None] | None:
        """What to wait for until lines are as safe as was asked for; None when they are."""
        ...

    def room(self, seq: int) -> Awaitable[None] | None:
        """What to wait for until the row of that turn may be sent; None when it may."""
        ...


async def breathe() -> None:
    """Let others have their turn."""
    await asyncio.sleep(0)


class Executor(Protocol):
    """Answers rows: workers of this process, later the providers' batch services or a cluster."""

    async def run(
        self, feed: Iterator[Work | None], sink: Sink, more: Callable[[], Awaitable[None]] = breathe
    ) -> Ending:
        """
        Give every row of `feed` its line in `sink`, until there are no more or the run is stopped.

        Where the feed has None, there is no row right now, and `more` waits until there may be one. What is in flight
        at the end is finished and written.
        """
        ...

    def cancel(self) -> None:
        """Give up what is in flight; its money stays booked."""
        ...


class Stopping:
    """Tells a run to take no more rows. Anyone may give a reason; the first one stays."""

    def __init__(self, check: Callable[[], None] = lambda: None, *, fresh_s: float = 0.0) -> None:
        """
        `check` raises `OutputLost` when nothing more may be paid, because its answer could not be kept.

        What it found holds for `fresh_s` seconds.
        """
        self._check, self._fresh_s = check, fresh_s
        self._checked = -fresh_s
        self.heard: Callable[[], None] = lambda: None
        """Called once it is to stop."""
        self.reason: Reason = "done"
        self.error: LlmoError | None = None

    def __bool__(self) -> bool:
        return self.reason != "done"

    def stop(self, reason: Reason, error: LlmoError | None = None) -> None:
        """Take no more rows."""
        if not self:
            self.reason, self.error = reason, error
            self.heard()

    def kept(self, *, anew: bool = False) -> bool:
        """Whether answers can still be kept, as found `anew` or lately; stops the run when they can't."""
        now = monotonic()
        if now - self._checked < self._fresh_s and not anew:
            return True
        try:
            self._check()
        except OutputLost as exc:
            self.stop("output", exc)
            return False
        self._checked = now
        return True

    def guard(self) -> None:
        """Raise before a request is sent whose answer could not be kept."""
        if not self.kept() or self.reason in ("output", "pipe"):
            raise self.error or Cancelled()
