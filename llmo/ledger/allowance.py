"""What a command may spend at one instant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llmo.ledger.records import Call, Held, passes
from llmo.ledger.refusals import OverBudget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmo.ledger.records import BudgetStatus, Limit
    from llmo.types.money import Pico


def limited(call: Call, limits: Sequence[Limit]) -> bool:
    """Whether a limit of dollars counts a call, so that it must carry an output limit."""
    return call.billing == "metered" and any(limit.usd is not None and limit.counts(call) for limit in limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a command may spend at one instant: its limits with their sums, in the same order."""

    limits: Sequence[Limit] = ()
    statuses: Sequence[BudgetStatus] = ()
    allow_unpriced: bool = False
    run: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def refusal(self, call: Call, amount: Pico | None, *, later: bool = False) -> OverBudget | None:
        """What refuses a hold now; with `later` when living processes have settled theirs."""
        entry = Held(call, amount, tuple(self.limits), self.allow_unpriced)
        for limit, status in zip(self.limits, self.statuses, strict=True):
            if limit.counts(call) and not passes(limit, status.settled if later else status, entry):
                return OverBudget(status, call, amount)
        return None

    def left(self, call: Call) -> Pico | None:
        """What the tightest limit of dollars leaves for a call, None without one."""
        found = [
            status.left
            for limit, status in zip(self.limits, self.statuses, strict=True)
            if status.left is not None and limit.counts(call)
        ]
        return min(found, default=None)
