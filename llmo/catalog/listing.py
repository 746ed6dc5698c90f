"""A model as a provider's own list names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmo.catalog.prices import Price
    from llmo.types.messages import Ability


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model as a provider's own catalogue names it; None where it is silent."""

    id: str
    context: int | None = None
    max_output: int | None = None
    shutdown: str | None = None
    abilities: frozenset[Ability] | None = None
    price: Price | None = None
