"""What the same tokens would have cost elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.errors import UsageError
from llmo.types.dataclass import replace
from llmo.types.events import Usage
from llmo.types.messages import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmo.catalog.prices import Price
    from llmo.cli.context import Context
    from llmo.ledger.reports import Spending
    from llmo.types.money import Pico


def price_of(ctx: Context, ref: str) -> Callable[[Spending], Pico]:
    """
    The cost of a group's tokens at another target; at base rates, for tiers depend on single calls.

    Raises `UsageError` when its price is unknown.
    """
    target = ctx.names.resolve(ref)
    price = _price(ctx, target)
    if price is None:
        raise UsageError(f"the price of {target} is unknown", hint="add it to the profile as a [[prices]] entry")
    return lambda group: price.sum(_usage(group)) + price.request * group.calls


def saved(ctx: Context, group: Spending) -> Pico:
    """What a group of one provider and model would have cost besides without its cache; 0 when nobody knows."""
    target = Target(group.group[0], group.group[1])
    price = _price(ctx, target) if target.provider in ctx.profile.providers else None
    if price is None or not group.cached_input_tokens:
        return 0
    usage = _usage(group)
    return max(0, price.sum(replace(usage, cached_input_tokens=0, cache_write_tokens=0)) - price.sum(usage))


def _price(ctx: Context, target: Target) -> Price | None:
    from llmo.config.credentials import base_url

    config = ctx.profile.providers[target.provider]
    return ctx.catalog.find(target, config, base_url(target.provider, config, ctx.env)).price


def _usage(group: Spending) -> Usage:
    return Usage(
        group.input_tokens,
        group.output_tokens,
        group.cached_input_tokens,
        group.cache_write_tokens,
        group.reasoning_tokens,
    )
