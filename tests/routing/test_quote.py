"""A quote against the price walked for each length of an answer, as it is written down."""

from __future__ import annotations

from bisect import bisect_right
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.catalog import table
from llmo.catalog.catalog import PATH, Catalog
from llmo.catalog.prices import LONG, Charge, Price, Rates
from llmo.config.parameters import MOST_TOKENS
from llmo.routing.quote import FREE, Quote, quote
from llmo.routing.requirements import Requirements
from llmo.types.money import parse_usd

if TYPE_CHECKING:
    from collections.abc import Iterator

SHIPPED = [
    model.price
    for vendor in table.read(PATH.read_bytes())["vendors"]
    for model in Catalog(now=0.0).known(vendor)
    if model.price
]
TIERS = [None, "auto", "priority", "PRIORITY", "flex", "batch", "service_tier_priority", "unheard of"]
MUCH = parse_usd("10")


def rates(price: Price, bound: int) -> Iterator[Rates]:
    """The rates that some request of up to so many input tokens pays."""
    yield price
    yield from (dearer for threshold, dearer in price.tiers if bound > threshold)


def own(price: Price, bound: int, output: int, tier: str | None) -> int:
    """Every token at the dearest rate that the bound reaches."""
    of = price.tier(tier) or price
    dear_in = max(price.peak[0], *(max(r.input, r.cached_input or 0, r.cache_write or 0) for r in rates(of, bound)))
    dear_out = max(price.peak[1], *(max(r.output, r.reasoning or 0) for r in rates(of, bound)))
    return bound * dear_in + output * dear_out + of.request


def most(price: Price, bound: int, output: int, tier: str | None) -> int:
    """The same of all that may answer."""
    if price.cap is not None:
        return bound * price.cap[0] + output * price.cap[1] + price.cap[2]
    return max([own(price, bound, output, tier), *(most(other, bound, output, None) for other in price.others)])


def held(price: Price, need: Requirements, output: int) -> int:
    """The most of both tiers, with all that may be billed."""
    bound = need.input_bound * (LONG if need.long_cache else 1)
    return max(most(price, bound, output + need.predicted, tier) for tier in (None, need.service_tier))


def bought(price: Price, need: Requirements, amount: int, limit: int) -> int:
    """Found by trying."""
    return bisect_right(range(1, limit + 1), amount, key=lambda n: held(price, need, n))


PICO = st.one_of(st.integers(0, 50), st.integers(0, MUCH))
MAYBE = st.one_of(st.none(), PICO)
RATES: dict[str, Any] = {"input": PICO, "output": PICO, "cached_input": MAYBE, "cache_write": MAYBE, "reasoning": MAYBE}
TOKENS = st.one_of(
    st.integers(0, 60), st.integers(0, MOST_TOKENS), st.sampled_from([200_000, 200_001, 272_000, 272_001])
)
STEPS = st.lists(st.tuples(TOKENS, st.builds(Rates, **RATES)), max_size=3).map(tuple)
PLAIN = st.builds(Price, **RATES, request=PICO, tiers=STEPS, peak=st.tuples(PICO, PICO))
OTHER = st.one_of(PLAIN, st.sampled_from(SHIPPED), st.builds(Price, **RATES, cap=st.tuples(PICO, PICO, PICO)))
MADE = st.builds(
    Price,
    **RATES,
    request=PICO,
    tiers=STEPS,
    peak=st.tuples(PICO, PICO),
    service=st.dictionaries(st.sampled_from(["priority", "flex", "batch"]), PLAIN, max_size=2).map(MappingProxyType),
    others=st.lists(OTHER, max_size=3).map(tuple),
    cap=st.one_of(st.none(), st.tuples(PICO, PICO, PICO)),
)
NEEDS = st.builds(
    Requirements,
    input_estimate=TOKENS,
    input_bound=TOKENS,
    service_tier=st.sampled_from(TIERS),
    long_cache=st.booleans(),
    predicted=TOKENS,
)


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.sampled_from(SHIPPED), MADE, OTHER), NEEDS, TOKENS, st.integers(1, MOST_TOKENS), PICO)
def test_a_quote_is_the_price_of_every_length(
    price: Price, need: Requirements, output: int, limit: int, change: int
) -> None:
    """
    To the picodollar; and an amount buys as much as can be found by trying, also where it is just enough or not.
    """
    found = quote(price, need, output)
    exact = held(price, need, min(output, limit))

    assert own(price, need.input_estimate, output, None) == found.expected
    assert [held(price, need, n) for n in (0, 1, output, limit)] == [found.worst(n) for n in (0, 1, output, limit)]
    for amount in (0, change, exact - 1, exact, exact + change):
        assert bought(price, need, amount, limit) == found.buys(amount, limit)


@pytest.mark.parametrize("tier", TIERS)
def test_every_shipped_price_is_quoted_on_both_sides_of_its_steps(tier: str | None) -> None:
    """
    Long contexts in every service tier, with and without a cache kept for an hour.
    """
    wrong = []
    for price in SHIPPED:
        steps = {threshold for one in (price, *price.service.values()) for threshold, _ in one.tiers}
        for bound in {0, 1, MOST_TOKENS, *steps, *(step + 1 for step in steps), *(step // 2 + 1 for step in steps)}:
            need = Requirements(input_estimate=bound, input_bound=bound, service_tier=tier, long_cache=bound % 2 == 1)
            found = quote(price, need, 500)
            if any(held(price, need, n) != found.worst(n) for n in (0, 1, 500, 128_000)):
                wrong.append((price, bound))

    assert [] == wrong
    assert len(SHIPPED) > 1000


@pytest.mark.parametrize(
    ("charges", "kept"),
    [
        pytest.param([(5, 2), (5, 2)], [(5, 2)], id="the same twice"),
        pytest.param([(5, 2), (6, 3)], [(6, 3)], id="dearer in both"),
        pytest.param([(5, 2), (5, 3)], [(5, 3)], id="dearer output"),
        pytest.param([(9, 1), (5, 3), (7, 1)], [(5, 3), (9, 1)], id="one for long answers and one for short"),
    ],
)
def test_only_charges_that_can_be_the_largest_are_kept(
    charges: list[tuple[int, int]], kept: list[tuple[int, int]]
) -> None:
    """
    Mostly that is one, so a length is one product.
    """
    first, *others = [Price(input=0, output=out, request=prompt) for prompt, out in charges]
    price = Price(input=0, output=first.output, request=first.request, others=tuple(others))

    assert kept == list(quote(price, Requirements(input_estimate=0, input_bound=0), 0).charges)


def test_what_is_free_is_bought_whole() -> None:
    """
    With nothing left too, but not when more than all is spent.
    """
    assert (0, 0, 128_000, 0) == (FREE.worst(10**9), FREE.expected, FREE.buys(0, 128_000), FREE.buys(-1, 128_000))
    assert 0 == Quote((Charge(5, 0),), 5).buys(4, 100)
