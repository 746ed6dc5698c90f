"""What a cluster is made of, without Ray: shares of limits, the ledger behind a broker, parts of an output."""

from __future__ import annotations

import asyncio
import json
import pickle
import time
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from llmo.batch.executors.ray.away import Absent, BrokeredLedger, LeasedExchange
from llmo.batch.executors.ray.broker import Broker
from llmo.batch.executors.ray.shares import NEW_S, PART_S, Shares
from llmo.batch.output import records
from llmo.batch.output.journal import Journal, encoded
from llmo.batch.resume import parts
from llmo.batch.resume.recorded import Recorded
from llmo.config.profile import ProviderConfig
from llmo.engine.breakers import Breakers
from llmo.engine.pace_notice import Said
from llmo.engine.rate_limits import RateLimits
from llmo.engine.results import unsent
from llmo.errors import LlmoError, Locked, Unavailable
from llmo.ledger.breakers import Circuit
from llmo.ledger.records import Call, Held, Limit, Settled, Settlement
from llmo.ledger.refusals import OverBudget
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.events import Usage
from llmo.types.messages import Target
from tests import virtual
from tests.fakes import A, candidate
from tests.peers import missing
from tests.virtual import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.conftest import Llmo

BUSY = Said(0.0, 1.0, waits=True, gain=1.0, claims=(1.0,), found_at=0.0)
IDLE = Said(0.0, 0.1, waits=False, gain=1.0, claims=(1.0,), found_at=0.0)


def crew(*names: str, at: float = 0.0, **more: float) -> Shares:
    shares = Shares(**more)
    for name in names:
        shares.hire(name, at)
    return shares


def lease(shares: Shares, worker: str, now: float, said: Said = BUSY, holds: float = 0.0) -> float:
    return round(shares.lease("p", worker, said, holds=holds, now=now)[1], 3)


def test_workers_that_begin_share_the_limits_from_the_first_request_on() -> None:
    """
    The first one to ask does not get what the others will need.
    """
    shares = crew("a", "b", "c", "d")

    assert [0.25] * 4 == [lease(shares, name, 0.1) for name in "abcd"]


def test_parts_never_come_to_more_than_the_limit() -> None:
    """
    Who is to have more waits until another one has taken less.
    """
    shares = crew("a", "b")
    first = lease(shares, "a", NEW_S + 1)
    waits, less, more = (
        lease(shares, "b", NEW_S + 1.1),
        lease(shares, "a", NEW_S + 1.5),
        lease(shares, "b", NEW_S + 1.6),
    )

    assert (1.0, 0.0, 0.5, 0.5) == (first, waits, less, more)


def test_what_an_idle_worker_leaves_is_taken_by_the_others() -> None:
    """
    But for a little, with which it can begin.
    """
    shares = crew("a", "b")
    for now in (0.1, 0.6, 1.1, 1.6):
        idle, busy = lease(shares, "a", now, IDLE), lease(shares, "b", now + 0.1)

    assert (0.5, 0.5) == (lease(crew("a", "b"), "a", 0.1), lease(crew("a", "b"), "b", 0.1))
    assert idle + busy <= 1
    assert busy >= 0.5


@pytest.mark.parametrize("told", [True, False])
def test_the_part_of_a_lost_worker_is_free_at_once_or_after_its_lease(told: bool) -> None:
    """
    At once if the driver knows that it is gone.
    """
    shares = crew("a", "b")
    lease(shares, "a", 0.1)
    lease(shares, "b", 0.1)
    if told:
        shares.leave("a")

    assert (1.0 if told else 0.5) == lease(shares, "b", 3.0)
    assert lease(shares, "b", 0.2 + PART_S) == 1.0


def test_a_new_broker_gives_nobody_more_than_it_holds_until_old_leases_are_over() -> None:
    """
    It does not know what the one before has leased.
    """
    shares = crew("a", "b", careful_until=PART_S)

    assert (0.3, 0.0) == (lease(shares, "a", 1.0, holds=0.3), lease(shares, "b", 1.0))
    assert 0.5 <= lease(shares, "b", PART_S + 1)


