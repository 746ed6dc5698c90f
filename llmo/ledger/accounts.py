"""Accounts: the engine takes a hold before every attempt, and settles or releases it afterwards."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from llmo.errors import LlmoError, Locked
from llmo.ledger import allowance
from llmo.ledger.allowance import Allowance
from llmo.ledger.records import Call, Entry, Held, Released, Settled, Settlement
from llmo.ledger.refusals import OverBudget
from llmo.types.dataclass import KW_ONLY, dataclass
from llmo.types.format import dollars, exact, span

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from llmo.ledger.backend import Ledger
    from llmo.ledger.records import BudgetStatus, Limit
    from llmo.types.money import Pico

CHUNK = 500
"""Most entries of one transaction; other processes wait while it runs."""
SETTLE_S = 10.0
"""Seconds that a settlement waits for a locked ledger, whatever the command's timeout: the call is paid for."""
UNSETTLED = "this call is not settled; its reservation counts until llmo cost --reconcile"
SPOOLED = "the ledger is out of reach: what {} call{} cost is kept on this machine until an llmo reaches it"
"""Told when settlements begin to be kept; a ledger that is reached again takes them."""
SLICE_S, LEAST_S = 0.1, 1.0
"""Seconds to wait for a locked ledger: in one try (short, so that signals are handled), in all tries at least."""
POLL_S, POLL_MOST_S = 0.05, 0.5
"""Seconds between two checks of what other processes hold: the first pause, and the longest one."""


def _warning(percent: int, status: BudgetStatus, run: str) -> str:
    parts = [] if status.limit_usd is None else [f"{dollars(status.spent)} of {exact(status.limit_usd)} spent"]
    parts += [f"up to {dollars(status.in_doubt)} in doubt"] if status.limit_usd is not None and status.in_doubt else []
    parts += [] if status.limit_calls is None else [f"{status.calls:,} of {status.limit_calls:,} calls"]
    resets = [f"resets {status.resets_at}"] if status.resets_at else []
    by = f" by run {run}" if status.window == "run" else ""
    return f"budget {status.name} is used to {percent} % and more{by}: {', '.join(parts + resets)}"


@dataclass(frozen=True, slots=True)
class Hold:
    """Money reserved for one attempt; it ends with `settle` or `release`, and only the first of them counts."""

    id: str
    account: Account

    def settle(self, settlement: Settlement) -> Coroutine[Any, Any, None]:
        """Record what the call cost. Raises `Locked` or `ConfigError` when the ledger can't be written."""
        return self.account.end(Settled(self.id, settlement))

    def release(self, outcome: str) -> Coroutine[Any, Any, None]:
        """Give the money back: the call certainly cost nothing. Raises as `settle` does."""
        return self.account.end(Released(self.id, outcome))


def deliver(result: Exception | None, to: asyncio.Future[OverBudget | None]) -> None:
    """Give the result of a hold to whoever waits for it: that it was taken, its refusal, or an error to raise."""
    if to.done():
        return
    if result is None or isinstance(result, OverBudget):
        to.set_result(result)
    else:
        to.set_exception(result)


def _spread() -> float:
    return random.uniform(0.5, 1.0)  # noqa: S311 - spreads out the waiting processes


