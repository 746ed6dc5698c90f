"""
The account for many concurrent requests: one thread applies their entries in groups.

A hold is waited for, because nothing is sent before it is stored. A settlement is not: what a crash leaves is a hold,
which counts for more. Where many calls are in flight, entries wait a few milliseconds for others, since a transaction
costs more than what it stores.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from llmo.errors import LlmoError, Locked
from llmo.ledger.accounts import CHUNK, SETTLE_S, UNSETTLED, Account, Hold, deliver
from llmo.ledger.allowance import tightest
from llmo.ledger.records import Call, Entry, Held, Released, Settled
from llmo.types.dataclass import KW_ONLY, dataclass, field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.ledger.backend import Ledger
    from llmo.ledger.refusals import OverBudget
    from llmo.types.money import Pico

CROWD = 16
"""Calls in flight from which on a hold waits for others."""
GATHER_S = 0.005
"""Seconds that it waits; a request takes many times as long."""
REST_S = 0.1
"""Seconds between two looks at limits that run low; the last entries of all are followed by one."""
LINGER_S = 0.05
"""Seconds that a settlement waits for a hold, when nobody waits for its money."""
FRESH_S = 0.25
"""Seconds for which the amounts left of the limits are reused when they are shared out."""
SPARE = 0.8
"""Part of the amount left that is shared out: holds that are older took their share of a larger amount."""

NEVER = -1
"""In place of how many had ended when a hold was tried."""


Outcome: TypeAlias = "asyncio.Future[OverBudget | None] | None"
"""Who waits for an entry; nobody does for a settlement."""
Results: TypeAlias = "list[Exception | None] | Exception"
"""One result per entry of a group, or the error of the whole group."""


@dataclass(frozen=True, slots=True)
class _Want:
    """What a caller accepts: the smallest useful hold (picodollars), and seconds to wait for other processes."""

    least: Pico | None
    patience: float


@dataclass(slots=True)
class _Waiter:
    """A refused hold that waits for its turn to try again."""

    turn: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass(eq=False)
class GroupedAccount(Account):
    """
    For many concurrent requests: one thread applies whatever entries have accumulated, in one transaction.

    It has one group at a time; the entries that come meanwhile are the next one.

    A refused hold waits in line, first come first served, as long as holds of this account are outstanding: most of
    them settle for less. It is refused for good only when none is.
    """

    _: KW_ONLY
    waits: ClassVar[bool] = False
    width: int = 1
    """How many calls run concurrently; the amount left is shared out between them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._open: dict[str, Held] = {}
        self._rooms: tuple[float, list[Pico | None]] = (-FRESH_S, [])
        self._ended = 0
        self._lines: dict[str, deque[_Waiter]] = {}
        self._entries: deque[tuple[Entry, Outcome]] = deque()
        self._turns: SimpleQueue[bool] = SimpleQueue()
        """True has the thread apply a group, False ends it once all entries are applied."""
        self._busy = False
        self._turn: asyncio.Handle | None = None
        self._turn_at, self._soon = 0.0, False
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        """That of the thread: until Python 3.12 each question for the running one costs a system call."""
        self._run = ""

    @property
    def outstanding(self) -> int:
        """How many holds of this account are neither settled nor released."""
        return len(self._open)

    @property
    def held(self) -> Pico:
        """Picodollars of all outstanding holds."""
        return sum(entry.worst or 0 for entry in self._open.values())

    def share(self, call: Call) -> Pico | None:
        """An equal part of what the tightest limit leaves, own holds included; None when no dollar limit applies."""
        if self.width == 1:
            return None
        left = tightest(call, self.limits, self._left(call.run))
        return None if left is None else max(0, int(left * SPARE) // self.width)

    def _left(self, run: str) -> list[Pico | None]:
        """Picodollars that each limit would leave without our own holds; at most `FRESH_S` old."""
        now = self._running().time()
        if now - self._rooms[0] >= FRESH_S:
            own = [sum(one.worst or 0 for one in self._open.values() if of.counts(one.call)) for of in self.limits]
            left = [status.left for status in self.ledger.status(self.limits, run)]
            self._rooms = now, [None if a is None else a + b for a, b in zip(left, own, strict=True)]
        return self._rooms[1]

    async def hold(self, call: Call, worst: Pico | None, *, least: Pico | None = None, patience: float = 0.0) -> Hold:
        """Reserve the worst-case cost of a call; waits for own holds to settle rather than being refused."""
        entry, ended = self.entry(call, worst), NEVER
        line = self._line(call) if self._lines else None
        if line is None:
            ended, refused = self._ended, await self._apply(entry)
            if refused is None:
                return Hold(call.id, self)
            if refused.unpriced:
                raise refused
            line = self._lines.setdefault(refused.status.name, deque())
        return await self._wait(entry, line, _Want(least, patience), since=ended)

    async def end(self, entry: Settled | Released) -> None:
        """Have a hold settled or released, without waiting for it: `close` does. A failure is told as a warning."""
        self._put(entry, None)

    async def close(self) -> None:
        """Apply every entry that was asked for, then end the thread."""
        # What it delivers last may ask for one more: a hold whose caller has gone is released.
        while self._thread is not None:
            if self._turn is not None:
                self._turn.cancel()
                self._turn = None
            self._turns.put(False)
            thread, self._thread, self._busy = self._thread, None, False
            await asyncio.to_thread(thread.join)
            await asyncio.sleep(0)

    async def _wait(self, entry: Held, line: deque[_Waiter], want: _Want, *, since: int) -> Hold:
        waiter = _Waiter()
        line.append(waiter)
        if self._entries and not self._busy:
            self._call_thread(hold=True)
        tried = since
        try:
            while True:
                # Nothing has ended since the last try: it would be refused again.
                if line[0] is not waiter or (tried == self._ended and self.outstanding):
                    await waiter.turn
                    waiter.turn = asyncio.get_running_loop().create_future()
                    continue
                tried = self._ended
                refused = await self._apply(entry)
                if refused is None:
                    return Hold(entry.call.id, self)
                if refused.unpriced:
                    raise refused
                if not self.outstanding and tried == self._ended:
                    await self._wait_or_raise(entry, refused, want)
        finally:
            line.remove(waiter)
            self._wake(line)

    async def _wait_or_raise(self, entry: Held, refused: OverBudget, want: _Want) -> None:
        """With no hold of ours outstanding, wait for other processes or raise the refusal."""
        if refused.leaves(want.least):
            raise refused
        if final := await self._wait_for_others(entry, want.least, asyncio.get_running_loop().time() + want.patience):
            raise final

    def _line(self, call: Call) -> deque[_Waiter] | None:
        """The line that a new hold must join: holds that wait for the same limit go first."""
        for limit in self.limits:
            line = self._lines.get(limit.name)
            if line and limit.counts(call):
                return line
        return None

    def _wake(self, line: deque[_Waiter]) -> None:
        if line and not line[0].turn.done():
            line[0].turn.set_result(None)

    async def _apply(self, entry: Held) -> OverBudget | None:
        done: asyncio.Future[OverBudget | None] = self._running().create_future()
        self._put(entry, done)
        try:
            return await done
        except asyncio.CancelledError:
            # In the same turn of the loop it may have been granted: `_count` did not know, and the call is never sent.
            if not done.cancelled() and done.exception() is None and done.result() is None:
                self._put(Released(entry.call.id, "cancelled"), None)
            raise

    def _running(self) -> asyncio.AbstractEventLoop:
        """The loop of this account; starts its thread."""
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            # Of its own: while the account closes, the thread of before has yet to take its last turn.
            self._turns = SimpleQueue()
            args = self._loop, self._turns
            self._thread = Thread(target=self._run_thread, args=args, name="llmo-ledger", daemon=True)
            self._thread.start()
        assert self._loop is not None
        return self._loop

    def _put(self, entry: Entry, done: Outcome) -> None:
        self._entries.append((entry, done))
        if self._busy or (self._turn is not None and (self._soon or done is None) and not self._lines):
            return  # in the turn that is set; a later entry never has an earlier one
        self._call_thread(hold=done is not None)

    def _call_thread(self, *, hold: bool) -> None:
        """Have the thread apply what waits: soon if there is a hold, at once if few are in flight or money is short."""
        delay = 0.0
        if not (self._lines and any(self._lines.values())):
            delay = LINGER_S if not hold else GATHER_S if len(self._open) >= CROWD else 0.0
        loop = self._running()
        at = loop.time() + delay
        if self._turn is not None:
            if self._turn_at <= at:
                return
            self._turn.cancel()
        self._turn_at, self._soon = at, hold or not delay
        # Not in this turn of the loop: its other rows belong to the same group.
        self._turn = loop.call_later(delay, self._start) if delay else loop.call_soon(self._start)

    def _start(self) -> None:
        self._turn, self._busy = None, True
        self._turns.put(True)

    def _run_thread(self, loop: asyncio.AbstractEventLoop, turns: SimpleQueue[bool]) -> None:
        ledger, looked, unseen = self.ledger.clone(), -REST_S, False
        try:
            while True:
                with suppress(Empty):
                    if not turns.get(timeout=REST_S if unseen else None):
                        break
                    unseen |= self._apply_group(ledger, self._ready(), loop)
                if unseen and monotonic() - looked >= REST_S:
                    self._housekeep(ledger, loop)
                    looked, unseen = monotonic(), False
            while rest := self._ready():
                unseen |= self._apply_group(ledger, rest, loop)
            if unseen:
                self._housekeep(ledger, loop)
        finally:
            ledger.close()

    def _ready(self) -> list[tuple[Entry, Outcome]]:
        """The entries that wait, up to a whole group."""
        group: list[tuple[Entry, Outcome]] = []
        with suppress(IndexError):
            while len(group) < CHUNK:
                group.append(self._entries.popleft())
        return group

    def _apply_group(self, ledger: Ledger, batch: list[tuple[Entry, Outcome]], loop: asyncio.AbstractEventLoop) -> bool:
        """Apply entries and have the loop told; whether the ledger took them."""
        results, until = _applied(ledger, batch), monotonic() + SETTLE_S
        while isinstance(results, Locked) and monotonic() < until:
            # A hold has only the time of its command; a settlement is tried for longer, because the call is paid for.
            holds = [one for one in batch if isinstance(one[0], Held)]
            batch = [one for one in batch if not isinstance(one[0], Held)]
            loop.call_soon_threadsafe(self._deliver, holds, results)
            batch += self._ready() if batch else []
            results = _applied(ledger, batch)
        self._run = next((entry.call.run for entry, _ in batch if isinstance(entry, Held)), self._run)
        # One call: each wakes the loop, by a byte through a socket.
        loop.call_soon_threadsafe(self._end_turn, batch, results)
        return results != [] and not isinstance(results, Exception)

    def _housekeep(self, ledger: Ledger, loop: asyncio.AbstractEventLoop) -> None:
        """Report limits that run low and let the ledger do postponed work, now that no caller waits."""
        with suppress(LlmoError):  # the next group reports it
            for line in self.warnings(ledger, self._run):
                if self.warn:
                    loop.call_soon_threadsafe(self.warn, line)
            ledger.checkpoint()

    def _end_turn(self, batch: Sequence[tuple[Entry, Outcome]], results: Results) -> None:
        """On the event loop: the thread has applied a group, and gets the next one."""
        self._deliver(batch, results)
        self._busy = False
        if self._entries and self._thread is not None:
            self._call_thread(hold=any(done is not None for _, done in self._entries))

    def _deliver(self, batch: Sequence[tuple[Entry, Outcome]], results: Results) -> None:
        """On the event loop: count outstanding holds, give callers their results, let the next in line try."""
        each = [results] * len(batch) if isinstance(results, Exception) else results
        for (entry, done), result in zip(batch, each, strict=True):
            self._count(entry, granted=result is None, wanted=done is None or not done.cancelled())
            if done is not None:
                deliver(result, done)
            elif result is not None:
                self._tell(result)
        for line in self._lines.values():
            self._wake(line)

    def _count(self, entry: Entry, *, granted: bool, wanted: bool) -> None:
        if not isinstance(entry, Held):
            self._open.pop(entry.id, None)
            self._ended += 1
        elif granted:
            self._open[entry.call.id] = entry
            if not wanted:
                # Its caller was canceled meanwhile, as in `_apply`.
                self._put(Released(entry.call.id, "cancelled"), None)

    def _tell(self, failure: Exception) -> None:
        """Warn of a settlement that could not be stored."""
        if self.warn is not None:
            self.warn(f"{failure.message if isinstance(failure, LlmoError) else failure}; {UNSETTLED}")


def _applied(ledger: Ledger, batch: Sequence[tuple[Entry, Outcome]]) -> Results:
    try:
        return ledger.apply([entry for entry, _ in batch]) if batch else []
    except Exception as exc:  # noqa: BLE001 - the waiting callers get it; the thread must go on
        return exc
