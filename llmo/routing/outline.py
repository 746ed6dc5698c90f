"""What is planned once for all requests that differ in nothing but their texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.routing.plan import LEAST_OUTPUT, Candidate, Plan, output_limit, quoted, window
from llmo.routing.requirements import Requirements
from llmo.types.dataclass import fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.routing.plan import Task

KEPT = 2048
"""Lengths whose candidates are kept: in most inputs each comes again and again."""
BY_COST = ("cheapest", "balanced")
"""Strategies whose order, and what they say of it, depend on how long a prompt is."""


class PlanOutline:
    """A plan to repeat for requests of other lengths; it is exactly what planning each of them would come to."""

    def __init__(self, plan: Plan, *, same: tuple[object, ...]) -> None:
        """`same` are the objects that the requests share: their identities are only unique while they are kept."""
        self.same = same
        self.kinds = {one.facts.kind for one in plan.candidates}
        self._plan = plan
        self._need = _fields(plan.requirements, "input_bound", "input_estimate")
        self._known: dict[tuple[int, int], tuple[Requirements, tuple[Candidate, ...]]] = {}
        self._candidates = [(one, _fields(one, "quote", "max_output")) for one in plan.candidates]
        need = plan.requirements
        contexts = [window(need, one.facts) for one in plan.candidates]
        self._room = min((context for context in contexts if context), default=None)
        self._output = need.max_output or LEAST_OUTPUT
        self.repeats = self.fits(need.input_estimate) and need.strategy not in BY_COST
        """Whether requests of other lengths are planned alike."""

    def fits(self, input_estimate: int) -> bool:
        """Whether a prompt of so many tokens is too long for nobody."""
        return self._room is None or input_estimate + self._output <= self._room

    def plan(self, task: Task, input_bound: int, input_estimate: int) -> Plan:
        """The plan of a request of that length, which `fits`."""
        known = self._known.get((input_bound, input_estimate))
        need, candidates = known or self._priced(input_bound, input_estimate)
        looked_for, first = self._plan.looked_for, self._plan.first
        return Plan(task=task, requirements=need, candidates=candidates, looked_for=looked_for, first=first)

    def _priced(self, input_bound: int, input_estimate: int) -> tuple[Requirements, tuple[Candidate, ...]]:
        need = Requirements(input_bound=input_bound, input_estimate=input_estimate, **self._need)
        found = [
            Candidate(quote=quoted(one.facts, need, limit), max_output=limit, **given)
            for one, given in self._candidates
            for limit in [output_limit(need, one.facts)]
        ]
        if len(self._known) >= KEPT:
            self._known.clear()
        self._known[input_bound, input_estimate] = priced = need, tuple(found)
        return priced


def _fields(of: Requirements | Candidate, *without: str) -> Mapping[str, Any]:
    return {one.name: getattr(of, one.name) for one in fields(of) if one.init and one.name not in without}
