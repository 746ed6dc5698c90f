"""What every dialect promises, whatever its wire looks like."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.errors import (
    ContextTooLong,
    Incomplete,
    LlmoError,
    ModelNotFound,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Refused,
    Rejected,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from llmo.providers.registry import factory
from llmo.types.events import Finish, Notice, Reasoning, ReportedCost, ServedBy, Text, Usage
from tests import virtual
from tests.contract.dialects import DIALECTS, HELLO, JSON, KEY, Row, Scripted, events, link, played
from tests.emitted import ignore, until
from tests.fakes import A, Stage

if TYPE_CHECKING:
    from llmo.types.events import Event

pytestmark = pytest.mark.parametrize("row", [pytest.param(row, id=row.kind) for row in DIALECTS])
T = TypeVar("T")
TEXT = "Grüße 😀 a\u2028b\u0085c!"


def of(kind: type[T], found: list[Event | LlmoError]) -> list[T]:
    return [event for event in found if isinstance(event, kind)]


def text(found: list[Event | LlmoError]) -> str:
    return "".join(event.text for event in found if isinstance(event, Text))


def failure(found: list[Event | LlmoError]) -> ProviderError:
    assert isinstance(found[-1], ProviderError), found
    return found[-1]


def test_an_answer_comes_whole(row: Row) -> None:
    """
    Text, reasoning, usage and the reason to finish arrive, the finish last.
    """
    found = played(row, "plain")

    assert text(found) == TEXT
    assert of(Reasoning, found) == [Reasoning("hm")]
    assert of(Usage, found)[0].input_tokens == 30
    assert of(Usage, found)[0].output_tokens == 25
    assert of(Finish, found) == [Finish("stop")]
    assert found[-1] == Finish("stop")


def test_every_split_gives_the_same_events(row: Row) -> None:
    """
    The network cuts anywhere: inside a character, between CR and LF, in the middle of a number.
    """
    data = row.wire("plain")
    expected = events(row, Scripted([data], headers=row.streamed))

    for n in range(1, len(data)):
        assert expected == events(row, Scripted([data[:n], data[n:]], headers=row.streamed)), n


@pytest.mark.parametrize("prefix", [pytest.param(b"", id="plain"), pytest.param(b"\xef\xbb\xbf", id="bom")])
def test_byte_by_byte_with_every_line_end(row: Row, prefix: bytes) -> None:
    """
    Line ends and a byte order mark are nobody's content.
    """
    data = row.wire("plain")
    expected = events(row, Scripted([data], headers=row.streamed))

    for end in (b"\n", *row.line_ends):
        sent = prefix + data.replace(b"\n", end)
        assert expected == events(row, Scripted([sent[n : n + 1] for n in range(len(sent))], headers=row.streamed)), end


def test_comments_and_blank_lines_say_nothing(row: Row) -> None:
    """
    Keep-alives between messages change no event.
    """
    data, noise = row.wire("plain"), row.comment or b"\n\n"
    gap = b"\n\n" if row.comment else b"\n"
    noisy = noise + data.replace(gap, gap + noise)

    assert played(row, "plain") == events(row, Scripted([noisy], headers=row.streamed))


def test_a_whole_body_says_what_a_stream_says(row: Row) -> None:
    """
    How an answer travels does not change it.
    """
    streamed = played(row, "plain")
    headers = {**JSON, **row.whole_headers}
    whole = events(row, Scripted([row.wire("whole.json")], headers=headers), replace(HELLO, stream=False))

    assert text(whole) == text(streamed)
    for kind in (Reasoning, Usage, ReportedCost, Finish):
        assert of(kind, whole) == of(kind, streamed)
    assert of(ServedBy, whole)[-1:] == of(ServedBy, streamed)[-1:]


def test_the_reply_decides_how_it_is_read(row: Row) -> None:
    """
    A gateway may answer whole when asked to stream, and the other way round.
    """
    whole = events(row, Scripted([row.wire("whole.json")], headers=JSON), replace(HELLO, stream=True))
    streamed = events(row, Scripted([row.wire("plain")], headers=row.streamed), replace(HELLO, stream=False))

    assert [text(whole), text(streamed)] == [TEXT, TEXT]


def test_no_cut_passes_for_an_answer(row: Row) -> None:
    """
    Wherever the stream ends early, there is no Finish without the terminal marker.
    """
    data = row.wire("plain")
    marker = data.index(row.marker) if row.marker else len(data.rstrip()) - 1

    for n in range(1, marker, 7):
        found = events(row, Scripted([data[:n]], headers=row.streamed))
        begun = bool(of(Text, found)) or bool(of(ServedBy, found))
        expected = (Incomplete,) if begun else (Incomplete, Unavailable)
        assert isinstance(failure(found), expected), n


@pytest.mark.parametrize(
    "broke",
    [pytest.param(Unavailable("connection broke"), id="cut"), pytest.param(TimedOut("no byte"), id="silence")],
)
def test_a_connection_that_breaks(row: Row, broke: ProviderError) -> None:
    """
    Before the first word it can be tried again; after it the answer is incomplete.
    """
    data = row.wire("plain")
    spoken = data[: data.index("a\u2028b".encode())]
    head = b"" if row.kind == "ollama" else data[:40]

    assert failure(events(row, Scripted([head, broke], headers=row.streamed))) is broke
    assert type(failure(events(row, Scripted([spoken, broke], headers=row.streamed)))) is Incomplete


def test_a_cut_after_the_first_message_is_an_incomplete_answer(row: Row) -> None:
    """
    The answer had begun, also when no word of it had come: the stream ended without its marker.
    """
    data = row.wire("plain")
    cut = data.index(b"\n", data.index(b"{")) + 2
    found = events(row, Scripted([data[:cut], Unavailable("connection broke")], headers=row.streamed))

    assert type(failure(found)) is Incomplete


def test_after_the_marker_nothing_can_go_wrong(row: Row) -> None:
    """
    A connection that breaks after the last word takes nothing away.
    """
    found = events(row, Scripted([row.wire("plain"), Unavailable("broke")], headers=row.streamed))

    assert played(row, "plain") == found


def test_an_error_after_the_first_words(row: Row) -> None:
    """
    Status 200 was said too early: the words stand, the answer is incomplete.
    """
    found = played(row, "fault")

    assert text(found) == "Half"
    assert type(failure(found)) is Incomplete
    assert isinstance(failure(found).__cause__, Unavailable)


@pytest.mark.parametrize(
    ("name", "expected"),
    [pytest.param("fault_first", Unavailable, id="overload"), pytest.param("quota_first", QuotaExhausted, id="quota")],
)
def test_an_error_instead_of_words(row: Row, name: str, expected: type[ProviderError]) -> None:
    """
    An error inside a 200 that said nothing is what it would have been with its own status.
    """
    found = played(row, name)
    data = row.wire(name).removeprefix(b"data: ")
    whole = data if row.kind != "anthropic" else data.partition(b"data: ")[2]

    assert type(failure(found)) is expected
    assert failure(found).may_be_billed is True
    assert type(failure(events(row, Scripted([whole.strip()], headers=JSON)))) is expected


def test_reasoning_that_used_up_the_limit(row: Row) -> None:
    """
    An empty answer is an answer, billed, with a word of explanation.
    """
    found = played(row, "empty")

    assert (text(found), found[-1]) == ("", Finish("length"))
    assert len(of(Notice, found)) == 1
    assert len(of(Usage, found)) == 1


def test_a_refusal_keeps_its_words(row: Row) -> None:
    """
    A model that refuses says so in its finish; what it said is shown.
    """
    if not row.refuses:
        pytest.skip("the dialect has no refusals")
    found = played(row, "refusal")

    assert (text(found), found[-1]) == ("I cannot do that.", Finish("refusal"))


def test_missing_usage_is_no_zero(row: Row) -> None:
    """
    A server that counts nothing gives no Usage.
    """
    found = played(row, "no_usage")

    assert (of(Usage, found), found[-1]) == ([], Finish("stop"))


def test_errors_are_named(row: Row) -> None:
    """
    Every row of the error table is the error that the engine acts on, in one line and without the key.
    """
    for name, case in row.errors.items():
        body = case.body.replace("Incorrect API key provided", f"Incorrect API key provided: {KEY}")
        found = failure(events(row, Scripted([body.encode()], case.status, {**JSON, "x-request-id": "r1"})))
        assert (name, type(found)) == (name, case.error)
        assert (name, found.status) == (name, case.status)
        assert f"{row.kind} returned HTTP {case.status}: " in found.message
        assert KEY not in f"{found.message} {found.hint}"
        assert "\n" not in found.message
        assert not found.message.endswith(".")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(400, Rejected, id="400"),
        pytest.param(401, Unauthorized, id="401"),
        pytest.param(402, QuotaExhausted, id="402"),
        pytest.param(403, Unauthorized, id="403"),
        pytest.param(404, ModelNotFound, id="404"),
        pytest.param(405, Rejected, id="405"),
        pytest.param(413, Rejected, id="413"),
        pytest.param(422, Rejected, id="422"),
        pytest.param(451, Rejected, id="451"),
        pytest.param(408, Unavailable, id="408"),
        pytest.param(409, Unavailable, id="409"),
        pytest.param(429, RateLimited, id="429"),
        pytest.param(500, Unavailable, id="500"),
    ],
)
@pytest.mark.parametrize("word", ["api_error", "server_error", "timeout", "service_unavailable_error"])
def test_a_4xx_beats_a_general_word(row: Row, word: str, status: int, expected: type[ProviderError]) -> None:
    """
    `api_error` in a 401 is a refused key: it is not tried again.
    """
    body = {"error": {"message": "no model for you", "type": word, "code": word}}
    found = failure(events(row, Scripted([json.dumps(body).encode()], status, JSON)))

    assert (type(found), found.status) == (expected, status)


@pytest.mark.parametrize(
    ("status", "word", "expected"),
    [
        pytest.param(429, "insufficient_quota", QuotaExhausted, id="quota-in-429"),
        pytest.param(403, "insufficient_quota", QuotaExhausted, id="quota-in-403"),
        pytest.param(400, "context_length_exceeded", ContextTooLong, id="context-in-400"),
        pytest.param(400, "rate_limit_exceeded", RateLimited, id="rate-in-400"),
        pytest.param(400, "model_not_found", ModelNotFound, id="model-in-400"),
        pytest.param(403, "content_filter", Refused, id="policy-in-403"),
        pytest.param(500, "authentication_error", Unauthorized, id="key-in-500"),
    ],
)
def test_a_specific_word_beats_a_status(row: Row, status: int, word: str, expected: type[ProviderError]) -> None:
    """
    Servers put what they know into the word, and what fits roughly into the status.
    """
    body = {"error": {"message": "no", "type": "api_error", "code": word}}

    assert type(failure(events(row, Scripted([json.dumps(body).encode()], status, JSON)))) is expected


def test_what_surely_cost_nothing(row: Row) -> None:
    """
    Only a failure after work may have begun keeps its hold.
    """
    for name, case in row.errors.items():
        found = failure(events(row, Scripted([case.body.encode()], case.status, JSON)))
        unsure = (408, 499, 502, 504, 524) + (500,) * (row.kind == "litellm-proxy")
        expected = case.status in unsure and case.error is Unavailable
        assert (name, found.may_be_billed) == (name, expected)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"retry-after": "1.5"}, 1.5, id="float"),
        pytest.param({"retry-after": "3600"}, 3600.0, id="hour"),
        pytest.param({"retry-after-ms": "250", "retry-after": "9"}, 0.25, id="ms-first"),
        pytest.param({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT"}, 30.0, id="date-own-clock"),
        pytest.param(
            {"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT", "date": "Sun, 22 Nov 2026 12:00:20 GMT"},
            10.0,
            id="date-server-clock",
        ),
        pytest.param({"retry-after": "Sun, 22 Nov 2020 12:00:30 GMT"}, 0.0, id="past"),
        pytest.param({"retry-after": "-3"}, 0.0, id="negative"),
        pytest.param({"retry-after": "nan"}, None, id="nan"),
        pytest.param({"retry-after": "soon"}, None, id="words"),
        pytest.param({}, None, id="absent"),
    ],
)
def test_retry_after_in_all_its_forms(row: Row, headers: dict[str, str], expected: float | None) -> None:
    """
    A server may say in many ways when to come back.
    """
    case = row.errors["rate"]
    transport = Scripted([case.body.encode()], 429, {**JSON, **headers})

    async def ask() -> float | None:
        provider = factory(row.kind)(replace(link(row, transport), clock=virtual.VirtualClock(1_795_348_800.0)))
        with pytest.raises(ProviderError) as caught:
            await provider.send(HELLO, "m", ignore)
        return caught.value.retry_after

    assert virtual.run(ask()) == expected


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        pytest.param(502, "<html>\r\n<h1>Bad Gateway</h1>", Unavailable, "<h1>Bad Gateway</h1>", id="gateway"),
        pytest.param(404, "404 page not found", Rejected, "404 page not found", id="wrong-server"),
        pytest.param(200, "<!doctype html><title>Log in</title>", Rejected, "<title>Log in</title>", id="portal"),
        pytest.param(413, "\x1b[2Jtoo big" + "!" * 999, Rejected, "[2Jtoo big!!!", id="control-characters"),
        pytest.param(500, "", Unavailable, "with an empty body", id="empty"),
    ],
)
def test_pages_that_no_api_sends(row: Row, status: int, body: str, error: type[LlmoError], says: str) -> None:
    """
    A proxy's page becomes one clear line.
    """
    found = failure(events(row, Scripted([body.encode()], status, {"content-type": "text/html"})))

    assert (type(found), found.status) == (error, status)
    assert ("not JSON: " in found.message) is bool(body)
    assert says in found.message
    assert len(found.message) < 300
    assert found.message.isprintable()


def test_an_error_whose_body_breaks_off(row: Row) -> None:
    """
    The status was said already, and counts.
    """
    found = failure(events(row, Scripted([b'{"er', TimedOut("no byte")], 429, {**JSON, "retry-after": "7"})))

    assert (type(found), found.status, found.retry_after) == (RateLimited, 429, 7.0)


def test_a_redirect_is_not_followed(row: Row) -> None:
    """
    The key goes nowhere else; the message names the place.
    """
    headers = {"location": "https://user:pw@elsewhere.example/v1?token=1"}
    found = failure(events(row, Scripted([b""], 308, headers)))

    assert (type(found), found.status) == (Rejected, 308)
    assert found.message == f"{row.kind} returned HTTP 308: it redirects to https://elsewhere.example"


def test_stopping_early_closes_the_connection(row: Row) -> None:
    """
    Who has read enough stops paying.
    """
    transport = Scripted([row.wire("plain"), Unavailable("nobody should get here")], headers=row.streamed)

    virtual.run(until(Text, factory(row.kind)(link(row, transport)), HELLO))

    assert transport.closed == 1


def test_canceling_closes_the_connection(row: Row) -> None:
    """
    Whoever cancels a request that waits for words stops paying; what had come was passed on.
    """
    data = row.wire("plain")
    spoken = data[: data.index("a\u2028b".encode())]
    transport = Scripted([spoken, math.inf], headers=row.streamed)
    found: list[Event | LlmoError] = []

    async def main() -> None:
        async with asyncio.timeout(9):
            await factory(row.kind)(link(row, transport)).send(HELLO, "m", found.append)

    with pytest.raises(TimeoutError):
        virtual.run(main())

    assert (transport.closed, bool(of(ServedBy, found))) == (1, True)


def test_what_a_reader_raises_is_no_failure_of_the_server(row: Row) -> None:
    """
    Through the engine it comes out as it was, though it looks like one; the connection is closed and the call booked.
    """
    transport = Scripted([row.wire("plain")], headers=row.streamed)
    stage = Stage({A: factory(row.kind)(link(row, transport))})
    raised = Unavailable("the disk of the reader")

    def emit(event: object) -> None:
        if isinstance(event, Text):
            raise raised

    async def main() -> None:
        with pytest.raises(Unavailable) as caught:
            await stage.engine().run(stage.job(), emit)
        assert (caught.value is raised, caught.value.__cause__) == (True, None)

    virtual.run(main(), stage.clock)

    assert (transport.closed, [line.split()[0] for line in stage.log]) == (1, ["hold", "settle"])


def test_half_characters_are_joined(row: Row) -> None:
    """
    A pair of surrogates that an encoder cut in two is one character, a lone one is replaced.
    """
    data = row.wire("plain").decode()
    cut = data.replace("Grüße 😀", "x\\ud83d").replace(" a\u2028b\u0085c", "\\ude00y\\ud83d").replace('"!"', '"z"')

    assert text(events(row, Scripted([cut.encode()], headers=row.streamed))) == "x😀y\ufffdz"


def test_the_clocks_of_the_profile_win(row: Row) -> None:
    """
    One idle_timeout stands for every silence.
    """
    transport = Scripted([row.wire("plain")], headers=row.streamed)
    provider = factory(row.kind)(link(row, transport, connect_timeout=1.0, idle_timeout=2.0))

    async def ask() -> None:
        await provider.send(HELLO, "m", ignore)

    virtual.run(ask())

    assert [(call.connect, call.idle, call.first) for call in transport.calls] == [(1.0, 2.0, 2.0)]


FIELDS = (
    *("choices", "delta", "message", "content", "usage", "error", "type", "index", "finish_reason", "done", "code"),
    *("details", "prompt_tokens", "model", "text", "thinking", "stop_reason", "content_block", "prompt_eval_count"),
    *("input_tokens", "refusal", "metadata"),
)
JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(messages=st.lists(JSONISH, max_size=3), status=st.sampled_from([200, 200, 400, 429, 500]))
def test_no_json_surprises(row: Row, messages: list[object], status: int) -> None:
    """
    Whatever JSON a stranger sends, the stream ends in Finish or in a ProviderError.
    """
    lines = [json.dumps(message).encode() for message in messages]
    data = b"".join(b"data: %s\n\n" % line if row.stream == "sse" else line + b"\n" for line in lines)
    for headers, script in ((row.streamed, [data]), (JSON, lines[:1])):
        found = events(row, Scripted(script, status, headers))
        assert isinstance(found[-1], (Finish, ProviderError))


@settings(max_examples=60, deadline=None)
@given(junk=st.binary(max_size=40), at=st.floats(0, 1))
def test_no_byte_surprises(row: Row, junk: bytes, at: float) -> None:
    """
    Bytes gone wrong cost an answer, never a traceback.
    """
    data = row.wire("plain")
    n = int(at * len(data))
    found = events(row, Scripted([data[:n] + junk + data[n:]], headers=row.streamed))

    assert isinstance(found[-1], (Finish, ProviderError))
