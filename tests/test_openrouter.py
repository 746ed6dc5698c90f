"""OpenRouter: what it is told, what it costs, what its complaints and its catalogue mean."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from llmo.catalog.price import Rates
from llmo.config import RoutingConfig
from llmo.errors import (
    Incomplete,
    LlmoError,
    ModelNotFound,
    QuotaExhausted,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from llmo.money import DOLLAR
from llmo.providers import load, openrouter_models
from llmo.providers.openrouter import wire_name
from llmo.types import Accountable, Charged, Event, Finish, Params, Reported, Request, Served, Text, Usage
from tests import virtual
from tests.contract.dialects import HELLO, JSON, OPENROUTER, Scripted, events, link, played

NOW = 1_795_348_800.0
TOLD = RoutingConfig(
    models=("vendor/second", "auto"),
    order=("fireworks",),
    only=("fireworks", "together"),
    ignore=("cheap",),
    allow_fallbacks=False,
    sort="throughput",
    max_price_prompt_usd="1.50",
    max_price_completion_usd="$6",
    data_collection="deny",
    zdr=True,
    require_parameters=True,
)


def sent(request: Request = HELLO, **routing: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Body and headers of one call."""
    transport = Scripted([OPENROUTER.wire("plain")], headers=OPENROUTER.streamed)
    provider = load("openrouter")(link(OPENROUTER, transport, routing=RoutingConfig(**routing)))

    async def ask() -> None:
        async for _ in provider.stream(request, "vendor/x"):
            pass

    virtual.run(ask())
    call = transport.calls[0]
    return json.loads(call.body or b""), dict(call.headers)


def answered(status: int, error: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
    """What one complaint becomes."""
    script = Scripted([json.dumps({"error": error}).encode()], status, {**JSON, **(headers or {})})

    async def ask() -> LlmoError | None:
        made = replace(link(OPENROUTER, script), clock=virtual.VirtualClock(NOW))
        try:
            async for _ in load("openrouter")(made).stream(HELLO, "vendor/x"):
                pass
        except LlmoError as exc:
            return exc
        return None

    return virtual.run(ask())


def of(kind: type, found: list[Event | LlmoError]) -> list[Any]:
    return [event for event in found if isinstance(event, kind)]


def test_nothing_is_said_that_was_not_asked_for() -> None:
    """
    Without routing there is no `provider`; usage comes by itself; llmo is named as the app.
    """
    body, headers = sent()

    assert {"model": "vendor/x", "messages": [{"role": "user", "content": "hello"}], "stream": True} == body
    assert ("llmo", "llmo") == (headers["http-referer"], headers["x-title"])


def test_the_routing_of_the_profile_is_sent() -> None:
    """
    Models to fall back to, hosts, privacy, and the price that no host may pass.
    """
    body, _ = sent(replace(HELLO, params=Params(max_tokens=9)), **{k: getattr(TOLD, k) for k in TOLD.__slots__})

    assert (["vendor/second", "openrouter/auto"], 9) == (body["models"], body["max_completion_tokens"])
    assert {
        "order": ["fireworks"],
        "only": ["fireworks", "together"],
        "ignore": ["cheap"],
        "sort": "throughput",
        "max_price": {"prompt": "1.50", "completion": "6", "request": "0"},
        "data_collection": "deny",
        "zdr": True,
        "require_parameters": True,
        "allow_fallbacks": False,
    } == body["provider"]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        pytest.param("profile", "throughput", id="profile"),
        pytest.param("cheapest", "price", id="cheapest"),
        pytest.param("fastest", "latency", id="fastest"),
        pytest.param("balanced", None, id="balanced"),
    ],
)
def test_the_strategy_orders_hosts_too(strategy: Any, expected: str | None) -> None:
    """
    What the command says wins over the profile; balanced is OpenRouter's own balance.
    """
    body, _ = sent(replace(HELLO, strategy=strategy), sort="throughput")

    assert expected == body.get("provider", {}).get("sort")


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        pytest.param(
            200,
            {"data": {"total_cost": 0.5, "native_tokens_prompt": 9, "native_tokens_completion": 4,
                      "native_tokens_cached": 3, "native_tokens_reasoning": 2}},
            Charged(DOLLAR // 2, Usage(9, 4, cached_input_tokens=3, reasoning_tokens=2)),
            id="a record",
        ),
        pytest.param(
            200, {"data": {"total_cost": 0.01, "is_byok": True, "upstream_inference_cost": 0.2}},
            Charged(21 * DOLLAR // 100), id="a key of one's own at the host",
        ),
        pytest.param(200, {"data": {"total_cost": 0, "native_tokens_prompt": -1}}, Charged(0), id="tokens that can't be"),
        pytest.param(200, {"data": {"total_cost": 1e30}}, None, id="a cost that can't be"),
        pytest.param(200, {"data": {"total_cost": -1}}, None, id="a cost below zero"),
        pytest.param(200, {"data": {"total_cost": None}}, None, id="no cost"),
        pytest.param(200, {"data": []}, None, id="something else"),
        pytest.param(200, {}, None, id="nothing"),
        pytest.param(404, {"error": {"code": 404, "message": "no such generation"}}, None, id="not found"),
    ],
)  # fmt: skip
def test_what_a_call_cost_can_be_asked_later(status: int, body: Any, found: Charged | None) -> None:
    """
    The generation record, with the bill of the host where it comes on top.
    """
    script = Scripted([json.dumps(body).encode()], status, JSON)
    provider = load("openrouter")(link(OPENROUTER, script))
    assert isinstance(provider, Accountable)

    assert found == virtual.run(provider.charged("gen 1&x"))
    assert script.calls[0].url.endswith("/generation?id=gen+1%26x")


