"""Processes that share the limits of one key."""

from __future__ import annotations

import asyncio
import json
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from llmo.config.profile import ProviderConfig
from llmo.engine.pace_notice import LEASE_S, Refusal, Said, Stance, alike, fraction, leader, newest
from llmo.engine.rate_limits import RateLimits
from llmo.engine.shared_pace import Heard, ThreadedExchange
from llmo.types.events import Usage
from tests import virtual
from tests.engine.test_limiter import A, C, D
from tests.limited import Board, Measured, Scenario, Several, measure
from tests.virtual import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llmo.engine.gate import ProviderGate
    from llmo.engine.permit import Permit

MINE = Said(
    until=1000.0,
    used=0.4,
    waits=True,
    gain=0.5,
    claims=(1.0, 0.0),
    found_at=900.0,
    rank=800.5,
    stance=Stance(0.6, 0.5, 2, claimed=True, starting=False),
    slowed_at=930.1,
    refusal=Refusal(940.0, 940.5, 930.1),
    counts=(70.0, 3.0),
)


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
        pytest.param(said(slowed_at=2000.0), id="slowed down in the future"),
        pytest.param(said(rank=float("nan")), id="a rank that is none"),
        pytest.param(said(stance=[1.0]), id="a stance that is cut"),
        pytest.param(said(stance=5), id="a stance that is a number"),
        pytest.param(said(stance=[float("inf"), 0, 0, 0, 0]), id="an endless pace"),
        pytest.param(said(stance=[0.0, 0, 0, 0, 0]), id="no pace"),
        pytest.param(said(stance=[1.0, 0, float("nan"), 0, 0]), id="a level that is none"),
        pytest.param(said(refusal=[1.0, 2.0]), id="a refusal that is cut"),
        pytest.param(said(refusal=["a", "b", "c"]), id="a refusal of words"),
        pytest.param(said(counts=[1.0]), id="one count of two"),
        pytest.param(said(counts=[float("inf"), 0.0]), id="an endless count"),
    ],
)
def test_what_nobody_of_ours_says_is_not_heard(notice: bytes) -> None:
    """
    Whatever lies in the directory.
    """
    assert Said.decoded(notice, 999.0) is None


def test_what_an_older_llmo_says_is_heard() -> None:
    """
    It neither leads nor follows.
    """
    words = ("until", "used", "waits", "gain", "claims", "found_at")
    older = {name: value for name, value in json.loads(MINE.encoded()).items() if name in words}

    assert Said.decoded(json.dumps(older).encode(), 999.0) == Said(1000.0, 0.4, True, 0.5, (1.0, 0.0), 900.0)


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


def test_the_newest_finding_of_those_who_stand_for_several_counts() -> None:
    """
    Not an older one than the own, nor that of one that follows or is followed.
    """
    several = [Said(1000.0, 0.4, waits=True, gain=at / 10, claims=(), found_at=at) for at in (1.0, 5.0, 3.0)]
    single = Said(1000.0, 0.4, waits=True, gain=0.1, claims=(), found_at=8.0, rank=1.0)

    assert newest([*several, single], 2.0) == several[1]
    assert newest([*several, single], 5.0) is None


def test_a_pace_means_the_same_for_the_same_claims() -> None:
    """
    They are computed back from parts, so nearly the same is enough.
    """
    claims = [(1.0, 2.0), (1.005, 1.995), (1.02, 2.0), (1.0,), (9.0, 2.0)]
    said = [Said(1000.0, 0.4, waits=True, gain=1.0, claims=one, found_at=0.0) for one in claims]

    assert alike(said, (1.0, 2.0)) == said[:2]


def at_pace(
    rank: float, *, waits: bool = True, starting: bool = False, found_at: float = 0.0, slowed_at: float = 0.0
) -> Said:
    stance = Stance(1.0, starting=starting)
    return Said(1000.0, 0.4, waits, 1.0, (), found_at, rank=rank, stance=stance, slowed_at=slowed_at)


