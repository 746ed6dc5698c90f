"""How long an answer may be: the same decision for what is sent and for what a plan shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.catalog.catalog import Model
from llmo.catalog.prices import Price, Rates
from llmo.engine import output_limits
from llmo.engine.engine import Engine
from llmo.engine.job import Job
from llmo.engine.output_limits import FLOOR, decided
from llmo.engine.results import ChosenLimit, unsent
from llmo.errors import TimedOut
from llmo.ledger.accounts import DirectAccount
from llmo.ledger.allowance import Allowance
from llmo.ledger.records import Call, Limit, Settlement
from llmo.ledger.refusals import OverBudget
from llmo.ledger.sql import queries
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.events import Finish, Text, Usage
from llmo.types.money import DOLLAR
from tests import virtual
from tests.fakes import HELLO, NEED, A, B, C, Open, Scripted, candidate, plan, price, quoted
from tests.pricing import worst_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.engine.results import Result
    from llmo.routing.plan import Candidate, Plan

CHEAP, BOUND = price(), 20
"""A dollar a million tokens in, ten out; the input bound of the plan of `tests.fakes`."""


def worst(tokens: int) -> int:
    return worst_of(CHEAP, BOUND, tokens)


def able(target: Any = A, rank: int = 1, own: int | None = 128_000, **facts: Any) -> Candidate:
    """A candidate whose model can write so many tokens."""
    limit = own or 4096
    found = candidate(target, rank, **{"model": Model(id="m", price=CHEAP, max_output=own), **facts})
    return quoted(replace(found, max_output=limit))


def planned(*candidates: Candidate, **need: Any) -> Plan:
    if (given := need.get("max_output")) is not None:
        candidates = tuple(replace(c, max_output=given) for c in candidates)
    wanted = replace(NEED, **need)
    return replace(plan(*(quoted(c, wanted) for c in candidates)), requirements=wanted)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SQLiteLedger]:
    book = SQLiteLedger(tmp_path / "ledger.db", virtual.VirtualClock(), "UTC")
    yield book
    book.close()


def money(ledger: SQLiteLedger, *limits: Limit, **more: Any) -> Allowance:
    return Allowance(limits=limits, statuses=ledger.status(limits, "r", live=True), run="r", **more)


def ask(ledger: SQLiteLedger, found: Plan, *limits: Limit, provider: Scripted | None = None, **more: Any) -> Result:
    """What comes of it when it is really asked."""
    scripted = provider or Scripted([Text("hi"), Usage(10, 2), Finish("stop")])

    async def main() -> Result:
        engine = Engine(
            providers=lambda _: scripted,
            account=DirectAccount(ledger, limits, **more),
            rate_limits=Open(),  # type: ignore[arg-type]
            clock=virtual.VirtualClock(),
        )
        return await engine.run(Job(request=HELLO, plan=found, run="r", retries=0))

    return virtual.run(main())


DAILY = Limit(name="daily", usd=DOLLAR, window="day")


def test_a_model_whose_full_answer_costs_more_than_the_budget_still_answers(ledger: SQLiteLedger) -> None:
    """
    128,000 tokens would cost $1.28 under a dollar a day: the request carries what the dollar buys, and the plan says so.
    """
    provider = Scripted([Text("hi"), Usage(10, 2), Finish("stop")])
    (shown,) = decided(planned(able()), money(ledger, DAILY)).ranked
    result = ask(ledger, planned(able()), DAILY, provider=provider)

    assert (True, ()) == (result.ok, result.warnings)
    assert worst(99_998) == DOLLAR
    assert (99_998, 99_998, DOLLAR) == (shown.max_output, provider.requests[0].params.max_tokens, shown.worst)
    assert ChosenLimit(limit=99_998, full=128_000, known=True, needed=worst(128_000)) == result.chosen


@pytest.mark.parametrize(
    ("own", "dollars", "sent"),
    [
        pytest.param(128_000, worst(FLOOR), FLOOR, id="the least"),
        pytest.param(128_000, worst(FLOOR) - 1, None, id="less than the least"),
        pytest.param(300, worst(300), 300, id="a model that writes less than the least"),
        pytest.param(300, worst(300) - 1, None, id="less than such a model's own"),
        pytest.param(128_000, 2 * DOLLAR, 128_000, id="enough for all"),
        pytest.param(None, 2 * DOLLAR, 4096, id="a model of which nobody knows"),
    ],
)
def test_llmo_never_chooses_less_than_a_useful_answer(
    ledger: SQLiteLedger, own: int | None, dollars: int, sent: int | None
) -> None:
    """
    1,024 tokens, or the model's own where that is less; the plan and the request agree.
    """
    limit, provider = Limit(name="x", usd=dollars), Scripted([Text("hi"), Usage(10, 2), Finish("stop")])
    shown = decided(planned(able(own=own)), money(ledger, limit)).ranked
    result = ask(ledger, planned(able(own=own)), limit, provider=provider)

    assert sent == next((one.max_output for one in shown), None)
    assert sent == next((one.params.max_tokens for one in provider.requests), None)
    assert (sent is None) == (result.error is not None and result.error.kind == "budget_exceeded")


def test_a_limit_of_the_user_is_never_lowered_without_fit(ledger: SQLiteLedger) -> None:
    """
    It is refused with the number that would fit; with --fit that number is taken, and said.
    """
    limit = Limit(name="x", usd=worst(40))
    refused = ask(ledger, planned(able(), max_output=100), limit)
    fitted = ask(ledger, planned(able(), max_output=100, fit=True), limit)

    assert refused.error is not None
    assert "lower --max-tokens (40 would fit; --fit does so automatically), or raise the budget" in str(
        refused.error.hint
    )
    assert (True, None, ("the budget buys 40 of the 100 requested output tokens (--fit)",)) == (
        fitted.ok,
        fitted.chosen,
        fitted.warnings,
    )


@pytest.mark.parametrize(
    ("need", "left", "hint"),
    [
        pytest.param({}, worst(300), "limit the answer (--max-tokens 300 would fit), or raise the budget", id="short"),
        pytest.param({}, 1, "raise the budget", id="a short prompt is not to be shortened"),
        pytest.param({"max_output": 5}, 1, "raise the budget", id="nor for a short answer"),
        pytest.param(
            {"input_bound": 50_000, "input_estimate": 12_000}, 1,
            "shorten the prompt (it alone may cost $0.05), or raise the budget", id="a long prompt",
        ),
        pytest.param(
            {"input_bound": 50_000, "input_estimate": 5}, 1, "raise the budget", id="what wraps it is not the prompt"
        ),
    ],
)  # fmt: skip
def test_a_hint_fits_what_was_asked(ledger: SQLiteLedger, need: dict[str, Any], left: int, hint: str) -> None:
    """
    Nobody is told to shorten the prompt `hi`.
    """
    result = ask(ledger, planned(able(), **need), Limit(name="x", usd=left))

    assert result.error is not None
    assert f"{hint} in the profile" == result.error.hint


@pytest.mark.parametrize(
    ("end", "ranks", "whys"),
    [
        pytest.param(
            "refuse", [],
            ["budget of a: needs up to $0.0103 for 1,024 output tokens, $0.001 left of $0.001",
             "budget of a: a/m comes before it and is refused", "budget of a: a/m comes before it and is refused"],
            id="refuse",
        ),
        pytest.param(
            "local", ["c"],
            ["test", "budget of a: needs up to $0.0103 for 1,024 output tokens, $0.001 left of $0.001",
             "budget of a: a/m comes before it and is refused"],
            id="local",
        ),
    ],
)  # fmt: skip
def test_a_plan_says_what_a_budget_refuses_and_who_is_not_asked_then(
    ledger: SQLiteLedger, end: Any, ranks: list[str], whys: list[str]
) -> None:
    """
    A refusal ends the command, unless local models may step in.
    """
    limit = Limit(name="of a", usd=DOLLAR // 1000, match={"provider": "a"})
    found = planned(able(A, 1), able(B, 2), able(C, 3, billing="local"), when_budget_ends=end)
    shown = decided(found, money(ledger, limit))
    result = ask(ledger, found, limit)

    assert (ranks, whys) == ([one.target.provider for one in shown.ranked], [one.why for one in shown.candidates])
    assert [one.rank is not None for one in shown.candidates] == [one.refused is None for one in shown.candidates]
    assert ranks == ([result.target.provider] if result.ok and result.target else [])


@pytest.mark.parametrize(
    ("limit", "facts", "why"),
    [
        pytest.param(Limit(name="x", calls=0), {}, "budget x: 0 of 0 calls are used", id="calls"),
        pytest.param(Limit(name="x", usd=9), {"model": Model(id="m")}, "budget x: its price is unknown", id="price"),
    ],
)
def test_a_plan_says_which_kind_of_limit_refuses(ledger: SQLiteLedger, limit: Limit, facts: Any, why: str) -> None:
    """
    Calls and unknown prices too.
    """
    one = able(**facts)

    assert [(None, why)] == [(c.rank, c.why) for c in decided(planned(one), money(ledger, limit)).candidates]


def test_a_plan_says_who_would_be_waited_for(ledger: SQLiteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What living processes hold will be free again; what dead ones hold will not.
    """
    ledger.hold(Call(id="other", run="other", provider="a", model="m"), DOLLAR, [DAILY])
    waiting = decided(planned(able()), money(ledger, DAILY))
    monkeypatch.setattr(queries, "lives", lambda _: False)
    stuck = decided(planned(able()), money(ledger, DAILY))
    result = ask(ledger, planned(able()), DAILY)

    assert [(1, "test, waits for $1.00 held by other calls")] == [(one.rank, one.why) for one in waiting.candidates]
    assert [] == list(stuck.ranked)
    assert result.error is not None
    assert "raise the budget in the profile, or settle reservations of crashed processes (llmo cost --reconcile)" == (
        result.error.hint
    )


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        pytest.param(None, "the answer was cut off by the token limit", id="the user's limit"),
        pytest.param(
            ChosenLimit(limit=9, full=9, known=True, needed=1),
            "the answer was cut off by the token limit",
            id="the model's own",
        ),
        pytest.param(
            ChosenLimit(limit=2000, full=128_000, known=True, needed=1_280_000_000_000),
            "the answer was cut off at 2,000 output tokens, as many as the budget left room for: the model's own 128,000 "
            "would have needed up to $1.28",
            id="llmo's choice",
        ),
        pytest.param(
            ChosenLimit(limit=4096, full=4096, known=False, needed=1),
            "the answer was cut off at 4,096 output tokens, the limit under a budget for a model whose own "
            "limit is unknown: set another with --max-tokens",
            id="of a model that nobody knows",
        ),
    ],
)
def test_an_answer_that_is_cut_says_whose_limit_it_was(
    ledger: SQLiteLedger, chosen: ChosenLimit | None, said: str
) -> None:
    """
    With the amount that the whole answer would have needed.
    """
    result = ask(ledger, planned(able()), provider=Scripted([Text("hi"), Usage(10, 2), Finish("length")]))

    assert said == output_limits.cut(replace(result, chosen=chosen))
    assert output_limits.cut(replace(result, chosen=chosen, finish="stop")) is None


