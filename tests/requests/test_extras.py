"""Options that are llmo's own to set, and options that buy something of their own: one rule for all entrances."""

from __future__ import annotations

from typing import Any

import pytest

from llmo.catalog.catalog import Catalog
from llmo.config.kinds import KINDS
from llmo.config.profile import BudgetConfig, PriceConfig, Profile, ProviderConfig, RoutingConfig
from llmo.errors import Rejected, Unbounded
from llmo.requests import extras
from llmo.routing.model_names import ModelNames
from llmo.routing.planner import Planner, Selection
from llmo.routing.refusals import require_candidates
from llmo.types.messages import Message, Params, Request
from tests.requests.test_content import Nothing

WEB = {"type": "web_search_20250305", "name": "web_search"}
FUNCTION = {"type": "function", "function": {"name": "model", "parameters": {"properties": {"max_tokens": {}}}}}


def plan(extra: dict[str, Any], *, kind: Any = "openai", model: str = "m", config: Any = None, **choice: Any) -> Any:
    """The plan of a request with options at a metered provider `p` of known price, under a daily budget of its own."""
    given = config or {"kind": kind, "local": False, "api_key_env": "KEY"}
    profile = Profile(
        providers={"p": ProviderConfig(**given), "free": ProviderConfig(kind="offline")},
        prices=(PriceConfig(model="p/*", input_usd="1", output_usd="2"),),
        budgets=(BudgetConfig(name="daily", limit_usd="5", window="day", match={"provider": "p"}),),
        when_budget_ends=choice.pop("when_budget_ends", "refuse"),
    )
    request = Request((Message("user", "hi"),), Params(max_tokens=100, extra=extra))
    models = choice.pop("models", (f"p/{model}",))
    planner = Planner(ModelNames(profile, {"KEY": "x"}, Catalog(profile.prices, now=0)), Nothing())
    return planner.plan(request, Selection(models=models, **choice))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "cursor"])
@pytest.mark.parametrize(
    ("extra", "path"),
    [
        pytest.param({"max_tokens": 5000}, "max_tokens", id="limit"),
        pytest.param({"max_completion_tokens": None}, "max_completion_tokens", id="its other name"),
        pytest.param({"MAX_TOKEN\u017f": 5000}, "MAX_TOKEN\u017f", id="as Go reads it"),
        pytest.param({"maxOutputTokens": 5000}, "maxOutputTokens", id="as Gemini spells it"),
        pytest.param({"options": {"num_predict": 5000}}, "options.num_predict", id="in an object"),
        pytest.param({"n_predict": -1}, "n_predict", id="llama.cpp"),
        pytest.param({"google": [{"deep": {"max_new_tokens": 9}}]}, "google[0].deep.max_new_tokens", id="deep"),
        pytest.param({"generationConfig": {"temperature": 0}}, "generationConfig", id="generationConfig"),
        pytest.param({"extra_body": {"top_k": 1}}, "extra_body", id="extra_body"),
        pytest.param({"reasoning": {"extra_body": {}}}, "reasoning.extra_body", id="extra_body inside"),
        pytest.param({"model": "dearer"}, "model", id="model"),
        pytest.param({"Model": "dearer"}, "Model", id="model, case aside"),
        pytest.param({"models": ["dearer"]}, "models", id="models"),
        pytest.param({"fallbacks": ["dearer"]}, "fallbacks", id="fallbacks"),
        pytest.param({"api_base": "http://elsewhere"}, "api_base", id="address"),
        pytest.param({"messages": []}, "messages", id="messages"),
        pytest.param({"stream": False}, "stream", id="stream"),
        pytest.param({"stream_options": {}}, "stream_options", id="stream_options"),
        pytest.param({"provider": {"max_price": {}}}, "provider.max_price", id="price"),
        pytest.param({"thinking": {"budget_tokens": 101}}, "thinking.budget_tokens", id="thinking above the limit"),
        pytest.param({"reasoning": {"max_tokens": "1e400"}}, "reasoning.max_tokens", id="reasoning above the limit"),
        pytest.param({"thinking_budget": 10**400}, "thinking_budget", id="thinking far above the limit"),
    ],
)
def test_what_llmo_sets_is_refused_wherever_it_hides(kind: str, extra: dict[str, Any], path: str) -> None:
    """
    On every provider type, before anything is sent; where it stands is named.
    """
    found = extras.reserved(kind, extra, 100)
    planned = plan(extra, kind=kind)

    assert found is not None
    assert path == found.path
    assert ((), True) == (planned.ranked, planned.candidates[0].why.startswith(f"{path} "))
    with pytest.raises(Rejected, match=r"cannot be set as an option|is above the output limit of 100"):
        require_candidates(planned)


