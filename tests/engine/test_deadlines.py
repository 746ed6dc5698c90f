"""What ends requests that take too long: one timer for all of them."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest

from llmo.engine.deadlines import Deadline, Deadlines
from tests import virtual

if TYPE_CHECKING:
    from collections.abc import Callable


def timers(loop: asyncio.AbstractEventLoop) -> int:
    """How many timers are set."""
    return sum(not handle.cancelled() for handle in loop._scheduled)  # type: ignore[attr-defined]


async def ended(limit: Any, seconds: float) -> tuple[str, float]:
    """How a sleep under a limit ended, and when."""
    loop = asyncio.get_running_loop()
    try:
        with limit:
            await asyncio.sleep(seconds)
    except TimeoutError:
        return "late", loop.time()
    return "done", loop.time()


@pytest.mark.parametrize("seed", range(5))
def test_requests_end_at_their_deadlines_however_many_there_are(seed: int) -> None:
    """
    Not earlier, not later, whichever began first; and what ends in time is not disturbed.
    """
    rand = random.Random(seed)
    rows = [
        (rand.uniform(0, 10), rand.choice([0.0, 2.0, rand.uniform(0, 5)]), rand.uniform(0.1, 5)) for _ in range(200)
    ]

    async def main() -> list[tuple[str, float]]:
        deadlines, loop = Deadlines(), asyncio.get_running_loop()

        async def one(begin: float, time: float, takes: float) -> tuple[str, float]:
            await asyncio.sleep(begin)
            return await ended(Deadline(deadlines, begin + time, loop), takes)

        found = await asyncio.gather(*(one(*row) for row in rows))
        assert timers(loop) == 0
        return found

    expected = [("late", begin + time) if time < takes else ("done", begin + takes) for begin, time, takes in rows]
    found = virtual.run(main())

    assert [how for how, _ in found] == [how for how, _ in expected]
    assert [when for _, when in found] == pytest.approx([when for _, when in expected])


def test_many_requests_set_one_timer() -> None:
    """
    And none is left when nothing is in flight.
    """

    async def main() -> list[int]:
        deadlines, loop = Deadlines(), asyncio.get_running_loop()
        waiting = [loop.create_future() for _ in range(50)]

        async def one(number: int) -> None:
            with Deadline(deadlines, 60.0 + number, loop):
                await waiting[number]

        tasks = [asyncio.create_task(one(number)) for number in range(50)]
        await asyncio.sleep(0)
        before = timers(loop)
        for future in waiting:
            future.set_result(None)
        await asyncio.gather(*tasks)
        return [before, timers(loop)]

    assert virtual.run(main()) == [1, 0]


@pytest.mark.parametrize(
    ("moved", "found"), [(lambda now: now + 9, ("late", 10.0)), (lambda now: now + 1, ("late", 2.0))]
)
def test_a_deadline_that_moves_is_the_new_one(moved: Callable[[float], float], found: tuple[str, float]) -> None:
    """
    Later as well as earlier; once it has expired, it stays so.
    """

    async def main() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        limit = Deadline(Deadlines(), 5.0, loop)
        loop.call_at(1.0, lambda: limit.move(moved(loop.time())))
        how = await ended(limit, 100.0)
        for at in (0.0, 500.0):
            limit.move(at)
            assert timers(loop) == 0
        await asyncio.sleep(600)
        return how

    assert virtual.run(main()) == found


@pytest.mark.parametrize("at", [1.0, 5.0])
def test_whoever_is_canceled_by_others_stays_canceled(at: float) -> None:
    """
    Also at the very instant of the deadline.
    """

    async def main() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(ended(Deadline(Deadlines(), 5.0, loop), 100.0))
        loop.call_at(at, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    virtual.run(main())


def test_an_error_is_not_taken_for_the_deadline() -> None:
    """
    What failed while it was being ended says so itself.
    """

    async def main() -> None:
        async def fails() -> None:
            with Deadline(Deadlines(), 1.0, asyncio.get_running_loop()):
                try:
                    await asyncio.sleep(9)
                finally:
                    raise ValueError("mine")

        with pytest.raises(ValueError, match="mine"):
            await fails()
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]

    virtual.run(main())
