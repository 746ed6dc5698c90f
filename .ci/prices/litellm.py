"""
Rows of litellm's model map (MIT): one JSON file inside its wheel, a key a model, dollars a token.

What its numbers hold that is no price: 0 means unknown as often as free, `sample_spec` is documentation, and a last day
that is past means that nobody answers.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from prices.shape import NOT_CHAT, Record, dearer, dearest, raised, rate
from prices.vendors import MORE, MORE_PATTERNS, PROVIDERS, regional

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

FIELDS = {
    "in": "input_cost_per_token",
    "out": "output_cost_per_token",
    "read": "cache_read_input_token_cost",
    "write": "cache_creation_input_token_cost",
    "long": "cache_creation_input_token_cost_above_1hr",
    "think": "output_cost_per_reasoning_token",
}
STEP = re.compile(r"_above_(\d+)k_tokens")
SUFFIXES = {
    "batch": "_batches",
    "priority": "_priority",
    "flex": "_flex",
    "balanced": "_balanced",
    "ultrafast": "_ultrafast",
}
"""Service tiers, as answers name them."""
SEARCHES = ("search_context_size_low", "search_context_size_medium", "search_context_size_high")
ABILITIES = {
    "supports_vision": "v",
    "supports_response_schema": "s",
    "supports_function_calling": "t",
    "supports_reasoning": "r",
}


def read(path: Path) -> dict[str, Record]:
    """The map's entries for chat."""
    raw: dict[str, Record] = json.loads(path.read_bytes(), parse_float=_exact, parse_int=Decimal)
    return {key: entry for key, entry in raw.items() if entry.get("mode") in {"chat", "responses"}}


def _exact(text: str) -> Decimal:
    """The number that was meant: some were written by a program that reckons in binary (`4.5000000000000003e-07`)."""
    return Decimal(f"{Decimal(text):.12g}")


def rows(entries: Mapping[str, Record]) -> dict[str, dict[str, Record]]:
    """By vendor and by name: a row with `prices`, `tiers` and facts."""
    ours = {provider: vendor for vendor, providers in PROVIDERS.items() for provider in providers}
    found: dict[str, dict[str, Record]] = {}
    for key, entry in entries.items():
        provider = entry["litellm_provider"]
        vendor = ours.get(provider, provider)
        prefix, _, rest = key.partition("/")
        name = rest if prefix in {provider, provider.partition("-")[0]} else key
        alias = vendor == "fireworks" and not name.startswith("accounts/")  # litellm's own short names
        if alias or NOT_CHAT.search(name.lower()):
            continue
        if row := _row(vendor, name, entry):
            shelf = found.setdefault(vendor, {})
            if known := shelf.get(name.lower()):
                # Two routes to one name (Gemini's API and Vertex, two kinds of Azure): the dearer one.
                row = {**known, "prices": [dearest(known["prices"][0], row["prices"][0])]}
            shelf[name.lower()] = {"id": name, **row}
    return found


def facts(entry: Mapping[str, Any]) -> Record:
    """Context, output limit, abilities, shutdown date."""
    found = {
        "context": _count(entry.get("max_input_tokens")),
        "output": _count(entry.get("max_output_tokens")),
        "shutdown": entry.get("deprecation_date"),
        # An entry that names no ability at all knows nothing of them.
        "can": "".join(letter for key, letter in ABILITIES.items() if entry.get(key))
        if ABILITIES.keys() & entry
        else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, Decimal) and value > 0 else None


def _row(vendor: str, name: str, entry: Record) -> Record | None:
    standard = _price(entry)
    if not {"in", "out"} <= set(standard):
        return None
    sizes = entry.get("search_context_cost_per_query") or {}
    if search := max(Decimal(sizes.get(size, 0)) for size in SEARCHES):
        # Perplexity's models search for every question; only deep research counts its searches.
        always = vendor == "perplexity" and "sonar" in name and "research" not in name
        standard["request" if always else "search"] = rate(search)
    tiers = [{"tier": name, **price} for name, suffix in SUFFIXES.items() if (price := _tier(entry, suffix, standard))]
    return {"prices": [standard], **({"tiers": tiers} if tiers else {}), **facts(entry)}


def _tier(entry: Record, suffix: str, standard: Record) -> Record:
    price = _price(entry, suffix)
    return (
        {key: raised(value, standard.get(key, 0)) for key, value in price.items()}
        if {"in", "out"} <= set(price)
        else {}
    )


def _price(entry: Record, suffix: str = "") -> Record:
    """The components of a service tier; those of value 0 are unknown."""
    found = {key: ladder for key, field in FIELDS.items() if (ladder := _ladder(entry, field, suffix))}
    if "think" in found and (by_mode := dearer(found["out"], found["think"])) != found["out"]:
        # Dearer with thoughts is a price by mode: an answer that thought pays it for every token.
        found["out"] = by_mode
        del found["think"]
    if (each := entry.get("input_cost_per_request")) and not suffix:
        found["request"] = rate(each)
    return found


def _ladder(entry: Record, field: str, suffix: str) -> Any:
    steps = dict(_steps(entry, field, suffix))
    if not (base := steps.pop(0, 0)):
        return None
    rest = [[start, value] for start, value in sorted(steps.items()) if value > 0]
    return [base, *rest] if rest else base


def _steps(entry: Record, field: str, suffix: str) -> Iterator[tuple[int, int]]:
    for key, value in entry.items():
        middle = key.removeprefix(field).removesuffix(suffix) if suffix else key.removeprefix(field)
        if not key.startswith(field) or not key.endswith(suffix) or not isinstance(value, Decimal) or value <= 0:
            continue
        if not middle:
            yield 0, rate(value)
        elif step := STEP.fullmatch(middle):
            yield int(step[1]) * 1000, rate(value)
    if not suffix:
        for tier in entry.get("tiered_pricing") or ():
            if "range" in tier and field in tier:
                yield int(tier["range"][0]), rate(tier[field])


def new(vendor: str, row: Record, today: dt.date) -> bool:
    """Whether a row counts where nothing else prices its name: a model that is gone, or a region's, does not."""
    return row.get("shutdown", "9999") >= today.isoformat() and not regional(vendor, row["id"])


def heads() -> Iterator[tuple[str, Record]]:
    """The vendors that only this map prices."""
    for vendor, (name, hosts) in MORE.items():
        yield vendor, {"name": name, "hosts": hosts, "by": "l"}
    for vendor, (name, pattern) in MORE_PATTERNS.items():
        yield vendor, {"name": name, "api": pattern, "by": "l"}


class Facts:
    """What the map knows of models that genai-prices prices."""

    def __init__(self, entries: Mapping[str, Record]) -> None:
        self.entries: dict[tuple[str, str], Record] = {}
        for key, entry in entries.items():
            provider = entry["litellm_provider"]
            name = key.removeprefix(provider.partition("-")[0] + "/").lower()
            self.entries.setdefault((provider, name), entry)
            self.entries.setdefault((provider, name.rpartition("/")[2]), entry)

    def find(self, vendor: str, known_as: Iterable[str]) -> Record:
        """Context, output limit, abilities, shutdown date; empty when unknown."""
        for name in known_as:
            for provider in PROVIDERS.get(vendor, (vendor,)):
                if entry := self.entries.get((provider, name)):
                    return facts(entry)
            upstream, slash, rest = name.partition("/")
            if vendor == "openrouter" and slash:
                plain = rest.partition(":")[0]
                if found := self.find(upstream, [plain, plain.replace(".", "-")]):
                    # The same weights, but another host: its limits and its last day are its own.
                    return {"can": found["can"]} if "can" in found else {}
        return {}
