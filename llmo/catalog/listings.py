"""The model lists that providers gave when last asked: `llmo models --refresh` keeps them, plans read them."""

from __future__ import annotations

import json
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


class ModelList(NamedTuple):
    """A provider's own list, and the day it was given."""

    day: str
    models: Mapping[str, ListedModel]


NO_LIST = ModelList("", {})


def path_of(directory: Path, provider: str) -> Path:
    """The file of a provider."""
    return directory / f"{provider.replace('/', '_')}.json"


class ModelLists:
    """The lists in a directory, each read when first asked for."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.of = cache(self._of)

    def _of(self, provider: str, address: str) -> ModelList:
        """The list that a provider gave at this address."""
        try:
            body = json.loads(path_of(self._directory, provider).read_bytes())
            if body["base_url"] != address:
                return NO_LIST
            day = datetime.fromtimestamp(body["at"], UTC).date().isoformat()
            return ModelList(day, {one["id"]: _listed(one) for one in body["models"]})
        except (OSError, OverflowError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return NO_LIST  # a cache: what cannot be read is as good as absent


def encoded(models: Sequence[ListedModel], address: str, *, now: float) -> bytes:
    """A list as its file holds it."""
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
    from dataclasses import asdict

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
