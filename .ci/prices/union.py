"""
Both sources as one table, and where they disagree.

A row's `by` is its origin, else its vendor's: nothing for genai-prices, `l` for litellm, `gl` for both. Where both
price a name and differ by more than rounding, every component is at the dearer rate and `says` keeps what each source
says: a hold must cover whichever is right, and a call that is booked for less than it cost lets a cap be passed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from llmo.catalog.table import PriceTable
from prices.litellm import new
from prices.shape import COMPONENTS, TOKENS, Record, dearest, differing, flat, steps

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FACTS = ("context", "output", "shutdown", "can")


class Dispute(NamedTuple):
    """A name that the sources price differently, or its service tier, with the components that differ."""

    vendor: str
    model: str
    tier: str
    genai: Record
    litellm: Record


def joined(
    vendor: str, models: Sequence[Record], theirs: Mapping[str, Record], today: dt.date
) -> tuple[list[Record], list[Dispute]]:
    """The rows of a vendor of both sources: names of their own first, as an exact name is meant before a rule."""
    shelf = PriceTable({vendor: {"models": models}})
    front: list[Record] = []
    back: list[Record] = []
    named: dict[int, list[tuple[str, Record]]] = {}
    for name, row in sorted(theirs.items()):
        found = shelf.find(vendor, name)
        if found is None:
            back += [{**row, "by": "l"}] if new(vendor, row, today) else []
        elif "prices" not in found[0]:
            front += [{**row, "by": "l"}] if new(vendor, row, today) else []
        else:
            named.setdefault(id(found[0]), []).append((name, row))
    disputes: list[Dispute] = []
    rows: list[Record] = []
    for model in models:
        ours, own_names, said = _settled(vendor, model, named.get(id(model), []))
        rows.append(ours)
        front += own_names
        disputes += said
    return [*front, *rows, *back], disputes


def _settled(
    vendor: str, model: Record, known: Sequence[tuple[str, Record]]
) -> tuple[Record, list[Record], list[Dispute]]:
    """A model of genai-prices with what litellm says of its names: the model, rows for single names, disputes."""
    if not known:
        return model, [], []
    apart = [(name, row) for name, row in known if _disagree(model, row["prices"][0])]
    agreed = [row for name, row in known if not _disagree(model, row["prices"][0])]
    disputes = [dispute for _, row in known for dispute in _disputes(vendor, model, row)]
    if not agreed and model["id"].lower() in {name for name, _ in apart}:
        # The model itself is meant, not one alias, so names that only its rule knows follow.
        return _dearer(model, [row for _, row in apart]), [], disputes
    own_names = [
        {
            **_dearer({key: value for key, value in model.items() if key not in {"match", "name"}}, [row]),
            "id": row["id"],
            **{key: row[key] for key in FACTS if key in row},
        }
        for _, row in apart
    ]
    return _completed(model, agreed) if agreed else model, own_names, disputes


def _now(model: Record) -> list[Record]:
    return [price for price in model["prices"] if "from" not in price]


def _disagree(model: Record, theirs: Record) -> bool:
    """No price that holds at some hour of today is theirs."""
    return all(differing(price, theirs) for price in _now(model))


def _dearer(model: Record, rows: Sequence[Record]) -> Record:
    """A model at the dearer rates; what each source says, in the components that differ and the two that all have."""
    ours, theirs = _most(_now(model)), _most(row["prices"][0] for row in rows)
    shown = dict.fromkeys(["in", "out", *differing(ours, theirs)])
    says = {"g": {key: ours[key] for key in shown}, "l": {key: theirs[key] for key in shown}}
    prices = [_plain({**price, **dearest(_spelled(price), _spelled(theirs))}) for price in model["prices"]]
    both = {tier["tier"] for tier in model.get("tiers", ())} & {
        tier["tier"] for row in rows for tier in row.get("tiers", ())
    }
    # A discount that only one of them knows is one on its own price, which may be the wrong one.
    tiers = [tier if tier["tier"] in both else {**tier, **dearest(tier, _most(prices))} for tier in _tiers(model, rows)]
    return {**model, "prices": prices, **({"tiers": tiers} if tiers else {}), "by": "gl", "says": says}


def _spelled(price: Record) -> Record:
    """A price with all that it means: a discount that one source has on its price is none on the other's."""
    return {"read": price["in"], "write": price["in"], **price}


def _plain(price: Record) -> Record:
    """A price without what goes without saying."""
    return {key: value for key, value in price.items() if key not in {"read", "write"} or value != price["in"]}


def _completed(model: Record, rows: Sequence[Record]) -> Record:
    """A model with the components, the ladders and the service tiers that only litellm has."""
    prices = model["prices"]
    if len(prices) == 1:
        theirs = _most(row["prices"][0] for row in rows)
        more = {key: value for key, value in theirs.items() if key in COMPONENTS and key not in prices[0]}
        climbing = {
            key: [
                value,
                *([start, rate] for start, rate in sorted(steps(theirs[key]).items()) if start > 0 and rate > value),
            ]
            for key, value in prices[0].items()
            if flat(value) and not flat(theirs.get(key, 0))
        }
        prices = [{**prices[0], **more, **climbing}]
    tiers = _tiers(model, rows)
    return {**model, "prices": prices, **({"tiers": tiers} if tiers else {}), "by": "gl"}


def _tiers(model: Record, rows: Sequence[Record]) -> list[Record]:
    """Service tiers of both: at the dearer rates where both have one."""
    theirs: dict[str, Record] = {}
    for tier in (tier for row in rows for tier in row.get("tiers", ())):
        theirs[tier["tier"]] = dearest(theirs.get(tier["tier"], tier), tier)
    ours = [{**tier, **dearest(tier, theirs.get(tier["tier"], {}))} for tier in model.get("tiers", ())]
    more = [tier for name, tier in theirs.items() if name not in {one["tier"] for one in ours}]
    return [*ours, *more]


def _most(prices: Iterable[Record]) -> Record:
    found: Record = {}
    for price in prices:
        found = dearest(found, price)
    return found


def _disputes(vendor: str, model: Record, row: Record) -> Iterator[Dispute]:
    theirs = row["prices"][0]
    pairs = [("", _most(_now(model)), theirs)] if _disagree(model, theirs) else []
    tiers = {tier["tier"]: tier for tier in row.get("tiers", ())}
    pairs += [(tier["tier"], tier, tiers[tier["tier"]]) for tier in model.get("tiers", ()) if tier["tier"] in tiers]
    for tier, ours, other in pairs:
        if keys := differing(ours, other):
            yield Dispute(vendor, row["id"], tier, {key: ours[key] for key in keys}, {key: other[key] for key in keys})


def as_text(component: str, value: Any) -> str:
    """Dollars a million tokens, or a use, with the ladder."""
    unit = 10**6 if component in TOKENS else 10**12
    return " ".join(
        (f">{start} " if start > 0 else "") + f"{rate / unit:.6f}".rstrip("0").rstrip(".")
        for start, rate in sorted(steps(value).items())
    )
