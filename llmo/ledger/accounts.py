"""Money on its way: a hold before every attempt, settled or released after it."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmo.errors import LlmoError, Locked
from llmo.ledger import allowance
from llmo.ledger.allowance import Allowance
from llmo.ledger.records import MAX_COST, Call, Entry, Held, Limit, Released, Settled, Settlement
from llmo.ledger.refusals import OverBudget
from llmo.types.format import dollars, exact, span
from llmo.types.money import parse_usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from llmo.config.profile import Profile
    from llmo.ledger.backend import Ledger
    from llmo.ledger.records import BudgetStatus
    from llmo.types.money import Pico

SETTLE_S = 10.0
"""Seconds that others are waited for to settle what is paid for, whatever the clock of the command says."""
SLICE_S, LEAST_S = 0.1, 1.0
"""Seconds of one try while another program keeps the ledger, short so that signals are heard; of all tries at least."""
POLL_S, POLL_MOST_S = 0.05, 0.5
"""Seconds between two looks at what other processes hold: at first, and later."""


def limits(profile: Profile, max_cost: str | None = None) -> tuple[Limit, ...]:
    """All limits of a command: the profile's budgets, flat plans counted in calls, `--max-cost`."""
    found = [Limit.of(budget) for budget in profile.budgets]
    for name, provider in profile.providers.items():
        if (most := provider.max_calls_per_day) is not None:
            where = {"provider": name}
            found.append(Limit(name=f"{name}.max_calls_per_day", calls=most, window="day", match=where))
    if max_cost is not None:
        found.append(Limit(name=MAX_COST, usd=parse_usd(max_cost), window="run"))
    return tuple(found)


def _near(percent: int, status: BudgetStatus) -> str:
    parts = [] if status.limit_usd is None else [f"{dollars(status.spent)} of {exact(status.limit_usd)} spent"]
    parts += [f"up to {dollars(status.in_doubt)} in doubt"] if status.limit_usd is not None and status.in_doubt else []
    parts += [] if status.limit_calls is None else [f"{status.calls:,} of {status.limit_calls:,} calls"]
    resets = [f"resets {status.resets_at}"] if status.resets_at else []
    return f"budget {status.name} is used to {percent} % and more: {', '.join(parts + resets)}"


@dataclass(frozen=True, slots=True)
class Hold:
    """Money taken for one attempt; ends in `settle` or `release`, the first of them counts."""

    id: str
    account: Account

    async def settle(self, settlement: Settlement) -> None:
        """Book what the call cost."""
        await self.account.end(Settled(self.id, settlement))

    async def release(self, outcome: str) -> None:
        """Give it back: the call surely cost nothing."""
        await self.account.end(Released(self.id, outcome))


class Account(ABC):
    """
    Where the engine takes holds.

    Raises `OverBudget` when a limit refuses one, `ConfigError` when the ledger can't be used.
    """

    def __init__(self, ledger: Ledger, limits: Iterable[Limit] = (), *, allow_unpriced: bool = False) -> None:
        self.ledger = ledger
        self.limits = tuple(limits)
        self.allow_unpriced = allow_unpriced
        self._counted: set[int] = set()
        self._waits = False
        self.rand: Callable[[], float] = lambda: random.uniform(0.5, 1.0)  # noqa: S311 - spreads out those who wait
        self.tell: Callable[[str], None] | None = None
        """Told once when a hold waits for other processes."""
        self.warn: Callable[[str], None] | None = None
        """Told once when a limit is used to 80 and 95 percent, by whichever process sees it first."""

    @property
    def held(self) -> Pico:
        """What this account holds now."""
        return 0

    def limited(self, call: Call) -> bool:
        """Whether a limit of dollars counts a call, so that it must carry an output limit."""
        return allowance.limited(call, self.limits)

    def share(self, call: Call) -> Pico | None:
        """What one of the calls that are wanted at once may hold so that all of them can; None is no matter."""
        del call
        return None

    def entry(self, call: Call, worst: Pico | None) -> Held:
        """The hold to ask for."""
        if self.warn is not None:
            self._counted |= {number for number, limit in enumerate(self.limits) if limit.counts(call)}
        return Held(call, worst, self.limits, self.allow_unpriced)

    def near(self, ledger: Ledger, run: str) -> list[str]:
        """What is to be told of limits that are nearly used up."""
        # A limit that has counted none of our calls may have no sums at hand.
        counted = [self.limits[number] for number in sorted(self._counted)]
        return [_near(percent, status) for percent, status in ledger.new_alerts(counted, run)] if counted else []

    @abstractmethod
    async def hold(self, call: Call, worst: Pico | None, *, least: Pico | None = None, patience: float = 0.0) -> Hold:
        """
        Take the worst case of a call; None is an unknown price.

        A refusal is raised at once when there is room for `least`, which the caller would also take, or when
        it could not pass even after other processes have settled; else those are waited for up to `patience` seconds.
        """

    async def _others(self, entry: Held, least: Pico | None, until: float) -> OverBudget | None:
        """Wait until living processes have settled enough; the refusal when that does not help, or not in time."""
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
        self._say(f"waiting up to {span(left)} for {held} of budget {status.name} that other calls in flight hold")

    def _say(self, line: str) -> None:
        """Tell of the first wait."""
        if self.tell is not None and not self._waits:
            self._waits = True
            self.tell(line)

    @abstractmethod
    async def end(self, entry: Settled | Released) -> None:
        """Settle or release; done when it is booked, even if the caller is cancelled meanwhile."""

    @abstractmethod
    async def close(self) -> None:
        """Book what is still on its way."""


class DirectAccount(Account):
    """For one request at a time: a transaction each, in place."""

    _run = ""

    def __init__(self, ledger: Ledger, limits: Iterable[Limit] = (), *, allow_unpriced: bool = False) -> None:
        super().__init__(ledger, limits, allow_unpriced=allow_unpriced)
        self._ending: set[asyncio.Task[Any] | None] = set()

    async def hold(self, call: Call, worst: Pico | None, *, least: Pico | None = None, patience: float = 0.0) -> Hold:
        """Take the worst case of a call."""
        entry, until = self.entry(call, worst), asyncio.get_running_loop().time() + patience
        while True:
            refused = await self._booked(entry, max(until, asyncio.get_running_loop().time() + LEAST_S))
            if refused is None:
                self._run = call.run
                return Hold(call.id, self)
            if not isinstance(refused, OverBudget) or refused.leaves(least):
                raise refused
            if final := await self._others(entry, least, until):
                raise final

    async def end(self, entry: Settled | Released) -> None:
        """Settle or release."""
        own = asyncio.current_task()
        self._ending.add(own)
        try:
            await self._booked(entry, asyncio.get_running_loop().time() + SETTLE_S)
        finally:
            self._ending.discard(own)
        with suppress(LlmoError):  # what is booked is booked
            for line in self.near(self.ledger, self._run):
                if self.warn:
                    self.warn(line)
            self.ledger.checkpoint()

    async def close(self) -> None:
        """Close the ledger, when what callers left behind is booked."""
        if left := [task for task in self._ending if task is not None]:
            await asyncio.wait(left)
        self.ledger.close()

    async def _booked(self, entry: Entry, until: float) -> Exception | None:
        """Book an entry; raises `Locked` when another program keeps the ledger until then."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                (refused,) = self.ledger.apply([entry], patience=SLICE_S)
            except Locked:
                if loop.time() >= until:
                    raise
                self._say(f"waiting up to {span(until - loop.time())} for another program that keeps the ledger locked")
                await asyncio.sleep(POLL_S * self.rand())
            else:
                return refused
