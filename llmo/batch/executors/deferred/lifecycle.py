"""
Shards through their service: created once, looked for before ever being created again, polled, fetched, cancelled.

Before a call that may make a batch, the state says so; after it, the state has its id. A process that ends between the
two leaves a shard that may have become a batch: whoever comes next looks for its nonce.
"""

from __future__ import annotations

import asyncio
import random
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from llmo.batch.executors.deferred.downloads import fetched
from llmo.errors import ModelNotFound, ProviderError, Rejected
from llmo.providers.batches import Submission
from llmo.types.dataclass import dataclass
from llmo.types.format import counted, span

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from llmo.batch.executors.deferred.context import DeferredContext
    from llmo.batch.executors.deferred.state import Shard
    from llmo.providers.batches import BatchService, BatchStatus

T = TypeVar("T")

SETTLE_S = 5.0
"""Seconds after a call that may have made a batch, until a list without it means that there is none."""
LOOK_S = 1.0
"""Seconds between two looks at such a list."""
TRIES = 4
"""Times that what costs nothing is tried."""
PAUSE_S = 1.0
"""Seconds before the second try; twice as many before each further one."""
CREATIONS = 3
"""Times that a batch is created in one go, each after its forerunner was looked for in vain."""
CROWDED_S, CROWDED_MOST_S = 300.0, 3600.0
"""Seconds until a batch that failed for too many waiting tokens is created again: at first, and at most."""
CROWDED_TRIES = 48
"""Times that it is, which takes two days."""


