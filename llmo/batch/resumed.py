"""What a resumed run found of the rows of its input."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmo.batch.job import BatchJob
    from llmo.batch.resume.manifest import Manifest
    from llmo.batch.stats import RunStats


def told(job: BatchJob, found: RunStats, now: Manifest) -> str:
    """What an output that was there meant for the rows of the input."""
    parts = [f"{found.skipped:,} {job.unit} are done"]
    if found.kept_failed:
        parts.append(f"{found.kept_failed:,} failed earlier and are not retried (use --retry-errors=KIND)")
    if found.resent:
        parts.append(f"{found.resent:,} failed {job.unit} are retried")
    if found.changed:
        parts.append(changed(job, found, now))
    orphans = len(job.recorded.table) - found.recorded
    if orphans > 0:
        parts.append(f"{orphans:,} are no longer in the input")
    return ", ".join(parts)


def changed(job: BatchJob, found: RunStats, now: Manifest) -> str:
    """How many rows ask something else than they did, and why."""
    why = now.differs(job.before) if job.before else []
    return f"{found.changed:,} have changed ({', '.join(why) or 'their input'}) and are sent again"


def expected(job: BatchJob, found: RunStats) -> int:
    """How many rows will be skipped: of those that the output settles the share that was `found` at the beginning."""
    kept = found.skipped + found.kept_failed
    settled = job.recorded.settled(job.spec.retry_errors)
    return settled if not found.changed else settled * kept // (kept + found.changed)