@dataclass(eq=False)
class Account(ABC):
    """
    What the engine takes holds on: the limits of a command, and the ledger that they are checked against.

    Used on one event loop. Raises `OverBudget` when a limit refuses a hold, `ConfigError` or `Locked` when the ledger
    can't be used.
    """

    ledger: Ledger
    limits: Sequence[Limit] = ()
    _: KW_ONLY
    allow_unpriced: bool = False
    """Whether calls of unknown price pass dollar limits."""
    tell: Callable[[str], None] | None = None
    """Called once, with a line for the user, when a hold has to wait for other processes."""
    warn: Callable[[str], None] | None = None
    """Called with a line when a limit reaches 80 or 95 percent; of all processes, one reports each level."""
    rand: Callable[[], float] = _spread
    """A factor for each pause between two tries."""

    waits: ClassVar[bool] = True
    """Whether `end` waits until an entry is stored, so that whoever is canceled meanwhile must see to it."""

    def __post_init__(self) -> None:
        self.limits = tuple(self.limits)
        self._counted: set[int] = set()
        self._spooled = False
        self._waits = False

    @property
    def held(self) -> Pico:
        """Picodollars held by this account right now."""
        return 0

    def limited(self, call: Call) -> bool:
        """Whether a dollar limit applies to a call; its request must then have an output limit."""
        return allowance.limited(call, self.limits)

    def share(self, call: Call) -> Pico | None:
        """Picodollars that a call may hold so that all concurrent calls fit the limits; None means no restriction."""
        del call
        return None

    def entry(self, call: Call, worst: Pico | None) -> Held:
        """The hold to apply for a call."""
        if self.warn is not None and len(self._counted) < len(self.limits):
            self._counted |= {number for number, limit in enumerate(self.limits) if limit.counts(call)}
        return Held(call, worst, tuple(self.limits), self.allow_unpriced)

    def warnings(self, ledger: Ledger, run: str) -> list[str]:
        """A line for each limit that has just reached 80 or 95 percent, or for a ledger that is out of reach."""
        if (kept := ledger.spooled()) or self._spooled:
            # Nothing can be asked of a ledger that is out of reach.
            before, self._spooled = self._spooled, bool(kept)
            return [SPOOLED.format(kept, "s" if kept > 1 else "")] if kept and not before else []
        # The sums of a limit that has counted none of our calls may not be stored yet, and are slow to add up.
        counted = [self.limits[number] for number in sorted(self._counted)]
        new = ledger.new_alerts(counted, run) if counted else []
        return [_warning(percent, status, run) for percent, status in new]

    @abstractmethod
    async def hold(self, call: Call, worst: Pico | None, *, least: Pico | None = None, patience: float = 0.0) -> Hold:
        """
        Reserve the worst-case cost of a call, in picodollars; None means that its price is unknown.

        Raises `OverBudget` at once when there is room for `least`, which the caller would accept too, or when the hold
        would not fit even after other processes have settled. Otherwise waits up to `patience` seconds for them.
        """

    async def _wait_for_others(self, entry: Held, least: Pico | None, until: float) -> OverBudget | None:
        """Wait until other processes have settled enough; returns the refusal if they can't, or not before `until`."""
        loop, pause = asyncio.get_running_loop(), POLL_S
        amount, call = entry.worst if least is None else least, entry.call
        while True:
            statuses = self.ledger.status(self.limits, call.run, live=True)
            money = Allowance(limits=self.limits, statuses=statuses, allow_unpriced=self.allow_unpriced)
            if (final := money.refusal(call, amount, later=True)) or (final := money.refusal(call, amount)) is None:
                return final
            if (left := until - loop.time()) <= 0:
                return final
            self._say_waits(final.status, left)
            await asyncio.sleep(min(left, pause * self.rand()))
            pause = min(POLL_MOST_S, pause * 1.5)

    def _say_waits(self, status: BudgetStatus, left: float) -> None:
        held = dollars(status.live)
        self._say(f"waiting up to {span(left)} for {held} of budget {status.name}, held by other calls in flight")

    def _say(self, line: str) -> None:
        """Tell the user about the first wait only."""
        if self.tell is not None and not self._waits:
            self._waits = True
            self.tell(line)

    @abstractmethod
    async def end(self, entry: Settled | Released) -> None:
        """
        Settle or release a hold.

        For one request it returns when that is stored, for many at once: `close` waits for all.
        """

    @abstractmethod
    async def close(self) -> None:
        """Wait until every settlement and release that was asked for is stored."""


class DirectAccount(Account):
    """For one request at a time: every entry is a transaction of its own, in the calling thread."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._run = ""
        self._ending: set[asyncio.Task[Any] | None] = set()

    async def hold(self, call: Call, worst: Pico | None, *, least: Pico | None = None, patience: float = 0.0) -> Hold:
        """Reserve the worst-case cost of a call."""
        entry, until = self.entry(call, worst), asyncio.get_running_loop().time() + patience
        while True:
            refused = await self._apply(entry, max(until, asyncio.get_running_loop().time() + LEAST_S))
            if refused is None:
                self._run = call.run
                return Hold(call.id, self)
            if not isinstance(refused, OverBudget) or refused.leaves(least):
                raise refused
            if final := await self._wait_for_others(entry, least, until):
                raise final

    async def end(self, entry: Settled | Released) -> None:
        """Settle or release a hold, then report limits that run low."""
        own = asyncio.current_task()
        self._ending.add(own)
        try:
            await self._apply(entry, asyncio.get_running_loop().time() + SETTLE_S)
        finally:
            self._ending.discard(own)
        with suppress(LlmoError):  # the entry is stored; a warning can wait for the next one
            for line in self.warnings(self.ledger, self._run):
                if self.warn:
                    self.warn(line)
            self.ledger.checkpoint()

    async def close(self) -> None:
        """Close the ledger, after settlements whose callers were canceled are stored."""
        if left := [task for task in self._ending if task is not None]:
            await asyncio.wait(left)
        self.ledger.close()

    async def _apply(self, entry: Entry, until: float) -> Exception | None:
        """Apply an entry; raises `Locked` when another program keeps the ledger locked until then (the loop's time)."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                (refused,) = self.ledger.apply([entry], patience=SLICE_S)
            except Locked:
                if loop.time() >= until:
                    raise
                self._say(f"waiting up to {span(until - loop.time())} for another program that locks the ledger")
                await asyncio.sleep(POLL_S * self.rand())
            else:
                return refused
