"""A worker: the row executor and an engine in an actor, and a part of the output that is its own."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from llmo.batch.executors.executor import Answered, Stopping
from llmo.batch.executors.own import OwnCrew, guarded
from llmo.batch.executors.ray.away import BrokeredLedger, LeasedExchange
from llmo.batch.executors.ray.library import Asks
from llmo.batch.executors.ray.orders import COUNTED, SIGN, WorkerReport
from llmo.batch.executors.row import RowExecutor, RowSettings
from llmo.batch.job import BatchJob
from llmo.batch.output import records
from llmo.batch.output.appended import OutputLost
from llmo.batch.output.journal import Journal, encoded
from llmo.batch.resume import parts
from llmo.batch.resume.intents import Intents
from llmo.batch.stats import RunStats
from llmo.engine.results import unsent
from llmo.engine.width import MOST, allow_files
from llmo.errors import LlmoError, UsageError
from llmo.types.clock import SystemClock
from llmo.types.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.batch.executors.ray.orders import Orders, WorkerSession
    from llmo.batch.resume.feed import Work

GATHER_S = 0.005
"""Seconds that a finished row waits for others, so that they are told together."""
SILENT_S = 1.0
"""Seconds after which a worker tells how it is although no row has ended."""


class Worker:
    """Answers the rows that it is sent, each once; a row that is told twice is answered once."""

    def __init__(self, orders: Orders, broker: Any, name: str, member: tuple[int, int]) -> None:
        """`name` ends with the epoch; `member` is its number, and how many workers there are."""
        self._orders, self._broker, self._name, self._member = orders, broker, name, member
        self._rows: dict[int, asyncio.Task[None]] = {}
        self._batch = 0
        self._done: deque[tuple[int, Answered]] = deque()
        self._upto = 0
        self._told: deque[str] = deque(maxlen=100)
        self._news = asyncio.Event()
        self._stats = RunStats()

    async def start(self) -> LlmoError | None:
        """Open the part and the session; why that is not possible."""
        orders = self._orders
        try:
            if __version__ != orders.version:
                raise UsageError(
                    f"{socket.gethostname()} has llmo {__version__}, this machine {orders.version}",
                    hint="install the same version on all nodes",
                )
            self._part = Journal(_path(orders, self._name), durable=False)
        except LlmoError as exc:
            return exc
        allow_files(MOST)
        self._session, self._crew = self._opened()
        return None

    def _opened(self) -> tuple[WorkerSession, OwnCrew]:
        orders, asks, clock = self._orders, Asks(self._broker), SystemClock()

        def lease(provider: str) -> LeasedExchange:
            return LeasedExchange(lambda said, holds: asks.soon("lease", provider, self._name, said, holds), clock)

        ledger: Any = BrokeredLedger(asks, self._name, clock, wait=time.sleep)
        session = orders.opens.session(ledger, self._member, lease, self._told.append)
        facts, spec = session.runtime, orders.spec
        job = BatchJob(spec, profile=facts.profile, planner=facts.planner, ledger=ledger, stats=self._stats)
        file = self._part.file
        assert file is not None
        engine = guarded(session.engine, Stopping(file.check))
        settings = RowSettings.of(spec, orders.run, job.validator)
        rows = RowExecutor(engine, job.plan, settings, stats=self._stats, intents=Intents(None))
        together = bool(spec.output.compared_targets)
        return session, OwnCrew(engine, rows, orders.asked, together=together, of=self._member[1])

    async def send(self, number: int, rows: Sequence[Work]) -> None:
        """Begin to answer rows, whose `fields` are what their lines repeat; the same `number` twice is one time."""
        if number > self._batch:
            self._batch = number
            for work in rows:
                self._rows[work.seq] = task = asyncio.create_task(self._one(work))
                task.add_done_callback(partial(self._ended, work))

    async def _one(self, work: Work) -> None:
        answered = await self._crew(work)
        if answered.kept:
            line = records.line(work.identity, answered.result, data=answered.data, kept=work.fields)
            try:
                self._part.append(encoded(line))
            except OutputLost as exc:
                # Its answer still goes to the output; the next request finds that this part can't be written.
                self._told.append(exc.message)
        self._tell(work, answered)

    def _ended(self, work: Work, task: asyncio.Task[None]) -> None:
        del self._rows[work.seq]
        if not task.cancelled() and (error := task.exception()) is not None:
            failure = LlmoError(f"internal error in a worker: {error!r}")
            self._tell(work, Answered(unsent(work.name, failure), fatal=True))

    def _tell(self, work: Work, answered: Answered) -> None:
        self._done.append((work.seq, answered))
        self._upto += 1
        self._news.set()

    async def report(self, after: int) -> WorkerReport:
        """What has ended since; what was told up to `after` has arrived, the rest is told again."""
        for _ in range(len(self._done) - (self._upto - after)):
            self._done.popleft()
        if not self._done:
            self._news.clear()
            try:
                async with asyncio.timeout(SILENT_S):
                    await self._news.wait()
                await asyncio.sleep(GATHER_S)
            except TimeoutError:
                pass
        told, self._told = tuple(self._told), deque(maxlen=100)
        crew = self._crew
        counts = tuple(getattr(self._stats, name) for name in COUNTED)
        return WorkerReport(tuple(self._done), self._upto, crew.used, crew.held, crew.width(), counts, told)

    async def cancel(self, rows: Sequence[int]) -> None:
        """Give rows up; their money stays booked."""
        for seq in rows:
            if (task := self._rows.get(seq)) is not None:
                task.cancel()

    async def close(self) -> None:
        """Give up what is in flight, settle it, and close the part."""
        left = list(self._rows.values())
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._session.close()
        self._part.close()

    async def pid(self) -> int:
        """Its process."""
        return os.getpid()


def _path(orders: Orders, name: str) -> Any:
    """Where its part is. Raises `UsageError` when it does not see the directory of the run."""
    try:
        found = (orders.directory / SIGN).read_text("utf-8")
    except OSError:
        found = ""
    if found != orders.sign:
        raise UsageError(
            f"{socket.gethostname()} does not see {orders.directory}",
            hint="write the output to a path that all nodes of the cluster share",
        )
    return parts.part(orders.directory, name)
