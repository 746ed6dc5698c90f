"""What LiteLLM hands back, as plain objects: neither the library nor a server is needed to read it."""

from __future__ import annotations

import socket
from types import SimpleNamespace as Obj
from typing import Any

import pytest

from llmo.config.profile import ProviderConfig
from llmo.errors import (
    Broken,
    ContextTooLong,
    Incomplete,
    ModelNotFound,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Refused,
    Rejected,
    TimedOut,
    Unauthorized,
    Unavailable,
    Unfinished,
)
from llmo.providers.litellm.responses import BLIND, LiteLLMDecoder, failed, usage
from llmo.providers.offline.provider import Unplugged
from llmo.providers.provider import ProviderContext
from llmo.types.events import (
    Event,
    Finish,
    Notice,
    PaidUse,
    RateInfo,
    Reasoning,
    ReportedCost,
    ServedBy,
    Text,
    ToolCall,
    Usage,
)
from llmo.types.money import DOLLAR

LINK = ProviderContext("litellm", "", "pw1234", ProviderConfig(kind="litellm"), Unplugged())
COUNTED = {"prompt_tokens": 3, "completion_tokens": 2}


class Counts(Obj):
    """The library's usage object."""

    def model_dump(self) -> dict[str, Any]:
        return dict(vars(self))


def chunk(content: str | None = None, reason: str | None = None, *, key: str = "delta", **fields: Any) -> Obj:
    said = Obj(content=content, **{name: fields.pop(name) for name in list(fields) if name in SAID})
    return Obj(choices=[Obj(finish_reason=reason, **{key: said})], **fields)


SAID = ("reasoning_content", "tool_calls", "function_call", "provider_specific_fields")


def played(*chunks: Obj, stream: Any = None, free: bool = False) -> list[Event]:
    made = LiteLLMDecoder(LINK)
    return [event for one in chunks for event in made.read(one)] + made.end(stream, free=free)


def ended(given: Any = "stop", *usages: Any, **fields: Any) -> Obj:
    return Obj(received_finish_reason=given, chunks=[Obj(usage=one) for one in usages], **fields)


def test_a_stream_of_chunks_is_an_answer() -> None:
    """
    Model, tier, reasoning, words and tokens; each told once.
    """
    counts = Counts(**COUNTED)
    found = played(
        chunk("Hel", model="m", service_tier="flex", reasoning_content="hm"),
        chunk("lo", model="n"),
        chunk(None, "stop", usage=counts),
        stream=ended("stop", None, counts),
    )

    assert found == [
        ServedBy("m", None, "flex"),
        Reasoning("hm"),
        Text("Hel"),
        Text("lo"),
        Usage(3, 2),
        Finish("stop"),
    ]


def test_the_model_of_the_host_wins_over_the_librarys_name() -> None:
    """
    The library passes it on aside.
    """
    found = played(chunk("hi", "stop", model="alias", _hidden_params={"provider_response_model": "real"}))

    assert found[0] == ServedBy("real")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("stop", [Finish("stop")]),
        ("length", [Finish("length")]),
        ("content_filter", [Finish("content_filter")]),
        ("tool_calls", [Finish("tool_calls")]),
        ("function_call", [Finish("tool_calls")]),
        ("novel", [Notice("unknown finish_reason, treated as stop: novel"), Finish("stop")]),
    ],
)
def test_every_reason_to_finish(reason: str, expected: list[Event]) -> None:
    """
    A cut answer is not a whole one.
    """
    assert played(chunk("hi", reason)) == [Text("hi"), *expected]


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_an_answer_without_words_says_so(reason: Any) -> None:
    """
    Not where tools are called.
    """
    call = Obj(index=0, id="c1", function=Obj(name="f", arguments='{"a":1}'))

    assert played(chunk(None, reason)) == [Notice("the answer is empty"), Finish(reason)]
    assert played(chunk(None, "stop", tool_calls=[call])) == [ToolCall("c1", "f", {"a": 1}), Finish("tool_calls")]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        pytest.param(ended(None), Incomplete, id="upstream-gave-no-reason"),
        pytest.param(ended(None, intermittent_finish_reason="stop"), Finish("stop"), id="it-gave-one-before"),
        pytest.param(ended("stop"), Finish("stop"), id="it-gave-one"),
        pytest.param(Obj(chunks=[]), Notice(BLIND), id="an-older-library"),
        pytest.param(None, Finish("stop"), id="whole"),
    ],
)
def test_a_cut_stream_is_no_answer(stream: Any, expected: Any) -> None:
    """
    The library makes up a reason: only what came from upstream counts.
    """
    if expected is Incomplete:
        with pytest.raises(Incomplete, match="litellm: the stream ended early, without a finish_reason"):
            played(chunk("hi", "stop"), stream=stream)
        return
    found = played(chunk("hi", "stop"), stream=stream)

    assert expected in found
    assert found[-1] == Finish("stop")
    assert (Notice(BLIND) in found) is (expected == Notice(BLIND))


