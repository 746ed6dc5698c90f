"""One attempt at its seams: what is held, learnt, settled and told of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from llmo.catalog.catalog import Model
from llmo.catalog.prices import Price
from llmo.engine.results import ChosenLimit
from llmo.errors import (
    ConfigError,
    Incomplete,
    LlmoError,
    OutOfTime,
    QuotaExhausted,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    Unfinished,
)
from llmo.ledger.breakers import Circuit
from llmo.ledger.records import Call, Settlement
from llmo.routing.quote import FREE
from llmo.types.attempts import AttemptRecord
from llmo.types.events import Finish, PaidUse, Reasoning, ReportedCost, ServedBy, Text, Usage
from llmo.types.ids import ulid
from tests.desk import COST, GOOD, IN, OUT, WORST, Desk
from tests.fakes import HELLO, A, candidate, price

if TYPE_CHECKING:
    from llmo.types.events import Event


@pytest.mark.parametrize(
    ("queues", "waited"), [pytest.param(False, 4.0, id="one request"), pytest.param(True, 0.0, id="in a batch")]
)
def test_all_that_is_known_of_a_call_is_settled_and_told(queues: bool, waited: float) -> None:
    """
    Its cost, its names and its times, which in a batch leave out the wait in line.
    """
    usage, desk = Usage(10, 2, 3, 1, 1), Desk(line_s=4.0)
    script: list[Any] = [1.0, ServedBy("gpt", "req", "default"), 2.0, Text("hi"), 3.0, usage, Finish("stop")]
    # The first begins before the second, whose times are its own.
    result, _ = desk.play([RateLimited("busy", retry_after=8)], script, retries=1, queues=queues)
    cost = price().cost(usage)

    assert desk.ends == [
        "rate_limited",
        Settlement(
            cost=cost,
            source="computed",
            usage=usage,
            served_model="gpt",
            request_id="req",
            service_tier="default",
            duration_s=waited + 6.0,
            first_token_s=waited + 3.0,
        ),
    ]
    assert result.attempts[1:] == (
        AttemptRecord(
            id=desk.held[1][0].id,
            provider="a",
            model="m",
            outcome="ok",
            error=None,
            cost_pico=cost,
            cost_source="computed",
            duration_s=waited + 6.0,
        ),
    )
    assert [attempt.duration_s for attempt in result.attempts] == [waited, waited + 6.0]
    assert (desk.slots, desk.lengths) == ([None, result.usage], [(A, 2, False)])
    before = 10.0 + waited
    assert (result.total_s, result.first_token_s) == (before + waited + 6.0, before + waited + 3.0)


def test_each_attempt_holds_as_a_call_of_its_own() -> None:
    """
    With its number and the facts that limits look at; for the worst case, or the least that would do.
    """
    desk = Desk()
    down = Unavailable("down", may_be_billed=False)
    of = candidate(A, 1, model=Model(id="m", price=price(), priced_by="table"))
    result, _ = desk.play([down], GOOD, of=of, retries=1, row="r7", tags={"team": "x"})
    calls = [call for call, _, _ in desk.held]

    assert calls == [
        Call(
            id=calls[number].id,
            run="R",
            provider="a",
            model="m",
            task="general",
            tags={"team": "x"},
            attempt=number + 1,
            row="r7",
            prices="table",
        )
        for number in range(2)
    ]
    assert [call.id[:10] for call in calls] == [ulid(1_795_300_000.0)[:10], ulid(desk.clock.now())[:10]]
    assert [worst for _, worst, _ in desk.held] == [WORST, WORST]
    assert [attempt.id for attempt in result.attempts] == [call.id for call in calls]
    assert [attempt.outcome for attempt in result.attempts] == ["unavailable", "ok"]


@pytest.mark.parametrize(
    ("changes", "patience"),
    [
        pytest.param({}, [60.0, 50.0], id="what is left of the time"),
        pytest.param({"queues": True}, [60.0, 60.0], id="in a batch all of it each time"),
    ],
)
def test_a_hold_is_waited_for_as_long_as_the_command_has_time(changes: dict[str, Any], patience: list[float]) -> None:
    """
    And takes the least that is worth sending.
    """
    desk = Desk()
    desk.play([RateLimited("busy", retry_after=8)], GOOD, retries=1, **changes)

    assert [asked for _, _, asked in desk.held] == [{"least": WORST, "patience": p} for p in patience]


@pytest.mark.parametrize(
    ("error", "cooled", "paused"),
    [
        pytest.param(QuotaExhausted("empty", retry_after=5), (600, "quota_exhausted"), [], id="no credit"),
        pytest.param(QuotaExhausted("empty", retry_after=7200), (7200, "quota_exhausted"), [], id="no credit for long"),
        pytest.param(RateLimited("busy", retry_after=1), (1, "rate_limited"), [("a", 1)], id="a second"),
        pytest.param(RateLimited("busy", retry_after=0.9), None, [("a", 0.9)], id="less than a second"),
        pytest.param(RateLimited("busy"), None, [("a", 0.0)], id="no time given"),
        pytest.param(Unavailable("down", retry_after=9, may_be_billed=False), (9, "unavailable"), [], id="overloaded"),
        pytest.param(Unavailable("no connection", may_be_billed=False), (30, "unavailable"), [], id="nobody there"),
        pytest.param(Unavailable("down", status=503, may_be_billed=False), (0, "unavailable"), [], id="a failure"),
        pytest.param(Unauthorized("no"), None, [], id="a wrong key"),
        pytest.param(OutOfTime("late"), None, [], id="our own clock"),
        pytest.param(Rejected("bad"), None, [], id="a bad request"),
    ],
)
def test_what_others_are_told_of_a_failure(error: LlmoError, cooled: Any, paused: Any) -> None:
    """
    The next process spares itself a target without credit; this one waits as long as the provider says.
    """
    desk = Desk()
    desk.play([error])

    told, now = desk.guarded.get(Circuit("a", "m", "")), desk.clock.now()

    assert (told and (round(told.open_s(now)), told.reason), desk.pauses) == (cooled, paused)
    assert [one if isinstance(one, str) else one.outcome for one in desk.ends] == [error.kind]


@pytest.mark.parametrize(
    "said",
    [
        pytest.param([Text("x")], id="words"),
        pytest.param([Reasoning("x")], id="reasoning"),
        pytest.param([Usage(1, 0)], id="tokens"),
        pytest.param([ReportedCost(5)], id="a cost"),
        pytest.param([PaidUse("web_search", 1)], id="a use"),
    ],
)
def test_a_refusal_after_work_is_not_free(said: list[Event]) -> None:
    """
    An error that costs nothing before any work keeps the hold booked after some.
    """
    worked, at_once = Desk(), Desk()
    worked.play([*said, Rejected("bad")])
    at_once.play([Rejected("bad")])

    assert (at_once.ends, len(worked.ends)) == (["bad_request"], 1)
    (end,) = worked.ends
    assert isinstance(end, Settlement)
    assert end.outcome == "bad_request"
    assert (end.cost or 0) + end.in_doubt == (5 if said == [ReportedCost(5)] else WORST)


@pytest.mark.parametrize("reason", ["refusal", "content_filter"])
@pytest.mark.parametrize(
    ("usage", "cost", "source"),
    [
        pytest.param([], WORST, "estimated", id="uncounted"),
        pytest.param([Usage(10, 2)], COST, "computed", id="counted"),
    ],
)
def test_an_answer_that_was_stopped_is_paid_for(reason: Any, usage: list[Any], cost: int, source: str) -> None:
    """
    It has failed with exit code 1, and is booked like an answer even where no word of it came.
    """
    desk = Desk()
    result, _ = desk.play([*usage, Finish(reason)])

    assert result.error is not None
    assert ("content_refused", 1) == (result.error.kind, result.error.exit)
    who = {
        "refusal": "the model refused to answer",
        "content_filter": "the provider's content filter stopped the answer",
    }
    assert who[reason] == result.error.message
    assert [(end.cost, end.source, end.in_doubt, end.outcome) for end in desk.ends if isinstance(end, Settlement)] == [
        (cost, source, 0, "content_refused")
    ]
    assert (cost, source, []) == (result.cost, result.cost_source, desk.lengths)


@pytest.mark.parametrize("stream", [True, False])
def test_a_cut_answer_leaves_the_rest_of_its_hold_in_doubt(stream: bool) -> None:
    """
    Streamed or not; a turn that the model ended has its last bill, and so has what the provider priced.
    """
    found = []
    for said, error in (
        ([Text("par")], Incomplete("cut")),
        ([Usage(10, 2)], Incomplete("cut")),
        ([Usage(10, 2)], Unfinished("paused")),
        ([Usage(10, 2), ReportedCost(7)], Incomplete("cut")),
        ([Usage(0, 0)], Incomplete("cut")),
        ([Usage(0, WORST // OUT)], Incomplete("cut")),
        ([ServedBy("gpt", "req", None)], Incomplete("cut")),
    ):
        desk = Desk()
        result, _ = desk.play([*said, error], request=replace(HELLO, stream=stream))
        (end,) = desk.ends
        assert isinstance(end, Settlement)
        (attempt,) = result.attempts
        assert (attempt.cost_pico, attempt.in_doubt_pico, attempt.cost_source) == (end.cost, end.in_doubt, end.source)
        found.append((end.cost, end.in_doubt, end.source, end.outcome))

    assert found == [
        (5 * IN + OUT, WORST - 5 * IN - OUT, "estimated", "incomplete"),
        (COST, WORST - COST, "estimated", "incomplete"),
        (COST, 0, "computed", "incomplete"),
        (7, 0, "reported", "incomplete"),
        (0, WORST, "estimated", "incomplete"),
        (WORST, 0, "estimated", "incomplete"),
        (0, WORST, "estimated", "incomplete"),
    ]


def test_a_cut_answer_that_costs_nothing_is_no_estimate() -> None:
    """
    Neither of a local model nor of a flat plan: that it is free is known.
    """
    found = []
    for billing in ("local", "subscription"):
        desk = Desk()
        of = replace(candidate(A, 1, billing=billing), quote=FREE)
        result, _ = desk.play([Text("par"), Incomplete("cut")], of=of)
        found += [(end.cost, end.source, end.in_doubt) for end in desk.ends if isinstance(end, Settlement)]
        found.append((result.cost, result.cost_source, result.in_doubt))

    assert found == [(0, "local", 0)] * 2 + [(0, "subscription", 0)] * 2


def test_a_cut_answer_of_an_unknown_price_has_none() -> None:
    """
    It is not said to have cost nothing.
    """
    desk = Desk()
    of = replace(candidate(A, 1, model=Model(id="m")), quote=None)
    result, _ = desk.play([Text("par"), Usage(10, 2), Incomplete("cut")], of=of)

    assert [(end.cost, end.source, end.in_doubt) for end in desk.ends if isinstance(end, Settlement)] == [
        (None, "unknown", 0)
    ]
    assert (result.cost, result.cost_source) == (None, "unknown")


def test_a_cut_answer_with_a_part_of_unknown_price_stays_a_lower_bound() -> None:
    """
    An estimate would say that all of it is known, more or less.
    """
    desk = Desk()
    result, _ = desk.play([Text("par"), Usage(10, 2), PaidUse("container", 2), Incomplete("cut")])

    assert [(end.cost, end.source, end.in_doubt) for end in desk.ends if isinstance(end, Settlement)] == [
        (COST, "unknown", WORST - COST)
    ]
    assert (result.cost, result.cost_source) == (COST, "unknown")


def test_the_tier_that_was_asked_for_is_the_price_of_what_came() -> None:
    """
    Of a whole answer that does not name its tier, and of one that broke off.
    """
    dear = Price(input=2 * IN, output=2 * OUT)
    of = candidate(A, 1, model=Model(id="m", price=replace(price(), service={"priority": dear})))
    whole, cut = Desk(), Desk()
    whole.play(GOOD, of=of, need={"service_tier": "priority"})
    cut.play([Text("par"), Incomplete("cut")], of=of, need={"service_tier": "priority"})

    assert [end.cost for end in (*whole.ends, *cut.ends) if isinstance(end, Settlement)] == [
        2 * COST,
        2 * (5 * IN + OUT),
    ]


def test_reasoning_that_came_is_paid_for_too() -> None:
    """
    Thoughts are output, and both parts of what came are counted.
    """
    ends = []
    for said in ([Text("w" * 40)], [Reasoning("w" * 40)], [Reasoning("w" * 20), Text("w" * 20)]):
        desk = Desk()
        desk.play([*said, Incomplete("cut")])
        ends += desk.ends

    assert len({end.cost for end in ends if isinstance(end, Settlement)}) == 1


def test_a_length_is_learnt_from_whole_and_cut_answers_only() -> None:
    """
    A cut one would have been longer; a failed one says nothing.
    """
    whole, cut, failed = Desk(), Desk(), Desk()
    whole.play(GOOD)
    cut.play([Text("hi"), Usage(10, 2), Finish("length")])
    failed.play([Usage(10, 2), Text("hi"), Incomplete("cut")])

    assert ([(A, 2, False)], [(A, 2, True)], []) == (whole.lengths, cut.lengths, failed.lengths)


def test_an_answer_that_the_ledger_did_not_take_is_kept() -> None:
    """
    It is paid for: it comes with a warning instead of an error.
    """
    result, _ = Desk(fails=ConfigError("the disk is full")).play(GOOD)

    assert (result.ok, result.text) == (True, "hi")
    assert result.warnings == (
        "the disk is full; this call is not settled; its reservation counts until llmo cost --reconcile",
    )


def test_what_was_held_and_chosen_is_told() -> None:
    """
    A limit that llmo chose is shown only where a limit of dollars made it choose.
    """
    budgeted, free, own = Desk(budgeted=True), Desk(), Desk(budgeted=True)
    results = [
        budgeted.play(GOOD)[0],
        free.play(GOOD)[0],
        own.play(GOOD, need={"max_output": 100})[0],
        budgeted.play(GOOD, of=replace(candidate(A, 1), quote=None))[0],
    ]
    chosen = ChosenLimit(limit=100, full=100, known=False, needed=WORST)

    assert [(one.reserved, one.chosen) for one in results] == [
        (WORST, chosen),
        (WORST, None),
        (WORST, None),
        (0, replace(chosen, needed=None)),
    ]
    assert {one.warnings for one in results} == {()}


@pytest.mark.parametrize(
    ("budgeted", "cost", "usage", "warned"),
    [
        pytest.param(True, WORST, [Usage(20, 100)], False, id="all of the hold"),
        pytest.param(True, WORST + 1, [Usage(20, 100)], True, id="a picodollar more"),
        pytest.param(True, WORST + 1, [], True, id="uncounted"),
        pytest.param(False, WORST + 1, [Usage(20, 100)], False, id="no budget to pass"),
    ],
)
def test_a_cost_above_its_hold_is_told_where_a_budget_counts(
    budgeted: bool, cost: int, usage: list[Any], warned: bool
) -> None:
    """
    It is booked as it is.
    """
    desk = Desk(budgeted=budgeted)
    result, _ = desk.play([Text("hi"), *usage, ReportedCost(cost), Finish("stop")])

    assert [end.cost for end in desk.ends if isinstance(end, Settlement)] == [cost]
    assert [warned] == [bool(result.warnings)]
    if warned:
        assert result.warnings == (
            "a/m cost more than its reservation, so a budget may be exceeded: the provider charges more than its price",
        )
