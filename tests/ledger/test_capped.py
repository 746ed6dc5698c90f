"""A cap over one call: its attempts share it, and nothing else counts there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from llmo.ledger.accounts import DirectAccount
from llmo.ledger.capped import CappedAccount
from llmo.ledger.records import MAX_COST, BudgetStatus, Call, Limit, Settled, Settlement
from llmo.ledger.refusals import OverBudget
from tests import virtual

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from llmo.ledger.sql.ledger import SqlLedger
    from tests.ledger.storages import Storage

DAY = Limit(name="day", usd=1000, window="day")
CAP = 100


@pytest.fixture
def ledger(storage: Storage) -> Iterator[SqlLedger]:
    book = storage.ledger(virtual.VirtualClock())
    yield book
    book.close()


def call(identifier: str, **facts: Any) -> Call:
    return Call(**{"id": identifier, "run": "r", "provider": "p", "model": "m", **facts})


def settled(cost: int | None, in_doubt: int = 0) -> Settlement:
    return Settlement(cost=cost, source="computed", in_doubt=in_doubt)


def under(
    ledger: SqlLedger, play: Callable[[CappedAccount], Coroutine[Any, Any, Any]], *limits: Limit, **options: Any
) -> Any:
    """A scenario with a capped account; what it returned, or the refusal."""

    async def main() -> Any:
        account = CappedAccount(DirectAccount(ledger, limits or (DAY,), **options), CAP)
        try:
            return await play(account)
        except OverBudget as refusal:
            return refusal

    return asyncio.run(main())


def day(ledger: SqlLedger) -> tuple[int, int, int, int]:
    (status,) = ledger.status([DAY], "r")
    return status.spent, status.held, status.in_doubt, status.calls


@pytest.mark.parametrize(
    ("end", "left"),
    [
        pytest.param(None, 40, id="held"),
        pytest.param(settled(10), 90, id="settled lower"),
        pytest.param(settled(0), 100, id="settled at nothing"),
        pytest.param(settled(None), 40, id="an unknown cost is what was held"),
        pytest.param(settled(10, in_doubt=50), 40, id="in doubt"),
        pytest.param("rate_limited", 100, id="released"),
    ],
)
def test_what_one_attempt_leaves_for_the_next(ledger: SqlLedger, end: Settlement | str | None, left: int) -> None:
    """
    The cap is inclusive; a picodollar more is refused, and takes nothing from the budgets beside it.
    """

    async def play(account: CappedAccount, worst: int) -> str:
        hold = await account.hold(call(f"first {worst}"), 60)
        if isinstance(end, Settlement):
            await hold.settle(end)
        elif end is not None:
            await hold.release(end)
        return (await account.hold(call(f"second {worst}"), worst)).id

    fits = under(ledger, lambda account: play(account, left))
    before = day(ledger)
    over = under(ledger, lambda account: play(account, left + 1))

    assert fits == f"second {left}"
    assert isinstance(over, OverBudget)
    assert (over.call.id, over.status.left) == (f"second {left + 1}", left)
    first = 0 if end == "rate_limited" else 1
    assert day(ledger)[3] == before[3] + first


def test_a_refusal_has_all_amounts(ledger: SqlLedger) -> None:
    """
    As a budget's has.
    """

    async def play(account: CappedAccount) -> None:
        await (await account.hold(call("a"), 30)).settle(settled(10, in_doubt=20))
        await account.hold(call("b"), 5)
        await account.hold(call("c"), 66)

    refused = under(ledger, play)

    assert isinstance(refused, OverBudget)
    assert refused.status == BudgetStatus(
        name=MAX_COST,
        window="run",
        limit_usd=CAP,
        spent=10,
        held=5,
        in_doubt=20,
        limit_calls=None,
        calls=0,
        resets_at=None,
    )
    assert "needed up to $0.000000000066" in refused.message
    assert day(ledger) == (10, 5, 20, 2)


def test_a_budget_beside_the_cap_refuses_too(ledger: SqlLedger) -> None:
    """
    What it refused is no part of the cap; what was granted is booked in both.
    """
    narrow = Limit(name="narrow", usd=50)

    async def play(account: CappedAccount) -> tuple[str, int]:
        with pytest.raises(OverBudget) as refusal:
            await account.hold(call("a"), 60)
        hold = await account.hold(call("b"), 50)
        assert hold.account is account
        await hold.settle(settled(40))
        return refusal.value.status.name, account._status.spent

    assert under(ledger, play, narrow) == ("narrow", 40)
    (status,) = ledger.status([narrow], "r")
    assert (status.spent, status.held, status.calls) == (40, 0, 1)


@pytest.mark.parametrize("billing", ["local", "subscription"])
def test_what_costs_no_dollars_passes_any_cap(ledger: SqlLedger, billing: Any) -> None:
    """
    Own hardware and flat plans run on when the cap is used up.
    """

    async def play(account: CappedAccount) -> tuple[str, bool, bool]:
        await (await account.hold(call("a"), CAP)).settle(settled(CAP))
        own = call("b", billing=billing)
        return (await account.hold(own, 0)).id, account.limited(own), account.limited(call("c"))

    assert under(ledger, play) == ("b", False, True)


@pytest.mark.parametrize("allowed", [False, True])
def test_an_unknown_price_passes_a_cap_only_where_it_is_allowed(ledger: SqlLedger, allowed: bool) -> None:
    """
    It holds nothing then, and what the provider reports is counted.
    """
    free = Limit(name="calls", calls=9)

    async def play(account: CappedAccount) -> int:
        assert account.limited(call("a"))
        await (await account.hold(call("a"), None)).settle(settled(70))
        await account.hold(call("b"), 31)
        return 0

    found = under(ledger, play, free, allow_unpriced=allowed)

    assert isinstance(found, OverBudget)
    assert (found.call.id, found.unpriced) == (("b", False) if allowed else ("a", True))


class Beside(DirectAccount):
    """An account that tells what it was asked."""

    asked: tuple[Any, ...] = ()

    def share(self, call: Call) -> int:
        return 12 if isinstance(call, Call) else 0

    async def hold(self, call: Call, worst: int | None, **options: Any) -> Any:
        self.asked = (call, worst, options)
        return await super().hold(call, worst, **options)


def test_the_account_beside_is_asked_the_same(ledger: SqlLedger) -> None:
    """
    With the least that would do and the time there is; its shares hold, and its owner closes it.
    """

    async def main() -> Any:
        beside = Beside(ledger, (DAY,))
        account = CappedAccount(beside, CAP)
        await account.hold(call("a"), 60, least=7, patience=9.0)
        await account.close()
        return beside.asked, account.share(call("a")), account.ledger is ledger, account.limits, account.allow_unpriced

    assert asyncio.run(main()) == ((call("a"), 60, {"least": 7, "patience": 9.0}), 12, True, (DAY,), False)
    assert day(ledger) == (0, 60, 0, 1)


def test_the_cap_sums_over_all_attempts(ledger: SqlLedger) -> None:
    """
    Both what they cost and what may still be billed; an end that nobody held adds what it cost.
    """

    async def play(account: CappedAccount) -> tuple[int, int]:
        for name in ("a", "b", "c"):
            await (await account.hold(call(name), 30)).settle(settled(10, in_doubt=5))
        await account.end(Settled("stranger", settled(None)))
        return account._spent, account._in_doubt

    assert under(ledger, play) == (30, 15)
