"""Workers that take rows, send them and write what came; as many rows in memory as there are workers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from llmo.batch.executors.executor import Ending, breathe
from llmo.batch.input.identity import key_bits
from llmo.batch.output import records
from llmo.batch.output.appended import OutputLost
from llmo.batch.output.journal import encoded
from llmo.batch.output.lines import trusted
from llmo.errors import BudgetExceeded, LlmoError
from llmo.types.dataclass import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from llmo.batch.executors.executor import Send, Sink, Stopping
    from llmo.batch.input.hash_table import Places
    from llmo.batch.output.records import Line
    from llmo.batch.resume.feed import Work
    from llmo.batch.stats import RunStats
    from llmo.types.attempts import AttemptRecord
    from llmo.types.jsontext import Json

DUPLICATES = 16
"""Rows per worker that may wait for the answer to an identical one before the worker itself waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """
    How a run behaves.

    `workers` take rows to begin with, and later as many as `width` says. `answers` is where the answers to requests
    are, by key, so that none is sent twice; None to send each.
    `max_failures` is how many rows may fail by now, None for all. `attempted` is told of attempts that failed, with the
    id of their row.
    """

    workers: int
    width: Callable[[], int] | None = None
    answers: Places | None = None
    max_failures: Callable[[], int | None] = lambda: None
    keep: Callable[[Mapping[str, Json]], Mapping[str, Json] | None] = lambda _: None
    failed: Callable[[Mapping[str, Json] | str], None] = lambda _: None
    attempted: Callable[[str, AttemptRecord], None] = lambda _row, _attempt: None


@dataclass(slots=True)
class _Flight:
    """A request in flight, and the identical rows that wait for its answer; `landed` once a worker waits for it too."""

    duplicates: list[Work] = field(default_factory=list)
    landed: asyncio.Future[None] | None = None


class LocalExecutor:
    """An executor; `stopping` is told why it should end, and says whether answers can be kept."""

    def __init__(self, send: Send, *, rules: Rules, stats: RunStats, stopping: Stopping) -> None:
        self._send = send
        self._rules, self._stats, self._stopping = rules, stats, stopping
        self._workers: set[asyncio.Task[None]] = set()

    async def run(
        self, feed: Iterator[Work | None], sink: Sink, more: Callable[[], Awaitable[None]] = breathe
    ) -> Ending:
        """Work until the feed is empty or something stops the run; what is in flight is finished and written."""
        stopping = self._stopping
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        pool = _Pool(feed, more, sink, self._send, self._rules, self._stats, stopping, self._workers, ended)
        for _ in range(self._rules.workers):
            pool.hire()
        try:
            await ended
            stopping.kept(anew=True)
        except asyncio.CancelledError:
            if not stopping:
                raise
        finally:
            ended.cancel()
            left = list(self._workers)
            for worker in left:
                worker.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        return Ending(stopping.reason, stopping.error, pool.lost)

    def cancel(self) -> None:
        """Give up what is in flight; its money stays booked."""
        self._stopping.stop("signal")
        for worker in list(self._workers):
            worker.cancel()


