"""What would be sent, what it may cost, how long the limits make it take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.batch.input.hash_table import Counts
from llmo.batch.input.identity import key_bits
from llmo.batch.resume.feed import works
from llmo.batch.stats import RunStats
from llmo.engine.provider_limits import limits
from llmo.errors import LlmoError
from llmo.routing.refusals import require_candidates
from llmo.routing.strategies import expected_output
from llmo.types.dataclass import dataclass, field

if TYPE_CHECKING:
    from llmo.batch.job import BatchJob
    from llmo.routing.plan import Candidate


@dataclass(slots=True)
class Share:
    """What one target gets; amounts are None when its price is unknown."""

    rows: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    estimate: int | None = 0
    worst: int | None = 0

    def add(self, candidate: Candidate, tokens: int) -> None:
        """Count one row."""
        self.rows += 1
        self.input_tokens += tokens
        self.output_tokens += expected_output(candidate.facts.latency, candidate.max_output)
        self.estimate = _sum(self.estimate, candidate.estimate)
        self.worst = _sum(self.worst, candidate.worst)


@dataclass(slots=True)
class Forecast:
    """What the remaining rows would take; `total` are all rows of the input."""

    total: int = 0
    rows: int = 0
    copies: int = 0
    unanswered: dict[str, int] = field(default_factory=dict)
    shares: dict[str, Share] = field(default_factory=dict)

    @property
    def estimate(self) -> int | None:
        """The expected cost."""
        return _all([share.estimate for share in self.shares.values()])

    @property
    def worst(self) -> int | None:
        """The most it can cost without retries."""
        return _all([share.worst for share in self.shares.values()])


def forecast(job: BatchJob) -> Forecast:
    """Plan every remaining row; identical requests count once."""
    found, stats, seen = Forecast(), RunStats(), Counts()
    for work in works(job.forecast_feed(stats=stats)):
        found.rows += 1
        number = key_bits(work.key)
        if job.answers is not None and (seen.add(number) or job.answers.get(number) is not None):
            found.copies += 1
            continue
        try:
            if work.fault is not None:
                raise work.fault
            plan = job.plan(work)
            require_candidates(plan)
        except LlmoError as exc:
            found.unanswered[exc.message] = found.unanswered.get(exc.message, 0) + 1
            continue
        first = plan.ranked[0]
        found.shares.setdefault(str(first.target), Share()).add(first, plan.requirements.input_estimate)
    found.total = found.rows + stats.skipped + stats.kept_failed
    return found


def dry_run(job: BatchJob) -> Forecast:
    """Forecast a run without starting it; writes nothing."""
    if job.journal is not None and job.journal.exists() and not job.spec.restart:
        job.read_recorded()
    return forecast(job)


def seconds_at_limits(job: BatchJob, target: str, share: Share) -> float | None:
    """Seconds that the limits alone make a target take, None without limits."""
    allowed = limits(job.profile.providers[target.partition("/")[0]], job.spec.rates)
    tokens = share.input_tokens + share.output_tokens
    waits = [60 * share.rows / allowed.rpm if allowed.rpm else 0, 60 * tokens / allowed.tpm if allowed.tpm else 0]
    return round(max(waits), 1) or None


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _all(amounts: list[int | None]) -> int | None:
    return None if None in amounts else sum(amount or 0 for amount in amounts)
