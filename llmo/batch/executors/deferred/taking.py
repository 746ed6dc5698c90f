"""Results of a shard into lines: each row is settled and written once, whatever is missing, double or out of order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from llmo.batch.executors.deferred.rows import SentRows, copies
from llmo.batch.input.hash_table import Places
from llmo.batch.input.identity import key_bits
from llmo.batch.output import records
from llmo.batch.output.lines import entries, trusted
from llmo.catalog.prices import Charge
from llmo.engine.attempt import Attempt
from llmo.engine.job import Job
from llmo.engine.structured import Structured
from llmo.errors import Incomplete, LlmoError, RateLimited, Rejected, Unprocessed
from llmo.ledger.accounts import Hold
from llmo.routing.plan import Candidate, Plan, Task
from llmo.routing.quote import Quote
from llmo.routing.requirements import Requirements
from llmo.types.dataclass import replace
from llmo.types.format import counted
from llmo.types.messages import Params, Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from llmo.batch.executors.deferred.context import DeferredContext
    from llmo.batch.executors.deferred.rows import SentRow
    from llmo.batch.executors.deferred.state import Shard
    from llmo.engine.results import Result
    from llmo.providers.batches import BatchItem, BatchService
    from llmo.requests.validator import Validator

BREATH = 256
"""Rows between two moments in which others have their turn."""


class Taking:
    """Takes the results of a run's shards; doing it again after a crash gives the same lines and the same sums."""

    def __init__(self, ctx: DeferredContext, *, validator: Validator | None, tags: Mapping[str, str]) -> None:
        self._ctx, self._validator, self._tags = ctx, validator, tags

    async def take_all(self) -> None:
        """Give every row of the shards that have ended its line; then rows with the same request theirs."""
        for shard in self._ctx.state.shards:
            if shard.step == "ended":
                await self._take(shard)
        if not self._ctx.state.open:
            self._copy()

    async def _take(self, shard: Shard) -> None:
        ctx, service = self._ctx, self._ctx.service(shard)
        rows = SentRows(ctx.folder.rows(shard.number))
        seen = bytearray(len(rows))
        twice = strange = 0
        try:
            # An answer is paid for, so it counts for more than an error of the same id, wherever that stands.
            for good in (True, False):
                for count, item in enumerate(self._items(shard, service)):
                    if count % BREATH == 0:
                        await asyncio.sleep(0)
                    number = _number(item.id, shard, len(rows))
                    strange += good and number is None
                    if number is None or (item.error is None) != good:
                        continue
                    if seen[number]:
                        twice += good
                        continue
                    seen[number] = True
                    await self._row(shard, rows[number], item)
            for number in range(len(rows)):
                if not seen[number]:
                    await self._row(shard, rows[number], None, number)
        finally:
            rows.close()
        self._say(shard, twice=twice, strange=strange)
        await ctx.account.flush()
        shard.step = "taken"
        ctx.save()
        ctx.folder.discard(shard.number)

    def _items(self, shard: Shard, service: BatchService) -> Iterator[BatchItem]:
        for part in range(shard.results):
            with self._ctx.folder.results(shard.number, part).open("rb") as file:
                yield from (service.read(line) for line in file if line.strip())

    def _say(self, shard: Shard, *, twice: int, strange: int) -> None:
        if twice:
            self._ctx.tell(f"warning: {shard.target} answered {counted(twice, 'rows')} twice; the first answer is kept")
        if strange:
            self._ctx.tell(
                f"warning: {shard.target} returned {counted(strange, 'rows')} that nobody asked for; ignored"
            )

    async def _row(self, shard: Shard, row: SentRow, item: BatchItem | None, number: int = 0) -> None:
        """Settle a row and write its line."""
        ctx = self._ctx
        attempt = self._attempt(shard, row)
        error: LlmoError | None = None
        try:
            if item is None:
                raise _absent(shard, number)
            ctx.service(shard).decode(item, lambda event: attempt.answer.take(event, float))
            attempt.judge()
        except LlmoError as exc:
            error = exc
        await attempt.close(error)
        ctx.in_doubt += attempt.in_doubt
        result = attempt.answer.result(
            identifier=row.call, error=error, attempts=(attempt.record(),), total_s=0.0, began=0.0
        )
        result = self._judged(attempt, result)
        line = records.line((row.name, row.index, row.key), result, data=result.data, kept=row.kept)
        ctx.put(line, row.apart)

    def _judged(self, attempt: Attempt, result: Result) -> Result:
        """The answer with its data, where there is a schema."""
        return Structured(self._ctx.engine, attempt.job, self._validator, repair=0).judged(result)

    def _attempt(self, shard: Shard, row: SentRow) -> Attempt:
        """The attempt that the row was, with its hold."""
        facts = self._ctx.facts(shard.target)
        worst = None if row.worst is None else Quote((Charge(row.worst, 0),), row.worst)
        candidate = Candidate(
            target=shard.target,
            tier="explicit",
            rank=1,
            why="",
            facts=facts,
            max_output=row.limit,
            quote=worst,
            source="computed" if facts.model.price else "unknown",
            notes=tuple(row.notes),
            full_output=row.full,
        )
        need = Requirements(input_estimate=row.estimate, input_bound=row.bound, max_output=row.asked)
        asked = Request((), Params(extra={"tools": None} if row.tools else {}), stream=False)
        plan = Plan(task=Task(name=row.task, reason="", scores={}), requirements=need, candidates=(candidate,))
        job = Job(request=asked, plan=plan, run=self._ctx.name, tags=self._tags, row=row.name, queues=True)
        attempt = Attempt(self._ctx.engine, job, candidate, 1)
        attempt.call = replace(attempt.call, id=row.call)
        attempt.hold, attempt.sent, attempt.timed = Hold(row.call, self._ctx.account), True, False
        attempt.answer.reserved = row.worst or 0
        return attempt

    def _copy(self) -> None:
        """Give rows whose request is that of another row its line; where that has none, they wait for a new run."""
        ctx = self._ctx
        if not ctx.folder.copies.exists():
            return
        places = Places((key_bits(one.row["key"]), one.begin) for one in entries(ctx.folder.lines))
        end = ctx.state.copied
        for copy, end in copies(ctx.folder.copies, ctx.state.copied):  # noqa: B007 - where the last one ends
            place = places.get(key_bits(copy.key))
            line = None if place is None else trusted(ctx.lines.read(place))
            if line is not None and line["key"] == copy.key:
                ctx.put(records.copied((copy.name, copy.index, copy.key), line, copy.kept), copy.apart)
        ctx.state.copied = end
        ctx.save()


def _number(name: str, shard: Shard, count: int) -> int | None:
    """Which row of a shard an id means; None for one that is not of this shard."""
    nonce, _, digits = name.rpartition("-")
    if nonce != shard.nonce or not digits.isdecimal() or len(digits) > len(str(count)):
        return None
    return number if (number := int(digits)) < count else None


def _absent(shard: Shard, number: int) -> LlmoError:
    """Why a row has no result."""
    if shard.cancelled and not shard.batch:
        return Unprocessed("cancelled before it was sent")
    if not shard.faults:
        return Incomplete(
            f"the batch is {shard.word or 'over'}, and has no result of this row", hint="it may be billed"
        )
    own = [message for line, message in shard.faults if line == number + 1]
    said = own[0] if own else shard.faults[0][1]
    if shard.crowded:
        return RateLimited(f"the batch was refused: {said}", hint="set enqueued_tokens of the provider")
    if own or not shard.faults[0][0]:
        return Rejected(f"the batch was refused: {said}")
    return Rejected(f"the batch was refused for another row (line {shard.faults[0][0]}): {said}")
