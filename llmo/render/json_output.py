"""The JSON objects that programs read: results, plans, events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.engine.results import calls, tokens
from llmo.render.spending import budgets
from llmo.types.money import usd
from llmo.types.redact import masked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llmo.engine.results import Result
    from llmo.errors import LlmoError
    from llmo.ledger.records import BudgetStatus
    from llmo.routing.plan import Candidate, Plan, TargetFacts
    from llmo.types.attempts import AttemptRecord


def money(amount: int | None) -> str | None:
    """Dollars as a decimal string, None when unknown."""
    return None if amount is None else usd(amount)


def error(exc: LlmoError) -> dict[str, str | None]:
    """A failure."""
    return {"kind": exc.kind, "message": masked(exc.message), "hint": exc.hint and masked(exc.hint)}


def attempt(one: AttemptRecord) -> dict[str, Any]:
    """One attempt."""
    return {
        "provider": one.provider,
        "model": one.model,
        "outcome": one.outcome,
        "error": one.error and masked(one.error),
        "cost_usd": money(one.cost_pico),
        "duration_s": round(one.duration_s, 3),
    }


def result(of: Result, *, task: str, conversation: str | None = None) -> dict[str, Any]:
    """The object of `ask --json`."""
    body: dict[str, Any] = {
        "ok": of.ok,
        "id": of.id,
        "text": of.text,
        "data": of.data,
        "tool_calls": calls(of.tool_calls),
        "provider": of.target.provider if of.target else None,
        "model": of.target.model if of.target else None,
        "served_model": of.served.model,
        "task": task,
        "finish_reason": of.finish,
        "complete": of.complete,
        "usage": tokens(of.usage),
        "cost": {
            "usd": money(of.cost),
            "source": of.cost_source,
            "reserved_usd": usd(of.reserved),
            "in_doubt_usd": usd(of.in_doubt),
        },
        "timing": {
            "total_s": round(of.total_s, 3),
            "first_token_s": None if of.first_token_s is None else round(of.first_token_s, 3),
        },
        "attempts": [attempt(one) for one in of.attempts],
        "conversation": conversation,
        "cached": of.cost_source == "cached",
        "warnings": list(map(masked, of.warnings)),
    }
    if of.repaired is not None:
        body["repaired"] = of.repaired
    if of.error is not None:
        body["error"] = error(of.error)
    return body


def plan(of: Plan, statuses: Iterable[BudgetStatus]) -> dict[str, Any]:
    """The object of `route --json`."""
    return {
        "task": of.task.name,
        "task_reason": of.task.reason,
        "task_scores": dict(of.task.scores),
        "difficulty": of.task.difficulty,
        "private": of.requirements.private,
        "private_kinds": list(of.requirements.private_kinds),
        "strategy": of.requirements.strategy,
        "tokens": {
            "input_estimate": of.requirements.input_estimate,
            "input_bound": of.requirements.input_bound,
            "max_output": of.ranked[0].max_output if of.ranked else of.requirements.max_output,
        },
        "candidates": [candidate(one) for one in of.candidates],
        "budgets": budgets(statuses),
    }


def candidate(one: Candidate) -> dict[str, Any]:
    """A line of the plan."""
    facts, latency = one.facts, one.facts.latency
    return {
        "rank": one.rank,
        "tier": one.tier,
        "provider": one.target.provider,
        "model": one.target.model,
        "ready": one.rank is not None,
        "why": one.why,
        "max_output": one.max_output,
        "left_out": list(one.dropped) if one.rank is not None else [],
        "cost": {"estimate_usd": money(one.estimate), "worst_usd": money(one.worst), "source": one.source},
        "latency": latency
        and {
            "first_token_p50_s": latency.first_token_p50_s and round(latency.first_token_p50_s, 3),
            "tokens_per_s_p50": latency.tokens_per_s_p50 and round(latency.tokens_per_s_p50, 1),
            "duration_p50_s": latency.duration_p50_s and round(latency.duration_p50_s, 3),
            "output_tokens_p50": latency.output_tokens_p50 and round(latency.output_tokens_p50),
            "samples": latency.samples,
        },
        "limits": {
            "rpm": facts.rpm,
            "rpm_left": None,
            "tpm": facts.tpm,
            "tpm_left": None,
            "concurrency": facts.concurrency,
            "cooling_s": round(facts.cooling_s, 1),
        },
        "breaker": _breaker(facts),
    }


def _breaker(facts: TargetFacts) -> dict[str, Any]:
    """Whether others are asked first, for how many seconds and why; half-open, one request finds out if it works."""
    breaker = facts.breaker
    half = breaker is not None and breaker.probed and breaker.known(facts.now) and breaker.until <= facts.now
    if breaker is None or not (half or facts.cooling_s):
        return {"state": "closed"}
    state = "half-open" if half else "open"
    return {"state": state, "reason": breaker.reason, "open_s": round(facts.cooling_s, 1)}
