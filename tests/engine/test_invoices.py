"""What calls cost, worked out by hand from the vendors' price lists, and that what is held covers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llmo.catalog.catalog import Catalog
from llmo.config.profile import PriceConfig, Profile, ProviderConfig
from llmo.providers.anthropic.provider import usage as claude
from llmo.providers.openai.decoder import usage as gpt
from llmo.routing.model_names import ModelNames
from llmo.routing.planner import Planner, Selection
from llmo.types.events import Usage
from llmo.types.messages import Message, Params, Request, Target
from llmo.types.money import parse_usd
from tests.pricing import worst_of

if TYPE_CHECKING:
    from llmo.ledger.breakers import Circuit

NOW = 1_795_300_000.0
KINDS = {"anthropic": "anthropic", "openai": "openai", "litellm": "litellm"}


def cost(ref: str, used: Usage | None, tier: str | None = None) -> int:
    provider, _, model = ref.partition("/")
    found = Catalog(now=NOW).find(Target(provider, model), ProviderConfig(kind=KINDS[provider]))
    assert found.price is not None
    assert used is not None
    return found.price.cost(used, service_tier=tier)


@pytest.mark.parametrize(
    ("ref", "used", "tier", "dollars"),
    [
        # 1,000 x $3 + 6,000 x $0.30 + 3,000 x $3.75 + 2,000 x $15, per million
        pytest.param(
            "anthropic/claude-sonnet-4-5",
            claude({"input_tokens": 1000, "cache_read_input_tokens": 6000, "cache_creation_input_tokens": 3000, "output_tokens": 2000}),
            "standard",
            "0.04605",
            id="a cache read and written",
        ),
        # the same, but 2,000 of the 3,000 are to be kept for an hour: x $6
        pytest.param(
            "anthropic/claude-sonnet-4-5",
            claude({"input_tokens": 1000, "cache_read_input_tokens": 6000, "cache_creation_input_tokens": 3000,
                    "cache_creation": {"ephemeral_1h_input_tokens": 2000, "ephemeral_5m_input_tokens": 1000}, "output_tokens": 2000}),
            None,
            "0.05055",
            id="a cache written for an hour",
        ),
        # 50,000 x $6 + 200,000 x $0.60 + 1,000 x $22.50
        pytest.param(
            "anthropic/claude-sonnet-4-5",
            claude({"input_tokens": 50_000, "cache_read_input_tokens": 200_000, "output_tokens": 1000}),
            None,
            "0.4425",
            id="a long context, most of it cached",
        ),
        # 10,000 x $1.50 + 1,000 x $7.50
        pytest.param(
            "anthropic/claude-sonnet-4-5", claude({"input_tokens": 10_000, "output_tokens": 1000}), "batch", "0.0225", id="batch of Claude"
        ),
        # 6,000 x $1.25 + 4,000 x $0.125 + 3,000 x $10, of which 2,500 thought
        pytest.param(
            "openai/gpt-5",
            gpt({"prompt_tokens": 10_000, "completion_tokens": 3000, "prompt_tokens_details": {"cached_tokens": 4000},
                 "completion_tokens_details": {"reasoning_tokens": 2500}}),
            "default",
            "0.038",
            id="cached and reasoning tokens",
        ),
        # 10,000 x $0.625 + 1,000 x $5
        pytest.param("openai/gpt-5", gpt({"prompt_tokens": 10_000, "completion_tokens": 1000}), "flex", "0.01125", id="flex"),
        # 1,000 x $2.50 + 1,000 x $20
        pytest.param("openai/gpt-5", gpt({"prompt_tokens": 1000, "completion_tokens": 1000}), "priority", "0.0225", id="priority"),
        # 100,000 x $0.125 + 20,000 x $1
        pytest.param(
            "openai/gpt-5-mini", gpt({"prompt_tokens": 100_000, "completion_tokens": 20_000}), "batch", "0.0325", id="batch of GPT"
        ),
        # 199,999 x $1.25, and at 200,000 still; one more doubles all
        pytest.param("litellm/gemini/gemini-2.5-pro", Usage(199_999, 0), None, "0.24999875", id="below a tier"),
        pytest.param("litellm/gemini/gemini-2.5-pro", Usage(200_000, 0), None, "0.25", id="at a tier"),
        pytest.param("litellm/gemini/gemini-2.5-pro", Usage(200_001, 0), None, "0.5000025", id="above a tier"),
    ],
)  # fmt: skip
def test_an_invoice(ref: str, used: Usage, tier: str | None, dollars: str) -> None:
    """
    To the picodollar, as a person adds it up.
    """
    assert parse_usd(dollars) == cost(ref, used, tier)


def test_a_price_of_the_profile_wins_with_its_cache_rates() -> None:
    """
    100 x $2 + 300 x $0.5 + 600 x $4 + 50 x $10, per million.
    """
    own = PriceConfig(model="openai/*", input_usd="2", output_usd="10", cached_input_usd="0.5", cache_write_usd="4")
    found = Catalog((own,), now=NOW).find(Target("openai", "gpt-5"), ProviderConfig(kind="openai"))
    assert found.price is not None

    assert parse_usd("0.00325") == found.price.cost(Usage(1000, 50, cached_input_tokens=300, cache_write_tokens=600))


@pytest.mark.parametrize(
    ("extra", "times"),
    [
        pytest.param({}, 1, id="plain"),
        pytest.param({"service_tier": "auto"}, 1, id="auto"),
        pytest.param({"service_tier": "flex"}, 1, id="flex may be served as standard"),
        pytest.param({"service_tier": "priority"}, 2, id="priority costs twice"),
    ],
)
def test_a_hold_covers_the_tier_that_is_asked_for(extra: dict[str, str], times: int) -> None:
    """
    Dearer ones are held dearer, cheaper ones are not relied on.
    """
    profile = Profile(providers={"openai": ProviderConfig(kind="openai", api_key_env="KEY")})
    planner = Planner(ModelNames(profile, {"KEY": "x"}, Catalog(now=NOW)), _Nothing())
    request = Request((Message("user", "hello"),), Params(max_tokens=100, extra=extra))
    plan = planner.plan(request, Selection(models=("openai/gpt-5",)))

    assert times * (plan.requirements.input_bound * 1_250_000 + 100 * 10_000_000) == plan.candidates[0].worst


def test_a_hold_covers_a_cache_that_is_kept_for_an_hour() -> None:
    """
    Every input token may be written at twice the rate, which can also be that of a long context.
    """
    profile = Profile(providers={"anthropic": ProviderConfig(kind="anthropic", api_key_env="KEY")})
    planner = Planner(ModelNames(profile, {"KEY": "x"}, Catalog(now=NOW)), _Nothing())
    request = Request(
        (Message("user", "x" * 150_000),),
        Params(max_tokens=100, extra={"cache_control": {"type": "ephemeral", "ttl": "1h"}}),
    )
    plan = planner.plan(request, Selection(models=("anthropic/claude-sonnet-4-5",)))
    (candidate,) = plan.candidates
    price = candidate.facts.model.price
    assert price is not None
    bound = plan.requirements.input_bound
    most = Usage(bound, 100, cache_write_tokens=bound, long_write_tokens=bound)

    assert price.cost(most) <= (candidate.worst or 0) == 2 * bound * 7_500_000 + 100 * 22_500_000


def test_a_long_context_is_held_at_the_tier_that_its_bound_reaches() -> None:
    """
    At 200,001 bytes a prompt may be 200,001 tokens, each at twice the rate.
    """
    found = Catalog(now=NOW).find(Target("anthropic", "claude-sonnet-4-5"), ProviderConfig(kind="anthropic"))
    assert found.price is not None
    below, above = (worst_of(found.price, bound, 0) for bound in (200_000, 200_001))

    assert (200_000 * 3_750_000, 200_001 * 7_500_000) == (below, above)


class _Nothing:
    """A memory of no calls."""

    def latency(self, target: Target) -> None:
        return None

    def breaker(self, circuit: Circuit) -> None:
        return None