@dataclass(slots=True)
class _Pool:
    """What the workers of one run share; it has `ended` with the last one that leaves, or the first one that fails."""

    feed: Iterator[Work | None]
    more: Callable[[], Awaitable[None]]
    sink: Sink
    send: Send
    rules: Rules
    stats: RunStats
    stopping: Stopping
    workers: set[asyncio.Task[None]]
    ended: asyncio.Future[None]
    flights: dict[str, _Flight] = field(default_factory=dict)
    waiting: int = 0
    lost: int = 0
    working: int = 0
    dry: bool = False

    def hire(self) -> None:
        """Add a worker."""
        self.working += 1
        worker = asyncio.create_task(self.work())
        self.workers.add(worker)
        worker.add_done_callback(self._left)

    def _left(self, worker: asyncio.Task[None]) -> None:
        self.workers.discard(worker)
        error = None if worker.cancelled() else worker.exception()
        if self.ended.done():
            return
        if worker.cancelled():
            self.ended.cancel()
        elif error is not None:
            self.ended.set_exception(error)
        elif not self.workers:
            self.ended.set_result(None)

    async def work(self) -> None:
        """
        One worker: take rows until there are no more, or fewer workers are needed.

        A row is sent once for all rows with the same request, where answers are kept.
        """
        answers = self.rules.answers
        try:
            while (work := await self._next()) is not None:
                if answers is None or work.fault is not None or work.doubtful:
                    await self._one(work)
                elif (flight := self.flights.get(work.key)) is not None:
                    await self._follow(work, flight)
                elif (original := self._answer(work, answers)) is not None:
                    await self._copy(work, original)
                else:
                    await self._lead(work, answers)
                if self.rules.width is not None and not self._needed(self.rules.width()):
                    return
        finally:
            self.working -= 1

    def _needed(self, width: int) -> bool:
        """Whether this worker is still needed; hires more when too few are."""
        if self.working > width:
            return False
        while self.working < width and not self.dry and not self.stopping:
            self.hire()
        return True

    async def _next(self) -> Work | None:
        while not self.stopping and self.stopping.kept():
            try:
                work = next(self.feed)
            except StopIteration:
                self.dry = True
                return None
            except LlmoError as exc:
                self.stopping.stop("fatal", exc)
                return None
            if work is None:
                await self.more()
                continue
            if (room := self.sink.room(work.seq)) is not None:
                await room
            return None if self.stopping else work
        return None

    async def _one(self, work: Work) -> tuple[Line, int] | None:
        """Send one row; its line and place, None when it has none."""
        if work.doubtful:
            line = records.doubtful(work.identity, self.rules.keep(work.fields))
            place = await self._write(work, line)
            return None if place is None else (line, place)
        self.stats.in_flight += 1
        try:
            answered = await self.send(work)
        finally:
            self.stats.in_flight -= 1
        self.stats.pay(answered.result)
        for attempt in answered.result.attempts:
            if attempt.outcome != "ok":
                self.rules.attempted(work.name, attempt)
        if not answered.kept:
            error = answered.result.error
            self.stopping.stop("budget" if isinstance(error, BudgetExceeded) else "fatal", error)
            return None
        line = answered.line or records.line(
            work.identity, answered.result, data=answered.data, kept=self.rules.keep(work.fields)
        )
        place = await self._write(work, line, records.spelled(line))
        return None if place is None else (line, place)

    async def _follow(self, work: Work, flight: _Flight) -> None:
        """Leave a row to the one with the same request that is in flight."""
        flight.duplicates.append(work)
        self.waiting += 1
        if self.waiting > DUPLICATES * self.rules.workers:
            flight.landed = flight.landed or asyncio.get_running_loop().create_future()
            await asyncio.shield(flight.landed)

    def _answer(self, work: Work, answers: Places) -> Line | None:
        """The line that answers the same request, None if there is none."""
        place = answers.get(key_bits(work.key))
        if place is None:
            return None
        # The key in the line decides: tables know only a part of it.
        line = trusted(self.sink.read(place))
        return line if line is not None and line.get("key") == work.key else None

    async def _lead(self, work: Work, answers: Places) -> None:
        flight = self.flights[work.key] = _Flight()
        try:
            answer = await self._one(work)
            if answer is not None:
                answers.set(key_bits(work.key), answer[1])
                for duplicate in flight.duplicates:
                    await self._copy(duplicate, answer[0])
        finally:
            del self.flights[work.key]
            self.waiting -= len(flight.duplicates)
            if flight.landed is not None:
                flight.landed.set_result(None)

    async def _copy(self, work: Work, original: Line) -> None:
        self.stats.copied += 1
        await self._write(work, records.copied(work.identity, original, self.rules.keep(work.fields)))

    async def _write(self, work: Work, line: Line, spelled: bytes | None = None) -> int | None:
        """Put a line out before its row counts as done; where it is."""
        try:
            place = self.sink.append(spelled or encoded(line), work.seq)
            if (synced := self.sink.synced()) is not None:
                await synced
        except BrokenPipeError:
            self.stopping.stop("pipe")
            return None
        except OutputLost as exc:
            self.lost += 1
            self.stopping.stop("output", exc)
            return None
        except OSError as exc:
            self.lost += 1
            self.stopping.stop("output", OutputLost(f"cannot write the output: {str(exc.strerror or exc).lower()}"))
            return None
        self._count(work, line)
        return place

    def _count(self, work: Work, line: Line) -> None:
        error = line["error"]
        if not isinstance(error, dict):
            self.stats.count(line["status"], None)  # type: ignore[arg-type]  # one of ours
            return
        self.stats.count(line["status"], str(error["kind"]), (work.name, work.index, str(error["message"])))  # type: ignore[arg-type]
        if work.first():
            try:
                self.rules.failed(work.apart)
            except OutputLost as exc:
                self.stopping.stop("output", exc)
        limit = self.rules.max_failures()
        if limit is not None and self.stats.failed > limit:
            self.stopping.stop("failures")
