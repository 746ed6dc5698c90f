"""Deferred runs in this process: what is created, looked for, waited for and split, in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from llmo.batch.executors.deferred.context import DeferredContext
from llmo.batch.executors.deferred.executor import FIRST_S, MOST_S, SPREAD, DeferredExecutor
from llmo.batch.executors.deferred.lifecycle import CREATIONS, CROWDED_MOST_S, CROWDED_S, SETTLE_S, Lifecycle
from llmo.batch.executors.deferred.rows import SentRow
from llmo.batch.executors.deferred.shards import OpenShard
from llmo.batch.executors.deferred.state import RunFolder, RunState, Shard
from llmo.batch.executors.executor import Stopping
from llmo.batch.stats import RunStats
from llmo.errors import LlmoError, RateLimited, Rejected, TimedOut, Unavailable
from llmo.providers.batches import BatchFault, BatchItem, BatchLimits, BatchStatus, FoundBatch
from llmo.types.messages import Target
from tests import virtual

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path
    from typing import BinaryIO

    from llmo.providers.batches import Submission
    from llmo.types.events import Emit
    from llmo.types.messages import Request

TARGET = Target("p", "m")
DAY = 86_400.0


@dataclass
class Service:
    """A batch service that does as its scripts say; `creates` are ids or errors, `finds` what each search finds."""

    creates: list[str | LlmoError] = field(default_factory=list)
    finds: list[list[FoundBatch]] = field(default_factory=list)
    statuses: dict[str, list[BatchStatus]] = field(default_factory=dict)
    owner: str = "n"
    made: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    limits: BatchLimits = field(default_factory=lambda: BatchLimits(3, 1000))

    def line(self, name: str, request: Request, model: str) -> bytes:
        raise NotImplementedError

    async def newest(self) -> str:
        return "newest"

    async def upload(self, submission: Submission) -> str:
        self.asked.append("upload")
        return "file"

    async def create(self, submission: Submission) -> str:
        self.asked.append("create")
        found = self.creates.pop(0)
        if isinstance(found, LlmoError):
            raise found
        self.made.append(found)
        return found

    async def find(self, submission: Submission, *, known: Collection[str]) -> list[FoundBatch]:
        self.asked.append("find")
        found = self.finds.pop(0) if self.finds else []
        return [one for one in found if one.id not in known]

    async def status(self, batch: str) -> BatchStatus:
        left = self.statuses[batch]
        return left.pop(0) if len(left) > 1 else left[0]

    async def download(self, results: str, out: BinaryIO) -> None:
        out.write(f"{results}-0\n".encode())

    async def cancel(self, batch: str) -> None:
        self.asked.append(f"cancel {batch}")

    def read(self, line: bytes) -> BatchItem:
        return BatchItem(line.decode().strip(), {})

    def decode(self, item: BatchItem, emit: Emit) -> None:
        raise NotImplementedError


class Desk:
    """A run with one shard, and what it takes to carry it on."""

    def __init__(self, path: Path, service: Service, **shard: Any) -> None:
        path.mkdir(exist_ok=True)
        self.clock = virtual.VirtualClock()
        self.told: list[str] = []
        self.shard = Shard(number=1, provider="p", model="m", nonce="n", count=2, tokens=10, **shard)
        self.ctx = DeferredContext(
            name="run",
            folder=RunFolder(path),
            state=RunState(settings={}, shards=[self.shard]),
            engine=cast("Any", None),
            account=cast("Any", None),
            services=lambda _: service,
            facts=cast("Any", None),
            clock=self.clock,
            tell=self.told.append,
        )
        self.lifecycle = Lifecycle(ctx=self.ctx, rand=lambda: 0.5)

    def run(self, what: Any) -> Any:
        return virtual.run(what, self.clock)


def ended(batch: str, **more: Any) -> BatchStatus:
    return BatchStatus(id=batch, word="completed", ended=True, **more)


LOST = TimedOut("no answer")
"""An error of a call that may have made a batch."""


def test_a_creation_that_nobody_answered_is_looked_for(tmp_path: Path) -> None:
    """
    Also when the list knows of it only seconds later; it is not created again.
    """
    service = Service([LOST, "never"], [[], [], [FoundBatch("b1", certain=True)]])
    desk = Desk(tmp_path, service)
    desk.run(desk.lifecycle.create())

    assert (desk.shard.step, desk.shard.batch, service.made) == ("created", "b1", [])
    assert service.asked == ["upload", "create", "find", "find", "find"]


def test_a_creation_that_is_nowhere_is_done_again(tmp_path: Path) -> None:
    """
    After the time in which it would have shown, with the same file; a few times, then the user hears of it.
    """
    service = Service([LOST, "b2"])
    desk = Desk(tmp_path, service)
    desk.run(desk.lifecycle.create())

    assert (desk.shard.batch, service.made) == ("b2", ["b2"])
    assert desk.clock.elapsed >= SETTLE_S
    assert service.asked.count("upload") == 1

    hopeless = Service([LOST] * CREATIONS)
    desk = Desk(tmp_path / "other", hopeless)
    with pytest.raises(TimedOut):
        desk.run(desk.lifecycle.create())
    assert (desk.shard.step, hopeless.asked.count("create")) == ("sealed", CREATIONS)


def test_a_clock_that_was_put_back_shortens_no_search(tmp_path: Path) -> None:
    """
    The call may have just been made.
    """
    service = Service(["b1"])
    desk = Desk(tmp_path, service, step="creating", since=virtual.VirtualClock().now() + DAY, upload="file")
    desk.run(desk.lifecycle.create())

    assert desk.clock.elapsed >= SETTLE_S
    assert service.made == ["b1"]


def test_what_a_service_refuses_is_not_looked_for(tmp_path: Path) -> None:
    """
    Refused rows are told so; for a limit of rate the shard stays as it was.
    """
    service = Service([Rejected("no", status=400)])
    desk = Desk(tmp_path, service)
    desk.run(desk.lifecycle.create())
    assert (desk.shard.step, desk.shard.faults, service.asked) == ("ended", [(0, "no")], ["upload", "create"])

    service = Service([RateLimited("slow down", status=429)])
    desk = Desk(tmp_path / "other", service)
    with pytest.raises(RateLimited):
        desk.run(desk.lifecycle.create())
    assert (desk.shard.step, service.asked) == ("sealed", ["upload", "create"])


def test_an_overloaded_service_may_have_made_a_batch(tmp_path: Path) -> None:
    """
    A 503 may come from a gateway in front of it.
    """
    service = Service([Unavailable("busy", status=503, may_be_billed=False), "b2"], [[FoundBatch("b1", certain=True)]])
    desk = Desk(tmp_path, service)
    desk.run(desk.lifecycle.create())

    assert (desk.shard.batch, service.made) == ("b1", [])


def test_a_batch_of_somebody_else_is_given_back(tmp_path: Path) -> None:
    """
    As long as it may be ours none is created; its results tell, and then ours is found or made.
    """
    perhaps = [FoundBatch("theirs", certain=False)]
    statuses = {
        "theirs": [BatchStatus(id="theirs", word="in_progress", ended=False), ended("theirs", results=("x",))],
        "mine": [ended("mine", results=("n",))],
    }
    service = Service(["mine"], [perhaps, perhaps], statuses)
    desk = Desk(tmp_path, service, step="creating", since=virtual.VirtualClock().now() - DAY, upload="file")
    desk.run(desk.lifecycle.poll())
    assert (desk.shard.batch, desk.shard.perhaps, service.made) == ("theirs", True, [])

    desk.run(desk.lifecycle.poll())
    assert (desk.shard.batch, desk.shard.strangers, service.made) == ("mine", ["theirs"], ["mine"])

    desk.run(desk.lifecycle.poll())
    assert (desk.shard.step, desk.shard.results) == ("ended", 1)


def test_a_crowded_account_is_asked_less_and_less_often(tmp_path: Path) -> None:
    """
    And not before its time.
    """
    crowded = (BatchFault("token_limit_exceeded", "Enqueued token limit reached. Limit: 90 enqueued tokens."),)
    names = [f"b{n}" for n in range(6)]
    service = Service([*names], statuses={name: [ended(name, faults=crowded)] for name in names})
    desk = Desk(tmp_path, service)
    waits = []
    for _ in names:
        desk.run(desk.lifecycle.create())
        desk.run(desk.lifecycle.poll())
        waits.append(desk.shard.not_before - desk.clock.now())
        desk.run(desk.lifecycle.create())
        assert desk.shard.step == "sealed"
        desk.clock.start += waits[-1]

    assert waits == pytest.approx([min(CROWDED_MOST_S, CROWDED_S * 2**n) for n in range(6)])
    assert service.made == names
    assert desk.ctx.state.allowed == {"p/m": 90}
    assert "submitted again in about 5" in desk.told[0]


def test_cancelling_creates_nothing(tmp_path: Path) -> None:
    """
    What was never created has ended; what may have been is found and cancelled.
    """
    desk = Desk(tmp_path, service := Service())
    assert desk.run(desk.lifecycle.cancel()) == 1
    assert (desk.shard.step, service.asked) == ("ended", [])

    service = Service(finds=[[FoundBatch("b1", certain=True)]])
    desk = Desk(tmp_path / "other", service, step="creating", since=1.0, upload="file")
    assert desk.run(desk.lifecycle.cancel()) == 1
    assert (desk.shard.step, service.asked) == ("created", ["find", "cancel b1"])


def test_the_state_is_there_whole_or_as_it_was(tmp_path: Path) -> None:
    """
    What is read is what was written; what can't be read is no reason to start anew.
    """
    folder = RunFolder(tmp_path)
    state = RunState(settings={"schema": {"type": "object"}}, delivered={"o": 7}, allowed={"p/m": 9}, whole=True)
    state.shards.append(
        Shard(
            number=3, provider="p", model="m", nonce="n", count=2, tokens=1, step="created", batch="b", strangers=["s"]
        )
    )
    assert folder.load() is None
    folder.save(state)
    assert folder.load() == state

    for broken in ("", "{", "[]", '{"version": 1}', '{"version": 2}', '{"version": 1, "shards": [{"step": "x"}]}'):
        (tmp_path / "state.json").write_text(broken)
        with pytest.raises(LlmoError):
            folder.load()


@pytest.mark.parametrize(
    ("limits", "allowed", "expected"),
    [
        pytest.param(BatchLimits(2, 10**6), None, [2, 2, 1], id="requests"),
        pytest.param(BatchLimits(100, 250), None, [2, 2, 1], id="bytes"),
        pytest.param(BatchLimits(100, 10**6), 30, [3, 2], id="tokens"),
        pytest.param(BatchLimits(100, 10), 1, [1, 1, 1, 1, 1], id="a row that is too large alone"),
    ],
)
def test_shards_hold_what_a_service_takes(
    tmp_path: Path, limits: BatchLimits, allowed: int | None, expected: list[int]
) -> None:
    """
    As few as can be; the ids of each are its nonce and a number.
    """
    folder, shards = RunFolder(tmp_path), []
    shard = OpenShard(folder, 1, TARGET)
    for number in range(5):
        line = b"x" * 99 + b"\n"
        if not shard.fits(line, 10, limits, allowed):
            shards.append(shard.seal())
            shard = OpenShard(folder, shards[-1].number + 1, TARGET)
        assert shard.next_id == f"{shard.nonce}-{len(shard.calls)}"
        shard.add(row(number), line)
    shards.append(shard.seal())

    assert [one.count for one in shards] == expected
    assert len({one.nonce for one in shards}) == len(shards)
    assert sum(folder.requests(one.number).stat().st_size for one in shards) == 500


def row(number: int) -> SentRow:
    return SentRow(
        name=f"r{number}",
        index=number,
        key="0" * 32,
        call=f"c{number}",
        worst=1,
        estimate=10,
        bound=20,
        asked=None,
        limit=5,
        full=5,
        task="general",
        notes=[],
        kept=None,
        apart={},
    )


@pytest.mark.parametrize("luck", [0.0, 0.5, 1.0])
def test_waiting_looks_less_and_less_often(tmp_path: Path, luck: float) -> None:
    """
    Seconds at first, minutes later, spread at random; a day takes some hundred looks, and an end is seen in time.
    """
    desk, looks = Desk(tmp_path, Service(), step="created", batch="b"), []

    class Steps:
        async def poll(self) -> None:
            looks.append(desk.clock.elapsed)
            if desk.clock.elapsed > DAY:
                desk.shard.step = "taken"

        async def create(self) -> None:
            pass

        async def take_all(self) -> None:
            pass

    steps = cast("Any", Steps())
    executor = DeferredExecutor(
        ctx=desk.ctx,
        job=cast("Any", SimpleNamespace(stats=RunStats())),
        lifecycle=steps,
        taking=steps,
        stopping=Stopping(),
        rand=lambda: luck,
    )
    desk.run(executor._wait(cast("Any", None)))
    pauses = [now - before for before, now in zip([0.0, *looks], looks, strict=False)]

    assert pauses[0] == pytest.approx(FIRST_S * (1 - SPREAD + 2 * SPREAD * luck))
    assert max(pauses) == pytest.approx(MOST_S * (1 - SPREAD + 2 * SPREAD * luck))
    assert pauses == sorted(pauses)
    assert 200 < len(looks) < 500