def test_a_record_that_is_refused_says_why() -> None:
    """
    A wrong key is no missing record.
    """
    script = Scripted([json.dumps({"error": {"code": 401, "message": "No auth"}}).encode()], 401, JSON)
    provider = load("openrouter")(link(OPENROUTER, script))
    assert isinstance(provider, Accountable)

    with pytest.raises(Unauthorized):
        virtual.run(provider.charged("gen-1"))


def test_a_budget_becomes_a_price_that_no_host_may_pass() -> None:
    """
    Money is held at a price, so a dearer host must not answer; a bound of the profile stays what it is.
    """
    request = replace(HELLO, ceiling=(2_500_000, 10_000_000, 0))

    assert {"prompt": "2.50", "completion": "10", "request": "0"} == sent(request)[0]["provider"]["max_price"]
    bound = {"max_price_prompt_usd": "1", "max_price_completion_usd": "2", "max_price_request_usd": "0.01"}
    assert {"prompt": "1", "completion": "2", "request": "0.01"} == sent(request, **bound)[0]["provider"]["max_price"]


def test_a_schema_goes_only_to_hosts_that_know_it() -> None:
    """
    A host that drops the schema in silence would answer with anything.
    """
    assert sent(replace(HELLO, schema={"type": "object"}))[0]["provider"] == {"require_parameters": True}


def test_options_join_the_routing_but_never_undo_its_price() -> None:
    """
    `-o provider={…}` adds; the price and the models that money is held for are the profile's.
    """
    extra: dict[str, Any] = {"provider": {"only": ["together"]}, "plugins": [{"id": "web"}]}
    body, _ = sent(replace(HELLO, params=Params(extra=extra)), zdr=True)

    assert ({"zdr": True, "only": ["together"]}, [{"id": "web"}]) == (body["provider"], body["plugins"])
    barred: list[dict[str, Any]] = [{"provider": {"max_price": {}}}, {"models": ["x"]}, {"max_completion_tokens": 1}]
    for bad in barred:
        with pytest.raises(Rejected, match="can't be set as an option of openrouter"):
            sent(replace(HELLO, params=Params(extra=bad)))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        pytest.param("auto", "openrouter/auto", id="router"),
        pytest.param("openrouter/auto", "openrouter/auto", id="router-in-full"),
        pytest.param("vendor/x:nitro", "vendor/x:nitro", id="variant"),
        pytest.param("~vendor/x-latest", "~vendor/x-latest", id="alias"),
        pytest.param("bare", "bare", id="bare"),
    ],
)
def test_names_are_those_of_openrouter(model: str, expected: str) -> None:
    """
    Its own routers stand under its own name; variants are part of the name.
    """
    assert expected == wire_name(model)


