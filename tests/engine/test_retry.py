"""Who is tried next, and when."""

from __future__ import annotations

import pytest

from llmo.engine.retry import RetryBudget, Schedule, delay, verdict
from llmo.errors import Broken, ProviderError, RateLimited, Rejected, TimedOut, Unauthorized, Unavailable


def schedule(count: int = 2, retries: int = 2) -> Schedule:
    return Schedule(count, retries, rand=lambda: 1.0)


def test_everyone_is_tried_before_anybody_sleeps() -> None:
    """
    Then the one that is ready soonest, in the chain's order.
    """
    plan = schedule(3)
    steps = []
    for now, error in enumerate([Unavailable("x"), RateLimited("x", retry_after=4), Unauthorized("x")]):
        step = plan.next(float(now))
        assert step is not None
        steps.append(step)
        plan.failed(step[0], error, float(now))

    assert steps == [(0, 0.0), (1, 0.0), (2, 0.0)]
    assert plan.next(3.0) == (0, 0.0)
    assert plan.next(0.2) == pytest.approx((0, 0.3))


@pytest.mark.parametrize(
    ("error", "step"),
    [
        pytest.param(Unavailable("x", status=503), (0, 0.5), id="503"),
        pytest.param(Unavailable("x", status=502), (0, 0.5), id="502"),
        pytest.param(RateLimited("x", retry_after=2), (0, 2.5), id="a short time"),
        pytest.param(RateLimited("x", retry_after=2.1), (1, 0.0), id="a longer time"),
        pytest.param(RateLimited("x"), (1, 0.0), id="no time"),
        pytest.param(Unavailable("x", status=503, retry_after=30), (1, 0.0), id="503 for long"),
        pytest.param(Unavailable("x", status=500), (1, 0.0), id="500"),
        pytest.param(Unavailable("x"), (1, 0.0), id="no connection"),
        pytest.param(TimedOut("x"), (1, 0.0), id="silent"),
    ],
)
def test_what_is_over_in_a_moment_is_waited_for_once(error: ProviderError, step: tuple[int, float]) -> None:
    """
    Then the others are asked; in a batch at once, as other rows go on meanwhile.
    """
    plan, crowd = schedule(), Schedule(2, 2, rand=lambda: 1.0, crowd=True)
    for one in (plan, crowd):
        one.failed(0, error, 0.0)

    assert (plan.next(0.0), crowd.next(0.0)) == (step, (1, 0.0))
    plan.failed(0, error, 5.0)
    assert plan.next(5.0) == (1, 0.0)
    none = schedule(retries=0)
    none.failed(0, error, 0.0)
    assert none.next(0.0) == (1, 0.0), "no retries are none"


def test_whoever_rests_is_asked_when_nobody_else_is_left() -> None:
    """
    Not even for a retry, which may be seconds away.
    """
    plan, steps = schedule(3, retries=1), []
    for now in range(5):
        step = plan.next(float(now), [True, False, False])
        assert step is not None
        steps.append(step)
        plan.failed(step[0], Unavailable("x"), float(now))

    assert steps == [(1, 0.0), (2, 0.0), (1, 0.0), (2, 0.0), (0, 0.0)]


def test_retries_wait_when_they_would_double_the_load() -> None:
    """
    A hundred at once, then ten in a second and one for five requests.
    """
    budget = RetryBudget()

    assert [budget.wait(0.0) for _ in range(100)] == [0.0] * 100
    assert [round(budget.wait(0.0), 3) for _ in range(3)] == [0.1, 0.2, 0.3]
    assert budget.wait(0.5) == 0.0
    for _ in range(10):
        budget.sent()
    assert [round(budget.wait(0.5), 3) for _ in range(4)] == [0.0, 0.0, 0.0, 0.1]
    assert budget.wait(-1e9) > 0, "a clock that goes back gives nothing"
    assert [budget.wait(1e9) for _ in range(100)] == [0.0] * 100
    assert budget.wait(1e9) == pytest.approx(0.1)


def test_nobody_is_left_after_a_bad_request() -> None:
    """
    The request itself was wrong.
    """
    plan = schedule()
    plan.failed(0, Rejected("bad"), 0.0)

    assert plan.next(0.0) is None


def test_what_failed_without_a_reason_is_not_tried_again() -> None:
    """
    Another target may answer; trying the same one once more may only cost.
    """
    plan = schedule()
    plan.failed(0, Broken("exit code 1"), 0.0)

    assert plan.next(0.0) == (1, 0.0)
    plan.failed(1, Broken("exit code 1"), 0.0)
    assert plan.next(0.0) is None


@pytest.mark.parametrize(("failures", "expected"), [(1, 0.5), (2, 1.0), (3, 2.0), (5, 8.0), (9, 8.0)])
def test_back_off_is_capped(failures: int, expected: float) -> None:
    """
    0.5 s doubling to 8 s, times chance.
    """
    assert delay(Unavailable("x"), failures, lambda: 1.0) == expected
    assert delay(Unavailable("x"), failures, lambda: 0.0) == 0.0


def test_the_providers_own_time_wins() -> None:
    """
    Retry-After is a minimum; up to a quarter is added.
    """
    assert [delay(RateLimited("x", retry_after=40), 1, lambda r=r: r) for r in (0.0, 1.0)] == [40.0, 50.0]  # type: ignore[misc]
    assert delay(RateLimited("x", retry_after=0), 1, lambda: 1.0) == 0.5, "no time at all is none to come back at"


@pytest.mark.parametrize(
    ("error", "crowd", "expected"),
    [
        pytest.param(RateLimited("x"), True, [6.0, 7.5], id="too fast together: 2 s a failure"),
        pytest.param(RateLimited("x"), False, [0.0, 2.0], id="too fast alone: back-off"),
        pytest.param(Unavailable("x"), True, [0.0, 2.0], id="busy: back-off"),
        pytest.param(RateLimited("x", retry_after=40), True, [40.0, 50.0], id="its own word wins"),
    ],
)
def test_one_of_many_that_were_too_fast_stays_away_longer(
    error: ProviderError, crowd: bool, expected: list[float]
) -> None:
    """
    The others of the batch go on asking meanwhile.
    """
    found = []
    for chance in (0.0, 1.0):
        plan = Schedule(1, 5, rand=lambda chance=chance: chance, crowd=crowd)  # type: ignore[misc]
        for _ in range(3):
            plan.failed(0, error, 100.0)
        step = plan.next(100.0)
        assert step is not None
        found.append(step[1])

    assert found == expected
    assert delay(RateLimited("x"), 3, lambda: 1.0) == 2.0, "nobody is a crowd unless it says so"


def test_of_those_that_wait_the_one_that_may_soonest_comes_first() -> None:
    """
    Whatever its place in the plan.
    """
    plan = schedule()
    plan.failed(0, RateLimited("x", retry_after=40), 0.0)
    plan.failed(1, RateLimited("x", retry_after=4), 0.0)

    assert plan.next(0.0) == (1, 5.0)
    plan.drop(1)
    assert plan.next(0.0) == (0, 50.0)


def test_the_verdict_prefers_what_a_retry_may_mend() -> None:
    """
    Exit 5 only when trying later makes sense.
    """
    busy, bad, key = RateLimited("busy"), Rejected("bad"), Unauthorized("key")

    assert [verdict(e) for e in ([bad, busy, key], [bad, key], [key])] == [busy, bad, key]