def test_other_runs_with_the_same_key_take_the_whole_crew_for_one(tmp_path: Path) -> None:
    """
    Its workers share what those leave, and tell them what they use together.
    """
    now = time.time()
    other = replace(BUSY, until=now + 2, used=0.5)
    opens: Any = Opens(tmp_path, VirtualClock(), others=[other.encoded()])
    broker = Broker(opens, tmp_path)
    for worker in ("a", "b"):
        broker.hire(worker)
    first = [broker.lease("p", worker, replace(BUSY, used=0.2), 0.0)[1] for worker in ("a", "b")]
    broker._outside["p"]._told = 0.0
    later = [broker.lease("p", worker, replace(BUSY, used=0.2), 0.5)[1] for worker in ("a", "b")]
    told = Said.decoded(opens.told[-1], now)

    assert [0.5, 0.0] == first
    assert [0.25, 0.25] == later
    assert told is not None
    assert (0.4, True) == (told.used, told.waits)


def granted(part: float | None, seconds: float) -> int:
    """Requests in so many seconds at 600 a minute, with that part leased once; None while the broker is absent."""

    async def main() -> int:
        count = 0

        async def ask(said: Said, holds: float) -> tuple[Sequence[Said], float]:
            if part is None or asyncio.get_running_loop().time() > 5:
                raise Absent
            return [], part

        config = ProviderConfig(kind="openai", rpm=600)
        rates = RateLimits(
            {"p": config}, jitter=lambda: 0.0, exchange=lambda _: LeasedExchange(ask, VirtualClock()), member=(0, 2)
        )

        async def worker() -> None:
            nonlocal count
            while True:
                (await rates.acquire("p", 10, 10)).release(Usage(10, 10))
                count += 1

        task = asyncio.create_task(worker())
        await asyncio.sleep(seconds)
        task.cancel()
        return count

    return virtual.run(main())


@pytest.mark.parametrize("part", [None, 0.0])
def test_nothing_passes_without_a_lease(part: float | None) -> None:
    """
    Neither before the first one, nor with a part of nothing.
    """
    assert granted(part, 60.0) == 0


def test_a_leased_part_is_what_passes_and_no_longer_than_its_lease() -> None:
    """
    Also for a provider without a key. The broker is gone after five seconds.
    """
    while_leased, later = granted(0.25, 14.0), granted(0.25, 60.0)

    assert 0.25 * 10 * 12 <= while_leased <= 0.25 * 10 * 15 + 2
    assert later - while_leased <= 0.25 * 10 * 2


def call(name: str) -> Call:
    return Call(id=name, run="r", provider="p", model="m", row=name)


@dataclass
class Opens:
    """What a broker opens: a ledger, and notices of other runs."""

    home: Path
    clock: VirtualClock
    others: list[bytes] = field(default_factory=list)
    told: list[bytes] = field(default_factory=list)

    def ledger(self) -> SQLiteLedger:
        return SQLiteLedger(self.home / "ledger.db", self.clock)

    def notices(self, key: str) -> Opens:
        return self

    def swap(self, mine: bytes) -> list[bytes]:
        self.told.append(mine)
        return self.others


class Desk:
    """A broker that may be lost: `after` so many questions, before or after it has done what it was asked."""

    def __init__(self, home: Path, *, heard: bool, after: int = 0) -> None:
        self.home, self.heard, self.left = home, heard, after
        self.clock = VirtualClock()
        self.broker = self.hired()
        self.waited = 0.0

    def hired(self) -> Broker:
        opens: Any = Opens(self.home, self.clock)
        return Broker(opens, self.home)

    def __call__(self, method: str, *given: Any) -> Any:
        given = pickle.loads(pickle.dumps(given))  # it is another process: what is changed there is not changed here
        self.left -= 1
        lost = self.left == 0
        if not lost or self.heard:
            found = getattr(self.broker, method)(*given)
        if lost:
            self.broker = self.hired()
            raise Absent
        return found

    def wait(self, seconds: float) -> None:
        self.waited += seconds


CAP = Limit(name="cap", usd=100, window="run")


