"""The table is what its two sources give, and where they disagree a reader is told and money is held at the dearer."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmo.catalog import table
from llmo.catalog.catalog import PATH, Catalog
from llmo.catalog.prices import Price, Rates
from llmo.config.profile import ProviderConfig
from llmo.types.events import Usage
from llmo.types.messages import Target
from tests import peers
from tests.pricing import worst_of
from tests.servers import litellm_map

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci" / "build_catalog.py"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LITELLM = ProviderConfig(kind="litellm")
DATA = table.read(PATH.read_bytes())
CHAT = {"mode": "chat", "litellm_provider": "groq", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}


@pytest.fixture(scope="module")
def model_map():
    found = litellm_map.path()
    if found is None or litellm_map.version(found) != DATA["sources"]["litellm"]:
        pytest.skip(f"{peers.missing('litellm')}, at the version of the table")
    return found


def run(*args):
    return subprocess.run([sys.executable, SCRIPT, *args], capture_output=True, text=True, check=False)


def test_the_table_and_the_list_of_disputes_are_what_the_sources_give(model_map):
    """
    A price that somebody edited, or a dispute that nobody reviewed, is found.
    """
    checked = run("--check", "--litellm", model_map, "--litellm-version", DATA["sources"]["litellm"])

    assert (0, "", "") == (checked.returncode, checked.stdout, checked.stderr)


def priced(model_map):
    """Models of the map at vendors of the same name, with their rates and our row."""
    shelf = table.PriceTable(DATA["vendors"])
    for key, entry in litellm_map.entries(model_map).items():
        vendor, rates = (
            entry.get("litellm_provider", ""),
            [entry.get(f"{way}_cost_per_token") for way in ("input", "output")],
        )
        if key.startswith(f"{vendor}/") and vendor in DATA["vendors"] and "chat" == entry["mode"] and all(rates):
            found = shelf.find(vendor, key.partition("/")[2])
            if found and found[1] and "prices" in found[0]:
                yield key, [Decimal(rate or 0) for rate in rates], entry, found[0], vendor


def test_every_price_of_litellm_is_in_the_table_or_below_it(model_map):
    """
    Computed by hand from the map: equal where the map alone knows a model, never less where sources disagree.
    """
    usage, wrong, seen = Usage(9_000, 1_000), [], 0
    for key, rates, entry, row, vendor in priced(model_map):
        theirs = (usage.input_tokens * rates[0] + usage.output_tokens * rates[1]) * 10**12
        found = [table.price(row, NOW.replace(hour=hour)) for hour in (2, 12)]
        ours = max(price.cost(usage) - price.request for price in found if price)
        alone = "l" == (row.get("by") or DATA["vendors"][vendor].get("by"))
        by_mode = "output_cost_per_reasoning_token" in entry
        seen += 1
        if ours < theirs * Decimal("0.98") or (alone and not by_mode and abs(ours - theirs) > 1):
            wrong.append((key, ours, theirs))

    assert (True, []) == (seen > 500, wrong)


def build(directory, entries):
    source, out, disputes = (directory / name for name in ("map.json", "catalog.jsonl", "disputes"))
    source.write_text(json.dumps(entries))
    made = run(
        "--litellm", source, "--litellm-version", "0", "--date", "2026-11-24", "--out", out, "--disputes", disputes
    )
    assert (0, "") == (made.returncode, made.stderr)
    return Catalog(now=NOW.timestamp(), path=out), disputes.read_text()


def find(shelf, name, vendor="groq"):
    return shelf.find(Target("x", f"{vendor}/{name}"), LITELLM)


PLAIN = Price(input=1_000_000, output=2_000_000)
STEP = Rates(input=3_000_000, output=4_000_000)
HALF_STEP = Rates(input=1_500_000, output=2_000_000)
CASES: dict[str, tuple[dict[str, Any], Price | None]] = {
    "dollars a token": ({}, PLAIN),
    "binary noise": ({"input_cost_per_token": 4.5000000000000003e-07}, Price(input=450_000, output=2_000_000)),
    "cache writes that are said to be free": (
        {
            "cache_read_input_token_cost": 1e-07,
            "cache_creation_input_token_cost": 0.0,
            "cache_creation_input_token_cost_above_1hr": 2e-06,
        },
        Price(input=1_000_000, output=2_000_000, cached_input=100_000),
    ),
    "a discount that names no step": (
        {
            "input_cost_per_token_above_200k_tokens": 3e-06,
            "output_cost_per_token_above_200k_tokens": 4e-06,
            "input_cost_per_token_batches": 5e-07,
            "output_cost_per_token_batches": 1e-06,
        },
        Price(
            input=1_000_000,
            output=2_000_000,
            tiers=((200_000, STEP),),
            service={"batch": Price(input=500_000, output=1_000_000, tiers=((200_000, HALF_STEP),))},
        ),
    ),
    "steps as ranges": (
        {
            "input_cost_per_token": None,
            "output_cost_per_token": None,
            "tiered_pricing": [
                {"range": [0, 32000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
                {"range": [32000.0, 128000.0], "input_cost_per_token": 3e-06, "output_cost_per_token": 4e-06},
            ],
        },
        Price(input=1_000_000, output=2_000_000, tiers=((32_000, STEP),)),
    ),
    "dearer by thinking": ({"output_cost_per_reasoning_token": 5e-06}, Price(input=1_000_000, output=5_000_000)),
    "searches at the dearest size": (
        {"search_context_cost_per_query": {"search_context_size_low": 0.005, "search_context_size_high": 0.012}},
        Price(input=1_000_000, output=2_000_000, uses={"web_search": 12 * 10**9}),
    ),
    "0 is no price": ({"input_cost_per_token": 0.0, "output_cost_per_token": 0.0}, None),
    "negative": ({"input_cost_per_token": -1e-06}, None),
    "half a price": ({"output_cost_per_token": None}, None),
    "vectors": ({"mode": "embedding"}, None),
    "gone": ({"deprecation_date": "2026-11-23"}, None),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A table of one map with everything, as a build takes seconds."""
    entries = {f"groq/{name.replace(' ', '-')}": {**CHAT, **entry} for name, (entry, _) in CASES.items()}
    disputed = {**CHAT, "input_cost_per_token": 1e-07, "output_cost_per_token": 9e-06}
    rounded = {**CHAT, "input_cost_per_token": 4.95e-08, "output_cost_per_token": 8e-08}
    return build(
        tmp_path_factory.mktemp("built"),
        {
            "sample_spec": {"mode": "one of: chat"},
            "groq/llama-3.3-70b-versatile": disputed,
            "groq/llama-3.1-8b-instant": rounded,
            **entries,
        },
    )


