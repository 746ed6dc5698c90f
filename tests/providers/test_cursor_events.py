"""What Cursor's CLI says, line by line, without the program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmo.config.profile import ProviderConfig
from llmo.errors import (
    Broken,
    ContextTooLong,
    ModelNotFound,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from llmo.providers.cursor.events import CursorDecoder, usage, verdict
from llmo.providers.offline.provider import Unplugged
from llmo.providers.provider import ProviderContext
from llmo.types.events import Event, Finish, Notice, Reasoning, ServedBy, Text, Usage

GOOD = {"type": "result", "subtype": "success", "is_error": False, "result": "Hello"}


def reader(*, streamed: bool = True) -> CursorDecoder:
    return CursorDecoder(
        ProviderContext("cursor", "", "pw1234", ProviderConfig(kind="cursor"), Unplugged()), streamed=streamed
    )


def piece(text: str) -> dict[str, Any]:
    return {"type": "assistant", "timestamp_ms": 1, "message": {"content": [{"type": "text", "text": text}]}}


def said(text: Any) -> dict[str, Any]:
    return {"type": "assistant", "message": {"content": text}}


def tool(subtype: str, call: str = "t1", name: str = "shellToolCall") -> dict[str, Any]:
    return {"type": "tool_call", "subtype": subtype, "call_id": call, "tool_call": {"x": 1, name: {}}}


def played(*lines: Any, streamed: bool = True) -> list[Event]:
    made = reader(streamed=streamed)
    found = [
        event for line in lines for event in made.feed(line if isinstance(line, bytes) else json.dumps(line).encode())
    ]
    return found + made.end()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([said("Hello"), GOOD], ["Hello"], id="whole"),
        pytest.param([said([{"text": "Hel"}, 7, {"text": "lo"}]), GOOD], ["Hello"], id="parts"),
        pytest.param([piece("Hel"), piece("lo"), GOOD], ["Hel", "lo"], id="pieces"),
        pytest.param([piece("Hel"), piece("lo"), said("Hello"), GOOD], ["Hel", "lo"], id="pieces-and-then-whole"),
        pytest.param([piece("Hel"), said("Hello"), GOOD], ["Hel", "lo"], id="more-in-the-whole"),
        pytest.param([piece("Hel"), GOOD], ["Hel", "lo"], id="more-in-the-result"),
        pytest.param([piece("Hel"), piece("lo"), said("lo"), GOOD], ["Hel", "lo"], id="the-last-piece-again"),
        pytest.param(
            [piece("Hello"), {**piece("Hello"), "model_call_id": "m"}, GOOD], ["Hello"], id="whole-with-a-time"
        ),
        pytest.param(
            [piece("Hel"), said("Hello"), said("Bye"), {**GOOD, "result": "HelloBye"}],
            ["Hel", "lo", "Bye"],
            id="several-messages",
        ),
        pytest.param([GOOD], ["Hello"], id="result-alone"),
        pytest.param([said("Hello"), said("Hello"), GOOD], ["Hello", "Hello"], id="twice-without-pieces"),
        pytest.param([said(""), said(None), GOOD], ["Hello"], id="nothing-said"),
        pytest.param([b"noise", b"[]", {"type": "novel"}, said("Hello"), GOOD], ["Hello"], id="noise"),
    ],
)
def test_words_are_told_once(lines: list[Any], expected: list[str]) -> None:
    """
    Builds repeat what they said in pieces.
    """
    found = played(*lines)

    assert [event.text for event in found if isinstance(event, Text)] == expected
    assert found[-1] == Finish("stop")
    assert not any(isinstance(event, Notice) for event in found)


def test_another_result_than_what_was_said_is_a_warning() -> None:
    """
    What was shown stays.
    """
    found = played(said("Bye"), GOOD)

    assert found == [Text("Bye"), Notice("cursor: the result differs from what was streamed"), Finish("stop")]
    assert played(said("Hello there"), {**GOOD, "result": "there"}) == [Text("Hello there"), Finish("stop")]
    assert played(said("Bye"), {**GOOD, "result": ""}) == [Text("Bye"), Finish("stop")]


def test_a_model_that_acts_is_told_once_for_each_tool() -> None:
    """
    Words after a call stand apart from those before; an answer that comes whole leaves the earlier ones out.
    """
    lines = [
        piece("Look."),
        tool("started"),
        tool("completed"),
        tool("started", "t2"),
        tool("completed", "t2"),
        tool("started", "t3", "readToolCall"),
        tool("completed", "t3"),
        piece("Done"),
        piece("!"),
        {**GOOD, "result": "Look.Done!"},
    ]
    acted = [Notice(f"cursor: the model tried to act instead of only answering: {name}") for name in ("shell", "read")]
    tokens = played(*lines)

    assert tokens == [Text("Look."), *acted, Text("\n\nDone"), Text("!"), Finish("stop")]
    assert played(*lines, streamed=False) == [*acted, Text("Done!"), Finish("stop")]
    assert played(piece("abc\n"), tool("started", name="x"), piece("b"), {**GOOD, "result": "abc\nb"})[1:3] == [
        Notice("cursor: the model tried to act instead of only answering: tool"),
        Text("b"),
    ]


def test_an_answer_that_comes_whole_is_the_result() -> None:
    """
    What was said stands in where it is empty.
    """
    assert played(said("A"), {**GOOD, "result": "A!"}, streamed=False) == [Text("A!"), Finish("stop")]
    assert played(said("A"), {**GOOD, "result": ""}, streamed=False) == [Text("A"), Finish("stop")]


def test_calls_that_go_on_are_known() -> None:
    """
    Silence is natural while a tool runs.
    """
    made = reader()
    acting = []
    for line in (
        tool("started", "a"),
        tool("started", "b"),
        tool("completed", "a"),
        tool("failed", "b"),
        tool("ended", "c"),
    ):
        made.feed(json.dumps(line).encode())
        acting.append(set(made.acting))

    assert acting == [{"a"}, {"a", "b"}, {"b"}, set(), set()]


def test_what_a_line_tells_besides_words() -> None:
    """
    The model, its reasoning, the request and the tokens; each once.
    """
    last = {**GOOD, "request_id": "r1", "usage": {"inputTokens": 3, "outputTokens": 2}}
    found = played({"type": "system", "model": "m"}, {"type": "system"}, {"type": "thinking", "text": "hm"}, last)

    assert found == [
        ServedBy("m"),
        Reasoning("hm"),
        Text("Hello"),
        ServedBy(request_id="r1"),
        Usage(3, 2),
        Finish("stop"),
    ]
    made = reader()
    made.feed(json.dumps(last).encode())
    assert made.owed() == [ServedBy(request_id="r1"), Usage(3, 2)]
    assert made.owed() == []


def test_spoken_means_that_somebody_saw_it() -> None:
    """
    An answer that is not streamed can be asked for again.
    """
    for streamed in (True, False):
        made = reader(streamed=streamed)
        assert made.spoken is False
        made.feed(json.dumps(said("Hello")).encode())
        assert made.spoken is streamed


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(
            {"inputTokens": 9, "outputTokens": 2, "cacheReadTokens": 3, "cacheWriteTokens": 1},
            Usage(9, 2, 3, 1),
            id="camel",
        ),
        pytest.param({"input_tokens": 9, "output_tokens": 2}, Usage(9, 2), id="snake"),
        pytest.param(
            {"inputTokens": 4, "outputTokens": 2, "cacheReadTokens": 3, "cacheWriteTokens": 1},
            Usage(4, 2, 3, 1),
            id="all-cached",
        ),
        pytest.param(
            {"inputTokens": 3, "outputTokens": 2, "cacheReadTokens": 3, "cacheWriteTokens": 1}, None, id="more-than-all"
        ),
        pytest.param({"inputTokens": 0, "outputTokens": 0}, None, id="zeros"),
        pytest.param({"inputTokens": 0, "outputTokens": 1}, Usage(0, 1), id="one"),
        pytest.param({"inputTokens": 2, "outputTokens": 2}, Usage(2, 2), id="as-many-out-as-in"),
        pytest.param({"inputTokens": 3}, None, id="half"),
        pytest.param({"outputTokens": 3}, None, id="other-half"),
        pytest.param({"inputTokens": -1, "outputTokens": 3}, None, id="negative"),
        pytest.param([], None, id="list"),
    ],
)
def test_tokens_that_are_a_whole_and_its_parts(value: Any, expected: Usage | None) -> None:
    """
    Anything else is no usage.
    """
    assert usage(value) == expected


def test_success_without_an_answer_is_none() -> None:
    """
    It may have been paid, so it is not tried again.
    """
    with pytest.raises(Broken, match="cursor reported success, but sent no answer") as caught:
        played({**GOOD, "result": ""})

    assert caught.value.may_be_billed is True


@pytest.mark.parametrize(
    "last", [None, {**GOOD, "is_error": True}, {**GOOD, "subtype": "error"}, {"type": "result", "result": "Hello"}]
)
def test_a_result_that_is_no_success_is_a_failure(last: dict[str, Any] | None) -> None:
    """
    Whatever was said before.
    """
    with pytest.raises(ProviderError):
        played(said("Hello"), *([] if last is None else [last]))


WORDINGS: dict[type[ProviderError], str] = {
    Unauthorized: "Authentication required|Not logged in|not authenticated|unauthenticated|Invalid API key|Log in first"
    "|login first|permission_denied|HTTP 401|status code: 403|status=401|Workspace Trust Required",
    QuotaExhausted: "usage limit|spend limit|spending limit|out of credits|out of requests|out of usage|HTTP 402",
    ModelNotFound: "model not found|model name is not valid|cannot use this model|unknown model|named models|your pro plan"
    "|your plan|[not_found]|HTTP 404",
    ContextTooLong: "context length|context window|prompt is too long|input too long|payload is too large|message too large",
    Rejected: "[invalid_argument]|[failed_precondition]|[out_of_range]|[unimplemented]|HTTP 400|status 413|status code 422",
    RateLimited: "rate limit|Too many requests",
    Unavailable: "resource_exhausted|ConnectError|ECONNRESET|ECONNREFUSED|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EPIPE|socket hang up"
    "|timed out|deadline_exceeded|[unavailable]|overloaded|network error|cli-config.json.tmp",
    Broken: "pipe|HTTP 4010|something else|",
}


@pytest.mark.parametrize(
    ("expected", "wordings"), [pytest.param(kind, words, id=kind.__name__) for kind, words in WORDINGS.items()]
)
def test_every_wording_is_known(expected: type[ProviderError], wordings: str) -> None:
    """
    Exit codes say nothing; what is not known is not tried again.
    """
    assert {words: verdict(f"x {words}") for words in wordings.split("|")} == dict.fromkeys(
        wordings.split("|"), expected
    )


def test_a_failure_is_told_by_its_most_telling_line() -> None:
    """
    The result first, then plain lines, then standard error; no echo of the prompt, no colors, no key.
    """
    made = reader()
    made.feed(b"starting")
    made.feed(b"\x1b[31mRate limit for pw1234\x1b[0m")
    found = made.failed(1, b'{"prompt": "secret"}\nerror: gone\n')

    assert (type(found), found.message) == (RateLimited, "cursor failed: Rate limit for ****")
    assert (found.retry_after, found.hint) == (15.0, None)

    result = reader()
    result.feed(json.dumps({"type": "result", "result": "not logged in", "error": "x"}).encode())
    found = result.failed(1, b"Rate limit")
    assert (type(found), found.message) == (Unauthorized, "cursor failed: not logged in x")
    assert (found.retry_after, found.hint) == (None, "run cursor-agent login, or set CURSOR_API_KEY")

    lines = reader().failed(1, b"one\ntwo\nthree\nfour\n")
    assert (type(lines), lines.message) == (Broken, "cursor failed: two three four")
    assert reader().failed(137, b"").message == "cursor ended without an answer: signal 9"
    assert reader().failed(128, b'{"x": 1}').message == "cursor ended without an answer: exit code 128"
    assert reader().failed(1, b"Workspace Trust Required").hint == (
        "this version does not support --trust for an empty folder; update it (cursor-agent update)"
    )
    assert reader().failed(1, b"overloaded").retry_after == 15.0


def test_noise_is_kept_to_its_end() -> None:
    """
    A program that fills a pipe fills no memory.
    """
    made = reader()
    made.feed(b"Rate limit")
    made.feed(b"x" * 4096)

    assert type(made.failed(1, b"")) is Broken
    made.feed(b"Rate limit")
    assert type(made.failed(1, b"")) is RateLimited
