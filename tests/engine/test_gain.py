"""What a 429 costs, and what it is worth."""

from __future__ import annotations

import pytest

from llmo.engine.gain import FOUND, PRICE, SURE, Gain
from llmo.engine.measured import Measured


def settled(*limits: float) -> tuple[Gain, float]:
    """A gain that has measured these limits, every 30 s one, faster each time; and the time of the last."""
    gain, now = Gain(1.0, 0.0), 0.0
    gain.top = float("inf")
    for limit in limits:
        now += 30.0
        gain.refused(now, Measured(limit, 30.0, 1000.0), limit)
    return gain, now


def quiet(gain: Gain, now: float, requests: int) -> float:
    """The gain after an hour in which so many requests were admitted."""
    for _ in range(requests):
        gain.answered(0.0, 0.0, now, least=0.0)
    for tick in range(36_000):
        gain.gain(now + tick / 10)
    return gain.value


def test_two_measurements_that_agree_make_a_limit_sure() -> None:
    """
    One may be a burst of somebody else's.
    """
    assert settled(0.5)[0].value == pytest.approx(0.5 * FOUND)
    assert quiet(*settled(0.5), requests=4) > 0.6
    assert settled(0.5, 0.5, 0.5)[0].value == pytest.approx(0.5 * FOUND)


@pytest.mark.parametrize(("requests", "tried"), [(3.9, False), (4.1, True)])
def test_what_a_trial_cost_is_earned_before_the_next(requests: float, *, tried: bool) -> None:
    """
    Four 429s by as many times the requests, however long that takes.
    """
    gain, now = settled(0.5, 0.5, 0.5)
    gain.refusals = 4

    assert SURE == 3
    assert (quiet(gain, now, int(requests * PRICE)) > 0.5) is tried


def test_a_limit_of_which_others_use_a_part_is_tried_again_soon() -> None:
    """
    It goes up and down; that two measurements agree by chance does not make it sure.
    """
    assert settled(0.5, 0.9, 0.9)[0].steady
    assert not settled(0.5, 0.9, 0.4)[0].steady
    assert not settled(0.5, 0.9, 0.4, 0.4)[0].steady
    assert settled(0.5, 0.9, 0.4, 0.4, 0.4, 0.4)[0].steady


def refused(gain: Gain, now: float, limit: float, seconds: float) -> None:
    gain.row.add(0.0, now)
    gain.refused(now, Measured(limit, seconds, 50.0 * seconds), limit)


def test_what_is_measured_within_a_burst_does_not_count() -> None:
    """
    The pace stays what was granted on average, until more 429s follow than one burst has.
    """
    gain, now = settled(0.5, 0.5)
    for number in range(12):
        now += 4.0
        refused(gain, now, 0.2, 4.0)
        expected = 0.5 if number < 8 else 0.2
        assert gain.value == pytest.approx(expected * FOUND, rel=0.05), number


def test_averages_that_others_bursts_are_a_part_of_confirm_each_other_sooner() -> None:
    """
    They differ by the part of a burst that fell into them.
    """
    gain, now = settled(0.5)
    for limit in (0.56, 0.47, 0.55):
        refused(gain, now + 5.0, 0.2, 5.0)
        now += 50.0
        refused(gain, now, limit, 50.0)

    assert gain.stance(now).level == SURE
    assert gain.value == pytest.approx(0.52, abs=0.03)
