"""What tokens cost: rates, actual cost and worst case."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from llmo.types.dataclass import dataclass, field, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmo.types.events import Usage
    from llmo.types.money import Pico


STANDARD = frozenset({"", "auto", "default", "standard", "standard_only", "on_demand"})
"""Service tiers with the standard price, as requests and answers spell them."""
LONG = 2
"""Multiple of the input rate for cache writes that last an hour: Anthropic's rule for all its models."""


def check_rates(*rates: Pico) -> None:
    """Raise `ValueError` unless all are whole numbers of 0 or more."""
    for rate in rates:
        if type(rate) is not int or rate < 0:
            raise ValueError(f"not a rate: {rate!r}")


class Charge(NamedTuple):
    """A bill before the answer is written: picodollars for the prompt, and for each token of output."""

    prompt: Pico
    per_output_token: Pico

    def of(self, output_tokens: int) -> Pico:
        """The bill with an answer of so many tokens."""
        return self.prompt + output_tokens * self.per_output_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Picodollars per token. A rate that is None is that of the tokens it is part of."""

    input: Pico
    output: Pico
    cached_input: Pico | None = None
    cache_write: Pico | None = None
    reasoning: Pico | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError` for a rate that would turn a hold into credit, or that is no whole number."""
        check_rates(self.input, self.output, self.cached_input or 0, self.cache_write or 0, self.reasoning or 0)

    def sum(self, usage: Usage) -> Pico:
        """What this usage costs at these rates."""
        read, write = usage.cached_input_tokens, usage.cache_write_tokens
        long = usage.long_write_tokens if self.cache_write is not None else 0
        thought = usage.reasoning_tokens if self.reasoning is not None else 0
        return (
            max(0, usage.input_tokens - read - write) * self.input
            + read * (self.input if self.cached_input is None else self.cached_input)
            + max(0, write - long) * (self.input if self.cache_write is None else self.cache_write)
            + long * self.input * LONG
            + max(0, usage.output_tokens - thought) * self.output
            + thought * (self.reasoning or 0)
        )

    @property
    def dearest(self) -> tuple[Pico, Pico]:
        """The highest rates of an input and of an output token."""
        return max(self.input, self.cached_input or 0, self.cache_write or 0), max(self.output, self.reasoning or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Rates):
    """
    What a model costs now.

    More input tokens than a tier's threshold put every token of the request at the tier's rates.
    `service` holds the price by service tier where it differs (`priority`, `flex`, `batch` …).
    `peak` are the dearest rates of conditions that usage does not tell: image tokens, an hour of
    the day that begins while a call runs, the region of an upstream. `others` are the prices of
    models that may answer, and be charged, instead. `cap` is what the provider was told not to pass:
    a token in, a token out, a request. Only `charges` uses these three. A price of source `limit` is
    nothing but its cap. `uses` is what a use of a server's own tool costs, by `web_search` and
    `file_search`; one that is missing has no known price.
    """

    source: Literal["table", "refreshed", "profile", "limit", "local", "subscription"] = "table"
    request: Pico = 0
    uses: Mapping[str, Pico] = field(default_factory=lambda: MappingProxyType({}))
    tiers: tuple[tuple[int, Rates], ...] = ()
    service: Mapping[str, Price] = field(default_factory=lambda: MappingProxyType({}))
    peak: tuple[Pico, Pico] = (0, 0)
    others: tuple[Price, ...] = ()
    cap: tuple[Pico, Pico, Pico] | None = None

    def __post_init__(self) -> None:
        """Check the amounts that only a price has, as `Rates` does."""
        # Named: a dataclass with slots is another class than the one that super() would look for.
        Rates.__post_init__(self)
        check_rates(self.request, *self.peak, *(self.cap or ()))

    def cost(self, usage: Usage, *, service_tier: str | None = None) -> Pico:
        """What the tokens of a call cost; a service tier without a price of its own is the standard one, see `tier`."""
        price = (self.tier(service_tier) or self) if service_tier else self
        rates: Rates = price
        for threshold, dearer in price.tiers:
            if usage.input_tokens > threshold:
                rates = dearer
        return rates.sum(usage) + price.request

    def tier(self, told: str | None) -> Price | None:
        """The price of a service tier, as a request or an answer names it; None when it has no known price."""
        if not told:
            return self
        name = told.lower().removeprefix("service_tier_")
        return self if name in STANDARD else self.service.get(name)

    def charges(self, input_bound: int, *, service_tier: str | None = None) -> list[Charge]:
        """What a call may be charged, by this price or another's: the largest is held for it."""
        if self.cap is not None:
            return [Charge(input_bound * self.cap[0] + self.cap[2], self.cap[1])]
        found = [self.charge(input_bound, service_tier=service_tier)]
        for other in self.others:
            found += other.charges(input_bound)
        return found

    def charge(self, input_tokens: int, *, service_tier: str | None = None) -> Charge:
        """The cost of a call that the requested model itself answers, rounded to the expensive side."""
        price = self.tier(service_tier) or self
        dear_in, dear_out = price.dearest
        for threshold, rates in price.tiers:
            if input_tokens > threshold:
                more_in, more_out = rates.dearest
                dear_in, dear_out = max(dear_in, more_in), max(dear_out, more_out)
        peak_in, peak_out = self.peak
        return Charge(input_tokens * max(dear_in, peak_in) + price.request, max(dear_out, peak_out))

    @property
    def ceiling(self) -> tuple[Pico, Pico, Pico]:
        """The lowest rates that `charges` may use: an input token, an output token, a request."""
        if self.cap is not None:
            return self.cap
        own = max(self.input, self.peak[0]), max(self.output, self.peak[1]), self.request
        if not self.others:
            return own
        rows = [own, *(other.ceiling for other in self.others)]
        return max(row[0] for row in rows), max(row[1] for row in rows), max(row[2] for row in rows)


BATCH = "batch"
"""The service tier of what vendors answer within a day."""
BATCH_SHARE = 2
"""What the standard rates are divided by there (OpenAI and Anthropic: 50 %), where the table has none of its own."""


def batch_price(price: Price) -> Price:
    """The price of a model in its vendor's batches, as the standard price of an answer from there."""
    own = price.service.get(BATCH) or replace(price, **_halved(price), tiers=_tiers(price))
    plain = replace(own, uses=own.uses or price.uses, service=MappingProxyType({}), source=price.source)
    return replace(plain, service=MappingProxyType({BATCH: plain}))


def _halved(rates: Rates) -> dict[str, Any]:
    """Rounded up: a hold must not be too small."""
    names = ("input", "output", "cached_input", "cache_write", "reasoning")
    found = {name: getattr(rates, name) for name in names}
    return {name: None if rate is None else -(-rate // BATCH_SHARE) for name, rate in found.items()}


def _tiers(price: Price) -> tuple[tuple[int, Rates], ...]:
    return tuple((threshold, Rates(**_halved(rates))) for threshold, rates in price.tiers)


FREE = Price(input=0, output=0, source="local")
FLAT = Price(input=0, output=0, source="subscription")
