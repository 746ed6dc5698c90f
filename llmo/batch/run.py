"""The run itself: feed, executor and sink put together."""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

from llmo.batch.executors.cached import CachedRows
from llmo.batch.executors.executor import Stopping
from llmo.batch.executors.local import LocalExecutor, Rules
from llmo.batch.executors.own import OwnCrew, asked, guarded
from llmo.batch.executors.row import RowExecutor, RowSettings
from llmo.batch.output import comparison, export
from llmo.batch.output.appended import LOOKED_S, written
from llmo.batch.output.comparison import Gather
from llmo.batch.output.sinks import WINDOW, ToJournal, ToStream
from llmo.batch.prepare import opened
from llmo.engine.provider_limits import limits
from llmo.engine.width import MOST, allow_files, room
from llmo.errors import LlmoError
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.batch.executors.executor import Crew, Ending, Executor
    from llmo.batch.job import BatchJob
    from llmo.batch.output.comparison import Summary
    from llmo.batch.output.journal import Journal
    from llmo.batch.prepare import BatchFiles
    from llmo.engine.engine import Engine


class BatchSession(Protocol):
    """The engine that answers rows; closed by its creator."""

    @property
    def engine(self) -> Engine:
        """Runs jobs."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardOutput:
    """Takes lines that go to no file; `check` raises `OutputLost` when nobody would get them."""

    write: Callable[[bytes], None]
    check: Callable[[], None]


class BatchRun:
    """One run, `workers` rows at a time; created inside the event loop, after `prepare`."""

    def __init__(  # noqa: PLR0913 - what a run is put together from
        self,
        job: BatchJob,
        files: BatchFiles,
        session: BatchSession | None,
        *,
        name: str,
        workers: int,
        stdout: StandardOutput,
        crew: Crew | None = None,
    ) -> None:
        """
        `name` is its name in the ledger. Rows are sent by the engine of `session`, or by a `crew` in its place.

        Raises `UsageError` for an output that can't be written.
        """
        self.job, self.files, self._stdout = job, files, stdout
        self._began, self._ended = time.monotonic(), 0.0
        self._gather: Gather | None = None
        self.name, self.workers = name, workers
        self.stopping = Stopping(self._kept, fresh_s=LOOKED_S)
        self.stopping.heard = job.stream.wake
        self._sink = self._made_sink()
        self._crew = crew or self._own_crew(session)
        cache = job.open_cache()
        self._cached = None if cache is None else CachedRows(self._crew, cache, job.plan, stats=job.stats)
        self._executor: Executor = LocalExecutor(
            self._cached or self._crew,
            rules=Rules(
                workers=workers,
                width=self._crew.width if job.spec.concurrency is None else None,
                answers=job.answers,
                max_failures=lambda: job.spec.allowed_failures(job.stats.total, estimated=job.stats.estimated),
                keep=job.keep,
                failed=files.failed,
                attempted=job.attempted,
            ),
            stats=job.stats,
            stopping=self.stopping,
        )

    async def run(self) -> Ending:
        """Run until all rows are answered or something stops it."""
        journal = self.files.journal
        syncing = None if journal is None else asyncio.create_task(_synced(journal, self.stopping))
        try:
            feed = self.job.feed(self.files.failed)
            ending = await self._executor.run(iter(feed), self._sink, self.job.stream.more)
        finally:
            self._ended = time.monotonic()
            if syncing is not None:
                syncing.cancel()
                await asyncio.gather(syncing, return_exceptions=True)
            if isinstance(self._sink, ToStream):
                self._sink.close()
            if self._cached is not None:
                self._cached.close()
        self.job.stats.used = self.used
        if self._gather is not None:
            self._gather.close()
        return ending

    def stop(self) -> None:
        """Take no more rows; what is in flight is finished and written."""
        self.stopping.stop("signal")

    def cancel(self) -> None:
        """Give up what is in flight; its money stays booked."""
        self._executor.cancel()

    @property
    def elapsed(self) -> float:
        """Seconds since it was made, until it ended."""
        return (self._ended or time.monotonic()) - self._began

    @property
    def used(self) -> float | None:
        """The share of the providers' limits that is used, None without limits."""
        return self._crew.used

    @property
    def held(self) -> int:
        """Picodollars that are reserved for what is in flight."""
        return self._crew.held

    @property
    def compared(self) -> Summary | None:
        """What the answers came to that went to standard output, side by side; None without a comparison."""
        return None if self._gather is None else self._gather.summary

    def _own_crew(self, session: BatchSession | None) -> Crew:
        assert session is not None
        job = self.job
        engine = guarded(session.engine, self.stopping)
        settings = RowSettings.of(job.spec, self.name, job.validator)
        rows = RowExecutor(engine, job.plan, settings, stats=job.stats, intents=self.files.intents)
        return OwnCrew(engine, rows, asked(job), together=bool(job.spec.output.compared_targets))

    def _made_sink(self) -> ToJournal | ToStream:
        if self.files.journal is not None:
            return ToJournal(self.files.journal)
        job, output = self.job, self.job.spec.output
        shaped = export.shaper(output.shape, job.columns)
        joint = comparison.shaper(output.shape, output.compared_targets, job.columns)
        write = self._stdout.write if output.target is None else partial(written, opened(output.target))
        head = joint(None) if output.compared_targets else shaped(None)
        if head:
            write(head)
        put = write if output.shape == "jsonl" else lambda line: write(shaped(json.loads(line)))
        if output.compared_targets:
            put = self._gather = Gather(output.compared_targets, lambda row: write(joint(row)))
        window = WINDOW * self.workers if output.ordered else None
        return ToStream(put, keeps=job.answers is not None, window=window)

    def _kept(self) -> None:
        """Raise `OutputLost` when a file of the run, or the file behind standard output, is gone."""
        self.files.check()
        if self.job.spec.output.target is None:
            self._stdout.check()


def workers(job: BatchJob) -> int:
    """Rows in flight at once, to begin with; raises the limit of open files for them."""
    given = job.spec.concurrency
    allow_files(MOST if given is None else given)
    if given is None:
        each = [limits(job.profile.providers[name]).concurrency or 1 for name in asked(job)]
        given = min(room(), sum(each) if job.spec.output.compared_targets else max(each, default=1))
    return max(1, min(given, job.stats.total) if job.head.whole else given)


async def _synced(journal: Journal, stopping: Stopping) -> None:
    """Sync once a second; a disk that fails to ends the run."""
    try:
        await journal.keep_synced()
    except OSError as exc:
        stopping.stop("output", LlmoError(f"cannot sync {journal.path}: {exc.strerror}"))
