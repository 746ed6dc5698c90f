"""`llmo batch --dry-run`: what would be sent, what it may cost, how long the limits make it take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llmo.batch.stats import RunStats
from llmo.cli.commands.batch.job import prompt_of, works
from llmo.cli.wiring import budgets, means
from llmo.engine.rate_limits import RateOverrides, limits
from llmo.errors import LlmoError
from llmo.render.json_output import money
from llmo.routing.plan import EXPECTED_OUTPUT
from llmo.routing.refusals import require_candidates
from llmo.types.format import dollars, span

if TYPE_CHECKING:
    from llmo.cli.commands.batch.job import BatchJob
    from llmo.routing.plan import Candidate

SHOWN = 500
"""Characters of a prompt that are shown to a person."""


@dataclass(slots=True)
class _Share:
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
        self.output_tokens += min(candidate.max_output, EXPECTED_OUTPUT)
        self.estimate = _sum(self.estimate, candidate.estimate)
        self.worst = _sum(self.worst, candidate.worst)


@dataclass(slots=True)
class Forecast:
    """What all rows that are left would take."""

    rows: int = 0
    copies: int = 0
    unanswered: dict[str, int] = field(default_factory=dict)
    shares: dict[str, _Share] = field(default_factory=dict)

    @property
    def estimate(self) -> int | None:
        """The expected cost."""
        return _all([share.estimate for share in self.shares.values()])

    @property
    def worst(self) -> int | None:
        """The most it can cost without retries."""
        return _all([share.worst for share in self.shares.values()])


def forecast(task: BatchJob) -> Forecast:
    """Plan every row that is left; equal requests count once."""
    found = Forecast()
    same = task.same.copy()
    for work in works(task.feed(stats=RunStats())):
        found.rows += 1
        number = int(work.key[:16], 16)
        if same.get(number):
            found.copies += 1
            continue
        if number in same:
            same.set(number, 1)
        try:
            if work.fault is not None:
                raise work.fault
            plan = task.plan(work)
            require_candidates(plan)
        except LlmoError as exc:
            found.unanswered[exc.message] = found.unanswered.get(exc.message, 0) + 1
            continue
        first = plan.ranked[0]
        found.shares.setdefault(str(first.target), _Share()).add(first, plan.requirements.input_estimate)
    return found


def show(task: BatchJob) -> int:
    """Print the forecast; sends nothing, writes nothing."""
    if task.journal is not None and task.journal.exists() and not task.flags.manner.restart:
        task.recorded.read(task.journal, task.same, task.flags.manner.retry_errors)
    found = forecast(task)
    body = _body(task, found)
    if task.flags.output.as_json:
        task.ctx.json(body)
    else:
        task.ctx.out("\n".join(_lines(task, found, body)) + "\n")
    return 0


def _body(task: BatchJob, found: Forecast) -> dict[str, Any]:
    return {
        "rows": task.scan.rows,
        "done": task.total - found.rows,
        "to_send": found.rows - found.copies,
        "copies": found.copies,
        "unanswered": found.unanswered,
        "tokens": {
            "input_estimate": sum(share.input_tokens for share in found.shares.values()),
            "output_estimate": sum(share.output_tokens for share in found.shares.values()),
        },
        "cost": {"estimate_usd": money(found.estimate), "worst_usd": money(found.worst)},
        "models": [
            {
                "target": target,
                "rows": share.rows,
                "input_tokens": share.input_tokens,
                "output_tokens": share.output_tokens,
                "estimate_usd": money(share.estimate),
                "worst_usd": money(share.worst),
                "time_at_limits_s": _time(task, target, share),
            }
            for target, share in found.shares.items()
        ],
        "time_at_limits_s": max((_time(task, t, s) or 0.0 for t, s in found.shares.items()), default=0.0) or None,
        "budgets": budgets(means(task.ctx, task.flags.selection)),
        "first": [
            {"prompt": prompt_of(asked.request)} for asked in task.scan.first[:: max(1, len(task.compared_targets))]
        ],
    }


def _lines(task: BatchJob, found: Forecast, body: dict[str, Any]) -> list[str]:
    copies = f", {found.copies:,} answered by an equal row" if found.copies else ""
    lines = [f"{task.total:,} {task.unit}: {body['done']:,} done, {body['to_send']:,} to send{copies}"]
    for target, share in found.shares.items():
        took = _time(task, target, share)
        lines.append(
            f"{target}: {share.rows:,} {task.unit}, about {share.input_tokens:,} → {share.output_tokens:,} tokens, "
            f"{dollars(share.estimate)} expected, {dollars(share.worst)} at worst"
            + (f", {span(took)} at its limits" if took else "")
        )
    lines += [f"nobody to answer {count:,} rows: {why}" for why, count in found.unanswered.items()]
    lines.append(f"cost: {dollars(found.estimate)} expected, {dollars(found.worst)} at worst, retries not counted")
    for number, first in enumerate(body["first"], 1):
        text = first["prompt"]
        lines += ["", f"prompt {number}:", text if len(text) <= SHOWN else f"{text[:SHOWN]} …"]
    return lines


def _time(task: BatchJob, target: str, share: _Share) -> float | None:
    """Seconds that the limits alone make it take, None without limits."""
    manner = task.flags.manner
    name = target.partition("/")[0]
    allowed = limits(
        task.ctx.profile.providers[name], RateOverrides(rpm=manner.rpm, tpm=manner.tpm, share=manner.share)
    )
    tokens = share.input_tokens + share.output_tokens
    waits = [60 * share.rows / allowed.rpm if allowed.rpm else 0, 60 * tokens / allowed.tpm if allowed.tpm else 0]
    return round(max(waits), 1) or None


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _all(amounts: list[int | None]) -> int | None:
    return None if None in amounts else sum(amount or 0 for amount in amounts)