@pytest.mark.parametrize("name", CASES)
def test_what_litellm_writes_becomes_a_price_or_nothing(built, name):
    """
    Units, steps, service tiers, searches; what is no price is left unknown.
    """
    assert CASES[name][1] == find(built[0], name.replace(" ", "-")).price


def test_sources_that_disagree_make_the_dearer_price(built):
    """
    Rate by rate; money is held and booked at it, what each source says is kept, and the list names it.
    """
    shelf, disputes = built
    found = find(shelf, "llama-3.3-70b-versatile")

    assert (590_000, 9_000_000, None) == (found.price.input, found.price.output, found.price.cached_input)
    assert {
        "genai-prices": Price(input=590_000, output=790_000),
        "litellm": Price(input=100_000, output=9_000_000),
    } == found.by_source
    assert [9_000_000 * 1000 + 590_000] * 2 == [worst_of(found.price, 1, 1000), found.price.cost(Usage(1, 1000))]
    assert [
        "groq/llama-3.3-70b-versatile in: 0.59 | 0.1",
        "groq/llama-3.3-70b-versatile out: 0.79 | 9",
    ] == disputes.splitlines()


def test_rounding_is_no_dispute(built):
    """
    Two digits against three.
    """
    found = find(built[0], "llama-3.1-8b-instant")

    assert (50_000, ("genai-prices", "litellm"), {}) == (found.price.input, found.origin, found.by_source)


def test_a_new_dispute_is_said_when_a_table_is_built(tmp_path):
    """
    The builder prints what the reviewed list lacks, and `--check` fails on it without writing.
    """
    source, out, reviewed = tmp_path / "map.json", tmp_path / "catalog.jsonl", tmp_path / "disputes"
    source.write_text(json.dumps({"groq/llama-3.3-70b-versatile": CHAT}))
    out.write_text('{"date": "2026-11-24"}\n')
    reviewed.write_text("")
    checked = run("--check", "--litellm", source, "--litellm-version", "0", "--out", out, "--disputes", reviewed)

    assert 1 == checked.returncode
    assert "+groq/llama-3.3-70b-versatile in: 0.59 | 1\n" in checked.stdout
    assert "" == reviewed.read_text()
