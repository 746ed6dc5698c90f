"""Rows of the `genai-prices` package (MIT): match rules, prices by date, hour and service tier."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from genai_prices import types as genai
from genai_prices.data import providers

from prices.shape import NOT_CHAT, Record, rate
from prices.vendors import KNOWN_AS, LEFT_OUT, MORE_HOSTS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from prices.litellm import Facts

MILLION = 1_000_000
RATES = {
    "input_mtok": "in",
    "output_mtok": "out",
    "cache_read_mtok": "read",
    "cache_write_mtok": "write",
    "cache_write_1h_mtok": "long",
    "output_reasoning_mtok": "think",
}
EACH = {"requests_kcount": "request", "web_searches_kcount": "search", "storage_searches_kcount": "files"}
# Parts of a prompt or an answer that usage does not tell apart: only a worst case may use them.
TOP = {
    "input_image_mtok": "top_in",
    "output_image_mtok": "top_out",
    "output_video_mtok": "top_out",
    "output_citation_mtok": "top_out",
}
# The contexts that a request or an answer names; others (an upstream's region) only raise the worst case.
CONTEXTS = {"service_tier": None, "speed": None, "processing": None}
PLAIN_HOST = re.compile(r"https://((?:[a-z0-9-]+\\\.)+[a-z]+)(?:\(\?:/\|\$\)|/)?")


def vendors(facts: Facts, today: dt.date) -> Iterator[tuple[str, Record, list[Record]]]:
    """Each vendor: its id, its facts, its models in the library's order (sorting would change what a name means)."""
    for vendor in providers:
        if LEFT_OUT.fullmatch(vendor.id):
            continue
        known_as = clause(vendor.provider_match) if vendor.provider_match else KNOWN_AS.get(vendor.id)
        plain = PLAIN_HOST.fullmatch(vendor.api_pattern)
        more = MORE_HOSTS.get(vendor.id, [])
        head = {
            "name": vendor.name,
            "api": None if plain else vendor.api_pattern,
            "hosts": [plain[1].replace("\\", ""), *more] if plain else more or None,
            "fallback": vendor.fallback_model_providers,
            "known_as": known_as,
        }
        models = [line(vendor.id, model, facts, today) for model in vendor.models]
        yield vendor.id, {key: value for key, value in head.items() if value is not None}, models


def rates(prices: genai.ModelPrice) -> Record:
    """The components of one price."""
    found: Record = {}
    for key, value in vars(prices).items():
        if value is None:
            continue
        if key in EACH:
            found[EACH[key]] = rate(value, 1000)
        elif key in TOP:
            found[TOP[key]] = max(rate(value, MILLION), found.get(TOP[key], 0))
        elif key in RATES and isinstance(value, genai.TieredPrices):
            tiers = [[tier.start, rate(tier.price, MILLION)] for tier in value.tiers]
            found[RATES[key]] = [rate(value.base, MILLION), *tiers]
        elif key in RATES and isinstance(value, Decimal):
            found[RATES[key]] = rate(value, MILLION)
    return found


def constraint(of: genai.ConditionalPrice | genai.PriceVariant, today: dt.date) -> Record:
    """When a price is valid, empty for always (a start that is past counts as always)."""
    match of.constraint:
        case genai.StartDateConstraint(start_date=start):
            return {} if start <= today else {"from": start.isoformat()}
        case genai.TimeOfDateConstraint(start_time=start, end_time=end):
            return {"hours": [f"{start:%H:%M}", f"{end:%H:%M}"]}
        case _:
            return {}


def standard(model: genai.ModelInfo, today: dt.date) -> list[Record]:
    """The prices from today on; the last valid one wins, the first is what is left."""
    if isinstance(model.prices, genai.ModelPrice):
        return [rates(model.prices)]
    entries = [{**constraint(entry, today), **rates(entry.prices)} for entry in model.prices]
    always = [at for at, entry in enumerate(entries) if not {"from", "hours"} & set(entry)]
    return entries[always[-1] :] if always else entries


def variants(model: genai.ModelInfo, today: dt.date) -> Iterator[Record]:
    """Rates by service tier, the first valid one wins for each key."""
    for variant in model.price_variants or ():
        found = rates(variant.prices)
        if len(variant.when) == 1 and set(variant.when) <= set(CONTEXTS) and found:
            yield {"tier": next(iter(variant.when.values())), **constraint(variant, today), **found}


def raise_top(record: Record, model: genai.ModelInfo) -> None:
    """Let the worst case cover the conditions that no answer names."""
    for variant in model.price_variants or ():
        if not set(variant.when) <= set(CONTEXTS):
            dear = rates(variant.prices)
            for kind in ("in", "out"):
                value = dear.get(kind, 0)
                top = max([value[0], *(tier[1] for tier in value[1:])] if isinstance(value, list) else [value])
                if top:
                    record[f"top_{kind}"] = max(top, record.get(f"top_{kind}", 0))


def clause(match: Any) -> Any:
    """A match rule as JSON: a string is equality, a list is any of them, else `{operator: operand}`."""
    ((field, operand),) = vars(match).items()
    if field == "equals":
        return operand.lower()
    if field in {"or_", "and_"}:
        parts = [clause(part) for part in operand]
        return parts if field == "or_" else {"all": parts}
    operator = {"starts_with": "start", "ends_with": "end", "contains": "in", "regex": "re"}[field]
    return {operator: operand if operator == "re" else operand.lower()}


def names(rule: Any) -> Iterator[str]:
    """The names that a rule spells out."""
    if isinstance(rule, str):
        yield rule
    elif isinstance(rule, list):
        for part in rule:
            yield from names(part)


def line(vendor: str, model: genai.ModelInfo, facts: Facts, today: dt.date) -> Record:
    """One model; without prices by the token only its rule, so that no later rule takes its name."""
    rule = clause(model.match)
    prices = standard(model, today)
    if not all("in" in entry and "out" in entry for entry in prices):
        return {"id": model.id} if rule == model.id.lower() else {"id": model.id, "match": rule}
    for entry in prices:
        raise_top(entry, model)
    record = {
        "id": model.id,
        "match": None if rule == model.id.lower() else rule,
        "name": None if not model.name or model.name.lower() == model.id.lower() else model.name,
        "context": model.context_window,
        **facts.find(vendor, dict.fromkeys([model.id.lower(), *names(rule)])),
        "chat": False if NOT_CHAT.search(model.id.lower()) else None,
        "prices": prices,
        "tiers": list(variants(model, today)) or None,
    }
    return {key: value for key, value in record.items() if value is not None}
