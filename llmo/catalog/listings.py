"""What providers said of their models when they were last asked: `llmo models --refresh` keeps it, plans read it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from llmo.catalog.listing import ListedModel
from llmo.catalog.prices import Price, Rates
from llmo.types import jsontext

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_RATES = ("input", "output", "cached_input", "cache_write", "reasoning")


class Told(NamedTuple):
    """A provider's own list, and the day it is of."""

    day: str
    models: Mapping[str, ListedModel]


NOTHING = Told("", {})


def place(directory: Path, provider: str) -> Path:
    """The file of a provider."""
    return directory / f"{provider.replace('/', '_')}.json"


class Refreshed:
    """The lists of a directory; each is read when it is first asked for."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.of = cache(self._of)

    def _of(self, provider: str, address: str) -> Told:
        """What a provider said at this address."""
        try:
            body = json.loads(place(self._directory, provider).read_bytes())
            if body["base_url"] != address:
                return NOTHING
            day = datetime.fromtimestamp(body["at"], UTC).date().isoformat()
            return Told(day, {one["id"]: _listed(one) for one in body["models"]})
        except (OSError, OverflowError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return NOTHING  # a cache: what cannot be read is as good as absent


def written(models: Sequence[ListedModel], address: str, *, now: float) -> bytes:
    """A list as it is kept."""
    rows = [_row(one) for one in models]
    return jsontext.write({"base_url": address, "at": now, "models": rows}).encode()


def _row(one: ListedModel) -> dict[str, Any]:
    return {
        "id": one.id,
        "context": one.context,
        "max_output": one.max_output,
        "shutdown": one.shutdown,
        "abilities": None if one.abilities is None else sorted(one.abilities),
        "price": None if one.price is None else _price_row(one.price),
    }


def _price_row(price: Price) -> dict[str, Any]:
    rates = {name: getattr(price, name) for name in _RATES}
    return {**rates, "request": price.request, "peak": price.peak, "tiers": [(n, asdict(at)) for n, at in price.tiers]}


def _listed(row: Mapping[str, Any]) -> ListedModel:
    can, price = row.get("abilities"), row.get("price")
    return ListedModel(
        row["id"],
        context=row["context"],
        max_output=row["max_output"],
        shutdown=row["shutdown"],
        abilities=None if can is None else frozenset(can),
        price=None if price is None else _price(price),
    )


def _price(row: Mapping[str, Any]) -> Price:
    tiers = tuple((above, Rates(**rates)) for above, rates in row["tiers"])
    own = {name: row[name] for name in _RATES}
    peak = (row["peak"][0], row["peak"][1])
    return Price(**own, request=row["request"], tiers=tiers, peak=peak, source="refreshed")
