"""Processes that share the limits of one key."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from llmo.config.profile import ProviderConfig
from llmo.engine.rate_limits import RateLimits
from llmo.engine.shared_pace import LEASE_S, Heard, Said, ThreadedExchange, fraction, newest
from llmo.types.events import Usage
from tests import virtual
from tests.engine.test_limiter import A, C, D
from tests.limited import Board, Measured, Scenario, Several, measure
from tests.virtual import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MINE = Said(1000.0, 0.4, waits=True, gain=0.5, claims=(1.0, 0.0), found_at=900.0)


def said(**changed: Any) -> bytes:
    return json.dumps({**json.loads(MINE.encoded()), **changed}).encode()


def test_what_is_said_is_heard() -> None:
    """
    Encoded and decoded again.
    """
    assert Said.decoded(MINE.encoded(), 999.0) == MINE


@pytest.mark.parametrize(
    "notice",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\x00" * 40, id="not text"),
        pytest.param(b"[" * 4000, id="nested"),
        pytest.param(b"[1]", id="not an object"),
        pytest.param(MINE.encoded()[:40], id="cut"),
        pytest.param(said(until="soon"), id="a word for a time"),
        pytest.param(said(until=998.0), id="over"),
        pytest.param(said(until=10**12), id="a clock far ahead"),
        pytest.param(said(until=float("nan")), id="no time"),
        pytest.param(said(gain=float("inf")), id="an endless gain"),
        pytest.param(said(gain=0), id="no gain"),
        pytest.param(said(gain=-1), id="a negative gain"),
        pytest.param(said(gain=10**400), id="a number too large"),
        pytest.param(said(used=-1), id="negative use"),
        pytest.param(said(claims=5), id="claims that are none"),
        pytest.param(said(claims=[None]), id="a claim that is none"),
        pytest.param(said(found_at=2000.0), id="found in the future"),
    ],
)
def test_what_nobody_of_ours_says_is_not_heard(notice: bytes) -> None:
    """
    Whatever lies in the directory.
    """
    assert Said.decoded(notice, 999.0) is None


def other(used: float, *, waits: bool) -> Said:
    return Said(1000.0, used, waits=waits, gain=1.0, claims=(), found_at=0.0)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        pytest.param([], 1.0, id="alone"),
        pytest.param([other(0.5, waits=True)], 0.5, id="two that wait"),
        pytest.param([other(0.9, waits=True)], 0.5, id="one that had all"),
        pytest.param([other(0.0, waits=False)], 0.98, id="one that does nothing"),
        pytest.param([other(0.1, waits=False)], 1 - 0.145, id="one that needs a tenth"),
        pytest.param([other(0.1, waits=False), other(0.4, waits=True)], (1 - 0.145) / 2, id="and one that waits"),
        pytest.param([other(0.9, waits=False)], 0.5, id="never less than an equal part"),
        pytest.param([other(1.0, waits=True)] * 9, 0.1, id="ten"),
    ],
)
def test_each_has_an_equal_part_of_what_others_do_not_need(others: Sequence[Said], expected: float) -> None:
    """
    The parts of those who wait sum up to one.
    """
    assert fraction(others) == pytest.approx(expected)


def test_the_newest_finding_about_the_same_claims_counts() -> None:
    """
    Not an older one than the own, nor one about other claims.
    """
    alike = [Said(1000.0, 0.4, waits=True, gain=at / 10, claims=(1.0, 2.0), found_at=at) for at in (1.0, 5.0, 3.0)]
    unlike = Said(1000.0, 0.4, waits=True, gain=0.1, claims=(9.0, 2.0), found_at=8.0)

    assert newest([*alike, unlike], (1.0, 2.0), 2.0) == alike[1]
    assert newest([*alike, unlike], (1.0, 2.0), 5.0) is None
    assert newest(alike, (1.0,), 0.0) is None


def two(seconds: float = 360.0, **scenario: Any) -> Measured:
    told = Scenario(**scenario)
    return measure(told, lambda: Several(told, 400, 1), seconds=seconds)


@pytest.mark.parametrize(
    ("scenario", "refused"),
    [
        pytest.param({**A, "configured": 1.0}, 0.0, id="A, configured"),
        pytest.param(A, 0.5, id="A, from headers"),
        pytest.param({**C, "configured": 1.0, "told": 0.0}, 0.0, id="C, configured"),
        pytest.param(C, 5.0, id="C, from headers"),
        pytest.param({**A, "configured": 2.0, "told": 0.0}, 5.0, id="A, twice too high and no headers"),
        pytest.param({**D, "configured": 1.0}, 0.0, id="D, configured"),
        pytest.param(D, 0.5, id="D, from headers"),
    ],
)
def test_two_processes_use_a_limit_together_and_do_not_hit_it(scenario: dict[str, Any], refused: float) -> None:
    """
    As one would.
    """
    seen = two(**scenario)

    assert seen.utilization >= 0.95
    assert seen.refusals <= refused


def test_who_is_left_takes_over_what_the_others_had() -> None:
    """
    Nobody says goodbye: a process that is killed is silent, and after its lease the others go on without it.
    """
    told = Scenario(**{**C, "configured": 1.0, "told": 0.0})
    seen = measure(told, lambda: Several(told, 200, 1, dies=60.0), seconds=240.0, warm=60.0 + 2 * LEASE_S)

    assert seen.utilization >= 0.97


def test_the_share_that_is_used_is_of_the_part_that_is_taken() -> None:
    """
    Another process comes and takes half: the half that is left is used, not twice all of it.
    """

    class Late(Board):
        def __call__(self, mine: Said, heard: Callable[[Heard], None]) -> None:
            alone = asyncio.get_running_loop().time() < 60
            others = [] if alone else [other(0.5, waits=True)]
            heard(Heard(others, fraction(others)))

    async def main() -> float | None:
        config = ProviderConfig(kind="openai", rpm=600, api_key_env="K")
        rates = RateLimits({"p": config}, jitter=lambda: 0.0, exchange=lambda _: Late(0, {}))

        async def worker() -> None:
            while True:
                (await rates.acquire("p", 10, 10)).release(Usage(10, 10))

        task = asyncio.create_task(worker())
        await asyncio.sleep(90)
        task.cancel()
        return rates.used()

    assert virtual.run(main()) == pytest.approx(0.98, abs=0.01)


class Slow:
    """Notices on a disk that hangs until it is `free`, and then fails."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.asked = 0

    def swap(self, mine: bytes) -> list[bytes]:
        self.asked += bool(mine)
        self.free.wait(10)
        raise OSError


def test_a_disk_that_hangs_and_fails_holds_nobody_up() -> None:
    """
    The second time is left out while the first is not over; then it is as if nobody else were there.
    """
    slow = Slow()
    heard: list[Heard] = []

    async def main() -> None:
        exchange, over = ThreadedExchange(slow, VirtualClock()), asyncio.Event()

        def hear(what: Heard) -> None:
            heard.append(what)
            over.set()

        exchange(MINE, hear)
        exchange(MINE, hear)
        await asyncio.sleep(0)
        assert heard == []
        slow.free.set()
        await over.wait()

    asyncio.run(main())

    assert (slow.asked, heard) == (1, [Heard([], 1.0)])
