"""One exchange: clocks and headers of a call, how a reply is read, and what a broken answer keeps of its cause."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from llmo import __version__
from llmo.config.profile import ProviderConfig
from llmo.errors import (
    ConfigError,
    CredentialsError,
    Incomplete,
    ProviderError,
    RateLimited,
    Rejected,
    TimedOut,
    Unavailable,
)
from llmo.providers.http import fields as wire
from llmo.providers.http import framing
from llmo.providers.http.counts import AbsurdError, count, dollars, plausible, uses
from llmo.providers.http.provider import expressible
from llmo.providers.provider import ProviderContext
from llmo.providers.registry import factory
from llmo.types.events import Finish, ServedBy, Text, Usage
from llmo.types.messages import Image, Message, Params, Request
from llmo.types.money import DEAREST
from tests import virtual
from tests.contract.dialects import ANTHROPIC, DIALECTS, HELLO, JSON, KEY, OLLAMA, OPENAI, Row, Scripted, events, link
from tests.emitted import emitted, ignore
from tests.providers.test_encode import body, sent

WHOLE = replace(HELLO, stream=False)
ANSWER = b'{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}'


def chunk(content: str, reason: str | None = None, **fields: Any) -> bytes:
    said = {"choices": [{"delta": {"content": content}, "finish_reason": reason}], **fields}
    return f"data: {json.dumps(said)}\n\n".encode()


def failed(*script: Any, status: int = 200, headers: dict[str, str] | None = None) -> ProviderError:
    found = events(OPENAI, Scripted(list(script), status, OPENAI.streamed if headers is None else headers))[-1]
    assert isinstance(found, ProviderError)
    return found


@pytest.mark.parametrize(
    ("kind", "clocks"),
    [
        ("openai", (10.0, 120.0, 600.0)),
        ("anthropic", (10.0, 90.0, 600.0)),
        ("ollama", (5.0, 120.0, 3600.0)),
        ("openrouter", (10.0, 120.0, 600.0)),
        ("litellm-proxy", (10.0, 120.0, 600.0)),
    ],
)
def test_the_clocks_of_a_kind_hold_where_the_profile_is_silent(kind: str, clocks: tuple[float, ...]) -> None:
    """
    A silence that is normal for one would hang another.
    """
    row = next(row for row in DIALECTS if row.kind == kind)
    transport = Scripted([row.wire("plain")], headers=row.streamed)
    provider = factory(kind)(link(row, transport))

    async def ask() -> None:
        await provider.send(HELLO, "m", ignore)

    virtual.run(ask())
    (call,) = transport.calls

    assert (call.connect, call.idle, call.first) == clocks
    assert (call.method, call.direct) == ("POST", row.base_url.startswith("http://127."))


def test_every_call_says_who_asks_and_what_it_takes() -> None:
    """
    Headers of the profile win, and are sent in lower case.
    """
    headers = sent(OPENAI, HELLO, headers={"X-Team": "blue", "User-Agent": "mine"})[1]

    assert headers == {
        "content-type": "application/json",
        "accept-encoding": "gzip, deflate",
        "user-agent": "mine",
        "authorization": f"Bearer {KEY}",
        "x-team": "blue",
    }
    assert sent(OPENAI, HELLO)[1]["user-agent"] == f"llmo/{__version__}"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"": "x"}, id="no-name"),
        pytest.param({"a b": "x"}, id="space"),
        pytest.param({"a:b": "x"}, id="colon"),
        pytest.param({"a\nb": "x"}, id="line-end-in-the-name"),
        pytest.param({"a": "x\ny"}, id="line-end"),
        pytest.param({"a": "\u00e4"}, id="letter-from-elsewhere"),
        pytest.param({"\u00e4": "x"}, id="name-from-elsewhere"),
    ],
)
def test_a_header_that_cannot_be_sent_is_named(headers: dict[str, str]) -> None:
    """
    Its value is not shown: it may be a key.
    """
    with pytest.raises(ConfigError, match=r"^not a header: providers\.openai\.headers: "):
        sent(OPENAI, HELLO, headers=headers)


def test_a_key_that_cannot_be_sent_is_not_shown() -> None:
    """
    A hint tells what is likely wrong with it.
    """
    for key in ("pw1234\n", "pw1234\u00e4", "pw\x001234"):
        with pytest.raises(CredentialsError) as caught:
            factory("openai")(replace(link(OPENAI, Scripted([])), api_key=key))
        assert caught.value.message == "the key of openai contains characters that are not allowed in a header"
        assert caught.value.hint == "check that it was pasted completely"


def test_no_key_is_no_header() -> None:
    """
    A server of one's own may do without.
    """
    for row, name in ((OPENAI, "authorization"), (ANTHROPIC, "x-api-key"), (OLLAMA, "authorization")):
        provider: Any = factory(row.kind)(replace(link(row, Scripted([]), api_key_env="X"), api_key=None))
        assert name not in provider.headers


@pytest.mark.parametrize(
    ("content_type", "whole"),
    [
        pytest.param("application/json", True, id="json"),
        pytest.param("application/json; charset=utf-8", True, id="charset"),
        pytest.param("application/problem+json", True, id="problem"),
        pytest.param("text/event-stream", False, id="sse"),
        pytest.param("application/x-ndjson", False, id="ndjson"),
        pytest.param("text/plain", False, id="text"),
        pytest.param(None, False, id="none"),
    ],
)
def test_the_type_of_a_reply_says_how_it_comes(content_type: str | None, *, whole: bool) -> None:
    """
    What was asked for does not.
    """
    headers = {"content-type": content_type} if content_type else {}
    data = ANSWER if whole else chunk("hi", "stop")

    for request in (HELLO, WHOLE):
        assert events(OPENAI, Scripted([data], headers=headers), request) == [Text("hi"), Finish("stop")]


@pytest.mark.parametrize("status", [300, 307, 399])
def test_every_3xx_is_a_redirect(status: int) -> None:
    """
    Also those that nobody uses.
    """
    assert (
        failed(b"{}", status=status, headers=JSON).message == f"openai returned HTTP {status}: it redirects to nowhere"
    )
    assert failed(b"{}", status=400, headers=JSON).message == "openai returned HTTP 400: {}"


@pytest.mark.parametrize("status", [201, 204, 299])
def test_another_success_is_no_answer(status: int) -> None:
    """
    Only 200 brings one; what it says is shown, and may have been billed.
    """
    found = failed(b'{"error":{"message":"accepted"}}', status=status, headers=JSON)

    assert found.message == f"openai returned HTTP {status}: accepted"


def test_a_status_whose_body_broke_off_counts() -> None:
    """
    What was read of it is not shown.
    """
    found = failed(b'{"er', Unavailable("broke"), status=429, headers=JSON)

    assert (type(found), found.message) == (RateLimited, "openai returned HTTP 429 with an empty body")


@pytest.mark.parametrize(
    ("status", "body", "content_type", "says"),
    [
        pytest.param(
            401, b'{"error":{"message":"no"}}', "application/json", "openai returned HTTP 401: no", id="refused"
        ),
        pytest.param(307, b"", "text/html", "openai returned HTTP 307: it redirects to https://h", id="redirect"),
        pytest.param(200, b"[]", "application/json", "openai returned HTTP 200, not JSON: []", id="list"),
        pytest.param(200, b"<p>", "text/html", "openai returned HTTP 200, not JSON: <p>", id="page"),
        pytest.param(500, b"", "text/html", "openai returned HTTP 500 with an empty body", id="nothing"),
    ],
)
def test_a_list_of_models_fails_as_an_answer_does(status: int, body: bytes, content_type: str, says: str) -> None:
    """
    With the same words, kinds and hints.
    """
    transport = Scripted([body], status, {"content-type": content_type, "location": "https://h/x"})
    provider = factory("openai")(link(OPENAI, transport))
    with pytest.raises(ProviderError) as caught:
        virtual.run(provider.models())

    assert caught.value.message == says
    assert (transport.calls[0].method, transport.calls[0].body) == ("GET", None)
    if content_type == "text/html" and status == 200:
        assert type(caught.value) is Rejected


def test_a_body_that_holds_no_error_is_shown() -> None:
    """
    JSON of another shape is still what the server said.
    """
    assert failed(b'"busy \xff"', status=503, headers=JSON).message == 'openai returned HTTP 503: "busy \ufffd"'
    bare = failed(b"{}", status=429, headers={**JSON, "retry-after": "7", "x-request-id": "r1"})
    assert (type(bare), bare.retry_after, bare.request_id) == (RateLimited, 7.0, "r1")


def test_what_broke_an_answer_stays_known() -> None:
    """
    Status, code, request and wait of the cause decide what comes next.
    """
    fault = b'data: {"error":{"message":"slow down","code":"rate_limit_exceeded","http_status":429}}\n\n'
    found = failed(chunk("hi"), fault)

    assert isinstance(found, Incomplete)
    assert found.message == "the stream ended early: openai reported an error: slow down"
    assert (found.code, found.hint) == ("rate_limit_exceeded", None)
    assert isinstance(found.__cause__, RateLimited)

    cause = Unavailable("x", hint="h", status=503, code="c", request_id="r", retry_after=2.0)
    broke = failed(chunk("hi"), cause)
    assert (broke.status, broke.code, broke.request_id, broke.retry_after, broke.hint) == (503, "c", "r", 2.0, "h")
    assert (broke.message, broke.__cause__) == ("the stream ended early: x", cause)


def test_silence_after_the_first_message_is_silence() -> None:
    """
    Nothing was said yet, so it can be asked again; a connection that broke was an answer already.
    """
    empty = chunk("")

    assert type(failed(empty, TimedOut("no byte"))) is TimedOut
    assert type(failed(empty, Unavailable("broke"))) is Incomplete
    assert type(failed(Unavailable("broke"))) is Unavailable
    assert type(failed(empty, b'data: {"error":{"message":"busy"}}\n\n')) is Unavailable


def test_an_error_that_names_itself_after_the_end_is_one() -> None:
    """
    A cut after the reason takes nothing away, a failure that the server tells of does.
    """
    end = chunk("hi", "stop")

    assert events(OPENAI, Scripted([end, Unavailable("broke")], headers=OPENAI.streamed))[-1] == Finish("stop")
    assert type(failed(end, Unavailable("broke", status=503))) is Incomplete
    assert type(failed(end, Unavailable("broke", code="c"))) is Incomplete


@pytest.mark.parametrize(
    ("rest", "ends"),
    [
        pytest.param(chunk("hi", "stop").rstrip(), True, id="whole"),
        pytest.param(chunk("hi", "stop").rstrip()[:-1], False, id="half"),
        pytest.param(
            chunk("hi", usage={"prompt_tokens": 3, "completion_tokens": 2}) + b"data: [DONE]", True, id="done"
        ),
        pytest.param(
            chunk("hi", usage={"prompt_tokens": 3, "completion_tokens": 2}) + b"data: [DO", False, id="half-done"
        ),
    ],
)
def test_a_last_message_without_a_line_end_counts_when_it_is_whole(rest: bytes, *, ends: bool) -> None:
    """
    Servers that close at once leave it out.
    """
    found = events(OPENAI, Scripted([chunk(""), rest], headers=OPENAI.streamed))[-1]

    assert found == Finish("stop") if ends else isinstance(found, Incomplete)


def test_a_stream_without_a_message_shows_its_first_bytes() -> None:
    """
    They say what stands there instead.
    """
    assert failed(b"hello ", b"world").message == "openai returned HTTP 200, not JSON: hello"
    assert failed().message == "openai returned HTTP 200 with an empty body"


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Neither a body nor a line may fill the memory.
    """
    monkeypatch.setattr(wire, "BODY_LIMIT", len(ANSWER) + 1)
    assert events(OPENAI, Scripted([ANSWER], headers=JSON), WHOLE)[-1] == Finish("stop")
    monkeypatch.setattr(wire, "BODY_LIMIT", len(ANSWER))
    assert type(failed(ANSWER, headers=JSON)) is Unavailable
    assert "longer than" in failed(ANSWER, headers=JSON).message

    monkeypatch.setattr(framing, "LINE_LIMIT", 100)
    assert type(failed(b"data: " + b"x" * 94)) is Unavailable
    assert "not JSON" in failed(b"data: " + b"x" * 94).message
    for pieces in ([b"data: " + b"x" * 95], [b"data: ", b"x" * 95], [b"\n" + b"x" * 101]):
        assert "a line of the answer is longer than" in failed(*pieces).message
    assert events(OPENAI, Scripted([chunk("h")] * 9 + [chunk("i", "stop")], headers=OPENAI.streamed))[-1] == Finish(
        "stop"
    )


