"""A session from the flags of a command, for the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.render.spending import budgets as _budgets

if TYPE_CHECKING:
    from llmo.cli.context import Context
    from llmo.cli.options import SelectionFlags
    from llmo.client.session import Session
    from llmo.engine.rate_limits import RateOverrides
    from llmo.ledger.allowance import Allowance


def CommandWiring(  # noqa: N802 - until the batch asks its context for a session
    ctx: Context, selection: SelectionFlags, *, wish: RateOverrides | None = None, width: int | None = None
) -> Session:
    """A session under the limits of a command."""
    return ctx.session(
        run=ctx.run_id,
        max_cost=selection.max_cost,
        allow_unpriced=selection.allow_unpriced,
        rates=wish,
        width=width,
    )


def means(ctx: Context, selection: SelectionFlags) -> Allowance:
    """What this command may spend now."""
    from llmo.cli import options

    return CommandWiring(ctx, selection).allowance(options.tags(selection))


def budgets(of: Allowance) -> list[dict[str, object]]:
    """How much is left of every limit, as `route` shows it."""
    return _budgets(of.statuses)
