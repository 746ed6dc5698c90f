"""What servers really answer, through the whole program: exit codes, what is printed, what is booked."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from llmo import Client, ToolCall
from tests.process.conftest import explained
from tests.servers.raw import RawServer, whole

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        pytest.param("400 Bad Request", 1, "bad_request", id="400"),
        pytest.param("401 Unauthorized", 4, "credentials", id="401"),
        pytest.param("402 Payment Required", 1, "quota_exhausted", id="402"),
        pytest.param("403 Forbidden", 4, "credentials", id="403"),
        pytest.param("404 Not Found", 1, "model_not_found", id="404"),
        pytest.param("422 Unprocessable Entity", 1, "bad_request", id="422"),
    ],
)
def test_a_4xx_is_final_whatever_its_body_calls_it(raw: Any, status: str, code: int, kind: str) -> None:
    """
    `api_error` in a 4xx is not retried, and exits by what the status says.
    """
    with RawServer([whole({"error": {"message": "no", "type": "api_error"}}, status=status)]) as server:
        run = raw(server.url)("ask", "hello", "--json")

    assert (run.code, run.json["ok"], run.json["error"]["kind"]) == (code, False, kind)
    assert (len(server.requests), run.json["cost"]["usd"]) == (1, "0")
    assert explained(run)[0].startswith(f"llmo: peer returned HTTP {status[:3]}: no")


def answer(usage: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A whole chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    return {"model": "m-1", "choices": [choice], "usage": usage, **fields}


GOOD = {"prompt_tokens": 10, "completion_tokens": 5}


@pytest.mark.parametrize("count", [9e17, 1e30, -5, 2.5, "12", True])
def test_absurd_usage_costs_no_answer(raw: Any, count: Any) -> None:
    """
    The answer is printed, the cost is an estimate, a warning says why.
    """
    with RawServer([whole(answer({**GOOD, "completion_tokens": count}))]) as server:
        run = raw(server.url)("ask", "hello", "--json", "--max-tokens", "10", "--max-cost", "1")

    assert (run.code, run.json["ok"], run.json["text"], run.json["usage"]) == (0, True, "hi", None)
    assert run.json["cost"]["source"] == "estimated"
    assert run.json["cost"]["usd"] == run.json["cost"]["reserved_usd"] != "0"
    assert ["completion_tokens = " in warning for warning in run.json["warnings"]] == [True]


def test_absurd_usage_of_one_row_harms_no_other(raw: Any, tmp_path: Path) -> None:
    """
    Each row is answered and booked, whatever its neighbours counted.
    """
    rows = tmp_path / "in.jsonl"
    rows.write_text("".join(json.dumps({"id": f"r{n}", "prompt": f"p{n}"}) + "\n" for n in range(6)), "utf-8")
    counts = [10, 1e30, 5, 9e17, 7, -1]
    answers = [[whole(answer({**GOOD, "completion_tokens": count}))] for count in counts]
    with RawServer(*answers) as server:
        peer = raw(server.url)
        run = peer("batch", rows, "-o", tmp_path / "out.jsonl", "--max-tokens", "10", "--max-cost", "1")
        spent = peer("cost", "--json")
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]

    assert (run.code, len(server.requests)) == (0, 6)
    assert [row["status"] for row in written] == ["ok"] * 6
    assert sorted(row["cost_source"] for row in written) == ["computed"] * 3 + ["estimated"] * 3
    total = sum((Decimal(row["cost_usd"]) for row in written), Decimal(0))
    assert Decimal(spent.json["total"]["cost_usd"]) == total


def test_a_whole_answer_without_a_reason_is_bought_once(raw: Any, tmp_path: Path) -> None:
    """
    It is kept, in `ask` and in a batch.
    """
    rows = tmp_path / "in.jsonl"
    rows.write_text('{"prompt": "hello"}\n', "utf-8")
    body = answer(GOOD)
    del body["choices"][0]["finish_reason"]
    with RawServer([whole(body)]) as server:
        peer = raw(server.url)
        run = peer("ask", "hello", "--json")
        batch = peer("batch", rows)

    assert (run.code, run.json["text"], run.json["complete"], run.json["cost"]["usd"]) == (0, "hi", True, "0.00002")
    assert run.json["warnings"] == ["peer sent the answer without a finish_reason; treating it as complete"]
    assert (batch.code, batch.json["status"], batch.json["text"], len(server.requests)) == (0, "ok", "hi", 2)


def test_a_paused_turn_exits_6_and_is_bought_once(raw: Any, tmp_path: Path) -> None:
    """
    `pause_turn` is no end: the text is kept, the cost booked, and nobody is asked again; a batch's row is `truncated`.
    """
    rows = tmp_path / "in.jsonl"
    rows.write_text('{"prompt": "hello"}\n', "utf-8")
    body = {
        "type": "message",
        "model": "m-1",
        "content": [{"type": "text", "text": "so far"}],
        "stop_reason": "pause_turn",
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }
    with RawServer([whole(body)]) as server:
        peer = raw(server.url, "anthropic")
        run = peer("ask", "hello")
        told = peer("ask", "hello", "--json")
        out = tmp_path / "out.jsonl"
        batches = [peer("batch", rows, "-o", out, *more) for more in ((), (), ("--retry-errors=truncated",))]

    assert (run.code, run.stdout) == (6, "so far")
    assert explained(run)[0] == "llmo: the model of peer paused its turn (pause_turn), and llmo does not resume it"
    assert (told.code, told.json["ok"], told.json["complete"], told.json["error"]["kind"]) == (
        6,
        False,
        False,
        "incomplete",
    )
    assert (told.json["text"], told.json["cost"]["usd"]) == ("so far", "0.00002")
    (row,) = [json.loads(text) for text in out.read_text("utf-8").splitlines()]
    assert (row["status"], row["text"], row["cost_usd"]) == ("truncated", "so far", "0.00002")
    assert row["error"]["kind"] == "incomplete"
    assert [7, 7, 7] == [batch.code for batch in batches], batches
    # Resuming buys it no second time, naming it does.
    assert len(server.requests) == 4


CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}
CALLED = {"id": "c1", "name": "weather", "arguments": {"city": "Paris"}}
TOOLS = 'tools=[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]'


def calling(content: str | None = None) -> bytes:
    """An answer that calls a tool."""
    body = answer(GOOD)
    body["choices"][0] |= {"finish_reason": "tool_calls"}
    body["choices"][0]["message"] = {"role": "assistant", "content": content, "tool_calls": [CALL]}
    return whole(body)


def test_ask_says_when_it_can_do_nothing_with_a_call(raw: Any) -> None:
    """
    A person sees what was wanted and by whom; words beside the call are printed.
    """
    with RawServer([calling()], [calling("One moment.")]) as server:
        peer = raw(server.url)
        bare, wordy = peer("ask", "hello", "-o", TOOLS), peer("ask", "hello", "-o", TOOLS)

    for run, words in ((bare, ""), (wordy, "One moment.")):
        assert (run.code, run.stdout) == (6, words)
        assert explained(run) == [
            "llmo: the model called a tool (weather), but ask does not run tools",
            "hint: use --json to see the calls, or remove tools from the options",
        ]
    assert len(server.requests) == 2


def test_calls_go_to_programs(raw: Any, tmp_path: Path) -> None:
    """
    In the object, as an event, in a row; there the answer is good.
    """
    rows = tmp_path / "in.jsonl"
    rows.write_text('{"prompt": "hello"}\n', "utf-8")
    with RawServer([calling()]) as server:
        peer = raw(server.url)
        told = peer("ask", "hello", "-o", TOOLS, "--json")
        events = peer("ask", "hello", "-o", TOOLS, "--ndjson")
        batch = peer("batch", rows, "-o", tmp_path / "out.csv", "--max-tokens", "10")
        table = (tmp_path / "out.csv").read_text("utf-8")

    assert (told.code, told.json["ok"], told.json["complete"], told.json["text"]) == (0, True, True, "")
    assert (told.json["tool_calls"], told.json["finish_reason"]) == ([CALLED], "tool_calls")
    assert (events.code, [one for one in events.lines if one["event"] == "tool_call"]) == (
        0,
        [{"event": "tool_call", **CALLED}],
    )
    assert (batch.code, '""name"": ""weather""' in table) == (0, True)


def test_a_call_that_is_kept_in_the_cache_is_still_one(raw: Any) -> None:
    """
    An exact repeat gives the same calls, for nothing.
    """
    with RawServer([calling()]) as server:
        peer = raw(server.url)
        first, again = (peer("ask", "hello", "-o", TOOLS, "--json", "--cache", "1h") for _ in range(2))

    assert [run.json["tool_calls"] for run in (first, again)] == [[CALLED]] * 2
    assert (again.json["cached"], len(server.requests)) == (True, 1)


def test_a_client_has_the_calls(raw: Any) -> None:
    """
    A program gets them as objects, whole or at the end of a stream.
    """
    with RawServer([calling("One moment.")]) as server:
        peer = raw(server.url)
        tools = {"tools": [{"type": "function", "function": {"name": "weather"}}]}
        with Client(peer.path, env=peer.llmo.env(peer.env())) as client:
            whole_one = client.ask("hello", extra=tools)
            stream = client.stream("hello", extra=tools)
            pieces = list(stream)

    expected = (ToolCall("c1", "weather", {"city": "Paris"}),)
    assert (whole_one.text, whole_one.tool_calls, whole_one.finish_reason) == ("One moment.", expected, "tool_calls")
    assert (pieces, stream.result.tool_calls, stream.result.complete) == (["One moment."], expected, True)


SEARCHED = {
    "type": "message",
    "model": "m-1",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 10, "output_tokens": 5, "server_tool_use": {"web_search_requests": 60}},
}


def test_searches_are_booked_at_their_price(raw: Any) -> None:
    """
    $10 per 1,000, beside the tokens: 60 of them are no rounding error.
    """
    with RawServer([whole(SEARCHED)]) as server:
        peer = raw(server.url, "anthropic")
        run = peer("ask", "hello", "--json")
        spent = peer("cost", "--json")

    assert (run.code, run.json["cost"]["usd"], run.json["cost"]["source"]) == (0, "0.60002", "computed")
    assert (spent.json["total"]["cost_usd"], spent.json["total"]["complete"]) == ("0.60002", True)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param({"usage": {**GOOD, "server_tool_use": {"web_search_requests": 60}}}, "web_search (60)", id="uses"),
        pytest.param({"usage": GOOD, "service_tier": "priority"}, "service tier priority", id="tier"),
    ],
)
def test_what_has_no_price_makes_the_sum_a_lower_bound(
    raw: Any, tmp_path: Path, more: dict[str, Any], said: str
) -> None:
    """
    The tokens are booked, a warning says what is missing, and totals read `≥`: in JSON, for people, in a batch.
    """
    rows = tmp_path / "in.jsonl"
    rows.write_text('{"prompt": "hello"}\n', "utf-8")
    with RawServer([whole({**answer(GOOD), **more})]) as server:
        peer = raw(server.url)
        run = peer("ask", "hello", "--json")
        batch = peer("batch", rows, "--report", tmp_path / "report.json")
        told, spent = peer("cost"), peer("cost", "--json")
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))

    assert (run.json["cost"]["usd"], run.json["cost"]["source"]) == ("0.00002", "unknown")
    assert [said in warning and warning.endswith("the cost is a lower bound") for warning in run.json["warnings"]] == [
        True
    ]
    assert (batch.json["cost_usd"], batch.json["cost_source"]) == ("0.00002", "unknown")
    assert (report["cost_usd"], report["unpriced_calls"]) == ("0.00002", 1)
    assert "≥ $0.00004 (2 calls unpriced)" in told.stdout
    assert (spent.json["total"]["cost_usd"], spent.json["total"]["complete"]) == ("0.00004", False)
