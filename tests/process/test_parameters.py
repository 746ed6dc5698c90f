"""Parameters and schemas at servers that do not take them, and reasoning on a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.raw import RawServer, stream, whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.process.conftest import Peer

SCHEMA = json.dumps({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
NO_FIELD = whole({"error": {"message": "unknown field: response_format"}}, status="400 Bad Request")


def answer(text: str) -> bytes:
    """A streamed answer with usage."""
    chunk = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]}
    usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
    return stream(f"data: {json.dumps(chunk)}\n\ndata: {json.dumps(usage)}\n\ndata: [DONE]\n\n")


def body(text: str) -> bytes:
    """A whole answer with usage."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return whole({"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 3}})


def test_a_schema_works_at_a_plain_server(raw: Callable[..., Peer]) -> None:
    """
    Refused with its field, asked again in words, validated here; only the second is paid.
    """
    with RawServer([NO_FIELD], [answer('{"n": 3}')]) as server:
        run = raw(server.url)("ask", "hello", "--json", "--schema", SCHEMA)

    assert (0, {"n": 3}, "0.000015") == (run.code, run.json["data"], run.json["cost"]["usd"]), run
    assert [("bad_request", "0"), ("ok", "0.000015")] == [(a["outcome"], a["cost_usd"]) for a in run.json["attempts"]]
    assert ["peer/m refused the schema field: sent the schema in the prompt"] == run.json["warnings"]
    assert [True, False] == ["response_format" in request.json for request in server.requests]
    assert SCHEMA in server.requests[1].json["messages"][-1]["content"]


def test_words_are_repaired_too(raw: Callable[..., Peer]) -> None:
    """
    An answer that does not fit is sent back once, without the field that is known to be refused.
    """
    with RawServer([NO_FIELD], [answer("three")], [answer('{"n": 3}')]) as server:
        run = raw(server.url)("ask", "hello", "--json", "--schema", SCHEMA)

    assert (0, {"n": 3}, 3) == (run.code, run.json["data"], len(server.requests)), run
    assert "response_format" not in server.requests[2].json


def test_a_batch_learns_it_once(raw: Callable[..., Peer], tmp_path: Path) -> None:
    """
    One refusal for all rows of one worker.
    """
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"id": str(n), "prompt": f"p{n}"}) + "\n" for n in range(4)))
    with RawServer([NO_FIELD], [body('{"n": 3}')]) as server:
        run = raw(server.url)("batch", rows, "--schema", SCHEMA, "-j", "1")

    assert (0, [{"n": 3}] * 4, 5) == (run.code, [row["data"] for row in run.lines], len(server.requests)), run
    assert "peer/m refused the schema field: sent the schema in the prompt (4 rows)" in run.stderr


def test_lenient_leaves_out_what_the_server_refuses(raw: Callable[..., Peer]) -> None:
    """
    With --lenient a named parameter is left out with a warning; without it the refusal is the end.
    """
    refused = whole(
        {"error": {"message": "Unsupported parameter: 'seed' is not supported with this model.", "param": "seed"}},
        status="400 Bad Request",
    )
    with RawServer([refused], [answer("hi")]) as server:
        run = raw(server.url)("ask", "hello", "--json", "--seed", "1", "--lenient")
    with RawServer([refused]) as again:
        strict = raw(again.url)("ask", "hello", "--json", "--seed", "1")

    assert (0, ["peer/m does not support --seed: dropped"]) == (run.code, run.json["warnings"]), run
    assert (1, "bad_request", 1) == (strict.code, strict.json["error"]["kind"], len(again.requests))


def test_lenient_tells_before_sending(raw: Callable[..., Peer]) -> None:
    """
    What the kind cannot express never reaches the server; the warning is a line on stderr.
    """
    with RawServer([whole({"error": {"message": "no"}}, status="400 Bad Request")]) as server:
        run = raw(server.url, "anthropic")("ask", "hello", "--seed", "1", "--lenient")

    assert "seed" not in server.requests[0].json
    assert "llmo: warning: peer/m does not support --seed: dropped" in run.stderr


def test_reasoning_is_dim_on_a_terminal_and_never_in_the_text(openai: Peer) -> None:
    """
    It has its own event; a pipe gets the answer alone.
    """
    shown = openai("ask", "-n", "think first", tty=True)
    piped = openai("ask", "think first")
    events: list[dict[str, Any]] = openai("ask", "think first", "--ndjson").lines

    assert "\x1b[2mFirst I" in shown.stdout, shown
    assert "The answer is 42." in shown.stdout.split("\x1b[0m")[-1]
    assert "The answer is 42." == piped.stdout.rstrip("\n")
    assert "First I think about it." == "".join(e["text"] for e in events if e["event"] == "reasoning")
    assert "The answer is 42." == events[-1]["text"]


@pytest.mark.parametrize("kind", ["ollama", "anthropic"])
def test_other_dialects_fall_back_to_words(raw: Callable[..., Peer], kind: str) -> None:
    """
    An old server of any dialect that knows no schema is asked in words.
    """
    failed = whole({"error": {"message": "invalid format"}}, status="400 Bad Request")
    with RawServer([failed], [failed]) as server:
        run = raw(server.url, kind)("ask", "hello", "--json", "--schema", SCHEMA)

    assert (1, 2) == (run.code, len(server.requests)), run
    assert [True, False] == [bool({"format", "output_config"} & request.json.keys()) for request in server.requests]
