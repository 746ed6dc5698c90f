"""How answers end: without a reason, in a pause, in an error; and what had come before it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from llmo.errors import Broken, Incomplete, LlmoError, QuotaExhausted, RateLimited, Rejected, Unavailable, Unfinished
from llmo.types.events import Finish, Notice, ReportedCost, Text, Usage
from tests.contract.dialects import (
    ANTHROPIC,
    DIALECTS,
    HELLO,
    JSON,
    LITELLM,
    OLLAMA,
    OPENAI,
    OPENROUTER,
    Row,
    Scripted,
    events,
)
from tests.fakes import A, B, Stage
from tests.fakes import Scripted as Provider

if TYPE_CHECKING:
    from llmo.types.events import Event

WHOLE = replace(HELLO, stream=False)
COUNTED = {"prompt_tokens": 3, "completion_tokens": 2}
TOLD = (Text, Usage, ReportedCost, Finish, Notice, LlmoError)


def told(found: list[Event | LlmoError]) -> list[Event | type[LlmoError]]:
    """What matters of an answer: its text, money and end, an error by its class."""
    kept = [event for event in found if isinstance(event, TOLD)]
    return [type(event) if isinstance(event, LlmoError) else event for event in kept]


def sse(*messages: dict[str, Any] | str) -> bytes:
    lines = [message if isinstance(message, str) else json.dumps(message) for message in messages]
    return "".join(f"data: {line}\n\n" for line in lines).encode()


def streamed(row: Row, *messages: dict[str, Any] | str) -> list[Event | type[LlmoError]]:
    data = sse(*messages) if row.stream == "sse" else b"".join(json.dumps(m).encode() + b"\n" for m in messages)
    return told(events(row, Scripted([data], headers=row.streamed)))


def whole(row: Row, body: dict[str, Any], status: int = 200) -> list[Event | type[LlmoError]]:
    return told(events(row, Scripted([json.dumps(body).encode()], status, JSON), WHOLE))


def chunk(content: str = "", reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": reason}], **fields}


def completion(reason: Any = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": "hi"}, "finish_reason": reason}], **fields}


def taken(row: Row) -> Notice:
    marker = {"anthropic": "message_stop", "ollama": "done: true"}.get(row.kind, "a finish_reason")
    return Notice(f"{row.kind} sent the answer without {marker}; treating it as complete")


UNREASONED: dict[str, dict[str, Any]] = {
    "anthropic": {
        "type": "message",
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
    },
    "ollama": {"message": {"content": "hi"}, "prompt_eval_count": 3, "eval_count": 2},
}


@pytest.mark.parametrize("row", [pytest.param(row, id=row.kind) for row in DIALECTS])
def test_a_whole_answer_without_a_reason_is_kept(row: Row) -> None:
    """
    A body that parses, with text and usage, is complete; a warning says what it lacked.
    """
    body = UNREASONED.get(row.kind, completion(usage=COUNTED))

    assert whole(row, body) == [Text("hi"), taken(row), Usage(3, 2), Finish("stop")]


def test_a_whole_answer_without_reason_and_usage_is_incomplete_and_kept() -> None:
    """
    Nothing says that it came to its end, but its text is there.
    """
    assert whole(OPENAI, completion()) == [Text("hi"), Incomplete]


def test_a_body_without_an_answer_that_was_billed_is_not_bought_again() -> None:
    """
    Without usage another try may mend it; with usage each one costs.
    """
    assert whole(OPENAI, {"choices": []}) == [Unavailable]
    assert whole(OPENAI, {"choices": [], "usage": COUNTED}) == [Usage(3, 2), Broken]


@pytest.mark.parametrize("row", [pytest.param(row, id=row.kind) for row in DIALECTS if row.kind != "ollama"])
def test_an_answer_of_another_api_is_bought_once_and_told_as_such(row: Row) -> None:
    """
    OpenAI's responses have other names for everything; what they count says at least that they are billed.
    """
    said = [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]
    usage = {"input_tokens": "3", "tokens": 5}
    body = {"object": "response", "status": "completed", "output": said, "usage": usage}
    found = events(row, Scripted([json.dumps(body).encode()], headers=JSON), WHOLE)[-1]

    assert isinstance(found, Broken)
    assert found.message == f"{row.kind} returned HTTP 200 without an answer"
    assert found.hint is not None
    assert found.hint.startswith("is http")
    assert found.hint.endswith(f"really an {row.kind} server?")


def test_done_after_usage_ends_an_answer() -> None:
    """
    Some servers give no reason at all; the count and `[DONE]` together are their marker.
    """
    last: dict[str, Any] = {"choices": [], "usage": COUNTED}

    assert streamed(OPENAI, chunk("hi"), last, "[DONE]") == [Text("hi"), taken(OPENAI), Usage(3, 2), Finish("stop")]
    assert streamed(OPENAI, chunk("hi", usage=COUNTED), "[DONE]")[1:] == [taken(OPENAI), Usage(3, 2), Finish("stop")]
    assert streamed(OPENAI, chunk("hi"), "[DONE]") == [Text("hi"), Incomplete]
    assert streamed(OPENAI, chunk("hi"), last) == [Text("hi"), Usage(3, 2), Incomplete]


def test_a_count_of_an_answer_that_was_cut_is_passed_on() -> None:
    """
    It may not be the last one: the engine books it as the least that was spent, and leaves the rest in doubt.
    """
    began = {"type": "message_start", "message": {"usage": {"input_tokens": 30, "output_tokens": 1}}}
    spoke = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}}
    busy = {"type": "error", "error": {"type": "api_error", "message": "x"}}

    assert streamed(OPENAI, chunk("hi", usage=COUNTED)) == [Text("hi"), Usage(3, 2), Incomplete]
    assert streamed(ANTHROPIC, began, spoke) == [Text("hi"), Usage(30, 1), Incomplete]
    assert streamed(ANTHROPIC, began, spoke, busy) == [Text("hi"), Usage(30, 1), Incomplete]


PAUSED = [
    pytest.param(
        ANTHROPIC,
        {
            "type": "message",
            "content": [{"type": "text", "text": "hi"}],
            "stop_reason": "pause_turn",
            "usage": {"input_tokens": 3, "output_tokens": 2},
        },
        id="anthropic",
    ),
    pytest.param(OPENAI, completion("pause_turn", usage=COUNTED), id="copy"),
    pytest.param(
        OPENROUTER,
        {
            "choices": [{"message": {"content": "hi"}, "finish_reason": "stop", "native_finish_reason": "pause_turn"}],
            "usage": COUNTED,
        },
        id="openrouter",
    ),
    pytest.param(
        LITELLM,
        {
            "choices": [
                {
                    "message": {"content": "hi", "provider_specific_fields": {"stop_reason": "pause_turn"}},
                    "finish_reason": "length",
                }
            ],
            "usage": COUNTED,
        },
        id="litellm-proxy",
    ),
]


@pytest.mark.parametrize(("row", "body"), PAUSED)
def test_a_paused_turn_is_incomplete(row: Row, body: dict[str, Any]) -> None:
    """
    The model waits to be called again: what it said and what it cost are kept.
    """
    assert whole(row, body) == [Text("hi"), Usage(3, 2), Unfinished]


def test_a_paused_stream_is_read_to_its_end() -> None:
    """
    The bill comes after the reason.
    """
    stop = {"type": "message_delta", "delta": {"stop_reason": "pause_turn"}, "usage": {"output_tokens": 2}}
    spoke = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}}
    began = {"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}}
    last: dict[str, Any] = {"choices": [], "usage": {**COUNTED, "cost": 0.5}}

    assert streamed(ANTHROPIC, began, spoke, stop, {"type": "message_stop"}) == [Text("hi"), Usage(3, 2), Unfinished]
    assert streamed(OPENROUTER, chunk("hi"), chunk(reason="pause_turn"), last, "[DONE]") == [
        Text("hi"),
        Usage(3, 2),
        ReportedCost(5 * 10**11),
        Unfinished,
    ]


def test_a_paused_turn_is_bought_once() -> None:
    """
    Neither again nor elsewhere, not even where nothing was shown: it would end and cost the same.
    """
    paused = Provider([Text("hi"), Usage(3, 2), Unfinished("paused")])
    other = Provider([Text("no"), Finish("stop")])
    stage = Stage({A: paused, B: other})
    _, execution = stage.play(restart=True)

    assert execution.result is not None
    assert (execution.result.text, execution.result.usage, execution.result.complete) == ("hi", Usage(3, 2), False)
    assert (type(execution.result.error), len(paused.requests), len(other.requests)) == (Unfinished, 1, 0)
    assert stage.log == ["hold a", "settle a 23000000 computed incomplete"]


BUSY = {"message": "slow down", "code": "rate_limit_exceeded"}
FAULTS = [
    pytest.param(
        OPENAI,
        {**chunk("hi"), "usage": COUNTED, "error": BUSY},
        [Text("hi"), Usage(3, 2), Incomplete],
        id="openai-on-top",
    ),
    pytest.param(
        OPENAI,
        {"choices": [{"delta": {"content": "hi"}, "finish_reason": "error", "error": BUSY}], "usage": COUNTED},
        [Text("hi"), Usage(3, 2), Incomplete],
        id="openai-in-the-choice",
    ),
    pytest.param(
        OPENAI,
        {**chunk("hi", "stop"), "usage": COUNTED, "error": BUSY},
        [Text("hi"), Usage(3, 2), Incomplete],
        id="openai-with-a-reason",
    ),
    pytest.param(
        OPENROUTER,
        {**chunk("hi"), "usage": {**COUNTED, "cost": 0.5}, "error": BUSY},
        [Text("hi"), Usage(3, 2), ReportedCost(5 * 10**11), Incomplete],
        id="openrouter",
    ),
    pytest.param(
        LITELLM,
        {"usage": {**COUNTED, "cost": 0.5}, "error": BUSY},
        [Usage(3, 2), ReportedCost(5 * 10**11), RateLimited],
        id="litellm-proxy",
    ),
    pytest.param(
        ANTHROPIC,
        {
            "type": "error",
            "error": {"type": "rate_limit_error", "message": "x"},
            "usage": {"input_tokens": 3, "output_tokens": 2},
        },
        [Usage(3, 2), RateLimited],
        id="anthropic",
    ),
    pytest.param(
        OLLAMA,
        {
            "message": {"content": "hi"},
            "prompt_eval_count": 3,
            "eval_count": 2,
            "done": True,
            "error": "too many requests",
        },
        [Text("hi"), Usage(3, 2), Incomplete],
        id="ollama",
    ),
]


@pytest.mark.parametrize(("row", "message", "expected"), FAULTS)
def test_what_came_before_a_failure_comes_before_it(row: Row, message: dict[str, Any], expected: list[Any]) -> None:
    """
    Text, usage and cost of the very message that fails reach the caller, in a stream and in a whole body.
    """
    assert streamed(row, message) == expected
    assert whole(row, message) == expected


@pytest.mark.parametrize("row", [pytest.param(row, id=row.kind) for row in DIALECTS])
def test_a_refused_request_may_have_cost_something(row: Row) -> None:
    """
    A 4xx that counts tokens is told with them.
    """
    counts: dict[str, dict[str, Any]] = {
        "anthropic": {"usage": {"input_tokens": 3, "output_tokens": 2}},
        "ollama": {"prompt_eval_count": 3, "eval_count": 2},
    }
    body = {"error": {"message": "no"}, **counts.get(row.kind, {"usage": COUNTED})}

    assert whole(row, body, 400) == [Usage(3, 2), Rejected]


@pytest.mark.parametrize(
    ("spent", "booked"),
    [
        pytest.param(Usage(3, 2), "settle a 23000000 estimated quota_exhausted, in doubt 977000000", id="usage"),
        pytest.param(ReportedCost(7), "settle a 7 reported quota_exhausted", id="cost"),
        pytest.param(Usage(0, 0), "release a quota_exhausted", id="nothing"),
    ],
)
def test_what_a_refusal_cost_is_booked(spent: Any, booked: str) -> None:
    """
    A hold is released only where nothing says that there is a bill.
    """
    stage = Stage({A: Provider([spent, QuotaExhausted("no")])})
    stage.play()

    assert booked in stage.log


def test_nothing_of_a_chunk_is_lost_to_its_neighbour() -> None:
    """
    Messages that arrive in one piece are taken one by one: one that is no JSON doesn't undo those before it.
    """
    data = sse(chunk("hi"), "{nonsense")

    assert told(events(OPENAI, Scripted([data], headers=OPENAI.streamed))) == [Text("hi"), Incomplete]
    assert told(events(OPENAI, Scripted([data.rstrip()], headers=OPENAI.streamed))) == [Text("hi"), Incomplete]
