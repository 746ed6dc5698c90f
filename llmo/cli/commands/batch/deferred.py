"""`llmo batch --deferred`: submit what is new, and wait for the answers if that is wanted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from llmo.batch import prepare
from llmo.batch.executors.deferred.run import DeferredRun
from llmo.cli import deferred_runs
from llmo.cli.commands.batch import live
from llmo.cli.commands.batch.ending import ended, files_of_run, listen, standard_output
from llmo.cli.commands.batch.flags import STDOUT
from llmo.cli.commands.batch.recording import recorded
from llmo.cli.durations import seconds
from llmo.errors import Exit, LlmoError, UsageError
from llmo.storage.paths import data_dir
from llmo.types.dataclass import replace
from llmo.types.format import counted, dollars
from llmo.types.ids import ulid

if TYPE_CHECKING:
    from llmo.batch.executors.deferred.context import DeferredContext
    from llmo.batch.executors.executor import Ending
    from llmo.batch.job import BatchJob
    from llmo.batch.registry import RunRecord
    from llmo.cli.commands.batch.flags import BatchFlags
    from llmo.cli.context import Context

LOCAL = {
    "--concurrency": ("concurrency", "auto"),
    "--rpm": ("rpm", None),
    "--tpm": ("tpm", None),
    "--share": ("share", 1.0),
    "--max-failures": ("max_failures", None),
}
"""Flags of rows that are sent one by one: their fields, and what these are unless given."""


def refuse(flags: BatchFlags) -> None:
    """Raise for flags that a deferred run can't follow. Raises `UsageError`."""
    manner = flags.manner
    if not manner.deferred:
        if manner.wait or manner.fallback_after is not None:
            flag = "--wait" if manner.wait else "--fallback-after"
            raise UsageError(f"{flag} requires --deferred", hint="without it, rows are answered at once")
        return
    _refuse_fallback(flags)
    for flag, given in _useless(flags).items():
        if given:
            raise UsageError(f"{flag} and --deferred cannot be combined", hint=f"remove {flag}")
    if flags.output.report is not None and not manner.wait:
        raise UsageError("--report requires --wait with --deferred", hint="the answers come later")


def _refuse_fallback(flags: BatchFlags) -> None:
    """Raise for a --fallback-after that nobody could follow."""
    after = flags.manner.fallback_after
    if after is None:
        return
    seconds("--fallback-after", after)
    if not flags.manner.wait:
        raise UsageError("--fallback-after requires --wait", hint="somebody must be there to send the rest")
    if flags.reads_stdin or flags.output.output in STDOUT:
        hint = "what the batches leave open is a second run over the same rows"
        raise UsageError("--fallback-after requires input files and -o FILE", hint=hint)


def _useless(flags: BatchFlags) -> dict[str, bool]:
    """Flags that a batch service has no use for, and whether they are given."""
    manner = flags.manner
    found = {
        "--compare": manner.compare,
        "--cache": manner.cache is not None,
        "--at-most-once": manner.at_most_once,
        "--engine": manner.engine != "local",
        "--repair": flags.source.repair is not None,
    }
    if manner.fallback_after is None:
        found |= {flag: getattr(manner, name) not in (None, unset) for flag, (name, unset) in LOCAL.items()}
    return found


def at_once(flags: BatchFlags) -> BatchFlags:
    """The flags of the run that sends one by one what --fallback-after has cancelled."""
    return replace(flags, manner=replace(flags.manner, deferred=False, wait=False, fallback_after=None))


def run(ctx: Context, flags: BatchFlags, job: BatchJob) -> int | None:
    """
    Submit what is new, and wait if that is wanted.

    Returns the exit code, None when the time of --fallback-after was over and rows are left. Raises `LlmoError`.
    """
    with files_of_run(ctx) as files:
        fresh = ulid(ctx.clock.now())
        name = prepare.prepare(job, files, run=fresh, saved=data_dir(ctx.env) / "saved")
        record = recorded(ctx, job, "deferred", identifier=fresh, name=name)
        return asyncio.run(_run(ctx, flags, job, files, record))


async def _run(
    ctx: Context, flags: BatchFlags, job: BatchJob, files: prepare.BatchFiles, record: RunRecord
) -> int | None:
    selection = flags.selection
    session = ctx.session(
        run=record.name, max_cost=selection.max_cost, allow_unpriced=selection.allow_unpriced, rates=job.spec.rates
    )
    caught: list[Exit] = []
    try:
        opened = deferred_runs.opened(ctx, session, record)
        try:
            run = DeferredRun(
                job,
                files,
                opened,
                write=standard_output(ctx, job).write,
                waits=flags.manner.wait,
                give_up=_give_up(flags, record),
            )
            listen(ctx, run, caught, parting="stopping: the batches go on without llmo")
            async with live.progress(ctx, flags, run):
                ending = await run.run()
            await opened.account.flush()
        except LlmoError:
            _say_kept(ctx, opened, record)
            raise
        finally:
            opened.close()
    finally:
        await session.close()
    if run.gave_up and not opened.state.open and not caught:
        stats = job.stats
        answered = sum(count for word, count in stats.statuses.items() if word != "error")
        ctx.note(
            f"llmo: the batches answered {counted(answered, 'rows')}, {dollars(stats.spent)}; sending the rest now"
        )
        return None
    if not opened.state.open:
        return ended(ctx, flags, run, ending, caught=caught)
    code = _submitted(ctx, run, ending, record)
    return int(caught[0]) if caught else code


def _say_kept(ctx: Context, opened: DeferredContext, record: RunRecord) -> None:
    """Say what is there all the same when a run could not be carried on."""
    if rows := opened.state.left:
        ways = f"the same command goes on, llmo runs cancel {record.id} gives them up"
        ctx.note(f"llmo: {counted(rows, 'rows')} of the run {record.id} are ready or in batches: {ways}")


def _give_up(flags: BatchFlags, record: RunRecord) -> float | None:
    """The instant at which --fallback-after is over, which counts from the first submission."""
    after = flags.manner.fallback_after
    return None if after is None else record.began + seconds("--fallback-after", after)


def _submitted(ctx: Context, run: DeferredRun, ending: Ending, record: RunRecord) -> int:
    """Say what is in batches now, and how its answers come; the exit code."""
    state = run.ctx.state
    shards = state.open
    rows, where = state.left, ", ".join(sorted({str(shard.target) for shard in shards}))
    created = sum(shard.step == "created" for shard in shards)
    ctx.note(f"llmo: {counted(rows, 'rows')} in {deferred_runs.named(created)} at {where}; run {record.id}")
    if (later := len(shards) - created) > 0:
        ctx.note(f"llmo: {deferred_runs.named(later)} still to be created: llmo runs fetch does that when it is time")
    if ending.error is not None:
        ctx.err(f"llmo: stopped: {ending.error.message}")
        if ending.error.hint:
            ctx.err(f"hint: {ending.error.hint}")
        if run.job.stats.left > rows:
            ctx.err(f"llmo: {counted(run.job.stats.left - rows, 'rows')} are not submitted; the same command goes on")
    ctx.note(f"llmo: fetch the answers with: {deferred_runs.fetch_command(record)}")
    if run.job.spec.output.target is not None or not run.waits:
        # No rows are there: scripts get the id.
        ctx.out(f"{record.id}\n")
    return int(Exit.OK if ending.error is None else ending.error.exit)
