"""One request to one target, as it is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.types.dataclass import dataclass
from llmo.types.money import decimal

if TYPE_CHECKING:
    from decimal import Decimal

    from llmo.types.messages import CostSource
    from llmo.types.money import Pico


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """
    One request to one target; `outcome` is "ok" or the kind of its error, the cost None if unknown.

    Up to `in_doubt` may be billed beyond the cost: the answer ended early.
    """

    id: str
    provider: str
    model: str
    outcome: str
    error: str | None
    cost_pico: Pico | None
    cost_source: CostSource
    duration_s: float
    in_doubt_pico: Pico = 0

    @property
    def cost(self) -> Decimal | None:
        """The cost in dollars."""
        return None if self.cost_pico is None else decimal(self.cost_pico)

    @property
    def in_doubt(self) -> Decimal:
        """What is in doubt, in dollars."""
        return decimal(self.in_doubt_pico)
