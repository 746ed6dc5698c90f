"""The engine: holds, retries, fallback, what is booked when things go wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from llmo.catalog.catalog import Model
from llmo.engine.progress import AttemptEnded, AttemptStarted
from llmo.engine.structured import Structured
from llmo.errors import (
    BudgetExceeded,
    ContextTooLong,
    CredentialsError,
    Incomplete,
    LlmoError,
    OutOfTime,
    QuotaExhausted,
    RateLimited,
    Rejected,
    TimedOut,
    Unauthorized,
    Unavailable,
    Unbounded,
)
from llmo.types.events import Event, Finish, RateInfo, Reasoning, ReportedCost, ServedBy, Text, Usage
from tests import virtual
from tests.fakes import A, B, C, Held, Note, Scripted, Stage, candidate, plan

if TYPE_CHECKING:
    from llmo.engine.results import Result
    from llmo.ledger.records import Call

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
    assert ["pause a 8"] == stage.rate_limits.log


def test_a_wait_past_the_total_clock_is_not_begun() -> None:
    """
    A Retry-After of an hour ends the call at once and says so.
    """
    stage = Stage({A: Scripted([RateLimited("busy", retry_after=3600)])})

    _, execution = stage.play()

    assert execution.result is not None
    assert execution.result.error is not None
    assert execution.result.error.hint == "the next retry is in 4500 s, after --timeout 60"
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


@pytest.mark.parametrize("sizes", [(8000, None), (None, 8000), (None, None)])
def test_a_window_that_nobody_knows_may_be_larger(sizes: tuple[int | None, int | None]) -> None:
    """
    After context too long the next one is asked, whichever size is unknown.
    """
    first, second = Scripted([ContextTooLong("long")]), Scripted(GOOD)
    ranked = [
        candidate(t, n, model=Model(id="m", context=size))
        for n, (t, size) in enumerate(zip((A, B), sizes, strict=True), 1)
    ]
    Stage({A: first, B: second}).play(plan=plan(*ranked))

    assert (1, 1) == (len(first.requests), len(second.requests))


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

    _, execution = Stage({A: provider, B: other}, account=Note([], limit=0)).play()

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
    Stage({A: capped}, account=Note([], budgeted=True)).play()

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
    free, capped = Stage({A: Scripted(GOOD)}), Stage({A: Scripted(GOOD)}, account=Note([], budgeted=True))
    free.play()
    capped.play()

    assert ([(5, None)], [(5, 100)]) == (free.rate_limits.asked, capped.rate_limits.asked)


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
        task = asyncio.create_task(execution.run())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return execution.result

    result = virtual.run(main(), stage.clock)

    assert (result.text, result.error.kind) == ("par", "cancelled")  # type: ignore[attr-defined]
    assert (1, "settle a 15000000 estimated cancelled, in doubt 985000000") == (provider.closed, stage.log[-1])


class Writer:
    """Takes events; what it can't write it raises, and a pause takes its time."""

    def __init__(self, stage: Stage, fails: Exception | None = None, *, at: type[Any] = Text, pause: float = 0.0):
        self.stage, self.fails, self.at, self.pause = stage, fails, at, pause
        self.seen: list[Any] = []

    def __call__(self, event: Any) -> None:
        self.seen.append(event)
        if isinstance(event, self.at):
            self.stage.clock.elapsed += self.pause
            if self.fails is not None:
                raise self.fails


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(BrokenPipeError("closed"), id="a closed pipe"),
        pytest.param(OSError(28, "No space left on device"), id="a full disk"),
        pytest.param(Unavailable("no failure of the provider"), id="an error of llmo's own"),
    ],
)
@pytest.mark.parametrize(
    ("at", "booked", "text"),
    [
        pytest.param(AttemptStarted, "release a cancelled", "", id="at the start"),
        pytest.param(Text, "settle a 15000000 estimated cancelled, in doubt 985000000", "par", id="in the middle"),
        pytest.param(AttemptEnded, f"settle a {COST} computed ok", "parhi", id="at the end"),
    ],
)
def test_a_writer_that_fails_ends_the_attempt_which_is_booked_first(
    failure: Exception, at: type[Any], booked: str, text: str
) -> None:
    """
    What it raised comes out as it is, nobody is asked again, and the partial answer is there.
    """
    provider, other = Scripted([Text("par"), *GOOD]), Scripted(GOOD)
    stage = Stage({A: provider, B: other})
    writer = Writer(stage, failure, at=at)
    answer = Structured(stage.engine(), stage.job(), None)

    async def main() -> list[str]:
        with pytest.raises(type(failure)) as caught:
            await answer.run(writer)
        assert caught.value is failure
        return list(stage.log)

    log = virtual.run(main(), stage.clock)

    assert answer.result is not None
    assert (answer.result.text, answer.result.error and answer.result.error.kind) == (text, "cancelled")
    assert (["hold a", booked], 0) == (log, len(other.requests))
    assert provider.closed == len(provider.requests)


