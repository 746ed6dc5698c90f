"""
Generate `llmo/data/catalog.json` from two price libraries.

Prices and match rules are those of `genai-prices` (installed, MIT); context windows, output limits,
abilities and shutdown dates those of litellm's model map (MIT), a file inside its wheel:

    pip download --no-deps litellm && unzip litellm-*.whl 'litellm/model_prices*.json'
    python .ci/build_catalog.py --litellm litellm/model_prices_and_context_window_backup.json --litellm-version 1.106.2

Rates are picodollars a token (1000000 = one dollar per million tokens), one model a line.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import re
from decimal import ROUND_CEILING, Decimal
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genai_prices import types as genai
from genai_prices.data import providers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

OUT = Path(__file__).parent.parent / "llmo" / "data" / "catalog.json"
# Not chat, or routes that no profile of llmo addresses by host.
LEFT_OUT = re.compile(
    r"huggingface_.*|elevenlabs|voyageai|cursor|openai-decisions|typesafe|doubleword|quicksilverpro|github-copilot"
)
NOT_CHAT = re.compile(
    r"tts|transcribe|realtime|embed|image|audio|live|voice|moderation|sonic|rerank|ocr|imagen|streaming"
)
RATES = {
    "input_mtok": "in",
    "output_mtok": "out",
    "cache_read_mtok": "read",
    "cache_write_mtok": "write",
    "output_reasoning_mtok": "think",
}
# Parts of a prompt or an answer that usage does not tell apart: only a worst case may use them.
TOP = {
    "input_image_mtok": "top_in",
    "output_image_mtok": "top_out",
    "output_video_mtok": "top_out",
    "output_citation_mtok": "top_out",
}
# The contexts that a request or an answer names; others (an upstream's region) only raise the worst case.
CONTEXTS = {"service_tier": None, "speed": None, "processing": None}
LITELLM = {
    "openai": ("openai",),
    "anthropic": ("anthropic",),
    "google": ("gemini", "vertex_ai-language-models", "vertex_ai"),
    "aws": ("bedrock", "bedrock_converse"),
    "azure": ("azure", "azure_ai"),
    "fireworks": ("fireworks_ai",),
    "together": ("together_ai",),
    "x-ai": ("xai",),
    "moonshotai": ("moonshot",),
}
ABILITIES = {
    "supports_vision": "vision",
    "supports_response_schema": "schema",
    "supports_function_calling": "tools",
    "supports_reasoning": "reasoning",
}
Record = dict[str, Any]


def rate(value: Decimal, per: int = 1_000_000) -> int:
    """Picodollars of one unit; what is finer than that is rounded up."""
    return int((value.scaleb(12) / per).to_integral_value(ROUND_CEILING))


def rates(prices: genai.ModelPrice) -> Record:
    """The rates of one price; a rate with tiers is `[base, [threshold, rate], …]`."""
    found: Record = {}
    for key, value in vars(prices).items():
        if key == "requests_kcount":
            found["request"] = rate(value, 1000)
        elif key in TOP:
            found[TOP[key]] = max(rate(value), found.get(TOP[key], 0))
        elif key in RATES and isinstance(value, genai.TieredPrices):
            found[RATES[key]] = [rate(value.base), *([tier.start, rate(tier.price)] for tier in value.tiers)]
        elif key in RATES and value is not None:
            found[RATES[key]] = rate(value)
    return found


def constraint(of: genai.ConditionalPrice | genai.PriceVariant, today: dt.date) -> Record | None:
    """When a price is valid, empty for always (a start that is past counts as always)."""
    match of.constraint:
        case genai.StartDateConstraint(start_date=start):
            return {} if start <= today else {"from": start.isoformat()}
        case genai.TimeOfDateConstraint(start_time=start, end_time=end):
            return {"hours": [f"{start:%H:%M}", f"{end:%H:%M}"]}
        case _:
            return {}


def prices(model: genai.ModelInfo, today: dt.date) -> list[Record]:
    """The prices from today on; the last valid one wins, the first is what is left."""
    if isinstance(model.prices, genai.ModelPrice):
        return [rates(model.prices)]
    entries = [{**(constraint(entry, today) or {}), **rates(entry.prices)} for entry in model.prices]
    always = [at for at, entry in enumerate(entries) if not {"from", "hours"} & set(entry)]
    return entries[always[-1] :] if always else entries


def variants(model: genai.ModelInfo, today: dt.date) -> Iterator[Record]:
    """Rates by service tier, the first valid one wins for each key."""
    for variant in model.price_variants or ():
        found = rates(variant.prices)
        if len(variant.when) == 1 and set(variant.when) <= set(CONTEXTS) and found:
            yield {"tier": next(iter(variant.when.values())), **(constraint(variant, today) or {}), **found}


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


class Facts:
    """What litellm's map knows of a model."""

    def __init__(self, path: Path) -> None:
        raw = json.loads(path.read_bytes())
        self.entries: dict[tuple[str, str], Record] = {}
        for key, entry in raw.items():
            provider = entry.get("litellm_provider", "")
            if entry.get("mode") in {"chat", "responses", "completion"}:
                name = key.removeprefix(provider.partition("-")[0] + "/").lower()
                self.entries.setdefault((provider, name), entry)
                self.entries.setdefault((provider, name.rpartition("/")[2]), entry)

    def find(self, vendor: str, known_as: Iterable[str]) -> Record:
        """Context, output limit, abilities, shutdown date; empty when unknown."""
        for name in known_as:
            for provider in LITELLM.get(vendor, (vendor,)):
                if entry := self.entries.get((provider, name)):
                    return self.record(entry)
            upstream, slash, rest = name.partition("/")
            if vendor == "openrouter" and slash:
                plain = rest.partition(":")[0]
                if found := self.find(upstream, [plain, plain.replace(".", "-")]):
                    # The same weights, but another host: its limits and its last day are its own.
                    return {"can": found["can"]} if "can" in found else {}
        return {}

    @staticmethod
    def record(entry: Mapping[str, Any]) -> Record:
        """The part of an entry that we keep."""
        found = {
            "context": entry.get("max_input_tokens"),
            "output": entry.get("max_output_tokens"),
            "shutdown": entry.get("deprecation_date"),
            "can": [ability for key, ability in ABILITIES.items() if entry.get(key)],
        }
        return {key: value for key, value in found.items() if value is not None and value != 0}