@pytest.mark.parametrize("reason", ["pause_turn", "compaction"])
def test_a_paused_turn_is_not_a_whole_one(reason: str) -> None:
    """
    The host's own word stands aside, and a later chunk without one does not undo it.
    """
    with pytest.raises(Unfinished):
        played(chunk("hi", provider_specific_fields={"stop_reason": reason}), chunk("", "stop"))


def test_calls_are_put_together() -> None:
    """
    Pieces by their index in a stream, by their order in a whole answer, and the old way.
    """

    def call(index: Any, arguments: str, name: str | None = None, id: str | None = None) -> Obj:  # noqa: A002 - the library's word
        return Obj(index=index, id=id, function=Obj(name=name, arguments=arguments))

    first, second = ToolCall("c1", "f", {"a": 1}), ToolCall("c2", "g", {"b": 2})
    streamed = played(
        chunk(tool_calls=[call(0, '{"a"', "f", "c1"), call(1, '{"b"', "g", "c2")]),
        chunk(tool_calls=[call(1, ":2}"), call(0, ":1}")]),
        chunk(None, "tool_calls"),
    )
    whole = played(
        chunk(None, "tool_calls", key="message", tool_calls=[call(0, '{"a":1}', "f"), call(0, '{"b":2}', "g")])
    )
    odd = played(chunk(None, "tool_calls", tool_calls=[call([0], '{"a":1}', "f", "c1")]))
    legacy = played(
        chunk(function_call=Obj(name="f", arguments='{"a"')),
        chunk(None, "stop", function_call=Obj(name=None, arguments=":1}")),
    )

    assert streamed == [first, second, Finish("tool_calls")]
    assert whole == [ToolCall(None, "f", {"a": 1}), ToolCall(None, "g", {"b": 2}), Finish("tool_calls")]
    assert odd == [first, Finish("tool_calls")]
    assert legacy == [ToolCall(None, "f", {"a": 1}), Finish("tool_calls")]


