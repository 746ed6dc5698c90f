"""A cap holds for everything that is sent: each byte that can become a token, each option that buys something."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.process.conftest import explained
from tests.servers.raw import RawServer, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.process.conftest import Peer

TOOLS = [{"type": "function", "function": {"name": "f", "description": "x" * 100_000}}]
USAGE = {"prompt_tokens": 25_000, "completion_tokens": 10, "total_tokens": 25_010}


def completion(text: str = "yes") -> bytes:
    """An answer that bills what such tools cost."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return whole({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": USAGE})


@pytest.fixture
def seller() -> Iterator[RawServer]:
    """A provider that answers whatever it is asked, and counts."""
    with RawServer([completion()]) as running:
        yield running


def line(number: int, **body: Any) -> str:
    """A line of an OpenAI batch."""
    asked = {"model": "m", "messages": [{"role": "user", "content": f"hi {number}"}], **body}
    return json.dumps({"custom_id": f"r{number}", "method": "POST", "url": "/v1/chat/completions", "body": asked})


def test_tools_of_a_row_cannot_pass_the_cap(raw: Callable[..., Peer], seller: RawServer) -> None:
    """
    100 KB of tools may be 100,000 tokens, $0.10 here: none of 12 rows is sent for a cent.
    """
    peer = raw(seller.url)
    out = peer.llmo.home / "out.jsonl"
    rows = "\n".join(line(n, tools=TOOLS, max_tokens=10) for n in range(12))
    run = peer("batch", "-", "-o", out, "--max-cost", "0.01", stdin=rows)

    assert (3, 0) == (run.code, len(seller.requests)), run
    assert "needed up to $0.10" in run.stderr, run


@pytest.mark.parametrize("kind", ["openai", "anthropic", "openrouter", "litellm-proxy"])
@pytest.mark.parametrize("name", ["tools", "functions", "response_format", "prediction"])
def test_an_option_cannot_pass_the_cap(raw: Callable[..., Peer], seller: RawServer, kind: str, name: str) -> None:
    """
    Whatever its name, on every kind that sends it.
    """
    peer = raw(seller.url, kind)
    option = f"{name}={json.dumps(TOOLS)}"
    run = peer("ask", "hi", "--max-tokens", "10", "--max-cost", "0.01", "-o", option)

    assert (3, 0) == (run.code, len(seller.requests)), run
    assert "$0.10" in explained(run)[0], run