@pytest.mark.parametrize("heard", [True, False])
def test_a_hold_is_taken_once_also_when_its_broker_is_lost_with_it(tmp_path: Path, heard: bool) -> None:
    """
    Whether or not it was stored before: the whole cap is there for it, and its settlement counts.
    """
    desk = Desk(tmp_path, heard=heard, after=1)
    away: Any = BrokeredLedger(desk, "w", desk.clock, wait=desk.wait)
    held = away.apply([Held(call("a"), 100, (CAP,))])
    (during,) = away.status([CAP], "r")
    refused = away.apply([Held(call("b"), 1, (CAP,))])
    away.apply([Settled("a", Settlement(cost=7, source="computed"))])
    (after,) = away.status([CAP], "r")

    assert held == [None]
    assert isinstance(refused[0], OverBudget)
    assert (100, 1) == (during.held, during.calls)
    assert (7, 0, 1) == (after.spent, after.held, after.calls)


def test_a_settlement_that_is_told_twice_counts_once(tmp_path: Path) -> None:
    """
    The broker was lost after it had stored it.
    """
    desk = Desk(tmp_path, heard=True, after=2)
    away: Any = BrokeredLedger(desk, "w", desk.clock, wait=desk.wait)
    away.apply([Held(call("a"), 100, (CAP,))])
    away.apply([Settled("a", Settlement(cost=7, source="computed"))])
    (after,) = away.status([CAP], "r")

    assert (7, 0) == (after.spent, after.held)


def test_a_lost_worker_is_booked_at_what_it_held_by_a_new_broker_too(tmp_path: Path) -> None:
    """
    The new one knows from the run's directory whose holds they are. What others hold stays.
    """
    desk = Desk(tmp_path, heard=True)
    for worker, name in (("w", "a"), ("w", "b"), ("v", "c")):
        desk("apply", worker, [Held(call(name), 10, (CAP,))])
    desk("apply", "w", [Settled("a", Settlement(cost=1, source="computed"))])
    desk.left = 1
    with pytest.raises(Absent):
        desk("lease", "p", "w", BUSY, 0.0)
    lost = desk("lose", "w")
    (after,) = desk.broker.ask("status", ([CAP], "r"), {})

    assert lost == 1
    assert (1 + 10, 10) == (after.spent, after.held)


