"""The run itself: workers, output, signals, progress."""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO

from llmo.batch.executors.executor import Stopping
from llmo.batch.executors.local import GRACE_S, LocalExecutor, Rules
from llmo.batch.executors.row import RowExecutor, RowSettings
from llmo.batch.output import comparison, export
from llmo.batch.output.appended import deleted
from llmo.batch.output.comparison import Gather
from llmo.batch.output.sinks import WINDOW, ToJournal, ToStream
from llmo.cli import options, signals
from llmo.cli.commands.batch import finish
from llmo.cli.commands.batch.prepare import BatchFiles, opened, prepare
from llmo.engine.rate_limits import RateOverrides, limits
from llmo.errors import Exit, LlmoError
from llmo.render import progress
from llmo.types.format import counted
from llmo.types.money import parse_usd

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from llmo.batch.executors.executor import Executor, Sink
    from llmo.batch.output.journal import Journal
    from llmo.cli.commands.batch.job import BatchJob
    from llmo.providers.provider import Provider

REPAIRS = 1
FILES_BESIDE = 64
"""Descriptors that are needed besides one for each row in flight."""


def run(task: BatchJob) -> int:
    """Send what is left; the exit code."""
    files = BatchFiles()
    job = BatchRun(task, files)
    try:
        job.workers = workers(task)
        prepare(task, files)
        return asyncio.run(job.main())
    finally:
        files.close()


