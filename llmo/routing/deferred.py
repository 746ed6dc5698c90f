"""What a plan becomes where the vendors' batch services carry it out: who has one, and at which price."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.catalog.prices import batch_price
from llmo.config.kinds import KINDS
from llmo.errors import UsageError
from llmo.routing.plan import quoted
from llmo.types.dataclass import replace

if TYPE_CHECKING:
    from llmo.routing.plan import Candidate, Plan, TargetFacts

NO_SERVICE = "has no batch service"
SERVING = tuple(name for name, kind in KINDS.items() if kind.batches)
"""The provider types whose vendor has one."""


def deferred(plan: Plan) -> Plan:
    """The plan with those alone who have a batch service, at its price; nobody steps in for another there."""
    kept = [_priced(one, plan) for one in plan.ranked if one.facts.kind in SERVING]
    first = [replace(one, rank=1) for one in kept[:1]]
    spare = [replace(one, rank=None, why="not used: a batch has one model") for one in kept[1:]]
    out = [replace(one, rank=None, why=NO_SERVICE) for one in plan.ranked if one.facts.kind not in SERVING]
    rest = [one for one in plan.candidates if one.rank is None]
    return replace(plan, candidates=(*first, *spare, *out, *rest))


def unserved(plan: Plan) -> UsageError | None:
    """The error of a plan whose candidates could answer, but have no batch service; None for any other plan."""
    without = [str(one.target) for one in plan.candidates if one.why == NO_SERVICE]
    if not without:
        return None
    types = " and ".join(SERVING)
    return UsageError(
        f"--deferred: no batch service at {', '.join(without)}",
        hint=f"provider types with one: {types}; without --deferred, rows are sent one by one",
    )


def at_batch_price(facts: TargetFacts) -> TargetFacts:
    """The facts of a target with what its vendor takes in batches."""
    price = facts.model.price
    if price is None or facts.billing != "metered":
        return facts
    return replace(facts, model=replace(facts.model, price=batch_price(price)))


def _priced(candidate: Candidate, plan: Plan) -> Candidate:
    facts = at_batch_price(candidate.facts)
    return replace(candidate, facts=facts, quote=quoted(facts, plan.requirements, candidate.max_output))
