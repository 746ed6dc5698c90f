"""One worker as the driver sees it: the rows that it has, and how it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from llmo.batch.executors.ray.orders import COUNTED
from llmo.batch.resume.feed import always
from llmo.types.dataclass import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.batch.executors.executor import Answered
    from llmo.batch.executors.ray.orders import WorkerReport
    from llmo.batch.resume.feed import Work
    from llmo.types.jsontext import Json

SHARD = 256
"""Rows that are sent in one message at most."""
AGAIN_S = 0.2
"""Seconds until a worker that could not be reached is tried again."""


@dataclass(slots=True)
class Flight:
    """A row at a worker; `kept` is what its line repeats, `losses` how many workers were lost with it."""

    work: Work
    kept: Mapping[str, Json] | None
    answer: asyncio.Future[Answered]
    losses: int = 0

    def travels(self) -> Work:
        """The row without what only the driver needs."""
        return replace(self.work, fields=self.kept or {}, content=None, first=always)


class Member:
    """A worker and its rows; `serve` runs until the worker is lost or closed."""

    def __init__(self, actor: Any, name: str, number: int, errors: Any) -> None:
        """`errors` are Ray's exceptions; `number` is its place in the crew, which another one may take."""
        self.actor, self.name, self.number = actor, name, number
        self.flights: dict[int, Flight] = {}
        self.used: float | None = None
        self.held = self.width = 0
        self.answered = 0
        self._errors = errors
        self._outgoing: list[Flight] = []
        self._sending: asyncio.Task[None] | None = None
        self._batch = 0
        self._counts = (0,) * len(COUNTED)

    @property
    def load(self) -> float:
        """How busy it is."""
        return len(self.flights) / max(1, self.width)

    def put(self, flight: Flight) -> None:
        """Send it a row, together with others: those of this turn of the loop, or while a message is on its way."""
        self.flights[flight.work.seq] = flight
        self._outgoing.append(flight)
        if self._sending is None:
            self._sending = asyncio.ensure_future(self._send())

    async def _send(self) -> None:
        try:
            await asyncio.sleep(0)
            while self._outgoing:
                shard, self._outgoing = self._outgoing[:SHARD], self._outgoing[SHARD:]
                self._batch += 1
                await self._reached("send", self._batch, [one.travels() for one in shard])
        except self._errors.ActorDiedError:
            return  # `report` hears of it too
        finally:
            self._sending = None

    async def _reached(self, method: str, *given: object) -> Any:
        """Call a method as often as it takes. Raises `ActorDiedError` of Ray."""
        while True:
            try:
                return await getattr(self.actor, method).remote(*given)
            except self._errors.ActorUnavailableError:
                await asyncio.sleep(AGAIN_S)

    async def start(self) -> Any:
        """Have it open its files; the error that it can't begin with, or None."""
        return await self._reached("start")

    async def report(self) -> tuple[WorkerReport, dict[str, int]]:
        """What it tells next, and what it has counted since; the rows that have ended get their answers."""
        report: WorkerReport = await self._reached("report", self.answered)
        self.answered = report.upto
        self.used, self.held, self.width = report.used, report.held, report.width
        for seq, answered in report.answers:
            flight = self.flights.pop(seq, None)
            if flight is not None and not flight.answer.done():
                flight.answer.set_result(answered)
        more = {name: now - then for name, now, then in zip(COUNTED, report.counts, self._counts, strict=True)}
        self._counts = report.counts
        return report, more

    def cancel(self, flight: Flight) -> None:
        """Give up a row; its money stays booked."""
        self.flights.pop(flight.work.seq, None)
        self.actor.cancel.remote([flight.work.seq])

    async def close(self) -> None:
        """Have it settle what is in flight and close its part."""
        await self._reached("close")
