"""
How long an answer may be for the money that is left: one decision, for what is sent and for what `route` shows.

A limit that the user gave is kept, or with `--fit` lowered. Where nobody gave one, llmo chooses: the model's
own, or less when the money left buys no more, never under `FLOOR`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.engine.results import ChosenLimit
from llmo.errors import Unbounded
from llmo.ledger.allowance import Allowance, limited
from llmo.ledger.records import Call
from llmo.ledger.refusals import OverBudget
from llmo.types.dataclass import maker, replace
from llmo.types.format import dollars

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.engine.results import Result
    from llmo.routing.plan import Candidate, Plan
    from llmo.routing.requirements import Requirements
    from llmo.types.money import Pico

FLOOR = 1024
"""Output tokens that llmo's own choice leaves an answer room for, where the model can write that many."""
LEAST = 16
"""The same for a limit of the user's that `--fit` lowers: less would pay the prompt for nothing."""
MUCH = 2
"""Times the limit that cut an answer: for less it is not paid again."""
DENSEST = 4
"""Bytes that a token is estimated at, at the most."""


def call(candidate: Candidate, task: str, *, identifier: str = "", run: str = "", tags: Mapping[str, str]) -> Call:
    """The facts of a call that limits look at."""
    return Call(
        id=identifier,
        run=run,
        provider=candidate.target.provider,
        model=candidate.target.model,
        task=task,
        tags=tags,
        billing=candidate.facts.billing,
        prices=candidate.facts.model.priced_by,
    )


def least(candidate: Candidate, need: Requirements) -> int:
    """The smallest output limit that is worth sending."""
    if candidate.least_output is not None:
        return candidate.least_output
    if need.max_output is None:
        return min(FLOOR, candidate.full)
    return min(LEAST, candidate.full) if need.fit else candidate.full


def at(candidate: Candidate, output: int) -> Candidate:
    """The candidate with another output limit."""
    return replace(candidate, max_output=output, full_output=candidate.full)


def shorter(candidate: Candidate, need: Requirements, amount: Pico) -> Candidate | None:
    """The candidate with as long an answer as an amount covers; None when that is not shorter, or too short."""
    fits = candidate.buys(amount)
    return at(candidate, fits) if max(1, least(candidate, need)) <= fits < candidate.max_output else None


def chosen(candidate: Candidate, need: Requirements) -> ChosenLimit | None:
    """The limit that llmo chose for a candidate, None when the user did."""
    if need.max_output is not None:
        return None
    limit, full = candidate.max_output, candidate.full
    needed = candidate.worst if full == limit else candidate.worst_of(full)
    return maker(ChosenLimit)(limit=limit, full=full, known=candidate.facts.model.max_output is not None, needed=needed)


def explained(refusal: OverBudget, candidate: Candidate, need: Requirements) -> OverBudget:
    """The refusal with the smallest hold that would have done, and what would help."""
    if not refusal.shortens:
        return refusal
    output = least(candidate, need)
    needed, prompt = candidate.worst_of(output), candidate.worst_of(0) or 0
    fits = candidate.buys(refusal.status.left or 0)
    # Only a prompt that is more than its wrapping can be shortened.
    long = DENSEST * need.input_estimate * 2 > need.input_bound and prompt * 2 > (needed or 0)
    return OverBudget(
        refusal.status,
        refusal.call,
        needed,
        output=output if need.max_output is None else None,
        fits=fits if fits < output and (fits >= LEAST or need.max_output) else None,
        given=need.max_output is not None,
        fit=fits >= LEAST,
        prompt=prompt if long else None,
    )


def decided(plan: Plan, money: Allowance) -> Plan:
    """
    The plan as budgets let it be carried out now.

    A candidate that a budget refuses is out, and so is whoever would be asked after it: a refusal ends a
    command, unless the profile lets local models step in.
    """
    kept: list[Candidate] = []
    out: list[Candidate] = []
    first: Candidate | None = None
    for candidate in plan.ranked:
        if first is not None and not (
            plan.requirements.when_budget_ends == "local" and candidate.facts.billing == "local"
        ):
            why = f"{first.refused}: {first.target} comes before it and is refused"
            out.append(replace(candidate, rank=None, why=why, refused=first.refused))
            continue
        found = _affordable(candidate, plan, money)
        if isinstance(found, str):
            first = replace(candidate, rank=None, why=found, refused=found.partition(":")[0])
            out.append(first)
        else:
            kept.append(replace(found, rank=len(kept) + 1))
    rest = [one for one in plan.candidates if one.rank is None]
    return replace(plan, candidates=(*kept, *out, *rest))


def _affordable(candidate: Candidate, plan: Plan, money: Allowance) -> Candidate | str:
    """The candidate with the limit that would be sent now, or why a budget refuses it."""
    need, of = plan.requirements, call(candidate, plan.task.name, run=money.run, tags=money.tags)
    if candidate.unpriced and not money.allow_unpriced and limited(of, money.limits):
        return Unbounded(candidate.unpriced, candidate.target).message
    refused = money.refusal(of, candidate.worst)
    if refused is None:
        return candidate
    found = shorter(candidate, need, money.left(of) or 0) if refused.shortens else None
    if found is not None and money.refusal(of, found.worst) is None:
        return found
    small = candidate.worst_of(least(candidate, need))
    if final := money.refusal(of, small, later=True):
        return explained(final, candidate, need).why
    return replace(candidate, why=f"{candidate.why}, waits for {dollars(refused.status.live)} held by other calls")


def lowered(result: Result) -> bool:
    """Whether an answer was cut by a limit that the money left had lowered."""
    of = result.chosen
    return result.finish == "length" and of is not None and of.limit < of.full


def again(plan: Plan, result: Result) -> Plan:
    """The plan for asking once more where an answer was cut by such a limit: for much more, or not at all."""
    of = result.chosen
    assert of is not None
    ranked = [one for one in plan.ranked if one.target == result.target] or plan.ranked[:1]
    least_output = min(of.full, MUCH * of.limit)
    return replace(plan, candidates=tuple(replace(one, least_output=least_output) for one in ranked))


def longer(result: Result) -> str:
    """How an answer that was cut would have been longer."""
    of = result.chosen
    return "raise --max-tokens" if of is None or of.limit >= of.full else "raise the budget, or set --max-tokens"


def cut(result: Result) -> str | None:
    """What is to be said of an answer that the output limit cut; None when it did not."""
    if result.finish != "length":
        return None
    of = result.chosen
    if of is None or (of.limit >= of.full and of.known):
        return "the answer was cut off by the token limit"
    if of.limit >= of.full:
        return (
            f"the answer was cut off at {of.limit:,} output tokens, the limit under a budget for a model whose own "
            "limit is unknown: set another with --max-tokens"
        )
    whole = "the model's own " if of.known else ""
    return (
        f"the answer was cut off at {of.limit:,} output tokens, as many as the budget left room for: "
        f"{whole}{of.full:,} would have needed up to {dollars(of.needed)}"
    )
