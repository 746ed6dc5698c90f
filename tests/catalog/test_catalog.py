"""The table gives the prices of the libraries that it was made from, and never a price that it does not know."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from genai_prices import Usage as Reference
from genai_prices.data import providers

from llmo.catalog import table
from llmo.catalog.catalog import PATH, Catalog, Model
from llmo.catalog.prices import Price, Rates
from llmo.config.profile import OfflineConfig, PriceConfig, ProviderConfig
from llmo.types.events import Usage
from llmo.types.messages import Target
from tests.pricing import worst_of

NOW = datetime(2026, 11, 22, 12, 34, tzinfo=UTC)
OPENAI = ProviderConfig(kind="openai")
LIBRARY = {provider.id: provider for provider in providers}
DISPUTES = (PATH.parents[2] / ".ci" / "prices" / "disputes.txt").read_text()
DATA = table.read(PATH.read_bytes())
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
    """Rows that are, wholly or in part, the library's."""
    shelf = table.PriceTable(DATA["vendors"])
    for vendor, facts in DATA["vendors"].items():
        for entry in facts["models"] if vendor in LIBRARY else ():
            model = LIBRARY[vendor].find_model(entry["id"], all_providers=providers)
            meant = shelf.find(vendor, entry["id"])
            if model and meant and "l" not in {entry.get("by"), meant[0].get("by")}:
                yield vendor, entry, model


def agrees(ours, theirs, usage, *, disputed):
    """
    Rates finer than a picodollar a token (OpenRouter writes thirds with 16 digits) are rounded up.

    Where sources disagree ours is the dearer.
    """
    exact = theirs * 10**12
    return exact <= ours and (disputed or ours <= exact + (usage.input_tokens if exact % 1 else 0))


def told(usage, entry, model):
    """The usage in what the library itself says of a row; the other source completes it."""
    if entry.get("by") != "gl":
        return usage
    price = model.prices if not isinstance(model.prices, list) else model.prices[0].prices
    return replace(
        usage,
        cached_input_tokens=0 if price.cache_read_mtok is None else usage.cached_input_tokens,
        cache_write_tokens=0 if price.cache_write_mtok is None else usage.cache_write_tokens,
        input_tokens=usage.input_tokens if hasattr(price.input_mtok, "tiers") else min(usage.input_tokens, 90_000),
    )


@pytest.mark.parametrize(
    ("usage", "now"),
    [
        *(pytest.param(*usage.values, NOW, id=usage.id) for usage in USAGES),
        pytest.param(Usage(2_000, 2_000), NOW.replace(2027, 2, hour=2), id="a night in 2027"),
    ],
)
def test_every_price_is_that_of_the_library(usage, now):
    """
    For every model, cost equals genai-prices' to the picodollar: tiers, cached reads and writes, dates and hours.
    """
    shelf = catalog(now=now)
    wrong = []
    for vendor, entry, model in cases():
        ours = shelf._known(vendor, entry["id"]).price
        if ours is not None:
            used = told(usage, entry, model)
            theirs = model.calc_price(reference(used), LIBRARY[vendor], genai_request_timestamp=now).total_price
            if not agrees(ours.cost(used), theirs, used, disputed="says" in entry):
                wrong.append((vendor, entry["id"], ours.cost(used), theirs))

    assert [] == wrong


def test_every_spelling_is_that_of_the_library():
    """
    Aliases, prefixes and dated names find the same model as in the library.
    """
    wrong, shelf = [], table.PriceTable(DATA["vendors"])
    for vendor, entry, _ in cases():
        for name in spellings(vendor, entry):
            theirs = LIBRARY[vendor].find_model(name, all_providers=providers)
            ours = shelf.find(vendor, name)
            if ours is None or theirs is None or ("says" not in ours[0] and theirs.id != ours[0]["id"]):
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
        ruled = [variant for variant in model.price_variants or () if tier in variant.when.values()]
        keys = {next(iter(variant.when)) for variant in ruled}
        context = dict.fromkeys(keys or {"service_tier"}, tier)
        used = told(usage, entry, model)
        if "gl" == entry.get("by") and not all(hasattr(one.prices.input_mtok, "tiers") for one in ruled):
            used = replace(used, input_tokens=90_000)  # the other source knows the steps of this tier
        theirs = model.calc_price(reference(used), LIBRARY[vendor], genai_request_timestamp=NOW, price_context=context)
        if ours is None or (not keys and tier in ours.service):
            continue  # a tier that only the other source knows
        cost = ours.cost(used, service_tier=tier)
        disputed = "says" in entry or f"{vendor}/{entry['id']} {tier} " in DISPUTES
        if not agrees(cost, theirs.total_price, used, disputed=disputed):
            wrong.append((vendor, entry["id"]))

    assert [] == wrong


@pytest.mark.parametrize("usage", USAGES)
def test_worst_is_never_less_than_cost(usage):
    """
    A hold covers whatever mixture of cached, written, thought and plain tokens the bound holds.
    """
    shelf = catalog()
    low = [
        model.id
        for vendor in DATA["vendors"]
        for model in shelf.known(vendor)
        if worst_of(model.price, usage.input_tokens, usage.output_tokens) < model.price.cost(usage)
    ]

    assert [] == low


