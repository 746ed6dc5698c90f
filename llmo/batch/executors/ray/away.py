"""What a worker has in place of files of its machine: the ledger and the pace of the cluster, which its broker has."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import chain
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from llmo.batch.executors.ray.shares import PART_S
from llmo.engine.shared_pace import Heard
from llmo.errors import LlmoError, Locked
from llmo.ledger.records import Held, Released
from llmo.types.dataclass import replace
from llmo.types.ids import ulid

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import tzinfo

    from llmo.engine.pace_notice import Said
    from llmo.ledger.breakers import Breaker, Circuit
    from llmo.ledger.records import BudgetStatus, Entry
    from llmo.types.clock import Clock

ABSENT_S = 60.0
"""Seconds that a worker waits for a broker that is being replaced."""
PAUSE_S = 0.2


class Absent(Exception):
    """The broker is not there; whether it has heard the question is not known."""


class AskBroker(Protocol):
    """Calls a method of the broker and waits for what it returns. Raises `Absent`."""

    def __call__(self, method: str, *given: object) -> Any:
        """What it returns."""
        ...


class BrokeredLedger:
    """
    `llmo.ledger.backend.Ledger`, by asking the broker; for all threads.

    The broker may be lost after it has applied what it was told. Settlements and releases can be told again. A hold
    can't: it is released, in case it was taken, and taken anew under another id, by which it is known from then on.
    """

    zone: tzinfo | None = None

    def __init__(self, ask: AskBroker, worker: str, clock: Clock, *, wait: Callable[[float], None]) -> None:
        """`wait` lets some seconds pass until a broker that is absent is asked again."""
        self._ask, self._worker, self._clock, self._wait = ask, worker, clock, wait
        self._renamed: dict[str, str] = {}
        self._statuses: list[BudgetStatus] | None = None
        self.patience = 0.0
        self.until: float | None = None

    def apply(self, entries: Sequence[Entry], *, patience: float | None = None) -> list[Exception | None]:
        """See `Ledger.apply`; waits for a new broker as long as that takes, up to `ABSENT_S`."""
        del patience
        told: list[tuple[Entry, ...]] = [(self._renamed_end(entry),) for entry in entries]
        until = monotonic() + ABSENT_S
        while True:
            try:
                found = self._ask("apply", self._worker, list(chain.from_iterable(told)))
                break
            except Absent:
                self._pause(until)
                told = [self._anew(group) for group in told]
        results = iter(_good(found))
        return [[next(results) for _ in group][-1] for group in told]

    def status(self, *given: Any, **named: Any) -> list[BudgetStatus]:
        """See `Ledger.status`; as last told while the broker is absent, since the event loop waits for this."""
        try:
            self._statuses = _good(self._ask("ask", "status", given, named))
        except Absent:
            if self._statuses is None:
                self._statuses = self._method("status", *given, **named)
        return self._statuses

    def change_breaker(self, circuit: Circuit, change: Callable[[Breaker | None], Breaker | None]) -> Breaker | None:
        """
        See `Ledger.change_breaker`. `change` is called here, where its caller sees what it has decided.

        It is only advice: a broker that is absent is not waited for, and `Locked` is raised.
        """
        try:
            before = _good(self._ask("ask", "breaker", (circuit,), {}))
            while (after := change(before)) != before:
                found = _good(self._ask("swap_breaker", circuit, before, after))
                if found == after:
                    break
                before = found
        except Absent:
            raise Locked("the broker of the run does not answer") from None
        return after

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Any other method: all of them can be asked for twice."""
        if name.startswith("_"):
            raise AttributeError(name)
        return partial(self._method, name)

    def clone(self) -> BrokeredLedger:
        """Itself."""
        return self

    def checkpoint(self) -> None:
        """Leave it to the broker."""

    def close(self) -> None:
        """Leave it to the broker."""

    def _method(self, name: str, *given: Any, **named: Any) -> Any:
        until = monotonic() + ABSENT_S
        while True:
            try:
                return _good(self._ask("ask", name, given, named))
            except Absent:
                self._pause(until)

    def _pause(self, until: float) -> None:
        if monotonic() >= until:
            raise Locked(
                f"the broker of the run has not answered for {ABSENT_S:.0f} s",
                hint="the same command resumes; see the logs of Ray on the machine that runs it",
            )
        self._wait(PAUSE_S)

    def _renamed_end(self, entry: Entry) -> Entry:
        if isinstance(entry, Held):
            return entry
        return replace(entry, id=self._renamed.pop(entry.id, entry.id))

    def _anew(self, group: tuple[Entry, ...]) -> tuple[Entry, ...]:
        """What to tell another broker in place of what the last one may have heard."""
        *before, last = group
        if not isinstance(last, Held):
            return group
        first = before[0].id if before and isinstance(before[0], Released) else last.call.id
        self._renamed[first] = name = ulid(self._clock.now())
        return (*before, Released(last.call.id, "cancelled"), replace(last, call=replace(last.call, id=name)))


def _good(found: Any) -> Any:
    """What the broker returned. Raises the error that it is."""
    if isinstance(found, LlmoError):
        raise found
    return found


class LeasedExchange:
    """Tells the broker what this worker uses of a provider, and hears the part that is leased to it."""

    leases = True

    def __init__(self, ask: Callable[[Said, float], Awaitable[tuple[Sequence[Said], float]]], clock: Clock) -> None:
        """`ask` gets what is said and the part that is held now. Raises `Absent`."""
        self._ask, self.now = ask, clock.now
        self._part, self._until = 0.0, 0.0
        self._asking: asyncio.Task[None] | None = None

    def __call__(self, mine: Said, heard: Callable[[Heard], None]) -> None:
        """Do nothing while the last answer has not come."""
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._leased(mine, heard))
            self._asking.add_done_callback(self._over)

    async def _leased(self, mine: Said, heard: Callable[[Heard], None]) -> None:
        # From before the question: the broker counts from when it hears it.
        began = asyncio.get_running_loop().time()
        holds = self._part if began < self._until else 0.0
        try:
            others, self._part = await self._ask(mine, holds)
        except Absent:
            return
        self._until = began + PART_S
        heard(Heard(others, self._part, self._until))

    def _over(self, asking: asyncio.Task[None]) -> None:
        self._asking = None
        if not asking.cancelled():
            asking.exception()
