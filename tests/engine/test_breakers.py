"""Who is asked when targets fail: breakers around whole jobs, in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from llmo.engine.breakers import Breakers
from llmo.engine.engine import Engine
from llmo.engine.job import Job
from llmo.errors import (
    Broken,
    Incomplete,
    LlmoError,
    Locked,
    QuotaExhausted,
    RateLimited,
    Rejected,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from llmo.ledger.breakers import Breaker, Circuit
from tests import virtual
from tests.desk import GOOD
from tests.fakes import HELLO, A, B, Note, Open, Scripted, candidate, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llmo.engine.results import Result

NOBODY = Unavailable("cannot connect", may_be_billed=False)
DOWN = Unavailable("down", status=500)


@dataclass
class Shared:
    """What all processes see of breakers."""

    kept: dict[Circuit, Breaker | None] = field(default_factory=dict)
    writes: int = 0
    fails: LlmoError | None = None

    def change_breaker(self, circuit: Circuit, change: Callable[[Breaker | None], Breaker | None]) -> Breaker | None:
        if self.fails:
            raise self.fails
        self.writes += 1
        self.kept[circuit] = after = change(self.kept.get(circuit))
        return after


@dataclass
class World:
    """Targets `a` and `b`, and processes that ask them; `a` has a script per request, `b` always answers."""

    a: Scripted
    clock: virtual.VirtualClock = field(default_factory=virtual.VirtualClock)
    shared: Shared = field(default_factory=Shared)
    b: Scripted = field(default_factory=lambda: Scripted(GOOD))

    def process(self) -> Engine:
        """An engine that knows nothing yet."""
        return Engine(
            providers={"a": self.a, "b": self.b}.__getitem__,
            account=Note([]),  # type: ignore[arg-type]
            rate_limits=Open(),  # type: ignore[arg-type]
            clock=self.clock,
            breakers=Breakers(self.shared, now=self.clock.now, rand=lambda: 0.0),
            rand=lambda: 1.0,
        )

    def job(self, *, only: bool = False, key: str = "", **changes: Any) -> Job:
        """A request, planned with what is on record; for `a` alone, or with `b` to step in."""
        known = self.shared.kept.get(Circuit("a", "m", key))
        first = candidate(A, 1, key=key, breaker=known, now=self.clock.now())
        made = plan(first) if only else plan(first, candidate(B, 2))
        return Job(**{"request": HELLO, "plan": made, "run": "R", "timeout": 60.0, "retries": 0, **changes})

    def ask(self, engine: Engine | None = None, **how: Any) -> str:
        """Who was asked for one request, in order: by a process of its own, or by that engine."""

        async def main() -> Result:
            return await (engine or self.process()).run(self.job(**how))

        return "".join(one.provider for one in virtual.run(main(), self.clock).attempts)

    def asked(self, times: Sequence[float], **how: Any) -> list[str]:
        """Who is asked by processes that begin at these seconds."""
        found = []
        for at in times:
            self.clock.elapsed = max(self.clock.elapsed, at)
            found.append(self.ask(**how))
        return found


def test_the_next_process_does_not_wait_for_a_dead_provider() -> None:
    """
    After its time one request tries, and doubles it; an answer ends all.
    """
    world = World(Scripted([10.0, NOBODY], [10.0, NOBODY], GOOD))

    assert world.asked([0, 11, 39, 41, 52, 100, 112, 113]) == ["ab", "b", "b", "ab", "b", "b", "a", "a"]
    assert world.shared.kept == {
        Circuit("a", "m", ""): Breaker(at=world.clock.start + 113, reason="unavailable", last="xx--")
    }


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(DOWN, ["ab", "ab", "ab", "b"], id="500"),
        pytest.param(Broken("?"), ["ab", "ab", "ab", "b"], id="nobody knows why"),
        pytest.param(TimedOut("silent"), ["ab", "ab", "ab", "b"], id="silent"),
        pytest.param(Incomplete("cut"), ["ab", "ab", "ab", "b"], id="cut"),
        pytest.param(NOBODY, ["ab", "b", "b", "b"], id="nobody there"),
        pytest.param(QuotaExhausted("no credit"), ["ab", "b", "b", "b"], id="no credit"),
        pytest.param(RateLimited("busy", retry_after=9), ["ab", "b", "b", "b"], id="its own time"),
        pytest.param(RateLimited("busy"), ["ab"] * 4, id="no time"),
        pytest.param(Unauthorized("key"), ["ab"] * 4, id="a wrong key"),
        pytest.param(Rejected("bad"), ["a"] * 4, id="a bad request"),
    ],
)
def test_what_the_next_processes_pay(error: LlmoError, expected: list[str]) -> None:
    """
    One second apart.
    """
    assert World(Scripted([error])).asked([0, 1, 2, 3]) == expected


def test_one_whom_nobody_can_stand_in_for_is_asked_all_the_same() -> None:
    """
    A server that was just started answers at once, whatever is remembered.
    """
    world = World(Scripted([NOBODY], GOOD))

    assert world.asked([0, 1], only=True) == ["a", "a"]
    assert world.asked([2]) == ["a"]


def test_another_key_is_another_matter() -> None:
    """
    Credit of one account says nothing of another's.
    """
    world = World(Scripted([QuotaExhausted("no credit")], GOOD))

    assert [world.ask(key="old"), world.ask(key="old"), world.ask(key="new")] == ["ab", "b", "a"]


def test_a_wrong_key_is_asked_once_in_a_run_and_never_remembered() -> None:
    """
    A corrected key works at once.
    """
    world = World(Scripted([Unauthorized("no")], GOOD))
    engine = world.process()

    assert [world.ask(engine), world.ask(engine), world.ask(engine)] == ["ab", "b", "b"]
    assert (world.shared.kept, world.ask()) == ({}, "a")


def test_of_requests_at_once_one_tries_and_the_others_go_elsewhere() -> None:
    """
    In one process and between two, while it is under way.
    """
    world = World(Scripted([NOBODY], [20.0, *GOOD]))
    world.asked([0])
    world.clock.elapsed = 31.0

    async def main() -> list[str]:
        import asyncio

        one, other = world.process(), world.process()
        jobs = [(engine, world.job()) for engine in (one, other, one, other)]
        results = await asyncio.gather(*(engine.run(job) for engine, job in jobs))
        return ["".join(a.provider for a in result.attempts) for result in results]

    assert virtual.run(main(), world.clock) == ["a", "b", "b", "b"]
    assert world.ask() == "a"


def test_who_could_not_find_out_lets_the_next_one_try() -> None:
    """
    A trial that never ends is over with its time.
    """
    world = World(Scripted([NOBODY], [3600.0], GOOD))
    world.asked([0])

    assert world.asked([31, 62], timeout=20.0) == ["a", "a"]
    assert len(world.a.requests) == 3


def test_a_trial_that_is_canceled_is_none() -> None:
    """
    Ctrl-C says nothing of the provider.
    """
    import asyncio

    world = World(Scripted([NOBODY], [3600.0], GOOD))
    world.asked([0])
    world.clock.elapsed = 31.0

    async def main() -> None:
        running = asyncio.ensure_future(world.process().run(world.job()))
        await asyncio.sleep(1.0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    virtual.run(main(), world.clock)

    assert world.ask() == "a"


def test_without_the_ledger_a_process_knows_of_itself() -> None:
    """
    Breakers are advice: a locked ledger fails nothing.
    """
    world = World(Scripted([NOBODY], GOOD), shared=Shared(fails=Locked("locked")))
    engine = world.process()

    assert [world.ask(engine), world.ask(engine)] == ["ab", "b"]
    world.clock.elapsed += 31.0
    assert world.ask(engine) == "a"


def test_many_failures_and_answers_are_few_writes() -> None:
    """
    Rows fail together, and answers after them come by the thousand.
    """
    world = World(Scripted(GOOD))
    engine = world.process()
    for _ in range(200):
        world.ask(engine)
    assert world.shared.writes == 0

    world.a.scripts = [[DOWN]] * 20 + [GOOD]
    for _ in range(20):
        world.ask(engine, only=True)
    assert world.shared.writes == 3
    for _ in range(200):
        world.ask(engine, only=True)
    assert world.shared.writes <= 6


def test_rows_that_are_too_fast_wait_in_line_and_do_not_go_elsewhere() -> None:
    """
    The gate of the provider holds them; the row that was refused goes on.
    """
    world = World(Scripted([RateLimited("busy", retry_after=9)], GOOD))
    engine = world.process()

    assert [world.ask(engine, queues=True), world.ask(engine, queues=True)] == ["ab", "a"]
