"""How a run of a batch ends, what it counts and what its rows wait for, in virtual time."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from llmo.batch.executors.executor import Answered, Stopping
from llmo.batch.executors.local import LocalExecutor, Rules
from llmo.batch.input.hash_table import Places
from llmo.batch.output import records
from llmo.batch.output.appended import OutputLost
from llmo.batch.output.sinks import ToStream
from llmo.batch.stats import RunStats
from llmo.errors import BudgetExceeded, Cancelled, CredentialsError, Unavailable, UsageError
from llmo.types.events import Usage
from llmo.types.messages import Target
from tests import virtual
from tests.batch.test_local_executor import RESULT, Provider, run, works

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmo.batch.resume.feed import Work


@dataclass
class Made:
    """An executor with its feed and its sink."""

    executor: LocalExecutor
    stopping: Stopping
    feed: Iterator[Work | None]
    sink: ToStream
    answers: Places | None

    async def run(self):
        """Its ending."""
        return await self.executor.run(self.feed, self.sink)


def executor(feed, provider=None, *, workers=1, dedupe=False, check=lambda: None, **rules):
    """An executor over a feed, the lines that it writes, its stats."""
    lines, stats = [], RunStats(total=3)
    answers = Places() if dedupe else None
    sink = ToStream(lambda line: lines.append(json.loads(line)), keeps=dedupe)
    stopping = Stopping(check)
    made = LocalExecutor(
        provider or Provider(), rules=Rules(workers=workers, answers=answers, **rules), stats=stats, stopping=stopping
    )
    return Made(made, stopping, iter(feed), sink, answers), lines, stats


def finished(made):
    """Its ending."""
    try:
        return virtual.run(made.run())
    finally:
        made.sink.close()


def test_a_feed_that_can_not_be_read_on_stops_the_run_with_its_error():
    """
    What was read before is finished and written.
    """
    error = UsageError("cannot read rows.jsonl: Input/output error")

    def feed():
        yield from works(["a", "b"])
        raise error

    made, lines, stats = executor(feed(), workers=2)
    ending = finished(made)

    assert (ending.reason, ending.error, ending.lost) == ("fatal", error, 0)
    assert ([line["id"] for line in lines], stats.in_flight) == (["r0", "r1"], 0)


def test_the_first_reason_to_stop_stays():
    """
    With its error.
    """
    made, _, _ = executor([])
    first = BudgetExceeded("used up")
    made.stopping.stop("budget", first)
    made.stopping.stop("signal")
    made.executor.cancel()

    assert (bool(made.stopping), made.stopping.reason, made.stopping.error) == (True, "budget", first)


def test_a_run_that_is_told_to_end_at_once_says_so():
    """
    Its exit code rests on the reason.
    """
    provider = Provider(seconds={"a": 9.0})
    _, ending, stats = run(["a", "b"], provider, workers=1, later=(1.0, "cancel"))

    assert (provider.sent, ending.reason, ending.error, stats.done) == (["a"], "signal", None, 0)


def test_a_paid_answer_is_written_also_when_the_run_ends_at_once():
    """
    The run waits for the workers that hold one, until they have given back what they reserved.
    """

    async def send(work):
        if work.name == "r0":
            await asyncio.sleep(9)
        for seconds in (9, 0.1):
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(seconds)
        return Answered(RESULT)

    async def ended():
        asyncio.get_running_loop().call_later(1, made.executor.cancel)
        return (await made.run()).reason, [line["id"] for line in lines], stats.done

    made, lines, stats = executor(works(["a", "b"]), send, workers=2)

    assert virtual.run(ended()) == ("signal", ["r1"], 1)


def test_a_stopped_run_reads_no_further():
    """
    What it would read is counted as passed over, or written to --errors.
    """
    read: list[str] = []

    def feed():
        for work in works(["a", "b", "c"]):
            read.append(work.name)
            yield work

    async def send(work):
        made.stopping.stop("signal")
        return Answered(RESULT)

    made, lines, _ = executor(feed(), send)
    finished(made)

    assert (read, [line["id"] for line in lines]) == (["r0"], ["r0"])


def test_a_row_that_waits_for_its_turn_is_not_sent_after_a_stop():
    """
    With --ordered its turn comes when what was before it is finished.
    """
    provider = Provider(seconds={"0": 9.0})
    lines, _, _ = run([str(n) for n in range(9)], provider, workers=2, window=2, later=(5.0, "stop", "signal"))

    assert (provider.sent, [line["index"] for line in lines]) == (["0", "1"], [0, 1])


def test_rows_after_a_pause_of_the_feed_are_sent():
    """
    It pauses among many rows that are skipped; others may run meanwhile, and no time is lost.
    """

    async def timed():
        await made.run()
        return asyncio.get_running_loop().time()

    found = list(works(["a", "b"]))
    made, lines, _ = executor([None, None, found[0], None, found[1], None])
    took = virtual.run(timed())
    made.sink.close()

    assert ([line["id"] for line in lines], took) == (["r0", "r1"], 2.0)


def test_what_the_answer_says_as_data_is_in_the_line():
    """
    Beside its text.
    """

    async def send(work):
        return Answered(RESULT, {"n": 1})

    lines, _, _ = run(["a"], send)

    assert [(line["data"], line["text"]) for line in lines] == [({"n": 1}, "hi")]


def test_failed_rows_that_can_not_be_kept_stop_the_run():
    """
    The file of --errors was lost: the run says why, and nothing more is bought.
    """
    gone = OutputLost("the output was deleted")

    def failed(fields):
        raise gone

    provider = Provider(errors={"a": Unavailable("no")})
    lines, ending, _ = run(["a", "b"], provider, workers=1, failed=failed)

    assert ([line["id"] for line in lines], provider.sent) == (["r0"], ["a"])
    assert (ending.reason, ending.error, ending.lost) == ("output", gone, 0)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OutputLost("no space left on device"), "no space left on device"),
        (OSError(5, "Input/output error"), "cannot write the output: input/output error"),
    ],
)
def test_each_paid_answer_that_is_lost_is_counted(error, said):
    """
    Also those in flight when the first one was; why is what the first one said.
    """

    def write(line):
        raise error

    _, ending, stats = run(["a", "b", "c"], Provider(), workers=2, write=write)

    assert (ending.reason, ending.lost, stats.done) == ("output", 2, 0)
    assert ending.error is not None
    assert ending.error.message == said


@pytest.mark.parametrize(
    ("error", "fatal", "reason"),
    [
        (BudgetExceeded("x"), True, "budget"),
        (CredentialsError("x"), True, "fatal"),
        (Cancelled(), False, "fatal"),
        (OutputLost("x"), False, "fatal"),
    ],
)
def test_what_every_row_shares_ends_the_run_without_a_line(error, fatal, reason):
    """
    Its equal row has none either and comes in the next run; what was paid is counted.
    """

    async def send(work):
        return Answered(replace(RESULT, error=error, finish=None), fatal=fatal)

    found = list(works(["a", "a"]))
    made, lines, stats = executor(found, send, workers=2, dedupe=True)
    ending = finished(made)

    assert (lines, ending.reason, ending.error, stats.done, stats.spent) == ([], reason, error, 0, 10**9)


def test_in_flight_is_what_is_under_way():
    """
    Not what waits for an equal row, and nothing after the end, not even after a failure of the program.
    """
    seen: list[int] = []

    async def send(work):
        seen.append(stats.in_flight)
        if len(seen) == 3:
            raise ZeroDivisionError
        return Answered(RESULT)

    made, _, stats = executor(works(["a", "b", "c"]), send)
    with pytest.raises(ZeroDivisionError):
        finished(made)

    assert (seen, stats.in_flight, stats.done) == ([1, 1, 1], 0, 2)


@pytest.mark.parametrize(("limit", "lines"), [(0, 1), (1, 2), (None, 4)])
def test_a_run_stops_after_one_failure_more_than_allowed(limit, lines):
    """
    None at all is a limit too.
    """
    errors = {str(n): Unavailable("no") for n in range(4)}
    written, ending, stats = run(errors, Provider(errors=errors), workers=1, max_failures=lambda: limit)

    assert (len(written), stats.failed, ending.reason) == (lines, lines, "done" if limit is None else "failures")


def test_nothing_is_sent_when_the_output_is_gone():
    """
    Found out before a row is taken, before a request leaves, and at the end.
    """
    gone = OutputLost("the output was deleted")

    def check():
        raise gone

    provider = Provider()
    made, _, stats = executor(works(["a"]), provider, check=check)
    with pytest.raises(OutputLost):
        made.stopping.guard()
    ending = finished(made)

    assert (provider.sent, ending.reason, ending.error, stats.done) == ([], "output", gone, 0)


def test_the_guard_lets_pass_what_can_be_kept():
    """
    Also in a run that stops for another reason; after a broken pipe nothing.
    """
    made, _, _ = executor([])
    made.stopping.guard()
    made.stopping.stop("budget", BudgetExceeded("x"))
    made.stopping.guard()
    other, _, _ = executor([])
    other.stopping.stop("pipe")
    with pytest.raises(Cancelled):
        other.stopping.guard()


def test_the_guard_stops_what_is_sent_after_a_line_was_lost():
    """
    Standard output says nothing by itself: that a write failed is enough.
    """
    lost = OutputLost("cannot write the output: input/output error")
    made, _, _ = executor([])
    made.stopping.stop("output", lost)
    with pytest.raises(OutputLost) as caught:
        made.stopping.guard()

    assert caught.value is lost


def test_the_guard_looks_at_the_output_of_a_run_that_stops_too():
    """
    A repair or a fallback of what is in flight is not bought for a file that has gone meanwhile.
    """

    def check():
        raise OutputLost("the output was deleted")

    made, _, _ = executor([], check=check)
    made.stopping.stop("signal")
    with pytest.raises(Cancelled):
        made.stopping.guard()


def test_an_answer_of_an_earlier_run_is_copied():
    """
    From its place in the output; a row that can't be sent is no equal of any.
    """
    found = list(works(["a", "b"]))
    fault = replace(found[0], name="bad", fault=UsageError("torn"))
    made, lines, stats = executor([found[0], fault], dedupe=True, keep=lambda fields: fields)
    old = {**records.line(("old", 9, found[0].key), RESULT), "text": "earlier"}
    place = made.sink.append(json.dumps(old).encode() + b"\n", 0)
    made.answers.set(int(found[0].key[:16], 16), place)
    lines.clear()
    finished(made)

    assert [(line["id"], line["index"], line["text"], line["cost_usd"], line["cost_source"]) for line in lines] == [
        ("r0", 0, "earlier", "0", "cached"),
        ("bad", 0, "hi", "0.001", "computed"),
    ]
    assert (lines[0]["usage"], lines[0]["attempts"], lines[0]["duration_s"]) == (None, 0, 0.0)
    assert (lines[0]["input"], stats.copied, stats.done, stats.spent) == ({"prompt": "a"}, 1, 2, 10**9)


def test_a_lost_line_is_counted_and_its_row_is_not_done():
    """
    Whatever the system says of it.
    """

    def write(line):
        raise OSError(5, "Input/output error")

    _, ending, stats = run(["a", "b"], Provider(), workers=1, write=write)

    assert (ending.reason, ending.lost, stats.done, stats.spent) == ("output", 1, 0, 10**9)
    assert ending.error is not None
    assert ending.error.message == "cannot write the output: input/output error"


def test_what_a_run_took_is_counted():
    """
    Each attempt that left: its cost, what is in doubt, what has no price, retries and refusals for the rate.
    """
    (good,) = RESULT.attempts
    attempts = (
        replace(good, outcome="rate_limited", cost_pico=0),
        replace(good, outcome="timeout", cost_pico=None, cost_source="unknown", in_doubt_pico=7, model="n"),
        replace(good, outcome="budget_exceeded", cost_pico=0),
        good,
    )
    stats = RunStats(total=6, skipped=1, kept_failed=1)
    stats.pay(replace(RESULT, attempts=attempts, usage=Usage(3, 4), target=Target("p", "m"), warnings=("w",)))
    stats.count("ok", None)
    stats.count("error", "timeout", ("r1", 4, "no answer"))
    stats.count("error", "timeout", ("r2", 5, "none either"))

    assert {**stats.report(), "latency_p50_s": 1, "latency_p95_s": 1} == {
        "rows": 6,
        "skipped": 1,
        "failed_before": 1,
        "done": 3,
        "failed": 3,
        "left": 1,
        "estimated": False,
        "by_status": {"ok": 1, "error": 2},
        "failures": {"timeout": 2},
        "failure_examples": {"timeout": {"id": "r1", "index": 4, "message": "no answer"}},
        "copied": 0,
        "cached": 0,
        "saved_usd": "0",
        "asked_again": 0,
        "cut_by_budget": 0,
        "retries": 2,
        "repairs": 0,
        "repaired_locally": 0,
        "rate_limited": 1,
        "cost_usd": "0.001",
        "in_doubt_usd": "0.000000000007",
        "unpriced_calls": 1,
        "models": {
            "p/m": {"calls": 2, "cost_usd": "0.001", "input_tokens": 3, "output_tokens": 4},
            "p/n": {"calls": 1, "cost_usd": "0", "input_tokens": 0, "output_tokens": 0},
        },
        "latency_p50_s": 1,
        "latency_p95_s": 1,
        "limit_used": None,
        "private_rows": 0,
    }
    assert (stats.report()["latency_p50_s"], dict(stats.warnings)) == (1.0, {"w": 1})


def test_a_row_in_doubt_has_its_line_and_a_failed_one_its_error():
    """
    All fields of the promise, in their order.
    """
    doubtful = records.doubtful(("r", 3, "k"), {"a": 1})
    failed = records.line(
        ("r", 3, "k"), replace(RESULT, error=Unavailable("no", hint="wait"), text="", finish=None, cost=None)
    )

    assert list(doubtful) == list(failed)
    assert (doubtful["id"], doubtful["index"], doubtful["key"], doubtful["status"]) == ("r", 3, "k", "unknown")
    assert (doubtful["cost_usd"], doubtful["cost_source"], doubtful["attempts"]) == (None, "unknown", 1)
    assert (doubtful["input"], doubtful["tool_calls"], doubtful["text"]) == ({"a": 1}, [], None)
    assert doubtful["error"] == {
        "kind": "incomplete",
        "message": "sent before the run was killed; its answer is lost and --at-most-once does not send it again",
    }
    assert failed["error"] == {"kind": "unavailable", "message": "no", "hint": "wait"}
    assert (failed["text"], failed["cost_usd"], failed["status"], failed["input"]) == (None, None, "error", None)


def test_what_all_rows_took_is_added_up():
    """
    Over rows and over the attempts of each; a cost that is a lower bound is counted as unpriced.
    """
    (good,) = RESULT.attempts
    bound = replace(good, cost_source="unknown")
    busy = replace(good, outcome="rate_limited", cost_pico=0)
    doubtful = replace(good, outcome="timeout", in_doubt_pico=7)
    row = replace(RESULT, target=Target("p", "m"))
    stats = RunStats()
    stats.pay(replace(row, attempts=(busy, busy, doubtful, bound), usage=Usage(3, 4), warnings=("w", "v")))
    stats.pay(replace(row, attempts=(busy, doubtful, good), usage=Usage(10, 20), warnings=("w",)))
    stats.pay(replace(row, attempts=(), usage=None, error=BudgetExceeded("no")))

    assert (stats.retries, stats.throttled, stats.warnings) == (5, 3, {"w": 2, "v": 1})
    assert (stats.spent, stats.in_doubt, stats.unpriced) == (4 * 10**9, 14, 1)
    assert stats.models == {"p/m": {"calls": 7, "cost": 4 * 10**9, "input_tokens": 13, "output_tokens": 24}}


def test_what_was_stopped_before_it_left_is_no_retry_unless_it_cost():
    """
    Nor a call of its model.
    """
    (good,) = RESULT.attempts
    stopped = [replace(good, outcome=outcome, cost_pico=0) for outcome in ("budget_exceeded", "internal")]
    paid = replace(good, outcome="internal")
    stats = RunStats()
    stats.pay(replace(RESULT, attempts=(*stopped, good, paid)))

    assert (stats.retries, stats.spent, stats.models["p/m"]["calls"]) == (1, 2 * 10**9, 2)


def test_only_so_many_different_warnings_are_kept():
    """
    Those that are there are counted on.
    """
    stats = RunStats()
    for number in (*range(25), 0, 19, 20):
        stats.pay(replace(RESULT, warnings=(f"w{number}",)))

    assert stats.warnings == {f"w{number}": 1 + (number in {0, 19}) for number in range(20)}
