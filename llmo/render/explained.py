"""What `-v` says: who may answer and why, and each attempt as it begins and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.types.format import dollars, span

if TYPE_CHECKING:
    from llmo.engine.progress import AttemptStarted
    from llmo.engine.results import Result
    from llmo.routing.plan import Candidate, Plan
    from llmo.types.attempts import AttemptRecord


def plan(made: Plan, *, profile: str) -> list[str]:
    """The task, the candidates in their order and those that are out; `profile` is its name and where it is from."""
    need = made.requirements
    private = f", private ({', '.join(need.private_kinds) or 'requested'})" if need.private else ""
    tokens = f"about {need.input_estimate:,} tokens in"
    return [
        f"profile {profile}",
        f"task {made.task.name}: {made.task.reason}{private}; {tokens}",
        *map(_candidate, made.candidates),
    ]


def _candidate(one: Candidate) -> str:
    if one.rank is None:
        return f"not {one.target}: {one.why}"
    cost = {"local": "local", "subscription": "subscription"}.get(one.source)
    cost = cost or f"{dollars(one.estimate)} expected, {dollars(one.worst)} at most"
    return f"{one.rank}. {one.target}: {one.why}; {cost}"


def passed_over(made: Plan, result: Result) -> str | None:
    """Why the first model of the chain was not even asked; None where it was, or where a strategy chose the order."""
    first, strategy = made.first, made.requirements.strategy
    asked = {(one.provider, one.model) for one in result.attempts}
    if first is None or not asked or (first.provider, first.model) in asked or strategy != "profile":
        return None
    why = next((one.why for one in made.candidates if one.target == first and one.rank != 1), None)
    return why and f"{first} was not asked: {why}"


def started(event: AttemptStarted) -> str:
    """A request that is about to be sent."""
    again = f", attempt {event.number}" if event.number > 1 else ""
    waited = f", after a wait of {span(event.waited_s)}" if event.waited_s >= 0.01 else ""  # noqa: PLR2004 - shown as 0 ms
    return f"asking {event.target}{again}{waited}"


def ended(attempt: AttemptRecord) -> str:
    """How it went."""
    what = "answered" if attempt.outcome == "ok" else attempt.error or attempt.outcome
    cost = f", cost {dollars(attempt.cost_pico)}" if attempt.cost_pico else ""
    return f"{attempt.provider}/{attempt.model}: {what} after {span(attempt.duration_s)}{cost}"
