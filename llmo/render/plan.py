"""A plan as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.render import tables
from llmo.render.screen import visible
from llmo.render.summary import doubt
from llmo.render.wrapping import hanging
from llmo.routing import strategies
from llmo.types import parameters
from llmo.types.format import UNPRICED, counted, dollars, exact, span
from llmo.types.money import stated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from llmo.routing.plan import Candidate, Plan
    from llmo.types.money import Pico

HEAD = ("#", "model", "step", "estimate", "at most", "usually", "limits", "why")
SPARSE = ("usually", "limits")
"""Columns that are there only if something is known of a candidate."""
BELOW = ("limits", "usually", "step", "at most", "estimate")
"""Columns that a narrow terminal does without, in this order."""
INDENT = 10
"""Columns before the text of a line that is no row."""


def table(plan: Plan, budgets: list[dict[str, Any]], *, width: int | None, color: bool) -> str:
    """Lines of the task, the candidates in order, those that are out, and the budgets; in at most `width` columns."""
    private = (
        f", private ({', '.join(plan.requirements.private_kinds) or 'requested'})" if plan.requirements.private else ""
    )
    limit = plan.ranked[0].max_output if plan.ranked else plan.requirements.max_output
    output = f"; output at most {limit:,}" if limit else ""
    head = [
        f"task      {plan.task.name}: {plan.task.reason}{private}",
        *_scores(plan),
        f"tokens    about {plan.requirements.input_estimate:,} in, at most {plan.requirements.input_bound:,}{output}",
        *_needs(plan),
    ]
    out = [place for place, one in enumerate(plan.candidates) if one.rank is None]
    rows = list(map(_row, plan.candidates))
    kept = [n for n, name in enumerate(HEAD) if name not in SPARSE or any(row[n] for row in rows)]
    shown = [[row[n] for n in kept] for row in rows]
    body = tables.folded([HEAD[n] for n in kept], shown, below=BELOW, width=width, bold=color, dim=out)
    parts = ["".join(_lines(head, width)), body, "".join(_lines(map(_budget, budgets), width))]
    return "\n".join(filter(None, parts))


def _scores(plan: Plan) -> Iterator[str]:
    """How sure the classifier is of each task; nothing where the task was given."""
    scores, difficulty = plan.task.scores, plan.task.difficulty
    if len(scores) > 1:
        told = ", ".join(f"{name} {score:.2f}" for name, score in scores.items())
        yield f"scores    {told}" + ("" if difficulty is None else f"; difficulty {difficulty:.2f}")


def _needs(plan: Plan) -> Iterator[str]:
    """What the request asks of a model beside an answer."""
    need = plan.requirements
    asked = tuple(name for name in need.parameters if name != "max_tokens")
    if told := (*map(parameters.flags, ((name,) for name in asked)), *(("--schema",) if need.schema else ())):
        yield f"needs     {', '.join(told)}"


def _lines(texts: Iterable[str], width: int | None) -> Iterator[str]:
    for text in map(visible, texts):
        for line in [text] if width is None else hanging(text, width, indent=INDENT if width > 2 * INDENT else 0):
            yield f"{line}\n"


def _row(one: Candidate) -> tuple[str, ...]:
    rank = "-" if one.rank is None else str(one.rank)
    money = (cost(one, one.estimate), cost(one, one.worst))
    return (rank, str(one.target), one.tier, *money, _usually(one), _limits(one), one.why)


def _usually(one: Candidate) -> str:
    """How long its answers take, from how many calls."""
    took = strategies.time_to_finish(one)
    return "" if took is None or one.latency is None else f"{span(took)} ({counted(one.latency.samples, 'calls')})"


def _limits(one: Candidate) -> str:
    """How fast its provider may be asked, as the profile says."""
    facts = one.facts
    known = ((facts.rpm, "requests/min"), (facts.tpm, "tokens/min"), (facts.concurrency, "at once"))
    return ", ".join(f"{number:,} {unit}" for number, unit in known if number is not None)


def cost(one: Candidate, amount: Pico | None) -> str:
    """An amount that a candidate may cost, or why it costs none."""
    return UNPRICED.get(one.source) or dollars(amount)


def _budget(one: dict[str, Any]) -> str:
    resets = f", resets {one['resets_at']}" if one.get("resets_at") else ""
    if one.get("limit_usd") is not None:
        spent, held = (dollars(stated(one[key])) for key in ("spent_usd", "held_usd"))
        left, limit = dollars(stated(one["left_usd"]), down=True), exact(stated(one["limit_usd"]))
        unsure = doubt(stated(one["in_doubt_usd"]))
        return f"budget    {one['name']}: {spent} spent, {held} held{unsure}, {left} left of {limit}{resets}"
    return f"budget    {one['name']}: {one.get('left_calls')} calls left of {one.get('limit_calls')}{resets}"
