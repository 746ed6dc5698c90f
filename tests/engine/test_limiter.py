"""The gates against providers that enforce limits, whatever their headers claim: how much is used, how much refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.limited import Measured, Ours, Scenario, measure

TOTAL = {"requests": 10_000, "total": 2e6}
A: dict[str, Any] = {"limits": TOTAL}
B: dict[str, Any] = {"limits": TOTAL, "refunds": False}
C: dict[str, Any] = {"limits": {"requests": 500, "total": 1e8}, "burst": 1.0}
D: dict[str, Any] = {"limits": {"requests": 4000, "input": 1e6, "output": 2e5}, "burst": 10.0}
E: dict[str, Any] = {"limits": TOTAL, "other": 0.3, "burst": 10.0}


def found(crowd: int = 400, seconds: float = 480.0, **scenario: Any) -> Measured:
    told = Scenario(**scenario)
    return measure(told, lambda: Ours(told, crowd, 1), seconds=seconds)


@pytest.mark.parametrize(
    ("scenario", "used", "refused"),
    [
        pytest.param({**A, "configured": 1.0}, 0.97, 0.0, id="A, configured"),
        pytest.param(A, 0.97, 0.0, id="A, from headers"),
        pytest.param({**A, "told": 0.5}, 0.97, 0.0, id="A, half the limit claimed"),
        pytest.param({**A, "configured": 2.0}, 0.97, 0.0, id="A, configured twice too high"),
        pytest.param({**A, "configured": 2.0, "told": 0.0}, 0.97, 0.5, id="A, twice too high and no headers"),
        pytest.param({**B, "configured": 1.0}, 0.97, 0.5, id="B, configured"),
        pytest.param({**B, "seconds": 720.0}, 0.97, 0.5, id="B, from headers"),
        pytest.param({**B, "told": 0.5}, 0.97, 0.5, id="B, half the limit claimed"),
        pytest.param({**C, "configured": 1.0, "told": 0.0}, 0.97, 0.0, id="C, configured"),
        pytest.param({**C, "configured": 2.0}, 0.97, 0.5, id="C, configured twice too high"),
        pytest.param(C, 0.97, 0.0, id="C, from headers"),
        pytest.param({**C, "remaining": "minute"}, 0.97, 0.5, id="C, a minute's limit enforced per second"),
        pytest.param({**C, "remaining": "minute", "reset": 1.0}, 0.97, 0.5, id="C, and a reset that does not fit"),
        pytest.param({**C, "reset": 360.0}, 0.97, 0.5, id="C, a reset of six minutes"),
        pytest.param({**C, "remaining": "none"}, 0.97, 0.5, id="C, never anything left"),
        pytest.param({**C, "remaining": "full"}, 0.97, 0.5, id="C, always everything left"),
        pytest.param({**A, "remaining": "none"}, 0.97, 0.5, id="A, never anything left"),
        pytest.param({**C, "told": 2.0}, 0.97, 0.5, id="C, twice the limit claimed"),
        pytest.param({**C, "told": 0.0, "seconds": 720.0}, 0.97, 0.5, id="C, no limit known"),
        pytest.param({**D, "configured": 1.0}, 0.97, 0.0, id="D, configured"),
        pytest.param(D, 0.97, 0.0, id="D, from headers"),
        pytest.param({**D, "told": 0.5}, 0.97, 0.5, id="D, half the limit claimed"),
        pytest.param({**D, "configured": 2.0}, 0.97, 0.0, id="D, configured twice too high"),
        pytest.param({**D, "remaining": "none"}, 0.97, 0.5, id="D, never anything left"),
        pytest.param({**D, "told": 0.0}, 0.97, 1.5, id="D, no limit known"),
        pytest.param({**E, "configured": 1.0}, 0.96, 5.0, id="E, configured"),
        pytest.param(E, 0.97, 5.0, id="E, from headers"),
        pytest.param({**E, "told": 0.5}, 0.95, 0.5, id="E, half the limit claimed"),
        pytest.param({**E, "told": 0.0}, 0.96, 5.0, id="E, no limit known"),
    ],
)
def test_limits_are_used_and_not_hit(scenario: dict[str, Any], used: float, refused: float) -> None:
    """
    Of what a provider grants nearly all is used, and of 1,000 requests hardly one is refused.
    """
    seen = found(**scenario)

    assert seen.utilization >= used
    assert seen.refusals <= refused


@pytest.mark.parametrize(("told", "used"), [(0.5, 0.97), (1 / 60, 0.5)], ids=["half", "of a second"])
def test_a_limit_that_is_claimed_too_low_is_outgrown(told: float, used: float) -> None:
    """
    What is observed wins over what is claimed, in this direction too.
    """
    assert found(seconds=600.0, **C, told=told).utilization >= used


def test_a_stated_concurrency_is_reached_after_the_first_answers() -> None:
    """
    Whoever says how many at once has them soon where the first answers tell of no limit.
    """
    assert found(crowd=1000, seconds=5.0, limits={"requests": 1e9, "total": 1e12}, told=0.0).peak >= 990


def test_a_limit_that_shows_only_at_a_stated_concurrency_is_found_as_softly_as_without_one() -> None:
    """
    The first refusals stop the leap, and the search goes on from before it.
    """
    seen = found(crowd=1000, **C, told=0.0, seconds=720.0)

    assert seen.early <= 250
    assert seen.utilization >= 0.97
    assert seen.refusals <= 0.5
