"""What a call may cost at most, by the charges of a price: the sum that a quote holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmo.catalog.prices import Price
    from llmo.types.money import Pico


def worst_of(price: Price, input_bound: int, output_bound: int, *, service_tier: str | None = None) -> Pico:
    """The largest of the charges."""
    return max(charge.of(output_bound) for charge in price.charges(input_bound, service_tier=service_tier))
