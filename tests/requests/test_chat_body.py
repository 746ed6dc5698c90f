"""A chat completion as it stands: nothing of it is lost where it is the dialect, and what is lost elsewhere is said."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.batch.input.requests import RequestBuilder, RowRequest
from llmo.batch.input.rows import Row
from llmo.client.question import question
from llmo.engine import request_adapter
from llmo.errors import Rejected, UsageError
from llmo.providers.litellm.provider import encode
from llmo.requests import chat_body, extras
from llmo.requests.content import asks_for_long_cache
from llmo.routing import images, tokens
from llmo.routing.planner import Selection
from llmo.routing.refusals import require_candidates
from llmo.types.messages import Message, Params, Request
from tests.contract.dialects import ANTHROPIC, LITELLM, OLLAMA, OPENAI, OPENROUTER, Scripted, link
from tests.providers.test_encode import body as encoded
from tests.requests.test_content import KEY, VALUES, planner

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(30)).decode()
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"q": 1}'}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "mine", "description": "d", "schema": SCHEMA}}
RICH: dict[str, Any] = {
    "messages": [
        {"role": "developer", "content": "d", "name": "boss"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, IMAGE, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "t", "cache_control": {"x": 1}}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}]},
    ],
    "temperature": 1,
    "seed": 5,
    "stop": "END",
    "tools": [TOOL],
    "response_format": FORMAT,
    "metadata": {"a": "b"},
    "nobody_knows": [{"deep": None}],
}


def asked(body: dict[str, Any], **flags: Any) -> RowRequest:
    """A line of an OpenAI batch as a request."""
    given: dict[str, Any] = {"template": None, "system": None, "params": Params(), "schema": None, "choice": {}}
    fields: dict[str, Any] = {
        "custom_id": "q",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "gpt-x", **body},
    }
    return RequestBuilder(**given | flags)(Row(0, fields, name="in.jsonl", number=3, text=None))


def said(*parts: Any, role: str = "user", **more: Any) -> dict[str, Any]:
    """A body with one message."""
    return {"messages": [{"role": role, "content": list(parts), **more}]}


@pytest.mark.parametrize("row", [OPENAI, OPENROUTER, LITELLM], ids=lambda row: row.kind)
def test_a_line_goes_out_as_it_stands(row: Any) -> None:
    """
    Model, output limit and stream are llmo's; every other field, known or not, arrives as it was written.
    """
    body = {**RICH, "max_tokens": 9, "stream": True, "stream_options": {"include_usage": False}}
    expected = {**RICH, "model": "m", "max_completion_tokens": 9}
    found = encoded(row, asked(body).request)
    limit = found.pop("max_tokens", None) or found.pop("max_completion_tokens")
    found.pop("provider", None)

    assert {**expected, "max_completion_tokens": limit} == {**found, "max_completion_tokens": 9}


def test_flags_win_over_a_line() -> None:
    """
    Each replaces its field alone; a system prompt comes first, an option beside the rest.
    """
    params = Params(max_tokens=7, temperature=0.5, seed=2, stop=("S",), extra={"top_p": 0.1, "metadata": {"c": "d"}})
    request = asked({**RICH, "max_tokens": 9}, params=params, system="s", schema={"type": "object"}).request
    body = encoded(OPENAI, request)

    assert [{"role": "system", "content": "s"}, *RICH["messages"]] == body["messages"]
    assert {
        "max_completion_tokens": 7,
        "temperature": 0.5,
        "seed": 2,
        "stop": ["S"],
        "top_p": 0.1,
    }.items() <= body.items()
    assert {"a": "b", "c": "d"} == body["metadata"]
    assert {"type": "object"} == body["response_format"]["json_schema"]["schema"]


def test_a_row_cannot_take_the_highest_price_of_openrouter_away() -> None:
    """
    Its own wishes join the price that money is held for.
    """
    request = replace(asked({**said(), "provider": {"only": ["x"]}}).request, ceiling=(1_000_000, 2_000_000, 0))
    wishes = encoded(OPENROUTER, request)["provider"]

    assert (["x"], {"prompt": "1", "completion": "2", "request": "0"}) == (wishes["only"], wishes["max_price"])


@pytest.mark.parametrize(
    ("body", "kind", "names"),
    [
        pytest.param(
            said(role="tool", tool_call_id="c"), "anthropic", ".role tool, messages[0].tool_call_id", id="tool"
        ),
        pytest.param(said(IMAGE, tool_calls=[CALL]), "ollama", ".tool_calls", id="calls"),
        pytest.param(said({"type": "text", "text": "a"}, name="n"), "cursor", ".name", id="name"),
        pytest.param(
            said({"type": "text", "text": "a", "cache_control": {}, "x": 1}), "anthropic", ".content[0].x", id="detail"
        ),
        pytest.param(
            said({"type": "image_url", "image_url": {**IMAGE["image_url"], "detail": "low"}}),  # type: ignore[dict-item]
            "anthropic",
            ".content[0].image_url.detail",
            id="detail of an image",
        ),
        pytest.param(
            said({"type": "image_url", "image_url": {"url": "https://x/y.png"}}),
            "ollama",
            ".content[0].type image_url",
            id="an image elsewhere",
        ),
        pytest.param(said({"type": "input_audio", "input_audio": {}}), "anthropic", ".type input_audio", id="sound"),
        pytest.param(said({**IMAGE, "type": "video_url"}), "anthropic", ".type video_url", id="an image as a video"),
        pytest.param(
            said({"type": "text", "text": "a"}, IMAGE, {"type": "text", "text": "b"}),
            "ollama",
            "the order of its parts",
            id="order",
        ),
    ],
)
def test_what_another_dialect_cannot_say_of_a_message_takes_it_out(body: Any, kind: str, names: str) -> None:
    """
    The error is that of the request, and names the place and who takes it as it stands.
    """
    plan = planner(kind, base_url="http://127.0.0.1:9").plan(
        asked(body).request, Selection(models=("p/m",), lenient=True)
    )
    with pytest.raises(Rejected) as caught:
        require_candidates(plan)

    assert (True, True) == (names in caught.value.message, "openai, openrouter" in (caught.value.hint or ""))
    assert "lenient" not in (caught.value.hint or "")


def test_a_field_that_another_dialect_lacks_is_left_out_only_when_told_to() -> None:
    """
    With --lenient, and with a warning; what it does have is carried over, what asks for nothing is no loss.
    """
    idle = {"n": 1, "store": False, "tools": [], "service_tier": "auto", "logprobs": None, "user": "u"}
    body = {**said({"type": "text", "text": "a"}), "top_p": 0.5, "stop": ["S"], **idle, "metadata": {"a": "b"}}
    request = asked(body).request
    strict, lenient = (
        planner("anthropic", {"KEY": "x"}, api_key_env="KEY").plan(request, Selection(models=("p/m",), lenient=how))
        for how in (False, True)
    )
    refused = strict.candidates[0].why
    loose = lenient.candidates[0]
    sends = encoded(ANTHROPIC, request_adapter.expressed(request, replace(loose, native_schema=True)))

    assert "anthropic does not support metadata" == refused
    assert (1, ("p/m does not support metadata: dropped",)) == (loose.rank, loose.notes)
    assert {"model", "max_tokens", "messages", "top_p", "stop_sequences", "metadata"} == sends.keys()
    assert {"user_id": "u"} == sends["metadata"]


def test_a_message_of_a_program_is_under_the_same_rules() -> None:
    """
    `llmo.Message` may carry one as it stands, with no body around it.
    """
    turn = Message("tool", "x", verbatim={"role": "tool", "tool_call_id": "c", "content": "x"})
    asks = question([Message("user", "hi"), turn], {}).request
    plan = planner("anthropic", {"KEY": "x"}, api_key_env="KEY").plan(asks, Selection(models=("p/m",)))

    assert "anthropic does not support messages[1].role tool, messages[1].tool_call_id" == plan.candidates[0].why
    assert turn.verbatim == encoded(OPENAI, asks)["messages"][1]
    with pytest.raises(UsageError, match="unknown role: tool"):
        question([replace(turn, verbatim=None)], {})


def test_anthropic_gets_parts_in_their_order() -> None:
    """
    A text before its image stays before it.
    """
    request = asked(said({"type": "text", "text": "a"}, IMAGE, {"type": "text", "text": "b"})).request
    (message,) = encoded(ANTHROPIC, chat_body.translated(request, "anthropic"))["messages"]

    assert ["text", "image", "text"] == [part["type"] for part in message["content"]]


def test_ollama_gets_the_fields_that_it_has() -> None:
    """
    Sampling as options, tools and a plain JSON format at the top.
    """
    body = {
        **said({"type": "text", "text": "a"}),
        "top_p": 0.5,
        "tools": [TOOL],
        "response_format": {"type": "json_object"},
    }
    request = asked(body).request
    found = encoded(OLLAMA, chat_body.translated(request, "ollama"))

    assert chat_body.inexpressible(request, "ollama") is None
    assert (0.5, [TOOL], "json") == (found["options"]["top_p"], found["tools"], found["format"])


@pytest.mark.parametrize("content", ["say", [{"type": "text", "text": "say"}]], ids=["text", "parts"])
def test_a_schema_in_words_takes_the_place_of_its_field(content: Any) -> None:
    """
    At the end of the last message, which else stays as it stands.
    """
    message = {"role": "user", "content": content, "name": "n"}
    request = asked({"messages": [message], "response_format": FORMAT}).request
    (candidate,) = planner().plan(request, Selection(models=("p/m",))).candidates
    body = encoded(OPENAI, request_adapter.expressed(request, replace(candidate, native_schema=False)))

    assert "response_format" not in body
    assert (True, "n") == (request_adapter.SCHEMA in json.dumps(body["messages"]), body["messages"][0]["name"])
    assert isinstance(body["messages"][0]["content"], type(content))


@pytest.mark.parametrize("names", [("temperature",), ("seed", "stop")])
def test_what_a_server_does_not_take_is_left_out_of_a_line_too(names: Any) -> None:
    """
    It is in the line's own field, not only in llmo's parameters.
    """
    request = asked(RICH).request
    (candidate,) = planner().plan(request, Selection(models=("p/m",))).candidates
    body = encoded(OPENAI, request_adapter.expressed(request, replace(candidate, dropped=names)))

    assert not body.keys() & set(names)
    assert {"temperature", "seed", "stop"} - set(names) <= body.keys()


@settings(deadline=None)
@given(
    st.dictionaries(st.text(max_size=9), VALUES, max_size=3), st.lists(st.dictionaries(st.text(), VALUES), max_size=3)
)
def test_every_byte_of_a_line_counts(fields: dict[str, Any], parts: list[dict[str, Any]]) -> None:
    """
    The bound is never below what is sent, images aside.
    """
    free = [{name: value for name, value in part.items() if name != "image_url"} for part in parts]
    body = {**fields, **said(*free, **fields, role="user")}
    body["messages"][0]["role"] = "user"
    body["messages"][0]["content"] = free
    own = {name: value for name, value in body.items() if name not in ("messages", "model")}
    message = chat_body.read_message(body["messages"][0])
    assert message is not None
    request = Request((message,), body=own)
    wire = json.dumps([own, body["messages"]], ensure_ascii=False).encode("utf-8", "surrogatepass")

    assert len(wire) <= tokens.bound(request, "openai")


def test_images_of_a_line_count_as_images() -> None:
    """
    By their size when llmo has read them, as the largest there is when they are elsewhere.
    """
    large = base64.b64encode(base64.b64decode(PIXEL) + bytes(30_000)).decode()
    inline = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{large}"}}
    text, one, short, other = (
        tokens.bound(asked(said({"type": "text", "text": ""}, *more)).request, "openai")
        for more in (
            (),
            (inline,),
            ({**inline, "image_url": inline["image_url"]["url"]},),  # type: ignore[index]
            ({"type": "image_url", "image_url": {"url": "https://x/y.png"}},),
        )
    )

    assert text < 1000
    assert 0 < one - text - images.bound(base64.b64decode(large), "openai") < 300
    assert 0 < short - text - images.bound(base64.b64decode(large), "openai") < 300
    assert 0 < other - text - images.UNKNOWN < 300
    plain: dict[str, Any] = {"messages": [{"role": "user", "content": "", "name": "n"}]}
    assert tokens.bound(asked(plain).request, "openai") < 1000


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({**said(), "metadata": {"key": KEY}}, id="metadata"),
        pytest.param({**said(), "tools": [{"function": {"description": KEY}}]}, id="tools"),
        pytest.param(said(tool_calls=[{"function": {"arguments": json.dumps({"token": KEY})}}]), id="arguments"),
        pytest.param(said({"type": "text", "text": KEY}, role="tool"), id="result of a tool"),
        pytest.param(said(name=KEY), id="name"),
        pytest.param(said({"type": "image_url", "image_url": {"url": "x", "detail": KEY}}), id="detail"),
        pytest.param({**said(), "response_format": {"json_schema": {"name": KEY}}}, id="name of a schema"),
        pytest.param(said({"type": "image_url", "image_url": {"url": f"https://x/y.png?k={KEY}"}}), id="address"),
        pytest.param(said({"type": "image_url", "image_url": f"data:text/plain,{KEY}"}), id="no image"),
        pytest.param(said(IMAGE, {"type": "text", "text": "a", "image_url": KEY}), id="beside a text"),
        pytest.param(said({**IMAGE, "note": KEY}), id="beside an image"),
        pytest.param(said({"type": "image_url", "image_url": {**IMAGE["image_url"], "detail": KEY}}), id="of an image"),  # type: ignore[dict-item]
        pytest.param(
            said({"type": "image_url", "image_url": f"data:image/png;base64,{PIXEL}", "note": KEY}),
            id="beside an image in short",
        ),
    ],
)
def test_a_secret_anywhere_in_a_line_makes_it_private(body: dict[str, Any]) -> None:
    """
    What would be sent is looked at, whatever its field.
    """
    assert planner().plan(asked(body).request, Selection(models=("p/m",))).requirements.private_kinds


def test_litellm_gets_a_line_of_its_own() -> None:
    """
    As it stands too, and copied: the library changes what it is given.
    """
    body = {name: value for name, value in RICH.items() if name != "metadata"}
    request = asked(body).request
    able, unable = (SimpleNamespace(supports_response_schema=lambda _model, can=can: can) for can in (True, False))
    found, told = (encode(request, "m", link(LITELLM, Scripted([])), library) for library in (able, unable))

    assert body.items() <= found.items()
    assert not any(sent_one is given for sent_one, given in zip(found["messages"], body["messages"], strict=True))
    assert "response_format" not in told
    assert "JSON Schema" in told["messages"][-1]["content"]


def test_parts_without_a_bound_are_named() -> None:
    """
    Sound, video, documents, and what lies at the provider under a name.
    """
    elsewhere = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}
    parts = [{"type": "file", "file": {}}, {"type": "text", "text": "a"}, {"type": "video_url"}, IMAGE, elsewhere]
    messages = asked(said(*parts, audio={"id": "a"})).request.messages

    assert ("messages[0].audio", "messages[0].content[0].type file", "messages[0].content[2].type video_url") == (
        extras.unbounded_parts(messages)
    )


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"data:application/pdf;base64,{PIXEL}", id="document"),
        pytest.param("DATA:text/plain,AKIAIOSFODNN7EXAMPLX", id="text"),
        pytest.param("data:image/png,AKIAIOSFODNN7EXAMPLX", id="image not in base64"),
        pytest.param(f"data:;base64,{PIXEL}", id="of no type"),
    ],
)
def test_a_data_url_is_an_image_only_if_it_says_so(url: str) -> None:
    """
    What else it holds is text that is looked at, goes to nobody as an image, and has no bound: hosts read documents.
    """
    request = asked(said({"type": "image_url", "image_url": {"url": url}})).request
    need = planner().plan(request, Selection(models=("p/m",))).requirements

    assert ((), ("messages[0].content[0].image_url without an image",)) == (request.messages[0].images, need.bought)
    assert str(chat_body.inexpressible(request, "anthropic")) == "messages[0].content[0].type image_url"
    assert ("AKIA" in url) == bool(need.private_kinds)
    assert len(url) < tokens.bound(request, "openai") - images.UNKNOWN


@pytest.mark.parametrize("head", ["data:image/png;base64,", "Data:IMAGE/PNG;Base64,", "data:image/png;x=y;base64,"])
def test_an_image_is_read_however_its_url_is_spelled(head: str) -> None:
    """
    Letters of either case, parameters in between; text that is not base64 is no image and no failure.
    """
    good, *others = (
        chat_body.read_message(said({"image_url": f"{head}{data}"})["messages"][0])
        for data in (PIXEL, "\u00e9", "A", "AA*A=")
    )

    assert good is not None
    assert [("image/png", base64.b64decode(PIXEL))] == [(one.media_type, one.data) for one in good.images]
    assert [()] * 3 == [one.images for one in others if one is not None]


def test_the_key_of_a_plain_line_is_that_of_earlier_versions() -> None:
    """
    What they paid for is not paid again; anything that they left out makes another request.
    """
    plain: dict[str, Any] = {
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "max_tokens": 7,
        "temperature": 0.5,
        "stop": "x",
        "top_p": 0.5,
        "response_format": {"type": "json_object"},
        "metadata": {"a": "b"},
    }
    turns = [plain["messages"], [plain["messages"][0], {"role": "user", "content": "u", "name": "n"}]]
    formats = [FORMAT, {**FORMAT, "json_schema": {**FORMAT["json_schema"], "name": "other"}}]  # type: ignore[dict-item]
    keys = {asked({**plain, "messages": m, "response_format": f}).key for m in turns for f in formats}

    assert "3f09fc87b2012c7aa25ebdd5119d4709" == asked(plain, params=Params(seed=3, extra={"top_k": 1})).key
    assert 4 == len(keys)


def test_long_caches_in_messages_are_held_at_their_price() -> None:
    """
    OpenRouter passes the marks on to Anthropic.
    """
    mark = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}

    assert asks_for_long_cache(asked(said(mark)).request)
    assert not asks_for_long_cache(asked(said({**mark, "cache_control": {"ttl": "5m"}})).request)


def test_a_message_that_is_none() -> None:
    """
    An unknown role, and content that is neither text nor parts.
    """
    found = [
        chat_body.read_message(given)  # type: ignore[arg-type]  # what a stranger writes
        for given in (
            {"role": "robot", "content": ""},
            {"role": "user", "content": 5},
            {"role": "user", "content": [5]},
        )
    ]

    assert [None] * 3 == found
    assert Message("user", "x") == chat_body.read_message({"role": "user", "content": "x"})


def test_words_are_added_at_the_end_of_a_message() -> None:
    """
    Both where it stands as it was written and in llmo's own reading of it.
    """
    text: dict[str, Any] = {"role": "user", "content": "hi", "name": "ann"}
    parts: dict[str, Any] = {"role": "user", "content": [{"type": "text", "text": "hi"}]}
    plain, named, listed = (chat_body.read_message(one) for one in ({"role": "user", "content": "hi"}, text, parts))
    assert plain is not None
    assert named is not None
    assert listed is not None

    assert chat_body.with_text(plain, "more") == Message("user", "hi\n\nmore")
    assert chat_body.with_text(Message("user", ""), "more") == Message("user", "more")
    assert chat_body.with_text(named, "more") == Message(
        "user", "hi\n\nmore", verbatim={**text, "content": "hi\n\nmore"}
    )
    longer: dict[str, Any] = {
        "role": "user",
        "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "more"}],
    }
    assert chat_body.with_text(listed, "more") == Message("user", "hi\n\nmore", verbatim=longer)


def test_a_translated_request_stands_nowhere_as_it_was_written() -> None:
    """
    JSON as a format is told to Ollama only, and of no provider more than its dialect carries.
    """
    body: dict[str, Any] = {"top_p": 0.5, "response_format": {"type": "json_object"}, "user": "ann"}
    request = Request((Message("user", "hi"),), body=body)
    found = {kind: chat_body.translated(request, kind) for kind in ("ollama", "anthropic", "cursor")}

    assert {kind: dict(one.params.extra) for kind, one in found.items()} == {
        "ollama": {"top_p": 0.5, "format": "json"},
        "anthropic": {"top_p": 0.5, "metadata": {"user_id": "ann"}},
        "cursor": {},
    }
    assert [one.body for one in found.values()] == [None] * 3
    assert chat_body.without_fields(request, ("user", "seed")).body == {
        name: body[name] for name in ("top_p", "response_format")
    }
    assert chat_body.without_fields(Request(()), ("user",)).body is None


def test_a_format_that_a_dialect_can_not_say_is_untold() -> None:
    """
    JSON without a schema is for Ollama; a schema is asked for by everybody's own means.
    """
    plain = Request((), body={"response_format": {"type": "json_object"}})
    shaped = Request((), schema={"type": "object"}, body={"response_format": {"type": "json_schema"}})

    assert [chat_body.inexpressible(plain, kind) for kind in ("ollama", "anthropic")] == [
        None,
        (("response_format",), ()),
    ]
    assert chat_body.inexpressible(shaped, "anthropic") is None
    assert chat_body.inexpressible(Request((), body=shaped.body), "ollama") == (("response_format",), ())


def test_everything_that_a_dialect_can_not_say_is_named_in_order() -> None:
    """
    Fields as they come, then each message with what stands beside its content, its parts and their order.
    """
    given: list[dict[str, Any]] = [
        {"role": "user", "content": "plain"},
        {"role": "assistant", "content": "x", "name": "n", "empty": "", "tool_calls": [CALL]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}, "none": None},
                {"type": "image_url", "image_url": {**IMAGE["image_url"], "detail": "low", "x": 1}, "y": 2},  # type: ignore[dict-item]
                {"type": "image_url", "image_url": {**IMAGE["image_url"], "detail": "auto", "z": None}},  # type: ignore[dict-item]
                {"type": "input_audio"},
                {"weird": True},
                {"type": "text", "text": "b"},
            ],
        },
        {"role": "function", "name": "f", "content": "42"},
    ]
    messages = tuple(one for one in map(chat_body.read_message, given) if one is not None)
    body: dict[str, Any] = {"metadata": {"a": "b"}, "n": 1, "seed": 5, "logit_bias": {}, "n_best": 2, "user": "u"}
    found = chat_body.inexpressible(Request(messages, body=body), "ollama")

    assert found is not None
    assert found.fields == ("metadata", "n_best", "user")
    assert found.parts == (
        "messages[1].name",
        "messages[1].tool_calls",
        "messages[2].content[0].cache_control",
        "messages[2].content[1].y",
        "messages[2].content[1].image_url.detail",
        "messages[2].content[1].image_url.x",
        "messages[2].content[3].type input_audio",
        "messages[2].content[4]",
        "messages[2].content, the order of its parts",
        "messages[3].role function",
        "messages[3].name",
    )
    assert str(found) == ", ".join((*found.parts, *found.fields))


@pytest.mark.parametrize(
    ("parts", "ordered"),
    [
        pytest.param("t", True, id="text"),
        pytest.param("ti", True, id="text and image"),
        pytest.param("it", True, id="image and text"),
        pytest.param("ttii", True, id="all texts first"),
        pytest.param("tit", False, id="an image within"),
        pytest.param("iti", False, id="a text within"),
    ],
)
def test_only_mixed_parts_lose_their_order(parts: str, ordered: bool) -> None:
    """
    Ollama takes texts and images apart; Anthropic takes them as they come.
    """
    content: Any = [{"type": "text", "text": "a"} if part == "t" else IMAGE for part in parts]
    message = chat_body.read_message({"role": "user", "content": content})
    assert message is not None
    request = Request((message,))

    assert (chat_body.inexpressible(request, "ollama") is None) == ordered
    assert chat_body.inexpressible(request, "anthropic") is None
