"""One request to one target, as it is reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmo.types.messages import CostSource


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """
    One request to one target; `outcome` is "ok" or the error's kind, `cost` picodollars or None.

    Up to `in_doubt` picodollars may be billed beyond the cost: the answer broke off.
    """

    id: str
    provider: str
    model: str
    outcome: str
    error: str | None
    cost: int | None
    cost_source: CostSource
    duration_s: float
    in_doubt: int = 0
