"""What `llmo.client` makes, from the flags of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.client.session import Session, Terms

if TYPE_CHECKING:
    from llmo.cli.context import Context
    from llmo.cli.options import SelectionFlags
    from llmo.engine.rate_limits import RateOverrides
    from llmo.ledger.allowance import Allowance


class CommandWiring(Session):
    """A session under the limits of a command."""

    def __init__(
        self, ctx: Context, selection: SelectionFlags, *, wish: RateOverrides | None = None, width: int | None = None
    ) -> None:
        """`width` wires for so many requests at once."""
        terms = Terms(
            run=ctx.run_id,
            max_cost=selection.max_cost,
            allow_unpriced=selection.allow_unpriced,
            rates=wish,
            width=width,
            warn=lambda line: ctx.err(f"llmo: warning: {line}"),
            tell=lambda line: ctx.note(f"llmo: {line}"),
        )
        super().__init__(ctx, terms, planner=ctx.planner)


def means(ctx: Context, selection: SelectionFlags) -> Allowance:
    """What this command may spend now."""
    from llmo.cli import options

    return CommandWiring(ctx, selection).allowance(options.tags(selection))


def budgets(of: Allowance) -> list[dict[str, object]]:
    """How much is left of every limit, as `route` shows it."""
    from llmo.render.spending import budget

    return [budget(one) for one in of.statuses]
