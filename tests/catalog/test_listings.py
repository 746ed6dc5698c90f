"""What a provider said of its models: kept, read again, and used for prices, contexts and bounds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from llmo.catalog.catalog import Catalog
from llmo.catalog.listing import ListedModel
from llmo.catalog.listings import ModelLists, encoded, path_of
from llmo.catalog.prices import Price, Rates
from llmo.config.addresses import on_this_machine
from llmo.config.profile import PriceConfig, ProviderConfig, RoutingConfig
from llmo.types.messages import Target
from tests.pricing import worst_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from llmo.catalog.catalog import Model

URL = "https://openrouter.ai/api/v1"
DAY = datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()
OLD = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
RICH = Price(
    input=3,
    output=7,
    cached_input=1,
    request=11,
    tiers=((100, Rates(input=5, output=9, reasoning=13)),),
    peak=(17, 19),
    source="refreshed",
)


@pytest.fixture
def find(tmp_path: Path) -> Any:
    """A catalogue over one refresh of OpenRouter."""

    def found(model: str, listed: Sequence[ListedModel] = (), *, at: float = DAY, **how: Any) -> Model:
        path_of(tmp_path, "openrouter").write_bytes(encoded(listed, URL, now=at))
        routing, prices = how.pop("routing", RoutingConfig()), how.pop("prices", ())
        catalog = Catalog(prices, now=DAY, lists=ModelLists(tmp_path))
        config = ProviderConfig(kind="openrouter", routing=routing, **how)
        return catalog.find(Target("openrouter", model), config, how.get("base_url", URL))

    return found


def test_a_list_is_read_as_it_was_kept(tmp_path: Path) -> None:
    """
    Prices with tiers, peaks and unknown parts survive the file.
    """
    models = [ListedModel("a/b", context=9, abilities=frozenset({"vision"}), price=RICH), ListedModel("c")]
    path_of(tmp_path, "x/y").write_bytes(encoded(models, URL, now=DAY))
    told = ModelLists(tmp_path).of("x/y", URL)

    assert ("2026-12-01", {"a/b": models[0], "c": models[1]}) == (told.day, dict(told.models))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"base_url": "https://elsewhere/v1", "at": 0, "models": []}',
        b'{"base_url": "https://openrouter.ai/api/v1", "at": 1e300, "models": []}',
        b'{"base_url": "https://openrouter.ai/api/v1", "at": 0, "models": [{"id": "a"}]}',
        b'{"base_url": "https://openrouter.ai/api/v1", "at": 0, "models": [3]}',
    ],
)
def test_what_cannot_be_read_is_absent(tmp_path: Path, body: bytes) -> None:
    """
    A cache of another address or another version says nothing.
    """
    path_of(tmp_path, "openrouter").write_bytes(body)

    assert {} == dict(ModelLists(tmp_path).of("openrouter", URL).models)


def test_the_newer_price_wins_and_says_its_day(find: Any) -> None:
    """
    A refresh from before the table only fills what the table lacks.
    """
    listed = [ListedModel("openai/gpt-4o", context=1, price=RICH), ListedModel("new/model", context=5, price=RICH)]
    fresh, stale = find("openai/gpt-4o", listed), find("openai/gpt-4o", listed, at=OLD)

    assert (RICH, "2026-12-01", "refreshed 2026-12-01") == (fresh.price, fresh.price_date, fresh.priced_by)
    assert ("table", 2_500_000) == (stale.price.source, stale.price.input)
    assert (RICH, 5, "2026-01-01") == tuple(
        getattr(find("new/model", listed, at=OLD), name) for name in ("price", "context", "price_date")
    )
    assert find("openai/gpt-4o", listed, base_url="https://elsewhere/v1").price != RICH


def test_the_profile_wins_over_everybody(find: Any) -> None:
    """
    `[[prices]]` is what a person said.
    """
    mine = PriceConfig(model="openrouter/*", input_usd="1", output_usd="2")
    found = find("a/b", [ListedModel("a/b", price=RICH)], prices=[mine])

    assert ("profile", "profile", None) == (found.price.source, found.priced_by, found.price_date)


def test_a_bound_of_the_profile_is_the_worst_case(find: Any) -> None:
    """
    With max_price set a model of unknown price can be held for, and a known one is held for at the bound.
    """
    bound = RoutingConfig(max_price_prompt_usd="1", max_price_completion_usd="2", max_price_request_usd="0.5")
    auto, known = find("auto", routing=bound).price, find("a/b", [ListedModel("a/b", price=RICH)], routing=bound).price

    assert ("limit", (1_000_000, 2_000_000, 5 * 10**11)) == (auto.source, auto.cap)
    assert 10 * 1_000_000 + 4 * 2_000_000 + 5 * 10**11 == worst_of(auto, 10, 4) == worst_of(known, 10, 4)
    assert 10 * 17 + 4 * 19 + 11 == known.charge(10).of(4)
    assert auto.cap == auto.ceiling == known.ceiling


def test_models_that_may_step_in_are_held_for(find: Any) -> None:
    """
    The dearest of them counts; one of unknown price makes the price of all unknown.
    """
    dear, cheap = Price(input=50, output=5, source="refreshed"), Price(input=1, output=1, source="refreshed")
    listed = [ListedModel("a/b", price=cheap), ListedModel("c/d", price=dear)]
    found = find("a/b", listed, routing=RoutingConfig(models=("c/d",))).price

    assert (10 * 50 + 4 * 5, 10 + 4, (50, 5, 0)) == (worst_of(found, 10, 4), found.charge(10).of(4), found.ceiling)
    assert find("a/b", listed, routing=RoutingConfig(models=("c/d", "nobody/knows"))).price is None
    assert find("auto").price is None


@pytest.mark.parametrize(
    ("model", "priced"),
    [
        pytest.param("a/b", True, id="plain"),
        pytest.param("a/b:floor", True, id="floor"),
        pytest.param("a/b:exacto", True, id="exacto"),
        pytest.param("a/b:nitro", False, id="nitro-admits-a-dearer-tier"),
        pytest.param("a/b:thinking", False, id="another-model"),
    ],
)
def test_suffixes_that_only_order_hosts_keep_the_price(find: Any, model: str, priced: bool) -> None:
    """
    A variant that may cost more than the model has no known price.
    """
    assert priced is (find(model, [ListedModel("a/b", price=RICH)]).price is not None)


def test_free_variants_are_free(find: Any) -> None:
    """
    That is what `:free` means, whether a table knows the model or not.
    """
    price = find("nobody/knows:free").price

    assert (0, (0, 0, 0)) == (worst_of(price, 9, 9), price.ceiling)


@pytest.mark.parametrize(("local", "expected"), [(False, False), (True, True)])
@pytest.mark.parametrize("kind", ["openrouter", "litellm", "litellm-proxy"])
def test_a_forwarder_is_this_machine_only_when_the_profile_says_so(kind: Any, local: bool, expected: bool) -> None:
    """
    A proxy on this machine hands prompts on: its address proves nothing.
    """
    config = ProviderConfig(kind=kind, base_url="http://127.0.0.1:4000", local=local)

    assert expected is on_this_machine(config, "http://127.0.0.1:4000", "m")


def test_the_file_holds_no_key(tmp_path: Path) -> None:
    """
    Only models, an address and a time.
    """
    kept = json.loads(encoded([ListedModel("a")], URL, now=DAY))

    assert {"base_url", "at", "models"} == set(kept)