def test_a_broker_that_never_comes_back_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    With an error that says where to look.
    """

    def absent(method: str, *given: object) -> Any:
        raise Absent

    monkeypatch.setattr("llmo.batch.executors.ray.away.ABSENT_S", 0.0)
    away: Any = BrokeredLedger(absent, "w", VirtualClock(), wait=lambda _: None)

    with pytest.raises(Locked, match="the broker of the run"):
        away.apply([Held(call("a"), 1)])


def test_one_worker_finds_out_whether_a_target_works_again(tmp_path: Path) -> None:
    """
    Of all that share a broker: it opens the breaker for all of them, and what one of them finds closes it for all.
    """
    desk, target = Desk(tmp_path, heard=True), candidate(A, 1)
    circuit = Circuit(A.provider, A.model, target.facts.key)

    def worker(name: str) -> Breakers:
        found: Any = BrokeredLedger(desk, name, desk.clock, wait=desk.wait)
        breakers = Breakers(found, now=desk.clock.now)
        known = replace(target, facts=replace(target.facts, breaker=found.breaker(circuit)))
        breakers.learn(known)
        return breakers

    worker("w").failed(target, Unavailable("down", may_be_billed=False), desk.clock.now())
    later, other = worker("w"), worker("v")
    rests = (later.rests(target), other.rests(target))
    desk.clock.elapsed += 31.0
    claimed = later.claim(target, 10.0), other.claim(target, 10.0)
    later.answered(target, desk.clock.now())

    assert ((True, True), (True, False)) == (rests, claimed)
    assert desk.broker.ask("breaker", (circuit,), {}).open_s(desk.clock.now()) == 0


def test_no_request_waits_for_a_broker_that_is_gone_to_hear_of_a_failure(tmp_path: Path) -> None:
    """
    The worker itself knows of it.
    """
    desk, target = Desk(tmp_path, heard=False, after=1), candidate(A, 1)
    away: Any = BrokeredLedger(desk, "w", desk.clock, wait=desk.wait)
    breakers = Breakers(away, now=desk.clock.now)
    breakers.failed(target, Unavailable("down", may_be_billed=False), desk.clock.now())

    assert (True, 0.0) == (breakers.rests(target), desk.waited)


def line(name: str, key: str = "ab", failure: LlmoError | None = None, text: str = "") -> bytes:
    result = unsent(name, failure, Target("p", "m"))
    return encoded(records.line((name, 0, key * 16), result, data=text or None))


def merged(tmp_path: Path, output: bytes, *found: bytes) -> tuple[list[str], tuple[int, int]]:
    """What the output is after some parts; how many lines came, and how many took the place of others."""
    out, directory = tmp_path / "out.jsonl", tmp_path / "out.jsonl.llmo.parts"
    out.write_bytes(output)
    directory.mkdir()
    for number, part in enumerate(found):
        parts.part(directory, f"{number}-{number + 1}").write_bytes(part)
    recorded = Recorded()
    recorded.read(out)
    journal = Journal(out)
    try:
        counts = parts.merge(directory, journal, recorded)
    finally:
        journal.close()
    return [json.loads(one)["id"] for one in out.read_bytes().splitlines()], counts


def test_what_only_parts_have_comes_into_the_output_once(tmp_path: Path) -> None:
    """
    Not what is there already, and not a line that was torn at the kill.
    """
    found, counts = merged(tmp_path, line("a"), line("a") + line("b"), line("c") + line("b") + line("d")[:-20])

    assert (["a", "b", "c"], (2, 0)) == (found, counts)


def test_a_part_is_newer_than_the_output(tmp_path: Path) -> None:
    """
    An answer takes the place of a failure, and another request that of the one before.
    """
    failed = line("a", failure=Unavailable("down"))
    found, counts = merged(tmp_path, failed + line("b"), failed + line("a"), line("b", key="cd"))

    assert (["a", "b", "a", "b"], (2, 2)) == (found, counts)


def test_a_part_that_is_still_written_is_waited_for(tmp_path: Path) -> None:
    """
    Workers of a killed run end by themselves, a little later.
    """
    worker = Journal(parts.part(tmp_path, "0-1"))
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            worker.close()

    parts.gone(tmp_path, wait)

    assert len(waits) == 3


def test_without_ray_it_says_what_to_install(llmo: Llmo) -> None:
    """
    Before anything is opened.
    """
    llmo.home.joinpath("rows.txt").write_text("hello\n")
    blocked = llmo.home / "blocked"
    blocked.mkdir()
    blocked.joinpath("ray.py").write_text("raise ModuleNotFoundError(\"No module named 'ray'\", name='ray')\n")
    run = llmo(
        *("-P", "offline", "batch", "rows.txt", "-o", "out.jsonl", "--engine", "ray"), env={"PYTHONPATH": str(blocked)}
    )

    assert (2, True, True) == (run.code, "the package ray is not installed" in run.stderr, "ray>=2.40" in run.stderr)
    assert not (llmo.home / "out.jsonl").exists()


def test_a_cluster_needs_a_file_beside_which_workers_write(llmo: Llmo) -> None:
    """
    Not standard output, and no pipe.
    """
    llmo.home.joinpath("rows.txt").write_text("hello\n")
    run = llmo("-P", "offline", "batch", "rows.txt", "--engine", "ray")

    assert (2, True) == (run.code, "--engine ray requires -o FILE" in run.stderr), run


def test_a_cluster_that_this_machine_is_no_node_of_is_refused(llmo: Llmo) -> None:
    """
    Its broker could not reach the ledger, nor its workers the output.
    """
    llmo.home.joinpath("rows.txt").write_text("hello\n")
    if find_spec("ray") is None:
        pytest.skip(missing("ray"))
    run = llmo(
        *("-P", "offline", "batch", "rows.txt", "-o", "out.jsonl", "--engine", "ray"),
        env={"RAY_ADDRESS": "ray://127.0.0.1:10001"},
    )

    assert (2, True) == (run.code, "no node of the cluster" in run.stderr), run


def test_parts_of_an_output_are_no_rows_of_its_own_input(llmo: Llmo) -> None:
    """
    With --files, over the directory where a killed run has left them.
    """
    folder = llmo.home / "texts"
    folder.mkdir()
    folder.joinpath("a.txt").write_text("hello")
    left = folder / "out.jsonl.llmo.parts"
    left.mkdir()
    left.joinpath("part-0-1.jsonl").write_bytes(line("x"))
    run = llmo("-P", "offline", "batch", "--files", folder, "-o", folder / "out.jsonl")

    assert (0, True) == (run.code, "1 row in" in run.stderr), run
    assert len((folder / "out.jsonl").read_bytes().splitlines()) == 2