def test_attempts_are_told_of_around_their_events() -> None:
    """
    A start, what came, an end that is booked: for each attempt, in this order, and a failure's figures before its end.
    """
    stage = Stage({A: Scripted([ServedBy(model="x"), Usage(10, 2), Unavailable("down")]), B: Scripted(GOOD)})
    booked: list[tuple[str, int]] = []

    async def main() -> None:
        await stage.engine().run(stage.job(), lambda event: booked.append((type(event).__name__, len(stage.log))))

    virtual.run(main(), stage.clock)

    assert [
        *(("AttemptStarted", 1), ("ServedBy", 1), ("Usage", 1), ("AttemptEnded", 2)),
        *(("AttemptStarted", 3), ("Text", 3), ("Usage", 3), ("Finish", 3), ("AttemptEnded", 4)),
    ] == booked


@pytest.mark.parametrize("queues", [pytest.param(False, id="alone"), pytest.param(True, id="in a batch")])
def test_a_slow_reader_is_no_silence_of_the_provider(*, queues: bool) -> None:
    """
    An answer that waits in a pager for an hour is still taken to its end; the provider has its own time, no more.
    """
    stage = Stage({A: Scripted([Text("a"), 20.0, Text("b"), 20.0, Usage(10, 2), Finish("stop")])})
    late = Stage({A: Scripted([Text("a"), 20.0, Text("b"), 50.0, Usage(10, 2), Finish("stop")])})

    async def read(stage: Stage) -> Result:
        return await stage.engine().run(stage.job(timeout=60.0, queues=queues), Writer(stage, pause=3600.0))

    assert virtual.run(read(stage), stage.clock).ok
    assert (type(virtual.run(read(late), late.clock).error), late.clock.elapsed) == (OutOfTime, 2 * 3600.0 + 60.0)


def test_a_slow_reader_leaves_the_next_attempt_its_time() -> None:
    """
    What one attempt's reader took is not missing from another's.
    """
    stage = Stage({A: Scripted([Reasoning("hm"), Incomplete("cut")]), B: Scripted([50.0, *GOOD])})

    async def main() -> Result:
        writer = Writer(stage, at=Reasoning, pause=3600.0)
        return await stage.engine().run(stage.job(timeout=60.0, restart=True), writer)

    assert virtual.run(main(), stage.clock).ok


def test_what_never_left_costs_nothing() -> None:
    """
    Stopped while it waited in line, or for want of a key, an attempt gives its hold back.
    """

    async def forever(provider: str, *size: int | None) -> None:
        await asyncio.sleep(1000)

    def keyless(name: str) -> None:
        raise CredentialsError("the key command failed")

    async def interrupted(stage: Stage) -> None:
        execution = stage.engine().start(stage.job(queues=True))
        task = asyncio.create_task(execution.run())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def refused(stage: Stage) -> None:
        await replace(stage.engine(), providers=keyless).run(stage.job())  # type: ignore[arg-type]

    waiting, without = Stage({A: Scripted(GOOD)}), Stage({A: Scripted(GOOD)})
    waiting.rate_limits.acquire = forever  # type: ignore[assignment, method-assign]
    virtual.run(interrupted(waiting), waiting.clock)
    virtual.run(refused(without), without.clock)

    assert (["hold a", "release a cancelled"], ["hold a", "release a credentials"]) == (waiting.log, without.log)


def test_limits_are_learnt_and_not_shown() -> None:
    """
    Rate-limit headers go to the rate_limits.
    """
    stage = Stage({A: Scripted([RateInfo(remaining_requests=3), *GOOD])})

    events, _ = stage.play()

    assert GOOD == words(events)
    assert ["learn a"] == stage.rate_limits.log


def test_the_verdict_of_many_failures() -> None:
    """
    What a retry may mend decides; else the last failure that is not about a key.
    """
    temporary = Stage({A: Scripted([Unavailable("down", may_be_billed=False)]), B: Scripted([Unauthorized("no")])})
    permanent = Stage({A: Scripted([QuotaExhausted("empty")]), B: Scripted([Unauthorized("no")])})

    codes = [stage.play(retries=0)[1].result for stage in (temporary, permanent)]

    assert [5, 1] == [result.error.exit for result in codes if result and result.error]


def test_what_happens_is_told_with_the_attempt_that_it_belongs_to() -> None:
    """
    Who is asked, as which attempt, after what wait, and what came of it.
    """
    stage = Stage({A: Scripted([RateLimited("busy", retry_after=7.0)], GOOD)})
    events, execution = stage.play(retries=1)
    assert execution.result is not None
    first, second = execution.result.attempts
    began, again = (event for event in events if isinstance(event, AttemptStarted))

    assert [event for event in events if isinstance(event, AttemptEnded)] == [AttemptEnded(first), AttemptEnded(second)]
    assert (first.outcome, second.outcome) == ("rate_limited", "ok")
    assert began == AttemptStarted(A, 1, 0.0)
    assert (again.target, again.number, again.waited_s >= 7.0) == (A, 2, True)


