"""The lines about a call that go to a person: cost, tokens, time, what was tried."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from llmo.types.format import dollars, span

if TYPE_CHECKING:
    from llmo.engine.results import Result
    from llmo.types.money import Pico


def cost(result: Result) -> str:
    """The cost with its source."""
    match result.cost_source:
        case "local":
            return "$0 (local)"
        case "subscription":
            return "subscription"
        case "cached":
            return "$0 (cached)"
        case "unknown":
            return f"≥ {dollars(result.cost, down=True)} (partly unpriced)" if result.cost else "cost unknown"
    about = "~" if result.cost_source == "estimated" else ""
    return f"{about}{dollars(result.cost)} ({result.cost_source}){doubt(result.in_doubt)}"


def unsure(result: Result) -> str | None:
    """What settles the bill of an answer that broke off; None when it is known."""
    return f"settle with llmo cost --reconcile: up to {dollars(result.in_doubt)} in doubt" if result.in_doubt else None


def doubt(amount: Pico) -> str:
    """What may be billed besides, when there is any such thing."""
    return f", in doubt up to {dollars(amount)}" if amount else ""


def tokens(result: Result) -> str:
    """Tokens in and out, with the parts that explain a price."""
    used = result.usage
    if used is None:
        return "tokens unknown"
    cached = f" ({used.cached_input_tokens} cached)" if used.cached_input_tokens else ""
    thought = f" ({used.reasoning_tokens} reasoning)" if used.reasoning_tokens else ""
    return f"{used.input_tokens}{cached} → {used.output_tokens}{thought} tokens"


def speed(result: Result) -> str:
    """Time to the first token and the rate after it."""
    if result.first_token_s is None:
        return span(result.total_s)
    per_second = rate(result)
    return f"first token {span(result.first_token_s)}" + (f", {per_second:.0f} tokens/s" if per_second else "")


def rate(result: Result) -> float | None:
    """Tokens per second after the first one; None when it came in one piece, or nobody counted."""
    if result.first_token_s is None or result.usage is None or result.usage.output_tokens <= 1:
        return None
    took = result.total_s - result.first_token_s
    return result.usage.output_tokens / took if took > 0.01 else None  # noqa: PLR2004 - faster is one piece, no rate


def summary(result: Result) -> str:
    """The last line of `ask`."""
    who = str(result.target) if result.target else "no model"
    served, upstream = result.served.model, result.served.upstream
    other = served if result.target and served != result.target.model else None
    named = " via ".join(name for name in (other, upstream) if name)
    if named:
        who += f" ({named})" if other else f" (via {named})"
    return " · ".join([who, tokens(result), cost(result), speed(result)])


def attempts(result: Result) -> list[str]:
    """What was tried before the answer: a line each, one for those that ended alike; none where the error says it."""
    lines = Counter(
        f"{one.provider}/{one.model}: {one.error or one.outcome}"
        + (f", cost {dollars(one.cost_pico)}" if one.cost_pico else "")
        + doubt(one.in_doubt_pico)
        for one in result.attempts
        if one.outcome != "ok"
    )
    if (
        len(lines) == 1
        and result.error is not None
        and {one.error for one in result.attempts} == {result.error.message}
    ):
        return []
    return [line if count == 1 else f"{line} ({count} times)" for line, count in lines.items()]