def test_an_answer_says_who_gave_it_and_what_it_cost() -> None:
    """
    Model, host and cost as OpenRouter reports them; comments are nobody's content.
    """
    for name in ("plain", "commented"):
        found = played(OPENROUTER, name)
        assert Served(model="vendor/model-x-2026-10-01", upstream="Fireworks") == of(Served, found)[-1]
        assert [Reported(140_000_000), Finish("stop")] == found[-2:]


def test_a_key_of_ones_own_at_the_host_pays_twice() -> None:
    """
    With BYOK the host's bill comes on top of OpenRouter's fee; when nobody says how much, nothing is reported.
    """
    assert [Reported(147_000_000)] == of(Reported, played(OPENROUTER, "byok"))
    assert [] == of(Reported, played(OPENROUTER, "byok_unknown"))
    assert 1 == len(of(Usage, played(OPENROUTER, "byok_unknown")))


@pytest.mark.parametrize("cost", [-1, "x", True, 1e12, None, {}, float("inf")])
def test_a_cost_that_is_none_is_not_believed(cost: Any) -> None:
    """
    Only an amount of dollars is one.
    """
    data = OPENROUTER.wire("plain").replace(b'"cost":0.00014', b'"cost":' + json.dumps(cost).encode())

    assert [] == of(Reported, events(OPENROUTER, Scripted([data], headers=OPENROUTER.streamed)))


def test_a_failure_that_was_billed_says_how_much() -> None:
    """
    What the failing chunk reports is booked instead of the whole hold.
    """
    found = played(OPENROUTER, "billed_fault")

    assert [Text("Half"), Reported(140_000_000)] == [event for event in found if isinstance(event, Text | Reported)]
    assert (Incomplete, "rate_limit_exceeded") == (type(found[-1]), getattr(found[-1], "code", None))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("whole_fault.json", Unavailable, id="inside-the-choice"),
        pytest.param("whole_top_fault.json", RateLimited, id="on-top-with-a-text-code"),
        pytest.param("whole_empty.json", Unavailable, id="no-choices"),
    ],
)
def test_status_200_is_no_success(name: str, expected: type) -> None:
    """
    A host's failure comes with status 200 when the answer was to come whole.
    """
    request = replace(HELLO, stream=False)

    assert expected is type(events(OPENROUTER, Scripted([OPENROUTER.wire(name)], headers=JSON), request)[-1])


def test_what_shut_the_hosts_out_is_named() -> None:
    """
    Conditions and the models that could answer instead go into the hint.
    """
    found = answered(
        404,
        {
            "code": 404,
            "message": "No endpoints",
            "availability": {
                "code": "constraint_filtered",
                "retryable": False,
                "excluded_by": ["zdr", {"filter": "max_price"}],
                "constraint": {"field": "provider.max_price", "detail": "all hosts are dearer"},
                "fallback_models": ["a/b", "c/d", "e/f", "g/h"],
            },
        },
    )

    assert ModelNotFound is type(found)
    assert found.hint == "shut out by zdr, max_price; all hosts are dearer; instead there is a/b, c/d, e/f and 1 more"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(401, Unauthorized, id="key"),
        pytest.param(402, QuotaExhausted, id="credit"),
        pytest.param(404, Unavailable, id="hosts"),
    ],
)
def test_trying_again_mends_no_key_and_no_credit(status: int, expected: type) -> None:
    """
    What OpenRouter says of availability is about hosts, not about who pays.
    """
    error = {"code": status, "message": "no", "availability": {"code": "x", "retryable": True}}

    assert expected is type(answered(status, error))


def test_waits_are_understood_wherever_they_stand() -> None:
    """
    A header, the availability, or the reset of OpenRouter's own limits in milliseconds.
    """
    slow = {"code": 429, "message": "slow"}
    reset = {"X-RateLimit-Reset": str(int(NOW * 1000) + 30_000)}

    assert 7 == answered(429, {**slow, "availability": {"retryable": True, "retry_after": 7}}).retry_after
    assert 30 == answered(429, {**slow, "metadata": {"headers": reset}}).retry_after
    assert 30 == answered(429, slow, {"x-ratelimit-reset": reset["X-RateLimit-Reset"]}).retry_after
    assert 2 == answered(429, slow, {"retry-after": "2", "x-ratelimit-reset": "9"}).retry_after


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        pytest.param(402, "This request requires more credits. You can only afford 304", "--max-tokens 304", id="402"),
        pytest.param(402, "Insufficient credits", "add credit", id="402-empty"),
        pytest.param(429, "Rate limit exceeded: free-models-per-min.", "rpm = 20", id="free-minute"),
        pytest.param(429, "Rate limit exceeded: free-models-per-day. Add 10", "50 requests a day", id="free-day"),
    ],
)
def test_limits_say_what_lifts_them(status: int, message: str, hint: str) -> None:
    """
    Credit is not a rate, and free models have limits of their own.
    """
    assert hint in answered(status, {"code": status, "message": message}).hint


