"""Prints plans: for `route`, for `ask --dry-run`, and with -v for all that send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.engine.output_limits import decided
from llmo.render import explained, json_output
from llmo.render.plan import table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llmo.cli.context import Context
    from llmo.ledger.allowance import Allowance
    from llmo.routing.plan import Plan


def show_plan(ctx: Context, plan: Plan, money: Allowance, *, as_json: bool) -> int:
    """Print a plan under the current budgets, as JSON or as a table; return the exit code."""
    plan = decided(plan, money)
    body = json_output.plan(plan, money.statuses)
    if as_json:
        ctx.json(body)
    else:
        ctx.show(table(plan, body["budgets"], width=ctx.table_width, color=ctx.stdout_color))
    tell_nobody(ctx, plan)
    return 0


def explain(ctx: Context, plans: Iterable[Plan]) -> None:
    """With -v, say who may answer, in which order and why; what several plans share is said once."""
    if ctx.verbose:
        profile = f"{ctx.loaded.name} ({ctx.loaded.source or 'built-in'})"
        for line in dict.fromkeys(line for plan in plans for line in explained.plan(plan, profile=profile)):
            ctx.told(line)


def tell_nobody(ctx: Context, plan: Plan) -> None:
    """Say how to go on where nothing is configured; the plan itself says why each candidate is out."""
    if plan.looked_for and not ctx.quiet:
        from llmo.routing.refusals import refusal

        ctx.failed(refusal(plan))
