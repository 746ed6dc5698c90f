"""A dollar cap on one request, beside all budgets; its attempts are sequential, so the cap is counted in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.ledger.accounts import Account, Hold
from llmo.ledger.records import MAX_COST, BudgetStatus, Call, Released, Settled
from llmo.ledger.refusals import OverBudget

if TYPE_CHECKING:
    from llmo.types.money import Pico


class CappedAccount(Account):
    """Another account with one more limit; entries are applied by that account, and its owner closes it."""

    def __init__(self, account: Account, cap: Pico) -> None:
        super().__init__(account.ledger, account.limits, allow_unpriced=account.allow_unpriced)
        self._account, self._cap = account, cap
        self._spent = self._in_doubt = 0
        self._held: dict[str, Pico] = {}

    def limited(self, call: Call) -> bool:
        """Whether a dollar limit applies to a call: the cap does to all that are metered."""
        return call.billing == "metered" or self._account.limited(call)

    def share(self, call: Call) -> Pico | None:
        """The share of the other account: nothing else uses this cap."""
        return self._account.share(call)

    async def hold(self, call: Call, worst: Pico | None, *, least: Pico | None = None, patience: float = 0.0) -> Hold:
        """Reserve the worst-case cost of a call under the cap and under the budgets, or under neither."""
        if call.billing == "metered" and not self._passes(worst):
            raise OverBudget(self._status, call, worst)
        hold = await self._account.hold(call, worst, least=least, patience=patience)
        self._held[hold.id] = worst or 0
        return Hold(hold.id, self)

    async def end(self, entry: Settled | Released) -> None:
        """Settle or release a hold; an unknown cost counts as the held amount."""
        held = self._held.pop(entry.id, 0)
        if isinstance(entry, Settled):
            cost = entry.settlement.cost
            self._spent += held if cost is None else cost
            self._in_doubt += entry.settlement.in_doubt
        await self._account.end(entry)

    async def close(self) -> None:
        """Do nothing: the owner of the other account closes it."""

    def _passes(self, worst: Pico | None) -> bool:
        if worst is None:
            return self.allow_unpriced
        return self._spent + self._in_doubt + sum(self._held.values()) + worst <= self._cap

    @property
    def _status(self) -> BudgetStatus:
        return BudgetStatus(
            name=MAX_COST,
            window="run",
            limit_usd=self._cap,
            spent=self._spent,
            held=sum(self._held.values()),
            in_doubt=self._in_doubt,
            limit_calls=None,
            calls=0,
            resets_at=None,
        )
