"""OpenRouter: what it is told, what it costs, what its complaints and its catalogue mean."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from llmo.catalog.prices import Rates
from llmo.config.profile import RoutingConfig
from llmo.errors import (
    Incomplete,
    LlmoError,
    ModelNotFound,
    QuotaExhausted,
    RateLimited,
    Refused,
    Rejected,
    Unauthorized,
    Unavailable,
)
from llmo.providers.openrouter import models
from llmo.providers.openrouter.provider import wire_name
from llmo.providers.provider import Accountable, RecordedCost
from llmo.providers.registry import factory
from llmo.types.events import Event, Finish, ReportedCost, ServedBy, Text, Usage
from llmo.types.messages import Params, Request
from llmo.types.money import DOLLAR
from tests import virtual
from tests.contract.dialects import HELLO, JSON, OPENROUTER, Scripted, events, link, played
from tests.emitted import ignore

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
    provider = factory("openrouter")(link(OPENROUTER, transport, routing=RoutingConfig(**routing)))

    async def ask() -> None:
        await provider.send(request, "vendor/x", ignore)

    virtual.run(ask())
    call = transport.calls[0]
    assert call.url == "https://openrouter.ai/api/v1/chat/completions"
    return json.loads(call.body or b""), dict(call.headers)


def answered(status: int, error: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
    """What one complaint becomes."""
    script = Scripted([json.dumps({"error": error}).encode()], status, {**JSON, **(headers or {})})

    async def ask() -> LlmoError | None:
        made = replace(link(OPENROUTER, script), clock=virtual.VirtualClock(NOW))
        try:
            await factory("openrouter")(made).send(HELLO, "vendor/x", ignore)
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
            RecordedCost(DOLLAR // 2, Usage(9, 4, cached_input_tokens=3, reasoning_tokens=2)),
            id="a record",
        ),
        pytest.param(
            200, {"data": {"total_cost": 0.01, "is_byok": True, "upstream_inference_cost": 0.2}},
            RecordedCost(21 * DOLLAR // 100), id="a key of one's own at the host",
        ),
        pytest.param(200, {"data": {"total_cost": 0, "native_tokens_prompt": -1}}, RecordedCost(0), id="tokens that can't be"),
        pytest.param(200, {"data": {"total_cost": 1e30}}, None, id="a cost that can't be"),
        pytest.param(200, {"data": {"total_cost": -1}}, None, id="a cost below zero"),
        pytest.param(200, {"data": {"total_cost": None}}, None, id="no cost"),
        pytest.param(200, {"data": []}, None, id="something else"),
        pytest.param(200, {}, None, id="nothing"),
        pytest.param(404, {"error": {"code": 404, "message": "no such generation"}}, None, id="not found"),
    ],
)  # fmt: skip
def test_what_a_call_cost_can_be_asked_later(status: int, body: Any, found: RecordedCost | None) -> None:
    """
    The generation record, with the bill of the host where it comes on top.
    """
    script = Scripted([json.dumps(body).encode()], status, JSON)
    provider = factory("openrouter")(link(OPENROUTER, script))
    assert isinstance(provider, Accountable)

    assert found == virtual.run(provider.charged("gen 1&x"))
    assert script.calls[0].url.endswith("/generation?id=gen+1%26x")


def test_a_record_that_is_refused_says_why() -> None:
    """
    A wrong key is no missing record.
    """
    script = Scripted([json.dumps({"error": {"code": 401, "message": "No auth"}}).encode()], 401, JSON)
    provider = factory("openrouter")(link(OPENROUTER, script))
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
        with pytest.raises(Rejected, match="cannot be set as an option of openrouter"):
            sent(replace(HELLO, params=Params(extra=bad)))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        pytest.param("auto", "openrouter/auto", id="router"),
        pytest.param("openrouter/auto", "openrouter/auto", id="router-in-full"),
        pytest.param("auto:nitro", "openrouter/auto:nitro", id="router-variant"),
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
        assert ServedBy(model="vendor/model-x-2026-10-01", upstream="Fireworks") == of(ServedBy, found)[-1]
        assert [ReportedCost(140_000_000), Finish("stop")] == found[-2:]


def test_a_key_of_ones_own_at_the_host_pays_twice() -> None:
    """
    With BYOK the host's bill comes on top of OpenRouter's fee; when nobody says how much, nothing is reported.
    """
    assert [ReportedCost(147_000_000)] == of(ReportedCost, played(OPENROUTER, "byok"))
    assert [] == of(ReportedCost, played(OPENROUTER, "byok_unknown"))
    assert 1 == len(of(Usage, played(OPENROUTER, "byok_unknown")))


@pytest.mark.parametrize("cost", [-1, "x", True, 1e12, None, {}, float("inf")])
def test_a_cost_that_is_none_is_not_believed(cost: Any) -> None:
    """
    Only an amount of dollars is one.
    """
    data = OPENROUTER.wire("plain").replace(b'"cost":0.00014', b'"cost":' + json.dumps(cost).encode())

    assert [] == of(ReportedCost, events(OPENROUTER, Scripted([data], headers=OPENROUTER.streamed)))


def test_a_failure_that_was_billed_says_how_much() -> None:
    """
    What the failing chunk reports is booked instead of the whole hold.
    """
    found = played(OPENROUTER, "billed_fault")

    assert [Text("Half"), ReportedCost(140_000_000)] == [
        event for event in found if isinstance(event, Text | ReportedCost)
    ]
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
        pytest.param(429, "Rate limit exceeded: free-models-per-day. Add 10", "50 requests per day", id="free-day"),
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
    found = models.listed(CATALOGUE)
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
    found = models.listed(row)

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
            "key me, no limit of its own, $0.00012 used, free tier: 50 requests per day on :free models, expires 2027-01-01",
            id="free",
        ),
        pytest.param({}, "key accepted, no limit of its own", id="silent"),
    ],
)
def test_a_key_is_one_line(data: dict[str, Any], line: str) -> None:
    """
    What `profile check --probe` shows.
    """
    assert line == models.key(data)


def asked(*replies: tuple[int, Any], base_url: str = OPENROUTER.base_url, **fields: Any) -> tuple[Any, Scripted]:
    """A provider whose server answers each call with the same body."""
    status, body = replies[0]
    script = Scripted([json.dumps(body).encode()], status, JSON)
    return factory("openrouter")(replace(link(OPENROUTER, script), base_url=base_url, **fields)), script


def test_the_record_of_a_call_is_asked_for_by_its_id() -> None:
    """
    Under a base with a query too; a failure is told as one.
    """
    provider, script = asked((200, {"data": {"total_cost": 0.5}}), base_url="https://h/api/v1?k=1")
    assert virtual.run(provider.charged("g")) == RecordedCost(DOLLAR // 2)
    assert (script.calls[0].method, script.calls[0].url) == ("GET", "https://h/api/v1/generation?k=1&id=g")

    broken, _ = asked((500, {"error": {"message": "boom"}}))
    with pytest.raises(Unavailable, match="openrouter returned HTTP 500: boom"):
        virtual.run(broken.charged("g"))


@pytest.mark.parametrize(
    "missing", ["native_tokens_prompt", "native_tokens_completion", "native_tokens_cached", "native_tokens_reasoning"]
)
def test_a_record_needs_both_counts_and_no_more(missing: str) -> None:
    """
    The cost stands without them; more cached than sent is no usage.
    """
    record = {f"native_tokens_{name}": 5 for name in ("prompt", "completion", "cached", "reasoning")} | {
        "total_cost": 1
    }
    provider, _ = asked((200, {"data": {name: value for name, value in record.items() if name != missing}}))
    found = virtual.run(provider.charged("g"))
    cached, thought = (0 if missing.endswith(name) else 5 for name in ("cached", "reasoning"))
    bare = missing.endswith(("prompt", "completion"))

    assert found == RecordedCost(
        DOLLAR, None if bare else Usage(5, 5, cached_input_tokens=cached, reasoning_tokens=thought)
    )
    absurd, _ = asked((200, {"data": {**record, "native_tokens_cached": 6}}))
    assert virtual.run(absurd.charged("g")) == RecordedCost(DOLLAR)


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        pytest.param({"cost": 1}, DOLLAR, id="plain"),
        pytest.param({"cost": 1, "cost_details": {"upstream_inference_cost": 2}}, DOLLAR, id="part-of-it"),
        pytest.param(
            {"cost": 1, "is_byok": False, "cost_details": {"upstream_inference_cost": 2}}, DOLLAR, id="no-byok"
        ),
        pytest.param(
            {"cost": 1, "is_byok": "true", "cost_details": {"upstream_inference_cost": 2}}, DOLLAR, id="words"
        ),
        pytest.param(
            {"cost": 1, "is_byok": True, "cost_details": {"upstream_inference_cost": 2}}, 3 * DOLLAR, id="byok"
        ),
        pytest.param(
            {"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": 2}}, 2 * DOLLAR, id="no-fee"
        ),
        pytest.param({"cost": 1, "is_byok": True}, None, id="byok-of-unknown-cost"),
        pytest.param({"is_byok": True, "cost_details": {"upstream_inference_cost": 2}}, None, id="unknown-fee"),
        pytest.param({"cost": 1, "is_byok": True, "cost_details": {"upstream_inference_cost": -2}}, None, id="absurd"),
    ],
)
def test_the_bill_of_a_host_is_added_only_where_it_comes_on_top(fields: dict[str, Any], cost: int | None) -> None:
    """
    Half a bill is reported as none.
    """
    usage = {"prompt_tokens": 3, "completion_tokens": 2, **fields}
    body = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": usage}
    found = events(OPENROUTER, Scripted([json.dumps(body).encode()], headers=JSON), replace(HELLO, stream=False))

    assert of(ReportedCost, found) == ([] if cost is None else [ReportedCost(cost)])
    assert of(Usage, found) == [Usage(3, 2)]


def test_half_a_price_of_the_profile_binds_nobody() -> None:
    """
    The one that money is held at counts then; without a budget there is none.
    """
    request = replace(HELLO, ceiling=(2_500_000, 10_000_000, 5 * 10**9))
    held = {"prompt": "2.50", "completion": "10", "request": "0.005"}

    for half in ({"max_price_prompt_usd": "1"}, {"max_price_completion_usd": "1"}):
        assert sent(request, **half)[0]["provider"]["max_price"] == held
        assert "provider" not in sent(HELLO, **half)[0]
    spaced = {"max_price_prompt_usd": " $1 ", "max_price_completion_usd": " 2", "max_price_request_usd": "$0.01"}
    assert sent(HELLO, **spaced)[0]["provider"]["max_price"] == {"prompt": "1", "completion": "2", "request": "0.01"}


def test_a_line_joins_the_routing_and_never_undoes_its_price() -> None:
    """
    The `provider` of a line that is sent as it stands stays, beside the price that money is held for.
    """
    line = replace(HELLO, body={"provider": {"only": ["together"]}})
    body, _ = sent(replace(line, ceiling=(2_500_000, 10_000_000, 0)), zdr=True)

    assert body["provider"] == {
        "only": ["together"],
        "zdr": True,
        "max_price": {"prompt": "2.50", "completion": "10", "request": "0"},
    }
    assert sent(replace(HELLO, body={"provider": {"only": ["x"]}}))[0]["provider"] == {"only": ["x"]}


def test_every_call_names_the_app_with_or_without_a_key() -> None:
    """
    OpenRouter lists calls by it.
    """
    provider, script = asked((200, {"data": {"label": "ci"}}), api_key=None)

    assert virtual.run(provider.check()) == "key ci, no limit of its own"
    assert script.calls[0].url == "https://openrouter.ai/api/v1/key"
    assert "authorization" not in script.calls[0].headers
    assert script.calls[0].headers["x-title"] == "llmo"


def test_the_list_of_models_is_read_with_what_can_answer() -> None:
    """
    Rows of another shape are left out.
    """
    rows = [{"id": "a/b"}, 7, {"id": "c/d", "architecture": {"output_modalities": ["image"]}}]
    provider, script = asked((200, {"data": rows}))

    assert [row.id for row in virtual.run(provider.models())] == ["a/b"]
    assert script.calls[0].url == "https://openrouter.ai/api/v1/models"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        pytest.param({"reasons": ["violence"]}, Refused, id="reasons"),
        pytest.param({"flagged_input": "x"}, Refused, id="flagged"),
        pytest.param({"provider_name": "x"}, Unauthorized, id="neither"),
    ],
)
def test_moderation_is_no_matter_of_the_key(metadata: dict[str, Any], expected: type) -> None:
    """
    Both come with 403.
    """
    assert type(answered(403, {"code": 403, "message": "no", "metadata": metadata})) is expected


@pytest.mark.parametrize(
    ("status", "retryable", "expected"),
    [
        pytest.param(503, None, Unavailable, id="silent"),
        pytest.param(503, True, Unavailable, id="yes"),
        pytest.param(503, False, ModelNotFound, id="no"),
        pytest.param(429, False, ModelNotFound, id="rate-of-a-host-that-never-comes-back"),
        pytest.param(400, True, Unavailable, id="request"),
        pytest.param(400, False, ModelNotFound, id="request-that-nobody-takes"),
        pytest.param(400, None, Rejected, id="request-alone"),
        pytest.param(404, None, ModelNotFound, id="nobody-there"),
        pytest.param(404, "true", ModelNotFound, id="no-word-of-it"),
        pytest.param(401, False, Unauthorized, id="key"),
        pytest.param(402, False, QuotaExhausted, id="credit"),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_whether_to_try_again_is_what_openrouter_says(
    status: int, retryable: Any, expected: type, *, inside: bool
) -> None:
    """
    Wherever the availability stands.
    """
    there = {"availability": {"retryable": retryable}}

    assert type(answered(status, {"message": "no", **({"metadata": there} if inside else there)})) is expected


@pytest.mark.parametrize(
    ("error", "headers", "wait"),
    [
        pytest.param({"metadata": {"availability": {"retry_after": 7}}}, {}, 7, id="inside-metadata"),
        pytest.param({"availability": {"retry_after": 0}}, {"x-ratelimit-reset": str(NOW + 30)}, 0, id="zero"),
        pytest.param({}, {"x-ratelimit-reset": str(NOW + 30)}, 30, id="seconds"),
        pytest.param({}, {"x-ratelimit-reset": str(NOW - 30)}, 0, id="past"),
        pytest.param({}, {"x-ratelimit-reset": "0"}, None, id="no-reset"),
        pytest.param({}, {"x-ratelimit-reset": "soon"}, None, id="words"),
        pytest.param({}, {}, None, id="nothing"),
        pytest.param({}, {"x-ratelimit-reset": str(NOW + 99 * 86400)}, None, id="too-long-to-be-meant"),
        pytest.param(
            {"metadata": {"headers": {"X-RateLimit-Reset": str(NOW + 99)}}},
            {"x-ratelimit-reset": str(NOW + 30)},
            30,
            id="the-replys-own-first",
        ),
    ],
)
def test_how_long_to_wait(error: dict[str, Any], headers: dict[str, str], wait: float | None) -> None:
    """
    By the clock, in seconds or milliseconds, and never below zero.
    """
    assert answered(429, {"code": 429, "message": "slow", **error}, headers).retry_after == wait


@pytest.mark.parametrize(
    ("there", "hint"),
    [
        pytest.param({"excluded_by": ["zdr"]}, "shut out by zdr", id="one"),
        pytest.param({"excluded_by": ["a", "b", "c"]}, "shut out by a, b, c", id="three"),
        pytest.param({"excluded_by": [{"n": 1, "filter": "zdr", "x": "y"}, "", 7]}, "shut out by zdr", id="objects"),
        pytest.param({"constraint": {"detail": "all are dearer"}}, "all are dearer", id="detail"),
        pytest.param({"fallback_models": ["a/b"]}, "instead there is a/b", id="instead"),
    ],
)
def test_hints_hold_what_is_told(there: dict[str, Any], hint: str) -> None:
    """
    A part that is missing leaves no gap.
    """
    assert answered(404, {"message": "no", "availability": there}).hint == hint


def test_a_parameter_that_no_host_takes_is_named() -> None:
    """
    As OpenAI's own complaints are; only where the request is at fault.
    """
    said = {"message": "'temperature' is not supported"}

    assert answered(400, said).hint == "this model does not support it: remove --temperature"
    assert "llmo models --provider openrouter" in answered(404, said).hint
    assert (
        answered(402, {"message": "You can only afford 304"}).hint
        == "the credit pays for --max-tokens 304; add credit for more"
    )
    assert answered(503, {"message": "You can only afford 304, free-models-per-day"}).hint is None


def test_the_host_is_told_when_it_is_news() -> None:
    """
    With the model that it answers with; a chunk without a host tells nothing new.
    """

    def chunk(content: str, reason: str | None = None, **fields: Any) -> str:
        said = {"choices": [{"delta": {"content": content}, "finish_reason": reason}], **fields}
        return f"data: {json.dumps(said)}\n\n"

    data = (
        chunk("a", model="m", provider="X")
        + chunk("b", model="m", provider="X")
        + chunk("c", model="n")
        + chunk("d", "stop", model="n", provider="Y")
    )
    found = events(OPENROUTER, Scripted([data.encode()], headers=OPENROUTER.streamed))
    bare = events(OPENROUTER, Scripted([chunk("a", "stop", model="m").encode()], headers=OPENROUTER.streamed))

    assert of(ServedBy, found) == [ServedBy("m", upstream="X"), ServedBy("n", upstream="Y")]
    assert of(ServedBy, bare) == [ServedBy("m")]


def test_a_short_key_in_what_shut_the_hosts_out_is_masked() -> None:
    """
    A hint is shown as a message is.
    """
    said = {"error": {"message": "no", "availability": {"excluded_by": ["for pw1234"]}}}
    provider, _ = asked((404, said), api_key="pw1234")

    async def ask() -> str | None:
        with pytest.raises(ModelNotFound) as caught:
            await provider.send(HELLO, "m", ignore)
        return caught.value.hint

    assert virtual.run(ask()) == "shut out by for ****"
