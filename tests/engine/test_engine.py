"""The engine: holds, retries, fallback, what is booked when things go wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llmo.catalog.catalog import Model
from llmo.engine.engine import collect
from llmo.engine.progress import AttemptEnded, AttemptStarted
from llmo.engine.structured import Structured
from llmo.errors import (
    ContextTooLong,
    CredentialsError,
    Incomplete,
    LlmoError,
    QuotaExhausted,
    RateLimited,
    Rejected,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from llmo.types.events import Event, Finish, RateInfo, ReportedCost, ServedBy, Text, Usage
from tests import virtual
from tests.fakes import A, B, C, Note, Scripted, Stage, candidate, plan

GOOD: list[Any] = [Text("hi"), Usage(10, 2), Finish("stop")]
COST = 10 * 10**6 + 2 * 10 * 10**6
BUSY = RateLimited("busy")


def words(events: list[Any]) -> list[Any]:
    return [event for event in events if not isinstance(event, AttemptStarted | AttemptEnded)]


def test_an_answer_is_held_before_and_settled_after() -> None:
    """
    Usage times price is what is booked, and the result says so.
    """
    stage = Stage({A: Scripted(GOOD)})

    events, execution = stage.play()

    assert execution.result is not None
    assert GOOD == words(events)
    assert ["hold a", f"settle a {COST} computed ok"] == stage.log
    assert (True, "hi", COST, "computed", True) == (
        execution.result.ok,
        execution.result.text,
        execution.result.cost,
        execution.result.cost_source,
        execution.result.complete,
    )


def test_fallback_before_sleeping_and_before_the_first_word() -> None:
    """
    A busy target that said nothing is replaced at once, and its hold released.
    """
    stage = Stage({A: Scripted([BUSY]), B: Scripted(GOOD)})

    events, execution = stage.play()

    assert execution.result is not None
    assert GOOD == words(events)
    assert ["hold a", "release a rate_limited", "hold b", f"settle b {COST} computed ok"] == stage.log
    assert ["rate_limited", "ok"] == [a.outcome for a in execution.result.attempts]
    assert stage.clock.elapsed == 0


@pytest.mark.parametrize("retries", [0, 1, 2, 5])
def test_retries_counts_attempts_after_the_first(retries: int) -> None:
    """
    One candidate is asked exactly 1 + retries times.
    """
    provider = Scripted([Unavailable("down", may_be_billed=False)])
    stage = Stage({A: provider})

    _, execution = stage.play(retries=retries)

    assert execution.result is not None
    assert 1 + retries == len(provider.requests) == len(execution.result.attempts)
    assert execution.result.error is not None
    assert execution.result.error.kind == "unavailable"


def test_a_retry_after_is_waited_for() -> None:
    """
    The provider's own time wins over the back-off, plus up to a quarter.
    """
    stage = Stage({A: Scripted([RateLimited("busy", retry_after=8)], GOOD)})

    _, execution = stage.play()

    assert execution.result is not None
    assert execution.result.ok
    assert stage.clock.elapsed == 10
    assert ["pause a 8"] == stage.limiter.log


def test_a_wait_past_the_total_clock_is_not_begun() -> None:
    """
    A Retry-After of an hour ends the call at once and says so.
    """
    stage = Stage({A: Scripted([RateLimited("busy", retry_after=3600)])})

    _, execution = stage.play()

    assert execution.result is not None
    assert execution.result.error is not None
    assert execution.result.error.hint == "the next try would come in 4500 s, past --timeout 60"
    assert stage.clock.elapsed == 0


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        pytest.param(Rejected("bad"), 0, id="a bad request stays bad"),
        pytest.param(Unauthorized("no"), 1, id="another key may do"),
        pytest.param(QuotaExhausted("empty"), 1, id="another account may do"),
        pytest.param(ContextTooLong("long"), 1, id="another model may take it"),
    ],
)
def test_permanent_failures_are_not_retried(error: LlmoError, asked: int) -> None:
    """
    Whether the next target is asked depends on what the failure says about it.
    """
    first, second = Scripted([error]), Scripted(GOOD)

    Stage({A: first, B: second}).play()

    assert (1, asked) == (len(first.requests), len(second.requests))


def test_a_longer_context_is_needed_after_context_too_long() -> None:
    """
    A fallback whose window is no larger is not asked.
    """
    small, same, large = Scripted([ContextTooLong("long")]), Scripted(GOOD), Scripted(GOOD)
    stage = Stage({A: small, B: same, C: large})
    sizes = {A: 8000, B: 8000, C: 32000}
    ranked = [candidate(t, n, model=Model(id="m", context=size)) for n, (t, size) in enumerate(sizes.items(), 1)]

    stage.play(plan=plan(*ranked))

    assert (1, 0, 1) == (len(small.requests), len(same.requests), len(large.requests))


def test_nothing_follows_words_that_were_shown() -> None:
    """
    A cut stream ends the call: no retry, no fallback; what came is spent, the rest of the hold in doubt.
    """
    cut, other = Scripted([Text("par"), Incomplete("cut")]), Scripted(GOOD)
    stage = Stage({A: cut, B: other})

    events, execution = stage.play()

    assert execution.result is not None
    assert [Text("par")] == words(events)
    assert (1, 0) == (len(cut.requests), len(other.requests))
    assert ["hold a", "settle a 15000000 estimated incomplete, in doubt 985000000"] == stage.log
    assert execution.result.error is not None
    assert (6, "par", False) == (execution.result.error.exit, execution.result.text, execution.result.complete)


@pytest.mark.parametrize(
    ("events", "cost", "in_doubt", "source"),
    [
        pytest.param([], 0, 1_000_000_000, "estimated", id="nothing came"),
        pytest.param([Text("par")], 15_000_000, 985_000_000, "estimated", id="words came"),
        pytest.param([Text("par"), Usage(20, 1)], 30_000_000, 970_000_000, "estimated", id="counts so far are larger"),
        pytest.param([Text("par"), Usage(1, 1)], 15_000_000, 985_000_000, "estimated", id="counts so far are smaller"),
        pytest.param([Text("par" * 9999)], 1_000_000_000, 0, "estimated", id="more came than was held"),
        pytest.param([Text("par"), ReportedCost(7)], 7, 0, "reported", id="the provider says what it cost"),
    ],
)
def test_what_an_answer_that_breaks_off_costs(events: Any, cost: int, in_doubt: int, source: str) -> None:
    """
    What came is spent, the rest of the hold is in doubt, and both together are never more than the hold.
    """
    _, execution = Stage({A: Scripted([*events, Incomplete("cut")])}).play(retries=0)

    assert execution.result is not None
    assert (cost, in_doubt, source) == (
        execution.result.cost,
        execution.result.in_doubt,
        execution.result.cost_source,
    )


def test_a_caller_who_shows_nothing_may_begin_anew() -> None:
    """
    With restart a cut answer is bought again, and only the whole one is returned.
    """
    stage = Stage({A: Scripted([Text("par"), Incomplete("cut")], GOOD)})

    _, execution = stage.play(restart=True)

    assert execution.result is not None
    assert (True, "hi") == (execution.result.ok, execution.result.text)
    assert execution.result.cost == 15_000_000 + COST
    assert (985_000_000, "estimated") == (execution.result.in_doubt, execution.result.cost_source)


def test_a_stream_without_its_end_is_incomplete() -> None:
    """
    No terminal marker, no success, whatever the wire says.
    """
    _, execution = Stage({A: Scripted([Text("hi")])}).play()

    assert execution.result is not None
    assert execution.result.error is not None
    assert execution.result.error.kind == "incomplete"


def test_a_cut_before_the_first_word_is_tried_again() -> None:
    """
    Nothing was shown, so it may begin anew; when it never ends well, the call is incomplete.
    """
    mended = Stage({A: Scripted([ServedBy(model="m"), Incomplete("cut")], GOOD)}).play()[1].result
    never = Stage({A: Scripted([ServedBy(model="m"), Incomplete("cut")])}).play(retries=2)[1].result

    assert mended is not None
    assert never is not None
    assert never.error is not None
    assert (True, 6, 3) == (mended.ok, never.error.exit, len(never.attempts))


def test_a_refusal_is_no_answer() -> None:
    """
    The text is kept and paid, the call has failed.
    """
    stage = Stage({A: Scripted([Text("I can't"), Usage(10, 2), Finish("refusal")])})

    _, execution = stage.play()

    assert execution.result is not None
    assert execution.result.error is not None
    assert (1, "I can't", COST) == (execution.result.error.exit, execution.result.text, execution.result.cost)


def test_the_total_clock_ends_a_silent_provider() -> None:
    """
    A provider that hangs is left at the deadline, closed; nothing came, so all of its hold is in doubt.
    """
    provider = Scripted([10_000.0, *GOOD])
    stage = Stage({A: provider})

    _, execution = stage.play(timeout=30.0)

    assert execution.result is not None
    assert isinstance(execution.result.error, TimedOut)
    assert (30.0, 1) == (stage.clock.elapsed, provider.closed)
    assert stage.log[-1] == "settle a 0 estimated timeout, in doubt 1000000000"


def test_a_refused_hold_sends_nothing() -> None:
    """
    A budget that is used up ends the call at once, with no fallback around it.
    """
    provider, other = Scripted(GOOD), Scripted(GOOD)

    _, execution = Stage({A: provider, B: other}, till=Note([], limit=0)).play()

    assert execution.result is not None
    assert execution.result.error is not None
    assert (3, 0, 0) == (execution.result.error.exit, len(provider.requests), len(other.requests))
    assert execution.result.cost == 0


def test_under_a_budget_an_output_limit_is_sent() -> None:
    """
    The hold is a true bound only when the provider is told of it.
    """
    free, capped = Scripted(GOOD), Scripted(GOOD)

    Stage({A: free}).play()
    Stage({A: capped}, till=Note([], budgeted=True)).play()

    assert [None, 100] == [free.requests[0].params.max_tokens, capped.requests[0].params.max_tokens]


def test_a_middlemans_arithmetic_counts_where_no_price_is_known() -> None:
    """
    It has a table of its own, and money was held by ours.
    """
    told: list[Event] = [Text("hi"), Usage(10, 2), ReportedCost(77, derived=True), Finish("stop")]
    _, priced = Stage({A: Scripted(told)}).play()
    unpriced = plan(candidate(A, 1, model=Model(id="m")))
    _, other = Stage({A: Scripted(told)}).play(plan=unpriced)

    assert [(run.result.cost, run.result.cost_source) for run in (priced, other) if run.result] == [
        (30_000_000, "computed"),
        (77, "computed"),
    ]


def test_the_limiter_is_asked_for_what_is_sent() -> None:
    """
    The limit in the request, or an ordinary answer where none is sent: not all that the model could write.
    """
    free, capped = Stage({A: Scripted(GOOD)}), Stage({A: Scripted(GOOD)}, till=Note([], budgeted=True))
    free.play()
    capped.play()

    assert ([5 + 500], [5 + 100]) == (free.limiter.asked, capped.limiter.asked)


def test_what_the_provider_reports_is_the_cost() -> None:
    """
    Reported wins over computed.
    """
    stage = Stage({A: Scripted([Text("hi"), Usage(10, 2), ReportedCost(77), Finish("stop")])})

    _, execution = stage.play()

    assert execution.result is not None
    assert (77, "reported") == (execution.result.cost, execution.result.cost_source)


def test_a_complete_answer_without_usage_is_estimated() -> None:
    """
    Missing usage is null, and the held amount is booked.
    """
    _, execution = Stage({A: Scripted([Text("hi"), Finish("stop")])}).play()

    assert execution.result is not None
    assert (None, 1_000_000_000, "estimated") == (
        execution.result.usage,
        execution.result.cost,
        execution.result.cost_source,
    )


def test_an_unknown_price_is_unknown_not_free() -> None:
    """
    The cost of an unpriced model is null.
    """
    stage = Stage({A: Scripted(GOOD)})

    _, execution = stage.play(plan=plan(candidate(A, 1, model=Model(id="m"))))

    assert execution.result is not None
    assert (None, "unknown") == (execution.result.cost, execution.result.cost_source)


def test_cancelled_it_books_and_keeps_what_came() -> None:
    """
    Ctrl-C in the middle settles the hold, closes the provider and leaves the partial text.
    """
    provider = Scripted([Text("par"), 100.0, *GOOD])
    stage = Stage({A: provider})

    async def main() -> object:
        execution = stage.engine().start(stage.job())

        async def read() -> None:
            async for _ in execution.events():
                pass

        task = asyncio.create_task(read())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return execution.result

    result = virtual.run(main(), stage.clock)

    assert (result.text, result.error.kind) == ("par", "cancelled")  # type: ignore[attr-defined]
    assert (1, "settle a 15000000 estimated cancelled, in doubt 985000000") == (provider.closed, stage.log[-1])


def test_closed_early_it_books_before_the_close_returns() -> None:
    """
    A reader who has had enough finds the attempt settled and the partial answer there.
    """
    provider = Scripted([Text("par"), 30.0, *GOOD])
    stage = Stage({A: provider})

    async def main() -> tuple[Any, list[str]]:
        answer = Structured(stage.engine(), stage.job(), None)
        events = answer.events()
        async for event in events:
            if isinstance(event, Text):
                break
        await events.aclose()
        return answer.result, list(stage.log)

    result, log = virtual.run(main(), stage.clock)

    assert (result.text, result.error.kind) == ("par", "cancelled")
    assert (1, "settle a 15000000 estimated cancelled, in doubt 985000000") == (provider.closed, log[-1])


def test_what_never_left_costs_nothing() -> None:
    """
    Stopped while it waited in line, or for want of a key, an attempt gives its hold back.
    """

    async def forever(provider: str, tokens: int) -> None:
        await asyncio.sleep(1000)

    def keyless(name: str) -> None:
        raise CredentialsError("the key command failed")

    async def interrupted(stage: Stage) -> None:
        execution = stage.engine().start(stage.job(queues=True))
        task = asyncio.create_task(collect(execution))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def refused(stage: Stage) -> None:
        engine = stage.engine()
        engine.provider = keyless  # type: ignore[assignment]
        await collect(engine.start(stage.job()))

    waiting, without = Stage({A: Scripted(GOOD)}), Stage({A: Scripted(GOOD)})
    waiting.limiter.acquire = forever  # type: ignore[assignment, method-assign]
    virtual.run(interrupted(waiting), waiting.clock)
    virtual.run(refused(without), without.clock)

    assert (["hold a", "release a cancelled"], ["hold a", "release a credentials"]) == (waiting.log, without.log)


def test_limits_are_learnt_and_not_shown() -> None:
    """
    Rate-limit headers go to the limiter.
    """
    stage = Stage({A: Scripted([RateInfo(remaining_requests=3), *GOOD])})

    events, _ = stage.play()

    assert GOOD == words(events)
    assert ["learn a"] == stage.limiter.log


def test_the_verdict_of_many_failures() -> None:
    """
    What a retry may mend decides; else the last failure that is not about a key.
    """
    temporary = Stage({A: Scripted([Unavailable("down", may_be_billed=False)]), B: Scripted([Unauthorized("no")])})
    permanent = Stage({A: Scripted([QuotaExhausted("empty")]), B: Scripted([Unauthorized("no")])})

    codes = [stage.play(retries=0)[1].result for stage in (temporary, permanent)]

    assert [5, 1] == [result.error.exit for result in codes if result and result.error]
