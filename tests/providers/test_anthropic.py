"""Anthropic's messages: what is sent, how answers end, and what its lists say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from llmo.catalog.listing import ListedModel
from llmo.errors import Rejected, Unauthorized, Unavailable
from llmo.providers.registry import factory
from llmo.types.events import Finish, Notice, PaidUse, RateInfo, ServedBy, Text, ToolCall, Usage
from llmo.types.messages import Image, Message, Params, Request
from tests import virtual
from tests.contract.dialects import ANTHROPIC, HELLO, JSON, Scripted, events, link
from tests.emitted import emitted
from tests.providers.test_encode import body, sent
from tests.providers.test_models import check, models

if TYPE_CHECKING:
    from llmo.errors import LlmoError
    from llmo.types.events import Event

PNG = Image("dot.png", "image/png", b"\x89PNG")
USAGE = {"input_tokens": 3, "output_tokens": 2}


class Listing(Scripted):
    """A transport that plays one page after the other."""

    def __init__(self, *pages: dict[str, Any], status: int = 200) -> None:
        super().__init__([], status, JSON)
        self.pages = [json.dumps(page).encode() for page in pages]

    async def read(self, limit: int) -> bytes:
        return self.pages[min(len(self.calls), len(self.pages)) - 1]


def streamed(*messages: dict[str, Any]) -> list[Event | LlmoError]:
    data = "".join(f"event: x\ndata: {json.dumps(message)}\n\n" for message in messages)
    return events(ANTHROPIC, Scripted([data.encode()], headers=ANTHROPIC.streamed))


def whole(**fields: Any) -> list[Event | LlmoError]:
    said = {"type": "message", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn", "usage": USAGE}
    return events(ANTHROPIC, Scripted([json.dumps({**said, **fields}).encode()], headers=JSON))


def test_what_is_asked_is_sent() -> None:
    """
    Every parameter under its name here, and options beside them.
    """
    params = Params(max_tokens=9, temperature=0.0, stop=("END",), extra={"top_k": 3})

    assert body(ANTHROPIC, replace(HELLO, stream=False, params=params)) == {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hello"}],
        "temperature": 0.0,
        "stop_sequences": ["END"],
        "top_k": 3,
    }


def test_blank_instructions_are_not_sent() -> None:
    """
    It refuses a blank text, in a message as beside an image.
    """
    messages = (Message("system", " \n"), Message("system", "s"), Message("user", " ", (PNG,)))
    found = body(ANTHROPIC, Request(messages))

    assert found["system"] == "s"
    assert [part["type"] for part in found["messages"][0]["content"]] == ["image"]
    assert found["messages"][0]["role"] == "user"


def test_thinking_must_leave_room_below_the_limit_that_is_sent() -> None:
    """
    Without --max-tokens the default limit is the one that thinking is held against.
    """
    with pytest.raises(Rejected):
        body(ANTHROPIC, replace(HELLO, params=Params(extra={"thinking": {"type": "enabled", "budget_tokens": 5000}})))
    thinking: dict[str, Any] = {"type": "enabled", "budget_tokens": 2048}

    assert body(ANTHROPIC, replace(HELLO, params=Params(extra={"thinking": thinking})))["thinking"] == thinking


def test_a_schema_joins_the_options_of_the_output() -> None:
    """
    An effort that the user asks for stays beside the format.
    """
    params = Params(extra={"output_config": {"effort": "low"}})
    found = body(ANTHROPIC, replace(HELLO, params=params, schema={"type": "object"}))

    assert found["output_config"] == {
        "format": {"type": "json_schema", "schema": {"type": "object"}},
        "effort": "low",
    }


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_a_token_of_the_profile_takes_the_place_of_the_key(name: str) -> None:
    """
    Two keys in one call are refused.
    """
    headers = sent(ANTHROPIC, HELLO, headers={name: "Bearer t"})[1]

    assert (headers["authorization"], "x-api-key" in headers) == ("Bearer t", False)


@pytest.mark.parametrize(
    ("reason", "finish", "warning"),
    [
        pytest.param("end_turn", "stop", None, id="end"),
        pytest.param("stop_sequence", "stop", None, id="stop"),
        pytest.param("max_tokens", "length", None, id="length"),
        pytest.param(
            "model_context_window_exceeded",
            "length",
            "the answer was cut off at the end of the model's context window",
            id="context",
        ),
        pytest.param("tool_use", "tool_calls", None, id="tools"),
        pytest.param("refusal", "refusal", None, id="refusal"),
        pytest.param("novel", "stop", "unknown stop_reason, treated as stop: novel", id="unknown"),
    ],
)
def test_every_reason_to_stop(reason: str, finish: Any, warning: str | None) -> None:
    """
    A cut answer is not a whole one, and a new word is said; details without a refusal are nobody's reason.
    """
    for details in (None, {"category": "x"} if reason != "refusal" else None):
        found = whole(stop_reason=reason, stop_details=details)
        assert found[-1] == Finish(finish)
        assert [event.message for event in found if isinstance(event, Notice)] == ([warning] if warning else [])


@pytest.mark.parametrize(
    ("details", "said"),
    [
        pytest.param({"category": "bio"}, ["the model refused: bio"], id="category"),
        pytest.param({"explanation": "no"}, ["the model refused: no"], id="explanation"),
        pytest.param({"other": 1}, [], id="neither"),
        pytest.param(None, [], id="nothing"),
    ],
)
def test_a_refusal_gives_what_reason_it_has(details: Any, said: list[str]) -> None:
    """
    No reason is no warning.
    """
    found = whole(stop_reason="refusal", stop_details=details)

    assert [event.message for event in found if isinstance(event, Notice)] == said


@pytest.mark.parametrize("reason", ["pause_turn", "compaction"])
def test_a_pause_that_goes_on_is_no_pause(reason: str) -> None:
    """
    The last reason counts.
    """
    stop: dict[str, Any] = {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": USAGE}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    text = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}}

    found = streamed(text, stop, end, {"type": "message_stop"})

    assert [event for event in found if not isinstance(event, ServedBy)] == [Text("hi"), Usage(3, 2), Finish("stop")]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"type": "error"}, id="a-type-alone"),
        pytest.param({"error": {"type": "overloaded_error", "message": "busy"}}, id="no-type"),
        pytest.param({"type": "novel", "error": "busy"}, id="another-type"),
    ],
)
def test_an_error_is_one_by_its_type_or_its_object(message: dict[str, Any]) -> None:
    """
    Gateways send half of it.
    """
    stop = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    found = streamed(message, stop, {"type": "message_stop"})

    assert isinstance(found[-1], Unavailable)


def test_nothing_follows_the_end_of_a_message() -> None:
    """
    `message_stop` ends the reading; an event of a new type says nothing.
    """
    text = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}}
    stop = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    found = streamed({"type": "ping"}, text, {"type": "novel"}, stop, {"type": "message_stop"}, text)

    assert found == [Text("hi"), Finish("stop")]


def test_searches_counted_early_are_billed() -> None:
    """
    The last message need not repeat them.
    """
    searched = {**USAGE, "server_tool_use": {"web_search_requests": 2}}
    found = streamed(
        {"type": "message_start", "message": {"usage": searched}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
        {"type": "message_stop"},
    )

    assert found == [Text("hi"), Usage(3, 4), PaidUse("web_search", 2), Finish("stop")]


def test_resets_are_told_by_our_clock_where_the_server_has_none() -> None:
    """
    The limiter paces by them.
    """
    limits = {
        "anthropic-ratelimit-tokens-limit": "40000",
        "anthropic-ratelimit-tokens-reset": "2026-11-22T12:00:05Z",
    }
    transport = Scripted([ANTHROPIC.wire("plain")], headers={**ANTHROPIC.streamed, **limits})
    provider = factory("anthropic")(replace(link(ANTHROPIC, transport), clock=virtual.VirtualClock(1_795_348_800.0)))

    async def ask() -> list[Event]:
        return await emitted(provider, HELLO, "m")

    assert virtual.run(ask())[0] == RateInfo(limit_tokens=40000, reset_tokens=5.0)


def test_an_empty_message_costs_nothing() -> None:
    """
    It is refused before anything is sent.
    """
    with pytest.raises(Rejected) as caught:
        body(ANTHROPIC, Request((Message("user", " "),)))

    assert caught.value.may_be_billed is False


@pytest.mark.parametrize("places", [(0, 1), (3, 7)])
def test_calls_in_mixed_pieces_are_told_apart_by_their_index(places: tuple[int, int]) -> None:
    """
    A block may go on while another has begun; a piece without a sound index belongs to none.
    """

    def start(place: Any, name: str) -> dict[str, Any]:
        block = {"type": "tool_use", "id": name, "name": name, "input": {}}
        return {"type": "content_block_start", "index": place, "content_block": block}

    def more(place: Any, text: str) -> dict[str, Any]:
        delta = {"type": "input_json_delta", "partial_json": text}
        return {"type": "content_block_delta", "index": place, "delta": delta}

    first, second = places
    found = streamed(
        start(first, "f"),
        start(second, "g"),
        more(first, '{"a"'),
        more(second, '{"b"'),
        more([first], "x"),
        more(9, "x"),
        more(first, ":1}"),
        more(second, ":2}"),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
    )

    assert found == [ToolCall("f", "f", {"a": 1}), ToolCall("g", "g", {"b": 2}), Finish("tool_calls")]


def test_a_text_that_begins_with_its_block_is_whole() -> None:
    """
    Servers in front of it put the first words into the start of the block.
    """
    found = streamed(
        {"type": "message_start", "message": {"model": "c", "usage": USAGE}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "Hel"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": {}}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    )

    assert found == [ServedBy("c"), Text("Hel"), Text("lo"), Usage(3, 7), Finish("stop")]


@pytest.mark.parametrize(
    ("fields", "tier"),
    [
        pytest.param({"speed": "fast", "service_tier": "standard"}, "fast", id="fast"),
        pytest.param({"speed": "standard", "service_tier": "priority"}, "priority", id="standard"),
        pytest.param({"service_tier": "batch"}, "batch", id="tier-alone"),
        pytest.param({"speed": None, "service_tier": None}, None, id="nothing"),
    ],
)
def test_the_tier_sets_the_price_wherever_it_stands(fields: dict[str, Any], tier: str | None) -> None:
    """
    In the first message of a stream, in its last, and in a whole answer.
    """
    told = {**USAGE, **fields}
    text = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}}
    stop: dict[str, Any] = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    ways = (
        whole(model="c", usage=told),
        streamed(
            {"type": "message_start", "message": {"model": "c", "usage": told}}, text, stop, {"type": "message_stop"}
        ),
        streamed(
            {"type": "message_start", "message": {"model": "c", "usage": USAGE}},
            text,
            {**stop, "usage": told},
            {"type": "message_stop"},
        ),
    )

    assert [[e for e in found if isinstance(e, ServedBy)][-1] for found in ways] == [ServedBy("c", None, tier)] * 3


def test_tokens_written_for_an_hour_are_counted_apart() -> None:
    """
    They cost more than those written for five minutes.
    """
    creation = {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 4}
    usage = {**USAGE, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 5, "cache_creation": creation}

    assert [event for event in whole(usage=usage) if isinstance(event, Usage)] == [
        Usage(18, 2, cached_input_tokens=10, cache_write_tokens=5, long_write_tokens=4)
    ]


def test_a_null_takes_no_count_away() -> None:
    """
    The last message repeats only what changed.
    """
    found = streamed(
        {"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"input_tokens": None, "output_tokens": 2},
        },
        {"type": "message_stop"},
    )

    assert [event for event in found if isinstance(event, Usage)] == [Usage(3, 2)]


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        pytest.param(400, "top_p: not permitted", "remove --temperature, top_p and top_k", id="top-p"),
        pytest.param(400, "top_k: not permitted", "remove --temperature, top_p and top_k", id="top-k"),
        pytest.param(400, "no Prefill with this model", "ends with an assistant turn", id="prefill"),
        pytest.param(400, "Max_tokens: 99 > 64", "lower --max-tokens", id="limit"),
        pytest.param(400, "no", None, id="else"),
        pytest.param(429, "max_tokens per minute", None, id="no-rejection"),
    ],
)
def test_a_refused_request_says_what_to_change(status: int, message: str, hint: str | None) -> None:
    """
    Only where the request is at fault.
    """
    said = json.dumps({"type": "error", "error": {"type": "x", "message": message}})
    found = events(ANTHROPIC, Scripted([said.encode()], status, JSON))[-1]
    told = getattr(found, "hint", "")

    assert (told is None) if hint is None else (hint in told)


def test_the_request_is_named_by_its_header() -> None:
    """
    `request-id`, in an answer as in an error.
    """
    good = events(ANTHROPIC, Scripted([ANTHROPIC.wire("plain")], headers={**ANTHROPIC.streamed, "request-id": "r1"}))
    bad = events(ANTHROPIC, Scripted([b'{"error":{}}'], 400, {**JSON, "request-id": "r1"}))

    assert good[0] == ServedBy(request_id="r1")
    assert getattr(bad[-1], "request_id", None) == "r1"


def test_pages_are_read_until_one_is_the_last() -> None:
    """
    A server that never ends, or does not say where the next page begins, is asked once more at most.
    """
    row = {"data": [{"id": "a"}, {"id": ""}, 7], "has_more": True}
    endless, nameless = Listing({**row, "last_id": "a"}), Listing(row)
    circle = Listing(*({**row, "last_id": last} for last in "abab"))
    two = Listing({**row, "last_id": "a&b"}, {"data": [{"id": "b"}], "last_id": "b"})

    queried = Listing({"data": []})
    virtual.run(factory("anthropic")(replace(link(ANTHROPIC, queried), base_url="https://h?k=1")).models())

    assert [call.url for call in queried.calls] == ["https://h/v1/models?k=1&limit=1000"]
    assert models(ANTHROPIC, endless) == [ListedModel("a"), ListedModel("a")]
    assert models(ANTHROPIC, circle) == [ListedModel("a")] * 3
    assert models(ANTHROPIC, nameless) == [ListedModel("a")]
    assert models(ANTHROPIC, two) == [ListedModel("a"), ListedModel("b")]
    assert [call.url for call in two.calls] == [
        "https://api.anthropic.com/v1/models?limit=1000",
        "https://api.anthropic.com/v1/models?limit=1000&after_id=a%26b",
    ]


@pytest.mark.parametrize(
    ("value", "able"),
    [
        pytest.param({"supported": True}, True, id="supported"),
        pytest.param({"supported": False, "types": {}}, False, id="not-supported"),
        pytest.param({"types": {"enabled": True}}, True, id="described"),
        pytest.param(True, True, id="plain"),
        pytest.param(None, False, id="null"),
    ],
)
@pytest.mark.parametrize(
    ("name", "ability"),
    [("image_input", "vision"), ("structured_outputs", "schema"), ("tools", "tools"), ("thinking", "reasoning")],
)
def test_abilities_as_the_list_states_them(name: str, ability: Any, value: Any, *, able: bool) -> None:
    """
    What is not stated is unknown, not absent.
    """
    transport = Listing({"data": [{"id": "a", "capabilities": {name: value}}]})

    assert models(ANTHROPIC, transport) == [ListedModel("a", abilities=frozenset({ability}) if able else None)]


def test_a_check_asks_for_one_model_with_the_key() -> None:
    """
    What is no list of an API does not pass.
    """
    transport = Listing({"data": []})
    said = check(ANTHROPIC, transport)

    assert said == "https://api.anthropic.com responds, key accepted"
    assert [call.url for call in transport.calls] == ["https://api.anthropic.com/v1/models?limit=1"]
    with pytest.raises(Unauthorized):
        check(ANTHROPIC, Listing({"error": {"message": "no"}}, status=401))
    with pytest.raises(Rejected, match="returned HTTP 200, not JSON"):
        check(ANTHROPIC, Scripted([b"<html>"], 200, {"content-type": "text/html"}))
