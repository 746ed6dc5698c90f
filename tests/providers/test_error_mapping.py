"""What servers say instead of an answer: in error objects, pages, redirects, and in the middle of a stream."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from llmo.errors import (
    ContextTooLong,
    ModelNotFound,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Refused,
    Rejected,
    Unauthorized,
    Unavailable,
    Unfinished,
)
from llmo.providers.registry import factory
from llmo.types.events import Finish, Notice, Text
from tests import virtual
from tests.contract.dialects import ANTHROPIC, HELLO, JSON, OPENAI, Row, Scripted, events, link
from tests.emitted import ignore

if TYPE_CHECKING:
    from llmo.errors import LlmoError

PLAIN_KEY = "pw1234"
"""A key that nothing but its value gives away, too short to be masked wherever it appears."""


def told(status: int, body: Any, headers: dict[str, str] | None = None, row: Row = OPENAI) -> ProviderError:
    """What a reply becomes when it is no answer; a body that is no text is sent as JSON."""
    sent = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    transport = Scripted([sent], status, JSON if headers is None else headers)

    async def ask() -> ProviderError:
        provider = factory(row.kind)(replace(link(row, transport), api_key=PLAIN_KEY))
        with pytest.raises(ProviderError) as caught:
            await provider.send(HELLO, "m", ignore)
        return caught.value

    return virtual.run(ask())


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        pytest.param(
            {"loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "type": "extra_forbidden"},
            "seed: Extra inputs are not permitted",
            id="field",
        ),
        pytest.param(
            {"loc": ["body", "messages", 0, "role"], "msg": "no such role"}, "messages.0.role: no such role", id="deep"
        ),
        pytest.param({"loc": ["body"], "msg": "Field required"}, "Field required", id="the-body-itself"),
        pytest.param({"loc": ["body", "seed"]}, "seed", id="no-words"),
        pytest.param({"type": "missing"}, "missing", id="type-alone"),
        pytest.param({"x": 1}, "no message", id="nothing"),
    ],
)
def test_a_field_that_fastapi_refuses_is_named(detail: dict[str, Any], said: str) -> None:
    """
    `Extra inputs are not permitted` alone leaves open which.
    """
    assert told(422, {"detail": [detail]}).message == f"openai returned HTTP 422: {said}"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param({"error": {"message": "bad"}}, "bad", id="openai"),
        pytest.param({"error": "bad"}, "bad", id="ollama"),
        pytest.param([{"error": {"message": "bad"}}], "bad", id="google"),
        pytest.param({"error": [{"message": "bad"}, {"message": "other"}]}, "bad", id="list-of-errors"),
        pytest.param({"object": "error", "message": "bad", "code": 400}, "bad", id="vllm"),
        pytest.param({"detail": "bad"}, "bad", id="fastapi"),
        pytest.param({"message": {"detail": [{"loc": ["body", "x"], "msg": "bad"}]}}, "x: bad", id="mistral"),
        pytest.param({"error": {"code": "c", "type": "t"}}, "c t", id="words-alone"),
        pytest.param({"error": {}, "message": "bad"}, "bad", id="empty-error-beside-a-message"),
        pytest.param({"message": {"other": 1}}, '{"message": {"other": 1}}', id="unknown"),
        pytest.param({"message": 7}, '{"message": 7}', id="number"),
        pytest.param([], "[]", id="nothing"),
    ],
)
def test_the_words_of_an_error_are_found_in_every_shape(body: Any, said: str) -> None:
    """
    What is no known shape is shown as it came.
    """
    assert told(400, body).message == f"openai returned HTTP 400: {said}"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"code": "rate_limit_exceeded"}, RateLimited, id="code"),
        pytest.param({"type": "rate_limit_error"}, RateLimited, id="type"),
        pytest.param({"error_type": "rate_limit_exceeded"}, RateLimited, id="error-type"),
        pytest.param({"status": "PERMISSION_DENIED"}, Unauthorized, id="google"),
        pytest.param({"details": {"error_code": "ramp_limit_exceeded"}}, RateLimited, id="anthropic"),
        pytest.param({"metadata": {"error_type": "payment_required"}}, QuotaExhausted, id="openrouter"),
        pytest.param({"code": "context_length_exceeded", "type": "rate_limit_error"}, ContextTooLong, id="code-first"),
        pytest.param({"code": "rate_limit_exceeded", "type": "insufficient_quota"}, QuotaExhausted, id="money-first"),
    ],
)
def test_a_word_is_found_wherever_servers_put_it(fields: dict[str, Any], expected: type) -> None:
    """
    The most telling one decides, and is kept as the code.
    """
    assert type(told(400, {"error": {"message": "no", **fields}})) is expected


@pytest.mark.parametrize(
    ("fields", "expected", "status"),
    [
        pytest.param({"code": 429}, RateLimited, 429, id="number"),
        pytest.param({"code": "401"}, Unauthorized, 401, id="digits"),
        pytest.param({"http_status": 402}, QuotaExhausted, 402, id="another-name"),
        pytest.param({"code": "abc"}, Unavailable, None, id="three-letters"),
        pytest.param({"code": "4290"}, Unavailable, None, id="four-digits"),
        pytest.param({"code": "\u0664\u0662\u0669"}, Unavailable, None, id="arabic-digits"),
    ],
)
def test_a_status_inside_an_answer_counts(fields: dict[str, Any], expected: type, status: int | None) -> None:
    """
    A proxy that began with 200 writes the upstream's status into the error.
    """
    found = told(200, {"error": {"message": "no", **fields}})

    assert (type(found), found.status) == (expected, status)


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        pytest.param(
            429,
            {"type": "rate_limit_error", "message": "Your credit balance is too low"},
            QuotaExhausted,
            id="spend-limit-as-rate-limit",
        ),
        pytest.param(
            401,
            {"type": "authentication_error", "message": "this key may not buy more credits"},
            Unauthorized,
            id="key-that-speaks-of-credit",
        ),
        pytest.param(429, {"message": "Limit 10000, Requested 12000"}, Rejected, id="larger-than-the-limit"),
        pytest.param(429, {"message": "Limit 10000, Requested 10000"}, RateLimited, id="exactly-the-limit"),
        pytest.param(429, {"message": "Request too large for m"}, Rejected, id="too-large-without-figures"),
        pytest.param(500, {"message": "insufficient funds"}, Unavailable, id="words-in-a-500"),
        pytest.param(
            500,
            {"message": "no", "code": "api_error", "type": "rate_limit_error"},
            Unavailable,
            id="first-word-of-a-500",
        ),
        pytest.param(400, {"message": "API key not valid. Please pass a valid one"}, Unauthorized, id="google-key"),
        pytest.param(400, {"message": "Model Not Exist"}, ModelNotFound, id="deepseek-model"),
        pytest.param(404, {"message": "that model is gone"}, ModelNotFound, id="404-of-a-model"),
        pytest.param(404, {"message": "gone", "type": "x"}, ModelNotFound, id="404-with-a-word-of-an-api"),
        pytest.param(404, {"message": "gone"}, Rejected, id="404-of-anything"),
        pytest.param(413, {"message": "the input is too long"}, ContextTooLong, id="413-of-a-prompt"),
        pytest.param(403, {"message": "the input is too long"}, Unauthorized, id="403-is-about-the-key"),
        pytest.param(
            400, {"message": "no", "type": "not_found_error"}, Rejected, id="a-status-beats-a-word-that-many-use"
        ),
        pytest.param(200, {"message": "no", "type": "invalid_request_error"}, Rejected, id="no-status-but-a-word"),
    ],
)
def test_words_decide_where_the_status_leaves_it_open(status: int, error: dict[str, Any], expected: type) -> None:
    """
    Whether to wait, to fall back or to give up hangs on it.
    """
    assert type(told(status, {"error": error})) is expected


WORDS: dict[type[ProviderError], tuple[int, str]] = {
    QuotaExhausted: (
        429,
        (
            "insufficient_quota credit_balance_exhausted organization_spend_limit_exceeded project_spend_limit_exceeded "
            "organization_usage_limit_exceeded billing_hard_limit_reached billing_not_active payment_required billing_error "
            "enforced_spend_limit_reached contract_spend_limit_reached linked_organization_spend_limit_reached"
        ),
    ),
    RateLimited: (400, "rate_limit_exceeded rate_limit_error slow_down resource_unavailable throttling_error"),
    ContextTooLong: (422, "context_length_exceeded token_limit_exceeded string_too_long exceed_context_size_error"),
    ModelNotFound: (400, "model_not_found model_deprecated invalid_model"),
    Refused: (400, "content_policy_violation content_filter moderation_blocked refusal"),
    Unauthorized: (
        400,
        (
            "invalid_api_key authentication_error authentication permission_error permission_denied "
            "unsupported_country_region_territory organization_on_hold"
        ),
    ),
    Rejected: (200, "unsupported_parameter unsupported_value invalid_json_schema request_too_large payload_too_large"),
}


@pytest.mark.parametrize(
    ("expected", "case"), [pytest.param(kind, case, id=kind.__name__) for kind, case in WORDS.items()]
)
def test_the_words_that_vendors_document_are_known(expected: type, case: tuple[int, str]) -> None:
    """
    Each decides against the status that it may come with.
    """
    status, words = case

    assert {
        word: type(told(status, {"error": {"message": "no", "code": word}})) for word in words.split()
    } == dict.fromkeys(words.split(), expected)


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (400, "This model's maximum context length is 4096", ContextTooLong),
        (400, "exceeds the context window of this model", ContextTooLong),
        (400, "request exceeds the available context size", ContextTooLong),
        (422, "`inputs` tokens + `max_new_tokens` must be <= 4096", ContextTooLong),
        (400, "Too many input tokens", ContextTooLong),
        (413, "Prompt is too long: 9 tokens", ContextTooLong),
        (400, "You have reached your specified API usage limits", QuotaExhausted),
        (400, "usage limit reached", QuotaExhausted),
        (403, "monthly spending limit reached", QuotaExhausted),
        (403, "monthly spend limit reached", QuotaExhausted),
        (429, "Insufficient balance", QuotaExhausted),
        (429, "insufficient funds", QuotaExhausted),
        (400, "Invalid model: x", ModelNotFound),
        (425, "too early", Unavailable),
        (418, "a teapot", Rejected),
        (599, "odd", Unavailable),
    ],
)
def test_wordings_without_a_code_are_known(status: int, message: str, expected: type) -> None:
    """
    Servers that give no code say the same in a few ways.
    """
    assert type(told(status, {"error": {"message": message}})) is expected


@pytest.mark.parametrize(
    ("location", "place"),
    [
        pytest.param("https://a.example/v1", "https://a.example", id="host"),
        pytest.param("https://u:p@a.example/v1", "https://a.example", id="password"),
        pytest.param(f"https://{PLAIN_KEY}.example/", "https://****.example", id="key-in-the-host"),
        pytest.param(f"/login/{PLAIN_KEY}", "/login/****", id="path"),
        pytest.param(None, "nowhere", id="no-place"),
    ],
)
def test_a_redirect_names_its_place_and_no_secret(location: str | None, place: str) -> None:
    """
    It is not followed: the user is told where it would have gone.
    """
    found = told(307, b"", {"location": location} if location else {})

    assert (type(found), found.status) == (Rejected, 307)
    assert found.message == f"openai returned HTTP 307: it redirects to {place}"
    assert found.hint == "if that address is right, set it as base_url of the provider"


@pytest.mark.parametrize(
    ("status", "body", "content_type", "expected"),
    [
        pytest.param(200, b"hello", "text/plain", Rejected, id="text"),
        pytest.param(200, b"<html>", "text/html", Rejected, id="page"),
        pytest.param(200, b"hello", None, Unavailable, id="unnamed"),
        pytest.param(404, b"hello", "text/plain", Rejected, id="404"),
        pytest.param(502, b"hello", "text/html", Unavailable, id="502"),
        pytest.param(429, b"slow down", "text/plain", RateLimited, id="429"),
    ],
)
def test_only_a_lasting_page_casts_doubt_on_the_address(
    status: int, body: bytes, content_type: str | None, expected: type[LlmoError]
) -> None:
    """
    A gateway that is down is at the right address; a page with status 200 is not.
    """
    found = told(status, body, {"content-type": content_type} if content_type else {})
    doubted = status == 200 or expected is Rejected

    assert (type(found), found.message) == (expected, f"openai returned HTTP {status}, not JSON: {body.decode()}")
    assert found.hint == ("is https://api.openai.com/v1 really an openai server?" if doubted else None)
    assert found.args == (found.message,)


def test_an_empty_body_is_called_so() -> None:
    """
    There is nothing to show.
    """
    assert told(502, b"").message == "openai returned HTTP 502 with an empty body"


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        pytest.param(400, f"no {PLAIN_KEY} \udcff here".encode("utf-8", "surrogateescape"), {}, id="page"),
        pytest.param(200, b"data: no " + PLAIN_KEY.encode() + b" \xff here\n\n", OPENAI.streamed, id="stream"),
        pytest.param(200, b'data: ["no ' + PLAIN_KEY.encode() + b' \xff here"]\n\n', OPENAI.streamed, id="list"),
        pytest.param(400, json.dumps({"error": {"message": f"no {PLAIN_KEY} here"}}).encode(), JSON, id="error"),
    ],
)
def test_an_echo_of_a_short_key_is_masked(status: int, body: bytes, headers: dict[str, str]) -> None:
    """
    Also in bytes that are no JSON, and no UTF-8.
    """
    message = told(status, body, headers).message

    assert "no **** " in message
    assert " here" in message


def test_an_error_without_words_is_still_one() -> None:
    """
    It ends the answer, and may have been billed.
    """
    data = b'data: {"choices":[{"delta":{},"finish_reason":"error"}]}\n\n'
    found = told(200, data, OPENAI.streamed)

    assert (type(found), found.message) == (Unavailable, "openai reported an error: error without a message")
    assert found.may_be_billed is True


def test_a_paused_turn_says_what_can_be_done() -> None:
    """
    The text is kept, and nothing resumes it.
    """
    body = {"type": "message", "content": [{"type": "text", "text": "hi"}], "stop_reason": "pause_turn"}
    found = told(200, body, row=ANTHROPIC)

    assert type(found) is Unfinished
    assert found.message == "the model of anthropic paused its turn (pause_turn), and llmo does not resume it"
    assert found.hint is not None
    assert "remove the tools" in found.hint


@pytest.mark.parametrize(
    ("row", "status", "error", "sure"),
    [
        pytest.param(OPENAI, 408, {"message": "slow"}, False, id="timeout"),
        pytest.param(OPENAI, 499, {"message": "closed"}, False, id="closed"),
        pytest.param(OPENAI, 500, {"message": "boom"}, True, id="500-of-the-api"),
        pytest.param(OPENAI, 500, "boom", True, id="500-in-one-word"),
        pytest.param(OPENAI, 501, {"message": "boom"}, False, id="501"),
        pytest.param(OPENAI, 503, {"message": "boom"}, True, id="overloaded"),
        pytest.param(OPENAI, 504, {"message": "boom"}, False, id="gateway"),
        pytest.param(ANTHROPIC, 529, {"message": "boom"}, True, id="529"),
        pytest.param(OPENAI, 400, {"message": "boom"}, True, id="400"),
    ],
)
def test_what_is_surely_unpaid_is_released(row: Row, status: int, error: Any, *, sure: bool) -> None:
    """
    Money stays held where work may have been done.
    """
    assert told(status, {"error": error}, row=row).may_be_billed is not sure


def test_a_500_that_is_no_error_object_may_have_cost_something() -> None:
    """
    A gateway's page stands for an answer that nobody saw.
    """
    assert told(500, b"boom").may_be_billed is True
    assert told(500, b"[]").may_be_billed is True


def test_the_wait_of_google_is_taken_where_no_header_tells_one() -> None:
    """
    RetryInfo stands among the details; a header wins, and nonsense is none.
    """
    details = [{"@type": "x"}, {"retryDelay": "34.5s"}, {"retryDelay": "1s"}]
    body = {"error": {"code": 429, "message": "busy", "details": details}}
    nonsense = {"error": {"code": 429, "message": "busy", "details": [{"retryDelay": "99999999s"}]}}

    assert told(429, body).retry_after == 34.5
    assert told(429, body, {**JSON, "retry-after": "2"}).retry_after == 2.0
    assert told(429, nonsense).retry_after is None


@pytest.mark.parametrize(
    ("env", "hint"),
    [pytest.param(None, "OPENAI_API_KEY", id="kind"), pytest.param("MY_KEY", "MY_KEY", id="profile")],
)
def test_a_refused_key_is_named_by_its_variable(env: str | None, hint: str) -> None:
    """
    The user sees which of several keys it was.
    """
    transport = Scripted([b'{"error":{"message":"bad"}}'], 401, JSON)

    async def ask() -> str | None:
        with pytest.raises(Unauthorized) as caught:
            await factory("openai")(link(OPENAI, transport, api_key_env=env)).send(HELLO, "m", ignore)
        return caught.value.hint

    assert virtual.run(ask()) == f"check the key of openai: {hint}"


def test_an_answer_after_a_page_of_words_is_an_answer() -> None:
    """
    Lines that are no data are nobody's content, whatever they say.
    """
    data = b'hello\n\ndata: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n'

    assert [
        event for event in events(OPENAI, Scripted([data], headers=OPENAI.streamed)) if type(event) is not Notice
    ] == [
        Text("hi"),
        Finish("stop"),
    ]
