"""A planner that has planned before plans as one that has not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.catalog.catalog import Catalog
from llmo.config.profile import PrivacyConfig, Profile, ProviderConfig
from llmo.routing.model_names import ModelNames
from llmo.routing.planner import Planner, Selection
from llmo.types.messages import Message, Params, Request, Strategy
from tests.requests.test_content import Nothing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmo.routing.plan import Plan

ENV = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}
MODELS = ("openai/gpt-4", "openai/gpt-4o", "anthropic/claude-sonnet-4-0", "home/small", "nobody/x")
SCHEMAS = (None, {"type": "object", "properties": {"a": {"type": "string"}}})
PARAMS = (
    Params(),
    Params(max_tokens=9, stop=("DE89370400440532013000",)),
    Params(extra={"service_tier": "flex", "n": 2}),
)
TEXTS = st.sampled_from(
    ["hello", "prove", "prove it", "ann@example.org", "4111 1111 1111 1111", "lorem ipsum " * 4000, "é" * 99]
)
CHOICES = tuple(
    Selection(models=models, strategy=strategy, first_only=first, allowed=allowed, lenient=True)
    for models in (MODELS[:1], MODELS)
    for strategy in get_args(Strategy)
    for first in (False, True)
    for allowed in ((), ("openai",))
)
REQUESTS = st.builds(
    lambda system, texts, params, schema: Request(
        (*(Message("system", one) for one in system), *(Message("user", one) for one in texts)), params, schema
    ),
    st.lists(TEXTS, max_size=1),
    st.lists(TEXTS, min_size=1, max_size=2),
    st.sampled_from(PARAMS),
    st.sampled_from(SCHEMAS),
)


def planner() -> Planner:
    """One whose models have contexts of several sizes, one of them at home."""
    providers: dict[str, Any] = {name: ProviderConfig(kind=name) for name in ("openai", "anthropic")}
    providers["home"] = ProviderConfig(kind="ollama")
    providers["nobody"] = ProviderConfig(kind="openai", base_url="https://x.example/v1", api_key_env="NOT_SET")
    names = ModelNames(Profile(providers=providers, privacy=PrivacyConfig(detect=("pii",))), ENV, Catalog(now=0))
    return Planner(names, Nothing(), now=lambda: 0.0)


@settings(deadline=None)
@given(st.lists(st.tuples(REQUESTS, st.sampled_from(CHOICES)), min_size=2, max_size=6))
def test_a_plan_does_not_depend_on_the_plans_before_it(asked: Sequence[tuple[Request, Selection]]) -> None:
    """
    Though most of it is theirs when only the texts differ.
    """
    used = planner()

    def fresh(request: Request, choice: Selection) -> Plan:
        return planner().plan(request, choice)

    assert [fresh(*one) for one in asked] == [used.plan(*one) for one in asked]