def test_a_parameter_that_a_kind_does_not_know_is_refused() -> None:
    """
    The hint names who does.
    """
    with pytest.raises(Rejected) as caught:
        body(ANTHROPIC, replace(HELLO, params=Params(seed=1)))

    assert caught.value.message == "anthropic (anthropic) does not support the parameter: seed"
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("leave it out, or use a provider of kind openai, ollama")
    assert caught.value.may_be_billed is False


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        pytest.param(replace(HELLO, params=Params(extra={"a": 1, "b": 2})), "a, b", id="options"),
        pytest.param(replace(HELLO, params=Params(temperature=0.0)), "temperature", id="temperature"),
        pytest.param(Request((Message("user", "hi", (Image("x", "image/png", b"x"),)),)), "image", id="image"),
        pytest.param(HELLO, None, id="nothing"),
    ],
)
def test_a_kind_without_parameters_names_what_it_was_asked(asked: Request, name: str | None) -> None:
    """
    Nothing is dropped in silence.
    """
    made = ProviderContext("c", "", None, ProviderConfig(kind="cursor"), Scripted([]))
    if name is None:
        expressible(made, asked)
        return
    with pytest.raises(Rejected) as caught:
        expressible(made, asked)

    assert caught.value.message == f"c (cursor) does not support the parameter: {name}"


