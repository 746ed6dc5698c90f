"""What a request may cost at one target: the price is walked once, and any output limit is asked of the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.catalog.prices import LONG, Charge
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llmo.catalog.prices import Price
    from llmo.routing.requirements import Requirements
    from llmo.types.money import Pico


@dataclass(frozen=True, slots=True)
class Quote:
    """
    What a request may cost at one target, by the length of its answer; picodollars.

    `charges` are those that can be the largest for some answer: mostly one, more where the price is the dearest of
    several. `expected` is an estimate for choosing.
    """

    charges: tuple[Charge, ...]
    expected: Pico

    def worst(self, output_tokens: int) -> Pico:
        """The most that an answer of up to so many tokens can cost."""
        charges = self.charges
        return charges[0].of(output_tokens) if len(charges) == 1 else max(one.of(output_tokens) for one in charges)

    def buys(self, amount: Pico, most: int) -> int:
        """The most output tokens, up to `most`, that an amount covers; 0 when not even the prompt."""
        return min(_buys(charge, amount, most) for charge in self.charges)


FREE = Quote((Charge(0, 0),), 0)


def quote(price: Price, need: Requirements, expected_output: int) -> Quote:
    """
    The quote of a price for a request whose answer is expected to be of so many tokens.

    A service tier that was asked for may not be the one that serves: both are charges. A prompt that is to be cached
    for an hour may cost `LONG` times its tokens. Predicted tokens may be billed beside the answer.
    """
    bound = need.input_bound * (LONG if need.long_cache else 1)
    charges = price.charges(bound)
    if need.service_tier is not None:
        charges += price.charges(bound, service_tier=need.service_tier)
    if need.predicted:
        charges = [Charge(charge.of(need.predicted), charge.per_output_token) for charge in charges]
    kept = tuple(charges) if len(charges) == 1 else tuple(_largest(charges))
    return Quote(kept, price.charge(need.input_estimate).of(expected_output))


def _largest(charges: Iterable[Charge]) -> Iterable[Charge]:
    """Those that may be the largest: each has a dearer prompt and cheaper output than the one before."""
    prompt = -1
    for charge in sorted(charges, key=lambda one: (one.per_output_token, one.prompt), reverse=True):
        if charge.prompt > prompt:
            prompt = charge.prompt
            yield charge


def _buys(charge: Charge, amount: Pico, most: int) -> int:
    left = amount - charge.prompt
    if left < 0:
        return 0
    return min(most, left // charge.per_output_token) if charge.per_output_token else most
