"""What `llmo.client.runtime` makes, from the flags of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.client.session import Wiring

if TYPE_CHECKING:
    from llmo.cli.context import Context
    from llmo.cli.options import SelectionFlags
    from llmo.engine.rate_limits import RateOverrides
    from llmo.ledger.allowance import Allowance


class CommandWiring(Wiring):
    """An engine under the limits of a command."""

    def __init__(
        self, ctx: Context, selection: SelectionFlags, *, wish: RateOverrides | None = None, width: int | None = None
    ) -> None:
        """`width` wires for so many requests at once; call it where the event loop runs."""
        limits = ctx.limits(selection.max_cost)
        super().__init__(ctx, limits, allow_unpriced=selection.allow_unpriced, wish=wish, width=width)
        self.till.warn = lambda line: ctx.err(f"llmo: warning: {line}")
        self.till.tell = lambda line: ctx.note(f"llmo: {line}")


def means(ctx: Context, selection: SelectionFlags) -> Allowance:
    """What this command may spend now."""
    from llmo.cli import options
    from llmo.ledger.allowance import Allowance

    limits = ctx.limits(selection.max_cost)
    return Allowance(
        limits=limits,
        statuses=ctx.ledger.status(limits, ctx.run_id, live=True),
        allow_unpriced=selection.allow_unpriced,
        run=ctx.run_id,
        tags=options.tags(selection),
    )


def budgets(of: Allowance) -> list[dict[str, object]]:
    """How much is left of every limit, as `route` shows it."""
    from llmo.render.spending import budget

    return [budget(one) for one in of.statuses]
