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
        why = now.differs(job.before) if job.before else []
        parts.append(f"{found.changed:,} have changed ({', '.join(why) or 'their input'}) and are sent again")
    orphans = len(job.recorded.table) - found.recorded
    if orphans > 0:
        parts.append(f"{orphans:,} are no longer in the input")
    return ", ".join(parts)
