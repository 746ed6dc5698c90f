"""Models as objects for programs and rows for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmo.render import tables
from llmo.render.screen import visible
from llmo.render.wrapping import hanging
from llmo.types.dataclass import dataclass, field
from llmo.types.format import UNPRICED, exact
from llmo.types.money import usd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.catalog.prices import Price
    from llmo.types.messages import Ability, Billing, Target

HEAD = ("model", "in", "cached", "out", "context", "shutdown", "note")
SHORT = ("model", "in", "cached", "out", "context", "ready", "note")
"""Where lines are short, the reason why a provider is not ready is told once."""
RIGHT = ("in", "cached", "out", "context")
BELOW = ("note", "cached", "ready", "context", "in")
"""Columns that a narrow terminal does without, in this order."""
MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SortStep:
    """Rates above a number of input tokens, in picodollars a token."""

    above: int
    input: int
    output: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A model at a provider of the profile; rates in picodollars a token, None is unknown."""

    target: Target
    billing: Billing
    local: bool
    not_ready: str | None
    input: int | None = None
    output: int | None = None
    cached_input: int | None = None
    cache_write: int | None = None
    request: int = 0
    steps: tuple[SortStep, ...] = ()
    source: str | None = None
    price_date: str | None = None
    context: int | None = None
    max_output: int | None = None
    abilities: frozenset[Ability] | None = None
    shutdown: str | None = None
    retired: bool = False
    name: str | None = None
    origin: tuple[str, ...] = ()
    said: Mapping[str, Price] = field(default_factory=dict)


def as_object(of: Offer) -> dict[str, Any]:
    """One model; prices are dollars per million tokens, null when unknown."""
    return {
        "provider": of.target.provider,
        "model": of.target.model,
        "name": of.name,
        "ready": of.not_ready is None,
        "why": of.not_ready,
        "local": of.local,
        "billing": of.billing,
        "price": _price(of),
        "price_source": of.source,
        "price_date": of.price_date,
        "price_origin": list(of.origin),
        "sources_disagree": {source: _said(rates) for source, rates in of.said.items()} or None,
        "context": of.context,
        "max_output": of.max_output,
        "supports": None if of.abilities is None else sorted(of.abilities),
        "shutdown": of.shutdown,
    }


def as_table(offers: Sequence[Offer], date: str, *, width: int | None = None, bold: bool = False) -> str:
    """A row a model, and what the numbers are; in at most `width` columns."""
    if not offers:
        return ""
    waiting = [place for place, one in enumerate(offers) if one.not_ready is not None]
    rows = [_row(one) for one in offers]
    told = _told(offers, date)
    if width is None or tables.widest(HEAD, rows) <= width:
        table = tables.folded(HEAD, rows, right=RIGHT, bold=bold, dim=waiting)
    else:
        mixed = 0 < len(waiting) < len(offers)
        head, short = tables.filled(SHORT, [_short_row(one, mixed=mixed) for one in offers])
        table = tables.folded(head, short, right=RIGHT, below=BELOW, width=width, bold=bold, dim=waiting)
        told = [*_reasons(offers), *told]
    lines = told if width is None else [part for line in told for part in hanging(line, width, indent=2)]
    return "\n".join([table, *(visible(line) for line in lines), ""])


def _told(offers: Sequence[Offer], date: str) -> list[str]:
    asked = sorted({(one.target.provider, one.price_date) for one in offers if one.source == "refreshed"})
    newer = "".join(f"; {provider} as of {day}" for provider, day in asked)
    dearer = "where sources disagree, the higher rate counts; override it with a [[prices]] entry"
    told = [f"prices: dollars per million tokens, table of {date}{newer}"]
    return [*told, dearer] if any(one.said for one in offers) else told


def _reasons(offers: Sequence[Offer]) -> list[str]:
    """Why providers are not ready, each once."""
    return [
        f"not ready: {provider}: {why}"
        for provider, why in dict.fromkeys((one.target.provider, one.not_ready) for one in offers)
        if why is not None
    ]


def summary(billing: Billing, price: Price | None, context: int | None) -> str:
    """A model in a few words: `$1.25 in, $10.00 out per million, 400k context`."""
    flat = UNPRICED.get(billing)
    rates = price and f"{exact(price.input * MILLION)} in, {exact(price.output * MILLION)} out per million"
    window = "" if context is None else f", {_short(context)} context"
    return f"{flat or rates or 'price unknown'}{window}"


def _short(tokens: int) -> str:
    if tokens >= 999_500:  # noqa: PLR2004 - rounds to 1M
        return f"{tokens / 1e6:.3g}M"
    return f"{tokens / 1000:.0f}k" if tokens >= 1000 else str(tokens)  # noqa: PLR2004 - one k


def _said(price: Price) -> dict[str, str]:
    """What a source says: input, output, and whatever else it differs in."""
    return {
        f"{name}_usd": usd(rate * unit)
        for name, (rate, unit) in _components(price).items()
        if rate or name in {"input", "output"}
    }


def _components(price: Price) -> dict[str, tuple[int, int]]:
    """A rate and the number of units that it is shown for; 0 is also what a price does not name."""
    tokens = {name: (getattr(price, name) or 0, MILLION) for name in ("input", "output", "cached_input", "cache_write")}
    return {**tokens, "request": (price.request, 1), **{name: (rate, 1) for name, rate in price.uses.items()}}


def _disagreement(said: Mapping[str, Price]) -> str:
    """Each component that differs, source by source."""
    if not said:
        return ""
    columns = [_components(price) for price in said.values()]
    differing = [name for name in columns[0] if len({column[name][0] for column in columns}) > 1]
    parts = [
        f"{name} {' / '.join(exact(rate * unit) for rate, unit in (one[name] for one in columns))}"
        for name in differing
    ]
    return f"{' / '.join(said)} disagree: {', '.join(parts).replace('_', ' ')}"


def _price(of: Offer) -> dict[str, Any] | None:
    if of.input is None or of.output is None:
        return None
    return {
        "input_usd": usd(of.input * MILLION),
        "output_usd": usd(of.output * MILLION),
        "cached_input_usd": None if of.cached_input is None else usd(of.cached_input * MILLION),
        "cache_write_usd": None if of.cache_write is None else usd(of.cache_write * MILLION),
        "request_usd": usd(of.request),
        "tiers": [
            {
                "above_input_tokens": step.above,
                "input_usd": usd(step.input * MILLION),
                "output_usd": usd(step.output * MILLION),
            }
            for step in of.steps
        ],
    }


def _row(of: Offer) -> tuple[str, ...]:
    context = "" if of.context is None else f"{of.context:,}"
    notes = "; ".join(filter(None, [of.not_ready, _disagreement(of.said)]))
    return (str(of.target), *_rates(of), context, of.shutdown or "", notes)


def _short_row(of: Offer, *, mixed: bool) -> tuple[str, ...]:
    context = "" if of.context is None else _short(of.context)
    ready = ("yes" if of.not_ready is None else "no") if mixed else ""
    until = of.shutdown and f"shutdown {of.shutdown}"
    return (str(of.target), *_rates(of), context, ready, "; ".join(filter(None, (until, _disagreement(of.said)))))


def _rates(of: Offer) -> tuple[str, ...]:
    flat = UNPRICED.get(of.billing)
    return (flat, "", flat) if flat else tuple(_rate(rate, of) for rate in (of.input, of.cached_input, of.output))


def _rate(rate: int | None, of: Offer) -> str:
    if rate is None:
        return "unknown" if of.input is None else ""
    return exact(rate * MILLION) + ("+" if of.steps else "")
