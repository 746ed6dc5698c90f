"""A cap holds for everything that is sent: each byte that can become a token, each option that buys something."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import llmo
from llmo.errors import BudgetExceeded, Rejected, Unbounded
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
    assert "budget --max-cost does not cover peer/m" in explained(run)[0], run


@pytest.mark.parametrize(
    ("kind", "option"),
    [
        pytest.param("ollama", 'options={"num_predict":5000}', id="a limit in an object"),
        pytest.param("ollama", "options=null", id="no object for the limit"),
        pytest.param("openrouter", "provider=null", id="no object for the price"),
        pytest.param("openrouter", 'provider={"max_price":{}}', id="another price"),
        pytest.param("openai", "max_completion_tokens=5000", id="a limit"),
        pytest.param("anthropic", 'thinking={"type":"enabled","budget_tokens":5000}', id="thinking above the limit"),
        pytest.param("litellm-proxy", 'extra_body={"max_tokens":5000}', id="a body in the body"),
    ],
)
def test_no_option_undoes_what_llmo_sets(raw: Callable[..., Peer], seller: RawServer, kind: str, option: str) -> None:
    """
    It is refused by name, with what to do instead, before anything is sent.
    """
    run = raw(seller.url, kind)("ask", "hi", "--max-tokens", "10", "-o", option)

    assert (1, 0) == (run.code, len(seller.requests)), run
    assert option.partition("=")[0] in explained(run)[0], run


def test_a_purchase_is_refused_only_under_a_limit_of_dollars(raw: Callable[..., Peer], seller: RawServer) -> None:
    """
    By name and with exit 3, in `route` too; --allow-unpriced lets it through, and so does having no limit.
    """
    peer = raw(seller.url)
    search = ("hi", "--max-tokens", "10", "-o", "web_search_options={}")
    refused = peer("ask", *search, "--max-cost", "1")
    shown = peer("route", *search, "--max-cost", "1", "--json").json["candidates"][0]
    told = explained(refused)

    assert (3, 0, None) == (refused.code, len(seller.requests), shown["rank"]), refused
    assert ("web_search_options" in told[0], "--allow-unpriced" in told[1]) == (True, True), told
    assert "web_search_options" in shown["why"]
    assert 0 == peer("ask", *search).code
    assert 0 == peer("ask", *search, "--max-cost", "1", "--allow-unpriced").code
    assert [{}, {}] == [one.json["web_search_options"] for one in seller.requests]


def test_a_program_is_under_the_same_rules(raw: Callable[..., Peer], seller: RawServer) -> None:
    """
    Options of `llmo.Client` undo nothing, count, and buy nothing under its cap or that of a call.
    """
    peer = raw(seller.url)
    env = peer.llmo.env(peer.env())
    with llmo.Client(peer.path, env=env) as free, llmo.Client(peer.path, env=env, max_cost="1") as capped:
        cases: list[tuple[llmo.Client, type[Exception], Any]] = [
            (free, Rejected, {"extra": {"options": {"num_predict": 9}}}),
            (free, Unbounded, {"extra": {"web_search_options": {}}, "max_cost": "1"}),
            (capped, Unbounded, {"extra": {"n": 2}}),
            (free, BudgetExceeded, {"extra": {"tools": TOOLS}, "max_cost": "0.01", "max_tokens": 9}),
        ]
        for client, error, how in cases:
            with pytest.raises(error):
                client.ask("hi", **how)
        assert [] == seller.requests
        assert "yes" == free.ask("hi", extra={"web_search_options": {}}).text


def test_a_purchase_of_one_row_fails_that_row_alone(raw: Callable[..., Peer], seller: RawServer) -> None:
    """
    Under a cap it is an error row; when every row buys, or the command does, nothing starts.
    """
    peer = raw(seller.url)
    out = peer.llmo.home / "out.jsonl"
    tools = [{"type": "web_search"}]
    rows = [line(n, max_tokens=10, **({"tools": tools} if n == 3 else {})) for n in range(6)]
    mixed = peer("batch", "-", "-o", out, "--max-cost", "1", stdin="\n".join(rows))
    found = {
        row["id"]: (row["status"], row["error"] and row["error"]["kind"])
        for row in map(json.loads, out.read_text("utf-8").splitlines())
    }
    alike = peer(
        "batch", "-", "-o", out, "--restart", "-y", "--max-cost", "1", stdin=line(0, max_tokens=9, tools=tools)
    )

    assert (7, 5) == (mixed.code, len(seller.requests)), mixed
    assert {f"r{n}": ("error", "budget_exceeded") if n == 3 else ("ok", None) for n in range(6)} == found
    assert (3, 5) == (alike.code, len(seller.requests)), alike
