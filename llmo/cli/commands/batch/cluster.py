"""Where `--engine ray` sends rows."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from llmo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from llmo.batch.executors.executor import Crew
    from llmo.batch.job import BatchJob
    from llmo.batch.prepare import BatchFiles
    from llmo.cli.commands.batch.flags import BatchFlags
    from llmo.cli.context import Context


def check(flags: BatchFlags, job: BatchJob) -> None:
    """Raise `UsageError` where a cluster is asked for, and can't be used."""
    if flags.manner.engine == "ray":
        from llmo.batch.executors.ray.library import ray

        ray()
        if job.journal is None:
            raise UsageError("--engine ray requires a file for -o", hint="workers write beside it")


@asynccontextmanager
async def crew(
    ctx: Context, flags: BatchFlags, job: BatchJob, files: BatchFiles, *, name: str
) -> AsyncGenerator[Crew | None]:
    """The workers of a cluster, None for those of this process."""
    if flags.manner.engine == "local":
        yield None
        return
    from llmo.batch.executors.ray.cluster import Cluster, orders
    from llmo.batch.executors.ray.connection import connected
    from llmo.client.elsewhere import Elsewhere, carried
    from llmo.client.session import Terms

    selection = flags.selection
    terms = Terms(
        run=name,
        max_cost=selection.max_cost,
        allow_unpriced=selection.allow_unpriced,
        rates=job.spec.rates,
        width=1,
    )
    opens = Elsewhere(loaded=ctx.loaded, env=carried(ctx.env, ctx.loaded), terms=terms)
    with connected("llmo") as ray:
        cluster = Cluster(ray, job, files, orders(job, name, opens))
        try:
            await cluster.open()
            ctx.told(f"{cluster.size} workers of Ray")
            yield cluster
        finally:
            await cluster.close()
