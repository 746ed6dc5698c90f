"""Rows through the batch services of their vendors: submitted, waited for if that is wanted, and taken."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

from llmo.batch.executors.deferred.delivery import deliver
from llmo.batch.executors.deferred.submission import Submitting, release_pending
from llmo.batch.executors.executor import Ending, breathe
from llmo.errors import ProviderError
from llmo.types.dataclass import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from llmo.batch.executors.deferred.context import DeferredContext
    from llmo.batch.executors.deferred.lifecycle import Lifecycle
    from llmo.batch.executors.deferred.taking import Taking
    from llmo.batch.executors.executor import Sink, Stopping
    from llmo.batch.job import BatchJob
    from llmo.batch.output.journal import Journal
    from llmo.batch.resume.feed import Work

FIRST_S, MOST_S, GROWTH = 1.0, 300.0, 2.0
"""Seconds until the first look at batches, at most between two looks, and how that grows."""
SPREAD = 0.25
"""Part of a pause by which it is longer or shorter at random, so that many clients do not ask at once."""


@dataclass(slots=True, kw_only=True)
class DeferredExecutor:
    """
    An executor whose rows are answered within a day.

    Without `waits` it ends when everything is submitted. `give_up` is the instant, seconds since the epoch, at which
    it cancels what is left. `output` is where answers of earlier runs are, and `to` its name.
    """

    ctx: DeferredContext
    job: BatchJob
    lifecycle: Lifecycle
    taking: Taking
    stopping: Stopping
    output: Journal | None = None
    to: str = ""
    waits: bool = False
    give_up: float | None = None
    rand: Callable[[], float] = random.random
    gave_up: bool = False
    caught: int = 0
    """Rows that had their answers before the feed was looked at."""
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _heard: Callable[[], None] = lambda: None
    _seq: int = 0
    _sent: int = 0

    async def catch_up(self, sink: Sink) -> None:
        """Take what has come of the batches that there are already, before rows are looked at."""
        release_pending(self.ctx)
        if self.ctx.state.open:
            await self.lifecycle.poll()
        await self._take(sink, self._count_done)
        self.job.stats.in_flight = 0

    def _count_done(self, row: Mapping[str, Any]) -> None:
        """Count a row that is not sent again by this command, which will skip it."""
        if row["status"] != "error":
            self.caught += 1
            self.job.stats.recall(row)

    async def run(
        self, feed: Iterator[Work | None], sink: Sink, more: Callable[[], Awaitable[None]] = breathe
    ) -> Ending:
        """Submit every row of the feed; then wait for the answers, if that is wanted."""
        self._heard, self.stopping.heard = self.stopping.heard, self._wake
        submitting = Submitting(self.ctx, self.job, self.stopping, output=self.output)
        ending = await submitting.run(feed, more)
        if ending.reason in ("done", "budget"):
            await self.lifecycle.create()
        await self._take(sink)
        if self.waits and ending.reason in ("done", "budget"):
            await self._wait(sink)
        return Ending(self.stopping.reason, self.stopping.error)

    def cancel(self) -> None:
        """End at once: batches stay as they are, and whoever comes next goes on with them."""
        self.stopping.stop("signal")

    async def _wait(self, sink: Sink) -> None:
        """Look at the batches, less and less often, until all have ended."""
        pause = FIRST_S
        while self.ctx.state.open and self.stopping.reason in ("done", "budget"):
            await self._sleep(pause * (1 - SPREAD + 2 * SPREAD * self.rand()))
            pause = min(MOST_S, pause * GROWTH)
            try:
                if self.give_up is not None and self.ctx.clock.now() >= self.give_up:
                    await self._give_up()
                await self.lifecycle.poll()
                await self.lifecycle.create()
            except ProviderError as exc:
                if not exc.temporary:
                    raise
                self.ctx.tell(f"{exc.message}; looking again in a while")
            await self._take(sink)

    async def _give_up(self) -> None:
        """Cancel what is left, once."""
        self.give_up, self.gave_up = None, True
        rows = self.ctx.state.left
        self.ctx.tell(f"cancelling the batches: {rows:,} rows that they leave open are sent one by one")
        await self.lifecycle.cancel()

    async def _sleep(self, seconds: float) -> None:
        """Sleep, or until the run is to stop."""
        if self.give_up is not None:
            seconds = min(seconds, max(0.0, self.give_up - self.ctx.clock.now()))
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass

    def _wake(self) -> None:
        self._woken.set()
        self._heard()

    async def _take(self, sink: Sink, count: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Write down what has come, and hand it on."""
        await self.taking.take_all()
        ctx, stats = self.ctx, self.job.stats
        begin = self._sent if self.output is None else ctx.state.begin(self.to, self.output.size)

        def append(line: bytes) -> None:
            sink.append(line, self._seq)
            self._seq += 1

        deliver(ctx, to=self.to, begin=begin, append=append, count=count or stats.recall)
        self._sent = ctx.lines.size
        stats.in_doubt = ctx.in_doubt
        stats.in_flight = ctx.state.left
