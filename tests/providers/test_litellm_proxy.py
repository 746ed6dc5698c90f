"""A LiteLLM proxy: where its costs stand, what its complaints mean, which of its prices are some."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from llmo.errors import (
    ContextTooLong,
    Incomplete,
    ModelNotFound,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    Refused,
    TimedOut,
    Unauthorized,
)
from llmo.providers.litellm import prices
from llmo.providers.litellm_proxy.provider import LiteLLMProxy
from llmo.types.events import Event, Finish, Notice, ReportedCost, ServedBy, Text, Usage
from tests import virtual
from tests.contract.dialects import HELLO, JSON, KEY, LITELLM, Scripted, events, link, played
from tests.emitted import ignore
from tests.pricing import worst_of

INFO = {"litellm_params": {"model": "openai/x"}, "model_name": "x"}
PRICED = {"mode": "chat", "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07}


def of(kind: type, found: list[Any]) -> list[Any]:
    return [event for event in found if isinstance(event, kind)]


def whole(headers: dict[str, str]) -> list[Any]:
    request = replace(HELLO, stream=False)
    return events(LITELLM, Scripted([LITELLM.wire("whole.json")], headers={**JSON, **headers}), request)


def test_the_last_chunk_says_what_a_stream_cost() -> None:
    """
    The header of a stream knows nothing yet.
    """
    assert [Usage(30, 25, 10, 5, 7), ReportedCost(18_750_000), Finish("stop")] == played(LITELLM, "plain")[-3:]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("1.35e-05", [ReportedCost(13_500_000)], id="cost"),
        pytest.param("0.0", [], id="zero-is-unknown"),
        pytest.param("None", [], id="words"),
        pytest.param(None, [], id="absent"),
    ],
)
def test_a_header_says_what_a_whole_answer_cost(header: str | None, expected: list[Event]) -> None:
    """
    A cost of 0 may be an unknown price, so it is not reported.
    """
    assert expected == of(ReportedCost, whole({} if header is None else {"x-litellm-response-cost": header}))


def test_an_unpriced_model_reports_nothing() -> None:
    """
    Usage without a cost, in the stream and beside a header of 0.
    """
    found = played(LITELLM, "unpriced")
    zero = LITELLM.wire("plain").replace(b'"cost":0.00001875', b'"cost":0.0')

    assert ([Usage(12, 3)], []) == (of(Usage, found), of(ReportedCost, found))
    assert [] == of(ReportedCost, events(LITELLM, Scripted([zero], headers=LITELLM.streamed)))


def test_headers_name_the_call_and_what_stands_behind_the_name() -> None:
    """
    A model of a proxy is a name for a deployment.
    """
    served = of(ServedBy, whole({"x-litellm-call-id": "c-1", "x-litellm-model-name": "openai/gpt-4o-mini"}))

    assert [ServedBy(request_id="c-1"), ServedBy(upstream="openai/gpt-4o-mini")] == served[:2]


def test_done_after_an_error_is_no_success() -> None:
    """
    A truncated answer stays one, whatever closes the stream.
    """
    found = played(LITELLM, "fault_done")

    assert ([Text("Half")], Incomplete) == (of(Text, found), type(found[-1]))


def test_a_malformed_upstream_looks_like_an_empty_answer() -> None:
    """
    Nothing on the wire tells it apart, so the user is told that it is empty.
    """
    found = played(LITELLM, "malformed_upstream")

    assert [Notice("the answer is empty"), Finish("stop")] == found[-2:]


def test_the_wait_of_the_upstream_comes_under_another_name() -> None:
    """
    The proxy's own Retry-After wins over the one that it passes on.
    """

    def wait(**headers: str) -> float | None:
        named = {name.replace("_after", "-after"): value for name, value in headers.items()}
        body = LITELLM.errors["rate"].body.encode()
        failed = events(LITELLM, Scripted([body], 429, {**JSON, **named}))[-1]
        assert isinstance(failed, ProviderError)
        return failed.retry_after

    assert (2, 5, None) == (wait(**{"llm_provider-retry_after": "2"}), wait(**OWN_AND_UPSTREAM), wait())


OWN_AND_UPSTREAM = {"llm_provider-retry_after": "2", "retry_after": "5"}


@pytest.mark.parametrize(
    ("case", "hint"),
    [
        pytest.param("upstream-key", "the proxy's own key for this model was refused", id="the-proxy's-key"),
        pytest.param("key-without-database", "check the key of litellm-proxy: LITELLM_PROXY_API_KEY", id="ours"),
        pytest.param("budget", "a budget of the proxy", id="budget"),
        pytest.param("model", "llmo models --provider litellm-proxy --refresh", id="model"),
    ],
)
def test_hints_say_whose_fault_it_is(case: str, hint: str) -> None:
    """
    A key, a budget and a price can be the proxy's or the upstream's.
    """
    told = LITELLM.errors[case]
    failed = events(LITELLM, Scripted([told.body.encode()], told.status, JSON))[-1]

    assert hint in str(getattr(failed, "hint", ""))


class Places:
    """A transport that answers by path and writes down who was asked."""

    def __init__(self, **bodies: Any) -> None:
        self.bodies = bodies
        self.asked: list[str] = []

    def exchange(self, call: Any) -> Any:
        path = call.url.removeprefix(LITELLM.base_url)
        self.asked.append(path)
        status, body = self.bodies[path.strip("/").replace("/", "_")]
        return Scripted([json.dumps(body).encode()], status, JSON).exchange(call)

    async def close(self) -> None:
        return None


def proxy(transport: Any, base_url: str = LITELLM.base_url) -> LiteLLMProxy:
    return LiteLLMProxy(replace(link(LITELLM, transport), base_url=base_url))


def test_models_come_with_the_prices_that_the_proxy_knows() -> None:
    """
    One list, one price list, each asked once.
    """
    places = Places(
        v1_models=(200, {"data": [{"id": "x", "max_input_tokens": 128_000}, {"id": "y"}]}),
        model_info=(200, {"data": [{**INFO, "model_info": PRICED}]}),
    )
    x, y = virtual.run(proxy(places).models())

    assert ["/v1/models", "/model/info"] == places.asked
    assert ("x", 128_000, (150_000, 600_000)) == (x.id, x.context, x.price and (x.price.input, x.price.output))
    assert ("y", None, None, None) == (y.id, y.context, y.price, y.abilities)


def test_models_come_without_prices_where_the_key_may_not_see_them() -> None:
    """
    A key of a team may list models and nothing else.
    """
    places = Places(v1_models=(200, {"data": [{"id": "x"}]}), model_info=(403, {"error": {"message": "no"}}))

    assert [("x", None)] == [(one.id, one.price) for one in virtual.run(proxy(places).models())]


def test_only_the_readiness_is_probed() -> None:
    """
    `/health` would call every model for real.
    """
    places = Places(health_readiness=(200, {"status": "healthy", "db": "Not connected"}))

    assert "http://127.0.0.1:4000/v1 is healthy" == virtual.run(proxy(places, f"{LITELLM.base_url}/v1").check())
    assert ["/health/readiness"] == places.asked


@pytest.mark.parametrize(
    ("said", "line"),
    [
        pytest.param({}, "answers", id="nothing"),
        pytest.param({"status": "healthy", "litellm_version": "1.80.0"}, "is healthy, litellm 1.80.0", id="version"),
        pytest.param({"status": 1, "litellm_version": 2}, "answers", id="strange"),
    ],
)
@pytest.mark.parametrize("path", ["", "/v1", "/v1/chat/completions"])
def test_a_proxy_that_is_ready_says_what_it_knows(said: dict[str, Any], line: str, path: str) -> None:
    """
    It is asked beside the API, however its address is written.
    """
    places = Places(health_readiness=(200, said))

    assert virtual.run(proxy(places, LITELLM.base_url + path).check()) == f"{LITELLM.base_url}{path} {line}"
    assert places.asked == ["/health/readiness"]


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (400, "Invalid model name passed in model=x", ModelNotFound),
        (403, "key not allowed to access model. x", ModelNotFound),
        (403, "key_model_access_denied", ModelNotFound),
        (400, "No connected db.", Unauthorized),
        (429, "litellm.RateLimitError: insufficient_quota", QuotaExhausted),
        (429, "OpenAIException - You exceeded your current quota", QuotaExhausted),
        (429, "No deployments - crossed budget: x", QuotaExhausted),
        (400, "Budget has been exceeded! Current cost: 2", QuotaExhausted),
        (400, "BudgetExceeded", QuotaExhausted),
        (429, "x exceeded budget for provider", QuotaExhausted),
        (400, "ContextWindowExceededError: x", ContextTooLong),
        (400, "ContentPolicyViolationError: x", Refused),
        (429, "you exceeded your rate", RateLimited),
    ],
)
def test_the_words_of_a_proxy_are_known(status: int, message: str, expected: type) -> None:
    """
    Its codes are those of HTTP, and its types mostly nothing.
    """
    body = json.dumps({"error": {"message": message, "type": None, "code": str(status)}}).encode()

    assert type(events(LITELLM, Scripted([body], status, JSON))[-1]) is expected


def test_a_500_of_a_proxy_may_have_cost_something() -> None:
    """
    Behind it the work may have been done.
    """
    body = b'{"error":{"message":"boom","type":"internal_server_error","code":"500"}}'

    assert getattr(events(LITELLM, Scripted([body], 500, JSON))[-1], "may_be_billed", None) is True


def test_a_silent_proxy_is_given_up_after_a_second() -> None:
    """
    The probe has a clock of its own, whatever the profile allows an answer.
    """

    class Silent(Places):
        async def hang(self) -> Any:
            await asyncio.sleep(3600)

        def exchange(self, call: Any) -> Any:
            places = self

            class Never:
                async def __aenter__(self) -> Any:
                    return await places.hang()

                async def __aexit__(self, *exc: object) -> None:
                    return None

            return Never()

    async def probe() -> float:
        with pytest.raises(TimedOut, match="did not report ready within 1 s"):
            await proxy(Silent()).check()
        return asyncio.get_running_loop().time()

    clock = virtual.VirtualClock()
    began = clock.now()
    virtual.run(probe(), clock)
    assert clock.now() - began == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("about", "own", "expected"),
    [
        pytest.param(PRICED, {}, (150_000, 600_000), id="known"),
        pytest.param({"input_cost_per_token": None, "output_cost_per_token": None}, {}, None, id="null"),
        pytest.param({**PRICED, "output_cost_per_token": None}, {}, None, id="half"),
        pytest.param({"input_cost_per_token": 0, "output_cost_per_token": 0}, {}, None, id="zero-filled-in"),
        pytest.param(
            {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0},
            {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0},
            (0, 0),
            id="zero-configured",
        ),
    ],
)
def test_null_is_unknown_and_zero_only_where_it_is_configured(about: Any, own: Any, expected: Any) -> None:
    """
    LiteLLM fills in zeros for models that it has only rules for.
    """
    price = prices.price({"litellm_params": {"model": "openai/x", **own}, "model_info": about})

    assert expected == (price and (price.input, price.output))


def test_steps_by_size_are_tiers() -> None:
    """
    `_above_200k_tokens` rates, with the plain ones where a kind of token has none.
    """
    about = {
        **PRICED,
        "input_cost_per_token_above_200k_tokens": 3e-07,
        "input_cost_per_token_above_200k_tokens_flex": 1,
    }
    price = prices.price({"model_info": about})

    assert price is not None
    assert [(200_000, 300_000, 600_000)] == [(above, at.input, at.output) for above, at in price.tiers]


def test_deployments_that_share_a_name_cost_what_the_dearest_does() -> None:
    """
    Nobody knows beforehand which of them answers; one unknown price makes the name's unknown.
    """
    cheap = {**INFO, "model_info": {**PRICED, "max_input_tokens": 8_000, "supports_vision": True}}
    dear = {**INFO, "model_info": {**PRICED, "input_cost_per_token": 1e-07, "output_cost_per_token": 9e-07}}
    lost = {**INFO, "model_info": {"mode": "chat"}}

    both = prices.listed({"id": "x"}, prices.known([cheap, dear]))
    some = prices.listed({"id": "x"}, prices.known([cheap, lost]))

    assert both.price is not None
    assert (100_000, 900_000, (150_000, 900_000)) == (both.price.input, both.price.output, both.price.peak)
    assert 10 * 150_000 + 10 * 900_000 == worst_of(both.price, 10, 10)
    assert (8_000, frozenset(), None) == (both.context, both.abilities, some.price)


def test_the_key_and_the_path_are_those_of_the_api() -> None:
    """
    An address without a path means `/v1`; a proxy under a path of its own is asked there.
    """
    for base, url in ((None, "http://127.0.0.1:4000/v1"), ("https://h/llm", "https://h/llm")):
        transport = Scripted([LITELLM.wire("plain")], headers=LITELLM.streamed)
        provider = proxy(transport, base or LITELLM.base_url)

        async def ask(asked: LiteLLMProxy = provider) -> None:
            await asked.send(HELLO, "m", ignore)

        virtual.run(ask())
        assert (f"{url}/chat/completions", f"Bearer {KEY}") == (
            transport.calls[0].url,
            transport.calls[0].headers["authorization"],
        )
        assert json.loads(transport.calls[0].body or b"")["model"] == "m"