@pytest.mark.parametrize(
    ("kind", "extra"),
    [
        pytest.param("openrouter", {"provider": None}, id="the price of OpenRouter"),
        pytest.param("openrouter", {"provider": "x"}, id="the price of OpenRouter, a text"),
        pytest.param("openrouter", {"Provider": {}}, id="the price of OpenRouter, twice"),
        pytest.param("ollama", {"options": None}, id="the limit of Ollama"),
        pytest.param("ollama", {"options": [1]}, id="the limit of Ollama, a list"),
        pytest.param("anthropic", {"system": "x"}, id="system"),
        pytest.param("litellm", {"input_cost_per_token": 0}, id="a price of one's own"),
    ],
)
def test_an_object_that_llmo_fills_in_stays_one(kind: str, extra: dict[str, Any]) -> None:
    """
    A null in its place would take the price or the limit away.
    """
    assert extras.reserved(kind, extra) is not None
    assert extras.reserved("openai", {}) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({"tools": [FUNCTION], "tool_choice": {"function": {"name": "model"}}}, id="names of a function"),
        pytest.param({"response_format": {"json_schema": {"schema": {"properties": {"model": {}}}}}}, id="schema"),
        pytest.param({"top_p": 0.5, "top_k": 3, "min_p": 0, "logit_bias": {"5": 1}}, id="sampling"),
        pytest.param({"thinking": {"type": "enabled", "budget_tokens": 100}}, id="thinking within the limit"),
        pytest.param({"reasoning": {"effort": "high", "max_tokens": 99}}, id="reasoning within the limit"),
        pytest.param({"prediction": {"type": "content", "content": "x"}}, id="prediction"),
        pytest.param({"keep_alive": -1, "think": True, "unheard_of": {"of": [1]}}, id="unknown"),
    ],
)
def test_everything_else_is_free(kind: str, extra: dict[str, Any]) -> None:
    """
    What is data, and what only shapes the answer, passes; under a limit of dollars too.
    """
    assert (None, ()) == (extras.reserved(kind, extra, 100), extras.purchases(extra))


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        pytest.param({"web_search_options": {}}, "web_search_options", id="web search"),
        pytest.param({"tools": [FUNCTION, WEB]}, "tools[1].type web_search_20250305", id="Anthropic's tool"),
        pytest.param({"tools": [{"type": "code_interpreter"}]}, "tools[0].type code_interpreter", id="code"),
        pytest.param(
            {"tools": [{"type": "openrouter:web_search"}]}, "tools[0].type openrouter:web_search", id="router"
        ),
        pytest.param({"tools": [{"type": "mcp", "server_url": "x"}]}, "tools[0].type mcp", id="MCP tool"),
        pytest.param({"tools": [{"google_search": {}}]}, "tools[0]", id="Gemini's tool"),
        pytest.param({"tools": {"type": "web_search"}}, "tools[0].type web_search", id="no list"),
        pytest.param({"Tools": ["web_search"]}, "Tools[0]", id="no object"),
        pytest.param({"mcp_servers": [{"url": "x"}]}, "mcp_servers", id="MCP"),
        pytest.param({"plugins": [{"id": "web"}]}, "plugins", id="plugins"),
        pytest.param({"modalities": ["text", "audio"]}, "modalities", id="modalities"),
        pytest.param({"audio": {"voice": "x"}}, "audio", id="audio"),
        pytest.param({"n": 3}, "n", id="n"),
        pytest.param({"N": "3"}, "N", id="n as text"),
        pytest.param({"best_of": 2}, "best_of", id="best_of"),
        pytest.param({"speed": "fast"}, "speed", id="speed"),
        pytest.param({"inference_geo": "us"}, "inference_geo", id="region"),
        pytest.param({"container": "c"}, "container", id="container"),
        pytest.param({"enable_search": True}, "enable_search", id="Qwen's search"),
        pytest.param({"search_parameters": {"mode": "on"}}, "search_parameters", id="Grok's search"),
        pytest.param({"google": {"search": {}}}, "google.search", id="inside"),
        pytest.param({"previous_response_id": "r"}, "previous_response_id", id="what no byte tells"),
        pytest.param({"service_tier": "priority"}, "service_tier priority", id="tier"),
        pytest.param({"serviceTier": 5}, "service_tier 5", id="tier, no text"),
    ],
)
def test_what_is_billed_apart_is_refused_under_a_limit(extra: dict[str, Any], name: str) -> None:
    """
    Of a budget as of the command; not without one, not with --allow-unpriced, not where nothing costs.
    """
    refused = plan(extra)
    with pytest.raises(Unbounded) as caught:
        require_candidates(refused)

    assert ((), (name,)) == (refused.ranked, refused.candidates[0].unpriced)
    assert f"a dollar limit cannot cover {name} at p/m" in caught.value.message
    assert "--allow-unpriced" in (caught.value.hint or "")
    assert (1, 3) == (len(plan(extra, allow_unpriced=True).ranked), caught.value.exit)
    assert 1 == len(plan(extra, models=("free/echo",), capped=True).ranked)


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({"web_search_options": None, "enable_search": False, "plugins": [], "tools": []}, id="nothing"),
        pytest.param({"n": 1, "best_of": 1.0, "modalities": ["text"], "speed": "standard"}, id="as without"),
        pytest.param({"service_tier": "auto"}, id="auto"),
        pytest.param({"service_tier": "standard_only"}, id="standard_only"),
        pytest.param({"tools": [{"type": "custom", "name": "x"}, {"name": "x", "input_schema": {}}]}, id="functions"),
    ],
)
def test_what_buys_nothing_is_free(extra: dict[str, Any]) -> None:
    """
    A value that only says what holds without it.
    """
    assert () == plan(extra).candidates[0].unpriced


