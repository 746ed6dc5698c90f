"""The line of a row, field by field, and what a run came to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.batch.output import records
from llmo.batch.output.journal import encoded
from llmo.batch.output.latencies import Latencies
from llmo.batch.stats import RunStats
from llmo.errors import InvalidOutput, Refused, TimedOut, Unavailable
from llmo.types.events import Usage
from llmo.types.jsontext import LONE
from llmo.types.messages import Target
from tests.batch.test_local_executor import RESULT

if TYPE_CHECKING:
    from llmo.engine.results import Result

WHO = ("r", 3, "k")
OTHER = ("s", 4, "k2")
LINE = {
    "id": "r",
    "index": 3,
    "key": "k",
    "status": "ok",
    "text": "hi",
    "data": {"n": 1},
    "tool_calls": [],
    "provider": "p",
    "model": "m",
    "finish_reason": "stop",
    "usage": {
        "input_tokens": 1,
        "cached_input_tokens": 0,
        "cache_write_tokens": 0,
        "output_tokens": 2,
        "reasoning_tokens": 0,
    },
    "cost_usd": "0.001",
    "cost_source": "computed",
    "attempts": 1,
    "duration_s": 1.235,
    "error": None,
    "input": {"a": 1},
}


def line(**changes: Any) -> dict[str, Any]:
    return records.line(WHO, replace(RESULT, total_s=1.23456, **changes), data={"n": 1}, kept={"a": 1})


def test_a_copied_answer_costs_nothing_and_is_the_rows_own() -> None:
    """The answer is that of the other row; who asks, what it took and what is kept of the input are its own."""
    copied = records.copied(OTHER, line(), {"b": 2})

    assert line() == LINE
    assert copied == LINE | {
        "id": "s",
        "index": 4,
        "key": "k2",
        "usage": None,
        "cost_usd": "0",
        "cost_source": "cached",
        "attempts": 0,
        "duration_s": 0.0,
        "input": {"b": 2},
    }
    assert list(copied) == list(LINE)
    assert records.copied(OTHER, line(), None)["input"] is None


def test_a_row_in_doubt_took_nothing_that_is_known() -> None:
    """Neither an answer nor a cost; one call was made."""
    assert {**records.doubtful(WHO, None), "error": None} == {
        **dict.fromkeys(LINE),
        "id": "r",
        "index": 3,
        "key": "k",
        "status": "unknown",
        "tool_calls": [],
        "cost_source": "unknown",
        "attempts": 1,
        "duration_s": 0.0,
    }


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        pytest.param({"finish": "content_filter"}, "refused", None, id="filtered"),
        pytest.param({"finish": "refusal"}, "refused", None, id="refused"),
        pytest.param({"error": Refused("no"), "finish": None}, "refused", "content_refused", id="refused at once"),
        pytest.param({"error": InvalidOutput("no")}, "invalid", "invalid_output", id="another shape"),
        pytest.param({"error": TimedOut("no"), "finish": None}, "error", "timeout", id="timeout"),
        pytest.param({"error": InvalidOutput("no"), "finish": "length"}, "truncated", None, id="cut"),
    ],
)
def test_the_status_of_a_row_and_its_error(changes: dict[str, Any], status: str, error: str | None) -> None:
    """One that was cut or refused has its answer, and is no failure."""
    found = line(**changes)

    assert (found["status"], found["error"] and found["error"]["kind"]) == (status, error)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({"text": ""}, "", id="an empty answer"),
        pytest.param({"text": "half", "error": Unavailable("no"), "finish": None}, "half", id="what came of it"),
        pytest.param({"text": "", "error": Unavailable("no"), "finish": None}, None, id="nothing came"),
    ],
)
def test_the_text_of_a_row_is_what_came(changes: dict[str, Any], text: str | None) -> None:
    """What is paid for is kept, also of a failure."""
    assert line(**changes)["text"] == text


def test_a_row_that_was_not_sent_has_no_model() -> None:
    """Nor a provider."""
    found = line(target=None, error=Unavailable("no"), text="", finish=None)

    assert (found["provider"], found["model"], found["status"]) == (None, None, "error")


def test_stats_count_each_row() -> None:
    """By its status and by why it failed."""
    stats = RunStats(total=5, used=0.12345)
    for status, failure in (("ok", None), ("ok", None), ("error", "timeout"), ("error", "timeout")):
        stats.count(status, failure)  # type: ignore[arg-type]  # these are statuses
    report = stats.report()

    assert (report["by_status"], report["failures"]) == ({"ok": 2, "error": 2}, {"timeout": 2})
    assert (report["done"], report["failed"], report["left"], report["limit_used"]) == (4, 2, 1, 0.123)


def timed(seconds: float) -> Result:
    return replace(RESULT, total_s=seconds)


def test_latencies_are_reported() -> None:
    """Half of the rows were faster than the first, 95 of 100 than the second."""
    stats, slow = RunStats(), Latencies()
    for n in range(1, 101):
        stats.pay(timed(1.0 if n <= 50 else 10.0 if n <= 95 else 100.0))
    slow.add(1.0)
    slow.add(100.0)
    report = stats.report()

    assert report["latency_p50_s"] == 1.0
    assert report["latency_p95_s"] == pytest.approx(10.0, rel=0.05)
    assert (slow.percentile(0.5), Latencies().percentile(0.5)) == (1.0, None)
    assert slow.percentile(1.0) == pytest.approx(100.0, rel=0.05)


TEXTS = st.one_of(
    st.text(st.characters()), st.sampled_from(["\ud800", '"\\\x00\x7f', "a\u2028b\u2029c\x85d", "\U0001f600 é"])
)


@settings(max_examples=200)
@given(TEXTS, TEXTS, st.floats(0, 1e9), st.integers(0, 2**62), st.sampled_from([None, Target("é/p", "m\u2028")]))
def test_a_line_that_is_put_together_is_the_one_that_would_be_written(name, text, took, tokens, target) -> None:
    """Byte for byte."""
    usage = Usage(tokens, tokens // 3)
    result = replace(RESULT, text=text, total_s=took, usage=usage, target=target, tool_calls=(), cost=tokens)
    made = records.line((name, 5, "0f" * 16), result)

    assert (records.spelled(made) or encoded(made)) == encoded(made)
    assert LONE.search(name + text) or records.spelled(made) is not None


@pytest.mark.parametrize(
    "more",
    [{"data": {"n": 1}}, {"kept": {"a": 1}}, {"repaired": "local"}, {"usage": None}, {"error": Unavailable("no")}],
)
def test_a_line_with_more_than_a_text_is_not_put_together(more: dict[str, Any]) -> None:
    """It is written whole."""
    beside = {name: more.pop(name) for name in ("data", "kept") if name in more}
    made = records.line(WHO, replace(RESULT, **more), **beside)

    assert records.spelled(made) is None