def test_what_a_call_can_cost_has_an_end() -> None:
    """
    More than that is a mistake of the server.
    """
    most = Decimal(DEAREST).scaleb(-12)

    assert plausible(str(most)) == DEAREST
    assert plausible(str(most + Decimal("0.01"))) is None
    assert plausible("x") is None


def test_an_option_that_llmo_sets_itself_is_refused_before_it_is_paid() -> None:
    """
    In every dialect, with what to use instead.
    """
    for row in DIALECTS:
        with pytest.raises(Rejected) as caught:
            body(row, replace(HELLO, params=Params(extra={"max_tokens": 10**9})))
        assert caught.value.message.endswith(f" of {row.kind}")
        assert caught.value.hint == "use --max-tokens"
        assert caught.value.may_be_billed is False


def test_an_option_never_takes_the_place_of_an_object() -> None:
    """
    What llmo says there would be lost.
    """
    with pytest.raises(Rejected, match="this option must be an object: output_config") as caught:
        body(ANTHROPIC, replace(HELLO, schema={"type": "object"}, params=Params(extra={"output_config": "low"})))

    assert caught.value.may_be_billed is False


@pytest.mark.parametrize("row", [pytest.param(row, id=row.kind) for row in DIALECTS])
def test_a_request_is_named_by_each_dialects_header(row: Row) -> None:
    """
    An empty one is none.
    """
    name = {"anthropic": "request-id", "openrouter": "x-generation-id", "litellm-proxy": "x-litellm-call-id"}
    header = name.get(row.kind, "x-request-id")
    named = events(row, Scripted([row.wire("plain")], headers={**row.streamed, header: "r1"}))
    empty = events(row, Scripted([row.wire("plain")], headers={**row.streamed, header: ""}))

    assert named[0] == ServedBy(request_id="r1")
    assert not any(event.request_id for event in empty if isinstance(event, ServedBy))


