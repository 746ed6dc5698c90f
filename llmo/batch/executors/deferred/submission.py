"""Rows into shards: planned, held at the batch price, and written down before anything leaves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from llmo.batch.executors.deferred.rows import CopiedRow, SentRow, appended, copies, sent
from llmo.batch.executors.deferred.shards import OpenShard, PendingHolds
from llmo.batch.executors.executor import Ending
from llmo.batch.input.hash_table import HashTable
from llmo.batch.input.identity import key_bits, short
from llmo.batch.output import records
from llmo.batch.output.appended import written
from llmo.batch.output.lines import trusted
from llmo.batch.output.records import FATAL
from llmo.engine.attempt import Attempt
from llmo.engine.job import Job
from llmo.engine.results import unsent
from llmo.errors import BudgetExceeded, CredentialsError, LlmoError
from llmo.ledger.records import Released
from llmo.routing.refusals import require_candidates

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from llmo.batch.executors.deferred.context import DeferredContext
    from llmo.batch.executors.executor import Stopping
    from llmo.batch.job import BatchJob
    from llmo.batch.output.journal import Journal
    from llmo.batch.resume.feed import Work
    from llmo.types.messages import Target

GROUP = 256
"""Rows whose holds are taken in one transaction."""
RELEASED = 500
"""Holds that are released in one transaction."""


class Submitting:
    """
    Takes the rows of a feed.

    `output` has answers of earlier runs, None without one. Money runs out as in a local run: what was held is sent.
    """

    def __init__(self, ctx: DeferredContext, job: BatchJob, stopping: Stopping, *, output: Journal | None) -> None:
        self._ctx, self._job, self._stopping, self._output = ctx, job, stopping, output
        self._keys, self._waits = HashTable(), HashTable()
        self._open: dict[Target, OpenShard] = {}
        self._holds = PendingHolds(ctx.folder)
        self._group: list[tuple[Work, Attempt]] = []
        self._next = 1 + max((shard.number for shard in ctx.state.shards), default=0)
        self._taken = 0

    async def run(self, feed: Iterator[Work | None], more: Callable[[], Awaitable[None]]) -> Ending:
        """Put every row of the feed into a shard, or give it its line. Raises `LlmoError` when a disk is full."""
        try:
            self._read_waiting()
            for work in feed:
                if self._stopping:
                    break
                if work is None:
                    await more()
                    continue
                self._take(work)
                if len(self._group) >= GROUP:
                    await self._hold()
            await self._hold()
            for shard in list(self._open.values()):
                self._seal(shard)
        except OSError as exc:
            raise LlmoError(f"cannot write {self._ctx.folder.path}: {exc.strerror}", hint="free some space") from None
        finally:
            for shard in self._open.values():
                shard.close()
        self._ctx.state.whole = not self._stopping
        self._ctx.save()
        return Ending(self._stopping.reason, self._stopping.error)

    def _read_waiting(self) -> None:
        """Learn which rows are in batches, and which wait for the answer to an identical one."""
        ctx = self._ctx
        for shard in ctx.state.open:
            for row in sent(ctx.folder.rows(shard.number)):
                self._waits.set(short(row.name), 1)
                self._keys.set(key_bits(row.key), 1)
        for copy, _ in copies(ctx.folder.copies, ctx.state.copied):
            self._waits.set(short(copy.name), 1)

    def _take(self, work: Work) -> None:
        stats, job = self._job.stats, self._job
        if short(work.name) in self._waits:
            return
        if job.spec.dedupe and work.fault is None and self._copies(work):
            return
        self._taken += 1
        try:
            if work.fault is not None:
                raise work.fault
            plan = job.plan(work)
            require_candidates(plan)
        except CredentialsError as exc:
            self._stop(exc)
            return
        except LlmoError as exc:
            # This row's own: it holds private data, or fits no model. What all rows share was checked before.
            self._failed(work, exc)
            return
        stats.private += bool(plan.requirements.private_kinds)
        asked = Job(
            request=work.request,
            plan=plan,
            run=self._ctx.name,
            tags=job.spec.selection.tags,
            timeout=job.spec.timeout,
            row=work.name,
            queues=True,
        )
        self._group.append((work, Attempt(self._ctx.engine, asked, plan.ranked[0], 1)))
        self._keys.set(key_bits(work.key), 1)

    def _copies(self, work: Work) -> bool:
        """Whether another row has the same request: its answer is there, or will be."""
        kept = self._job.keep(work.fields)
        if key_bits(work.key) in self._keys:
            copy = CopiedRow(name=work.name, index=work.index, key=work.key, kept=kept, apart=work.apart)
            with appended(self._ctx.folder.copies) as file:
                written(file, copy.line())
            self._waits.set(short(work.name), 1)
            return True
        place = None if self._job.answers is None else self._job.answers.get(key_bits(work.key))
        line = None if place is None or self._output is None else trusted(self._output.read(place))
        if line is None or line["key"] != work.key:
            return False
        self._ctx.put(records.copied(work.identity, line, kept), work.apart)
        self._job.stats.copied += 1
        return True

    def _failed(self, work: Work, error: LlmoError) -> None:
        """Give a row that can't be sent its line."""
        kept = self._job.keep(work.fields)
        self._ctx.put(records.line(work.identity, unsent(work.name, error), kept=kept), work.apart)

    def _stop(self, error: LlmoError) -> None:
        self._stopping.stop("budget" if isinstance(error, BudgetExceeded) else "fatal", error)

    async def _hold(self) -> None:
        """Take the holds of a group, then put its rows into shards."""
        group, self._group = self._group, []
        if not group:
            return
        ctx, stats = self._ctx, self._job.stats
        ctx.account.left = max(len(group), stats.total - stats.finished_before - self._taken + len(group))
        self._holds.add(attempt.call.id for _, attempt in group)
        never = float("inf")
        failures = await asyncio.gather(*(attempt.open(never) for _, attempt in group), return_exceptions=True)
        for number, ((work, attempt), failure) in enumerate(zip(group, failures, strict=True)):
            rest = [one.call.id for _, one in group[number:]]
            if isinstance(failure, FATAL):
                self._stop(failure)
            elif isinstance(failure, LlmoError):
                self._failed(work, failure)
            elif isinstance(failure, BaseException):
                raise failure
            else:
                await self._add(work, attempt, rest)
        await ctx.account.flush()

    async def _add(self, work: Work, attempt: Attempt, rest: list[str]) -> None:
        """Put a held row into the shard of its target."""
        ctx, target = self._ctx, attempt.candidate.target
        service, shard = ctx.services(target.provider), self._shard(target)
        row = _row(work, attempt, self._job.keep(work.fields))
        request = attempt.request()
        try:
            line = service.line(shard.next_id, request, target.model)
            if not shard.fits(line, row.estimate, service.limits, ctx.allowed(target)):
                self._seal(shard, rest)
                shard = self._shard(target)
                line = service.line(shard.next_id, request, target.model)
        except LlmoError as exc:
            assert attempt.hold is not None
            await attempt.hold.release(exc.kind)
            self._failed(work, exc)
            return
        shard.add(row, line)
        self._waits.set(short(work.name), 1)

    def _shard(self, target: Target) -> OpenShard:
        if target not in self._open:
            self._open[target] = OpenShard(self._ctx.folder, self._next, target)
            self._next += 1
        return self._open[target]

    def _seal(self, shard: OpenShard, rest: list[str] | None = None) -> None:
        """End a shard; from here on it is in the state, and its holds are those of its rows."""
        del self._open[shard.target]
        self._ctx.state.shards.append(shard.seal())
        self._ctx.save()
        others = [call for one in self._open.values() for call in one.calls]
        self._holds.replace([*others, *(rest or ())])


