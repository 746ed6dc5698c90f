"""Hosts that copy OpenAI's dialect, each in its own way: the manual's rows, their errors, their streams."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from llmo.errors import (
    ContextTooLong,
    ModelNotFound,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from llmo.types.events import Event, Finish, Reasoning, Text, Usage
from tests.contract.dialects import HELLO, JSON, OPENAI, Scripted, events
from tests.providers.test_encode import sent

MANUAL = (Path(__file__).parents[2] / ".ci/prose/llmo-profile.5.md").read_text("utf-8")
HOSTS = dict(re.findall(r"^([\w. ]+)\n: (`base_url = .*)$", MANUAL, re.MULTILINE))
WANTED = ["vLLM", "llama.cpp", "LM Studio", "Groq", "Together", "Mistral", "DeepSeek", "Gemini"]


def provider(lines: str) -> dict[str, Any]:
    """The table that the manual's lines make."""
    return tomllib.loads("\n".join(re.findall(r"`([^`]+)`", lines)))


def test_the_manual_has_a_row_for_each_host() -> None:
    """
    What is promised to work by profile alone is written down.
    """
    assert list(HOSTS) == WANTED


@pytest.mark.parametrize("host", WANTED)
def test_a_row_is_all_that_it_takes(host: str, llmo: Any, tmp_path: Path) -> None:
    """
    A provider of these lines is valid, is private where it says so, and asks for `max_tokens` at the right path.
    """
    lines = provider(HOSTS[host])
    path = tmp_path / "host.toml"
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in lines.items())
    path.write_text(f'[providers.host]\nkind = "openai"\nmodels = ["m"]\n{text}\n', "utf-8")
    key = {lines["api_key_env"]: "k"} if "api_key_env" in lines else {}
    run = llmo("-P", path, "route", "hello", "--json", "--private", env=key)
    config = {name: value for name, value in lines.items() if name not in ("base_url", "local", "concurrency")}
    url, _, body = sent(OPENAI, HELLO, lines["base_url"], **config)

    assert [1 if lines.get("local") else None] == [one["rank"] for one in run.json["candidates"]], run
    assert f"{lines['base_url']}/chat/completions" == url
    assert "max_completion_tokens" not in body


def error(message: Any, *fields: Any) -> str:
    names = ("type", "code", "param")
    return json.dumps({"error": {"message": message, **dict(zip(names, fields, strict=False))}})


CASES = [
    (
        "vllm-model",
        404,
        '{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404}',
    ),
    ("llamacpp-size", 400, error("the request exceeds the available context size", "exceed_context_size_error", 400)),
    ("llamacpp-loading", 503, error("Loading model", "unavailable_error", 503)),
    ("llamacpp-key", 401, error("Invalid API Key", "authentication_error", 401)),
    ("lmstudio-model", 404, '{"error":"Model not found"}'),
    ("lmstudio-size", 400, '{"error":"The model is loaded with context length of only 4096 tokens"}'),
    (
        "groq-never-fits",
        413,
        error("Request too large (TPM): Limit 6000, Requested 7022", "tokens", "rate_limit_exceeded"),
    ),
    (
        "groq-busy",
        429,
        error("Rate limit (TPM): Limit 6000, Used 5000, Requested 1022", "tokens", "rate_limit_exceeded"),
    ),
    ("together-model", 404, error("Unable to access model x", "invalid_request_error", "model_not_available")),
    ("together-size", 422, error("`inputs` tokens + `max_new_tokens` must be <= 8193", "invalid_request_error")),
    ("together-busy", 503, error("The server is overloaded or not ready yet.", "server_error", "overloaded")),
    ("mistral-model", 400, '{"object":"error","message":"Invalid model: x","type":"invalid_model","code":"1500"}'),
    (
        "mistral-busy",
        429,
        '{"object":"error","message":"capacity","type":"service_tier_capacity_exceeded","code":"3505"}',
    ),
    ("mistral-key", 401, '{"message":"Unauthorized","request_id":"abc"}'),
    (
        "mistral-parameter",
        422,
        '{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"not permitted"}]}}',
    ),
    ("deepseek-credit", 402, error("Insufficient Balance", "unknown_error", "invalid_request_error")),
    ("deepseek-model", 400, error("Model Not Exist", "invalid_request_error", "invalid_request_error")),
    ("gemini-key", 400, '[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}]'),
    ("gemini-model", 404, '[{"error":{"code":404,"message":"models/x is not found","status":"NOT_FOUND"}}]'),
]
EXPECTED = {
    ModelNotFound: "vllm-model lmstudio-model together-model mistral-model deepseek-model gemini-model",
    ContextTooLong: "llamacpp-size lmstudio-size together-size",
    Unavailable: "llamacpp-loading together-busy",
    Unauthorized: "llamacpp-key mistral-key gemini-key",
    RateLimited: "groq-busy mistral-busy",
    Rejected: "groq-never-fits mistral-parameter",
    QuotaExhausted: "deepseek-credit",
}
KINDS = {name: kind for kind, names in EXPECTED.items() for name in names.split()}


