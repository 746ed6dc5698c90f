"""What is sent: the bodies and headers of each dialect."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from llmo.errors import ConfigError, CredentialsError, Rejected
from llmo.providers.registry import factory
from llmo.types.messages import Image, Message, Params, Request
from tests import virtual
from tests.contract.dialects import ANTHROPIC, HELLO, KEY, OLLAMA, OPENAI, OPENROUTER, Row, Scripted, link
from tests.emitted import ignore

PNG = Image("dot.png", "image/png", b"\x89PNG\x00\xff" * 3)
B64 = b64encode(PNG.data).decode()
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
CLOSED = {**SCHEMA, "additionalProperties": False}
FULL = Params(max_tokens=9, temperature=0.5, stop=("END",))


def sent(row: Row, request: Request, base_url: str | None = None, **config: Any) -> tuple[str, dict[str, str], Any]:
    """Address, headers and body of one call."""
    from dataclasses import replace

    transport = Scripted([row.wire("plain")], headers=row.streamed)
    made = link(row, transport, **config)
    made = replace(made, base_url=base_url) if base_url else made

    async def ask() -> None:
        await factory(row.kind)(made).send(request, "m", ignore)

    virtual.run(ask())
    call = transport.calls[0]
    return call.url, dict(call.headers), json.loads(call.body or b"")


def body(row: Row, request: Request, base_url: str | None = None, **config: Any) -> Any:
    return sent(row, request, base_url, **config)[2]


def ask(*messages: Message, **fields: Any) -> Request:
    return Request(messages or HELLO.messages, **fields)


def test_openai_sends_what_was_asked_and_no_more() -> None:
    """
    Unset parameters are left out; usage is asked for; OpenAI itself is told not to pad.
    """
    assert body(OPENAI, HELLO) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "stream_options": {"include_usage": True, "include_obfuscation": False},
    }


def test_openai_whole() -> None:
    """
    Without a stream there are no stream fields.
    """
    assert body(OPENAI, ask(stream=False, params=Params(seed=7, extra={"top_p": 0.1}))) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hello"}],
        "seed": 7,
        "top_p": 0.1,
    }


@pytest.mark.parametrize(
    ("base_url", "config", "field"),
    [
        pytest.param(None, {}, "max_completion_tokens", id="openai"),
        pytest.param("http://127.0.0.1:8000/v1", {}, "max_tokens", id="compatible"),
        pytest.param(
            "http://h/v1", {"max_tokens_field": "max_completion_tokens"}, "max_completion_tokens", id="profile"
        ),
    ],
)
def test_openai_names_the_output_limit(base_url: str | None, config: dict[str, Any], field: str) -> None:
    """
    OpenAI refuses the old name, most copies know no other.
    """
    found = body(OPENAI, ask(params=FULL), base_url, **config)

    assert {key: found[key] for key in (field, "temperature", "stop")} == {
        field: 9,
        "temperature": 0.5,
        "stop": ["END"],
    }
    assert {"max_tokens", "max_completion_tokens"} & found.keys() == {field}


def test_copies_of_openai_get_no_field_of_its_own() -> None:
    """
    `include_obfuscation` goes to OpenAI alone.
    """
    assert body(OPENAI, HELLO, "http://127.0.0.1:8000/v1")["stream_options"] == {"include_usage": True}


def test_images_in_three_dialects() -> None:
    """
    Each takes them its own way; every byte arrives, also of equal images.
    """
    request = ask(Message("system", "s"), Message("user", "look", (PNG, PNG)))
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{B64}"}}
    source = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": B64}}
    text = {"type": "text", "text": "look"}

    assert body(OPENAI, request)["messages"][1]["content"] == [text, url, url]
    assert body(OPENROUTER, request)["messages"][1]["content"] == [text, url, url]
    assert body(ANTHROPIC, request)["messages"][0]["content"] == [source, source, text]
    assert body(OLLAMA, request)["messages"][1] == {"role": "user", "content": "look", "images": [B64, B64]}


def test_anthropic_needs_a_limit_and_takes_system_apart() -> None:
    """
    Several system messages are one field; the required limit has a default.
    """
    request = ask(Message("system", "a"), Message("system", "b"), Message("user", "hi"), params=Params(stop=("END",)))

    assert body(ANTHROPIC, request) == {
        "model": "m",
        "max_tokens": 4096,
        "system": "a\n\nb",
        "messages": [{"role": "user", "content": "hi"}],
        "stop_sequences": ["END"],
        "stream": True,
    }


@pytest.mark.parametrize(
    ("limit", "streams"), [pytest.param(21_333, False, id="short"), pytest.param(21_334, True, id="long")]
)
def test_anthropic_streams_long_answers(limit: int, streams: bool) -> None:
    """
    An answer that may take over ten minutes does not come whole.
    """
    assert body(ANTHROPIC, ask(stream=False, params=Params(max_tokens=limit))).get("stream", False) is streams


def test_ollama_names_its_context_and_forbids_cutting() -> None:
    """
    Ollama's own defaults cut prompts in silence.
    """
    params = Params(max_tokens=9, seed=1, temperature=0.0, extra={"keep_alive": "10m", "top_k": 3, "think": True})

    assert body(OLLAMA, ask(params=params)) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "truncate": False,
        "keep_alive": "10m",
        "think": True,
        "options": {"num_ctx": 4096, "num_predict": 9, "temperature": 0.0, "seed": 1, "top_k": 3},
    }


def test_ollama_keeps_the_context_it_loaded() -> None:
    """
    A smaller prompt after a larger one does not make the model load again; the profile's size is final.
    """
    transport = Scripted([OLLAMA.wire("plain")], headers=OLLAMA.streamed)
    provider = factory("ollama")(link(OLLAMA, transport))

    async def both() -> None:
        for size in (60_000, 10):
            await provider.send(ask(Message("user", "x" * size)), "m", ignore)

    virtual.run(both())

    assert [json.loads(call.body or b"")["options"]["num_ctx"] for call in transport.calls] == [32768, 32768]
    assert body(OLLAMA, ask(Message("user", "x" * 60_000)), num_ctx=8192)["options"]["num_ctx"] == 8192


def test_a_schema_in_three_dialects() -> None:
    """
    OpenAI is strict, Anthropic wants objects closed, Ollama is told in words too and must not think.
    """
    request = ask(schema=SCHEMA)
    strict = {"name": "answer", "strict": True, "schema": {**CLOSED, "required": ["n"]}}
    ollama = body(OLLAMA, request)

    assert body(OPENAI, request)["response_format"] == {"type": "json_schema", "json_schema": strict}
    assert body(ANTHROPIC, request)["output_config"] == {"format": {"type": "json_schema", "schema": CLOSED}}
    assert (ollama["format"], ollama["think"]) == (SCHEMA, False)
    assert ollama["messages"][0]["content"].startswith("hello\n\nAnswer with JSON that meets this JSON Schema: {")


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"type": "array", "items": {"type": "string"}}, id="no-object"),
        pytest.param({"type": "object"}, id="open-object"),
        pytest.param({"type": "object", "additionalProperties": {"type": "integer"}}, id="map"),
        pytest.param({"type": "object", "properties": {"a": {"oneOf": [{"type": "null"}]}}}, id="one-of"),
        pytest.param({"type": "object", "properties": {"a": {}}}, id="anything"),
        pytest.param({"type": "object", "properties": {"a": {"items": {"type": "object"}}}}, id="deep"),
        pytest.param({"type": "object", "properties": ["a"]}, id="broken"),
    ],
)
def test_a_schema_outside_of_the_subset_is_sent_as_it_is(schema: dict[str, Any]) -> None:
    """
    Better a schema as a hint than a refusal.
    """
    found = body(OPENAI, ask(schema=schema))["response_format"]["json_schema"]

    assert found == {"name": "answer", "strict": False, "schema": schema}


def test_limits_become_words_for_anthropic() -> None:
    """
    Its grammar knows no ranges; the answer is checked against the original anyway.
    """
    schema = {
        "$schema": "x",
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 1, "description": "count"}, "u": {"oneOf": [SCHEMA]}},
    }

    assert body(ANTHROPIC, ask(schema=schema))["output_config"]["format"]["schema"] == {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "description": 'count\n\n{"minimum": 1}'},
            "u": {"anyOf": [CLOSED]},
        },
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("row", "params", "names"),
    [
        pytest.param(
            ANTHROPIC, Params(seed=1), "anthropic (anthropic) does not support the parameter: seed", id="seed"
        ),
        pytest.param(OPENAI, Params(extra={"max_tokens": 10**9}), "max_tokens", id="limit-behind-the-budget"),
        pytest.param(
            OPENAI,
            Params(extra={"extra_body": {"x": 1}}),
            "extra_body cannot be set as an option of openai",
            id="a-body-in-the-body",
        ),
        pytest.param(ANTHROPIC, Params(extra={"stream": False}), "stream", id="stream"),
        pytest.param(OLLAMA, Params(extra={"num_predict": -1}), "num_predict", id="endless"),
        pytest.param(OPENAI, Params(temperature=float("nan")), "JSON", id="nan"),
    ],
)
def test_what_cannot_be_sent_is_refused(row: Row, params: Params, names: str) -> None:
    """
    No parameter is dropped in silence, and none may undo a limit; nothing was paid.
    """
    with pytest.raises(Rejected) as caught:
        body(row, ask(params=params))

    assert names in caught.value.message
    assert caught.value.may_be_billed is False


@pytest.mark.parametrize("text", [pytest.param("", id="empty"), pytest.param(" \n", id="blank")])
def test_anthropic_takes_no_blank_message(text: str) -> None:
    """
    It would answer 400.
    """
    with pytest.raises(Rejected, match="an empty message"):
        body(ANTHROPIC, ask(Message("user", text)))


def test_text_that_is_not_unicode() -> None:
    """
    An argument with broken bytes is named, not mangled.
    """
    with pytest.raises(Rejected, match="lone surrogate"):
        body(OPENAI, ask(Message("user", "caf\udce9")))


@pytest.mark.parametrize(
    ("row", "base_url", "expected"),
    [
        pytest.param(OPENAI, "https://h", "https://h/v1/chat/completions", id="openai-bare"),
        pytest.param(OPENAI, "https://h/v1/", "https://h/v1/chat/completions", id="openai-slash"),
        pytest.param(OPENAI, "https://h/v1/chat/completions", "https://h/v1/chat/completions", id="openai-whole"),
        pytest.param(OPENAI, "https://h/api/v1?k=1", "https://h/api/v1/chat/completions?k=1", id="openai-query"),
        pytest.param(ANTHROPIC, "https://h/", "https://h/v1/messages", id="anthropic-slash"),
        pytest.param(ANTHROPIC, "https://h/x/v1", "https://h/x/v1/messages", id="anthropic-v1"),
        pytest.param(ANTHROPIC, "https://h/v1/messages", "https://h/v1/messages", id="anthropic-whole"),
        pytest.param(OLLAMA, "http://h:1/ol/", "http://h:1/ol/api/chat", id="ollama-prefix"),
        pytest.param(OLLAMA, "http://h:1/api/chat", "http://h:1/api/chat", id="ollama-whole"),
        pytest.param(OLLAMA, "http://h:1/api/", "http://h:1/api/chat", id="ollama-api"),
        pytest.param(OLLAMA, "http://h:1/v1", "http://h:1/api/chat", id="ollama-v1"),
    ],
)
def test_addresses_as_people_write_them(row: Row, base_url: str, expected: str) -> None:
    """
    With and without `/v1`, slash or the whole path.
    """
    assert sent(row, HELLO, base_url)[0] == expected


@pytest.mark.parametrize("url", ["ftp://h", "h:80/v1", "http://", "http://h:99999", "http://h h/"])
def test_addresses_that_are_none(url: str) -> None:
    """
    A wrong base_url is a matter of the profile.
    """
    with pytest.raises(ConfigError, match="not an http address"):
        sent(OPENAI, HELLO, url)


def test_who_gets_which_key() -> None:
    """
    Each dialect has its header; a local Ollama never sees a key that was meant for the cloud.
    """
    openai, anthropic = sent(OPENAI, HELLO)[1], sent(ANTHROPIC, HELLO)[1]
    own = sent(ANTHROPIC, HELLO, headers={"Authorization": "Bearer t"}, api_version="2026-10-21")[1]

    assert openai["authorization"] == f"Bearer {KEY}"
    assert (anthropic["x-api-key"], anthropic["anthropic-version"]) == (KEY, "2023-06-01")
    assert (own.get("x-api-key"), own["authorization"], own["anthropic-version"]) == (None, "Bearer t", "2026-10-21")
    assert "authorization" not in sent(OLLAMA, HELLO)[1]
    assert sent(OLLAMA, HELLO, "https://ollama.com")[1]["authorization"] == f"Bearer {KEY}"
    assert sent(OLLAMA, HELLO, api_key_env="MY_KEY")[1]["authorization"] == f"Bearer {KEY}"


def test_headers_that_cannot_be_sent() -> None:
    """
    A key with a line end or a letter from elsewhere is named as such, and not shown.
    """
    from dataclasses import replace

    bad = replace(link(OPENAI, Scripted([])), api_key="sk-ä\n")
    with pytest.raises(CredentialsError, match="the key of openai") as caught:
        factory("openai")(bad)

    assert "sk-" not in caught.value.message
    with pytest.raises(ConfigError, match="not a header"):
        sent(OPENAI, HELLO, headers={"X-Team": "a\r\nb"})


def test_kinds_that_do_not_exist() -> None:
    """
    The hint names those that do.
    """
    with pytest.raises(ConfigError, match="unknown kind of provider: opnai"):
        factory("opnai")
