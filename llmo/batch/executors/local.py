"""Workers that take rows, send them and write what came; as many rows in memory as there are workers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from llmo.batch.output import records
from llmo.batch.output.appended import OutputLost
from llmo.batch.output.journal import encoded
from llmo.errors import BudgetExceeded, Cancelled, LlmoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from llmo.batch.input.hash_table import HashTable
    from llmo.batch.resume.feed import Work
    from llmo.batch.stats import RunStats
    from llmo.engine.results import Result
    from llmo.types.jsontext import Json

Reason = Literal["done", "signal", "budget", "fatal", "failures", "output", "pipe"]
GRACE_S = 30.0
DUPLICATES = 16
"""Rows per worker that may wait for the answer of an equal one before the worker waits itself."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back for a row; `fatal` says that every other row would fail the same way."""

    result: Result
    data: Json = None
    fatal: bool = False


class Send(Protocol):
    """Sends one row."""

    async def __call__(self, work: Work) -> Answered:
        """Send it, with retries and fallbacks; failures are in the result."""
        ...


class Sink(Protocol):
    """Where lines go."""

    def append(self, line: bytes, seq: int) -> int:
        """Write one whole line, and say where it can be read again. Raises `OutputLost`."""
        ...

    def read(self, begin: int) -> bytes:
        """A line again."""
        ...

    @property
    def check(self) -> Callable[[], None]:
        """Raises `OutputLost` when nothing more may be paid, because its answer could not be kept."""
        ...

    async def synced(self) -> None:
        """Wait until lines are as safe as was asked for."""
        ...

    async def room(self, seq: int) -> None:
        """Wait until the row of that turn may be sent."""
        ...


@dataclass(slots=True)
class Ending:
    """Why a run ended; `lost` are paid answers that could not be written."""

    reason: Reason = "done"
    error: LlmoError | None = None
    lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a run behaves; `same` are the keys that more than one row has, and where their answers are."""

    workers: int
    same: HashTable
    max_failures: int | None = None
    keep: Callable[[Mapping[str, Json]], Mapping[str, Json] | None] = lambda _: None
    failed: Callable[[Mapping[str, Json] | str], None] = lambda _: None


@dataclass(slots=True)
class _Flight:
    """A request under way, and the equal rows that wait for its answer."""

    landed: asyncio.Future[None]
    duplicates: list[Work] = field(default_factory=list)


Line: TypeAlias = "dict[str, Json]"


class LocalExecutor:
    """One run; `stop` and `cancel` end it early."""

    def __init__(self, feed: Iterator[Work | None], send: Send, sink: Sink, *, rules: Rules, stats: RunStats) -> None:
        self._feed, self._send, self._sink = feed, send, sink
        self._rules, self._stats = rules, stats
        self._flights: dict[int, _Flight] = {}
        self._waiting = 0
        self._workers: list[asyncio.Task[None]] = []
        self.ending = Ending()
        self.stopping = False

    async def run(self) -> Ending:
        """Work until the feed is empty or something stops the run; what is in flight is finished and written."""
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._rules.workers)]
        try:
            await asyncio.gather(*self._workers)
            self._checked()
        except asyncio.CancelledError:
            if not self.stopping:
                raise
        finally:
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)
        return self.ending

    def stop(self, reason: Reason, error: LlmoError | None = None) -> None:
        """Take no more rows; the first reason stays."""
        if not self.stopping:
            self.stopping = True
            self.ending.reason, self.ending.error = reason, error

    def guard(self) -> None:
        """Raise before a request is sent whose answer could not be kept."""
        if not self._checked() or self.ending.reason in ("output", "pipe"):
            raise self.ending.error or Cancelled()

    def cancel(self) -> None:
        """Give up what is in flight; its money stays booked."""
        self.stop("signal")
        for worker in self._workers:
            worker.cancel()

    async def _work(self) -> None:
        while (work := await self._next()) is not None:
            number = int(work.key[:16], 16)
            if work.fault is None and number in self._rules.same:
                await self._share(work, number)
            else:
                await self._one(work)

    def _checked(self) -> bool:
        """Whether the output is still there; stops the run when it isn't."""
        try:
            self._sink.check()
        except OutputLost as exc:
            self.stop("output", exc)
            return False
        return True

    async def _next(self) -> Work | None:
        while not self.stopping and self._checked():
            try:
                work = next(self._feed)
            except StopIteration:
                return None
            except LlmoError as exc:
                self.stop("fatal", exc)
                return None
            if work is None:
                await asyncio.sleep(0)
                continue
            await self._sink.room(work.seq)
            return None if self.stopping else work
        return None

    async def _one(self, work: Work) -> tuple[Line, int] | None:
        """Send one row; its line and place, None when it has none."""
        self._stats.in_flight += 1
        try:
            answered = await self._send(work)
        finally:
            self._stats.in_flight -= 1
        self._stats.pay(answered.result)
        error = answered.result.error
        if answered.fatal or isinstance(error, Cancelled | OutputLost):
            self.stop("budget" if isinstance(error, BudgetExceeded) else "fatal", error)
            return None
        kept = self._rules.keep(work.fields)
        line = records.line(work.identity, answered.result, data=answered.data, kept=kept)
        place = await self._write(work, line)
        return None if place is None else (line, place)

    async def _share(self, work: Work, number: int) -> None:
        """Send a row that has equals once for all of them."""
        place = self._rules.same.get(number)
        if place:
            await self._copy(work, json.loads(self._sink.read(place - 1)))
        elif (flight := self._flights.get(number)) is None:
            await self._lead(work, number)
        else:
            flight.duplicates.append(work)
            self._waiting += 1
            if self._waiting > DUPLICATES * self._rules.workers:
                await asyncio.shield(flight.landed)

    async def _lead(self, work: Work, number: int) -> None:
        flight = self._flights[number] = _Flight(asyncio.get_running_loop().create_future())
        try:
            answer = await self._one(work)
            if answer is not None:
                self._rules.same.set(number, answer[1] + 1)
                for duplicate in flight.duplicates:
                    await self._copy(duplicate, answer[0])
        finally:
            del self._flights[number]
            self._waiting -= len(flight.duplicates)
            flight.landed.set_result(None)

    async def _copy(self, work: Work, original: Line) -> None:
        self._stats.copied += 1
        await self._write(work, records.copied(work.identity, original, self._rules.keep(work.fields)))

    async def _write(self, work: Work, line: Line) -> int | None:
        """Put a line out before its row counts as done; where it is."""
        try:
            place = self._sink.append(encoded(line), work.seq)
            await self._sink.synced()
        except BrokenPipeError:
            self.stop("pipe")
            return None
        except OutputLost as exc:
            self.ending.lost += 1
            self.stop("output", exc)
            return None
        except OSError as exc:
            self.ending.lost += 1
            self.stop("output", OutputLost(f"cannot write the output: {str(exc.strerror or exc).lower()}"))
            return None
        self._count(work, line)
        return place

    def _count(self, work: Work, line: Line) -> None:
        error = line["error"]
        kind = str(error["kind"]) if isinstance(error, dict) else None
        self._stats.count(line["status"], kind)  # type: ignore[arg-type]  # one of ours
        if kind is None:
            return
        if work.first():
            try:
                self._rules.failed(work.apart)
            except OutputLost as exc:
                self.stop("output", exc)
        limit = self._rules.max_failures
        if limit is not None and self._stats.failed > limit:
            self.stop("failures")
