"""What another profile changes in the plan of a request: a pure function over both plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection

    from llmo.routing.plan import Candidate, Plan
    from llmo.types.messages import Target

Change = Literal["added", "removed", "in", "out", "moved", "cost", "output", "provider", "reason", "none"]


@dataclass(frozen=True, slots=True)
class CandidateComparison:
    """A target in both plans; None where its chain does not name it, `reconfigured` if its provider is another."""

    target: Target
    before: Candidate | None
    after: Candidate | None
    reconfigured: bool = False

    @property
    def change(self) -> Change:
        """What matters most of all that is different: place, then cost, output limit, provider and reason."""
        old, new = self.before, self.after
        if old is None or new is None:
            return "added" if old is None else "removed"
        if old.rank != new.rank:
            return "in" if old.rank is None else "out" if new.rank is None else "moved"
        if (old.estimate, old.worst, old.source) != (new.estimate, new.worst, new.source):
            return "cost"
        if old.max_output != new.max_output:
            return "output"
        if self.reconfigured:
            return "provider"
        return "none" if old.why == new.why else "reason"


@dataclass(frozen=True, slots=True)
class PlanComparison:
    """Two plans of one request, and every candidate of either in the order of the second."""

    before: Plan
    after: Plan
    candidates: tuple[CandidateComparison, ...]

    @property
    def changed(self) -> bool:
        """Whether anything that a plan shows is different."""
        return _facts(self.before) != _facts(self.after) or any(one.change != "none" for one in self.candidates)


def compare(before: Plan, after: Plan, reconfigured: Collection[str] = ()) -> PlanComparison:
    """Match the candidates by target; `reconfigured` are providers that both profiles have under one name."""
    old, new = ({one.target: one for one in plan.candidates} for plan in (before, after))
    candidates = (
        CandidateComparison(target, old.get(target), new.get(target), target.provider in reconfigured)
        for target in {**new, **old}
    )
    return PlanComparison(before, after, tuple(candidates))


def _facts(plan: Plan) -> tuple[object, ...]:
    need = plan.requirements
    return (plan.task.name, need.strategy, need.private, need.private_kinds, need.max_output)
