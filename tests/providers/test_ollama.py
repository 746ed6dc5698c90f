"""Ollama's chat API: what is sent, what an answer lacks, what errors mean, and where a model really runs."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from llmo.errors import (
    ContextTooLong,
    Incomplete,
    LlmoError,
    ModelNotFound,
    QuotaExhausted,
    Rejected,
    Unauthorized,
    Unavailable,
    Withheld,
)
from llmo.providers.registry import factory
from llmo.types.events import Finish, Notice, ServedBy, Text, Usage
from llmo.types.messages import Message, Params, Request
from tests import virtual
from tests.contract.dialects import HELLO, JSON, KEY, OLLAMA, Scripted, events, link
from tests.emitted import emitted, ignore
from tests.providers.test_encode import body, sent
from tests.providers.test_models import Pages, check

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from llmo.providers.transports.transport import HttpRequest, HttpResponse
    from llmo.types.events import Event

SCHEMA: dict[str, Any] = {"type": "object"}
WORDS = 'Answer with JSON that meets this JSON Schema: {"type":"object"}'


def lines(*messages: dict[str, Any]) -> list[Event | LlmoError]:
    data = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
    return events(OLLAMA, Scripted([data], headers=OLLAMA.streamed))


def refused(status: int, text: str, headers: dict[str, str] | None = None, **fields: Any) -> LlmoError:
    said = json.dumps({"error": text, **fields}).encode()
    found = events(OLLAMA, Scripted([said], status, {**JSON, **(headers or {})}))[-1]
    assert isinstance(found, LlmoError)
    return found


def test_every_parameter_has_its_place() -> None:
    """
    Those of the model among its options, those of the server beside them.
    """
    extra: dict[str, Any] = {
        "format": "json",
        "options": {"num_gpu": 1},
        "logprobs": True,
        "top_logprobs": 2,
        "shift": False,
        "mirostat": 1,
    }
    params = Params(max_tokens=9, temperature=0.5, seed=7, stop=("END",), extra=extra)

    assert body(OLLAMA, replace(HELLO, stream=False, params=params)) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": False,
        "truncate": False,
        "format": "json",
        "logprobs": True,
        "top_logprobs": 2,
        "shift": False,
        "options": {
            "num_ctx": 4096,
            "num_predict": 9,
            "temperature": 0.5,
            "seed": 7,
            "stop": ["END"],
            "mirostat": 1,
            "num_gpu": 1,
        },
    }


@pytest.mark.parametrize(
    ("extra", "num_ctx"),
    [
        pytest.param({"num_ctx": 8192}, 8192, id="option"),
        pytest.param({"options": {"num_ctx": 16384}}, 16384, id="among-the-options"),
        pytest.param({}, 2000, id="profile"),
    ],
)
def test_the_context_that_is_asked_for_is_final(extra: dict[str, Any], num_ctx: int) -> None:
    """
    The command before the profile, the profile before the size of the prompt.
    """
    transport = Scripted([OLLAMA.wire("plain")], headers=OLLAMA.streamed)
    provider: Any = factory("ollama")(link(OLLAMA, transport, num_ctx=2000))
    call, _ = provider.ask(Request((Message("user", "x" * 60_000),), Params(extra=extra)), "m")

    assert json.loads(call.body)["options"]["num_ctx"] == num_ctx


def test_a_cut_prompt_is_seen_by_the_context_that_was_asked_for() -> None:
    """
    The count is held against the size of the command, not that of the profile.
    """
    line = {"message": {"content": "hi"}, "done": True, "prompt_eval_count": 4098, "eval_count": 1}
    warned = []
    for extra in ({"num_ctx": 8192}, {"options": {"num_ctx": 8192}}, {"num_ctx": 3000}):
        transport = Scripted([json.dumps(line).encode()], headers=OLLAMA.streamed)
        provider: Any = factory("ollama")(link(OLLAMA, transport, num_ctx=2000))
        request = Request((Message("user", "x" * 20_000),), Params(extra=extra))

        async def ask(provider: Any = provider, request: Request = request) -> list[Event]:
            return await emitted(provider, request, "m")

        warned.append(any(isinstance(event, Notice) for event in virtual.run(ask())))

    assert warned == [True, True, False]


def test_each_model_has_a_context_of_its_own() -> None:
    """
    A long prompt for one loads no other anew.
    """
    transport = Scripted([OLLAMA.wire("plain")], headers=OLLAMA.streamed)
    provider: Any = factory("ollama")(link(OLLAMA, transport))
    long, short = Request((Message("user", "x" * 60_000),)), Request((Message("user", "x"),))
    sizes = [
        json.loads(provider.ask(request, model)[0].body)["options"]["num_ctx"]
        for request, model in ((long, "a"), (short, "b"), (short, "a"))
    ]

    assert sizes == [32768, 4096, 32768]


def test_a_schema_is_told_to_the_last_question() -> None:
    """
    Not to an earlier one and not to the instructions; gpt-oss can't stop thinking, and thinks little.
    """
    talk = (Message("system", "s"), Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    found = body(OLLAMA, Request((*talk, Message("assistant", "d")), schema=SCHEMA))

    assert [message["content"] for message in found["messages"]] == ["s", "a", "b", f"c\n\n{WORDS}", "d"]
    assert body(OLLAMA, Request((Message("user", ""),), schema=SCHEMA))["messages"][0]["content"] == WORDS
    assert body(OLLAMA, Request((Message("system", "s"),), schema=SCHEMA))["messages"][0]["content"] == "s"
    provider: Any = factory("ollama")(link(OLLAMA, Scripted([])))
    call, _ = provider.ask(replace(HELLO, schema=SCHEMA), "gpt-oss:20b")

    assert (json.loads(call.body)["format"], json.loads(call.body)["think"]) == (SCHEMA, "low")


@pytest.mark.parametrize(
    ("base_url", "config", "told"),
    [
        pytest.param("http://127.0.0.1:11434", {}, False, id="here"),
        pytest.param("https://ollama.com", {}, True, id="cloud"),
        pytest.param("https://api.ollama.com", {}, True, id="below-the-cloud"),
        pytest.param("https://evilollama.com", {}, False, id="another-house"),
        pytest.param("https://ollama.com.evil.example", {}, False, id="a-house-that-begins-so"),
        pytest.param("http://h", {"api_key_cmd": ("pass", "k")}, True, id="command"),
        pytest.param("http://h", {"api_key_keyring": "k"}, True, id="keyring"),
    ],
)
def test_the_key_goes_to_the_cloud_alone(base_url: str, config: dict[str, Any], *, told: bool) -> None:
    """
    Unless the profile names a key for another address.
    """
    headers = sent(OLLAMA, HELLO, base_url, **config)[1]

    assert headers.get("authorization") == (f"Bearer {KEY}" if told else None)


def test_an_answer_without_an_end_is_incomplete() -> None:
    """
    Unless its counts are in, which only the last line has.
    """
    said = {"model": "q", "message": {"content": "hi"}}
    counts = {"prompt_eval_count": 3, "eval_count": 2}
    taken = Notice("ollama sent the answer without done: true; treating it as complete")

    assert isinstance(lines(said)[-1], Incomplete)
    assert isinstance(lines(said, {"done": "true"})[-1], Incomplete)
    assert lines(said, counts) == [ServedBy("q"), Text("hi"), taken, Usage(3, 2), Finish("stop")]
    assert lines(said, {"done": True, **counts}) == [ServedBy("q"), Text("hi"), Usage(3, 2), Finish("stop")]
    assert lines(said, {"done": True, "done_reason": "length"})[-1] == Finish("length")
    assert lines(said, {"done": True, "done_reason": "novel"})[-1] == Finish("stop")
    assert lines(said, {"done": True}, {"message": {"content": "late"}}) == [ServedBy("q"), Text("hi"), Finish("stop")]


@pytest.mark.parametrize(
    ("content_type", "read"),
    [("application/json", True), ("text/plain", True), ("", True), ("text/html", False)],
)
def test_lines_are_read_whatever_they_are_called(content_type: str, *, read: bool) -> None:
    """
    A whole answer is one line; only a page is none.
    """
    found = events(OLLAMA, Scripted([OLLAMA.wire("plain")], headers={"content-type": content_type}))

    assert (found[-1] == Finish("stop")) is read


@pytest.mark.parametrize(
    ("status", "text", "expected", "hint"),
    [
        pytest.param(500, "CUDA error: out of memory", Rejected, None, id="memory"),
        pytest.param(
            500, "model requires more system memory (9 GiB)", Rejected, "choose a smaller model", id="system-memory"
        ),
        pytest.param(403, "you reached your hourly usage limit", QuotaExhausted, "add credit", id="limit"),
        pytest.param(404, "model 'x' not found", ModelNotFound, "ollama pull MODEL", id="model"),
        pytest.param(404, "page not found", Rejected, None, id="page"),
        pytest.param(400, "prompt is longer than the context", ContextTooLong, "shorten the prompt", id="longer"),
        pytest.param(400, "exceeds the context length", ContextTooLong, "shorten the prompt", id="exceeds"),
        pytest.param(500, "context deadline exceeded", Unavailable, None, id="deadline"),
        pytest.param(400, "context canceled", Rejected, None, id="cancelled"),
        pytest.param(400, "exceeds a limit", Rejected, None, id="another-limit"),
        pytest.param(400, '"x" does not support tools', Rejected, "shows what each model supports", id="ability"),
        pytest.param(401, "unauthorized", Unauthorized, "OLLAMA_API_KEY", id="key"),
    ],
)
def test_words_stand_in_for_codes(status: int, text: str, expected: type[LlmoError], hint: str | None) -> None:
    """
    Ollama has nothing else to tell its errors apart.
    """
    found = refused(status, text)

    assert type(found) is expected
    assert (found.hint is None) if hint is None else (hint in (found.hint or ""))


def test_a_key_in_the_place_to_sign_in_is_masked() -> None:
    """
    The address is shown, what it carries is not.
    """
    assert refused(401, "no", signin_url="https://ollama.com/c?a=1").hint == "sign in: https://ollama.com/c?a=1"
    transport = Scripted([b'{"error": "no", "signin_url": "https://ollama.com/pw1234"}'], 401, JSON)
    provider = factory("ollama")(replace(link(OLLAMA, transport), api_key="pw1234"))
    with pytest.raises(Unauthorized) as caught:
        virtual.run(asked(provider, HELLO))
    assert caught.value.hint == "sign in: https://ollama.com/****"
    assert refused(403, "usage limit", signin_url="https://ollama.com/c").hint != "sign in: https://ollama.com/c"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("the input exceeds the context length", ContextTooLong, id="context"),
        pytest.param("model 'x' not found", ModelNotFound, id="model"),
        pytest.param("weekly usage limit", QuotaExhausted, id="limit"),
        pytest.param("out of memory", Rejected, id="memory"),
        pytest.param("unexpected EOF", Unavailable, id="anything"),
        pytest.param("unauthorized", Unavailable, id="a-word-that-is-no-status"),
    ],
)
def test_an_error_in_a_line_is_what_it_would_have_been(text: str, expected: type[LlmoError]) -> None:
    """
    Status 200 was said before the model began.
    """
    assert type(lines({"error": text})[-1]) is expected


def test_a_403_with_words_is_no_host_check() -> None:
    """
    Only the guard of the Host header says nothing at all.
    """
    blank = events(OLLAMA, Scripted([b" \n"], 403, {}))[-1]

    assert isinstance(blank, Unauthorized)
    assert (blank.status, "OLLAMA_HOST" in (blank.hint or "")) == (403, True)
    assert "host name" not in refused(403, "no").message
    assert "host name" not in getattr(events(OLLAMA, Scripted([b""], 401, {}))[-1], "message", "")


class Showing:
    """A server that says where a model runs, and answers."""

    def __init__(self, shown: bytes, status: int = 200) -> None:
        self.shown, self.status = shown, status
        self.calls: list[HttpRequest] = []

    @asynccontextmanager
    async def exchange(self, call: HttpRequest) -> AsyncGenerator[HttpResponse]:
        self.calls.append(call)
        if call.url.endswith("/api/show"):
            yield Scripted([self.shown], self.status, JSON)
        else:
            yield Scripted([OLLAMA.wire("plain")], headers=OLLAMA.streamed)

    async def close(self) -> None:
        return None

    @property
    def paths(self) -> list[str]:
        return [call.url.partition("11434")[2] for call in self.calls]


async def asked(provider: Any, request: Request, model: str = "mine") -> None:
    await provider.send(request, model, ignore)


PRIVATE = replace(HELLO, private=True)


@pytest.mark.parametrize(
    ("shown", "where"),
    [
        pytest.param({"remote_host": "https://ollama.com:443"}, "https://ollama.com:443", id="host"),
        pytest.param({"remote_model": "big:cloud"}, "Ollama's cloud", id="model"),
        pytest.param({"remote_host": f"https://h/{KEY}"}, "https://h/****", id="key"),
    ],
)
def test_a_model_of_the_cloud_gets_nothing_private(shown: dict[str, Any], where: str) -> None:
    """
    Whatever its name: the server is asked before anything is sent.
    """
    transport: Any = Showing(json.dumps(shown).encode())
    provider = factory("ollama")(link(OLLAMA, transport))
    with pytest.raises(Withheld) as caught:
        virtual.run(asked(provider, PRIVATE))

    assert transport.paths == ["/api/show"]
    assert json.loads(transport.calls[0].body) == {"model": "mine"}
    assert (transport.calls[0].method, transport.calls[0].first) == ("POST", 10.0)
    assert caught.value.message == f"ollama/mine runs at {where}, but the request is private: nothing was sent"
    assert caught.value.hint == "run ollama show mine to see where it runs"


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        pytest.param(b"{}", 200, id="here"),
        pytest.param(b'{"remote_host": ""}', 200, id="empty"),
        pytest.param(b'{"remote_host": "https://ollama.com"}', 404, id="an-error"),
        pytest.param(b"404 page not found", 200, id="old"),
        pytest.param(b"[]", 200, id="list"),
    ],
)
def test_a_model_that_runs_here_is_asked_about_once(shown: bytes, status: int) -> None:
    """
    A server that can't say where a model runs has none that run elsewhere.
    """
    transport: Any = Showing(shown, status)
    provider = factory("ollama")(link(OLLAMA, transport))

    async def twice() -> None:
        await asked(provider, PRIVATE)
        await asked(provider, PRIVATE)
        await asked(provider, PRIVATE, "other")
        await asked(provider, HELLO, "third")

    virtual.run(twice())

    assert transport.paths == ["/api/show", "/api/chat", "/api/chat", "/api/show", "/api/chat", "/api/chat"]


@pytest.mark.parametrize(
    ("base_url", "model"),
    [("https://ollama.com", "mine"), ("http://127.0.0.1:11434", "big:cloud"), ("http://h:11434", "mine")],
)
def test_nothing_private_is_asked_of_another_machine(base_url: str, model: str) -> None:
    """
    Not even where the model runs.
    """
    transport: Any = Showing(b"{}")
    provider = factory("ollama")(replace(link(OLLAMA, transport), base_url=base_url))
    with pytest.raises(Withheld):
        virtual.run(asked(provider, PRIVATE, model))

    assert transport.calls == []


def test_a_check_of_what_stands_in_for_ollama() -> None:
    """
    A version of any shape; without one, the words at its root; else the error of what it said last.
    """
    assert check(OLLAMA, Pages(api_version=(200, {}))) == "Ollama of unknown version at http://127.0.0.1:11434"
    with pytest.raises(Unavailable, match="returned HTTP 200, not JSON: <html>"):
        check(OLLAMA, Pages(api_version=(200, "<html>")))
    with pytest.raises(Unavailable, match="returned HTTP 500"):
        check(OLLAMA, Pages(api_version=(500, {"error": "x"}), **{"": (200, "Ollama is running")}))
    with pytest.raises(Unavailable, match="returned HTTP 503"):
        check(OLLAMA, Pages(**{"": (503, "Ollama is running")}))
