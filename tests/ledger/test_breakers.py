"""When a breaker opens, for how long, and that one request of all processes finds out whether it works again."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llmo.ledger.breakers import (
    FORGOTTEN_S,
    MOST_S,
    STALE_S,
    Breaker,
    Circuit,
    Failure,
    answered,
    failed,
    probing,
    unprobed,
)
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock

DOWN = Failure(reason="unavailable")
DEAD = Failure(reason="unavailable", weight=3)
BUSY = Failure(reason="rate_limited", wait=20.0, probed=False)
EMPTY = Failure(reason="quota_exhausted", wait=600.0)
PROBE = """
import sys, time
from pathlib import Path
from llmo.engine.breakers import Breakers
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock
from llmo.types.messages import Target
from tests.fakes import candidate
ledger = SQLiteLedger(Path(sys.argv[1]), SystemClock(), "UTC")
one = candidate(Target("p", "m"), 1, key="k", breaker=ledger.breaker(("p", "m", "k")))
breakers = Breakers(ledger)
breakers.learn(one)
print("ready", flush=True)
sys.stdin.readline()
print(breakers.claim(one, 60.0))
"""


def after(text: str, *, every: float = 1.0) -> Breaker | None:
    """A breaker after failures (x) and answers (-), so many seconds apart."""
    found: Breaker | None = None
    for number, sign in enumerate(text):
        now = every * number
        if sign == "x":
            found = failed(found, DOWN, now, 0.0)
        elif found is not None:
            found = answered(found, now, now)
    return found


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("xx", False),
        ("xxx", True),
        ("xx-x", False),
        ("xx-xx-x", True),
        ("x-x-x-x-x", True),
        ("x--x--x--x--x", False),
        ("xx----------xx", False),
    ],
)
def test_three_in_a_row_or_half_of_the_last_ten_open_it(text: str, opened: bool) -> None:
    """
    An answer between breaks the row; ten answers clear all.
    """
    found = after(text)

    assert found is not None
    assert (found.open_s(len(text) - 1) == 30.0) is opened


def test_failures_that_are_long_past_do_not_add_up() -> None:
    """
    Three in three weeks are none.
    """
    found = after("xxx", every=STALE_S + 1)

    assert found is not None
    assert (found.failures, found.open_s(2 * STALE_S + 2)) == (1, 0.0)


def test_nobody_there_opens_it_at_once() -> None:
    """
    The next request need not find out the same.
    """
    assert failed(None, DEAD, 100.0, 0.0).open_s(100.0) == 30.0


def test_it_opens_for_twice_as_long_each_time_up_to_five_minutes() -> None:
    """
    Less a part by chance; an answer begins anew.
    """
    found, now, spans = failed(None, DEAD, 0.0, 0.0), 0.0, []
    for chance in (0.0, 0.0, 0.0, 0.0, 1.0):
        now = found.until
        found = failed(probing(found, 60.0, now), DOWN, now, chance)
        spans.append(found.open_s(now))

    assert spans == [60.0, 120.0, 240.0, MOST_S, MOST_S * 0.75]
    again = answered(found, found.until, found.until)
    assert again is not None
    assert (again.trips, again.open_s(found.until)) == (0, 0.0)


def test_half_open_one_request_finds_out() -> None:
    """
    Others see it as open until that has ended, or its time is over.
    """
    found = failed(None, DEAD, 0.0, 0.0)
    tried = probing(found, 60.0, 40.0)

    assert [found.half_open(now) for now in (29.0, 31.0)] == [False, True]
    assert [(tried.half_open(now), tried.open_s(now)) for now in (50.0, 101.0)] == [(False, 50.0), (True, 0.0)]
    assert unprobed(tried, 50.0).half_open(50.0)
    assert failed(tried, BUSY, 50.0, 0.0).open_s(50.0) == 20.0
    assert failed(tried, BUSY, 50.0, 0.0).half_open(71.0), "too fast is no proof that it works"


def test_what_was_under_way_neither_opens_it_again_nor_closes_it() -> None:
    """
    Of many requests in flight, those that end later belong to what was known then.
    """
    found = failed(None, DEAD, 10.0, 0.0)

    assert failed(found, DOWN, 12.0, 0.0).until == found.until
    assert answered(found, 9.0, 12.0) is found
    assert answered(found, 11.0, 12.0) == Breaker(at=12.0, reason="unavailable", last="x-")


def test_a_time_that_was_named_is_over_without_a_trial() -> None:
    """
    Without credit it takes one.
    """
    busy, empty = failed(None, BUSY, 0.0, 0.0), failed(None, EMPTY, 0.0, 0.0)

    assert [(one.open_s(0.0), one.half_open(601.0)) for one in (busy, empty)] == [(20.0, False), (600.0, True)]


@example(steps=[("e", 0.0, 0.0), ("b", 1.0, 1.0), ("x", 600.0, 1.0)], at=601.0)
@given(
    st.lists(st.tuples(st.sampled_from("xbea-pu"), st.floats(0, 10**6), st.floats(0, 1)), max_size=30),
    st.floats(0, 2 * 10**9),
)
def test_whatever_happens_it_is_open_for_no_longer_than_something_said(
    steps: list[tuple[str, float, float]], at: float
) -> None:
    """
    Also where the clock jumps.
    """
    found: Breaker | None = None
    now = at
    for what, seconds, chance in steps:
        now = now + seconds if chance < 0.9 else max(0.0, now - seconds)
        if what in "xbe":
            found = failed(found, {"x": DOWN, "b": BUSY, "e": EMPTY}[what], now, chance)
        elif found is None:
            continue
        elif what == "p":
            found = probing(found, 60.0, now) if found.half_open(now) else found
        else:
            found = unprobed(found, now) if what == "u" else answered(found, now, now)
        if found is not None:
            assert not (found.half_open(now) and found.open_s(now))
            assert found.open_s(now) <= 600.0 + STALE_S
            assert len(found.last) <= 10


def test_an_open_breaker_is_forgotten_after_a_day() -> None:
    """
    A breaker of last week says nothing.
    """
    found = failed(None, DEAD, 0.0, 0.0)

    assert [found.half_open(found.until + FORGOTTEN_S + later) for later in (-1, 1)] == [True, False]
    assert failed(found, DOWN, found.until + FORGOTTEN_S + 1, 0.0).failures == 1


def test_of_many_processes_one_finds_out(tmp_path: Path) -> None:
    """
    All read a half-open breaker, then all want to try.
    """
    ledger, now = SQLiteLedger(tmp_path / "ledger.db", SystemClock(), "UTC"), SystemClock().now()
    half = replace(failed(None, DEAD, now - 60.0, 0.0), until=now - 30.0)
    ledger.change_breaker(Circuit("p", "m", "k"), lambda _: half)
    command = [sys.executable, "-c", PROBE, str(ledger.path)]
    at = {"cwd": Path(__file__).parents[2], "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    crowd = [subprocess.Popen(command, **at) for _ in range(6)]  # type: ignore[call-overload]
    for one in crowd:
        assert one.stdout.readline() == "ready\n"
    for one in crowd:
        one.stdin.write("\n")
        one.stdin.flush()

    assert sorted(one.communicate()[0] for one in crowd) == ["False\n"] * 5 + ["True\n"]
