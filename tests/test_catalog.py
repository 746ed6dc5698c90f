"""The table gives the prices of the library that it was made from, and never a price that it does not know."""

import json
from datetime import UTC, datetime

import pytest
from genai_prices import Usage as Reference
from genai_prices.data import providers

from llmo.catalog import PATH, Catalog, Model, Price, Rates, table
from llmo.config import OfflineConfig, PriceConfig, ProviderConfig
from llmo.types import Target, Usage

NOW = datetime(2026, 11, 22, 12, 34, tzinfo=UTC)
OPENAI = ProviderConfig(kind="openai")
LIBRARY = {provider.id: provider for provider in providers}
DATA = json.loads(PATH.read_bytes())
USAGES = [
    pytest.param(Usage(1, 1), id="one token each"),
    pytest.param(Usage(1_234, 567, reasoning_tokens=89), id="reasoning"),
    pytest.param(Usage(90_000, 2_000, cached_input_tokens=80_000), id="cache read"),
    pytest.param(Usage(9_000, 2_000, cached_input_tokens=1_000, cache_write_tokens=7_000), id="cache write"),
    pytest.param(Usage(2_000_001, 60_000, cached_input_tokens=7), id="the highest tier"),
]


def catalog(*overrides, now=NOW):
    return Catalog(overrides, now=now.timestamp())


def reference(usage):
    return Reference(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cached_input_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
    )


def names(rule):
    if isinstance(rule, str):
        yield rule
    elif isinstance(rule, list):
        for part in rule:
            yield from names(part)
    else:
        ((operator, operand),) = rule.items()
        if operator in {"start", "in", "end"}:
            yield operand + "-20251211" if operator == "start" else operand


def spellings(vendor, entry):
    return dict.fromkeys([entry["id"], *names(entry.get("match", entry["id"]))])


def cases():
    for vendor, facts in DATA["vendors"].items():
        for entry in facts["models"]:
            if model := LIBRARY[vendor].find_model(entry["id"], all_providers=providers):
                yield vendor, entry, model


def agrees(ours, theirs, usage):
    """Rates finer than a picodollar a token (OpenRouter writes thirds with 16 digits) are rounded up."""
    exact = theirs * 10**12
    return exact <= ours <= exact + (usage.input_tokens if exact % 1 else 0)


@pytest.mark.parametrize(
    ("usage", "now"),
    [
        *(pytest.param(*usage.values, NOW, id=usage.id) for usage in USAGES),
        pytest.param(Usage(2_000, 2_000), NOW.replace(2027, 2, hour=2), id="a night in 2027"),
    ],
)
def test_every_price_is_that_of_the_library(usage, now):
    """
    For every model, cost equals the library's to the picodollar: tiers, cached reads and writes, dates and hours.
    """
    shelf = catalog(now=now)
    wrong = []
    for vendor, entry, model in cases():
        ours = shelf._known(vendor, entry["id"]).price
        if ours is not None:
            theirs = model.calc_price(reference(usage), LIBRARY[vendor], genai_request_timestamp=now).total_price
            if not agrees(ours.cost(usage), theirs, usage):
                wrong.append((vendor, entry["id"], ours.cost(usage), theirs))

    assert [] == wrong


def test_every_spelling_is_that_of_the_library():
    """
    Aliases, prefixes and dated names find the same model as in the library.
    """
    wrong, shelf = [], table.Table(DATA["vendors"])
    for vendor, facts in DATA["vendors"].items():
        for entry in facts["models"]:
            for name in spellings(vendor, entry):
                theirs = LIBRARY[vendor].find_model(name, all_providers=providers)
                ours = shelf.find(vendor, name)
                if (theirs and theirs.id) != (ours and ours[0]["id"]):
                    wrong.append((vendor, name))

    assert [] == wrong


@pytest.mark.parametrize("tier", ["priority", "flex", "fast", "default", "batch", "unheard-of"])
def test_every_service_tier_is_that_of_the_library(tier):
    """
    The tier that an answer names is priced as in the library; one without its own price is standard.
    """
    shelf, usage = catalog(), Usage(300_000, 500, cached_input_tokens=100)
    wrong = []
    for vendor, entry, model in cases():
        ours = shelf._known(vendor, entry["id"]).price
        keys = {next(iter(variant.when)) for variant in model.price_variants or () if tier in variant.when.values()}
        context = dict.fromkeys(keys or {"service_tier"}, tier)
        theirs = model.calc_price(reference(usage), LIBRARY[vendor], genai_request_timestamp=NOW, price_context=context)
        if ours is not None and not agrees(ours.cost(usage, service_tier=tier), theirs.total_price, usage):
            wrong.append((vendor, entry["id"]))

    assert [] == wrong


@pytest.mark.parametrize("usage", USAGES)
def test_worst_is_never_less_than_cost(usage):
    """
    A hold covers whatever mixture of cached, written, thought and plain tokens the bound holds.
    """
    low = [
        model.id
        for model in catalog().all()
        if model.price.worst(usage.input_tokens, usage.output_tokens) < model.price.cost(usage)
    ]

    assert [] == low


def test_worst_covers_an_hour_that_begins_soon():
    """
    A price by the hour is bounded by its dearest hour.
    """
    model = catalog(now=NOW).find(Target("d", "deepseek-v4-pro"), OPENAI, "https://api.deepseek.com/v1")
    dear = catalog(now=NOW.replace(hour=2)).find(Target("d", "deepseek-v4-pro"), OPENAI, "https://api.deepseek.com/v1")

    assert model.price.cost(Usage(1000, 1000)) < dear.price.cost(Usage(1000, 1000)) <= model.price.worst(1000, 1000)