def line(vendor: str, model: genai.ModelInfo, facts: Facts, today: dt.date) -> Record:
    """One model; without prices by the token only its rule, so that no later rule takes its name."""
    rule = clause(model.match)
    standard = prices(model, today)
    if not all("in" in entry and "out" in entry for entry in standard):
        return {"id": model.id} if rule == model.id.lower() else {"id": model.id, "match": rule}
    for entry in standard:
        raise_top(entry, model)
    record = {
        "id": model.id,
        "match": None if rule == model.id.lower() else rule,
        "name": None if not model.name or model.name.lower() == model.id.lower() else model.name,
        "context": model.context_window,
        **facts.find(vendor, dict.fromkeys([model.id.lower(), *names(rule)])),
        "chat": False if NOT_CHAT.search(model.id.lower()) else None,
        "prices": standard,
        "tiers": list(variants(model, today)) or None,
    }
    return {key: value for key, value in record.items() if value is not None}


def render(head: Record, vendors: Mapping[str, tuple[Record, list[Record]]]) -> str:
    """JSON with one model a line, so that a change of price is a change of one line."""

    def dense(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    parts = []
    for vendor, (facts, models) in sorted(vendors.items()):
        lines = ",\n".join(dense(model) for model in models)
        parts.append(f'{dense(vendor)}:{{{dense(facts)[1:-1]},"models":[\n{lines}\n]}}')
    return dense(head)[:-1] + ',"vendors":{\n' + ",\n".join(parts) + "\n}}\n"


def main() -> None:
    """Write the catalogue."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--litellm", type=Path, required=True, help="litellm's model map")
    parser.add_argument("--litellm-version", required=True)
    parser.add_argument("--date", type=dt.date.fromisoformat, default=dt.datetime.now(dt.UTC).date())
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    facts = Facts(options.litellm)
    vendors = {}
    for vendor in providers:
        if LEFT_OUT.fullmatch(vendor.id):
            continue
        # Rules are tried in the library's order: sorting them would change what a name resolves to.
        models = [line(vendor.id, model, facts, options.date) for model in vendor.models]
        head: Record = {"name": vendor.name, "api": vendor.api_pattern, "fallback": vendor.fallback_model_providers}
        head["known_as"] = clause(vendor.provider_match) if vendor.provider_match else None
        vendors[vendor.id] = ({key: value for key, value in head.items() if value is not None}, models)
    sources = {"genai-prices": version("genai-prices"), "litellm": options.litellm_version}
    options.out.write_text(render({"date": options.date.isoformat(), "sources": sources}, vendors), encoding="utf-8")


if __name__ == "__main__":
    main()
