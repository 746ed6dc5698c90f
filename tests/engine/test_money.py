"""Money in the engine: shorter answers, excess, repairs that grow, and who steps in when a budget ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.catalog.catalog import Model
from llmo.engine.engine import Engine
from llmo.engine.job import Job
from llmo.engine.structured import Structured
from llmo.errors import (
    Broken,
    Incomplete,
    ModelNotFound,
    QuotaExhausted,
    RateLimited,
    Refused,
    Rejected,
    TimedOut,
    Unavailable,
)
from llmo.ledger.accounts import DirectAccount
from llmo.ledger.records import MAX_COST, Limit
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.requests.validator import checked
from llmo.types.events import Finish, ReportedCost, Text, Usage
from llmo.types.money import DOLLAR
from tests import virtual
from tests.fakes import HELLO, A, B, Open, Scripted, candidate, plan, price, quoted
from tests.pricing import worst_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.engine.results import Result
    from llmo.routing.plan import Candidate, Plan

INPUT, TOKEN = 10**6, 10 * 10**6
"""Picodollars of a token in and out."""
BOUND = 20
"""Input tokens of the plan of `tests.fakes`."""
GOOD: list[Any] = [Text("hi"), Usage(10, 2), Finish("stop")]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SQLiteLedger]:
    book = SQLiteLedger(tmp_path / "ledger.db", virtual.VirtualClock(), "UTC")
    yield book
    book.close()


def worst(tokens: int, bound: int = BOUND) -> int:
    return worst_of(price(), bound, tokens)


def able(target: Any, rank: int, **facts: Any) -> Candidate:
    return quoted(candidate(target, rank, **facts))


def planned(*candidates: Candidate, **need: Any) -> Plan:
    found = plan(*candidates)
    return replace(found, requirements=replace(found.requirements, **need))


def play(ledger: SQLiteLedger, cap: int, job: Job, **providers: Scripted) -> Result:
    """One job under a cap of dollars."""

    async def main() -> Result:
        engine = Engine(
            providers=providers.__getitem__,
            account=DirectAccount(ledger, [Limit(name=MAX_COST, usd=cap, window="run")]),
            rate_limits=Open(),  # type: ignore[arg-type]
            clock=virtual.VirtualClock(),
        )
        return await engine.run(job)

    return virtual.run(main())


def job(found: Plan, **changes: Any) -> Job:
    return Job(request=HELLO, plan=found, run="r", **changes)


def spent(ledger: SQLiteLedger) -> tuple[int, int]:
    (status,) = ledger.status([Limit(name=MAX_COST, usd=1, window="run")], "r")
    return status.spent, status.held


def test_a_refusal_says_how_many_tokens_the_budget_buys(ledger: SQLiteLedger) -> None:
    """
    And asks for nothing else without --fit.
    """
    provider = Scripted(GOOD)
    result = play(ledger, worst(40) + 1, job(planned(able(A, 1), max_output=100)), a=provider)

    assert result.error is not None
    assert ("budget_exceeded", 0) == (result.error.kind, len(provider.requests))
    assert "lower --max-tokens (40 would fit; --fit" in str(result.error.hint)


def test_fit_takes_what_the_budget_buys_and_says_so(ledger: SQLiteLedger) -> None:
    """
    The hold is the whole headroom, the request carries the shorter limit.
    """
    provider = Scripted(GOOD)
    result = play(ledger, worst(40) + 1, job(planned(able(A, 1), max_output=100, fit=True)), a=provider)

    assert result.ok
    assert (40, worst(40)) == (provider.requests[0].params.max_tokens, result.reserved)
    assert ("the budget buys 40 of the 100 requested output tokens (--fit)",) == result.warnings


def test_fit_asks_for_nothing_that_is_too_short_to_be_an_answer(ledger: SQLiteLedger) -> None:
    """
    A prompt paid for three tokens is money thrown away.
    """
    provider = Scripted(GOOD)
    result = play(ledger, worst(3), job(planned(able(A, 1), max_output=100, fit=True)), a=provider)

    assert result.error is not None
    assert ("budget_exceeded", 0) == (result.error.kind, len(provider.requests))


@pytest.mark.parametrize(
    ("events", "why"),
    [
        pytest.param([Usage(10, 150)], "the provider exceeded the output limit", id="output"),
        pytest.param([Usage(9000, 2)], "the provider counted more input tokens than possible", id="input"),
        pytest.param([Usage(10, 2), ReportedCost(DOLLAR)], "the provider charges more than its price", id="price"),
    ],
)
def test_a_cost_above_the_hold_is_booked_and_said(ledger: SQLiteLedger, events: list[Any], why: str) -> None:
    """
    Nothing is hidden: the excess is spent, and a warning names the reason.
    """
    result = play(ledger, 2 * DOLLAR, job(planned(able(A, 1))), a=Scripted([Text("hi"), *events, Finish("stop")]))

    assert (result.cost, 0) == spent(ledger)
    assert (result.cost or 0) > worst(100)
    assert [why] == [line.rpartition(": ")[2] for line in result.warnings]


def test_without_a_budget_there_is_no_hold_to_pass(ledger: SQLiteLedger) -> None:
    """
    No output limit is sent then, and a long answer is no surprise.
    """

    async def main() -> Result:
        engine = Engine(
            providers={"a": Scripted([Text("hi"), Usage(10, 150), Finish("stop")])}.__getitem__,
            account=DirectAccount(ledger),
            rate_limits=Open(),  # type: ignore[arg-type]
            clock=virtual.VirtualClock(),
        )
        return await engine.run(job(planned(able(A, 1))))

    assert () == virtual.run(main()).warnings


def test_a_repair_holds_for_the_longer_request(ledger: SQLiteLedger) -> None:
    """
    It sends the wrong answer and the schema again: with money for the first request alone it is refused.
    """
    bad: list[Any] = [Text("not json " * 99), Usage(10, 99), Finish("stop")]
    first = 10 * INPUT + 99 * TOKEN
    provider = Scripted(bad, [Text("{}"), Usage(10, 2), Finish("stop")])

    async def main(cap: int) -> Result:
        engine = Engine(
            providers={"a": provider}.__getitem__,
            account=DirectAccount(ledger, [Limit(name=MAX_COST, usd=cap, window="run")]),
            rate_limits=Open(),  # type: ignore[arg-type]
            clock=virtual.VirtualClock(),
        )
        answer = Structured(engine, job(planned(able(A, 1))), checked({"type": "object"}))
        await answer.run()
        assert answer.result is not None
        return answer.result

    refused = virtual.run(main(first + worst(100)))

    assert refused.error is not None
    # The answer is paid for and kept; what refused its repair is told beside it.
    assert ("invalid_output", True) == (refused.error.kind, refused.text.startswith("not json"))
    assert ["ok", "budget_exceeded"] == [attempt.outcome for attempt in refused.attempts]
    assert 1 == len(provider.requests)
    assert (first, 0) == spent(ledger)


FREE = {"billing": "local", "model": Model(id="m")}


@pytest.mark.parametrize(
    ("end", "answered", "kind"),
    [pytest.param("refuse", None, "budget_exceeded", id="refuse"), pytest.param("local", "b", None, id="local")],
)
def test_who_steps_in_when_a_budget_ends(
    ledger: SQLiteLedger, end: Any, answered: str | None, kind: str | None
) -> None:
    """
    Nobody, or a model on this machine that costs nothing; never another one that is paid.
    """
    paid, dear, own = Scripted(GOOD), Scripted(GOOD), Scripted(GOOD)
    found = planned(able(A, 1), able(replace(A, provider="dear"), 2), able(B, 3, **FREE), when_budget_ends=end)
    result = play(ledger, worst(1), job(found), a=paid, dear=dear, b=own)

    assert (0, 0) == (len(paid.requests), len(dear.requests))
    assert answered == (result.target.provider if result.ok and result.target else None)
    assert kind == (result.error.kind if result.error else None)


def test_a_budget_that_ended_is_what_is_told_when_the_last_resort_fails(ledger: SQLiteLedger) -> None:
    """
    Exit 3, not the reason why a stand-in could not answer.
    """
    found = planned(able(A, 1), able(B, 2, **FREE), when_budget_ends="local")
    result = play(ledger, worst(1), job(found), a=Scripted(GOOD), b=Scripted([ModelNotFound("no such model")]))

    assert result.error is not None
    assert ("budget_exceeded", 3) == (result.error.kind, result.error.exit)


FAILURES = st.sampled_from(
    [
        Incomplete("gone"), TimedOut("late"), Unavailable("bad gateway"), Broken("who knows"), RateLimited("slow down"),
        Unavailable("never left", may_be_billed=False), Rejected("no"), Refused("policy"), QuotaExhausted("no credit"),
        ModelNotFound("no such model"),
    ]
)  # fmt: skip
EVENTS = st.one_of(
    st.builds(Text, st.sampled_from(["hi", "word " * 40])),
    st.builds(Usage, st.integers(0, 40), st.integers(0, 200)),
    st.builds(ReportedCost, st.integers(0, 2 * worst(100))),
)
ENDS = st.one_of(st.sampled_from([Finish("stop"), Finish("length"), Finish("refusal"), Finish("tool_calls")]), FAILURES)
SCRIPTS = st.lists(
    st.tuples(st.lists(EVENTS, max_size=3), ENDS).map(lambda of: [*of[0], of[1]]), min_size=1, max_size=3
)


@settings(max_examples=80, deadline=None)
@given(SCRIPTS, SCRIPTS, st.integers(0, 5 * worst(100)), st.booleans())
def test_every_attempt_ends_in_exactly_one_way(first: Any, second: Any, cap: int, restart: bool) -> None:
    """
    Each has one hold, which is settled, released or in doubt; what the result says is what is booked.
    """
    with TemporaryDirectory() as directory:
        book = SQLiteLedger(Path(directory) / "ledger.db", virtual.VirtualClock(), "UTC")
        found = job(planned(able(A, 1), able(B, 2)), retries=1, restart=restart)
        result = play(book, cap, found, a=Scripted(*first), b=Scripted(*second))
        (status,) = book.status([Limit(name=MAX_COST, usd=cap, window="run")], "r")
        rows = book._db().execute("SELECT id, state, cost, in_doubt, worst FROM calls").fetchall()
        book.close()

    sent = [one for one in result.attempts if one.outcome != "budget_exceeded"]
    booked = {row[0]: row[1:] for row in rows}
    assert {one.id for one in sent} == booked.keys()
    for one in sent:
        state, cost, in_doubt, held = booked[one.id]
        assert (one.cost_pico, one.in_doubt_pico, state == "in_doubt") == (cost, in_doubt, in_doubt > 0)
        assert state in {"settled", "released", "in_doubt"}
        assert in_doubt == 0 or cost + in_doubt == held
    assert (status.spent, status.held, status.in_doubt) == (result.cost, 0, result.in_doubt)
    excess = sum(max(0, (one.cost_pico or 0) - worst(100)) for one in sent)
    assert status.spent + status.in_doubt <= cap + excess
