"""A plan as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.render.screen import visible
from llmo.render.summary import doubt
from llmo.types.format import dollars, exact
from llmo.types.money import stated

if TYPE_CHECKING:
    from llmo.routing.plan import Candidate, Plan

HEAD = ("#", "model", "step", "estimate", "at most", "why")
BOLD, DIM, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def table(plan: Plan, budgets: list[dict[str, Any]], *, width: int | None, color: bool) -> str:
    """Lines of the task, the candidates in order, those that are out, and the budgets; cut at `width` columns."""
    private = (
        f", private ({', '.join(plan.requirements.private_kinds) or 'requested'})" if plan.requirements.private else ""
    )
    limit = plan.ranked[0].max_output if plan.ranked else plan.requirements.max_output
    output = f"; output at most {limit}" if limit else ""
    head = [
        visible(f"task      {plan.task.name}: {plan.task.reason}{private}"),
        f"tokens    about {plan.requirements.input_estimate} in, at most {plan.requirements.input_bound}{output}",
        "",
    ]
    rows = [HEAD, *(_row(one) for one in plan.candidates)]
    sizes = [max(len(row[n]) for row in rows) for n in range(len(HEAD) - 1)]
    body = []
    for number, row in enumerate(rows):
        line = "  ".join([*(cell.ljust(size) for cell, size in zip(row, sizes, strict=False)), row[-1]])
        style = BOLD if number == 0 else DIM if row[0] == "-" else ""
        body.append(_styled(line if width is None else _cut(line, width), style if color else ""))
    tail = ["", *(visible(_budget(one)) for one in budgets)] if budgets else []
    return "\n".join([*head, *body, *tail]) + "\n"


def _row(one: Candidate) -> tuple[str, ...]:
    free = {"local": "local", "subscription": "plan"}.get(one.source)
    return (
        "-" if one.rank is None else str(one.rank),
        visible(str(one.target)),
        one.tier,
        free or dollars(one.estimate),
        free or dollars(one.worst),
        visible(one.why),
    )


def _budget(one: dict[str, Any]) -> str:
    resets = f", resets {one['resets_at']}" if one.get("resets_at") else ""
    if one.get("limit_usd") is not None:
        spent, held = (dollars(stated(one[key])) for key in ("spent_usd", "held_usd"))
        left, limit = dollars(stated(one["left_usd"]), down=True), exact(stated(one["limit_usd"]))
        unsure = doubt(stated(one["in_doubt_usd"]))
        return f"budget    {one['name']}: {spent} spent, {held} held{unsure}, {left} left of {limit}{resets}"
    return f"budget    {one['name']}: {one.get('left_calls')} calls left of {one.get('limit_calls')}{resets}"


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 1] + "…"


def _styled(line: str, style: str) -> str:
    return f"{style}{line}{PLAIN}" if style else line