def failure(status: int, body: str) -> ProviderError:
    found = events(OPENAI, Scripted([body.encode()], status, JSON))[-1]
    assert isinstance(found, ProviderError)
    return found


@pytest.mark.parametrize(("name", "status", "body"), CASES, ids=[case[0] for case in CASES])
def test_complaints_are_understood(name: str, status: int, body: str) -> None:
    """
    Each host's words for the same few things.
    """
    assert KINDS[name] is type(failure(status, body))


def test_a_parameter_that_is_refused_is_named() -> None:
    """
    FastAPI says where; the message does too.
    """
    body = next(case[2] for case in CASES if case[0] == "mistral-parameter")

    assert "openai returned HTTP 422: seed: not permitted" == failure(422, body).message


def test_google_says_when_to_come_back_in_the_body() -> None:
    """
    Its compatible endpoint has no Retry-After.
    """
    wait = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}]
    body = json.dumps([{"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED", "details": wait}}])
    found = failure(429, body)

    assert (RateLimited, 34.5) == (type(found), found.retry_after)


def chunk(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> str:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return f"data: {json.dumps({'id': 'c', 'model': 'm', 'choices': choices, **more})}\n\n"


def used(given: int, made: int) -> dict[str, Any]:
    return {"usage": {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([chunk({"content": "Hi"}), chunk({}, "stop")], [], id="llama.cpp: no usage, no DONE"),
        pytest.param(
            [chunk({"content": "Hi"}, **used(9, 1)), chunk({}, "stop", **used(9, 4)), "data: [DONE]\n\n"],
            [Usage(9, 4)],
            id="Gemini: usage in every chunk, the last counts",
        ),
        pytest.param(
            [
                ": keep-alive\n\n",
                chunk({"content": "Hi"}),
                chunk({"content": ""}, "stop", **used(9, 4)),
                "data:[DONE]\n\n",
            ],
            [Usage(9, 4)],
            id="DeepSeek: comments, usage beside the finish",
        ),
        pytest.param(
            [chunk({"content": "Hi"}, usage=None), chunk({}, "stop", x_groq={"id": "req"}), chunk(None, **used(9, 4))],
            [Usage(9, 4)],
            id="Groq: fields of its own",
        ),
    ],
)
def test_streams_are_taken_as_they_come(parts: list[str], expected: list[Event]) -> None:
    """
    Usage and [DONE] may be missing or stand elsewhere; a finish reason must come.
    """
    found = events(OPENAI, Scripted(["".join(parts).encode()], headers=OPENAI.streamed))

    assert [Text("Hi"), *expected, Finish("stop")] == [e for e in found if isinstance(e, Text | Usage | Finish)]


def test_reasoning_has_two_names() -> None:
    """
    DeepSeek and vLLM say `reasoning_content`, Groq and newer vLLM `reasoning`.
    """
    for name in ("reasoning_content", "reasoning"):
        data = chunk({name: "hm"}) + chunk({"content": "Hi"}, "stop")
        assert Reasoning("hm") in events(OPENAI, Scripted([data.encode()], headers=OPENAI.streamed))
