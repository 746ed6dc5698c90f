"""Lines of OpenAI's batch files: each is the request as it stands, and a bad one fails alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.process.conftest import explained
from tests.process.test_bound import completion, line
from tests.servers.raw import RawServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Llmo
    from tests.process.conftest import Peer

TOOL = {"role": "tool", "tool_call_id": "c", "content": "42"}


@pytest.fixture
def server() -> Iterator[RawServer]:
    """A provider that answers, and keeps what it got."""
    with RawServer([completion()]) as running:
        yield running


def written(path: Path) -> dict[str, tuple[str, str | None]]:
    """Status and kind of error of each row."""
    rows = [json.loads(text) for text in path.read_text("utf-8").splitlines()]
    return {row["id"]: (row["status"], row["error"] and row["error"]["kind"]) for row in rows}


@pytest.mark.parametrize("kind", ["openai", "openrouter", "litellm-proxy"])
def test_a_line_arrives_as_it_stands(raw: Callable[..., Peer], server: RawServer, kind: str) -> None:
    """
    Model and output limit are replaced, and nothing else changes: not the order of parts, not a name, not an unknown field.
    """
    image = {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": image}, {"type": "text", "text": "b"}]
    mark = {"type": "text", "text": "c", "cache_control": {"type": "ephemeral"}}
    body: dict[str, Any] = {
        "messages": [{"role": "developer", "content": [mark], "name": "n"}, {"role": "user", "content": parts}, TOOL],
        "response_format": {"type": "json_schema", "json_schema": {"name": "mine", "schema": {"type": "object"}}},
        "stop": "x",
        "temperature": 0,
        "nobody_knows": {"a": [1, None]},
    }
    given = {**body, "model": "gpt-x", "max_tokens": 5, "stream": True}
    run = raw(server.url, kind)("batch", "-", "-m", "peer/m", "--max-tokens", "7", stdin=line(1, **given))
    (got,) = [one.json for one in server.requests]
    limit = got.pop("max_tokens", None) or got.pop("max_completion_tokens")
    got.pop("provider", None)

    assert (0, 7, {**body, "model": "m"}) == (run.code, limit, got), run


def test_what_a_dialect_cannot_say_fails_its_row_alone(raw: Callable[..., Peer], server: RawServer) -> None:
    """
    A message of a tool in the fourth line for Anthropic is an error row, which says what and who takes it.
    """
    peer = raw(server.url, "anthropic")
    out = peer.llmo.home / "out.jsonl"
    turn = {"role": "user", "content": "hi"}
    rows = [line(n, **({"messages": [turn, TOOL]} if n == 3 else {"max_tokens": 5})) for n in range(5)]
    run = peer("batch", "-", "-m", "peer/m", "-o", out, "--retries", "0", stdin="\n".join(rows))
    told = next(json.loads(text)["error"] for text in out.read_text("utf-8").splitlines() if '"r3"' in text)

    assert (7, 4) == (run.code, len(server.requests)), run
    assert ("error", "bad_request") == written(out)["r3"]
    assert ("messages[1].role tool" in told["message"], "openai, openrouter" in told["hint"]) == (True, True)


def test_a_tool_message_refuses_no_run(raw: Callable[..., Peer], server: RawServer) -> None:
    """
    It goes where its dialect is spoken.
    """
    peer = raw(server.url)
    turn = {"role": "user", "content": "hi"}
    rows = [line(n, **({"messages": [turn, TOOL]} if n == 3 else {"max_tokens": 5})) for n in range(5)]
    run = peer("batch", "-", stdin="\n".join(rows))

    assert (0, 5) == (run.code, len(server.requests)), run
    assert [turn, TOOL] in [one.json["messages"] for one in server.requests]


def test_a_bad_line_behind_the_head_fails_alone(llmo: Llmo) -> None:
    """
    What is wrong within the first 1,000 lines is refused with its place; later it is an error row, and runs again.
    """
    out, source = llmo.home / "out.jsonl", llmo.home / "in.jsonl"
    bad = line(9999, messages="none")
    rows = [line(n) for n in range(1002)]
    source.write_text("\n".join([*rows, bad]), "utf-8")
    late = llmo("-P", "offline", "batch", source, "-m", "offline/echo", "-o", out)
    again = llmo("-P", "offline", "batch", source, "-m", "offline/echo", "-o", out, "--retry-errors")
    source.write_text("\n".join([bad, *rows]), "utf-8")
    early = llmo("-P", "offline", "batch", source, "-m", "offline/echo", "-o", llmo.home / "other.jsonl")

    assert (7, 1003, ("error", "usage")) == (late.code, len(written(out)), written(out)["r9999"]), late
    assert (7, 1003) == (again.code, len(written(out))), again
    assert (2, False) == (early.code, (llmo.home / "other.jsonl").exists()), early
    assert "not a request: " in explained(early)[0]
    assert "in.jsonl:1: no messages" in explained(early)[0]
