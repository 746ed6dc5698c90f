"""The end of a run: signals that bring it about, and what is shown and written of it."""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from llmo.batch.finish import finish, write_report
from llmo.batch.output.appended import deleted
from llmo.batch.prepare import BatchFiles, NotConfirmed
from llmo.batch.run import StandardOutput
from llmo.cli import signals
from llmo.cli.commands.batch import output
from llmo.cli.files import STDIN
from llmo.types.format import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.batch.executors.deferred.run import DeferredRun
    from llmo.batch.executors.executor import Ending
    from llmo.batch.job import BatchJob
    from llmo.batch.run import BatchRun
    from llmo.cli.commands.batch.flags import BatchFlags
    from llmo.cli.context import Context
    from llmo.errors import Exit

GRACE_S = 30.0
"""Seconds that rows in flight have after a signal."""


@contextmanager
def files_of_run(ctx: Context) -> Iterator[BatchFiles]:
    """The files of a run, closed at its end."""
    files = BatchFiles()
    try:
        yield files
    except NotConfirmed as exc:
        if ctx.stdin_tty:
            exc.hint = "answer y, or give -y"
        raise
    finally:
        files.close()


def ended(ctx: Context, flags: BatchFlags, run: BatchRun | DeferredRun, ending: Ending, *, caught: list[Exit]) -> int:
    """Finish what a run wrote, and say what came of it; the exit code."""
    elapsed, job = run.elapsed, run.job
    report = finish(run, ending, elapsed=elapsed, caught=caught[0] if caught else None)
    output.show_report(ctx, flags, job, report, elapsed)
    output.explain(ctx, flags, job, ending, resumable=run.files.journal is not None)
    if flags.output.report == STDIN:
        ctx.json(report, indent=2)
    elif job.spec.output.report is not None:
        write_report(job.spec.output.report, report)
    return int(report["exit"])


def standard_output(ctx: Context, job: BatchJob) -> StandardOutput:
    def write(line: bytes) -> None:
        ctx.stdout.buffer.write(line)
        ctx.stdout.buffer.flush()

    def show(line: bytes) -> None:
        put = ctx.out if job.spec.output.shape == "csv" else ctx.spelled
        put(line.decode("utf-8", "surrogatepass"))

    return StandardOutput(write=show if ctx.stdout_tty else write, check=lambda: deleted(ctx.stdout))


def listen(ctx: Context, run: BatchRun | DeferredRun, caught: list[Exit], *, parting: str = "") -> None:
    """
    Stop the run at the first signal and cancel it at the second; exit codes are appended to `caught`.

    `parting` is said of a run that leaves nothing in flight.
    """
    loop = asyncio.get_running_loop()

    def heard(code: Exit) -> None:
        if caught:
            run.cancel()
            loop.call_later(signals.FORCE_S, _quit, ctx, caught[0])
            return
        caught.append(code)
        run.stop()
        flying = f"{counted(run.job.stats.in_flight, run.job.unit)} in flight"
        waiting = f"stopping: waiting up to {GRACE_S:.0f} s for {flying} (Ctrl-C again quits now)"
        ctx.note(f"llmo: {parting or waiting}")
        loop.call_later(GRACE_S, run.cancel)

    signals.listen(heard)


def _quit(ctx: Context, code: Exit) -> None:
    """End the process as it is."""
    if ctx.bar is not None:
        ctx.bar.clear()
    os._exit(int(code))