@pytest.mark.parametrize(
    ("everybody", "first"),
    [
        pytest.param([at_pace(2.0), at_pace(1.0), at_pace(3.0)], 1, id="the oldest"),
        pytest.param([at_pace(2.0), at_pace(1.0, waits=False, found_at=5.0)], 0, id="who waits, first"),
        pytest.param([at_pace(2.0, waits=False, found_at=5.0), at_pace(1.0, waits=False)], 0, id="else who found it"),
        pytest.param([at_pace(2.0), at_pace(1.0, starting=True)], 0, id="not who starts softly"),
        pytest.param([at_pace(2.0), at_pace(0.0)], 0, id="not who stands for several"),
        pytest.param([at_pace(2.0, starting=True), at_pace(1.0, starting=True)], None, id="all start softly"),
        pytest.param([at_pace(2.0, waits=False, slowed_at=5.0), at_pace(1.0, waits=False)], 0, id="or slowed down"),
        pytest.param([at_pace(2.0, waits=False)], None, id="nobody knows a pace"),
        pytest.param([], None, id="nobody"),
    ],
)
def test_who_leads_knows_a_pace_and_began_first(everybody: Sequence[Said], first: int | None) -> None:
    """
    All find the same one.
    """
    assert leader(everybody) == (None if first is None else everybody[first])


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
        pytest.param({**C, "told": 0.0}, 1.0, id="C, no limit known"),
        pytest.param({**D, "told": 0.0}, 5.0, id="D, no limit known"),
    ],
)
def test_two_processes_use_a_limit_together_and_do_not_hit_it(scenario: dict[str, Any], refused: float) -> None:
    """
    As one would.
    """
    seen = two(**scenario)

    assert seen.utilization >= 0.95
    assert seen.refusals <= refused


@pytest.mark.parametrize("stays", [0, 1], ids=["who leads stays", "who leads dies"])
@pytest.mark.parametrize("known", [1.0, 0.0], ids=["configured", "nothing known"])
def test_who_is_left_takes_over_what_the_others_had(known: float, stays: int) -> None:
    """
    Nobody says goodbye: a process that is killed is silent, and after its lease the others go on without it.
    """
    told = Scenario(**{**C, "configured": known, "told": 0.0})
    client = partial(Several, told, 200, 1, dies=60.0, stays=stays)
    seen = measure(told, client, seconds=360.0, warm=60.0 + 2 * LEASE_S)

    assert seen.utilization >= 0.97
    assert seen.refusals <= 1.0


async def sent(gate: ProviderGate) -> Permit:
    permit = gate.permit(10, 10)
    if not gate.admit(permit):
        await gate.wait(permit)
    return permit


async def busy(gate: ProviderGate) -> None:
    while True:
        permit = await sent(gate)
        await asyncio.sleep(0.5)
        permit.release(Usage(10, 10))


def refuse(permit: Permit) -> None:
    permit.refuse(0.1)
    permit.release()


@pytest.mark.parametrize("number", [0, 1, 2], ids=["the leader", "a follower", "the last"])
def test_whoever_is_refused_all_slow_down_once(number: int) -> None:
    """
    All go as fast as the leader, which is told of a 429 of any; what was sent before the last one tells nothing new.
    """
    said: dict[int, Said] = {}

    def gate(number: int) -> ProviderGate:
        config = ProviderConfig(kind="openai", api_key_env="K")
        return RateLimits({"p": config}, jitter=lambda: number / 10, exchange=lambda _: Board(number, said)).gate("p")

    async def main() -> list[list[float]]:
        gates = [gate(number) for number in range(3)]
        tasks = [asyncio.create_task(busy(gate)) for gate in gates for _ in range(20)]
        await asyncio.sleep(1)
        first = [await sent(gate) for gate in gates]
        await asyncio.sleep(0.5)
        seen = []
        for refused in (first[:1], first[1:], []):
            for permit in refused or [await sent(gates[number])]:
                refuse(permit)
            await asyncio.sleep(0.7)
            seen.append([own.stance.gain for gate in gates if (own := gate.own())])
            await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        return seen

    before, between, after = virtual.run(main())

    # Half a second later is 1 % faster, when faster is tried.
    for paces in (before, between, after):
        assert paces == pytest.approx([paces[0]] * 3, rel=0.02)
    assert min(between) >= min(before)
    assert max(after) < min(between)


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
