"""One model in a provider's own list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from llmo.catalog.prices import Price
    from llmo.types.messages import Ability


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model as its provider lists it; None is what the list leaves out."""

    id: str
    context: int | None = None
    max_output: int | None = None
    shutdown: str | None = None
    abilities: frozenset[Ability] | None = None
    price: Price | None = None
