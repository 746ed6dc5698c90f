"""LiteLLM as a library: the real one, against servers that send what was recorded, or misbehave."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llmo.config.profile import ProviderConfig
from llmo.errors import (
    ContextTooLong,
    Incomplete,
    LlmoError,
    ModelNotFound,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Rejected,
    TimedOut,
    Unauthorized,
    Unavailable,
    Unfinished,
)
from llmo.providers.offline.provider import Unplugged
from llmo.providers.provider import ProviderContext
from llmo.providers.registry import factory
from llmo.types.events import (
    Finish,
    Notice,
    PaidUse,
    RateInfo,
    Reasoning,
    ReportedCost,
    ServedBy,
    Text,
    ToolCall,
    Usage,
)
from llmo.types.messages import Image, Message, Params, Request
from tests import peers
from tests.emitted import heard, until
from tests.patience import SILENCE
from tests.servers.raw import RawServer, stream, unused_port, whole

if TYPE_CHECKING:
    from llmo.types.events import Event
    from llmo.types.jsontext import Json
    from tests.servers.aimock import Aimock
    from tests.servers.raw import Answer

pytestmark = [
    pytest.mark.skipif(find_spec("litellm") is None, reason=peers.missing("litellm")),
    pytest.mark.filterwarnings("ignore"),  # it is full of its own
]

WIRE = Path(__file__).parents[1] / "wire"
KEY = "sk-a-secret-that-stays-here"
MODEL = "openai/gpt-4o-mini"
HELLO = Request((Message("user", "hello"),))
WHOLE = replace(HELLO, stream=False)


def chunk(delta: dict[str, Any], finish: str | None = None, **fields: Any) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "served-1", "choices": [choice]}
    return f"data: {json.dumps(body | fields)}\n\n"


USAGE = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
WORDS = chunk({"role": "assistant", "content": "Hel"}) + chunk({"content": "lo"})
STOP = chunk({}, "stop")
COUNTED = chunk({}, choices=[], usage=USAGE)
DONE = "data: [DONE]\n\n"
BODY = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "served-1",
    "usage": USAGE,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
}


def link(url: str, **config: Any) -> ProviderContext:
    made = ProviderConfig(kind="litellm", **config)
    return ProviderContext(name="litellm", base_url=url, api_key=KEY, config=made, transport=Unplugged())


def asked(url: str, request: Request = HELLO, model: str = MODEL, **config: Any) -> list[Event | LlmoError]:
    """The events of one call, with everything closed after it."""

    async def main() -> list[Event | LlmoError]:
        provider = factory("litellm")(link(url, **config))
        try:
            return await heard(provider, request, model)
        finally:
            await provider.close()

    return asyncio.run(main())


def played(answer: Answer, request: Request = HELLO, model: str = MODEL) -> list[Event | LlmoError]:
    """The events of one answer, which was asked for once."""
    with RawServer(answer) as server:
        found = asked(f"{server.url}/v1", request, model)
    assert len(server.requests) == 1
    return found


def text(found: list[Event | LlmoError]) -> str:
    return "".join(event.text for event in found if isinstance(event, Text))


def failure(found: list[Event | LlmoError]) -> ProviderError:
    assert isinstance(found[-1], ProviderError), found
    return found[-1]


def test_a_streamed_answer() -> None:
    """
    Text, who answered, tokens of upstream, the library's own arithmetic as such.
    """
    assert played([stream(WORDS, STOP, COUNTED, DONE)]) == [
        ServedBy(model="served-1"),
        Text("Hel"),
        Text("lo"),
        Usage(1000, 500),
        ReportedCost(450_000_000, derived=True),
        Finish("stop"),
    ]


def test_a_whole_answer() -> None:
    """
    The same events from a body, with what its headers say.
    """
    headers = {"x_request_id": "req-9", "x_ratelimit_limit_requests": "500", "x_ratelimit_remaining_requests": "499"}

    assert played([whole(BODY, **headers)], WHOLE) == [
        ServedBy(request_id="req-9"),
        RateInfo(limit_requests=500, remaining_requests=499),
        ServedBy(model="served-1"),
        Text("Hello"),
        Usage(1000, 500),
        ReportedCost(450_000_000, derived=True),
        Finish("stop"),
    ]


def test_what_is_sent() -> None:
    """
    Every parameter arrives, the key in its place, and nothing that was not asked for.
    """
    params = Params(max_tokens=9, temperature=0.5, seed=3, stop=("END",), extra={"top_p": 0.9})
    request = Request(
        (Message("system", "Be brief."), Message("user", "See", (Image("a.png", "image/png", b"\x89P"),))), params
    )
    with RawServer([stream(WORDS, STOP, COUNTED, DONE)]) as server:
        asked(f"{server.url}/v1", request, headers={"x-team": "a"})
    (sent,) = server.requests

    assert sent.json == {
        "model": "gpt-4o-mini",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "See"},
                    {
                        "type": "image_url",
                        "image_url": {"url": "data:image/png;base64,iVA="},
                    },
                ],
            },
        ],
        "max_tokens": 9,
        "temperature": 0.5,
        "seed": 3,
        "stop": ["END"],
        "top_p": 0.9,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert (sent.headers["authorization"], sent.headers["x-team"]) == (f"Bearer {KEY}", "a")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        pytest.param("openai/gpt-4o-mini", True, id="able"),
        pytest.param("openai/nobody-knows-it", False, id="unknown"),
    ],
)
def test_a_schema(model: str, expected: bool) -> None:
    """
    Enforced where the library knows that the host can, else asked for in words.
    """
    schema: dict[str, Json] = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    with RawServer([stream(WORDS, STOP, COUNTED, DONE)]) as server:
        asked(f"{server.url}/v1", replace(HELLO, schema=schema), model)
    sent = server.requests[0].json

    assert ("response_format" in sent) is expected
    assert ('"required":["a"]' in sent["messages"][-1]["content"]) is not expected


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([stream(WORDS)], id="closed"),
        pytest.param([stream(WORDS, COUNTED, DONE)], id="done-without-a-reason"),
        pytest.param([stream(WORDS), "reset"], id="reset"),
    ],
)
def test_a_cut_is_no_answer(answer: Answer) -> None:
    """
    The library makes up a finish_reason; upstream sent none.
    """
    found = played(answer)

    assert text(found) == "Hello"
    assert type(failure(found)) is Incomplete
    assert failure(found).message == "litellm: the stream ended early, without a finish_reason"


@pytest.mark.parametrize(
    ("model", "kind", "name", "content_type"),
    [
        pytest.param("anthropic/claude-haiku-4-5", "anthropic", "refusal.sse", "text/event-stream", id="anthropic"),
        pytest.param("ollama_chat/llama3", "ollama", "no_usage.ndjson", "application/x-ndjson", id="ollama"),
        pytest.param("openrouter/x/y", "openai", "no_usage.sse", "text/event-stream", id="openrouter"),
    ],
)
def test_a_cut_in_other_dialects(model: str, kind: str, name: str, content_type: str) -> None:
    """
    Whatever the library reads them with, an answer ends with its marker or is none.
    """
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nConnection: close\r\n\r\n".encode()
    data = (WIRE / kind / name).read_bytes()
    marker = min(
        n
        for word in (b'"stop_reason":"refusal"', b'"done":true', b'"finish_reason":"stop"')
        if (n := data.find(word)) > 0
    )
    cut = data[: data.rindex(b"\n", 0, marker) + 1]
    with RawServer([head + data]) as server:
        good = asked(server.url, model=model)
    with RawServer([head + cut]) as server:
        bad = asked(server.url, model=model)

    assert isinstance(good[-1], Finish)
    assert text(bad) == text(good)
    assert type(failure(bad)) is Incomplete


@pytest.mark.parametrize("streamed", [True, False])
def test_calls_of_tools_are_put_together(*, streamed: bool) -> None:
    """
    In pieces by index, or whole; what the library calls them is not their end.
    """

    def call(index: int, **function: str) -> dict[str, Any]:
        named = {"id": f"c{index}", "type": "function"} if "name" in function else {}
        return {"index": index, **named, "function": function}

    first, second = call(0, name="f", arguments='{"a": 1}'), call(1, name="g", arguments="{}")
    pieces = [call(0, name="f", arguments=""), call(0, arguments='{"a"'), call(0, arguments=": 1}"), second]
    message = {"role": "assistant", "content": None, "tool_calls": [first, second]}
    body = BODY | {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    chunks = [chunk({"role": "assistant", "tool_calls": [piece]}) for piece in pieces]
    sent = stream(*chunks, chunk({}, "tool_calls"), COUNTED, DONE) if streamed else whole(body)
    with RawServer([sent]) as server:
        found = asked(f"{server.url}/v1", HELLO if streamed else WHOLE)

    assert [event for event in found if isinstance(event, ToolCall | Usage | Finish)] == [
        ToolCall("c0", "f", {"a": 1}),
        ToolCall("c1", "g", {}),
        Usage(1000, 500),
        Finish("tool_calls"),
    ]


def test_searches_are_told_beside_tokens() -> None:
    """
    What the host counts by the use, in the library's own object.
    """
    body = {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2, "server_tool_use": {"web_search_requests": 60}},
    }
    with RawServer([whole(body)]) as server:
        found = asked(server.url, WHOLE, "anthropic/claude-haiku-4-5")

    assert [event for event in found if isinstance(event, PaidUse)] == [PaidUse("web_search", 60)]


@pytest.mark.skipif(
    find_spec("litellm") is not None and tuple(map(int, version("litellm").split(".")[:2])) < (1, 110),
    reason="LiteLLM before 1.110 calls a paused turn finished and drops the host's own word",
)
def test_a_paused_turn_is_incomplete() -> None:
    """
    The library calls it cut by a limit; the host's own word comes beside it.
    """
    body = {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "pause_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }
    with RawServer([whole(body)]) as server:
        found = asked(server.url, WHOLE, "anthropic/claude-haiku-4-5")

    assert text(found) == "hi"
    assert [event for event in found if isinstance(event, Usage)] == [Usage(3, 2)]
    assert type(failure(found)) is Unfinished


def test_what_was_counted_before_a_failure_comes_before_it() -> None:
    """
    An error after the bill does not undo the bill.
    """
    found = played([stream(WORDS, STOP, COUNTED, f"data: {json.dumps(fault('server_error', 'overloaded'))}\n\n")])

    assert [event for event in found if isinstance(event, Usage)] == [Usage(1000, 500)]
    assert type(failure(found)) is Incomplete


def test_an_estimate_is_no_usage() -> None:
    """
    Where upstream counts nothing the library counts itself and does not say so.
    """
    found = played([stream(WORDS, STOP, DONE)])

    assert [event for event in found if isinstance(event, Usage | ReportedCost)] == []
    assert found[-1] == Finish("stop")


def test_tokens_as_llmo_counts_them() -> None:
    """
    Cached tokens are part of the input, in Anthropic's dialect too.
    """
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    with RawServer([head + (WIRE / "anthropic" / "refusal.sse").read_bytes()]) as server:
        found = asked(server.url, model="anthropic/claude-haiku-4-5")

    assert [event for event in found if isinstance(event, Usage)] == [
        Usage(30, 25, cached_input_tokens=10, cache_write_tokens=5, reasoning_tokens=7)
    ]


@pytest.mark.parametrize(
    ("model", "usage", "expected"),
    [
        pytest.param("openai/nobody-knows-it", {}, [], id="no-price-is-not-free"),
        pytest.param("openrouter/x/y", {"cost": 0.0123}, [ReportedCost(12_300_000_000)], id="upstream-says"),
        pytest.param("openrouter/x/y", {"cost": 0}, [], id="upstream-says-nothing"),
    ],
)
def test_what_it_cost(model: str, usage: dict[str, Any], expected: list[Event]) -> None:
    """
    A cost from upstream is reported; a zero without a price is unknown.
    """
    found = played([stream(WORDS, STOP, chunk({}, choices=[], usage=USAGE | usage), DONE)], model=model)

    assert [event for event in found if isinstance(event, ReportedCost)] == expected


def test_reasoning_and_limits() -> None:
    """
    Thoughts are apart, and an answer that they used up is told as one.
    """
    thought = chunk({"role": "assistant", "reasoning_content": "hm"})
    found = played([stream(thought, chunk({}, "length"), COUNTED, DONE)])

    assert Reasoning("hm") in found
    assert Notice("the answer is empty") in found
    assert found[-1] == Finish("length")


def fault(code: str | None = None, message: str = "the message") -> dict[str, Any]:
    return {"error": {"message": message, "type": "t", "code": code}}


@pytest.mark.parametrize("host", ["openai/gpt-4o-mini", "openrouter/x/y", "anthropic/claude-haiku-4-5"])
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param("400 Bad", fault(), Rejected, id="400"),
        pytest.param("400 Bad", fault("context_length_exceeded"), ContextTooLong, id="context"),
        pytest.param("401 No", fault("invalid_api_key"), Unauthorized, id="401"),
        pytest.param("402 Pay", fault(), QuotaExhausted, id="402"),
        pytest.param("403 No", fault(), Unauthorized, id="403"),
        pytest.param("401 No", fault("api_error"), Unauthorized, id="401-general"),
        pytest.param("402 Pay", fault("api_error"), QuotaExhausted, id="402-general"),
        pytest.param("404 None", fault("api_error"), ModelNotFound, id="404-general"),
        pytest.param("404 None", fault("model_not_found"), ModelNotFound, id="404"),
        pytest.param("408 Slow", fault(), Unavailable, id="408"),
        pytest.param("429 Slow", fault("rate_limit_exceeded"), RateLimited, id="429"),
        pytest.param("429 Slow", fault("insufficient_quota"), QuotaExhausted, id="quota"),
        pytest.param("500 Oh", fault(), Unavailable, id="500"),
        pytest.param("502 Oh", fault(), Unavailable, id="502"),
        pytest.param("503 Oh", fault(), Unavailable, id="503"),
    ],
)
def test_errors_are_named(host: str, status: str, body: dict[str, Any], expected: type[ProviderError]) -> None:
    """
    By upstream's code, then its status; one request, its Retry-After, one line, no key.
    """
    with RawServer([whole(body, status=status, Retry_After="7")]) as server:
        found = failure(asked(f"{server.url}/v1", model=host))

    assert type(found) is expected
    assert (len(server.requests), found.retry_after) == (1, 7.0)
    assert found.message == f"litellm returned HTTP {found.status}: the message"


def test_an_error_after_the_first_words() -> None:
    """
    The words stand, the answer is incomplete.
    """
    found = played([stream(WORDS, f"data: {json.dumps(fault('server_error', 'overloaded'))}\n\n")])

    assert text(found) == "Hello"
    assert (type(failure(found)), failure(found).message) == (Incomplete, "the stream ended early: litellm: overloaded")


def test_nobody_listens() -> None:
    """
    No connection, no cost.
    """
    found = failure(asked(f"http://127.0.0.1:{unused_port()}/v1"))

    assert (type(found), found.may_be_billed) == (Unavailable, False)
    assert found.message == "litellm cannot connect: connection refused"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(["hang"], TimedOut, id="at-first"),
        pytest.param([stream(WORDS), "hang"], Incomplete, id="after-words"),
    ],
)
def test_silence_has_an_end(answer: Answer, kind: type[ProviderError]) -> None:
    """
    The profile's clock holds for the library too.
    """
    with RawServer(answer) as server:
        assert type(failure(asked(f"{server.url}/v1", idle_timeout=SILENCE))) is kind


@pytest.mark.parametrize(
    ("model", "params", "kind", "says"),
    [
        pytest.param(
            "anthropic/claude-haiku-4-5",
            Params(seed=3),
            Rejected,
            "does not support parameters: ['seed']",
            id="parameter",
        ),
        pytest.param(MODEL, Params(extra={"num_retries": 3}), Rejected, "num_retries", id="reserved"),
        pytest.param("nosuch/model", Params(), ModelNotFound, "does not know the provider", id="provider"),
    ],
)
def test_refused_before_sending(model: str, params: Params, kind: type[ProviderError], says: str) -> None:
    """
    Nothing is dropped in silence, and nothing is sent to find out.
    """
    with RawServer([whole(BODY)]) as server:
        found = failure(asked(f"{server.url}/v1", replace(HELLO, params=params), model))

    assert (type(found), server.requests) == (kind, [])
    assert says in found.message


@pytest.mark.parametrize(
    ("model", "path"),
    [
        pytest.param("openai/m", "/v1", id="openai"),
        pytest.param("anthropic/claude-haiku-4-5", "", id="anthropic"),
        pytest.param("ollama_chat/m", "", id="ollama"),
    ],
)
def test_a_server_of_others(aimock: Aimock, model: str, path: str) -> None:
    """
    Answers, and the errors of a server that somebody else wrote, through the library's dialects.
    """

    def ask(prompt: str) -> list[Event | LlmoError]:
        return asked(aimock.url + path, Request((Message("user", prompt),)), model)

    good = ask("hello")

    assert text(good)
    assert good[-1] == Finish("stop")
    assert [type(failure(ask(prompt))) for prompt in ("always-401", "out-of-quota", "always-500")] == [
        Unauthorized,
        QuotaExhausted,
        Unavailable,
    ]


def test_stopping_early_closes_the_connection() -> None:
    """
    Who has read enough stops paying, and can ask again.
    """
    with RawServer([stream(WORDS), "hang"], [stream(WORDS, STOP, COUNTED, DONE)]) as server:

        async def main() -> list[Event | LlmoError]:
            provider = factory("litellm")(link(f"{server.url}/v1"))
            await until(Text, provider, HELLO, MODEL)
            await provider.close()
            again = factory("litellm")(link(f"{server.url}/v1"))
            found = await heard(again, HELLO, MODEL)
            await again.close()
            return found

        assert asyncio.run(main())[-1] == Finish("stop")


def test_what_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The models of hosts whose keys are there, and its version.
    """
    monkeypatch.setenv("GROQ_API_KEY", KEY)

    async def main() -> tuple[list[str], str]:
        provider = factory("litellm")(link(""))
        return [listed.id for listed in await provider.models()], await provider.check()

    names, said = asyncio.run(main())

    assert any(name.startswith("groq/") for name in names)
    assert said.startswith("litellm 1.")


