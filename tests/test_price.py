"""The sums over rates, with figures that no two rates share."""

from __future__ import annotations

from typing import Any

import pytest

from llmo.catalog.prices import Price, Rates
from llmo.types.events import Usage
from tests.pricing import worst_of

ALL = Rates(input=2, output=3, cached_input=5, cache_write=7, reasoning=11)
FEW = Rates(input=2, output=3)
USED = Usage(
    input_tokens=1000,
    output_tokens=100,
    cached_input_tokens=200,
    cache_write_tokens=300,
    reasoning_tokens=40,
    long_write_tokens=50,
)


@pytest.mark.parametrize(
    ("rates", "usage", "expected"),
    [
        pytest.param(ALL, USED, 500 * 2 + 200 * 5 + 250 * 7 + 50 * 2 * 2 + 60 * 3 + 40 * 11, id="each at its own rate"),
        pytest.param(FEW, USED, 1000 * 2 + 100 * 3, id="each at the rate of what it is part of"),
        pytest.param(ALL, Usage(10, 1), 10 * 2 + 3, id="nothing special"),
        pytest.param(ALL, Usage(0, 0), 0, id="nothing"),
        pytest.param(ALL, Usage(10, 5, cached_input_tokens=10), 10 * 5 + 5 * 3, id="all of it read"),
        pytest.param(ALL, Usage(10, 5, cached_input_tokens=12), 12 * 5 + 5 * 3, id="more read than came"),
        pytest.param(ALL, Usage(0, 5, reasoning_tokens=5), 5 * 11, id="all of it thought"),
        pytest.param(ALL, Usage(0, 5, reasoning_tokens=8), 8 * 11, id="more thought than came"),
        pytest.param(
            ALL, Usage(9, 0, cache_write_tokens=9, long_write_tokens=9), 9 * 2 * 2, id="all of it kept for an hour"
        ),
    ],
)
def test_what_tokens_cost(rates: Rates, usage: Usage, expected: int) -> None:
    """
    No token is paid twice, and none is forgotten.
    """
    assert rates.sum(usage) == expected


TIERED = Price(input=2, output=3, request=1000, tiers=((10, Rates(input=5, output=7)), (20, Rates(input=11, output=1))))


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        pytest.param(10, 10 * 2 + 3, id="up to the first"),
        pytest.param(11, 11 * 5 + 7, id="past the first"),
        pytest.param(20, 20 * 5 + 7, id="up to the second"),
        pytest.param(21, 21 * 11 + 1, id="past the second"),
    ],
)
def test_past_a_threshold_every_token_is_dearer(tokens: int, expected: int) -> None:
    """
    A request costs what it costs besides.
    """
    assert TIERED.cost(Usage(tokens, 1)) == expected + 1000


@pytest.mark.parametrize(
    ("price", "bounds", "expected"),
    [
        pytest.param(TIERED, (10, 4), 10 * 2 + 4 * 3 + 1000, id="the first rates"),
        pytest.param(TIERED, (11, 4), 11 * 5 + 4 * 7 + 1000, id="the second rates"),
        pytest.param(TIERED, (21, 4), 21 * 11 + 4 * 7 + 1000, id="the dearest of all that it may reach"),
        pytest.param(Price(input=2, output=3, peak=(5, 2)), (10, 4), 10 * 5 + 4 * 3, id="a peak of input"),
        pytest.param(Price(input=2, output=3, peak=(1, 9)), (10, 4), 10 * 2 + 4 * 9, id="a peak of output"),
        pytest.param(Price(input=2, output=3, cap=(5, 7, 11)), (10, 4), 10 * 5 + 4 * 7 + 11, id="a cap is all"),
        pytest.param(
            Price(input=2, output=3, others=(Price(input=1, output=30), Price(input=9, output=1))),
            (10, 4),
            10 * 1 + 4 * 30,
            id="the dearest that may answer",
        ),
        pytest.param(Price(input=2, output=3, cache_write=5, reasoning=7), (10, 4), 10 * 5 + 4 * 7, id="any kind"),
        pytest.param(Price(input=2, output=3, cached_input=5), (10, 4), 10 * 5 + 4 * 3, id="a dear cache"),
    ],
)
def test_the_most_that_a_call_can_cost(price: Price, bounds: tuple[int, int], expected: int) -> None:
    """
    Every token at the dearest rate that the bound reaches.
    """
    assert worst_of(price, *bounds) == expected


def test_a_service_tier_has_its_own_worst_case() -> None:
    """
    One that is not known has that of the standard tier; other models have theirs.
    """
    price = Price(
        input=2, output=3, service={"priority": Price(input=20, output=30)}, others=(Price(input=1, output=4),)
    )
    found = [worst_of(price, 10, 4, service_tier=tier) for tier in ("priority", "SERVICE_TIER_PRIORITY", "other", None)]

    assert found == [320, 320, 32, 32]
    assert price.charge(10, service_tier="priority").of(4) == 320
    assert price.cost(Usage(10, 4), service_tier="priority") == 320


@pytest.mark.parametrize("wrong", [-1, 0.5, True])
@pytest.mark.parametrize(
    "name", ["input", "output", "cached_input", "cache_write", "reasoning", "request", "peak", "cap"]
)
def test_a_rate_is_a_whole_number_of_zero_or_more(name: str, wrong: Any) -> None:
    """
    A hold is never credit.
    """
    value = {"peak": (0, wrong), "cap": (0, 0, wrong)}.get(name, wrong)
    with pytest.raises(ValueError, match=f"not a rate: {wrong}"):
        Price(**{"input": 1, "output": 1, name: value})


def test_a_ceiling_is_the_dearest_of_each() -> None:
    """
    Own rates, their peaks, those of others; a cap is its own.
    """
    price = Price(input=2, output=3, request=4, peak=(5, 1), others=(Price(input=1, output=9, request=6),))

    assert (price.ceiling, Price(input=9, output=9, cap=(1, 2, 3)).ceiling) == ((5, 9, 6), (1, 2, 3))
