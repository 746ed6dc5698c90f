"""What is remembered of a run, so that `llmo runs` can list it and go on with it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from llmo.batch.registry import Registry, RunRecord
from llmo.errors import UsageError
from llmo.types.dataclass import replace

if TYPE_CHECKING:
    from llmo.batch.job import BatchJob
    from llmo.batch.registry import Engine
    from llmo.cli.context import Context


DAY = 86_400.0


def recorded(ctx: Context, job: BatchJob, engine: Engine, *, identifier: str, name: str) -> RunRecord:
    """The record of this run: a new one, or that of the run which it continues."""
    target = job.spec.output.target
    registry = Registry.of(ctx.env)
    # Only an output that is there has a run to continue; all records are read to find it.
    before = None if target is None or job.before is None else registry.named(name, target, engine)
    if before is None and (days := ctx.profile.retention_days):
        registry.prune(ctx.clock.now() - days * DAY)
    fresh = RunRecord(
        id=identifier,
        name=name,
        engine=engine,
        command=tuple(sys.argv[1:]),
        cwd=str(Path.cwd()),
        output=None if target is None else str(target.absolute()),
        inputs=job.spec.inputs,
        profile=_absolute(ctx.profile_name),
        began=ctx.clock.now(),
    )
    return fresh if before is None else replace(fresh, id=before.id, began=before.began)


def over(ctx: Context, job: BatchJob, record: RunRecord, code: int) -> int:
    """Remember how a run of this machine ended; returns the exit code that it is given."""
    rows = job.stats.finished_before + job.stats.done
    with suppress(UsageError):  # its rows are kept all the same
        Registry.of(ctx.env).write(replace(record, rows=rows, exit=code), durable=False)
    return code


def _absolute(profile: str | None) -> str | None:
    """What -P named, also from another directory: a path, or a name as it is."""
    if profile is None or not (os.sep in profile or profile.endswith(".toml")):
        return profile
    return str(Path(profile).absolute())
