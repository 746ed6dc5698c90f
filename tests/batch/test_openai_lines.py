"""Rows as lines of the vendors' batch output: what reads theirs reads ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict

from llmo.batch.output.export import shaper
from llmo.batch.output.openai_lines import line

if TYPE_CHECKING:
    from tests.conftest import Llmo

# The line of OpenAI's guide (platform.openai.com/docs/guides/batch), with the fields that its models send today.
VENDOR = {
    "id": "batch_req_123",
    "custom_id": "request-2",
    "response": {
        "status_code": 200,
        "request_id": "req_123",
        "body": {
            "id": "chatcmpl-123",
            "object": "chat.completion",
            "created": 1711652795,
            "model": "gpt-3.5-turbo-0125",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "Hello.", "refusal": None},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": 22,
                "completion_tokens": 2,
                "total_tokens": 24,
                "prompt_tokens_details": {"cached_tokens": 3},
                "completion_tokens_details": {"reasoning_tokens": 1},
            },
            "system_fingerprint": None,
        },
    },
    "error": None,
}
ROW = {
    "id": "request-2",
    "index": 4,
    "key": "9f",
    "status": "ok",
    "text": "Hello.",
    "data": None,
    "tool_calls": [],
    "provider": "openai",
    "model": "gpt-3.5-turbo-0125",
    "finish_reason": "stop",
    "usage": {
        "input_tokens": 22,
        "cached_input_tokens": 3,
        "cache_write_tokens": 0,
        "output_tokens": 2,
        "reasoning_tokens": 1,
    },
    "error": None,
}
NOT_GOOD = {"kind": "invalid_output", "message": "the answer does not match the schema"}


class Strict(BaseModel):
    """A reader that takes nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Called(Strict):
    name: str
    arguments: str


class Call(Strict):
    id: str | None
    type: Literal["function"]
    function: Called


class Said(Strict):
    role: Literal["assistant"]
    content: str | None
    refusal: str | None
    tool_calls: list[Call] = []


class Choice(Strict):
    index: int
    message: Said
    logprobs: None
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter", "function_call"]


class Completion(Strict):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: dict[str, Any] | None
    system_fingerprint: None


class Response(Strict):
    status_code: Literal[200]
    request_id: str
    body: Completion


class Failure(Strict):
    code: str
    message: str


class Line(Strict):
    id: str
    custom_id: str
    response: Response | None
    error: Failure | None


def test_an_answer_is_the_vendors_line_but_for_its_ids() -> None:
    """Field by field, in its order."""
    names = {"id": "llmo_4_9f", "request_id": "9f", "chat": "chatcmpl-9f"}
    expected = json.loads(json.dumps(VENDOR))
    expected["id"], expected["response"]["request_id"] = names["id"], names["request_id"]
    expected["response"]["body"]["id"] = names["chat"]

    assert json.dumps(expected) == json.dumps(line(ROW, 1711652795))


@pytest.mark.parametrize(
    ("changes", "content", "refusal", "finish", "code"),
    [
        pytest.param({}, "Hello.", None, "stop", None, id="ok"),
        pytest.param({"text": ""}, "", None, "stop", None, id="empty"),
        pytest.param(
            {"status": "truncated", "finish_reason": "length"}, "Hello.", None, "length", None, id="truncated"
        ),
        pytest.param(
            {"status": "truncated", "finish_reason": None, "error": {"kind": "incomplete", "message": "paused"}},
            "Hello.",
            None,
            "length",
            "incomplete",
            id="paused",
        ),
        pytest.param(
            {"status": "refused", "finish_reason": "refusal", "text": "No."}, None, "No.", "stop", None, id="refused"
        ),
        pytest.param(
            {"status": "refused", "finish_reason": "content_filter"},
            "Hello.",
            None,
            "content_filter",
            None,
            id="filter",
        ),
        pytest.param({"status": "invalid", "error": NOT_GOOD}, "Hello.", None, "stop", "invalid_output", id="invalid"),
        pytest.param({"usage": None}, "Hello.", None, "stop", None, id="no usage"),
        pytest.param(
            {
                "text": "",
                "finish_reason": "tool_calls",
                "tool_calls": [{"id": None, "name": "f", "arguments": {"a": 1}}],
            },
            None,
            None,
            "tool_calls",
            None,
            id="a call",
        ),
    ],
)
def test_every_answer_has_a_response(
    changes: dict[str, Any], content: str | None, refusal: str | None, finish: str, code: str | None
) -> None:
    """It is paid for; one that is not good has an error as well."""
    read = Line.model_validate(line({**ROW, **changes}, 5))

    assert read.response is not None
    choice = read.response.body.choices[0]
    assert (content, refusal, finish) == (choice.message.content, choice.message.refusal, choice.finish_reason)
    assert code == (read.error and read.error.code)


@pytest.mark.parametrize("status", ["error", "refused", "unknown"])
def test_what_got_no_answer_has_an_error_alone(status: str) -> None:
    """As the vendors write requests that expired."""
    failed = {"status": status, "text": None, "finish_reason": None, "error": {"kind": "timeout", "message": "slow"}}
    read = Line.model_validate(line({**ROW, **failed}, 5))

    assert (None, "timeout", "slow") == (
        read.response,
        read.error and read.error.code,
        read.error and read.error.message,
    )


def test_a_stream_has_the_time_at_which_each_line_is_written() -> None:
    """Seconds, whole."""
    written = json.loads(shaper("openai-batch", [], now=lambda: 12.7)(ROW))

    assert written["response"]["body"]["created"] == 12


def test_a_batch_file_goes_in_and_a_batch_output_comes_out(llmo: Llmo) -> None:
    """One line for each, by its id, and the same bytes when it is written again."""
    asked = [
        {
            "custom_id": f"r{n}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": "echo", "messages": [{"role": "user", "content": f"hello {n}"}]},
        }
        for n in range(3)
    ]
    (llmo.home / "in.jsonl").write_text("".join(json.dumps(one) + "\n" for one in asked), "utf-8")
    args = ("batch", "in.jsonl", "-P", "offline", "--output-format", "openai-batch", "-o", "out.jsonl")
    first = llmo(*args)
    written = (llmo.home / "out.jsonl").read_bytes()
    again = llmo(*args)

    assert (0, 0) == (first.code, again.code), first
    assert written == (llmo.home / "out.jsonl").read_bytes()
    lines = [Line.model_validate_json(one) for one in written.splitlines()]
    assert ["r0", "r1", "r2"] == [one.custom_id for one in lines]
    assert len({one.id for one in lines}) == 3


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"method": "GET"}, "method GET is not POST"),
        ({"url": "/v1/embeddings"}, "url /v1/embeddings is not /chat/completions"),
        ({"custom_id": None}, "custom_id"),
    ],
)
def test_a_line_that_is_no_chat_is_refused(llmo: Llmo, change: dict[str, Any], why: str) -> None:
    """With its place, before anything is sent."""
    asked = {
        "custom_id": "r",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "echo", "messages": [{"role": "user", "content": "x"}]},
        **change,
    }
    (llmo.home / "in.jsonl").write_text(json.dumps({k: v for k, v in asked.items() if v is not None}) + "\n", "utf-8")
    run = llmo("batch", "in.jsonl", "--input-format", "openai-batch", "-P", "offline", "-o", "out.jsonl")

    assert (2, True) == (
        run.code,
        f"not a request: in.jsonl:1: {why}" in run.stderr or f"in.jsonl:1: no {why}" in run.stderr,
    ), run
