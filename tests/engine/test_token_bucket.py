"""One dimension of a limit, and the gate around two of them: exact figures, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from llmo.config.profile import ProviderConfig
from llmo.engine.rate_limits import ProviderLimits, ProviderQueue, RateLimits, RateOverrides
from llmo.engine.token_bucket import PACE, Remaining, TokenBucket
from llmo.types.events import RateInfo
from tests import virtual

RATE = PACE * 60 / 60
"""Requests a second at 60 a minute."""


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
    assert meter.wait(70, 0.0, 1.0) == pytest.approx(2 / 98)
    meter.give(1000, mark)
    assert meter.wait(98, 0.0, 1.0) == 0.0
    meter.take(98)
    assert meter.wait(1, 0.0, 1.0) == pytest.approx(1 / 98), "no credit past a full bucket"


def test_a_request_that_used_more_than_it_asked_for_is_charged():
    """
    A negative amount is taken.
    """
    meter = TokenBucket(6000, 0.0)
    meter.give(-20, meter.take(80))
    assert meter.wait(10, 0.0, 1.0) == pytest.approx(12 / 98)

    meter.take(5)
    assert meter.used == 105


def anchored(limit, remaining, reset, *, mark=1.0, sent=1.0):
    """A meter without a limit of its own that a provider told its count."""
    meter = TokenBucket(None, 0.0)
    meter.take(sent)
    meter.anchor(Remaining(limit, remaining, reset), mark)
    return meter


@pytest.mark.parametrize(
    ("told", "sent", "amount", "expected"),
    [
        pytest.param((100, 40, 30.0), 1.0, 40, 0.0, id="what remains passes"),
        pytest.param((100, 40, 30.0), 1.0, 50, 10 / (60 / 30), id="used refills by the reset"),
        pytest.param((100, 100, 0.0), 11.0, 100, 10 / (100 / 60), id="no reset: per minute"),
        pytest.param((100, 40, None), 1.0, 50, 10 / (100 / 60), id="unknown reset: per minute"),
        pytest.param((100, 100, 30.0), 11.0, 100, 10 / (100 / 60), id="nothing used: per minute"),
        pytest.param((100, 99.5, 1.0), 2.0, 100, 1.5 / 0.5, id="less than one used"),
        pytest.param((100, 40, 30.0), 31.0, 40, 30 / (60 / 30), id="less what was sent since"),
        pytest.param((0.5, 0, 1.0), 1.0, 0.5, 0.5 / 0.5, id="a limit below one"),
        pytest.param((0, 0, 1.0), 1.0, 10**6, 0.0, id="a limit of zero is no limit"),
        pytest.param((-5, -5, 1.0), 1.0, 10**6, 0.0, id="a negative limit is no limit"),
    ],
)
def test_the_providers_count_is_believed(told, sent, amount, expected):
    """
    What it has left is its own number less all that was sent after the request it answered.
    """
    assert anchored(*told, sent=sent).wait(amount, 0.0, 1.0) == pytest.approx(expected)


def test_an_older_count_changes_nothing_and_one_as_new_replaces():
    """
    Answers come back out of order.
    """
    meter = anchored(100, 10, 60.0, mark=5.0, sent=5.0)
    meter.anchor(Remaining(100, 90, 60.0), 4.0)
    assert meter.wait(20, 0.0, 1.0) > 0

    meter.anchor(Remaining(100, 90, 60.0), 5.0)
    assert meter.wait(20, 0.0, 1.0) == 0.0


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        pytest.param(6.0, 0.0, id="sent after the count: it comes back"),
        pytest.param(5.0, 10 / (90 / 60), id="already part of the count"),
        pytest.param(4.0, 10 / (90 / 60), id="older"),
    ],
)
def test_unused_tokens_come_back_only_to_requests_that_the_count_does_not_know(mark, expected):
    """
    The provider has taken its own account of the others.
    """
    meter = anchored(100, 10, 60.0, mark=5.0, sent=5.0)
    meter.give(10, mark)

    assert meter.wait(20, 0.0, 1.0) == pytest.approx(expected)


def gate_figures(check):
    """Run a check in virtual time and give its result."""

    async def main():
        return await check()

    return virtual.run(main())


def test_tokens_of_a_row_that_was_cancelled_as_it_was_let_in_are_given_back():
    """
    It never sent, so the next may use them at once.
    """

    async def check():
        rate_limits = RateLimits({"p": ProviderConfig(kind="openai", tpm=60_000, concurrency=1)}, jitter=lambda: 0.0)
        first = await rate_limits.acquire("p", 0)
        second = asyncio.create_task(rate_limits.acquire("p", 980))
        await asyncio.sleep(0)
        first.release(0)  # lets the second in …
        second.cancel()  # … which is cancelled before it hears of it
        await asyncio.gather(second, return_exceptions=True)
        third = await rate_limits.acquire("p", 980)
        now = asyncio.get_running_loop().time()
        third.release(None)
        return now, rate_limits.queue("p").in_flight

    assert gate_figures(check) == (0.0, 0)


def test_a_row_that_is_cancelled_in_line_leaves_the_others_in_place():
    """
    Only its own place goes.
    """

    async def check():
        rate_limits = RateLimits({"p": ProviderConfig(kind="openai", concurrency=1)}, jitter=lambda: 0.0)
        first = await rate_limits.acquire("p", 0)
        second, third = (asyncio.create_task(rate_limits.acquire("p", 0)) for _ in range(2))
        await asyncio.sleep(0)
        third.cancel()
        await asyncio.gather(third, return_exceptions=True)
        first.release(None)
        (await second).release(None)
        return third.cancelled(), rate_limits.queue("p").in_flight

    assert gate_figures(check) == (True, 0)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(0.0, 0.05, id="no wait: a twentieth of a second"),
        pytest.param(2.0, 2.25, id="a tenth of the wait more"),
        pytest.param(30.0, 31.0, id="at most a second"),
    ],
)
def test_a_pause_ends_a_little_later_than_asked(seconds, expected):
    """
    Others wait for the same second.
    """

    async def check():
        gate = ProviderQueue(ProviderLimits(), jitter=lambda: 1.0)
        gate.pause(seconds, shrink=False)
        return gate.cooling()

    assert gate_figures(check) == pytest.approx(expected)


def test_a_pause_that_is_over_is_no_pause():
    """
    Seconds left are never negative, and a provider that was never asked has none.
    """

    async def check():
        rate_limits = RateLimits({"p": ProviderConfig(kind="openai")}, jitter=lambda: 0.0)
        never = rate_limits.cooling("p")
        rate_limits.pause("p", 2)
        await asyncio.sleep(5)
        return never, rate_limits.cooling("p")

    assert gate_figures(check) == (0.0, 0.0)


def test_the_pace_shrinks_once_a_second_and_comes_back():
    """
    64 rows that hear 429 at once count as one; 2 % come back a second, so that the pace never dies out.
    """

    async def check():
        gate, gains = ProviderQueue(ProviderLimits(rpm=60), jitter=lambda: 0.0), []

        def gain():
            gains.append(round(gate._current_gain(asyncio.get_running_loop().time()), 4))

        gate.pause(0, shrink=True)
        gate.pause(0, shrink=True)
        gain()
        await asyncio.sleep(0.5)
        gate.pause(0, shrink=True)
        gain()
        await asyncio.sleep(0.5)
        gate.pause(0, shrink=True)
        gain()
        await asyncio.sleep(5)
        gain()
        for _ in range(40):
            await asyncio.sleep(1)
            gate.pause(0, shrink=True)
        gain()
        await asyncio.sleep(1000)
        gain()
        gate.pause(0, shrink=True)
        await asyncio.sleep(0.5)
        gate.pause(0, shrink=True)
        gain()
        return gains

    once = 0.85
    twice = (once + 0.02) * 0.85
    assert gate_figures(check) == [once, once + 0.01, round(twice, 4), round(twice + 0.1, 4), 0.1144, 1.0, once + 0.01]


def test_a_new_gate_waits_for_its_counters_and_an_invited_one_does_not():
    """
    Only a Retry-After of more than nothing lets one request past the counters.
    """

    async def check():
        found = []
        for seconds in (0.0, 0.5):
            gate = ProviderQueue(ProviderLimits(rpm=60), jitter=lambda: 0.0)
            gate._requests.take(1)
            gate.pause(seconds, shrink=False)
            found.append(round(gate._delay(0), 4))
        gate = ProviderQueue(ProviderLimits(rpm=60), jitter=lambda: 0.0)
        gate._requests.take(1)
        return [round(gate._delay(0), 4), *found]

    assert gate_figures(check) == [round(1 / RATE, 4), round(1 / RATE, 4), 0.5]


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        pytest.param(RateInfo(limit_requests=100, remaining_requests=60, reset_requests=20.0), 0.0, id="enough"),
        pytest.param(RateInfo(limit_requests=100, remaining_requests=50, reset_requests=25.0), 0.5, id="just none"),
        pytest.param(RateInfo(limit_requests=100), 0.0, id="no remainder"),
        pytest.param(RateInfo(remaining_requests=0), 0.0, id="no limit"),
        pytest.param(RateInfo(limit_tokens=100), 0.0, id="no remainder of tokens"),
        pytest.param(RateInfo(remaining_tokens=0), 0.0, id="no limit of tokens"),
        pytest.param(RateInfo(limit_tokens=1000, remaining_tokens=505, reset_tokens=99.0), 1.0, id="tokens"),
    ],
)
def test_headers_leave_the_share_of_others_alone(info, expected):
    """
    With `--share 0.5`, half of limit and remainder belong to others; a header alone says nothing.
    """

    async def check():
        rate_limits = RateLimits({"p": ProviderConfig(kind="openai")}, RateOverrides(share=0.5), jitter=lambda: 0.0)
        rate_limits.learn("p", info)
        return rate_limits.queue("p")._delay(10)

    # Half the limit less what remains of the half refills in the time that was said.
    assert gate_figures(check) == pytest.approx(expected)


def test_the_default_share_is_everything():
    """
    A gate without `--share` takes what the provider offers, no more and no less.
    """

    async def check():
        gate = ProviderQueue(ProviderLimits(), jitter=lambda: 0.0)
        gate.learn(RateInfo(limit_requests=10, remaining_requests=1, reset_requests=9.0))
        first = gate._delay(0)
        gate._requests.take(1)
        return first, gate._delay(0)

    assert gate_figures(check) == (0.0, 1.0)


def test_the_wish_of_the_command_line_reaches_the_gate():
    """
    What `--rpm`, `--tpm`, `-j` and `--share` say counts for the pace, not only for what is shown.
    """

    async def check():
        wish = RateOverrides(rpm=120, tpm=600, concurrency=3, share=0.5)
        return RateLimits({"p": ProviderConfig(kind="openai", rpm=9)}, wish, jitter=lambda: 0.0).queue("p").allowed

    assert gate_figures(check) == ProviderLimits(60, 300, 3)


def test_the_share_of_a_limit_that_was_used_is_that_of_the_tighter_one():
    """
    Per minute since the beginning, of the busiest provider; None where nothing limits, or no time has passed.
    """

    async def check():
        providers = {
            "free": ProviderConfig(kind="openai"),
            "p": ProviderConfig(kind="openai", rpm=60, tpm=6000),
            "q": ProviderConfig(kind="openai", rpm=100),
        }
        rate_limits, found = RateLimits(providers, jitter=lambda: 0.0), []
        found.append(rate_limits.used())
        for name, tokens, used in (("free", 9, 9), ("p", 90, 60), ("q", 0, 0)):
            (await rate_limits.acquire(name, tokens)).release(used)
        found.append(rate_limits.used())
        await asyncio.sleep(120)
        found += [rate_limits.queue(name).used() for name in providers] + [rate_limits.used()]
        (await rate_limits.acquire("p", 90)).release(1140)
        return [*found, rate_limits.queue("p").used()]

    requests, other, tokens = 1 / (60 * 2), 1 / (100 * 2), (60 + 1140) / (6000 * 2)
    assert gate_figures(check) == pytest.approx([None, None, None, requests, other, requests, tokens])
