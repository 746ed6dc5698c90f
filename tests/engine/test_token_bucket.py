"""One dimension of a limit: exact figures."""

from __future__ import annotations

import pytest

from llmo.engine.token_bucket import KEPT, Remaining, TokenBucket

RATE = 60 / 60
"""Requests a second at 60 a minute."""
NOW = (0.0, 0.0)
"""The time and the use that a count is of, where they do not matter."""


def test_an_unlimited_meter_never_waits():
    """
    Without a limit and without a provider's count, everything passes.
    """
    meter = TokenBucket(None, 0.0)

    assert [meter.wait(10**9, 0.0, 1.0), meter.take(10**9), meter.wait(1, 0.0, 1.0)] == [0.0, 10**9, 0.0]


def test_a_meter_waits_for_what_is_missing_at_its_pace():
    """
    The burst is one second's worth; after it every request waits its share, longer at a reduced pace.
    """
    meter = TokenBucket(60, 0.0, floor=1.0)
    meter.take(1)

    assert meter.wait(1, 0.0, 1.0) == pytest.approx(1 / RATE)
    assert meter.wait(1, 0.0, 0.5) == pytest.approx(2 / RATE)
    assert meter.wait(1, 0.5, 1.0) == pytest.approx(1 / RATE - 0.5)
    assert meter.wait(1, 100.0, 1.0) == 0.0
    meter.take(1)
    assert meter.wait(1, 100.0, 1.0) == pytest.approx(1 / RATE), "a burst never grows past one second"


def test_a_missing_amount_as_small_as_rounding_is_nothing():
    """
    Sums of floats may fall short by their rounding, which must not cost another timer.
    """
    meter = TokenBucket(60, 0.0, floor=1.0)
    meter.take(1e-9)

    assert meter.wait(1, 0.0, 1.0) == 0.0


def test_what_a_request_did_not_use_is_given_back():
    """
    The level rises again, at most to a full burst, and what counts as used falls.
    """
    meter = TokenBucket(6000, 0.0)
    mark = meter.take(90)
    meter.give(60, mark)

    assert (meter.sent, meter.used) == (90, 30)
    assert meter.wait(60, 0.0, 1.0) == 0.0
    assert meter.wait(72, 0.0, 1.0) == pytest.approx(2 / 100)
    meter.give(1000, mark)
    assert meter.wait(100, 0.0, 1.0) == 0.0
    meter.take(100)
    assert meter.wait(1, 0.0, 1.0) == pytest.approx(1 / 100), "no credit past a full bucket"


def test_a_request_that_used_more_than_it_asked_for_is_charged():
    """
    A negative amount is taken.
    """
    meter = TokenBucket(6000, 0.0)
    meter.give(-20, meter.take(80))
    assert meter.wait(10, 0.0, 1.0) == pytest.approx(10 / 100)

    meter.take(5)
    assert meter.used == 105


def anchored(limit, remaining, reset, *, mark=1.0, sent=1.0):
    """A meter without a limit of its own that a provider told its count."""
    meter = TokenBucket(None, 0.0)
    meter.take(sent)
    meter.anchor(Remaining(limit, remaining, reset), mark, NOW)
    return meter


@pytest.mark.parametrize(
    ("told", "sent", "later", "expected"),
    [
        pytest.param((600, 600, 0.0), 1.0, 60.0, 0.0, id="a limit is a pace"),
        pytest.param((600, 10, 360.0), 11.0, 0.0, 1.0, id="less what was sent since; a reset is no bound"),
        pytest.param((0, 0, 1.0), 1.0, 0.0, 0.0, id="a limit of zero is no limit"),
        pytest.param((-5, -5, 1.0), 1.0, 0.0, 0.0, id="a negative limit is no limit"),
    ],
)
def test_a_claimed_limit_becomes_a_pace_and_the_providers_count_a_bound(told, sent, later, expected):
    """
    What it has left is its own number less all that was sent after the request it answered.
    """
    meter = anchored(*told, sent=sent)
    meter.give(sent, 0.0)

    assert meter.wait(10, later, 1.0) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("told", "claim"),
    [
        pytest.param([(10, 9, 0.1), (10, 4, 0.6), (10, 0, 1.0)], 10.0, id="full again in a second"),
        pytest.param([(600, 599, 0.1), (600, 300, 30.0), (600, 0, 60.0)], 10.0, id="in a minute"),
        pytest.param([(500, 8, 0.98), (500, 4, 0.99), (500, 0, 1.0)], 500 / 60, id="a bucket of a second of a minute"),
        pytest.param([(10**4, 0, 86_400.0)] * 5, 10**4 / 60, id="a day is not believed"),
        pytest.param([(10, 9, 0.1), (10, 0, 1.0), *[(10, 5, 60.0)] * 3], 10 / 60, id="no longer"),
        pytest.param([(60, 60, 0.0), (60, 60, None)], 1.0, id="nothing used"),
    ],
)
def test_a_limit_is_per_minute_unless_its_resets_say_per_second(told, claim):
    """
    What remains and the reset must agree on it over a fifth of the limit.
    """
    meter = TokenBucket(None, 0.0)
    for one in told:
        meter.anchor(Remaining(*one), meter.take(1), NOW)

    assert meter.claim == pytest.approx(claim)


