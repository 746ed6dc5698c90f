"""A run on a Ray cluster: the driver's side, which hands out rows and takes the place of nobody but lost workers."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from llmo.batch.executors.executor import Answered
from llmo.batch.executors.own import asked
from llmo.batch.executors.ray.away import Absent
from llmo.batch.executors.ray.broker import Broker
from llmo.batch.executors.ray.connection import processors
from llmo.batch.executors.ray.library import Asks
from llmo.batch.executors.ray.member import AGAIN_S, Flight, Member
from llmo.batch.executors.ray.orders import SIGN, Orders
from llmo.batch.executors.ray.worker import Worker
from llmo.batch.output import records
from llmo.batch.output.appended import OutputLost
from llmo.batch.resume import parts
from llmo.engine.provider_limits import limits
from llmo.engine.results import unsent
from llmo.errors import LlmoError, Unavailable, UsageError
from llmo.types.format import counted
from llmo.types.version import __version__

if TYPE_CHECKING:
    from collections.abc import Collection

    from llmo.batch.executors.ray.orders import OpensSessions
    from llmo.batch.job import BatchJob
    from llmo.batch.prepare import BatchFiles
    from llmo.batch.resume.feed import Work
    from llmo.routing.plan import Plan
    from llmo.types.money import Pico

PLACED_S = 120.0
"""Seconds in which a worker must be placed where there is none."""
CLOSED_S = 30.0
"""Seconds that workers have to settle what is in flight."""
LOSSES = 3
"""Workers that a row may be lost with, and that may be lost in a row before any answers."""


class Cluster:
    """A `Crew`: so many workers, in actors. Open it before use; close it after the last row."""

    def __init__(self, ray: Any, job: BatchJob, files: BatchFiles, orders: Orders) -> None:
        """`ray` is the library, connected to a cluster; it has a worker for each of its processors."""
        self._ray, self._job, self._files, self._orders = ray, job, files, orders
        self.size = min(processors(ray), *_narrow(job, orders.asked))
        self._members: list[Member] = []
        self._actors: list[Any] = []
        self._flying: dict[int, Flight] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._epoch = 0
        self._in_a_row = 0
        self._ready = asyncio.Event()
        self._failure: LlmoError | None = None
        self._untold = False
        self._closing = False

    async def open(self) -> None:
        """Start the broker and the workers; returns once one of them is ready. Raises `LlmoError` if none comes."""
        self._broker = self._place(
            Broker, num_cpus=0, max_restarts=-1, name=f"llmo-broker-{self._orders.run}", here=True
        ).remote(self._orders.opens, self._orders.directory)
        self._asks = Asks(self._broker)
        for number in range(self.size):
            self._hire(number)
        await self._placed()

    async def _placed(self) -> None:
        """Wait until there is a worker. Raises `LlmoError` if none comes."""
        try:
            async with asyncio.timeout(PLACED_S):
                await self._ready.wait()
        except TimeoutError:
            raise Unavailable(
                f"no worker could be placed within {PLACED_S:.0f} s", hint="see `ray status` for what is free"
            ) from None
        if self._failure is not None:
            raise self._failure

    def _place(self, actor: type, *, here: bool = False, **options: Any) -> Any:
        if here:
            from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

            node = self._ray.get_runtime_context().get_node_id()
            options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(node, soft=False)
        return self._ray.remote(actor).options(**options)

    def _hire(self, number: int) -> None:
        """A worker for a place in the crew, with a part of its own: nobody writes into that of a lost one."""
        self._epoch += 1
        name = f"{number}-{self._epoch}"
        self._broker.hire.remote(name)
        actor = self._place(Worker, num_cpus=1).remote(self._orders, self._broker, name, (number, self.size))
        self._actors.append(actor)
        member = Member(actor, name, number, self._ray.exceptions)
        serving = asyncio.ensure_future(self._serve(member))
        self._serving.add(serving)
        serving.add_done_callback(self._served)

    def _served(self, serving: asyncio.Task[None]) -> None:
        self._serving.discard(serving)
        if not serving.cancelled() and (error := serving.exception()) is not None:
            self._fail(error if isinstance(error, LlmoError) else LlmoError(f"internal error: {error!r}"))

    async def _serve(self, member: Member) -> None:
        """Take what a worker tells until it is lost."""
        try:
            if (failure := await member.start()) is not None:
                self._fail(failure)
                return
            member.width = 1
            self._members.append(member)
            self._ready.set()
            while True:
                report, more = await member.report()
                self._in_a_row = 0 if report.answers else self._in_a_row
                for name, count in more.items():
                    setattr(self._job.stats, name, getattr(self._job.stats, name) + count)
                for line in report.told:
                    self._job.notify(line)
        except self._ray.exceptions.RayActorError as exc:
            await self._lose(member, exc)

    async def _lose(self, member: Member, why: Exception) -> None:
        """Take what a lost worker has written, send its other rows again, and hire another one in its place."""
        if member in self._members:
            self._members.remove(member)
        if self._closing:
            return
        self._in_a_row += 1
        if self._in_a_row > LOSSES * self.size:
            self._fail(Unavailable(f"workers are lost again and again: {_reason(why)}"))
            return
        if not self._members:
            self._ready.clear()
        self._hire(member.number)
        found = {
            (row["id"], row["key"]): row for _, row in parts.whole(parts.part(self._orders.directory, member.name))
        }
        held = await self._booked(member)
        left = list(member.flights.values())
        again = [flight for flight in left if not _recovered(flight, found)]
        self._job.notify(
            f"a worker was lost ({_reason(why)}): {counted(len(left) - len(again), self._job.unit)} of it were "
            f"written, {len(again):,} are sent again; {counted(held, 'request')} stay booked"
        )
        for flight in again:
            await self._again(flight)

    async def _booked(self, member: Member) -> int:
        while True:
            try:
                found = await self._asks.soon("lose", member.name)
            except Absent:
                await asyncio.sleep(AGAIN_S)
                continue
            if isinstance(found, LlmoError):
                raise found
            return int(found)

    async def _again(self, flight: Flight) -> None:
        """Send a row that was lost with its worker again, unless it may have been paid, or has lost too many."""
        flight.losses += 1
        if flight.answer.done():
            return
        if self._job.spec.at_most_once:
            line = records.doubtful(flight.work.identity, flight.kept)
            flight.answer.set_result(Answered(unsent(flight.work.name, None), line=line))
        elif flight.losses >= LOSSES:
            failure = LlmoError(f"{flight.losses} workers were lost with this row", hint="see the logs of Ray")
            flight.answer.set_result(Answered(unsent(flight.work.name, failure)))
        else:
            await self._put(flight)

    async def _put(self, flight: Flight) -> None:
        """Give a row to the worker that has the least to do."""
        while not self._members:
            await self._placed()
        min(self._members, key=lambda one: one.load).put(flight)

    def _fail(self, error: LlmoError) -> None:
        """End the run: nobody can answer its rows."""
        self._failure, self._untold = self._failure or error, True
        self._ready.set()
        for flight in self._flying.values():
            if not flight.answer.done():
                flight.answer.set_result(Answered(unsent(flight.work.name, self._failure), fatal=True))

    async def __call__(self, work: Work, plan: Plan | None = None) -> Answered:
        """Have a row sent by a worker, which plans it itself."""
        del plan
        intents = self._files.intents
        try:
            if self._failure is not None:
                raise self._failure
            intents.sending(work.name)
        except (LlmoError, OutputLost) as exc:
            return Answered(unsent(work.name, exc), fatal=True)
        flight = Flight(work, self._job.keep(work.fields), asyncio.get_running_loop().create_future())
        self._flying[work.seq] = flight
        try:
            await self._put(flight)
            answered = await flight.answer
        except LlmoError as exc:
            return Answered(unsent(work.name, exc), fatal=True)
        except asyncio.CancelledError:
            self._untold = True
            self._cancel(flight)
            raise
        finally:
            del self._flying[work.seq]
        if not answered.kept and not any(one.cost != 0 or one.in_doubt for one in answered.result.attempts):
            intents.unsent(work.name)
        return answered

    def _cancel(self, flight: Flight) -> None:
        for member in self._members:
            if flight.work.seq in member.flights:
                member.cancel(flight)

    @property
    def used(self) -> float | None:
        """The share of the providers' limits that is used: each worker's of its part."""
        each = [member.used for member in self._members if member.used is not None]
        return sum(each) / len(each) if each else None

    @property
    def held(self) -> Pico:
        """Picodollars that are reserved for what is in flight."""
        return sum(member.held for member in self._members)

    def width(self) -> int:
        """How many rows all workers together would have in flight."""
        return max(1, sum(member.width for member in self._members))

    async def close(self) -> None:
        """Settle what is in flight and end all actors; the parts go once the output has what they have."""
        self._closing = True
        with_rows = [member.close() for member in self._members]
        try:
            async with asyncio.timeout(CLOSED_S):
                ended = await asyncio.gather(*with_rows, return_exceptions=True)
        except TimeoutError:
            ended = [TimeoutError()]
        for serving in list(self._serving):
            serving.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        for actor in (*self._actors, self._broker):
            self._ray.kill(actor)
        journal = self._files.journal
        assert journal is not None
        told = not (self._untold or journal.lost or any(ended))
        if told or parts.empty(self._orders.directory):
            journal.sync()
            parts.remove(self._orders.directory)


def orders(job: BatchJob, run: str, opens: OpensSessions) -> Orders:
    """What workers are told; makes the directory of their parts. Raises `UsageError` for an output without one."""
    target = job.spec.output.target
    assert target is not None
    directory, sign = parts.folder(target.absolute()), secrets.token_hex(8)
    try:
        directory.mkdir(exist_ok=True)
        (directory / SIGN).write_text(sign, "utf-8")
    except OSError as exc:
        raise UsageError(f"cannot write {directory}: {exc.strerror}") from None
    return Orders(
        run=run,
        spec=job.spec,
        opens=opens,
        directory=directory,
        sign=sign,
        asked=frozenset(asked(job)),
        version=__version__,
    )


def _narrow(job: BatchJob, providers: Collection[str]) -> list[int]:
    """What keeps a crew small: requests that a provider takes at once, and rows."""
    allowed = [limits(job.profile.providers[name], job.spec.rates) for name in providers]
    fixed = [one.concurrency for one in allowed if one.concurrency and not one.adapts]
    return [*fixed, *([max(1, job.stats.total)] if job.head.whole else ())]


def _recovered(flight: Flight, found: dict[tuple[str, str], dict[str, Any]]) -> bool:
    """Whether the line of a row was written before its worker was lost; it is the answer then."""
    row = found.get((flight.work.name, flight.work.key))
    if row is None:
        return False
    if not flight.answer.done():
        flight.answer.set_result(Answered(records.recovered(row), line=row))
    return True


def _reason(error: Exception) -> str:
    """Why a worker was lost, in one line: what Ray says first, or what kept it from being made, which it says last."""
    said = str(error).strip().splitlines() or [type(error).__name__]
    return said[-1 if "creation task" in said[0] else 0].strip().rstrip(".:")