CATALOGUE = {
    "id": "vendor/x",
    "context_length": 400_000,
    "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
    "pricing": {
        "prompt": "0.00000125",
        "completion": "0.00001",
        "request": "0.005",
        "internal_reasoning": "0",
        "input_cache_read": "0.000000125",
        "input_cache_write": "0.0000015",
        "input_cache_write_1h": "0.000003",
        "overrides": [
            {"min_prompt_tokens": 200_000, "prompt": "0.0000025", "completion": "0.000015"},
            {"utc_start": 1600, "utc_end": 30, "prompt": "0.000004"},
            {"min_prompt_tokens": 300_000, "completion": "0.00002"},
        ],
    },
    "top_provider": {"max_completion_tokens": 64_000},
    "supported_parameters": ["tools", "structured_outputs", "max_tokens"],
    "expiration_date": "2027-01-31T00:00:00Z",
}


def test_the_catalogue_is_read_with_prices_and_tiers() -> None:
    """
    Decimal dollars a token become exact picodollars; sizes are tiers, hours count for the worst case.
    """
    found = openrouter_models.listed(CATALOGUE)
    assert found is not None
    price = found.price
    assert price is not None

    assert (400_000, 64_000, "2027-01-31") == (found.context, found.max_output, found.shutdown)
    assert frozenset({"vision", "schema", "tools"}) == found.abilities
    assert (1_250_000, 10_000_000, 5 * 10**9) == (price.input, price.output, price.request)
    kept: dict[str, Any] = {"cached_input": 125_000, "cache_write": 1_500_000}
    assert (
        (200_000, Rates(input=2_500_000, output=15_000_000, **kept)),
        (300_000, Rates(input=2_500_000, output=20_000_000, **kept)),
    ) == price.tiers
    assert (4_000_000, 10_000_000) == price.peak


@pytest.mark.parametrize(
    ("row", "name", "priced"),
    [
        pytest.param(
            {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}}, "auto", False, id="-1"
        ),
        pytest.param({"id": "a/b", "pricing": {"prompt": "0", "completion": "0"}}, "a/b", True, id="free"),
        pytest.param({"id": "a/b", "pricing": {"prompt": "1"}}, "a/b", False, id="half a price"),
        pytest.param({"id": "a/b"}, "a/b", False, id="no price"),
        pytest.param({"id": "a/b", "architecture": {"output_modalities": ["image"]}}, None, False, id="draws"),
        pytest.param({"name": "x"}, None, False, id="nameless"),
    ],
)
def test_rows_of_all_kinds(row: dict[str, Any], name: str | None, priced: bool) -> None:
    """
    A price that varies is unknown, never negative; what does not chat is left out.
    """
    found = openrouter_models.listed(row)

    assert name == (found and found.id)
    assert priced is (found is not None and found.price is not None)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        pytest.param(
            {"label": "ci", "limit": 10, "limit_remaining": 3.456, "limit_reset": "monthly", "usage": 6.5444},
            "key ci, $3.45 left of $10.00 (monthly), $6.55 used",
            id="limited",
        ),
        pytest.param(
            {
                "label": "me",
                "limit": None,
                "usage": 0.00012,
                "is_free_tier": True,
                "expires_at": "2027-01-01T00:00:00Z",
            },
            "key me, no limit of its own, $0.00012 used, free tier: 50 requests a day on :free models, expires 2027-01-01",
            id="free",
        ),
        pytest.param({}, "key accepted, no limit of its own", id="silent"),
    ],
)
def test_a_key_is_one_line(data: dict[str, Any], line: str) -> None:
    """
    What `profile check --probe` shows.
    """
    assert line == openrouter_models.key(data)