def release_pending(ctx: DeferredContext) -> None:
    """Give back what a process that crashed had held for shards that were not whole: nothing of them was sent."""
    holds = PendingHolds(ctx.folder)
    pending = dict.fromkeys(holds.read())
    if pending:
        for shard in ctx.state.open:
            for row in sent(ctx.folder.rows(shard.number)):
                pending.pop(row.call, None)
        calls = list(pending)
        for begin in range(0, len(calls), RELEASED):
            ctx.account.ledger.apply([Released(call, "cancelled") for call in calls[begin : begin + RELEASED]])
        holds.replace(())
    for number in ctx.folder.loose(ctx.state):
        ctx.folder.discard(number)


def _row(work: Work, attempt: Attempt, kept: object) -> SentRow:
    need, candidate = attempt.job.plan.requirements, attempt.candidate
    described = {name for fields in (work.request.params.extra, work.request.body or {}) for name in fields}
    return SentRow(
        name=work.name,
        index=work.index,
        key=work.key,
        call=attempt.call.id,
        worst=candidate.worst,
        estimate=need.input_estimate,
        bound=need.input_bound,
        asked=need.max_output,
        limit=candidate.max_output,
        full=candidate.full,
        task=attempt.call.task,
        tools=bool({"tools", "functions"} & described),
        known=candidate.facts.model.max_output is not None,
        notes=list(attempt.answer.warnings),
        kept=kept,  # type: ignore[arg-type]  # fields of the row
        apart=work.apart,
    )
