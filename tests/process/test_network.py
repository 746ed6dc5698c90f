"""`llmo ask` and servers that no mock plays: away, hanging, HTML, redirects, cut anywhere."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import SILENCE
from tests.process.conftest import KEY, explained
from tests.servers.raw import RawServer, stream, unused_port, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.process.conftest import Peer

KINDS = ["openai", "anthropic", "ollama", "openrouter", "litellm-proxy"]
HTML = "<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"
ANSWER = {"id": "c-1", "model": "m", "choices": [{"index": 0, "message": {"content": "Hi."}, "finish_reason": "stop"}]}
BUSY = {"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}}
CHUNKS = (
    'data: {"id":"c-1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}\n\n',
    'data: {"id":"c-1","model":"m","choices":[{"index":0,"delta":{"content":" there"},"finish_reason":null}]}\n\n',
    'data: {"id":"c-1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
    "data: [DONE]\n\n",
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_down_is_temporary(raw: Callable[..., Peer], kind: str) -> None:
    """
    Exit code 5, the address in the message or its hint, nothing booked.
    """
    port = unused_port()
    run = raw(f"http://127.0.0.1:{port}", kind)("ask", "hello", "--json", "--retries", "0")

    assert (5, "unavailable", "0") == (run.code, run.json["error"]["kind"], run.json["attempts"][0]["cost_usd"]), run
    assert str(port) in " ".join(explained(run))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", ["200 OK", "502 Bad Gateway", "404 Not Found"])
def test_html_is_not_an_answer(raw: Callable[..., Peer], kind: str, status: str) -> None:
    """
    A web page instead of JSON: one clear line without markup all over the terminal, never a success.
    """
    with RawServer([whole(HTML, status=status, Content_Type="text/html")]) as server:
        run = raw(server.url, kind)("ask", "hello", "--json", "--retries", "0")

    assert (True, False) == (run.code in {1, 4, 5, 6}, run.json["ok"]), run
    assert len(explained(run)[0]) < 400


@pytest.mark.parametrize("kind", KINDS)
def test_redirects_are_refused(raw: Callable[..., Peer], kind: str) -> None:
    """
    The key does not travel to another host; the message names it.
    """
    with RawServer([whole("elsewhere")]) as other:
        location = f"{other.url}/v1/chat/completions"
        with RawServer([whole("", status="307 Temporary Redirect", Location=location)]) as server:
            run = raw(server.url, kind)("ask", "hello", "--json")

    assert (False, [], 1) == (run.json["ok"], other.requests, len(server.requests)), run
    assert "127.0.0.1" in " ".join(explained(run))


@pytest.mark.parametrize("kind", KINDS)
def test_silence_ends_with_the_timeout(raw: Callable[..., Peer], kind: str) -> None:
    """
    A server that takes the request and says nothing: exit code 5 at the total clock, booked, not free.
    """
    with RawServer(["hang"]) as server:
        run = raw(server.url, kind)("ask", "hello", "--timeout", f"{SILENCE:g}", "--max-tokens", "10", "--json")

    assert (5, "timeout") == (run.code, run.json["error"]["kind"]), run
    assert f"llmo: no complete answer within {SILENCE:g} s" == explained(run)[0]
    assert run.json["cost"]["in_doubt_usd"] != "0" or kind == "ollama", run


def test_a_stream_that_stalls_ends_with_the_idle_clock(raw: Callable[..., Peer]) -> None:
    """
    Words, then silence: incomplete, with the words.
    """
    with RawServer([stream(CHUNKS[0]), "hang"]) as server:
        run = raw(server.url, provider=f"idle_timeout = {SILENCE}")("ask", "hello", "--json")
    with RawServer([stream(CHUNKS[0]), "hang"]) as again:
        plain = raw(again.url, provider=f"idle_timeout = {SILENCE}")("ask", "hello")

    assert (6, "incomplete", "Hi") == (run.code, run.json["error"]["kind"], run.json["text"]), run
    assert (6, "Hi") == (plain.code, plain.stdout.rstrip("\n")), plain


@pytest.mark.parametrize("after", [pytest.param("reset", id="reset"), pytest.param(0.0, id="closed")])
@pytest.mark.parametrize("chunks", [1, 2])
def test_a_stream_cut_before_its_marker_is_incomplete(raw: Callable[..., Peer], chunks: int, after: Any) -> None:
    """
    However the connection ends: no finish reason, no success.
    """
    with RawServer([stream(*CHUNKS[:chunks]), after]) as server:
        run = raw(server.url)("ask", "hello", "--json")

    assert (6, "incomplete", 1) == (run.code, run.json["error"]["kind"], len(server.requests)), run


@pytest.mark.parametrize("size", [1, 7, 64])
def test_bytes_that_come_in_pieces_are_one_answer(raw: Callable[..., Peer], size: int) -> None:
    """
    A stream cut into small packets reads as the whole.
    """
    data = stream(*CHUNKS)
    with RawServer([data[n : n + size] for n in range(0, len(data), size)]) as server:
        run = raw(server.url)("ask", "hello")

    assert (0, "Hi there") == (run.code, run.stdout.rstrip("\n")), run


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Retry_After": "0.2"}, id="seconds"),
        pytest.param({"retry_after_ms": "200"}, id="milliseconds"),
        pytest.param({}, id="absent"),
    ],
)
def test_a_busy_server_is_asked_again_after_what_it_said(raw: Callable[..., Peer], headers: dict[str, str]) -> None:
    """
    Retry-After in its forms; without one, a short wait.
    """
    with RawServer([whole(BUSY, status="429 Too Many Requests", **headers)], [stream(*CHUNKS)]) as server:
        run = raw(server.url)("ask", "hello", "--json")

    assert (0, "Hi there", 2) == (run.code, run.json["text"], len(server.requests)), run


@pytest.mark.parametrize(
    "value",
    [pytest.param("86400", id="seconds"), pytest.param(formatdate(time.time() + 86400, usegmt=True), id="date")],
)
def test_a_wait_longer_than_the_timeout_is_not_waited(raw: Callable[..., Peer], value: str) -> None:
    """
    A day's Retry-After with an hour to go: exit code 5 now, one request.
    """
    with RawServer([whole(BUSY, status="429 Too Many Requests", Retry_After=value)]) as server:
        run = raw(server.url)("ask", "hello", "--timeout", "3600", "--json")

    assert (5, "rate_limited", 1) == (run.code, run.json["error"]["kind"], len(server.requests)), run


def test_retries_are_exactly_those_asked_for(raw: Callable[..., Peer]) -> None:
    """
    --retries 1 is two requests: nobody below the engine retries.
    """
    with RawServer([whole({"error": {"message": "boom"}}, status="500 Internal Server Error")]) as server:
        run = raw(server.url)("ask", "hello", "--retries", "1", "--json")

    assert (5, 2, 2) == (run.code, len(server.requests), len(run.json["attempts"])), run


def test_an_error_body_is_shown_without_the_key(raw: Callable[..., Peer]) -> None:
    """
    Providers echo keys; llmo masks them.
    """
    body = {"error": {"message": f"Incorrect API key provided: {KEY}", "type": "invalid_request_error"}}
    with RawServer([whole(body, status="401 Unauthorized")]) as server:
        run = raw(server.url)("--debug", "ask", "hello", "--json")

    assert (4, False) == (run.code, KEY in run.stdout + run.stderr), run


def test_the_key_goes_into_its_header_and_nowhere_else(raw: Callable[..., Peer]) -> None:
    """
    Neither the path nor the body has it.
    """
    with RawServer([stream(*CHUNKS)]) as server:
        raw(server.url)("ask", "hello")

    (received,) = server.requests
    assert f"Bearer {KEY}" == received.headers["authorization"]
    assert KEY not in received.path + received.body.decode()


def test_a_whole_body_is_an_answer_too(raw: Callable[..., Peer]) -> None:
    """
    --no-stream asks for one body; the answer and the exit code are the same.
    """
    with RawServer([whole(ANSWER)]) as server:
        run = raw(server.url)("ask", "hello", "--no-stream")

    assert (0, "Hi.") == (run.code, run.stdout.rstrip("\n")), run
    assert server.requests[0].json.get("stream") in (None, False)


@pytest.mark.parametrize("flag", [("--private",), ("-m", "cloud/m", "--private")])
def test_private_never_leaves_this_machine(raw: Callable[..., Peer], flag: tuple[str, ...]) -> None:
    """
    With only a provider elsewhere, --private is exit code 4.
    """
    peer = raw("http://127.0.0.1:1")
    peer.with_profile(
        'model = "cloud/m"\n[providers.cloud]\nkind = "openai"\nbase_url = "https://cloud.example/v1"\napi_key_env = "PEER_KEY"\n'
    )
    run = peer("ask", "hello", "--json", *flag)

    assert (4, "config") == (run.code, run.json["error"]["kind"]), run