HOSTS = ["openai/m", "ollama/m", "hosted_vllm/m", "anthropic/m"]


@pytest.mark.parametrize("model", HOSTS)
def test_a_redirect_is_not_followed(model: str) -> None:
    """
    The prompt goes where the profile says, and nowhere that a server says; other calls of httpx are as they were.
    """
    import httpx

    with RawServer([whole(BODY)]) as other:
        moved = whole("", status="307 Temporary Redirect", Location=f"{other.url}/v1/chat/completions")
        with RawServer([moved]) as server:
            found = asked(f"{server.url}/v1", WHOLE, model)
            assert ([], True) == (other.requests, isinstance(found[-1], ProviderError)), found
            assert httpx.post(f"{server.url}/v1", follow_redirects=True).is_success


@pytest.mark.parametrize("model", HOSTS)
def test_what_counts_as_local_goes_through_no_proxy(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Also when the library has made its clients for a host elsewhere before.
    """
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    with RawServer([whole(BODY)]) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        asked("http://cloud.invalid/v1", WHOLE, model)
        before = len(proxy.requests)
        found = asked("http://gpu.invalid:1/v1", WHOLE, model, local=True)

    assert (True, before) == (before > 0, len(proxy.requests)), found
    assert isinstance(found[-1], ProviderError)


@pytest.mark.parametrize("model", ["openai/m", "anthropic/m"])
def test_a_vendors_key_stays_with_the_vendor(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The library would send OPENAI_API_KEY to any address; the profile has to name the key that goes there.
    """
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-openai")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key-of-anthropic")

    async def main(url: str) -> None:
        provider = factory("litellm")(replace(link(url), api_key=None))
        await heard(provider, WHOLE, model)
        await provider.close()

    with RawServer([whole(BODY)]) as server:
        asyncio.run(main(f"{server.url}/v1"))

    (request,) = server.requests
    assert "key-of" not in json.dumps(dict(request.headers))
