"""How many requests are in flight where nobody says, in virtual time."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from llmo.config.profile import ProviderConfig
from llmo.engine.provider_limits import RateOverrides
from llmo.engine.rate_limits import RateLimits
from llmo.engine.width import LEAST, Width, room
from llmo.types.events import Usage
from tests import virtual

if TYPE_CHECKING:
    from collections.abc import Callable

CROWD = 3000


@dataclass
class Load:
    """Rows of a crowd through one gate; the width after so many seconds, and the answers in the last quarter."""

    latency: Callable[[int], float]
    limits: dict[str, Any] = field(default_factory=dict)
    wish: RateOverrides | None = None
    flying: int = 0
    peak: int = 0
    late: int = 0

    def run(self, seconds: float) -> int:
        async def main() -> int:
            loop = asyncio.get_running_loop()
            rates = RateLimits({"p": ProviderConfig(kind="openai", **self.limits)}, self.wish, jitter=lambda: 0.0)

            async def worker() -> None:
                while True:
                    permit = await rates.acquire("p", 10, 10)
                    self.flying += 1
                    self.peak = max(self.peak, self.flying)
                    await asyncio.sleep(self.latency(self.flying))
                    self.flying -= 1
                    self.late += loop.time() > 0.75 * seconds
                    permit.release(Usage(10, 10))

            tasks = [asyncio.create_task(worker()) for _ in range(CROWD)]
            await asyncio.sleep(seconds)
            found = rates.width(["p"])
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return found

        return virtual.run(main())


def steady(seconds: float) -> Callable[[int], float]:
    rand = random.Random(1)
    return lambda _: seconds * rand.uniform(0.8, 1.2)


@pytest.mark.parametrize(
    ("rpm", "latency", "low", "high"),
    [
        pytest.param(12_000, 2.0, 400, 1200, id="more than at the start: 400 are in flight"),
        pytest.param(480, 2.0, LEAST, 32, id="fewer: 16 are in flight"),
        pytest.param(1200, 2.0, 40, 64, id="about as many"),
    ],
)
def test_the_width_becomes_pace_times_latency(rpm: int, latency: float, low: int, high: int) -> None:
    """
    With some room for rows that take longer.
    """
    load = Load(steady(latency), {"rpm": rpm})

    assert low <= load.run(120.0) <= high
    assert load.late >= 0.95 * 30 * rpm / 60


def test_where_nothing_limits_the_width_grows_as_long_as_it_brings_more() -> None:
    """
    A server that is done with 100 requests at once answers no faster when more wait: its line is not ours.
    """
    load = Load(lambda flying: 1.0 * max(1.0, flying / 100))

    assert 64 <= load.run(300.0) <= 260
    assert load.late >= 0.9 * 75 * 100


def test_where_nothing_ends_its_growth_the_width_ends_at_the_most() -> None:
    """
    However fast and patient a server is.
    """
    assert Load(steady(4.0)).run(60.0) == room()


@pytest.mark.parametrize("wish", [1, 7, 64], ids=str)
def test_a_width_that_was_asked_for_stays(wish: int) -> None:
    """
    `-j 7` is 7.
    """
    load = Load(steady(1.0), wish=RateOverrides(concurrency=wish))

    assert (load.run(60.0), load.peak) == (wish, wish)


def test_a_width_has_room_in_the_open_files() -> None:
    """
    It begins and ends below.
    """
    width = Width(64, 0.0, most=20)
    for number in range(100):
        width.flew(20, number / 10)
        width.answered(number / 10)

    assert width.value == 20
