"""What a LiteLLM proxy knows of its models: prices, windows, abilities; null is unknown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llmo.catalog.listing import ListedModel
from llmo.catalog.prices import Price, Rates
from llmo.providers.http.fields import count, dollars, obj, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from llmo.types.messages import Ability

_RATES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "reasoning": "output_cost_per_reasoning_token",
}
_ABILITIES: Mapping[Ability, str] = {
    "vision": "supports_vision",
    "schema": "supports_response_schema",
    "tools": "supports_function_calling",
    "reasoning": "supports_reasoning",
}
_STEP = re.compile(r"_above_(\d+)k_tokens")


def known(deployments: Sequence[Any]) -> dict[str, list[dict[str, Any]]]:
    """What is known of each model: several deployments may share a name."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in map(obj, deployments):
        found.setdefault(text(row.get("model_name")), []).append(row)
    return found


def listed(model: dict[str, Any], deployments: Mapping[str, Sequence[dict[str, Any]]]) -> ListedModel:
    """A model as the proxy lists it; of several deployments the dearest, the smallest, the least able."""
    behind = deployments.get(model["id"], ())
    about = [obj(row.get("model_info")) for row in behind]
    prices = [price(row) for row in behind]
    priced = [one for one in prices if one is not None]
    return ListedModel(
        model["id"],
        context=_least(count(one.get("max_input_tokens")) for one in [model, *about]),
        max_output=_least(count(one.get("max_output_tokens")) for one in [model, *about]),
        abilities=frozenset.intersection(*map(_abilities, about)) if any("mode" in one for one in about) else None,
        price=dearest(priced) if len(priced) == len(behind) else None,
    )


def _least(values: Iterable[int | None]) -> int | None:
    return min((value for value in values if value), default=None)


def _abilities(about: dict[str, Any]) -> frozenset[Ability]:
    return frozenset(can for can, key in _ABILITIES.items() if about.get(key) is True)


def price(deployment: dict[str, Any]) -> Price | None:
    """
    What a deployment costs; None when the proxy doesn't know.

    It fills unknown prices with 0 here and there, so that both being 0 counts only where its
    configuration says so.
    """
    about, own = obj(deployment.get("model_info")), obj(deployment.get("litellm_params"))
    rates = _rates(about, "")
    if rates is None or (rates.input == rates.output == 0 and not own.keys() & _RATES.values()):
        return None
    steps = {int(found[1]) for key in about if (found := _STEP.search(key))}
    tiers = [(step * 1000, _rates(about, f"_above_{step}k_tokens")) for step in sorted(steps)]
    fields: dict[str, Any] = {name: getattr(rates, name) for name in _RATES}
    request = dollars(about.get("input_cost_per_request")) or 0
    stepped = tuple((above, at) for above, at in tiers if at is not None and at != rates)
    return Price(**fields, request=request, tiers=stepped, source="refreshed")


def _rates(about: Mapping[str, Any], ending: str) -> Rates | None:
    """The rates with an ending to their names; where one has none, the plain one."""
    found: dict[str, Any] = {}
    for name, key in _RATES.items():
        own = dollars(about.get(key + ending))
        found[name] = dollars(about.get(key)) if own is None else own
    return None if found["input"] is None or found["output"] is None else Rates(**found)


def dearest(prices: Sequence[Price]) -> Price | None:
    """One price for deployments that share a name: the dearest base, and all of them in the worst case."""
    if not prices:
        return None
    first = max(prices, key=lambda one: (one.output, one.input))
    tops = [one.dearest for one in prices]
    tops += [rates.dearest for one in prices for _, rates in one.tiers if one is not first]
    peak = (max(top[0] for top in tops), max(top[1] for top in tops))
    return Price(
        input=first.input,
        output=first.output,
        cached_input=first.cached_input,
        cache_write=first.cache_write,
        reasoning=first.reasoning,
        request=max(one.request for one in prices),
        tiers=first.tiers,
        peak=peak,
        source="refreshed",
    )
