"""OpenRouter's catalogue and account: models with prices and tiers, and what a key may still spend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.catalog.listing import ListedModel
from llmo.catalog.prices import Price, Rates
from llmo.providers.http import fields
from llmo.types.format import dollars, exact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from llmo.types.messages import Ability
    from llmo.types.money import Pico

OWN = "openrouter/"
ROUTERS = ("auto", "auto-beta", "free", "pareto-code")
"""Choose a model themselves."""
_RATES = {
    "input": "prompt",
    "output": "completion",
    "cached_input": "input_cache_read",
    "cache_write": "input_cache_write",
    "reasoning": "internal_reasoning",
}
_INPUTS = ("prompt", "input_cache_read", "input_cache_write", "input_cache_write_1h")
_OUTPUTS = ("completion", "internal_reasoning")
_CLOCK = ("utc_start", "utc_end")
_PARAMETERS: Mapping[Ability, tuple[str, ...]] = {
    "schema": ("structured_outputs",),
    "tools": ("tools",),
    "reasoning": ("reasoning", "include_reasoning"),
}


def listed(model: dict[str, Any]) -> ListedModel | None:
    """A row of the catalogue; None for what does not chat. OpenRouter's own routers go without its name."""
    name, shape = fields.text(model.get("id")), fields.obj(model.get("architecture"))
    speaks = fields.seq(shape.get("output_modalities"))
    if not name or (speaks and "text" not in speaks):
        return None
    top = fields.obj(model.get("top_provider"))
    return ListedModel(
        _short(name),
        context=fields.count(model.get("context_length")) or fields.count(top.get("context_length")),
        max_output=fields.count(top.get("max_completion_tokens")),
        shutdown=fields.text(model.get("expiration_date"))[:10] or None,
        abilities=_abilities(model, shape),
        price=price(fields.obj(model.get("pricing"))),
    )


def _short(name: str) -> str:
    """`openrouter/auto` is asked for as the provider's `auto`, so that the word stands once in a target."""
    return own if (own := name.removeprefix(OWN)) in ROUTERS else name


def _abilities(model: dict[str, Any], shape: dict[str, Any]) -> frozenset[Ability] | None:
    takes = fields.seq(model.get("supported_parameters"))
    if not takes:
        return None
    found: set[Ability] = {can for can, names in _PARAMETERS.items() if any(name in takes for name in names)}
    return frozenset(found | ({"vision"} if "image" in fields.seq(shape.get("input_modalities")) else set()))


def price(pricing: dict[str, Any]) -> Price | None:
    """
    What a model costs; None when it is not told, or varies (`-1`, the routers).

    Of the overrides those by size become tiers. Those by the hour are prices that some call may
    meet, so they count for the worst case.
    """
    amounts = _amounts(pricing)
    rates = _rates(amounts)
    if rates is None:
        return None
    known: dict[str, Any] = {name: getattr(rates, name) for name in _RATES}
    tiers = tuple(_tiers(amounts, pricing))
    return Price(**known, request=amounts.get("request", 0), tiers=tiers, peak=_peak(pricing), source="refreshed")


def _amounts(pricing: Mapping[str, Any]) -> dict[str, Pico]:
    found = {key: fields.dollars(value) for key, value in pricing.items()}
    return {key: amount for key, amount in found.items() if amount is not None}


def _rates(amounts: Mapping[str, Pico]) -> Rates | None:
    if "prompt" not in amounts or "completion" not in amounts:
        return None
    given: dict[str, Any] = {name: amounts.get(key) for name, key in _RATES.items()}
    # 0 here is "not charged apart", as most rows say it.
    given["reasoning"] = given["reasoning"] or None
    return Rates(**given)


def _overrides(pricing: Mapping[str, Any], *, timed: bool) -> Iterator[dict[str, Any]]:
    for override in fields.seq(pricing.get("overrides")):
        if isinstance(override, dict) and timed == any(key in override for key in _CLOCK):
            yield override


def _tiers(amounts: Mapping[str, Pico], pricing: Mapping[str, Any]) -> Iterator[tuple[int, Rates]]:
    """Rates from each size on: what an override leaves out stays, later ones win."""
    sized = [(fields.count(one.get("min_prompt_tokens")), one) for one in _overrides(pricing, timed=False)]
    for size in sorted({size for size, _ in sized if size is not None}):
        merged = dict(amounts)
        for least, one in sized:
            if least is not None and least <= size:
                merged |= _amounts(one)
        rates = _rates(merged)
        if rates is not None:
            yield size, rates


def _peak(pricing: Mapping[str, Any]) -> tuple[Pico, Pico]:
    """The dearest rates that may come without the usage telling: an hour of the day, a cache kept for an hour."""
    rows = [_amounts(pricing), *map(_amounts, _overrides(pricing, timed=True))]
    return (
        max((row.get(key, 0) for row in rows for key in _INPUTS), default=0),
        max((row.get(key, 0) for row in rows for key in _OUTPUTS), default=0),
    )


def key(data: dict[str, Any]) -> str:
    """What `GET /key` tells, in one line."""
    left, most, used = (fields.dollars(data.get(name)) for name in ("limit_remaining", "limit", "usage"))
    parts = [f"key {fields.text(data.get('label')) or 'accepted'}"]
    if most is not None:
        again = fields.text(data.get("limit_reset"))
        parts.append(f"{dollars(left, down=True)} left of {exact(most)}" + (f" ({again})" if again else ""))
    else:
        parts.append("no limit of its own")
    parts += [f"{dollars(used)} used"] if used is not None else []
    parts += ["free tier: 50 requests per day on :free models"] if data.get("is_free_tier") is True else []
    until = fields.text(data.get("expires_at"))
    return ", ".join(parts + ([f"expires {until[:10]}"] if until else []))
