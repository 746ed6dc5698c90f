"""One request to one target, as it is reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmo.types.money import ZERO, pico

if TYPE_CHECKING:
    from decimal import Decimal

    from llmo.types.messages import CostSource
    from llmo.types.money import Pico


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """
    One request to one target; `outcome` is "ok" or the kind of its error, `cost` dollars or None if unknown.

    Up to `in_doubt` dollars may be billed beyond the cost: the answer ended early.
    """

    id: str
    provider: str
    model: str
    outcome: str
    error: str | None
    cost: Decimal | None
    cost_source: CostSource
    duration_s: float
    in_doubt: Decimal = ZERO

    @property
    def cost_pico(self) -> Pico | None:
        """The cost in picodollars."""
        return None if self.cost is None else pico(self.cost)

    @property
    def in_doubt_pico(self) -> Pico:
        """What is in doubt, in picodollars."""
        return pico(self.in_doubt)
