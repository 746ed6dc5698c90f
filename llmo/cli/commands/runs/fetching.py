"""Fetches what batches have come to, and cancels them."""

from __future__ import annotations

import os
import signal
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from llmo.batch.executors.deferred.delivery import deliver, failed
from llmo.batch.executors.deferred.lifecycle import Lifecycle
from llmo.batch.executors.deferred.submission import release_pending
from llmo.batch.executors.deferred.taking import Taking
from llmo.batch.output import export
from llmo.batch.output.journal import Journal
from llmo.batch.registry import Registry
from llmo.batch.resume import manifest
from llmo.batch.spec import OutputSpec
from llmo.batch.stats import RunStats
from llmo.cli import deferred_runs, signals
from llmo.errors import Exit, LlmoError, UsageError
from llmo.render import run_summary
from llmo.storage.files import replaced
from llmo.types.format import counted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from llmo.batch.executors.deferred.context import DeferredContext
    from llmo.batch.output.export import Shape
    from llmo.batch.registry import RunRecord
    from llmo.cli.context import Context


def fetch(ctx: Context, asked: str, *, output: str | None, shape: Shape | None) -> int:
    """Get what there is and write it; returns the exit code. Raises `LlmoError`."""
    record = Registry.of(ctx.env).find(asked)
    if record.engine != "deferred":
        raise UsageError(f"not a deferred run: {record.id}", hint=f"its rows are in {record.output}")
    name = output or record.output
    if name is None:
        raise UsageError("the run has no output: -o is missing", hint=f"llmo runs fetch {record.id} -o FILE")
    if name in ("-", "/dev/stdout"):
        raise UsageError("llmo runs fetch writes to a file: -o -", hint="name a file with -o")
    export.local("-o", name)
    return signals.run(_fetched(ctx, record, Path(name), shape or (export.shape_of(Path(name)) if output else None)))


def cancel(ctx: Context, asked: str) -> int:
    """End a run; returns the exit code. Raises `LlmoError`."""
    record = Registry.of(ctx.env).find(asked)
    if record.engine == "deferred":
        return signals.run(_cancelled(ctx, record))
    if not record.running or os.name == "nt":
        raise UsageError(f"the run {record.id} is not running", hint=f"llmo runs resume {record.id} continues it")
    os.kill(record.owner.pid, signal.SIGINT)
    ctx.note(f"llmo: interrupted {record.id}, which finishes the rows in flight")
    return int(Exit.OK)


def _spec(run: DeferredContext, target: Path, shape: Shape | None) -> OutputSpec:
    """Where the lines go. Raises `UsageError` for what can't be written."""
    told = run.state.settings.get("shape")
    found: Shape = next((one for one in get_args(export.Shape) if one == told), "jsonl")
    spec = OutputSpec(target=target, shape=shape or found)
    if spec.journal is None:
        raise UsageError(f"not a file: {target}", hint="name a file that can be appended to")
    export.writable(spec.shape)
    if spec.replaces:
        raise UsageError(f"not an output of llmo batch: {target}", hint="use another -o")
    return spec


@asynccontextmanager
async def _opened(ctx: Context, record: RunRecord) -> AsyncGenerator[DeferredContext]:
    """The run, under the profile that it was begun with unless the command names one."""
    if ctx.profile_name is None:
        ctx.profile_name = record.profile
    session = ctx.session(run=record.name)
    try:
        run = deferred_runs.opened(ctx, session, record)
        try:
            release_pending(run)
            yield run
            await run.account.flush()
        finally:
            run.close()
    finally:
        await session.close()


async def _fetched(ctx: Context, record: RunRecord, target: Path, shape: Shape | None) -> int:
    """Fetch into a file; without a `shape` it has the one that the run was to have."""
    async with _opened(ctx, record) as run:
        began = time.monotonic()
        spec = _spec(run, target, shape)
        await _caught_up(run)
        assert spec.journal is not None
        journal = Journal(spec.journal)
        try:
            stats = _delivered(run, spec, journal)
        finally:
            journal.close()
        code = Exit.ROWS_FAILED if stats.failed else Exit.OK
        if stats.done:
            report = {**stats.report(), "run": record.name}
            for line in run_summary.summary(report, time.monotonic() - began, width=_width(ctx)):
                ctx.note(line)
        elif not run.state.open:
            ctx.note(f"llmo: nothing new: all rows of {record.id} that have an answer are in {spec.target}")
        return int(_still(ctx, run, record) or code)


def _width(ctx: Context) -> int | None:
    return ctx.stderr_width if ctx.stderr_tty else None


async def _caught_up(run: DeferredContext) -> None:
    from llmo.requests.validator import checked

    lifecycle, settings = Lifecycle(ctx=run), run.state.settings
    schema: Any = settings.get("schema")
    tags: Any = settings.get("tags") or {}
    await lifecycle.poll()
    await Taking(run, validator=None if schema is None else checked(schema), tags=tags).take_all()
    await lifecycle.create()


def _delivered(run: DeferredContext, spec: OutputSpec, journal: Journal) -> RunStats:
    """Write what is new to the output, and bring that into its form."""
    settings, target, path = run.state.settings, spec.target, journal.path
    assert target is not None
    to, stats, before = str(target.absolute()), RunStats(), journal.size
    deliver(run, to=to, begin=run.state.begin(to, journal.size), append=journal.append, count=stats.recall)
    stats.in_doubt = run.in_doubt
    stats.total = stats.done + run.state.left
    columns: Any = settings.get("columns") or ()
    ordered = bool(settings.get("ordered")) and spec.shape == "jsonl"
    try:
        if not run.state.open and ((before and stats.done) or ordered):
            export.rewrite(path, manifest.beside(target, "old.jsonl"), ordered=ordered)
        if spec.shape != "jsonl":
            export.export(path, target, spec.shape, kept=tuple(map(str, columns)))
        errors = settings.get("errors")
        if not run.state.open and isinstance(errors, str):
            with replaced(Path(errors)) as out:
                out.writelines(failed(run))
    except OSError as exc:
        what = f"cannot write {exc.filename or target}: {exc.strerror}"
        raise LlmoError(what, hint=f"all rows are kept in {path}") from None
    return stats


def _still(ctx: Context, run: DeferredContext, record: RunRecord) -> Exit | None:
    """Say what is still in batches; the exit code for that, None when nothing is."""
    if not run.state.open:
        return None
    rows = counted(run.state.left, "rows")
    words = ", ".join(sorted({shard.word or "created" for shard in run.state.open}))
    ctx.note(f"llmo: {rows} in {deferred_runs.named(len(run.state.open))} have no answer yet ({words})")
    ctx.note(f"llmo: fetch them later with: {deferred_runs.fetch_command(record)}")
    return Exit.TEMPORARY


async def _cancelled(ctx: Context, record: RunRecord) -> int:
    async with _opened(ctx, record) as run:
        found = await Lifecycle(ctx=run).cancel()
        await _caught_up(run)
        if not found:
            ctx.note(f"llmo: nothing to cancel: every batch of {record.id} has ended")
            return int(Exit.OK)
        ctx.note(f"llmo: cancelled {deferred_runs.named(found)} of {record.id}; what was finished is paid for")
        ctx.note(f"llmo: fetch it with: {deferred_runs.fetch_command(record)}")
    return int(Exit.OK)
