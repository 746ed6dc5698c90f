"""What is planned once for all requests that differ in nothing but their texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from llmo.routing import tokens
from llmo.routing.plan import LEAST_OUTPUT, output_limit, quoted, window
from llmo.types.dataclass import dataclass, field, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.routing.plan import Plan, Task
    from llmo.types.messages import Message, Request

K = TypeVar("K")
V = TypeVar("V")

OUTLINES = 64
"""Plans that are kept to be repeated: the rows of a batch have few parameters and private kinds between them."""
KEPT = 2048
"""Lengths whose candidates are kept: in most inputs each comes again and again."""
BY_COST = ("cheapest", "balanced")
"""Strategies whose order, and what they say of it, depend on how long a prompt is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """
    What requests have in common that are `same` in choice, parameters and schema: the very same objects.

    `task` is None where each text tells its own. `private` are the kinds of private data in all but the messages,
    `estimate` are its tokens. `outlines` are kept by what still makes a difference.
    """

    same: tuple[object, ...]
    models: tuple[str, ...]
    task: Task | None
    private: tuple[str, ...]
    estimate: int
    outlines: dict[tuple[str, tuple[str, ...], bool], PlanOutline] = field(default_factory=dict)


class PlanOutline:
    """A plan to repeat for requests with other texts; it is exactly what planning each of them would come to."""

    def __init__(self, plan: Plan, request: Request) -> None:
        """The requests are alike, and have a system message if this one has."""
        kinds = {one.facts.kind for one in plan.candidates}
        self._beside = max((tokens.bound_beside(request, kind) for kind in kinds), default=None)
        self._plan = plan
        self._known: dict[tuple[int, int], Plan] = {}
        need = plan.requirements
        contexts = [window(need, one.facts) for one in plan.candidates]
        self._room = min((context for context in contexts if context), default=None)
        self._output = need.max_output or LEAST_OUTPUT
        self.repeats = self.fits(need.input_estimate) and need.strategy not in BY_COST
        """Whether requests with other texts are planned alike."""

    def fits(self, input_estimate: int) -> bool:
        """Whether a prompt of so many tokens is too long for nobody."""
        return self._room is None or input_estimate + self._output <= self._room

    def plan(self, task: Task, messages: Sequence[Message], input_estimate: int) -> Plan:
        """The plan of a request with these messages, which are texts and nothing else, and `fits`."""
        bound = 0 if self._beside is None else self._beside + tokens.bound_of(messages, "")
        known = self._known.get((bound, input_estimate)) or self._priced(task, bound, input_estimate)
        return known if known.task is task else replace(known, task=task)

    def _priced(self, task: Task, input_bound: int, input_estimate: int) -> Plan:
        need = replace(self._plan.requirements, input_bound=input_bound, input_estimate=input_estimate)
        found = [
            replace(one, quote=quoted(one.facts, need, limit), max_output=limit)
            for one in self._plan.candidates
            for limit in [output_limit(need, one.facts)]
        ]
        priced = replace(self._plan, task=task, requirements=need, candidates=tuple(found))
        return keep(self._known, (input_bound, input_estimate), priced, most=KEPT)


def keep(kept: dict[K, V], key: K, value: V, *, most: int = OUTLINES) -> V:
    """Keep one more, of so many at `most`; it is returned."""
    if len(kept) >= most:
        kept.clear()
    kept[key] = value
    return value
