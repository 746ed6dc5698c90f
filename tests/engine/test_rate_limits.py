"""The rate_limits, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from llmo.config.profile import ProviderConfig
from llmo.engine.provider_limits import ProviderLimits, RateOverrides, limits
from llmo.engine.rate_limits import RateLimits
from llmo.types.events import RateInfo, Usage
from tests import virtual


def rate_limits(wish=None, **config):
    return RateLimits({"p": ProviderConfig(kind="openai", **config)}, wish, jitter=lambda: 0.0)


async def send(line, times, *, tokens=0, used=None, lasts=0.0):
    permit = await line.acquire("p", tokens, tokens)
    try:
        times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(lasts)
    finally:
        permit.release(None if used is None else Usage(used, 0))


def crowd(n, *, make=rate_limits, **row):
    async def main():
        line = make()
        times: list[float] = []
        await asyncio.gather(*(send(line, times, **row) for _ in range(n)))
        return times

    return virtual.run(main())


@pytest.mark.parametrize(
    ("config", "wish", "expected"),
    [
        pytest.param({"kind": "openai"}, RateOverrides(), ProviderLimits(None, None, 64, adapts=True), id="cloud"),
        pytest.param({"kind": "ollama"}, RateOverrides(), ProviderLimits(None, None, 1), id="ollama"),
        pytest.param(
            {"kind": "cursor", "concurrency": 2}, RateOverrides(), ProviderLimits(None, None, 2), id="profile"
        ),
        pytest.param(
            {"kind": "openai", "rpm": 10},
            RateOverrides(rpm=20, share=0.5),
            ProviderLimits(10, None, 64, adapts=True),
            id="flag wins",
        ),
        pytest.param({"kind": "ollama", "tpm": 10}, RateOverrides(concurrency=8), ProviderLimits(None, 10, 8), id="-j"),
    ],
)
def test_limits_come_from_flag_then_profile_then_habit(config, wish, expected):
    """
    The nearest word on a limit counts.
    """
    assert expected == limits(ProviderConfig(**config), wish)


def test_requests_are_paced_below_the_limit_from_the_first_second():
    """
    600 a minute never means more than 10 in any second, and nearly all of the limit is used.
    """
    times = crowd(1200, make=lambda: rate_limits(rpm=600))

    assert max(sum(t <= u < t + 1 for u in times) for t in times[::7]) <= 20
    assert 0.95 <= 1200 / (times[-1] / 60) / 600 <= 1.0


def test_tokens_are_paced_and_what_was_not_used_goes_back():
    """
    With half of each estimate unused, rows flow at the true rate.
    """
    times = crowd(600, make=lambda: rate_limits(tpm=60_000), tokens=200, used=100)

    assert 0.95 <= 600 * 100 / (times[-1] / 60) / 60_000 <= 1.01


def test_a_row_larger_than_the_bucket_passes_when_it_is_full():
    """
    The others wait until its debt is paid; it does not wait forever.
    """

    async def main():
        line = rate_limits(tpm=60_000)
        times: list[float] = []
        await send(line, times, tokens=10_000)
        await send(line, times, tokens=10)
        return times

    first, second = virtual.run(main())

    assert (first, int(second)) == (0.0, 9)


def test_a_large_row_is_not_starved_by_small_ones():
    """
    The line is first in, first out.
    """

    async def main():
        line, order = rate_limits(tpm=60_000), []

        async def row(tokens):
            permit = await line.acquire("p", tokens, tokens)
            order.append(tokens)
            permit.release()

        await asyncio.gather(*(row(n) for n in [900, 500, 5000, 1, 1, 1]))
        return order

    assert virtual.run(main()) == [900, 500, 5000, 1, 1, 1]


def test_slots_bound_what_is_in_flight():
    """
    Three at a time, ten rows of a second: four rounds.
    """
    times = crowd(10, make=lambda: rate_limits(concurrency=3), lasts=1.0)

    assert times == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]


def test_one_retry_after_pauses_all_rows_once():
    """
    Nobody passes before the pause ends, and then nobody waits again.
    """

    async def main():
        line = rate_limits(concurrency=2)
        times: list[float] = []
        line.gate("p").pause(30)
        line.gate("p").pause(10)
        cooling = line.cooling("p")
        await asyncio.gather(*(send(line, times) for _ in range(5)))
        return cooling, times

    assert virtual.run(main()) == (30.0, [30.0] * 5)


def test_after_a_retry_after_one_may_come_whatever_the_counters_say():
    """
    "Full again in six minutes" is no reason to stay away longer than the provider asked for.
    """

    async def main():
        line = rate_limits()
        times: list[float] = []
        permit = await line.acquire("p", 1000, 1000)
        permit.learn(RateInfo(60, 0, 1.0, 150_000, 0, 360.0))
        permit.refuse(2.0)
        permit.release(None)
        await asyncio.gather(*(send(line, times, tokens=100_000) for _ in range(2)))
        return times

    first, second = virtual.run(main())

    assert (2.0, True) == (first, second > 30)


def test_a_429_slows_the_pace_and_a_pause_does_not():
    """
    Only a refusal costs pace, and it comes back.
    """

    async def main(*, refused):
        line = rate_limits(rpm=6000)
        times: list[float] = []
        permit = await line.acquire("p", 0, 0)
        if refused:
            permit.refuse(0.0)
        permit.release()
        await asyncio.gather(*(send(line, times) for _ in range(300)))
        return times[-1]

    calm, cut = virtual.run(main(refused=False)), virtual.run(main(refused=True))

    assert calm < 2.2
    assert calm * 1.1 < cut < calm / 0.5


def test_rows_that_are_cancelled_while_a_place_becomes_free_are_cancelled_and_nothing_else():
    """
    As when a run ends at once; whoever comes afterwards gets the place.
    """

    async def main():
        line = rate_limits(concurrency=1)
        first = await line.acquire("p", 1, 1)
        waiting = [asyncio.create_task(line.acquire("p", 1, 1)) for _ in range(3)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        first.release(None)
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        (await line.acquire("p", 1, 1)).release(None)
        return [type(end) for end in ends]

    assert [asyncio.CancelledError] * 3 == virtual.run(main())


def test_a_cancelled_row_leaves_the_line():
    """
    Its place goes to the next, whether it waited or was just let in.
    """

    async def main():
        line = rate_limits(concurrency=1)
        times: list[float] = []
        first = asyncio.create_task(send(line, times, lasts=5))
        second = asyncio.create_task(send(line, times))
        third = asyncio.create_task(send(line, times))
        await asyncio.sleep(1)
        second.cancel()
        first.cancel()
        await asyncio.gather(first, second, third, return_exceptions=True)
        return times, line.gate("p").in_flight

    assert virtual.run(main()) == ([0, 1], 0)


class Server:
    """A provider with one token bucket of requests, as of admission, that tells what is left."""

    def __init__(self, rpm):
        self.rate, self.cap = rpm / 60, rpm / 60
        self.level, self.at, self.refused = self.cap, 0.0, 0

    def take(self, now):
        self.level = min(self.cap, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            self.refused += 1
            return False
        self.level -= 1
        return True

    def info(self):
        full = (self.cap - self.level) / self.rate
        return RateInfo(limit_requests=int(self.cap), remaining_requests=int(self.level), reset_requests=full)


def test_headers_correct_a_limit_that_is_configured_twice_too_high():
    """
    The provider's count is believed over the profile's.
    """

    async def main():
        line, server, done = rate_limits(rpm=1200, concurrency=64), Server(600), []

        async def row():
            while True:
                permit = await line.acquire("p", 0, 0)
                ok, info = server.take(asyncio.get_running_loop().time()), server.info()
                await asyncio.sleep(0.5)
                permit.learn(info)
                if not ok:
                    permit.refuse(0.2)
                permit.release()
                if ok:
                    return done.append(asyncio.get_running_loop().time())

        async def worker(n):
            for _ in range(n):
                await row()

        await asyncio.gather(*(worker(50) for _ in range(64)))
        return done[-1], server.refused

    last, refused = virtual.run(main())

    assert 3200 / (last / 60) / 600 >= 0.85
    assert refused / 3200 < 0.02


def test_providers_with_the_same_key_share_one_gate():
    """
    Their limits are those of the key; another key, address or limit is another gate, and so is none.
    """
    configs = {
        "a": ProviderConfig(kind="openai", api_key_env="K"),
        "b": ProviderConfig(kind="openai", api_key_env="K", models=("m",)),
        "c": ProviderConfig(kind="openai", api_key_env="L"),
        "d": ProviderConfig(kind="openai", api_key_env="K", base_url="http://h"),
        "e": ProviderConfig(kind="openai", api_key_env="K", rpm=5),
        "f": ProviderConfig(kind="openai"),
        "g": ProviderConfig(kind="openai"),
    }

    async def main():
        line = RateLimits(configs, jitter=lambda: 0.0)
        line.gate("a").pause(3)
        return [line.gate(name) is line.gate("a") for name in configs], [line.gate(name).cooling() for name in "bf"]

    assert virtual.run(main()) == ([True, True, False, False, False, False, False], [3.0, 0.0])


def test_a_429_waits_for_what_is_in_flight_where_output_counts_when_it_ends_and_no_limit_is_known():
    """
    What is in flight is a debt of unknown size: nothing new is sent until most of it is paid.
    """

    async def main():
        line = RateLimits({"p": ProviderConfig(kind="anthropic")}, jitter=lambda: 0.0)
        loop = asyncio.get_running_loop()
        flying = [await line.acquire("p", 10, 10) for _ in range(6)]
        flying[5].refuse(0.1)
        flying[5].release()
        later = asyncio.create_task(line.acquire("p", 10, 10))
        await asyncio.sleep(30.0)
        held = later.done()
        for permit in flying[:4]:
            permit.release(Usage(10, 10))
        await later
        return held, loop.time()

    assert virtual.run(main()) == (False, 30.0)