@dataclass
class BatchRun:
    """One run; `caught` is the exit code of a signal."""

    task: BatchJob
    files: BatchFiles
    workers: int = 1
    caught: Exit | None = None
    began: float = 0.0
    used: Callable[[], float | None] = lambda: None
    held: Callable[[], int] = lambda: 0
    gather: Gather | None = None

    async def main(self) -> int:
        """Run until the end, whatever ends it."""
        from llmo.cli.wiring import CommandWiring

        task = self.task
        wired = CommandWiring(task.ctx, task.flags.selection, wish=_wish(task), width=self.workers)
        sink = self._sink()
        rules = Rules(
            workers=self.workers,
            same=task.same,
            max_failures=task.flags.manner.failures(task.total),
            keep=task.keep,
            failed=self.files.failed,
        )
        stopping = Stopping(self._kept)

        def kept(name: str) -> Provider:
            # The last instant before a request leaves: nothing is paid whose answer could not be kept.
            stopping.guard()
            return wired.providers(name)

        engine = replace(wired.engine, providers=kept)
        row_executor = RowExecutor(engine, task.plan, self._settings(), stats=task.stats, intents=self.files.intents)
        executor = LocalExecutor(row_executor, rules=rules, stats=task.stats, stopping=stopping)
        self.used, self.held = wired.limiter.used, lambda: wired.account.held
        self.began = time.monotonic()
        try:
            async with self._beside(executor, stopping):
                ending = await executor.run(iter(task.feed(self.files.failed)), sink)
            task.stats.used = self.used()
            if isinstance(sink, ToStream):
                sink.close()
            if self.gather is not None:
                self.gather.close()
        finally:
            await wired.close()
        elapsed = time.monotonic() - self.began
        streamed = None if self.gather is None else self.gather.summary
        return finish.finish(task, self.files, ending, caught=self.caught, elapsed=elapsed, streamed=streamed)

    @asynccontextmanager
    async def _beside(self, executor: Executor, stopping: Stopping) -> AsyncGenerator[None]:
        """What goes on beside the workers: signals, progress, syncing."""
        self._listen(executor, stopping)
        watch = self._watch()
        tasks = [asyncio.create_task(progress.watch(self._snapshot, watch))] if watch else []
        if self.files.journal is not None:
            tasks.append(asyncio.create_task(_synced(self.files.journal, stopping)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if watch:
                watch.close()

    def _settings(self) -> RowSettings:
        task = self.task
        total, retries = options.clocks(task.flags.selection, task.ctx.profile)
        return RowSettings(
            run=task.ctx.run_id,
            tags=options.tags(task.flags.selection),
            retries=retries,
            timeout=total,
            validator=task.validator,
            repair=REPAIRS if task.flags.source.repair is None else task.flags.source.repair,
        )

    def _sink(self) -> Sink:
        if self.files.journal is not None:
            return ToJournal(self.files.journal)
        task = self.task
        shaped = export.shaper(task.shape, task.columns)
        joint = comparison.shaper(task.shape, task.compared_targets, task.columns)
        write = self._writer()
        head = joint(None) if task.compared_targets else shaped(None)
        if head:
            write(head)
        put = write if task.shape == "jsonl" else lambda line: write(shaped(json.loads(line)))
        if task.compared_targets:
            put = self.gather = Gather(task.compared_targets, lambda row: write(joint(row)))
        window = WINDOW * self.workers if task.flags.output.ordered else None
        return ToStream(put, task.same, window=window)

    def _kept(self) -> None:
        """Raise `OutputLost` when a file of the run, or the file behind standard output, is gone."""
        self.files.check()
        if self.task.target is None:
            deleted(self.task.ctx.stdout)

    def _writer(self) -> Callable[[bytes], None]:
        task = self.task
        if task.target is not None:
            file = opened(str(task.target))
            return lambda line: _whole(file, line)
        if task.ctx.stdout_tty:
            put = task.ctx.out if task.shape == "csv" else task.ctx.spelled
            return lambda line: put(line.decode("utf-8", "surrogatepass"))
        stream = task.ctx.stdout.buffer

        def write(line: bytes) -> None:
            stream.write(line)
            stream.flush()

        return write

    def _listen(self, executor: Executor, stopping: Stopping) -> None:
        """Let the first signal stop, the second cancel."""
        loop = asyncio.get_running_loop()

        def heard(code: Exit) -> None:
            if self.caught is not None:
                executor.cancel()
                loop.call_later(signals.FORCE_S, os._exit, int(self.caught))
                return
            self.caught = code
            stopping.stop("signal")
            flying = f"{counted(self.task.stats.in_flight, self.task.unit)} in flight"
            self.task.ctx.note(f"llmo: stopping: waiting up to {GRACE_S:.0f} s for {flying} (Ctrl-C again quits now)")
            loop.call_later(GRACE_S, executor.cancel)

        signals.listen(heard)

    def _watch(self) -> progress.Watch | None:
        ctx, kind = self.task.ctx, self.task.flags.output.progress
        if kind == "none" or (kind == "auto" and ctx.quiet):
            return None
        if kind == "bar" or (kind == "auto" and ctx.stderr_tty and ctx.env.get("TERM") != "dumb"):
            return progress.Bar(ctx.stderr, color=ctx.color, width=ctx.width)
        return progress.Log(ctx.err)

    @cached_property
    def _cap(self) -> int | None:
        text = self.task.flags.selection.max_cost
        return None if text is None else parse_usd(text)

    def _snapshot(self) -> progress.Snapshot:
        stats = self.task.stats
        return progress.Snapshot(
            total=stats.total,
            skipped=stats.skipped + stats.kept_failed,
            done=stats.done,
            failed=stats.failed,
            in_flight=stats.in_flight,
            spent=stats.spent,
            held=self.held(),
            in_doubt=stats.in_doubt,
            cap=self._cap,
            unpriced=stats.unpriced,
            throttled=stats.throttled,
            used=self.used(),
            elapsed=time.monotonic() - self.began,
            unit=self.task.unit,
        )


def workers(task: BatchJob) -> int:
    """Rows in flight at once; raises the limit of open files for them."""
    given = task.flags.manner.in_flight()
    if given is None:
        names = {c.target.provider for asked in task.scan.first for c in task.plan(asked).ranked}
        each = [limits(task.ctx.profile.providers[name]).concurrency or 1 for name in names]
        given = sum(each) if task.compared_targets else max(each, default=1)
    _allow_files(given + FILES_BESIDE)
    return max(1, min(given, task.total))


def _wish(task: BatchJob) -> RateOverrides:
    manner = task.flags.manner
    return RateOverrides(rpm=manner.rpm, tpm=manner.tpm, share=manner.share, concurrency=task.flags.manner.in_flight())


async def _synced(journal: Journal, stopping: Stopping) -> None:
    """Sync now and then; a disk that can't ends the run."""
    try:
        await journal.keep_synced()
    except OSError as exc:
        stopping.stop("output", LlmoError(f"cannot sync {journal.path}: {exc.strerror}"))


def _whole(file: BinaryIO, line: bytes) -> None:
    """Write all of a line: an unbuffered file may take a part at a time."""
    rest = memoryview(line)
    while rest:
        rest = rest[file.write(rest) :]


def _allow_files(wanted: int) -> None:
    """Raise the soft limit of open files as far as it goes."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < wanted:
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
            )