def test_two_answers_of_one_provider_know_nothing_of_each_other() -> None:
    """
    What the first one counted is not billed with the second.
    """
    provider = factory("openai")(
        link(
            OPENAI,
            Scripted(
                [chunk("hi", "stop", usage={"prompt_tokens": 3, "completion_tokens": 2})], headers=OPENAI.streamed
            ),
        )
    )

    async def ask() -> list[Any]:
        return await emitted(provider, HELLO, "m")

    expected = [Text("hi"), Usage(3, 2), Finish("stop")]
    assert [virtual.run(ask()), virtual.run(ask())] == [expected, expected]


def test_a_schema_of_a_line_that_has_a_format_stays_the_lines() -> None:
    """
    The body of a chat completion is sent as it stands, with llmo's limit.
    """
    request = replace(
        HELLO,
        body={"response_format": {"type": "text"}, "temperature": 0.5},
        schema={"type": "object"},
        params=Params(max_tokens=9, temperature=0.5, seed=7),
    )
    found = body(OPENAI, request)

    assert (found["response_format"], found["temperature"]) == ({"type": "text"}, 0.5)
    assert (found["max_completion_tokens"], "seed" in found) == (9, False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(0, 0, id="zero"),
        pytest.param(7, 7, id="whole"),
        pytest.param(7.0, 7, id="point"),
        pytest.param(None, None, id="null"),
    ],
)
def test_a_count_is_a_whole_number_or_nothing(value: Any, expected: int | None) -> None:
    """
    Absent and null are unknown, all else is named.
    """
    assert count({"a": {"b": value}}, "a", "b") == expected
    assert count({"a": 3}, "a", "b") is None
    assert count({}, "a", "b") is None


