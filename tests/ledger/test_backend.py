"""What every ledger promises, whatever it is stored in: `llmo.ledger.backend`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from threading import Barrier, Lock, Thread
from typing import TYPE_CHECKING, Any, cast

import pytest

from llmo.ledger.accounts import Account, DirectAccount
from llmo.ledger.grouped import GroupedAccount
from llmo.ledger.records import BudgetStatus, Call, Entry, Held, Limit, Released, Settled, Settlement, passes
from llmo.ledger.refusals import OverBudget
from tests import virtual
from tests.ledger.storages import Storage
from tests.patience import LONG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from llmo.ledger.backend import Ledger

CAP = Limit(name="cap", usd=100)
RUN = Limit(name="run", usd=100, window="run")


@dataclass
class _Row:
    """A call with the amounts that it has spent, holds, and leaves in doubt."""

    call: Call
    held: int
    spent: int = 0
    in_doubt: int = 0
    open: bool = True


@dataclass
class MemoryLedger:
    """A ledger of one process, as far as accounts use one: what a backend must at least do."""

    rows: dict[str, _Row] = field(default_factory=dict)
    lock: Any = field(default_factory=Lock)

    def apply(self, entries: Sequence[Entry], *, patience: float | None = None) -> list[Exception | None]:
        del patience
        with self.lock:
            return [self._one(entry) for entry in entries]

    def status(self, limits: Sequence[Limit], run: str = "", *, live: bool = False) -> list[BudgetStatus]:
        del live
        return [self._sums(limit, run) for limit in limits]

    def new_alerts(self, limits: Sequence[Limit], run: str) -> list[tuple[int, BudgetStatus]]:
        del limits, run
        return []

    def clone(self) -> MemoryLedger:
        return MemoryLedger(self.rows, self.lock)

    def spooled(self) -> int:
        return 0

    def checkpoint(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _one(self, entry: Entry) -> OverBudget | None:
        if isinstance(entry, Held):
            for limit in (limit for limit in entry.limits if limit.counts(entry.call)):
                if not passes(limit, status := self._sums(limit, entry.call.run), entry):
                    return OverBudget(status, entry.call, entry.worst)
            self.rows[entry.call.id] = _Row(entry.call, entry.worst or 0)
        elif (row := self.rows.get(entry.id)) is not None and row.open:
            if isinstance(entry, Released):
                del self.rows[entry.id]
            else:
                cost, in_doubt = entry.settlement.cost, entry.settlement.in_doubt
                self.rows[entry.id] = _Row(row.call, 0, row.held if cost is None else cost, in_doubt, open=False)
        return None

    def _sums(self, limit: Limit, run: str) -> BudgetStatus:
        rows = [
            row
            for row in self.rows.values()
            if limit.counts(row.call) and (limit.window != "run" or row.call.run == run)
        ]
        return BudgetStatus(
            name=limit.name,
            window=limit.window,
            limit_usd=limit.usd,
            spent=sum(row.spent for row in rows),
            held=sum(row.held for row in rows),
            in_doubt=sum(row.in_doubt for row in rows),
            limit_calls=limit.calls,
            calls=len(rows),
            resets_at=None,
        )


@pytest.fixture(params=["sqlite", "postgres", "memory"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    if request.param == "memory":
        yield cast("Ledger", MemoryLedger())
        return
    storage = Storage(request.param, tmp_path)
    made = storage.ledger(virtual.VirtualClock())
    yield made
    made.close()
    storage.close()


def hold(name: str, worst: int | None, *limits: Limit, run: str = "r") -> Held:
    return Held(Call(id=name, run=run, provider="p", model="m"), worst, limits)


def settle(name: str, cost: int | None, in_doubt: int = 0) -> Settled:
    return Settled(name, Settlement(cost=cost, source="computed", in_doubt=in_doubt))


def sums(ledger: Ledger, limit: Limit = CAP, run: str = "r") -> tuple[int, int, int, int]:
    """What is spent, held and in doubt of a limit, and its calls."""
    (found,) = ledger.status([limit], run)
    return found.spent, found.held, found.in_doubt, found.calls


def test_entries_apply_in_order_and_a_refused_hold_changes_nothing(ledger: Ledger) -> None:
    """
    Later entries of the same transaction see the sums that it left alone.
    """
    results = ledger.apply(
        [
            hold("a", 60, CAP),
            hold("b", 41, CAP),
            hold("c", 40, CAP),
            settle("a", 10),
            hold("d", 50, CAP),
            settle("b", 9),
        ]
    )

    assert [isinstance(result, OverBudget) for result in results] == [False, True, False, False, False, False]
    assert [result for result in results if not isinstance(result, OverBudget)] == [None] * 5
    assert sums(ledger) == (10, 90, 0, 3)


@pytest.mark.parametrize(
    ("end", "found"),
    [
        pytest.param(settle("a", 10), (10, 0, 0, 1), id="settled"),
        pytest.param(settle("a", None), (60, 0, 0, 1), id="at an unknown cost"),
        pytest.param(settle("a", 70), (70, 0, 0, 1), id="above the hold"),
        pytest.param(settle("a", 10, in_doubt=20), (10, 0, 20, 1), id="in doubt"),
        pytest.param(Released("a", "timeout"), (0, 0, 0, 0), id="released"),
    ],
)
def test_the_first_end_of_a_call_counts(ledger: Ledger, end: Settled | Released, found: tuple[int, ...]) -> None:
    """
    Whatever is applied to it afterwards, in the same transaction or in another.
    """
    ledger.apply([hold("a", 60, CAP), end, settle("a", 99)])
    ledger.apply([Released("a", "busy"), settle("a", 98)])

    assert found == sums(ledger)


def test_what_is_in_doubt_counts_against_a_limit(ledger: Ledger) -> None:
    """
    Until it is resolved nobody else may have it.
    """
    ledger.apply([hold("a", 60, CAP), settle("a", 10, in_doubt=50)])

    assert [type(result) for result in ledger.apply([hold("b", 41, CAP), hold("c", 40, CAP)])] == [
        OverBudget,
        type(None),
    ]


def test_a_limit_of_runs_counts_each_by_itself(ledger: Ledger) -> None:
    """
    One run may spend what another has spent too.
    """
    assert ledger.apply([hold("a", 100, RUN), hold("b", 100, RUN, run="other")]) == [None, None]
    assert [sums(ledger, RUN, run) for run in ("r", "other", "none")] == [(0, 100, 0, 1), (0, 100, 0, 1), (0, 0, 0, 0)]


def test_an_unknown_price_needs_permission_under_a_dollar_limit(ledger: Ledger) -> None:
    """
    Without one it is refused for good.
    """
    (refused,) = ledger.apply([hold("a", None, CAP)])
    allowed = Held(hold("b", None).call, None, (CAP,), allow_unpriced=True)

    assert isinstance(refused, OverBudget)
    assert refused.unpriced
    assert ledger.apply([allowed, hold("c", None)]) == [None, None]


def test_clones_in_threads_never_take_the_same_money_twice(ledger: Ledger) -> None:
    """
    Ten of eighty holds fit: neither nine nor eleven pass.
    """
    started, passed = Barrier(8), list[int]()

    def take(number: int) -> None:
        mine = ledger.clone()
        started.wait()
        results = [mine.apply([hold(f"{number} {one}", 10, CAP)], patience=LONG)[0] for one in range(10)]
        mine.close()
        passed.append(results.count(None))

    threads = [Thread(target=take, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)

    assert (10, 8) == (sum(passed), len(passed))
    assert sums(ledger) == (0, 100, 0, 10)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(DirectAccount, id="direct"),
        pytest.param(lambda ledger, limits: GroupedAccount(ledger, limits, width=4), id="grouped"),
    ],
)
def test_accounts_need_no_more_than_the_seam(ledger: Ledger, made: Callable[[Ledger, list[Limit]], Account]) -> None:
    """
    An account works the same over a file and over a ledger in memory.
    """

    async def play() -> list[str]:
        account = made(ledger, [CAP])
        first, second = [await account.hold(hold(name, None).call, 50) for name in "ab"]
        await first.settle(Settlement(cost=30, source="computed"))
        await second.release("timeout")
        third = await account.hold(hold("c", None).call, 70)
        await third.settle(Settlement(cost=None, source="unknown"))
        with pytest.raises(OverBudget) as refusal:
            await account.hold(hold("d", None).call, 1)
        await account.close()
        return [refusal.value.status.name, third.id]

    assert asyncio.run(asyncio.wait_for(play(), LONG)) == ["cap", "c"]
    assert sums(ledger) == (100, 0, 0, 2)
