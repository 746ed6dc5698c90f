"""A profile written down is the profile that is read."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from llmo.config.load import load
from llmo.config.profile import (
    BudgetConfig,
    FallbackConfig,
    OfflineConfig,
    PriceConfig,
    PrivacyConfig,
    Profile,
    ProviderConfig,
    TaskConfig,
    ThresholdsConfig,
)

NAME = st.from_regex(r"[a-z][a-z0-9 .é-]{0,8}", fullmatch=True)
TEXT = st.text(min_size=1, max_size=8)
PATTERN = st.text(st.characters(exclude_characters="?[]", exclude_categories=["Cs"]), min_size=1, max_size=8)
TEXTS = st.lists(TEXT, max_size=2).map(tuple)
USD = st.decimals(0, 1000, places=4).map(str)
COUNT = st.none() | st.integers(1, 10**6)
SECONDS = st.floats(0.001, 1e6)
OFFLINE = st.builds(OfflineConfig, delay=SECONDS, output_usd=USD, fail=st.sampled_from(["none", "cut", "slow"]))
PROVIDER = st.builds(
    ProviderConfig,
    kind=st.sampled_from(["openai", "anthropic", "ollama", "cursor", "offline"]),
    base_url=st.sampled_from([None, "https://h/v1", "http://127.0.0.1:8000"]),
    api_key_env=st.sampled_from([None, "MY_KEY"]),
    api_key_cmd=TEXTS,
    models=TEXTS,
    rpm=COUNT,
    tpm=COUNT,
    local=st.booleans(),
    headers=st.dictionaries(TEXT, TEXT, max_size=2),
    idle_timeout=st.none() | SECONDS,
    offline=OFFLINE,
)
TARGET = st.builds("{}/{}".format, NAME | st.just("*"), PATTERN).filter(lambda text: text == text.strip())
BUDGET = st.builds(
    BudgetConfig,
    name=TEXT,
    limit_usd=USD,
    limit_calls=st.none() | st.integers(0, 9),
    window=st.sampled_from(["run", "day", "total"]),
    match=st.fixed_dictionaries(
        {}, optional={"model": TARGET, "task": st.sampled_from(["simple", "general", "*"]), "tag.team": PATTERN}
    ),
)
PRICE = st.builds(PriceConfig, model=TARGET, input_usd=USD, output_usd=USD, cached_input_usd=st.none() | USD)


@st.composite
def profiles(draw):
    """Any profile that is valid: its targets name its providers."""
    providers = draw(st.dictionaries(NAME, PROVIDER, min_size=1, max_size=3))
    target = st.builds("{}/{}".format, st.sampled_from(sorted(providers)), TEXT)
    targets = st.lists(target, max_size=2).map(tuple)
    return Profile(
        model=draw(st.just("auto") | target),
        timeout=draw(SECONDS),
        retries=draw(st.integers(0, 100)),
        store_texts=draw(st.booleans()),
        timezone=draw(st.sampled_from([None, "Europe/Berlin", "UTC"])),
        providers=providers,
        aliases=draw(st.dictionaries(NAME.filter(lambda name: name != "auto"), target, max_size=2)),
        tasks=draw(st.dictionaries(NAME, st.builds(TaskConfig, primary=targets, secondary=targets), max_size=2)),
        fallback=draw(st.builds(FallbackConfig, local=targets)),
        budgets=tuple(draw(st.lists(BUDGET, max_size=2, unique_by=lambda budget: budget.name))),
        privacy=draw(st.builds(PrivacyConfig, local_only=st.booleans())),
        thresholds=draw(st.builds(ThresholdsConfig, simple=st.floats(0, 1), complex=st.just(1) | st.floats(0, 1))),
        prices=tuple(draw(st.lists(PRICE, max_size=2))),
    )


def written(value):
    """As TOML takes it: there is no null."""
    if isinstance(value, dict):
        return {key: written(inner) for key, inner in value.items() if inner is not None}
    return [written(inner) for inner in value] if isinstance(value, list | tuple) else value


@settings(max_examples=30, deadline=None)
@given(profiles())
def test_a_profile_round_trips(profile):
    """
    Whatever is valid is read as it was meant, cold and from the cache.
    """
    with tempfile.TemporaryDirectory() as directory:
        env = {"LLMO_CONFIG_DIR": directory, "LLMO_CACHE_DIR": directory}
        path = Path(directory) / "p.toml"
        path.write_text(tomli_w.dumps(written(asdict(profile))), "utf-8")

        # `offline` is in every profile, also in those that do not mention it.
        meant = replace(profile, providers={"offline": ProviderConfig(kind="offline"), **profile.providers})
        assert [meant, meant] == [load(str(path), env=env).profile for _ in range(2)]
