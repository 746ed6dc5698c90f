"""What a command may spend, as of one instant: limits with their sums, to plan with before a hold is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.ledger.records import MAX_COST, Call, Held, Limit, passes
from llmo.ledger.refusals import OverBudget
from llmo.types.dataclass import dataclass, field
from llmo.types.money import parse_usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from llmo.config.profile import Profile
    from llmo.ledger.records import BudgetStatus
    from llmo.types.money import Pico


def limits(profile: Profile, max_cost: str | None = None) -> tuple[Limit, ...]:
    """All limits of a command: the profile's budgets, its providers' calls per day, and `--max-cost` in dollars."""
    found = [Limit.of(budget) for budget in profile.budgets]
    for name, provider in profile.providers.items():
        if (most := provider.max_calls_per_day) is not None:
            where = {"provider": name}
            found.append(Limit(name=f"{name}.max_calls_per_day", calls=most, window="day", match=where))
    if max_cost is not None:
        found.append(Limit(name=MAX_COST, usd=parse_usd(max_cost), window="run"))
    return tuple(found)


def limited(call: Call, limits: Sequence[Limit]) -> bool:
    """Whether a dollar limit applies to a call; its request must then have an output limit."""
    if call.billing != "metered":
        return False
    for limit in limits:  # noqa: SIM110 - `any` takes three times as long
        if limit.usd is not None and limit.counts(call):
            return True
    return False


def tightest(call: Call, limits: Sequence[Limit], left: Iterable[Pico | None]) -> Pico | None:
    """The least of what the limits have `left`, in picodollars, of those that apply to a call; None where none does."""
    least: Pico | None = None
    for limit, room in zip(limits, left, strict=True):
        if room is not None and (least is None or room < least) and limit.counts(call):
            least = room
    return least


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """The limits of a command with their sums at one instant, in the same order."""

    limits: Sequence[Limit] = ()
    statuses: Sequence[BudgetStatus] = ()
    allow_unpriced: bool = False
    run: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def refusal(self, call: Call, amount: Pico | None, *, later: bool = False) -> OverBudget | None:
        """What would refuse a hold of `amount` now; with `later`, after running processes have settled at zero."""
        entry = Held(call, amount, tuple(self.limits), self.allow_unpriced)
        for limit, status in zip(self.limits, self.statuses, strict=True):
            if limit.counts(call) and not passes(limit, status.settled if later else status, entry):
                return OverBudget(status, call, amount)
        return None

    def left(self, call: Call) -> Pico | None:
        """Picodollars that the tightest dollar limit leaves for a call; None when none applies."""
        return tightest(call, self.limits, (status.left for status in self.statuses))