@pytest.mark.parametrize(
    ("more", "sent"), [pytest.param(0.0, 1, id="no time is left"), pytest.param(0.5, 2, id="some time is left")]
)
def test_a_wait_must_leave_time_to_ask(more: float, sent: int) -> None:
    """
    One that ends with the job's time is not begun.
    """

    def play(timeout: float) -> tuple[Scripted, list[Any], Result]:
        provider = Scripted([RateLimited("busy", retry_after=7.0)], GOOD)
        events, execution = Stage({A: provider}).play(retries=1, timeout=timeout)
        assert execution.result is not None
        return provider, events, execution.result

    _, events, _ = play(60.0)
    wait = max(event.waited_s for event in events if isinstance(event, AttemptStarted))
    provider, _, result = play(wait + more)

    assert (len(provider.requests), result.ok, result.total_s < wait + more) == (sent, sent == 2, True)


class Refusing(Note):
    """An account whose budget refuses one provider."""

    async def hold(self, call: Any, worst: int | None, **more: Any) -> Any:
        if call.provider == "a":
            self.log.append("refused a")
            raise BudgetExceeded("budget of a is used up")
        return await super().hold(call, worst, **more)


@pytest.mark.parametrize("billing", ["metered", "local"])
def test_only_who_costs_nothing_steps_in_for_whom_a_budget_refuses(billing: Any) -> None:
    """
    Nobody that is paid, though its own budget would let it; who was refused is not asked again.
    """
    paid, own = Scripted(GOOD), Scripted(GOOD)
    stage = Stage({A: Scripted(GOOD), B: paid, C: own}, Refusing([]))
    ranked = plan(candidate(A, 1, billing=billing), candidate(B, 2), candidate(C, 3, billing="local"))
    need = replace(ranked.requirements, when_budget_ends="local")
    _, execution = stage.play(plan=replace(ranked, requirements=need), retries=2)

    assert execution.result is not None
    assert (execution.result.ok, execution.result.target) == (True, C)
    assert (len(paid.requests), stage.log[:2]) == (0, ["refused a", "hold c"])


def test_an_account_of_its_own_takes_the_holds_and_shares_what_is_learned() -> None:
    """
    A cap on one call is checked for that call, and a server is asked once whatever the cap.
    """
    stage, capped = Stage({A: Scripted(GOOD)}), Note([])
    engine = stage.engine()
    other = engine.with_account(capped)  # type: ignore[arg-type]  # a fake
    virtual.run(other.run(stage.job()), stage.clock)

    assert (["hold a", f"settle a {COST} computed ok"], []) == (capped.log, stage.log)
    assert other.refused is engine.refused


def test_a_call_without_any_time_is_sent_to_nobody_and_costs_nothing() -> None:
    """
    Nor may it be billed.
    """
    provider = Scripted(GOOD)
    _, execution = Stage({A: provider}).play(timeout=0.0)

    assert execution.result is not None
    assert isinstance(execution.result.error, TimedOut)
    assert ([], False, 0) == (provider.requests, execution.result.error.may_be_billed, execution.result.cost)


def test_the_time_of_a_call_begins_with_it() -> None:
    """
    However long the program has run before.
    """
    stage = Stage({A: Scripted([2.0, *GOOD])})

    async def main() -> list[tuple[float, float | None]]:
        engine = stage.engine()
        found = [await engine.run(stage.job()) for _ in range(2)]
        return [(one.total_s, one.first_token_s) for one in found]

    assert [(2, 2)] * 2 == virtual.run(main(), stage.clock)


@pytest.mark.parametrize("billing", ["metered", "local", "subscription"])
def test_a_hold_says_how_its_call_is_billed(billing: Any) -> None:
    """
    Limits of dollars count what is metered, and nothing else.
    """
    calls: list[Call] = []

    class Noting(Note):
        async def hold(self, call: Call, worst: int | None, **how: Any) -> Held:
            calls.append(call)
            return await super().hold(call, worst, **how)

    stage = Stage({A: Scripted(GOOD)}, account=Noting([]))
    stage.play(plan=plan(candidate(A, 1, billing=billing)))

    assert [("R", "a", "m", billing)] == [(call.run, call.provider, call.model, call.billing) for call in calls]


@pytest.mark.parametrize(("allowed", "sent"), [(False, 0), (True, 1)])
def test_what_has_no_price_is_not_sent_under_a_limit_of_dollars(allowed: bool, sent: int) -> None:
    """
    Unless it is allowed, whoever planned it; nothing is held for it.
    """

    class Limited(Note):
        allow_unpriced = allowed

    provider = Scripted(GOOD)
    stage = Stage({A: provider}, account=Limited([], budgeted=True))
    _, execution = stage.play(plan=plan(replace(candidate(A, 1), unpriced=("web_search_options",))))

    assert execution.result is not None
    assert (sent, sent, bool(sent)) == (len(provider.requests), stage.account.holds, execution.result.ok)
    assert allowed or isinstance(execution.result.error, Unbounded)
