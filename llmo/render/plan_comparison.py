"""What `route --diff` prints: two plans side by side, and the candidates that are different."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.render import tables
from llmo.render.json_output import money
from llmo.render.plan import cost
from llmo.render.screen import visible
from llmo.types.dataclass import dataclass
from llmo.types.format import counted, dollars

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from llmo.routing.comparison import CandidateComparison, PlanComparison
    from llmo.routing.plan import Candidate, Plan
    from llmo.types.money import Pico

ALWAYS = ("task", "first")
"""Lines that are shown also when both profiles agree."""
ROWS = ("row", "task", "first", "estimate")


def table(of: PlanComparison, names: tuple[str, str], *, width: int | None, color: bool) -> str:
    """What is different of the plans, then of their candidates; in at most `width` columns."""
    rows = [
        (name, show(of.before), show(of.after))
        for name, show in LINES.items()
        if name in ALWAYS or show(of.before) != show(of.after)
    ]
    parts = [tables.folded(("", *names), rows, width=width, bold=color)]
    changed = [_row(one, names) for one in of.candidates if one.change != "none"]
    parts.append(tables.folded(("candidate", *names, "change"), changed, width=width, bold=color))
    same = sum(one.change == "none" for one in of.candidates)
    if not of.changed:
        parts.append("no difference\n")
    elif same:
        parts.append(f"{counted(same, 'candidates')} unchanged\n")
    return "\n".join(filter(None, parts))


def rows(compared: Iterable[PlanComparison], names: tuple[str, str], *, width: int | None, color: bool) -> str:
    """The prompts whose task or first model is different, by number, and what all cost by estimate."""
    cells, old, new = [], _Total(), _Total()
    for number, one in enumerate(compared, 1):
        old.add(one.before)
        new.add(one.after)
        if one.before.task.name != one.after.task.name or _first(one.before) != _first(one.after):
            shown = (lambda plan: plan.task.name, _first, LINES["estimate"])
            cells.append((str(number), *(_both(show(one.before), show(one.after)) for show in shown)))
    total = _both(str(old), str(new))
    end = f"{len(cells):,} of {counted(old.plans, 'prompts')} with another task or first model; estimate {total}\n"
    body = tables.folded(ROWS, cells, right=("row",), width=width, bold=color)
    return "\n".join(filter(None, (f"{visible(' → '.join(names))}\n", body, end)))


def json(of: PlanComparison, profiles: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    """The object of `--diff --json`; each value as `from` and `to`."""

    def both(read: Callable[[Plan], Any]) -> dict[str, Any]:
        return {"from": read(of.before), "to": read(of.after)}

    return {
        "profiles": dict(zip(("from", "to"), profiles, strict=True)),
        "changed": of.changed,
        "task": both(lambda plan: plan.task.name),
        "task_reason": both(lambda plan: plan.task.reason),
        "strategy": both(lambda plan: plan.requirements.strategy),
        "private": both(lambda plan: plan.requirements.private),
        "private_kinds": both(lambda plan: list(plan.requirements.private_kinds)),
        "max_output": both(lambda plan: plan.ranked[0].max_output if plan.ranked else plan.requirements.max_output),
        "first": both(lambda plan: str(plan.ranked[0].target) if plan.ranked else None),
        "cost": {
            "estimate_usd": both(lambda plan: money(plan.ranked[0].estimate) if plan.ranked else None),
            "worst_usd": both(lambda plan: money(plan.ranked[0].worst) if plan.ranked else None),
        },
        "candidates": list(map(_candidate, of.candidates)),
    }


def _candidate(of: CandidateComparison) -> dict[str, Any]:
    def both(read: Callable[[Candidate], Any]) -> dict[str, Any]:
        sides = {"from": of.before, "to": of.after}
        return {name: None if one is None else read(one) for name, one in sides.items()}

    return {
        "provider": of.target.provider,
        "model": of.target.model,
        "change": of.change,
        "rank": both(lambda one: one.rank),
        "tier": both(lambda one: one.tier),
        "why": both(lambda one: one.why),
        "max_output": both(lambda one: one.max_output),
        "cost": {
            "estimate_usd": both(lambda one: money(one.estimate)),
            "worst_usd": both(lambda one: money(one.worst)),
            "source": both(lambda one: one.source),
        },
    }


def _first(plan: Plan) -> str:
    return str(plan.ranked[0].target) if plan.ranked else "nobody"


def _private(plan: Plan) -> str:
    kinds = ", ".join(plan.requirements.private_kinds) or "requested"
    return f"yes ({kinds})" if plan.requirements.private else "no"


LINES: dict[str, Callable[[Plan], str]] = {
    "task": lambda plan: f"{plan.task.name}: {plan.task.reason}",
    "strategy": lambda plan: plan.requirements.strategy,
    "private": _private,
    "output": lambda plan: str(plan.ranked[0].max_output) if plan.ranked else "",
    "first": _first,
    "estimate": lambda plan: _estimate(plan.ranked[0]) if plan.ranked else "",
    "at most": lambda plan: _worst(plan.ranked[0]) if plan.ranked else "",
}


def _estimate(one: Candidate) -> str:
    return cost(one, one.estimate)


def _worst(one: Candidate) -> str:
    return cost(one, one.worst)


def _row(of: CandidateComparison, names: tuple[str, str]) -> tuple[str, ...]:
    places = ("" if one is None else "-" if one.rank is None else str(one.rank) for one in (of.before, of.after))
    return (str(of.target), *places, "; ".join(_told(of, names)))


def _told(of: CandidateComparison, names: tuple[str, str]) -> Iterator[str]:
    old, new = of.before, of.after
    if old is None or new is None:
        one = old or new
        yield f"{of.change}: {one.why}" if one else of.change
        return
    yield from _moved(old, new, names)
    for name, show in (("estimate", _estimate), ("at most", _worst)):
        if show(old) != show(new):
            yield f"{name} {_both(show(old), show(new))}"
    if old.max_output != new.max_output:
        yield f"output {_both(str(old.max_output), str(new.max_output))}"
    if of.reconfigured:
        yield f"{of.target.provider} is configured differently"


def _moved(old: Candidate, new: Candidate, names: tuple[str, str]) -> Iterator[str]:
    if new.rank is None:
        if old.rank is not None or old.why != new.why:
            yield f"out: {new.why}"
    elif old.rank is None:
        yield f"in; out in {names[0]}: {old.why}"
    elif old.rank != new.rank:
        yield "moved"
    elif old.why != new.why:
        yield new.why


def _both(old: str, new: str) -> str:
    return old if old == new else f"{old or '-'} → {new or '-'}"


@dataclass
class _Total:
    """What the first models of many plans cost by estimate; at least, where that of one is not known."""

    plans: int = 0
    unknown: int = 0
    cost: Pico = 0

    def add(self, plan: Plan) -> None:
        estimate = plan.ranked[0].estimate if plan.ranked else None
        self.plans += 1
        self.unknown += estimate is None
        self.cost += estimate or 0

    def __str__(self) -> str:
        return f"{'≥ ' if self.unknown else ''}{dollars(self.cost)}"