@pytest.mark.parametrize(
    ("model", "known_as"),
    [
        pytest.param("gpt-4o-2024-08-06", "gpt-4o", id="dated"),
        pytest.param("GPT-4o", "gpt-4o", id="case"),
        pytest.param("gpt-5.2-20251211", "gpt-5.2", id="a date without dashes"),
        pytest.param("gpt-99-ultra", None, id="unknown"),
    ],
)
def test_a_name_resolves_as_in_the_library(model, known_as):
    """
    Dated and respelled names find their model; an unknown one has no price.
    """
    found = catalog().find(Target("openai", model), OPENAI, "https://api.openai.com/v1")

    assert (known_as, known_as is not None) == (found.known_as, found.price is not None)


@pytest.mark.parametrize(
    ("config", "model", "expected"),
    [
        pytest.param(ProviderConfig(kind="openai"), "gpt-4o", ("metered", "table"), id="openai's default address"),
        pytest.param(ProviderConfig(kind="anthropic"), "claude-haiku-4-5", ("metered", "table"), id="anthropic"),
        pytest.param(
            ProviderConfig(kind="openai", base_url="https://api.groq.com/openai/v1"),
            "llama-3.3-70b-versatile",
            ("metered", "table"),
            id="groq",
        ),
        pytest.param(ProviderConfig(kind="openrouter"), "openai/gpt-4o", ("metered", "table"), id="openrouter"),
        pytest.param(ProviderConfig(kind="litellm"), "gemini/gemini-2.5-pro", ("metered", "table"), id="litellm"),
        pytest.param(
            ProviderConfig(kind="litellm-proxy"), "gpt-4o", ("metered", None), id="a proxy's names are its own"
        ),
        pytest.param(
            ProviderConfig(kind="openai", base_url="http://127.0.0.1:8000/v1"),
            "gpt-4o",
            ("metered", None),
            id="loopback",
        ),
        pytest.param(
            ProviderConfig(kind="openai", base_url="http://127.0.0.1:8000/v1", local=True),
            "gpt-4o",
            ("local", "local"),
            id="loopback that is local",
        ),
        pytest.param(ProviderConfig(kind="ollama"), "llama3.1", ("local", "local"), id="ollama"),
        pytest.param(
            ProviderConfig(kind="ollama"), "gpt-oss:120b-cloud", ("subscription", "subscription"), id="ollama's cloud"
        ),
        pytest.param(ProviderConfig(kind="cursor"), "auto", ("subscription", "subscription"), id="cursor"),
        pytest.param(ProviderConfig(kind="offline"), "echo", ("local", "local"), id="offline"),
        pytest.param(
            ProviderConfig(kind="offline", offline=OfflineConfig(input_usd="1", output_usd="2")),
            "echo",
            ("metered", "profile"),
            id="offline with a price",
        ),
    ],
)
def test_where_a_price_comes_from(config, model, expected):
    """
    The address decides whose price counts; a name at an unknown address has none.
    """
    found = catalog().find(Target("x", model), config)

    assert expected == (found.billing, found.price and found.price.source)


def test_the_profile_wins():
    """
    The first pattern of the profile that matches beats the table, the kind and the address.
    """
    shelf = catalog(
        PriceConfig(model="openai/gpt-4o", input_usd="0.000001", output_usd="0.0000015", cached_input_usd="0"),
        PriceConfig(model="openai/*", input_usd="1", output_usd="2"),
    )

    assert [
        Price(input=1, output=2, cached_input=0, source="profile"),
        Price(input=1_000_000, output=2_000_000, source="profile"),
    ] == [shelf.find(Target("openai", model), OPENAI).price for model in ("gpt-4o", "gpt-4o-mini")]


def test_a_tier_is_strictly_above_its_threshold_and_counts_for_all_tokens():
    """
    One token past the threshold reprices the whole request.
    """
    price = Price(input=1, output=2, tiers=((100, Rates(input=10, output=20)),))

    assert [102, 1030] == [price.cost(Usage(100, 1)), price.cost(Usage(101, 1))]
    assert [102, 1030] == [price.worst(100, 1), price.worst(101, 1)]


def test_how_many_tokens_an_amount_buys():
    """
    The largest output whose worst case still fits.
    """
    price = Price(input=2, output=3, request=10)

    assert [0, 0, 4] == [price.affordable(amount, 5) for amount in (0, 22, 34)]


def test_facts_beside_the_price():
    """
    Windows and abilities are known where a source knows them, and say so where none does.
    """
    found = catalog().find(Target("openai", "gpt-4o"), OPENAI)

    assert (128000, 16384, frozenset({"vision", "schema", "tools"})) == (
        found.context,
        found.max_output,
        found.abilities,
    )
    assert Model(id="new", vendor="openai") == catalog().find(Target("openai", "new"), OPENAI)


def test_the_table_says_what_it_is_made_of():
    """
    Date and sources are stored with every call.
    """
    shelf = catalog()

    assert DATA["date"] == shelf.date
    assert shelf.version.startswith("genai-prices-0.2.3 litellm-")


def test_the_table_is_small():
    """
    It is parsed on the way to the first word.
    """
    assert PATH.stat().st_size < 500_000
    assert len(DATA["vendors"]) > 20
    assert table.Table(DATA["vendors"]).vendor_at("https://api.groq.com/openai/v1") == "groq"