RATES = st.builds(Rates, input=st.integers(0, 50), output=st.integers(0, 50))
PRICES = st.builds(
    Price,
    input=st.integers(0, 50),
    output=st.integers(0, 50),
    request=st.integers(0, 500),
    tiers=st.lists(st.tuples(st.integers(0, 40), RATES), max_size=2).map(tuple),
    others=st.lists(st.builds(Price, input=st.integers(0, 90), output=st.integers(0, 90)), max_size=2).map(tuple),
)


@given(PRICES, st.integers(1, 5000), st.integers(0, 200_000))
def test_what_an_amount_buys_is_exact(rates: Price, most: int, amount: int) -> None:
    """
    One token more would cost more, whatever the tiers, fees and models that may step in.
    """
    one = able(model=Model(id="m", price=rates, max_output=most), own=most)
    fits = one.buys(amount)

    assert fits == 0 or (one.worst_of(fits) or 0) <= amount
    assert fits == most or (one.worst_of(fits + 1) or 0) > amount


LIMITS = st.lists(
    st.builds(
        Limit,
        name=st.sampled_from(["x", "y"]),
        usd=st.one_of(st.none(), st.integers(0, 2 * worst(3000))),
        calls=st.one_of(st.none(), st.integers(0, 4)),
        window=st.sampled_from(["run", "day", "total"]),
        match=st.sampled_from([{}, {"provider": "a"}, {"provider": "b"}]),
    ),
    max_size=3,
)
CANDIDATES = st.tuples(
    st.sampled_from([20, 900, 3000, None]),
    st.sampled_from(["metered", "metered", "local"]),
)


