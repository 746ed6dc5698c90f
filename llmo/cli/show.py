"""Show a plan: for `route`, and for `ask --dry-run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.affordable import decided
from llmo.cli.wiring import budgets, means
from llmo.render import objects, plans

if TYPE_CHECKING:
    from llmo.cli.context import Context
    from llmo.cli.options import Selection
    from llmo.router import Plan


def show_plan(ctx: Context, plan: Plan, selection: Selection, *, as_json: bool) -> int:
    """Print a plan in the form that is asked for; the exit code."""
    of = means(ctx, selection)
    plan = decided(plan, of)
    body = objects.plan(plan, budgets(of))
    if as_json:
        ctx.json(body)
    else:
        color = ctx.color and ctx.stdout_tty
        ctx.show(plans.table(plan, body["budgets"], width=ctx.width if ctx.stdout_tty else None, color=color))
    return 0
