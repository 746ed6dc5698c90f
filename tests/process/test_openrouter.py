"""llmo against aimock's OpenRouter."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.process.conftest import KEY, against_aimock
from tests.servers.raw import RawServer, stream, whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Llmo
    from tests.process.conftest import Peer
    from tests.servers.aimock import Aimock

BUSY = {"error": {"code": 429, "message": "Rate limit exceeded: free-models-per-day", "metadata": {}}}
PAID = {"data": [{"id": "vendor/x", "pricing": {"prompt": "0.000001", "completion": "0.000002"}}]}


@pytest.fixture
def router(aimock: Aimock, llmo: Llmo, tmp_path: Path) -> Peer:
    """llmo with aimock as OpenRouter, and a model of the peer that is busy for ever."""
    return against_aimock("openrouter", aimock, llmo, tmp_path)


def told(router: Peer, routing: str) -> None:
    """Add a routing table, and take the price of the profile away."""
    text = router.path.read_text("utf-8").partition("[[prices]]")[0].partition("[providers.peer.routing]")[0]
    router.with_profile(f"{text}\n[providers.peer.routing]\n{routing}\n")


@pytest.mark.parametrize("flag", ["--stream", "--no-stream"])
def test_the_cost_is_what_openrouter_reports(router: Peer, flag: str) -> None:
    """
    Not usage times a price of one's own; the host that answered is named on a terminal.
    """
    run = router("ask", "what it costs", "--json", flag)

    assert (0, "0.00042", "reported") == (run.code, run.json["cost"]["usd"], run.json["cost"]["source"]), run


def test_the_host_is_named(router: Peer) -> None:
    """
    The cost line says who really answered.
    """
    run = router("ask", "what it costs", tty=True)

    assert (0, True) == (run.code, "peer/m (via Fireworks)" in run.stdout), run


def test_comments_are_no_content(router: Peer) -> None:
    """
    `: OPENROUTER PROCESSING` keeps a connection alive and nothing else.
    """
    run = router("ask", "keep me alive")

    assert (0, "after the comment") == (run.code, run.stdout.strip()), run


def test_a_model_of_the_list_steps_in_at_openrouter(router: Peer) -> None:
    """
    One request, answered by another model than the one that was asked for.
    """
    told(router, 'models = ["vendor/second"]')
    run = router("ask", "hello", "-m", "peer/vendor/primary", "--json")
    (sent,) = router.received()

    assert (0, "Hello from aimock.", "vendor/second") == (run.code, run.json["text"], run.json["served_model"]), run
    assert ("vendor/primary", ["vendor/second"]) == (sent["body"]["model"], sent["body"]["models"])


def test_a_bound_of_the_profile_lets_a_budget_hold_an_unpriced_model(router: Peer) -> None:
    """
    `auto` has no price: refused under a cap, and held for at max_price when there is one.
    """
    told(router, "zdr = true")
    refused = router("ask", "what it costs", "-m", "peer/auto", "--max-cost", "1", "--json")
    told(router, 'max_price_prompt_usd = "1"\nmax_price_completion_usd = "2"')
    held = router("ask", "what it costs", "-m", "peer/auto", "--max-cost", "1", "--max-tokens", "100", "--json")
    dear = router("ask", "what it costs", "-m", "peer/auto", "--max-cost", "0.0001", "--max-tokens", "100", "--json")
    (sent,) = router.received()

    assert (3, 0, 3) == (refused.code, held.code, dear.code), (refused, held, dear)
    assert ("0.00042", True) == (held.json["cost"]["usd"], held.json["cost"]["reserved_usd"] > "0.0007"), held
    assert ("openrouter/auto", {"prompt": "1", "completion": "2", "request": "0"}) == (
        sent["body"]["model"],
        sent["body"]["provider"]["max_price"],
    )


def test_a_budget_bounds_the_hosts_of_a_priced_model(router: Peer) -> None:
    """
    Without max_price the price that money is held at is sent; without a budget nothing is.
    """
    router("ask", "hello", "--max-cost", "1", "--max-tokens", "10")
    router("ask", "hello", "--strategy", "cheapest")
    bounded, free = (request["body"] for request in router.received())

    assert {"max_price": {"prompt": "1", "completion": "2", "request": "0"}} == bounded["provider"]
    assert {"sort": "price"} == free["provider"]


def test_a_refresh_brings_prices_that_plans_use(raw: Callable[..., Peer]) -> None:
    """
    Afterwards a cap can hold without the network, and the list says of which day the price is.
    """
    with RawServer([whole(PAID)]) as server:
        peer = raw(server.url, "openrouter")
        told(peer, "zdr = true")
        before = peer("route", "hello", "-m", "peer/vendor/x", "--json")
        listed = peer("models", "--refresh", "--json")
    after = peer("route", "hello", "-m", "peer/vendor/x", "--json", "--max-tokens", "1000")

    assert before.json["candidates"][0]["cost"]["worst_usd"] is None, before
    assert after.json["candidates"][0]["cost"]["worst_usd"] > "0.002", after
    assert ["refreshed"] == [one["price_source"] for one in listed.json]
    assert listed.json[0]["price_date"] in peer("models").stdout


@pytest.mark.parametrize("flag", ["--private", None])
def test_private_prompts_stay_away(router: Peer, flag: str | None) -> None:
    """
    Even a test server on this machine is OpenRouter, and OpenRouter is not this machine.
    """
    secret = "my key is sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD"
    run = router("ask", "hello" if flag else secret, "--json", *([flag] if flag else []))

    assert (4, "config", []) == (run.code, run.json["error"]["kind"], router.received()), run


def test_a_stream_that_fails_after_words_is_incomplete(raw: Callable[..., Peer]) -> None:
    """
    finish_reason "error" is no finish.
    """
    chunks = (
        'data: {"id":"gen-1","model":"a/b","choices":[{"index":0,"delta":{"content":"Half"},"finish_reason":null}]}\n\n',
        'data: {"id":"gen-1","error":{"code":502,"message":"gone"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}\n\n',
    )
    with RawServer([stream(*chunks)]) as server:
        run = raw(server.url, "openrouter")("ask", "hello", "--json")

    assert (6, "incomplete", "Half") == (run.code, run.json["error"]["kind"], run.json["text"]), run


def test_the_limit_of_free_models_is_explained(raw: Callable[..., Peer]) -> None:
    """
    Exit code 5 and what lifts it.
    """
    with RawServer([whole(BUSY, status="429 Too Many Requests")]) as server:
        run = raw(server.url, "openrouter")("ask", "hello", "--json", "--retries", "0")

    assert (5, "rate_limited") == (run.code, run.json["error"]["kind"]), run
    assert "50 requests per day" in run.json["error"]["hint"]


def test_ctrl_c_leaves_the_rest_of_the_hold_in_doubt(router: Peer) -> None:
    """
    Some hosts go on billing after the connection is closed.
    """
    process: Any = router.start("ask", "slow", "--max-tokens", "50")
    os.read(process.stdout.fileno(), 100)
    process.send_signal(signal.SIGINT)
    run = router.llmo.finish(process)
    (call,) = router("cost", "--by", "outcome", "--json").json["groups"]

    assert (130, "cancelled", 1) == (run.code, call["outcome"], call["estimated_calls"]), (run, call)
    assert call["in_doubt_usd"] > "0.0001", call
    assert 0 < float(call["cost_usd"]) < float(call["in_doubt_usd"]), call


CUT = stream(
    'data: {"id":"gen-1","model":"a/b","choices":[{"index":0,"delta":{"content":"Half an answer"},"finish_reason":null}]}\n\n'
).replace(b"Connection: close", b"X-Generation-Id: gen/1\r\nConnection: close")
RECORD = {"data": {"id": "gen/1", "total_cost": 0.0000123, "native_tokens_prompt": 9, "native_tokens_completion": 3}}


def test_openrouters_record_settles_what_is_in_doubt(raw: Callable[..., Peer]) -> None:
    """
    `cost --reconcile` asks for the record by the id of the answer; a host that has none yet leaves it in doubt.
    """
    with RawServer([CUT], [whole({"error": {"code": 404}}, status="404 Not Found")], [whole(RECORD)]) as server:
        peer = raw(server.url, "openrouter")
        asked = peer("ask", "hello", "--json", "--max-tokens", "50")
        early = peer("cost", "--reconcile", "--json")
        run = peer("cost", "--reconcile", "--json")
    total = run.json["total"]

    assert (6, "estimated", True) == (
        asked.code,
        asked.json["cost"]["source"],
        float(asked.json["cost"]["in_doubt_usd"]) > 0.0001,
    ), asked
    assert (0, 1) == (early.code, early.json["total"]["in_doubt_calls"]), early
    assert early.stderr.startswith("llmo: 1 call stays in doubt: peer: no record yet\nhint: try again later"), early
    assert ("0.0000123", 0, "0", 9, 3) == (
        total["cost_usd"],
        total["in_doubt_calls"],
        total["in_doubt_usd"],
        total["input_tokens"],
        total["output_tokens"],
    ), run
    assert "settled 1 call in doubt, $0.0000123 as reported by the provider\n" == run.stderr
    assert ["/api/v1/generation?id=gen%2F1"] * 2 == [request.path for request in server.requests[1:]]


def test_the_key_is_shown_by_the_probe_and_in_no_message(router: Peer) -> None:
    """
    `profile check --probe` asks for the key's limits.
    """
    run = router("profile", "check", "--probe")

    assert (0, True, False) == (run.code, "no limit of its own" in run.stdout, KEY in run.stdout), run
