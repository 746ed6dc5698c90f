"""Money on its way: a hold before every attempt, settled or released after it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, TypeAlias

from llmo.errors import LlmoError
from llmo.figures import dollars, exact
from llmo.ledger import MAX_COST, Call, Entry, Held, Limit, OverBudget, Released, Settled, Settlement
from llmo.money import parse_usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from llmo.config import Profile
    from llmo.ledger import BudgetStatus, Ledger
    from llmo.money import Pico

SETTLE_S = 10.0
"""Seconds that others are waited for to settle what is paid for, whatever the clock of the command says."""
CHUNK = 500
"""Entries of one transaction; other processes wait for as long as one takes."""


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
    till: Till

    async def settle(self, settlement: Settlement) -> None:
        """Book what the call cost."""
        await self.till.end(Settled(self.id, settlement))

    async def release(self, outcome: str) -> None:
        """Give it back: the call surely cost nothing."""
        await self.till.end(Released(self.id, outcome))


class Till(ABC):
    """
    Where the engine takes holds.

    Raises `OverBudget` when a limit refuses one, `ConfigError` when the ledger can't be used.
    """

    def __init__(self, ledger: Ledger, limits: Iterable[Limit] = (), *, allow_unpriced: bool = False) -> None:
        self.ledger = ledger
        self.limits = tuple(limits)
        self.allow_unpriced = allow_unpriced
        self._counted: set[int] = set()
        self.warn: Callable[[str], None] | None = None
        """Told once when a limit is used to 80 and 95 percent, by whichever process sees it first."""

    @property
    def held(self) -> Pico:
        """What this till holds now."""
        return 0

    def limited(self, call: Call) -> bool:
        """Whether a limit of dollars counts a call, so that it must carry an output limit."""
        return call.billing == "metered" and any(limit.usd is not None and limit.counts(call) for limit in self.limits)

    def entry(self, call: Call, worst: Pico | None) -> Held:
        """The hold to ask for."""
        if self.warn is not None:
            self._counted |= {number for number, limit in enumerate(self.limits) if limit.counts(call)}
        return Held(call, worst, self.limits, self.allow_unpriced)

    def near(self, ledger: Ledger, run: str) -> list[str]:
        """What is to be told of limits that are nearly used up."""
        # A limit that has counted none of our calls may have no sums at hand.
        counted = [self.limits[number] for number in sorted(self._counted)]
        return [_near(percent, status) for percent, status in ledger.crossed(counted, run)] if counted else []

    @abstractmethod
    async def hold(self, call: Call, worst: Pico | None) -> Hold:
        """Take the worst case of a call; None is an unknown price."""

    @abstractmethod
    async def end(self, entry: Settled | Released) -> None:
        """Settle or release; done when it is booked, even if the caller is cancelled meanwhile."""

    @abstractmethod
    async def close(self) -> None:
        """Book what is still on its way."""


class Direct(Till):
    """For one request at a time: a transaction each, in place."""

    _run = ""

    async def hold(self, call: Call, worst: Pico | None) -> Hold:
        """Take the worst case of a call, or raise at once."""
        (refused,) = self.ledger.many([self.entry(call, worst)])
        if refused:
            raise refused
        self._run = call.run
        return Hold(call.id, self)

    async def end(self, entry: Settled | Released) -> None:
        """Settle or release."""
        self.ledger.many([entry], patience=SETTLE_S)
        with suppress(LlmoError):  # what is booked is booked
            for line in self.near(self.ledger, self._run):
                if self.warn:
                    self.warn(line)
            self.ledger.tidy()

    async def close(self) -> None:
        """Close the ledger."""
        self.ledger.close()


Outcome: TypeAlias = "asyncio.Future[OverBudget | None]"
Results: TypeAlias = "list[Exception | None] | Exception"
"""What came of each entry of a group, or the failure of them all."""


@dataclass(slots=True)
class _Waiter:
    """A refused hold that may pass when others have settled."""

    call: Call
    turn: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Grouped(Till):
    """
    For many requests at once: one thread books whatever has come together in one transaction.

    A refused hold waits, first come first served, while holds of this till are outstanding
    (they mostly settle lower) and is refused for good only when there are none.
    """

    def __init__(self, ledger: Ledger, limits: Iterable[Limit] = (), *, allow_unpriced: bool = False) -> None:
        super().__init__(ledger, limits, allow_unpriced=allow_unpriced)
        self._open: dict[str, Pico] = {}
        self._ended = 0
        self._lines: dict[str, deque[_Waiter]] = {}
        self._queue: SimpleQueue[tuple[Entry, Outcome] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._run = ""

    @property
    def outstanding(self) -> int:
        """Holds of this till that are neither settled nor released."""
        return len(self._open)

    @property
    def held(self) -> Pico:
        """What these holds come to."""
        return sum(self._open.values())

    async def hold(self, call: Call, worst: Pico | None) -> Hold:
        """Take the worst case of a call; waits for own holds to settle rather than be refused."""
        entry = self.entry(call, worst)
        line = self._line(call)
        if line is None:
            ended, refused = self._ended, await self._enter(entry)
            if refused is None:
                return Hold(call.id, self)
            if refused.unpriced:
                raise refused
            line = self._lines.setdefault(refused.status.name, deque())
            return await self._wait(entry, line, since=ended)
        return await self._wait(entry, line, since=self._ended)

    async def end(self, entry: Settled | Released) -> None:
        """Settle or release; whoever waits for the money tries again."""
        await self._enter(entry)

    async def close(self) -> None:
        """Book everything that was asked for and end the thread."""
        if self._thread is not None:
            self._queue.put(None)
            thread, self._thread = self._thread, None
            await asyncio.to_thread(thread.join)

    async def _wait(self, entry: Held, line: deque[_Waiter], *, since: int) -> Hold:
        waiter = _Waiter(entry.call)
        line.append(waiter)
        tried = since
        try:
            while True:
                # Nothing has ended since the last try: it would be refused again.
                if line[0] is not waiter or (tried == self._ended and self.outstanding):
                    await waiter.turn
                    waiter.turn = asyncio.get_running_loop().create_future()
                    continue
                tried = self._ended
                refused = await self._enter(entry)
                if refused is None:
                    return Hold(entry.call.id, self)
                if refused.unpriced or not (self.outstanding or tried != self._ended):
                    raise refused
        finally:
            line.remove(waiter)
            self._wake(line)

    def _line(self, call: Call) -> deque[_Waiter] | None:
        """The line that a new hold must join: nobody overtakes those who wait for the same money."""
        for limit in self.limits:
            line = self._lines.get(limit.name)
            if line and limit.counts(call):
                return line
        return None

    def _wake(self, line: deque[_Waiter]) -> None:
        if line and not line[0].turn.done():
            line[0].turn.set_result(None)

    async def _enter(self, entry: Entry) -> OverBudget | None:
        loop = asyncio.get_running_loop()
        if self._thread is None:
            self._thread = Thread(target=self._work, args=(loop,), name="llmo-ledger", daemon=True)
            self._thread.start()
        done: Outcome = loop.create_future()
        self._queue.put((entry, done))
        return await done

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        ledger = self.ledger.another()
        try:
            while (first := self._queue.get()) is not None:
                batch, last = [first], False
                for more in self._ready():
                    if more is None:
                        last = True
                        break
                    batch.append(more)
                self._book(ledger, batch, loop)
                if last:
                    break
        finally:
            ledger.close()

    def _ready(self) -> Iterator[tuple[Entry, Outcome] | None]:
        for _ in range(CHUNK - 1):
            try:
                yield self._queue.get_nowait()
            except Empty:
                return

    def _book(self, ledger: Ledger, batch: Sequence[tuple[Entry, Outcome]], loop: asyncio.AbstractEventLoop) -> None:
        results: Results
        try:
            ends = any(not isinstance(entry, Held) for entry, _ in batch)
            results = ledger.many([entry for entry, _ in batch], patience=SETTLE_S if ends else None)
        except Exception as exc:  # noqa: BLE001 - whoever waits gets it; the thread must go on
            results = exc
        loop.call_soon_threadsafe(self._tell, batch, results)
        if not isinstance(results, Exception):
            self._look(ledger, batch, loop)

    def _look(self, ledger: Ledger, batch: Sequence[tuple[Entry, Outcome]], loop: asyncio.AbstractEventLoop) -> None:
        """Once nobody waits for it: are limits running low, has the log grown?"""
        runs = {entry.call.run for entry, _ in batch if isinstance(entry, Held)}
        self._run = next(iter(runs), self._run)
        with suppress(LlmoError):  # the next booking tells of it
            for line in self.near(ledger, self._run):
                if self.warn:
                    loop.call_soon_threadsafe(self.warn, line)
            ledger.tidy()

    def _tell(self, batch: Sequence[tuple[Entry, Outcome]], results: Results) -> None:
        """In the loop: count what is outstanding, answer, let the next in line try."""
        for number, (entry, done) in enumerate(batch):
            result = results if isinstance(results, Exception) else results[number]
            self._count(entry, granted=result is None, wanted=not done.cancelled())
            if done.done():
                continue
            if result is None or isinstance(result, OverBudget):
                done.set_result(result)
            else:
                done.set_exception(result)
        for line in self._lines.values():
            self._wake(line)

    def _count(self, entry: Entry, *, granted: bool, wanted: bool) -> None:
        if not isinstance(entry, Held):
            self._open.pop(entry.id, None)
            self._ended += 1
        elif granted:
            self._open[entry.call.id] = entry.worst or 0
            if not wanted:
                # Its caller was cancelled meanwhile: nobody will send this call.
                unheard: Outcome = asyncio.get_running_loop().create_future()
                self._queue.put((Released(entry.call.id, "cancelled"), unheard))