@pytest.mark.parametrize(
    ("kind", "model", "config"),
    [
        pytest.param("openrouter", "vendor/x:online", {}, id="suffix"),
        pytest.param("openrouter", "vendor/x:free:online", {}, id="second suffix"),
        pytest.param("openrouter", "vendor/x", {"routing": RoutingConfig(models=("a/b:online",))}, id="who steps in"),
        pytest.param("openai", "gpt-4o-search-preview", {}, id="a model that searches"),
        pytest.param("litellm", "openrouter/vendor/x:online", {}, id="through LiteLLM"),
    ],
)
def test_a_model_that_searches_by_itself_is_refused_under_a_limit(kind: str, model: str, config: Any) -> None:
    """
    Its fee is in no price per token.
    """
    config = {"kind": kind, "api_key_env": "KEY", **config}
    (candidate,) = plan({}, model=model, config=config).candidates

    assert (None, (f"the searches of {model}",)) == (candidate.rank, candidate.unpriced)


def test_a_refusal_is_final_as_a_budget_is() -> None:
    """
    A model that ignores the option must not answer in its place, unless the profile lets those step in that cost nothing.
    """
    extra: dict[str, Any] = {"web_search_options": {}}
    models = ("p/m", "free/echo")
    whys = [c.why for c in plan(extra, models=models).candidates]
    instead = plan(extra, models=models, when_budget_ends="local").ranked

    assert "skipped: p/m is refused" == whys[1]
    assert ["free/echo"] == [str(c.target) for c in instead]


def test_a_prediction_may_be_billed_as_output() -> None:
    """
    Its tokens that the answer does not use are: they are held at both rates.
    """
    extra = {"prediction": {"type": "content", "content": "x" * 1000}}
    planned = plan(extra)
    bound, predicted = planned.requirements.input_bound, planned.requirements.predicted

    assert predicted > 1000
    assert bound * 10**6 + (100 + predicted) * 2 * 10**6 == planned.candidates[0].worst


def test_more_answers_are_said_to_be_paid() -> None:
    """
    Only the first is kept.
    """
    assert ("n: every answer is billed, but only the first is kept",) == plan({"n": 2}, allow_unpriced=True).ranked[
        0
    ].notes
