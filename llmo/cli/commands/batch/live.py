"""What `llmo batch` shows while it runs."""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from llmo.render.progress import Log, RecentRate, Snapshot, Watch, watch
from llmo.render.progress_bar import ASCII_MARKS, MARKS, Bar
from llmo.types.money import parse_usd

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from typing import TextIO

    from llmo.batch.executors.deferred.run import DeferredRun
    from llmo.batch.run import BatchRun
    from llmo.cli.commands.batch.flags import BatchFlags
    from llmo.cli.context import Context


@asynccontextmanager
async def progress(ctx: Context, flags: BatchFlags, run: BatchRun | DeferredRun) -> AsyncGenerator[None]:
    """Show progress until the run ends."""
    shown = _watch(ctx, flags.output.progress, piped=flags.output.output in {None, "-"} and _is_pipe(ctx.stdout))
    if shown is None:
        yield
        return
    watching = asyncio.create_task(watch(_snapshots(flags, run), shown))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        shown.close()
        ctx.bar = None


def _watch(ctx: Context, kind: str, *, piped: bool) -> Watch | None:
    """A bar, lines or nothing. What reads rows from a pipe may write to the same terminal, where no bar would last."""
    if kind == "none" or (kind == "auto" and ctx.quiet):
        return None
    if kind == "bar" or (kind == "auto" and ctx.stderr_tty and not piped and ctx.env.get("TERM") != "dumb"):
        ctx.bar = Bar(ctx.draw, width=lambda: ctx.stderr_width, color=ctx.color, marks=_marks(ctx))
        return ctx.bar
    return Log(ctx.err)


def _is_pipe(stream: TextIO) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def _marks(ctx: Context) -> str:
    """The characters of a bar that the terminal has."""
    try:
        MARKS.encode(ctx.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return ASCII_MARKS
    return MARKS


def _snapshots(flags: BatchFlags, run: BatchRun | DeferredRun) -> Callable[[], Snapshot]:
    max_cost, stats = flags.selection.max_cost, run.job.stats
    cap = None if max_cost is None else parse_usd(max_cost)
    pace = RecentRate()

    def take() -> Snapshot:
        elapsed = run.elapsed
        return Snapshot(
            total=stats.total if not stats.estimated or (stats.total and run.job.stream.known) else None,
            estimated=stats.estimated,
            skipped=stats.finished_before,
            done=stats.done,
            failed=stats.failed,
            in_flight=stats.in_flight,
            spent=stats.spent,
            held=run.held,
            in_doubt=stats.in_doubt,
            cap=cap,
            unpriced=stats.unpriced,
            throttled=stats.throttled,
            used=run.used,
            rate=pace(elapsed, stats.done),
            elapsed=elapsed,
            unit=run.job.unit,
        )

    return take
