"""What single dialects say that no other does: usage, odd streams, hints, truncation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmo.errors import Incomplete, LlmoError, ProviderError, RateLimited, Unauthorized, Unavailable, Unfinished
from llmo.providers.anthropic import provider as anthropic
from llmo.providers.ollama import provider as ollama
from llmo.providers.ollama.context import Prompt
from llmo.providers.openai import decoder as openai
from llmo.types.events import Event, Finish, Notice, Reasoning, ServedBy, Text, Usage
from llmo.types.messages import Message, Request
from tests.contract.dialects import ANTHROPIC, HELLO, JSON, KEY, OLLAMA, OPENAI, Row, Scripted, events, played

HI = [Text("hi"), Finish("stop")]


def chunks(*messages: dict[str, Any] | str) -> Scripted:
    data = [message if isinstance(message, str) else json.dumps(message) for message in messages]
    return Scripted(["".join(f"data: {line}\n\n" for line in data).encode()], headers=OPENAI.streamed)


def chunk(content: Any = None, reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": reason}], **fields}


def told(row: Row, status: int, body: str, headers: dict[str, str] | None = None) -> ProviderError:
    found = events(row, Scripted([body.encode()], status, JSON | (headers or {})))[-1]
    assert isinstance(found, ProviderError)
    return found


def told_of(found: list[Event | LlmoError], kind: type) -> list[Any]:
    return [event for event in found if isinstance(event, kind)]


@pytest.mark.parametrize(
    ("row", "usage", "served"),
    [
        pytest.param(OPENAI, Usage(30, 25, 10, 5, 7), ServedBy("gpt-x-2026-10-01", None, "default"), id="openai"),
        pytest.param(ANTHROPIC, Usage(30, 25, 10, 5, 7), ServedBy("claude-x-1", None, "standard"), id="anthropic"),
        pytest.param(OLLAMA, Usage(30, 25), ServedBy("qwen3:8b"), id="ollama"),
    ],
)
def test_parts_of_usage(row: Row, usage: Usage, served: ServedBy) -> None:
    """
    Subsets on one wire, disjoint on the other: inside they mean the same.
    """
    found = played(row, "plain")

    assert told_of(found, Usage) == [usage]
    assert told_of(found, ServedBy) == [served]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"prompt_tokens": 1}, None, id="half"),
        pytest.param({"prompt_tokens": 2.0, "completion_tokens": 1}, Usage(2, 1), id="float"),
        pytest.param({}, None, id="empty"),
    ],
)
def test_usage_of_strangers(value: Any, expected: Usage | None) -> None:
    """
    What is missing is unknown; a whole number may be spelled with a point.
    """
    assert openai.usage(value) == expected


def test_anthropic_counts_replace_each_other() -> None:
    """
    The counts of message_delta are cumulative: adding them would bill twice.
    """
    assert told_of(played(ANTHROPIC, "input_in_delta"), Usage) == [Usage(30, 25, 10, 5)]
    assert anthropic.usage({"input_tokens": 1}) is None


def test_ollama_leaves_zeros_out() -> None:
    """
    No count of the prompt is unknown, no count of the answer is zero.
    """
    assert ollama.usage({"prompt_eval_count": 3}) == Usage(3, 0)
    assert ollama.usage({"eval_count": 3}) is None


@pytest.mark.parametrize(
    "script",
    [
        pytest.param((chunk("hi"), chunk(None, "stop"), "[DONE]"), id="plain"),
        pytest.param((chunk("hi"), chunk(None, "stop")), id="no-done"),
        pytest.param((chunk("hi", "stop"), "[DONE]", {"error": "too late"}), id="done-ends-at-once"),
        pytest.param((chunk("hi", "stop"), "[DONE]", chunk(" and more")), id="nothing-after-done"),
        pytest.param(({"choices": []}, {"choices": None}, chunk("hi", "stop")), id="no-choice"),
        pytest.param((chunk([{"type": "text", "text": "hi"}], "stop"),), id="content-parts"),
        pytest.param((chunk([{"text": "h"}, {"type": "image"}, 7, {"text": "i"}], "stop"),), id="several-parts"),
        pytest.param(({"choices": [{"delta": {"content": "hi", "refusal": ""}}]}, chunk("", "stop")), id="no-refusal"),
        pytest.param(({"choices": [{"delta": {"content": "hi", "refusal": 7}}]}, chunk("", "stop")), id="odd-refusal"),
        pytest.param((chunk("hi", "stop"), {"choices": [{"index": 1, "delta": {"content": "no"}}]}), id="other-choice"),
        pytest.param((chunk("hi\x03".replace("\x03", "")), chunk("", "stop"), "[DONE] "), id="empty-delta"),
    ],
)
def test_streams_of_compatible_servers(script: tuple[Any, ...]) -> None:
    """
    Much is missing in copies; the answer is there.
    """
    assert events(OPENAI, chunks(*script)) == HI


def test_a_tier_that_comes_late_is_told() -> None:
    """
    It sets the price; the model is the first that was named.
    """
    found = events(
        OPENAI,
        chunks(
            chunk("h", model="a"),
            chunk("i", model="b"),
            chunk("", model="a", service_tier="flex"),
            chunk("", "stop", model="a", service_tier="default"),
        ),
    )
    first, *tiers = told_of(found, ServedBy)

    assert (first, tiers) == (ServedBy("a"), [ServedBy("a", None, "flex"), ServedBy("a", None, "default")])
    assert found[0] == ServedBy("a")


@pytest.mark.parametrize("reason", ["", None, 0, 1, [], ["stop"], {}])
def test_what_is_no_reason_ends_no_answer(reason: Any) -> None:
    """
    Some servers send an empty one with each chunk: an answer that is cut then must not pass for a whole one.
    """
    found = events(OPENAI, chunks(chunk("hi", reason)))

    assert found[0] == Text("hi")
    assert isinstance(found[-1], Incomplete)
    assert told_of(found, Notice) == []


@pytest.mark.parametrize("reason", [None, "stop", "length"])
def test_an_error_in_a_choice_is_one_whatever_its_reason(reason: str | None) -> None:
    """
    What went wrong stands beside the reason, and decides whether to try again.
    """
    choice = {"delta": {}, "finish_reason": reason, "error": {"message": "slow down", "code": 429}}
    found = events(OPENAI, chunks({"choices": [choice]}))[-1]

    assert isinstance(found, RateLimited)
    assert found.message == "openai returned HTTP 429: slow down"


def test_a_pause_in_a_chunk_is_seen() -> None:
    """
    A proxy passes Anthropic's word on inside the delta, beside a reason of its own.
    """
    delta = {"content": "hi", "provider_specific_fields": {"stop_reason": "pause_turn"}}
    found = events(OPENAI, chunks({"choices": [{"delta": delta, "finish_reason": "stop"}]}))

    assert found[0] == Text("hi")
    assert isinstance(found[-1], Unfinished)


@pytest.mark.parametrize("letter", ["\U00010000", "\U0001f600", "\U0010fc00", "\U0010ffff"])
def test_a_letter_cut_in_two_is_joined(letter: str) -> None:
    """
    Every letter beyond the first plane, also at the ends of their range.
    """
    high, low = (json.dumps(letter)[1:7], json.dumps(letter)[7:13])
    lines = (
        json.dumps(chunk("<1>")).replace("<1>", f"word {high}"),
        json.dumps(chunk("<2>", "stop")).replace("<2>", low),
    )

    assert events(OPENAI, chunks(*lines)) == [Text("word "), Text(letter), Finish("stop")]


@pytest.mark.parametrize("before", ["word", ""])
def test_half_a_letter_at_the_end_is_replaced(before: str) -> None:
    """
    It is a word too: the answer is not empty.
    """
    line = json.dumps(chunk("<1>", "stop")).replace("<1>", f"{before}\\ud83d")

    assert events(OPENAI, chunks(line)) == [*([Text(before)] if before else []), Text("\ufffd"), Finish("stop")]


def test_usage_on_the_last_word() -> None:
    """
    Some send usage with content, some in every chunk: it goes out once.
    """
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    twice = chunks(chunk("h", usage={**usage, "completion_tokens": 1}), chunk("i", "stop", usage=usage))

    assert told_of(played(OPENAI, "usage_with_content"), Usage) == [Usage(30, 25, 10, 5, 7)]
    assert told_of(events(OPENAI, twice), Usage) == [Usage(1, 2)]


def test_raw_control_characters_in_strings() -> None:
    """
    llama.cpp sends them; they are text.
    """
    raw = 'data: {"choices":[{"delta":{"content":"a\x03b"},"finish_reason":"stop"}]}\n\n'

    assert events(OPENAI, Scripted([raw.encode()], headers=OPENAI.streamed))[0] == Text("a\x03b")


def test_done_without_a_reason() -> None:
    """
    `[DONE]` alone does not complete an answer.
    """
    found = played(OPENAI, "done_too_early")

    assert isinstance(found[-1], Incomplete)
    assert found[-1].message == "openai: the stream ended early, without a finish_reason"


def test_message_stop_without_a_reason() -> None:
    """
    A marker that does not say why is no marker.
    """
    assert isinstance(played(ANTHROPIC, "no_reason")[-1], Incomplete)


def test_an_upstream_error_in_a_chunk() -> None:
    """
    OpenRouter and proxies fail inside a choice.
    """
    found = played(OPENAI, "openrouter_fault")[-1]

    assert isinstance(found, Incomplete)
    assert isinstance(found.__cause__, RateLimited)
    assert found.message == "the stream ended early: openai returned HTTP 429: upstream is busy"


def test_ollamas_last_line_speaks() -> None:
    """
    It may carry text, and no reason.
    """
    found = played(OLLAMA, "last_line_speaks")

    assert told_of(found, Text) == [Text("h"), Text("i")]
    assert found[-1] == Finish("stop")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param('{"choices":[]}', Unavailable, id="no-choices"),
        pytest.param("[]", Unavailable, id="list"),
        pytest.param('{"choices":[{"message":{"content":"hi"}}]}', Incomplete, id="no-reason"),
        pytest.param('{"choices":[{"message":{"content":"h', Unavailable, id="cut"),
        pytest.param("[" * 100_000, Unavailable, id="too-deep"),
    ],
)
def test_bodies_that_are_no_answer(body: str, expected: type[ProviderError]) -> None:
    """
    Status 200 and JSON are not enough.
    """
    found = told(OPENAI, 200, body)

    assert type(found) is expected
    assert found.may_be_billed is True


def test_unknown_reasons_are_said() -> None:
    """
    A new word for the end is still an end.
    """
    found = events(OPENAI, chunks(chunk("hi", "eos")))

    assert found == [Text("hi"), Notice("unknown finish_reason, treated as stop: eos"), Finish("stop")]


def test_a_refusal_says_why() -> None:
    """
    Anthropic explains.
    """
    assert told_of(played(ANTHROPIC, "refusal"), Notice) == [Notice("the model refused: bio: not allowed")]


def test_reasoning_of_other_servers() -> None:
    """
    `reasoning` and `reasoning_content` are the same.
    """
    script = {"choices": [{"delta": {"reasoning": "hm", "content": "hi"}, "finish_reason": "stop"}]}

    assert events(OPENAI, chunks(script)) == [Reasoning("hm"), *HI]


@pytest.mark.parametrize(
    ("row", "status", "body", "hint"),
    [
        pytest.param(
            OPENAI,
            400,
            '{"error":{"message":"Unsupported parameter: \'max_tokens\'","code":"unsupported_parameter","param":"max_tokens"}}',
            'max_tokens_field = "max_completion_tokens"',
            id="max-tokens",
        ),
        pytest.param(
            OPENAI,
            400,
            '{"error":{"message":"Unsupported value: \'temperature\'","code":"unsupported_value","param":"temperature"}}',
            "remove --temperature",
            id="openai-temperature",
        ),
        pytest.param(
            OPENAI,
            400,
            '{"error":{"message":"No.","code":"unsupported_parameter","param":"max_completion_tokens"}}',
            'max_tokens_field = "max_tokens"',
            id="max-completion-tokens-by-param",
        ),
        pytest.param(
            OPENAI,
            400,
            '{"error":{"message":"\'max_completion_tokens\' is not supported here"}}',
            'max_tokens_field = "max_tokens"',
            id="max-completion-tokens-by-words",
        ),
        pytest.param(
            OPENAI,
            400,
            '{"error":{"message":"No.","code":"unsupported_parameter","param":"stop"}}',
            "remove --stop",
            id="stop-by-param",
        ),
        pytest.param(
            OPENAI,
            400,
            '{"error":{"message":"\'response_format\' is not supported with this model"}}',
            "remove --schema",
            id="schema-by-words",
        ),
        pytest.param(
            OPENAI,
            404,
            '{"error":{"message":"\'stop\' is not supported: no such model","code":"model_not_found"}}',
            "llmo models --provider openai",
            id="a-model-that-is-not-there",
        ),
        pytest.param(
            ANTHROPIC,
            400,
            '{"error":{"type":"invalid_request_error","message":"temperature: not permitted"}}',
            "remove --temperature",
            id="anthropic-temperature",
        ),
        pytest.param(OPENAI, 401, '{"error":{"message":"bad"}}', "check the key of openai: OPENAI_API_KEY", id="key"),
        pytest.param(OLLAMA, 404, '{"error":"model \'x\' not found"}', "ollama pull", id="pull"),
        pytest.param(
            OLLAMA, 401, '{"error":"no","signin_url":"https://ollama.com/c"}', "https://ollama.com/c", id="sign-in"
        ),
        pytest.param(OLLAMA, 404, "404 page not found", "is http://127.0.0.1:11434 really an ollama server?", id="404"),
    ],
)
def test_hints_say_what_to_do(row: Row, status: int, body: str, hint: str) -> None:
    """
    The provider's words alone leave the user stuck.
    """
    assert hint in (told(row, status, body).hint or "")


def test_ollamas_silent_403() -> None:
    """
    Its guard of the Host header answers without a word.
    """
    found = told(OLLAMA, 403, "")

    assert isinstance(found, Unauthorized)
    assert "does not serve the host name 127.0.0.1" in found.message


def test_keys_and_control_characters_stay_out_of_messages() -> None:
    """
    A server may echo the key, or worse.
    """
    found = told(OPENAI, 400, json.dumps({"error": {"message": f"bad {KEY}\x1b]0;x\x07\n\u202eline." + "z" * 900}}))

    assert KEY not in found.message
    assert found.message.isprintable()
    assert len(found.message) < 600


def test_facts_of_a_failure() -> None:
    """
    Code and request id are kept for the log.
    """
    found = told(OPENAI, 429, '{"error":{"message":"m","code":"slow_down"}}', {"x-request-id": "r1"})

    assert (found.status, found.code, found.request_id) == (429, "slow_down", "r1")


@pytest.mark.parametrize(
    ("num_ctx", "size", "counted", "warns"),
    [
        pytest.param(4096, 40_000, 2050, True, id="half-of-4k"),
        pytest.param(65536, 60_000, 4098, True, id="half-of-a-smaller-model"),
        pytest.param(32768, 400_000, 9000, True, id="far-too-few"),
        pytest.param(4096, 8_000, 2051, False, id="half-by-chance"),
        pytest.param(32768, 40_000, 12, False, id="cached-and-not-counted"),
        pytest.param(4096, 40, 26, False, id="ordinary"),
    ],
)
def test_a_prompt_that_ollama_cut(*, num_ctx: int, size: int, counted: int, warns: bool) -> None:
    """
    Its count gives it away, and nothing else.
    """
    assert (Prompt(num_ctx, size).truncated(counted) is not None) is warns


def test_a_cut_prompt_is_a_warning() -> None:
    """
    The answer stands, with a word about it.
    """
    line = {"message": {"content": "hi"}, "done": True, "prompt_eval_count": 4098, "eval_count": 1}
    transport = Scripted([json.dumps(line).encode()], headers=OLLAMA.streamed)
    found = events(OLLAMA, transport, Request((Message("user", "word " * 10_000),)))

    assert ["probably dropped part of the prompt" in event.message for event in told_of(found, Notice)] == [True]
    assert found[-1] == Finish("stop")


def test_ollama_answers_whole_when_not_streamed() -> None:
    """
    `stream` defaults to true there, so it is always said.
    """
    from dataclasses import replace

    transport = Scripted([OLLAMA.wire("whole.json")], headers=JSON)
    events(OLLAMA, transport, replace(HELLO, stream=False))

    assert json.loads(transport.calls[0].body or b"")["stream"] is False
