"""What `llmo.wiring` makes, from the flags of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo import wiring
from llmo.wiring import Links

if TYPE_CHECKING:
    from llmo.cli.context import Context
    from llmo.cli.options import Selection
    from llmo.limits import Wish

__all__ = ["Links", "Wired", "budgets"]


class Wired(wiring.Wired):
    """An engine under the limits of a command."""

    def __init__(self, ctx: Context, selection: Selection, *, wish: Wish | None = None, busy: bool = False) -> None:
        """`busy` wires for many requests at once; call it where the event loop runs."""
        limits = ctx.limits(selection.max_cost)
        super().__init__(ctx, limits, allow_unpriced=selection.allow_unpriced, wish=wish, busy=busy)
        self.till.warn = lambda line: ctx.err(f"llmo: warning: {line}")


def budgets(ctx: Context, selection: Selection) -> list[dict[str, object]]:
    """How much is left of every limit of this command, as `route` shows it."""
    from llmo.render.money import budget

    return [budget(one) for one in ctx.ledger.status(ctx.limits(selection.max_cost), ctx.run_id)]
