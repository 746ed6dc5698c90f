"""Workers, equal rows, stops and order, in virtual time."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import pytest

from llmo.batch.executors.executor import Answered, Stopping
from llmo.batch.executors.local import LocalExecutor, Rules
from llmo.batch.input.hash_table import Places
from llmo.batch.output import records
from llmo.batch.output.appended import OutputLost
from llmo.batch.output.journal import encoded
from llmo.batch.output.latencies import Latencies
from llmo.batch.output.sinks import ToStream
from llmo.batch.resume.feed import Work
from llmo.batch.stats import RunStats
from llmo.engine.results import Result
from llmo.errors import BudgetExceeded, LlmoError, Rejected, Unavailable
from llmo.types.attempts import AttemptRecord
from llmo.types.events import ServedBy, Usage
from llmo.types.messages import Message, Request, Target
from tests import virtual

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RESULT = Result(
    id="x",
    error=None,
    text="hi",
    reasoning="",
    target=Target("p", "m"),
    served=ServedBy(),
    finish="stop",
    usage=Usage(1, 2),
    cost=10**9,
    cost_source="computed",
    reserved=0,
    total_s=1.0,
    first_token_s=None,
    attempts=(
        AttemptRecord(
            id="a",
            provider="p",
            model="m",
            outcome="ok",
            error=None,
            cost_pico=10**9,
            cost_source="computed",
            duration_s=1.0,
        ),
    ),
)


def works(prompts):
    for seq, prompt in enumerate(prompts):
        key = blake2b(prompt.encode(), digest_size=16).hexdigest()
        request = Request((Message("user", prompt),), stream=False)
        yield Work(name=f"r{seq}", index=seq, seq=seq, key=key, request=request, model=None, fields={"prompt": prompt})


@dataclass
class Provider:
    """Answers after a time; counts."""

    seconds: dict[str, float] = field(default_factory=dict)
    errors: Mapping[str, LlmoError] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    now: int = 0
    peak: int = 0

    async def __call__(self, work):
        prompt = work.request.messages[0].text
        self.sent.append(prompt)
        self.now += 1
        self.peak = max(self.peak, self.now)
        try:
            await asyncio.sleep(self.seconds.get(prompt, 1.0))
        finally:
            self.now -= 1
        error = self.errors.get(prompt)
        if error is None:
            return Answered(RESULT)
        return Answered(replace(RESULT, error=error, text="", finish=None), fatal=isinstance(error, BudgetExceeded))


def run(prompts, provider, *, workers=2, window=None, later=None, write=None, dedupe=True, **rules):  # noqa: PLR0913 - what a test may vary
    """Lines by id in the order they came, the ending, the stats."""

    async def main():
        found = list(works(prompts))
        lines, stats = [], RunStats(total=len(found))
        sink = ToStream(write or (lambda line: lines.append(json.loads(line))), keeps=dedupe, window=window)
        stopping = Stopping()
        executor = LocalExecutor(
            provider,
            rules=Rules(workers=workers, answers=Places() if dedupe else None, **rules),
            stats=stats,
            stopping=stopping,
        )
        if later:
            end: Callable[..., None] = executor.cancel if later[1] == "cancel" else stopping.stop
            asyncio.get_running_loop().call_later(later[0], end, *later[2:])
        try:
            ending = await executor.run(iter(found), sink)
        finally:
            sink.close()
        return lines, ending, stats

    return virtual.run(main())


def test_no_more_rows_are_in_flight_than_there_are_workers():
    """
    All of them are used.
    """
    provider = Provider()
    lines, ending, stats = run([str(n) for n in range(10)], provider, workers=3)

    assert (10, 3, "done", 0) == (len(lines), provider.peak, ending.reason, stats.left)


@pytest.mark.parametrize(
    ("width", "peak", "last"),
    [
        pytest.param(lambda now: 8 if now >= 2.0 else 2, 8, 8, id="more"),
        pytest.param(lambda now: 2 if now >= 2.0 else 8, 8, 2, id="fewer"),
        pytest.param(lambda now: 0, 2, 1, id="none: one goes on"),
        pytest.param(lambda now: 10**4 if now >= 2.0 else 2, 90, 90, id="more than there are rows"),
    ],
)
def test_as_many_workers_take_rows_as_are_worth_it_at_the_time(width, peak, last):
    """
    They are hired and sent home while the run goes on; every row is answered.
    """
    provider, flying = Provider(), []

    def now():
        flying.append(provider.now)
        return max(1, width(asyncio.get_running_loop().time()))

    lines, ending, _ = run([str(n) for n in range(100)], provider, workers=width(0.0) or 2, width=now)

    assert (100, "done") == (len(lines), ending.reason)
    assert abs(provider.peak - peak) <= 10 * (peak == 90)
    assert last == 90 or flying[-20] <= last


def test_the_failure_of_one_worker_ends_the_run_and_the_others():
    """
    A defect is not swallowed, and nothing stays in flight.
    """

    class Broken(Provider):
        async def __call__(self, work):
            if work.index == 5:
                raise ZeroDivisionError
            return await super().__call__(work)

    provider = Broken()
    with pytest.raises(ZeroDivisionError):
        run([str(n) for n in range(10)], provider, workers=3, width=lambda: 3)

    assert provider.now == 0


def test_equal_requests_are_sent_once_also_while_in_flight():
    """
    Each row has its line, the cost is booked once.
    """
    provider = Provider()
    lines, _, stats = run(["a", "a", "b", "a", "b", "c"], provider, workers=3)
    costs = [(line["id"], line["cost_usd"], line["cost_source"]) for line in sorted(lines, key=lambda x: x["id"])]

    assert sorted(provider.sent) == ["a", "b", "c"]
    assert costs == [
        ("r0", "0.001", "computed"),
        ("r1", "0", "cached"),
        ("r2", "0.001", "computed"),
        ("r3", "0", "cached"),
        ("r4", "0", "cached"),
        ("r5", "0.001", "computed"),
    ]
    assert (3 * 10**9, 3, 6) == (stats.spent, stats.copied, stats.done)


def test_many_equal_rows_do_not_pile_up():
    """
    Beyond a bound the workers wait for the answer.
    """
    provider = Provider()
    lines, _, _ = run(["a"] * 500, provider, workers=2)

    assert (["a"], 500) == (provider.sent, len(lines))


def test_without_deduplication_each_is_sent():
    """
    For sampling the same prompt many times.
    """
    provider = Provider()
    run(["a", "a"], provider, dedupe=False)

    assert provider.sent == ["a", "a"]


def test_a_bad_row_does_not_stop_the_rest():
    """
    It has its line, and is heard of as failed.
    """
    failed: list[object] = []
    lines, ending, stats = run(
        ["a", "b", "c"], Provider(errors={"b": Rejected("no")}), failed=failed.append, keep=lambda fields: fields
    )

    assert (3, "done", 1) == (len(lines), ending.reason, stats.failed)
    assert failed == [{"prompt": "b"}]
    assert ("error", {"kind": "bad_request", "message": "no"}, {"prompt": "b"}) == next(
        (line["status"], line["error"], line["input"]) for line in lines if line["id"] == "r1"
    )


def test_what_every_row_would_hit_stops_the_run_without_a_line():
    """
    What is in flight is finished; the row itself is left for the next run.
    """
    provider = Provider(seconds={"b": 3.0}, errors={"a": BudgetExceeded("used up")})
    lines, ending, stats = run(["a", "b", "c", "d"], provider)

    assert (["r1"], "budget", 3) == ([line["id"] for line in lines], ending.reason, stats.left)
    assert provider.sent == ["a", "b"]


def test_too_many_failures_stop_the_run():
    """
    One more than allowed.
    """
    errors = {str(n): Unavailable("no") for n in range(100)}
    lines, ending, _ = run([str(n) for n in range(100)], Provider(errors=errors), workers=1, max_failures=lambda: 4)

    assert (5, "failures") == (len(lines), ending.reason)


@pytest.mark.parametrize(
    ("how", "lines"),
    [pytest.param(("stop", "signal"), 4, id="stop"), pytest.param(("cancel",), 2, id="cancel")],
)
def test_a_stopped_run_finishes_what_is_in_flight_and_a_cancelled_one_does_not(how, lines):
    """
    Neither takes another row.
    """
    provider = Provider(seconds=dict.fromkeys(map(str, range(10)), 2.0))
    written, _, stats = run([str(n) for n in range(10)], provider, later=(2.5, *how))

    assert (lines, 4) == (len(written), len(provider.sent))
    assert stats.left == 10 - lines


def test_ordered_output_waits_for_its_turn_within_a_window():
    """
    However long the first row takes.
    """
    provider = Provider(seconds={"0": 50.0})
    lines, _, _ = run([str(n) for n in range(40)], provider, workers=3, window=8)

    assert [line["index"] for line in lines] == list(range(40))


def test_an_output_that_can_not_be_written_stops_the_run():
    """
    What was paid for and lost is counted.
    """

    def write(line):
        raise OutputLost("no space left on device")

    _, ending, stats = run([str(n) for n in range(10)], Provider(), write=write)

    assert ("output", 2, 0) == (ending.reason, ending.lost, stats.done)


def test_a_reader_that_goes_away_ends_the_run_quietly():
    """
    As every filter does.
    """

    def write(line):
        raise BrokenPipeError

    _, ending, _ = run([str(n) for n in range(10)], Provider(), write=write)

    assert ("pipe", None) == (ending.reason, ending.error)


LINE = (
    '{"id": "r-17", "index": 17, "key": "9f2c", "status": "ok", "text": "…", "data": null, "tool_calls": [], "provider": "p", "model": "m", '
    '"finish_reason": "stop", "usage": {"input_tokens": 1, "cached_input_tokens": 0, "cache_write_tokens": 0, '
    '"output_tokens": 2, "reasoning_tokens": 0}, "cost_usd": "0.001", "cost_source": "computed", "attempts": 1, '
    '"duration_s": 1.0, "error": null, "input": {"a": 1}}'
)


def test_the_line_of_a_row_is_what_was_promised():
    """
    Names and order.
    """
    line = records.line(("r-17", 17, "9f2c"), replace(RESULT, text="…"), kept={"a": 1})

    assert json.dumps(line, ensure_ascii=False) == LINE


def test_the_line_of_a_row_is_json_whatever_was_kept():
    """
    NaN of a table and half a character of a file become what every reader of JSON takes.
    """
    kept: dict[str, Any] = {
        "nan": float("nan"),
        "lists": [(float("inf"), 1.5)],
        "half": "\ud800",
        "breaks": "a\u2028b\x85c",
    }
    written = encoded({"id": "r", "input": kept})

    assert (
        b'{"id": "r", "input": {"nan": null, "lists": [[null, 1.5]], "half": "\\ud800", "breaks": "a\\u2028b\\u0085c"}}\n'
        == written
    )


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param({}, "ok", id="ok"),
        pytest.param({"finish": "length"}, "truncated", id="length"),
        pytest.param({"finish": "refusal"}, "refused", id="refusal"),
        pytest.param({"finish": None, "error": Unavailable("x")}, "error", id="error"),
    ],
)
def test_the_status_of_a_row(change, status):
    """
    One word.
    """
    assert status == records.status(replace(RESULT, **change))


def test_percentiles_are_near_whatever_was_counted():
    """
    Within a step of 5 %, without keeping the values.
    """
    latencies = Latencies()
    for n in range(1, 1001):
        latencies.add(n / 100)

    assert latencies.percentile(0.5) == pytest.approx(5.0, rel=0.06)
    assert latencies.percentile(0.95) == pytest.approx(9.5, rel=0.06)