@dataclass(slots=True, kw_only=True)
class Lifecycle:
    """The steps of all shards of a run. Raises `LlmoError` for what the user must see to; the state is right then."""

    ctx: DeferredContext
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    rand: Callable[[], float] = random.random

    async def create(self) -> None:
        """Create the batches that may be created now."""
        for shard in self.ctx.state.shards:
            if shard.step == "creating":
                await self._found(shard)
            if shard.step == "sealed" and shard.not_before <= self.ctx.clock.now() and self._room(shard):
                try:
                    await self._create(shard)
                except ModelNotFound as exc:
                    exc.hint = "is there a batch service at this address? without --deferred, rows are sent one by one"
                    raise

    async def poll(self) -> None:
        """Look what has become of the batches, and get the results of those that have ended."""
        for shard in self.ctx.state.shards:
            if shard.step == "creating":
                await self._found(shard)
            if shard.step == "created":
                await self._poll(shard)

    async def cancel(self) -> int:
        """Cancel every batch; returns how many shards were still open. Those that were never created have ended."""
        found = 0
        for shard in self.ctx.state.shards:
            if shard.step == "creating":
                await self._found(shard)
            if shard.step == "sealed":
                shard.step, shard.cancelled, found = "ended", True, found + 1
                self.ctx.save()
            elif shard.step == "created":
                await self._tried(lambda one=shard: self.ctx.service(one).cancel(one.batch))  # type: ignore[misc]
                shard.cancelled, found = True, found + 1
                self.ctx.save()
        return found

    def _room(self, shard: Shard) -> bool:
        """Whether its tokens may wait beside those of other batches of the same model."""
        allowed = self.ctx.allowed(shard.target)
        others = [one.tokens for one in self.ctx.state.shards if one.waiting and one.target == shard.target]
        return allowed is None or not others or sum(others) + shard.tokens <= allowed

    async def _create(self, shard: Shard) -> None:
        """Create a batch once; an answer that did not come is no reason to create another."""
        service = self.ctx.service(shard)
        for number in range(CREATIONS):
            await self._prepare(shard, service)
            try:
                batch = await service.create(self._submission(shard))
            except ProviderError as exc:
                if _refused(exc):
                    self._put_back(shard, exc)
                    return
                if await self._found(shard):
                    return
                if number == CREATIONS - 1:
                    raise
            else:
                self._adopt(shard, batch, perhaps=False)
                return

    async def _prepare(self, shard: Shard, service: BatchService) -> None:
        """Do what costs nothing, and write down that the next call may make a batch."""
        if not shard.since:
            shard.after = await self._tried(service.newest)
        if not shard.upload:
            shard.upload = await self._tried(lambda: service.upload(self._submission(shard)))
        shard.step, shard.since = "creating", self.ctx.clock.now()
        self.ctx.save()

    def _put_back(self, shard: Shard, error: ProviderError) -> None:
        """Note that a service took no batch, and why. Raises the error where it is not about the rows."""
        shard.step = "sealed"
        if isinstance(error, Rejected):
            shard.step, shard.faults = "ended", [(0, error.message)]
            self.ctx.save()
            return
        self.ctx.save()
        raise error

    async def _found(self, shard: Shard) -> bool:
        """
        Find the batch that a shard may have become; without one, it is `sealed` as before.

        Only a list that is read some time after the call tells that there is none.
        """
        ctx = self.ctx
        known = {*(one.batch for one in ctx.state.shards if one.batch), *ctx.others(), *shard.strangers}
        while True:
            found = await self._tried(lambda: ctx.service(shard).find(self._submission(shard), known=known))
            if found:
                self._adopt(shard, found[0].id, perhaps=not found[0].certain)
                return True
            passed = ctx.clock.now() - shard.since
            if passed < 0:
                # The clock was put back: the call may be just made.
                shard.since, passed = ctx.clock.now(), 0.0
            if passed >= SETTLE_S:
                break
            await self.sleep(min(SETTLE_S - passed, LOOK_S))
        shard.step = "sealed"
        ctx.save()
        return False

    def _adopt(self, shard: Shard, batch: str, *, perhaps: bool) -> None:
        shard.batch, shard.perhaps, shard.step = batch, perhaps, "created"
        self.ctx.save()

    async def _poll(self, shard: Shard) -> None:
        service = self.ctx.service(shard)
        try:
            status = await self._tried(lambda: service.status(shard.batch))
        except ModelNotFound as exc:
            shard.step, shard.word = "ended", f"gone ({exc.message})"
            self.ctx.save()
            return
        shard.word = status.word
        if not status.ended:
            return
        if status.faults:
            self._failed(shard, status)
            return
        mine = await fetched(shard, status, service, self.ctx.folder, tried=self._tried)
        if mine is None:
            shard.strangers.append(shard.batch)
            shard.batch, shard.perhaps, shard.step = "", False, "creating"
            self.ctx.save()
            if not await self._found(shard) and not shard.cancelled:
                await self._create(shard)
            return
        shard.results, shard.step = mine, "ended"
        self.ctx.save()

    def _failed(self, shard: Shard, status: BatchStatus) -> None:
        """Nothing of a batch ran: its rows are to blame, or too many others waited."""
        crowded = all(fault.crowded for fault in status.faults)
        allowed = min((fault.allowed for fault in status.faults if fault.allowed), default=None) if crowded else None
        if allowed is not None:
            self.ctx.state.allowed[str(shard.target)] = allowed
        hopeless = allowed is not None and shard.tokens > allowed
        if crowded and not hopeless and shard.tries < CROWDED_TRIES and not shard.cancelled:
            wait = min(CROWDED_MOST_S, CROWDED_S * 2**shard.tries)
            shard.strangers.append(shard.batch)
            shard.batch, shard.step, shard.tries = "", "sealed", shard.tries + 1
            shard.not_before = self.ctx.clock.now() + wait * (0.75 + self.rand() / 2)
            self.ctx.save()
            rows = counted(shard.count, "rows")
            self.ctx.tell(f"too many tokens wait at {shard.target}: {rows} are submitted again in about {span(wait)}")
            return
        shard.faults = [(fault.line or 0, fault.message) for fault in status.faults]
        shard.step, shard.crowded = "ended", crowded
        self.ctx.save()

    def _submission(self, shard: Shard) -> Submission:
        return Submission(
            run=self.ctx.name,
            nonce=shard.nonce,
            path=self.ctx.folder.requests(shard.number),
            count=shard.count,
            upload=shard.upload,
            after=shard.after,
        )

    async def _tried(self, call: Callable[[], Awaitable[T]]) -> T:
        """What a call that costs nothing returns, tried again while its failure is temporary."""
        for number in range(TRIES):
            try:
                return await call()
            except ProviderError as exc:
                if not exc.temporary or number == TRIES - 1:
                    raise
                pause = PAUSE_S * 2**number
                await self.sleep(max(exc.retry_after or 0.0, pause * (0.5 + self.rand())))
        raise AssertionError


def _refused(error: ProviderError) -> bool:
    """Whether a call surely made no batch: it never left, or was refused. A gateway's 5xx says nothing of it."""
    if error.may_be_billed:
        return False
    return error.status is None or HTTPStatus.BAD_REQUEST <= error.status < HTTPStatus.INTERNAL_SERVER_ERROR
