"""What the same tokens would have cost elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.errors import UsageError
from llmo.types import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.cli.context import Context
    from llmo.ledger.spending import Spending
    from llmo.money import Pico


def price_of(ctx: Context, ref: str) -> Callable[[Spending], Pico]:
    """
    The cost of a group's tokens at another target; at base rates, for tiers depend on single calls.

    Raises `UsageError` when its price is unknown.
    """
    from dataclasses import replace

    from llmo import settings
    from llmo.router import resolve

    target = resolve(ctx.profile, ref)
    config = ctx.profile.providers[target.provider]
    price = ctx.catalog.find(target, config, settings.base_url(target.provider, config, ctx.env)).price
    if price is None:
        raise UsageError(f"the price of {target} is unknown", hint="set it with [[prices]] in the profile")
    flat = replace(price, tiers=())

    def cost(group: Spending) -> Pico:
        usage = Usage(
            group.input_tokens,
            group.output_tokens,
            group.cached_input_tokens,
            group.cache_write_tokens,
            group.reasoning_tokens,
        )
        return flat.sum(usage) + flat.request * group.calls

    return cost
