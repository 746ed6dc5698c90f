"""Why nobody can answer a request, as the error that it ends in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.config.kinds import taking, taking_chat_completions
from llmo.errors import ConfigError, ContextTooLong, CredentialsError, Rejected, Unbounded
from llmo.routing.deferred import unserved
from llmo.routing.plan import Plan
from llmo.routing.requirements import Requirements, unsendable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.errors import LlmoError
    from llmo.routing.plan import Candidate, Plan
    from llmo.routing.requirements import Requirements

WAYS_ON = "set a key, start Ollama (ollama pull llama3.2), or try made-up answers: -P offline"
"""What to do where nothing is configured."""


def refusal(plan: Plan) -> LlmoError:
    """The error of a plan that has nobody left."""
    if (unfit := _unfit(plan) or unserved(plan)) is not None:
        return unfit
    if plan.looked_for:
        *others, last = plan.looked_for
        return CredentialsError(f"nothing is configured: no {', '.join(others)}, or {last}", hint=WAYS_ON)
    reasons = "; ".join(f"{c.target}: {c.why}" for c in plan.candidates) or "its chain is empty"
    if plan.requirements.private:
        return ConfigError(f"no model on this machine can answer: {reasons}", hint=_nobody_here(plan.requirements))
    if plan.candidates and all(c.facts.model.context for c in plan.candidates) and "is too long for" in reasons:
        return ContextTooLong(
            f"the prompt is too long: {reasons}", hint="use -m to name a model with a larger context window"
        )
    if plan.candidates and all(c.facts.not_ready for c in plan.candidates):
        return CredentialsError(f"no model is ready: {reasons}", hint="set a key, or try -P offline")
    return ConfigError(
        f"no model can answer: {reasons}", hint="llmo route shows the plan, llmo models --ready the available models"
    )


def _nobody_here(need: Requirements) -> str:
    """What to do when a private request has nobody to answer it."""
    found = need.private_kinds and not need.private_because
    ways = ["mark a provider local = true", "start Ollama"]
    if found:
        ways.append("allow a provider with --allow-private-to PROVIDER")
    elif "conversation" in need.private_because:
        ways.append("start a new conversation")
    return f"{', '.join(ways[:-1])}, or {ways[-1]}"


def _unfit(plan: Plan) -> LlmoError | None:
    """The error of a request that asks for what a candidate must not be sent, if it is that."""
    if barred := [c for c in plan.candidates if c.dropped]:
        return _barred(barred)
    for c in plan.candidates:
        if c.why == unsendable(plan.requirements, c.facts.kind):
            return Rejected(f"{c.target}: {c.why}", hint=_instead(plan.requirements, c.facts.kind))
        if c.unpriced and c.target in plan.requirements.limited:
            return Unbounded(c.unpriced, c.target)
    return None


def _instead(need: Requirements, kind: str) -> str:
    """What to do about a request that can't be sent to a provider type."""
    if reserved := need.reserved.get(kind):
        return reserved.hint
    lenient = "" if need.inexpressible[kind].parts else "; --lenient drops it"
    return f"provider types that support it: {', '.join(taking_chat_completions())}{lenient}"


def _barred(candidates: Sequence[Candidate]) -> Rejected:
    """Who would answer but for a parameter, and who takes it."""
    said = [
        f"{c.target.provider} ({c.facts.kind}) does not support the parameter{'s' * (len(c.dropped) > 1)}: "
        f"{', '.join(c.dropped)}"
        for c in candidates
    ]
    names = dict.fromkeys(name for c in candidates for name in c.dropped)
    hint = "; ".join(f"provider types that support {name}: {', '.join(taking(name))}" for name in names)
    lenient = "" if "image" in names else "; --lenient drops it"
    return Rejected("; ".join(dict.fromkeys(said)), hint=f"{hint}{lenient}")


def require_candidates(plan: Plan) -> None:
    """Raise the error that says why nobody can answer, when nobody can."""
    if not plan.ranked:
        raise refusal(plan)