def test_headers_lower_a_configured_limit_and_never_raise_it():
    """
    The lower of both is the claim, and how far above it the profile allows is known.
    """
    meter = TokenBucket(600, 0.0)
    meter.anchor(Remaining(1200, 1200, 0.0), 0.0, NOW)
    high = (meter.claim, meter.top)
    meter.anchor(Remaining(300, 300, 0.0), 0.0, NOW)

    assert (high, (meter.claim, meter.top)) == ((10.0, 1.0), (5.0, 2.0))


def test_a_drained_bucket_waits_for_the_largest_amount_too():
    """
    After a 429 the provider has nothing for what is admitted here as debt.
    """
    meter = TokenBucket(6000, 0.0)
    meter.take(500)
    meter.give(500, 1.0)
    meter.drain()

    assert meter.wait(100, 0.0, 1.0) == pytest.approx(5.0)


def test_a_wait_shorter_than_a_timer_is_none():
    """
    Else an event loop would run the same timer again at the same moment.
    """
    meter = TokenBucket(2_000_000, 0.0)
    meter.take(2_000_000 / 60)

    assert meter.wait(0.001, 0.0, 1.0) == 0.0


def test_an_older_count_changes_nothing_and_one_as_new_replaces():
    """
    Answers come back out of order.
    """
    meter = anchored(100, 10, 60.0, mark=5.0, sent=5.0)
    meter.anchor(Remaining(100, 90, 60.0), 4.0, NOW)
    assert meter.wait(50, 10.0, 1.0) > 0

    meter.anchor(Remaining(100, 90, 60.0), 5.0, NOW)
    assert meter.wait(50, 10.0, 1.0) == 0.0


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        pytest.param(6.0, 0.0, id="sent after the count: it comes back"),
        pytest.param(5.0, 2.0, id="already part of the count"),
        pytest.param(4.0, 2.0, id="older"),
    ],
)
def test_unused_tokens_come_back_only_to_requests_that_the_count_does_not_know(mark, expected):
    """
    The provider has taken its own account of the others.
    """
    meter = anchored(100, 10, 60.0, mark=5.0, sent=5.0)
    meter.give(10, mark)

    assert meter.wait(30, 10.0, 1.0) == pytest.approx(expected)


def fallen(*, limit, told, used):
    """A meter whose provider says `told` of `limit` is left, one value each 10 s in which `used` was counted."""
    meter = TokenBucket(None, 0.0)
    for number, remaining in enumerate(told):
        meter.anchor(Remaining(limit, remaining, None), meter.take(used), (10.0 * number, used * number))
    return meter


@pytest.mark.parametrize(("counts", "expected"), [([0] * 19, 1.0), ([0] * 40, 0.0), ([*[0] * 40, 1, 0], 1.0)])
def test_a_count_that_never_changes_holds_nobody(counts, expected):
    """
    A server that always says that nothing is left is heard at first, and no longer when it has said so often.
    """
    meter = TokenBucket(60, 0.0)
    for remaining in counts:
        meter.anchor(Remaining(60, remaining, None), 0.0, (0.0, 0.0))

    assert meter.wait(1, 0.0, 1.0) == expected


@pytest.mark.parametrize(
    ("limit", "told", "used", "expected"),
    [
        pytest.param(600, [600, 500], 200, None, id="not far yet"),
        pytest.param(600, [600, 350], 400, None, id="far, but to no less than what a bucket is for"),
        pytest.param(600, [600, 200], 600, 600 / (100 + 400), id="a fifth more than claimed"),
        pytest.param(
            300, [300, 100], 300, 300 / (50 + 200), id="half of what is granted is claimed, and of what is left"
        ),
        pytest.param(600, [0, 0, 0], 900, None, id="always nothing"),
        pytest.param(600, [600, 600, 600], 900, None, id="always all"),
        pytest.param(4, [4, 3], 100, None, id="one whole number less"),
    ],
)
def test_a_count_that_falls_tells_what_the_provider_grants(limit, told, used, expected):
    """
    It is what was used, less what that took; a count that stays the same tells nothing.
    """
    assert fallen(limit=limit, told=told, used=used).granted() == (expected and pytest.approx(expected))


def test_a_count_that_returns_after_a_fall_tells_an_average():
    """
    Somebody else had a burst: of the claim of 1 a second, 2 were used while 20 of 60 were left, and after it.
    """
    meter = TokenBucket(60, 0.0)

    def told(remaining, at, used):
        meter.anchor(Remaining(60, remaining, None), 0.0, (at, used))

    told(60, 0.0, 0.0)
    told(20, 20.0, 40.0)
    assert meter.granted() == pytest.approx(40 / (20 + 40))
    meter.watch()
    told(58, 60.0, 120.0)
    told(20, 80.0, 160.0)
    assert meter.granted() == pytest.approx(120 / 60), "what was used from the first fall until the count was back"
    meter.watch()
    told(10, 90.0, 170.0)
    assert meter.granted() is None, "not far since"
    told(0, 100.0, 190.0)
    assert meter.granted() == pytest.approx(120 / 60 * KEPT), "it has not returned since: a little of it is forgotten"
