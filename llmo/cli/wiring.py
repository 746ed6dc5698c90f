"""What `llmo.wiring` makes, from the flags of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo import wiring
from llmo.wiring import Links

if TYPE_CHECKING:
    from llmo.affordable import Money
    from llmo.cli.context import Context
    from llmo.cli.options import Selection
    from llmo.limits import Wish

__all__ = ["Links", "Wired", "budgets", "means"]


class Wired(wiring.Wired):
    """An engine under the limits of a command."""

    def __init__(
        self, ctx: Context, selection: Selection, *, wish: Wish | None = None, width: int | None = None
    ) -> None:
        """`width` wires for so many requests at once; call it where the event loop runs."""
        limits = ctx.limits(selection.max_cost)
        super().__init__(ctx, limits, allow_unpriced=selection.allow_unpriced, wish=wish, width=width)
        self.till.warn = lambda line: ctx.err(f"llmo: warning: {line}")
        self.till.tell = lambda line: ctx.note(f"llmo: {line}")


def means(ctx: Context, selection: Selection) -> Money:
    """What this command may spend now."""
    from llmo.affordable import Money
    from llmo.cli import options

    limits = ctx.limits(selection.max_cost)
    return Money(
        limits=limits,
        statuses=ctx.ledger.status(limits, ctx.run_id, live=True),
        allow_unpriced=selection.allow_unpriced,
        run=ctx.run_id,
        tags=options.tags(selection),
    )


def budgets(of: Money) -> list[dict[str, object]]:
    """How much is left of every limit, as `route` shows it."""
    from llmo.render.money import budget

    return [budget(one) for one in of.statuses]
