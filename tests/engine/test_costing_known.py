"""How the cost of an answer is known, in the words that a report counts by."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from llmo.catalog.catalog import Model
from llmo.catalog.prices import Price
from llmo.engine.costing import Bill, bill
from llmo.engine.response import ResponseBuilder
from llmo.types.events import PaidUse, ReportedCost, ServedBy, Usage
from llmo.types.money import DEAREST
from tests.desk import COST, IN, OUT, WORST
from tests.fakes import A, candidate

if TYPE_CHECKING:
    from llmo.types.events import Event

OWN = Price(input=IN, output=OUT)
USAGE = Usage(10, 2)


def billed(price: Price | None, *said: Event, asked: str | None = None, **facts: Any) -> Bill:
    answer = ResponseBuilder()
    for event in said:
        answer.take(event, float)
    of = candidate(A, 1, model=Model(id="m", price=price))
    return bill(answer, replace(of, facts=replace(of.facts, **facts)), asked)


@pytest.mark.parametrize(
    ("price", "said", "facts", "expected"),
    [
        pytest.param(OWN, [USAGE, ReportedCost(7)], {"billing": "subscription"}, Bill(0, "subscription"), id="a plan"),
        pytest.param(OWN, [USAGE, ReportedCost(7)], {"billing": "local"}, Bill(0, "local"), id="own hardware"),
        pytest.param(OWN, [USAGE, ReportedCost(7)], {}, Bill(7, "reported"), id="reported"),
        pytest.param(OWN, [USAGE, ReportedCost(7, derived=True)], {}, Bill(COST, "computed"), id="a middleman's"),
        pytest.param(None, [ReportedCost(7, derived=True)], {}, Bill(7, "computed"), id="a middleman's alone"),
        pytest.param(None, [USAGE], {}, Bill(None, "unknown"), id="no price"),
        pytest.param(OWN, [], {}, Bill(WORST, "estimated"), id="no counts"),
        pytest.param(replace(OWN, source="limit"), [USAGE], {}, Bill(COST, "estimated"), id="nothing but a ceiling"),
        pytest.param(Price(input=DEAREST, output=0), [Usage(1, 0)], {}, Bill(DEAREST, "computed"), id="the dearest"),
    ],
)
def test_how_a_cost_is_known(price: Price | None, said: list[Event], facts: dict[str, Any], expected: Bill) -> None:
    """
    Reported, computed from counts and a price, estimated from the hold, or not at all.
    """
    assert billed(price, *said, **facts) == expected


def test_counts_that_would_cost_more_than_a_call_can_are_not_believed() -> None:
    """
    The hold is booked instead, and a warning says so.
    """
    cost, source, remarks = billed(Price(input=DEAREST + 1, output=0), Usage(1, 0))

    assert (cost, source, len(remarks)) == (WORST, "estimated", 1)
    assert remarks[0].startswith("the tokens that a/m counted would cost $10")


def test_what_makes_a_lower_bound_is_named() -> None:
    """
    The tier and the uses without a price, with their numbers.
    """
    dear = replace(OWN, service={"priority": Price(input=2 * IN, output=2 * OUT)})

    assert billed(OWN, USAGE, ServedBy(service_tier="turbo")).remarks == (
        "the price of service tier turbo is unknown: the cost is a lower bound",
    )
    assert billed(dear, USAGE, ServedBy(service_tier="turbo")).remarks == (
        "the price of service tier turbo is unknown: the cost is an estimate",
    )
    assert billed(OWN, USAGE, PaidUse("container", 1200), PaidUse("video", None)) == Bill(
        COST,
        "unknown",
        ("a/m charges for container (1,200), video at an unknown price: the cost is a lower bound",),
    )