@settings(max_examples=60, deadline=None)
@given(
    LIMITS,
    CANDIDATES,
    CANDIDATES,
    st.one_of(st.none(), st.integers(1, 4000)),
    st.tuples(st.booleans(), st.sampled_from(["refuse", "local"])),
    st.lists(st.tuples(st.integers(0, worst(2000)), st.integers(0, 100)), max_size=3),
)
def test_a_plan_promises_what_asking_keeps(  # noqa: PLR0913, PLR0917 - hypothesis draws them
    limits: list[Limit], first: Any, second: Any, given: int | None, how: tuple[bool, Any], before: list[Any]
) -> None:
    """
    Whoever has rank 1 answers, with the limit that is shown; when nobody has a rank a budget refuses.
    """
    with TemporaryDirectory() as directory:
        ledger = SQLiteLedger(Path(directory) / "ledger.db", virtual.VirtualClock(), "UTC")
        for number, (held, share) in enumerate(before):
            ledger.hold(Call(id=str(number), run="r", provider="a", model="m"), held)
            cost = held * share // 100
            ledger.settle(str(number), Settlement(cost=cost, in_doubt=held - cost, source="estimated"))
        ones = [able(target, rank, own, billing=billing) for rank, (target, (own, billing)) in
                enumerate(zip((A, B), (first, second), strict=True), 1)]  # fmt: skip
        found = planned(*ones, max_output=given, fit=how[0], when_budget_ends=how[1])
        shown = decided(found, money(ledger, *limits))
        provider = Scripted([Text("hi"), Usage(10, 2), Finish("stop")])
        result = ask(ledger, found, *limits, provider=provider)
        ledger.close()

    assert bool(shown.ranked) == (result.error is None)
    if shown.ranked:
        promised = shown.ranked[0]
        assert (promised.target, promised.worst) == (result.target, result.reserved)
        sent = provider.requests[0].params.max_tokens
        assert sent in {promised.max_output, None}
    else:
        assert isinstance(result.error, OverBudget)
        assert all(one.refused for one in shown.candidates)


@pytest.mark.parametrize(
    ("finish", "chosen", "again", "hint"),
    [
        pytest.param("length", (1024, 8192), True, "raise the budget, or set --max-tokens", id="less than it can"),
        pytest.param("length", (8192, 8192), False, "raise --max-tokens", id="all that it can"),
        pytest.param("length", None, False, "raise --max-tokens", id="the user's limit"),
        pytest.param("stop", (1024, 8192), False, "raise the budget, or set --max-tokens", id="not cut"),
    ],
)
def test_only_an_answer_that_a_budget_cut_is_worth_buying_again(
    finish: Any, chosen: tuple[int, int] | None, again: bool, hint: str
) -> None:
    """
    Any other one would be paid twice and be cut at the same place.
    """
    limit = chosen and ChosenLimit(limit=chosen[0], full=chosen[1], known=True, needed=None)
    result = replace(unsent("1", TimedOut("late")), finish=finish, chosen=limit)

    assert (output_limits.lowered(result), output_limits.longer(result)) == (again, hint)