@pytest.mark.parametrize("value", [-1, 7.5, True, "7", [], float("nan"), 10**12])
def test_a_count_that_cannot_be_names_its_field(value: Any) -> None:
    """
    With what stood there.
    """
    with pytest.raises(AbsurdError) as caught:
        count({"a": {"b": value}}, "a", "b")

    assert str(caught.value) == f"a.b = {value}"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        pytest.param(10**40, "1" + "0" * 38 + "…", id="long"),
        pytest.param(10**41, "a number without end", id="longer"),
        pytest.param(-(10**41), "a number without end", id="below"),
        pytest.param("", "nothing", id="empty"),
        pytest.param("x" * 50, "x" * 39 + "…", id="text"),
    ],
)
def test_an_absurd_figure_is_shown_in_short(value: Any, said: str) -> None:
    """
    Python writes no number of more than 4,300 digits, and nobody reads it.
    """
    with pytest.raises(AbsurdError) as caught:
        dollars({"a": value}, "a")

    assert str(caught.value) == f"a = {said}"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"web_search": {"count": 2, "size": 9}}, {"web_search": 2}, id="a-count-of-its-own"),
        pytest.param(
            {"server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 3}}, {"web_search": 2}, id="free"
        ),
        pytest.param({"tools": {"x": {"count": 2}, "y": {"count": None}}}, {"x": 2}, id="counts-in-objects"),
        pytest.param({"tool_use": {"code_requests": 1.5}}, {"code": None}, id="a-count-that-cannot-be"),
        pytest.param({"tool_use": {"x": True, "y": "2", "z": 0}}, {}, id="no-counts"),
        pytest.param({"tool_use": {"file_search": 1, "FileSearch_calls": 2}}, {"file_search": 2}, id="one-name"),
        pytest.param({"num_search_queries": 4}, {"web_search": 4}, id="perplexity"),
        pytest.param({"tool_use": {"\u200b": 1}}, {"something without a name": 1}, id="nameless"),
        pytest.param({"prompt_tokens": 4, "cached": {"search": 2}}, {}, id="tokens"),
    ],
)
def test_what_is_used_beside_tokens(fields: dict[str, Any], expected: dict[str, int | None]) -> None:
    """
    Whatever speaks of a search, a tool or a source is billed by the use.
    """
    assert uses(fields) == expected