def test_worst_covers_an_hour_that_begins_soon():
    """
    A price by the hour is bounded by its dearest hour.
    """
    model = catalog(now=NOW).find(Target("d", "deepseek-v4-pro"), OPENAI, "https://api.deepseek.com/v1")
    dear = catalog(now=NOW.replace(hour=2)).find(Target("d", "deepseek-v4-pro"), OPENAI, "https://api.deepseek.com/v1")

    assert model.price.cost(Usage(1000, 1000)) < dear.price.cost(Usage(1000, 1000)) <= worst_of(model.price, 1000, 1000)


@pytest.mark.parametrize(
    ("model", "meant"),
    [
        pytest.param("gpt-4o-2024-08-06", "gpt-4o", id="dated"),
        pytest.param("GPT-4o", "gpt-4o", id="case"),
        pytest.param("gpt-5.2-20251211", "gpt-5.2", id="a date without dashes"),
    ],
)
def test_a_name_resolves_as_in_the_library(model, meant):
    """
    Dated and respelled names find their model, also at an address with a port.
    """
    found, plain = (
        catalog().find(Target("openai", name), OPENAI, "https://api.openai.com:443/v1") for name in (model, meant)
    )

    assert plain.price is not None
    assert replace(plain, id=model) == found


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
    assert [102, 1030] == [worst_of(price, 100, 1), worst_of(price, 101, 1)]


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


def test_a_price_names_its_sources():
    """
    A row of one source, a row of both, and one that is the dearer of two that disagree.
    """
    prices, mistral = catalog(), ProviderConfig(kind="openai", base_url="https://api.mistral.ai/v1")
    infra = ProviderConfig(kind="openai", base_url="https://api.deepinfra.com/v1/openai")
    found = [
        prices.find(Target("x", "mistral-medium-2505"), mistral),
        prices.find(Target("x", "zai-org/GLM-5.2"), infra),
        prices.find(Target("x", "codestral-2508"), mistral),
        prices.find(Target("x", "mistral-medium"), mistral),
    ]

    genai, litellm = prices.version.split()
    assert [
        f"{genai} {DATA['date']}",
        f"{litellm} {DATA['date']}",
        f"{genai} {litellm} {DATA['date']}",
        f"dearer of {genai} {litellm} {DATA['date']}",
    ] == [one.priced_by for one in found]
    assert {
        "genai-prices": Price(input=400_000, output=2_000_000, cached_input=40_000),
        "litellm": Price(input=1_500_000, output=7_500_000, cached_input=150_000),
    } == found[3].by_source
    assert Price(input=1_500_000, output=7_500_000, cached_input=150_000) == found[3].price
    assert [{}, {}, {}] == [one.by_source for one in found[:3]]


@pytest.mark.parametrize(
    ("url", "vendor"),
    [
        pytest.param("https://api.groq.com/openai/v1", "groq", id="a host"),
        pytest.param("https://API.groq.com", "groq", id="case"),
        pytest.param("https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1", "aws", id="a pattern"),
        pytest.param("https://api.together.ai/v1", "together", id="a second host"),
        pytest.param("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "dashscope", id="dashscope"),
        pytest.param("https://api.studio.nebius.ai/v1", "nebius", id="nebius"),
        pytest.param("https://api.sambanova.ai/v1", "sambanova", id="sambanova"),
        pytest.param("https://api.fireworks.ai/inference/v1", "fireworks", id="fireworks"),
        pytest.param("https://api.groq.com.evil.example/v1", None, id="a host that only begins so"),
        pytest.param("https://api.groq.com@evil.example/v1", None, id="a user that looks like a host"),
        pytest.param("http://api.groq.com/v1", None, id="not encrypted"),
        pytest.param("https://[", None, id="no address"),
    ],
)
def test_a_vendor_is_known_by_its_whole_host(url, vendor):
    """
    An address that only resembles a vendor's proves no price.
    """
    assert vendor == table.PriceTable(DATA["vendors"]).vendor_at(url)


def test_what_a_command_parses_is_small():
    """
    The models of one vendor are parsed on the way to the first word, not the whole table.
    """
    lines = PATH.read_bytes().splitlines()
    sizes, at = [], 1
    for facts in DATA["vendors"].values():
        sizes.append(sum(map(len, lines[at : at + facts["rows"]])))
        at += facts["rows"]

    assert len(lines) == at
    assert len(lines[0]) + max(sizes) < 150_000
    assert PATH.stat().st_size < 600_000


def test_a_table_that_is_cut_is_none():
    """
    Lines that are missing or too many are refused before any price is read.
    """
    data = PATH.read_bytes()

    for broken in (data[: data.rindex(b"\n", 0, -1)], data + b"{}\n"):
        with pytest.raises(ValueError, match=r"models, expected"):
            table.read(broken)
