"""A deferred run put together, as `llmo.batch.run` does for one of this process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from llmo.batch.executors.deferred.delivery import failed
from llmo.batch.executors.deferred.executor import DeferredExecutor
from llmo.batch.executors.deferred.lifecycle import Lifecycle
from llmo.batch.executors.deferred.taking import Taking
from llmo.batch.executors.executor import Stopping
from llmo.batch.output.sinks import ToJournal, ToStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.batch.executors.deferred.context import DeferredContext
    from llmo.batch.executors.executor import Ending
    from llmo.batch.job import BatchJob
    from llmo.batch.output.comparison import Summary
    from llmo.batch.prepare import BatchFiles
    from llmo.types.jsontext import Json


class DeferredRun:
    """One run; created inside the event loop, after `prepare`. `write` takes lines that go to no file."""

    compared: Summary | None = None
    used: float | None = None

    def __init__(  # noqa: PLR0913 - what a run is put together from
        self,
        job: BatchJob,
        files: BatchFiles,
        ctx: DeferredContext,
        *,
        write: Callable[[bytes], None],
        waits: bool = False,
        give_up: float | None = None,
    ) -> None:
        self.job, self.files, self.ctx, self.name, self.waits = job, files, ctx, ctx.name, waits
        self._began = time.monotonic()
        self.stopping = Stopping(files.check)
        self.stopping.heard = job.stream.wake
        target, journal = job.spec.output.target, files.journal
        self._sink = ToJournal(journal) if journal is not None else ToStream(write if waits else lambda _: None)
        self._executor = DeferredExecutor(
            ctx=ctx,
            job=job,
            lifecycle=Lifecycle(ctx=ctx),
            taking=Taking(ctx, validator=job.validator, tags=job.spec.selection.tags),
            stopping=self.stopping,
            output=journal,
            to="" if target is None or journal is None else str(target.absolute()),
            waits=waits,
            give_up=give_up,
        )

    async def run(self) -> Ending:
        """Take what has come, submit what is new, and wait if that is wanted. Raises `LlmoError`."""
        ctx, job = self.ctx, self.job
        ctx.state.settings = settings(job)
        ctx.save()
        await self._executor.catch_up(self._sink)
        if self.files.journal is not None:
            job.read_recorded()
        ending = await self._executor.run(iter(job.feed(self.files.failed)), self._sink, job.stream.more)
        # They are no rows of an earlier run: this one has just written them.
        job.stats.skipped -= min(job.stats.skipped, self._executor.caught)
        ctx.state.settings = settings(job)
        ctx.save()
        if not ctx.state.open and self.files.errors is not None:
            for line in failed(ctx):
                self.files.errors.write(line)
        return ending

    def stop(self) -> None:
        """Submit and wait no more."""
        self.stopping.stop("signal")

    def cancel(self) -> None:
        """The same: nothing of it is in flight in this process."""
        self._executor.cancel()

    @property
    def gave_up(self) -> bool:
        """Whether its batches were cancelled since their time was over."""
        return self._executor.gave_up

    @property
    def elapsed(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self._began

    @property
    def held(self) -> int:
        """Picodollars that this process has reserved."""
        return self.ctx.account.held


def settings(job: BatchJob) -> dict[str, Json]:
    """What answers are judged and written by, for whoever fetches them without the input."""
    spec, output = job.spec, job.spec.output
    columns: list[Json] = list(job.columns)
    tags: dict[str, Json] = dict(spec.selection.tags)
    return {
        "schema": None if spec.schema is None else dict(spec.schema),
        "tags": tags,
        "shape": output.shape,
        "ordered": output.ordered,
        "columns": columns,
        "output": None if output.target is None else str(output.target.absolute()),
        "errors": None if output.errors is None else str(output.errors.absolute()),
    }