@pytest.mark.parametrize(
    ("counts", "free", "hidden", "expected"),
    [
        pytest.param({}, False, None, [], id="none"),
        pytest.param({}, True, None, [ReportedCost(0, derived=True)], id="free"),
        pytest.param({"cost": 0.5}, False, None, [ReportedCost(DOLLAR // 2)], id="of-upstream"),
        pytest.param({"cost": 0}, False, None, [], id="zero-is-no-price"),
        pytest.param({"cost": 0}, True, None, [ReportedCost(0)], id="zero-is-a-price"),
        pytest.param({}, False, 0.25, [ReportedCost(DOLLAR // 4, derived=True)], id="worked-out"),
        pytest.param({"cost": 0}, False, 0.25, [ReportedCost(DOLLAR // 4, derived=True)], id="zero-and-worked-out"),
        pytest.param({"cost": 0.5}, False, 0.25, [ReportedCost(DOLLAR // 2)], id="upstream-first"),
        pytest.param({"cost": -1}, False, None, [], id="absurd"),
    ],
)
def test_a_cost_is_that_of_upstream_or_worked_out(
    counts: dict[str, Any], hidden: Any, expected: list[Event], *, free: bool
) -> None:
    """
    In a whole answer as in a stream.
    """
    told = Counts(**COUNTED, **counts)
    one = chunk("hi", "stop", usage=told, _hidden_params={"response_cost": hidden})

    assert played(one, free=free) == [Text("hi"), Usage(3, 2), *expected, Finish("stop")]
    assert played(one, stream=ended("stop", told), free=free) == [Text("hi"), Usage(3, 2), *expected, Finish("stop")]


def test_a_cost_that_upstream_did_not_state_is_worked_out() -> None:
    """
    The library puts its own into the usage that it made.
    """
    own = chunk("hi", "stop", usage=Counts(**COUNTED, cost=0.5))

    assert played(own, stream=ended("stop", Counts(**COUNTED)))[2] == ReportedCost(DOLLAR // 2, derived=True)


def test_tokens_that_the_library_counted_itself_are_none() -> None:
    """
    Only chunks of upstream say what is billed, and it is said once.
    """
    counts = Counts(**COUNTED, server_tool_use={"web_search_requests": 2})
    made = LiteLLMDecoder(LINK)
    made.read(chunk("hi", "stop", usage=counts))

    assert played(chunk("hi", "stop", usage=counts), stream=ended("stop", None)) == [Text("hi"), Finish("stop")]
    assert LiteLLMDecoder(LINK).owed(
        ended("stop", *(Counts(prompt_tokens=n, completion_tokens=1) for n in (1, 2, 3))), free=False
    ) == [Usage(3, 1)]
    assert made.owed(ended("stop", None, None), free=True) == []
    assert made.owed(ended("stop", counts), free=False) == []
    again = LiteLLMDecoder(LINK)
    again.read(chunk("hi", "stop", usage=counts))
    assert again.owed(None, free=False) == [Usage(3, 2), PaidUse("web_search", 2)]
    assert again.owed(None, free=False) == []


def test_figures_that_cannot_be_are_said() -> None:
    """
    The answer stands.
    """
    (warned,) = [
        event
        for event in played(chunk("hi", "stop", usage=Counts(prompt_tokens=-1, completion_tokens=2)))
        if isinstance(event, Notice)
    ]

    assert warned.message == "litellm reported token counts that cannot be true; ignored: prompt_tokens = -1"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(COUNTED, Usage(3, 2), id="plain"),
        pytest.param({"prompt_tokens": 0, "completion_tokens": 0}, None, id="zeros-that-did-not-come"),
        pytest.param({"prompt_tokens": 0, "completion_tokens": 1}, Usage(0, 1), id="one"),
        pytest.param({"prompt_tokens": 2, "completion_tokens": 2}, Usage(2, 2), id="as-many-out-as-in"),
        pytest.param(
            {"prompt_tokens": 9, "completion_tokens": 1, "cache_creation_input_tokens": 4},
            Usage(9, 1, cache_write_tokens=4),
            id="written",
        ),
        pytest.param(
            {
                "prompt_tokens": 9,
                "completion_tokens": 1,
                "prompt_tokens_details": {"cached_tokens": 2, "cache_creation_tokens": 4},
            },
            Usage(9, 1, cached_input_tokens=2, cache_write_tokens=4),
            id="written-among-details",
        ),
    ],
)
def test_tokens_of_the_librarys_usage(fields: dict[str, Any], expected: Usage | None) -> None:
    """
    As an object or as plain fields.
    """
    assert usage(fields) == expected
    assert usage(Counts(**fields)) == expected
    assert usage(None) is None


def test_headers_of_upstream_are_read_without_their_prefix() -> None:
    """
    The request and the limits.
    """
    headers = {"llm_provider-X-Request-Id": "r1", "x-ratelimit-limit-requests": "5"}
    answer = Obj(_hidden_params={"additional_headers": headers})

    assert LiteLLMDecoder(LINK).opening(answer) == [ServedBy(request_id="r1"), RateInfo(limit_requests=5)]
    assert LiteLLMDecoder(LINK).opening(Obj(_hidden_params={"additional_headers": 7})) == []
    assert LiteLLMDecoder(LINK).opening(Obj()) == []


def error(name: str, text: str, **fields: Any) -> Exception:
    exc = type(name, (Exception,), {})(text)
    for field, value in fields.items():
        setattr(exc, field, value)
    return exc  # type: ignore[no-any-return]


UP = {"llm_provider-x-request-id": "r1", "retry-after": "7"}


@pytest.mark.parametrize(
    ("exc", "expected", "billed"),
    [
        pytest.param(
            error("RateLimitError", "slow", status_code=429, litellm_response_headers=UP), RateLimited, False, id="429"
        ),
        pytest.param(error("X", "no", status_code=401, litellm_response_headers=UP), Unauthorized, False, id="401"),
        pytest.param(
            error("ContextWindowExceededError", "x", status_code=400, litellm_response_headers=UP),
            ContextTooLong,
            False,
            id="context",
        ),
        pytest.param(
            error("ContentPolicyViolationError", "x", status_code=400, litellm_response_headers=UP),
            Refused,
            False,
            id="policy",
        ),
        pytest.param(
            error("PermissionDeniedError", "x", status_code=403, litellm_response_headers=UP),
            Unauthorized,
            False,
            id="permission",
        ),
        pytest.param(
            error("NotFoundError", "x", status_code=404, litellm_response_headers=UP), ModelNotFound, False, id="model"
        ),
        pytest.param(error("X", "x", status_code=502, litellm_response_headers=UP), Unavailable, True, id="502"),
        pytest.param(
            error("X", "x", status_code=429, body={"code": "insufficient_quota"}, litellm_response_headers=UP),
            QuotaExhausted,
            False,
            id="body",
        ),
        pytest.param(
            error(
                "X",
                'Exception - {"error": {"code": "insufficient_quota", "message": "pay"}} tail',
                status_code=429,
                litellm_response_headers=UP,
            ),
            QuotaExhausted,
            False,
            id="body-in-the-text",
        ),
        pytest.param(
            error("X", "x {broken", status_code=429, litellm_response_headers=UP), RateLimited, False, id="no-body"
        ),
        pytest.param(error("AuthenticationError", "no"), Unauthorized, False, id="no-headers-by-class"),
        pytest.param(error("Timeout", "slow"), TimedOut, True, id="timeout"),
        pytest.param(error("ImportError", "no module"), Broken, True, id="import"),
        pytest.param(error("ValueError", "odd"), Broken, True, id="anything"),
        pytest.param(error("APIError", "odd", status_code=500), Unavailable, True, id="500-of-the-library"),
        pytest.param(error("APIError", "no", status_code=403), Unauthorized, False, id="403-of-the-library"),
        pytest.param(error("X", "Missing credentials. x", status_code=500), Unauthorized, False, id="no-key"),
        pytest.param(
            error("X", "The api_key client option must be set", status_code=500),
            Unauthorized,
            False,
            id="no-key-either",
        ),
        pytest.param(
            error("UnsupportedParamsError", "x does not take seed. To drop these, set"), Rejected, False, id="parameter"
        ),
        pytest.param(error("X", "LLM Provider NOT provided. Pass in"), ModelNotFound, False, id="no-provider"),
        pytest.param(error("X", "ended before a finish_reason"), Incomplete, True, id="cut"),
    ],
)
def test_errors_of_the_library_are_named(exc: Exception, expected: type[ProviderError], *, billed: bool) -> None:
    """
    By what upstream said, else by their class.
    """
    found = failed(exc, LINK)

    assert (type(found), found.may_be_billed) == (expected, billed)


def test_facts_of_upstream_are_kept() -> None:
    """
    Request, wait and status; no key, no names of classes.
    """
    text = "litellm.RateLimitError: RateLimitError: OpenAIException - slow for pw1234. Handle with `litellm.RateLimitError`."
    found = failed(error("RateLimitError", text, status_code=429, litellm_response_headers=UP), LINK)

    assert (found.status, found.request_id, found.retry_after) == (429, "r1", 7.0)
    inner = error("X", 'Exception - {"error": {"message": "slow"}}', status_code=429, litellm_response_headers=UP)
    assert (failed(inner, LINK).status, failed(inner, LINK).message) == (429, "litellm returned HTTP 429: slow")
    assert found.message == "litellm returned HTTP 429: slow for ****"
    assert failed(error("Timeout", "for pw1234"), LINK).message == "litellm: for ****"
    assert failed(error("ValueError", ""), LINK).message == "litellm: ValueError"
    parameter = failed(error("UnsupportedParamsError", "pw1234 takes no seed. To drop these, set x"), LINK)
    assert (parameter.message, parameter.hint, parameter.status) == ("litellm: **** takes no seed", "leave it out", 400)


def test_a_call_that_never_left_cost_nothing() -> None:
    """
    The innermost cause tells, however often it was wrapped.
    """
    for cause in (ConnectionRefusedError("no"), socket.gaierror(-2, "no such name")):
        outer = error("APIConnectionError", "x", status_code=500)
        outer.__cause__ = RuntimeError("y")
        outer.__cause__.__context__ = cause
        found = failed(outer, LINK)

        assert (type(found), found.may_be_billed) == (Unavailable, False)
        assert found.message.startswith("litellm cannot connect: no")
        assert found.hint == "is the host running, and is base_url of the provider its address?"


def test_hints_name_the_variables_and_the_form_of_a_name() -> None:
    """
    What the library wants is not what llmo calls it.
    """
    key = error("AuthenticationError", "no", status_code=401, litellm_response_headers=UP)
    name = "name models litellm/PROVIDER/MODEL, such as litellm/groq/llama-3.3-70b-versatile"

    assert failed(key, LINK, missing=["A", "B"]).hint == "set A and B, or api_key_env of the provider"
    assert (
        failed(error("AuthenticationError", "no"), LINK, missing=["A"]).hint == "set A, or api_key_env of the provider"
    )
    assert failed(error("NotFoundError", "no"), LINK).hint == name
    assert failed(error("X", "LLM Provider NOT provided"), LINK).hint == name
