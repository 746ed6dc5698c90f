"""Every end of a call, booked in three places that must agree: the call, its day, the counters of budgets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llmo.ledger.records import LOST, Billed, Call, Entry, Held, ImportedCall, Limit, Released, Settled, Settlement
from llmo.ledger.refusals import OverBudget
from llmo.ledger.sql import daily, queries
from llmo.types.events import Usage
from tests import virtual
from tests.ledger.storages import file_only, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from llmo.ledger.sql.ledger import SqlLedger
    from tests.ledger.storages import Storage

RUN, DAY, ALL = (
    Limit(name="run", usd=10**6, window="run"),
    Limit(name="day", usd=10**6, window="day"),
    Limit(name="all"),
)
USED = Usage(10, 5, 4, 3, 2)


@pytest.fixture
def ledger(storage: Storage) -> Iterator[SqlLedger]:
    book = storage.ledger(virtual.VirtualClock())
    yield book
    book.close()


def settled(cost: int | None, in_doubt: int = 0, **facts: Any) -> Settlement:
    return Settlement(**{"cost": cost, "source": "computed", "in_doubt": in_doubt, **facts})


def hold(ledger: SqlLedger, identifier: str, worst: int | None, **facts: Any) -> None:
    call = Call(**{"id": identifier, "run": "r", "provider": "p", "model": "m", **facts})
    ledger.hold(call, worst, (RUN, DAY, ALL), allow_unpriced=True)


def booked(ledger: SqlLedger) -> dict[str, Any]:
    """What the calls come to; the sums of days and the counters of budgets say the same."""
    (exact,), (days,) = ledger.spending(run="r"), ledger.spending()
    new = Limit(name="new", usd=1, match={"provider": "p"})
    sums = [(one.spent, one.held, one.in_doubt, one.calls) for one in ledger.status((RUN, DAY, ALL, new), "r")]
    assert exact == days
    assert len(set(sums)) == 1
    spent, held, in_doubt, calls = sums[0]
    assert (spent, in_doubt) == ((exact.cost or 0), exact.in_doubt)
    assert calls == exact.calls
    assert_days_agree(ledger)
    names = ("input_tokens", "cached_input_tokens", "output_tokens")
    return {
        "spent": spent,
        "held": held,
        "in_doubt": in_doubt,
        "calls": calls,
        "unpriced": exact.unpriced,
        "estimated": exact.estimated,
        "tokens": tuple(getattr(exact, name) for name in names),
    }


def assert_days_agree(ledger: SqlLedger) -> None:
    """What the days hold is what the calls add up to, column by column."""
    every = "SELECT * FROM daily ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"
    db = ledger._db()
    kept = db.execute(every).fetchall()
    db.execute("BEGIN")
    daily.rebuild(db, ledger.zone)
    anew = db.execute(every).fetchall()
    db.execute("ROLLBACK")
    assert kept == anew


def sums(spent: int = 0, **others: Any) -> dict[str, Any]:
    return {
        "spent": spent,
        "held": 0,
        "in_doubt": 0,
        "calls": 1,
        "unpriced": 0,
        "estimated": 0,
        "tokens": (0, 0, 0),
        **others,
    }


def die(ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every process but this is taken for dead, and what it held is booked."""
    monkeypatch.setattr(queries, "lives", lambda _: False)
    ledger.reconcile()


@pytest.mark.parametrize(
    ("worst", "end", "expected"),
    [
        pytest.param(100, settled(7, usage=USED), sums(7, tokens=(10, 4, 5)), id="a cost"),
        pytest.param(100, settled(107), sums(107), id="more than was held"),
        pytest.param(100, settled(0), sums(0), id="nothing"),
        pytest.param(100, settled(None), sums(100, estimated=1), id="no cost is all of the hold"),
        pytest.param(None, settled(None), sums(0, unpriced=1), id="no cost and no hold"),
        pytest.param(None, settled(9, source="reported"), sums(9), id="a cost without a hold"),
        pytest.param(100, settled(7, 93), sums(7, in_doubt=93), id="the rest in doubt"),
        pytest.param(100, settled(0, 100), sums(0, in_doubt=100), id="all in doubt"),
        pytest.param(100, settled(7, 94), sums(7, in_doubt=93), id="no more in doubt than was held"),
        pytest.param(100, settled(100, 1), sums(100), id="nothing left to doubt"),
        pytest.param(100, settled(120, 1), sums(120), id="passed and in doubt"),
        pytest.param(100, settled(7, 1), sums(7, in_doubt=1), id="a picodollar in doubt"),
        pytest.param(None, settled(7, 5), sums(7), id="no hold to doubt"),
        pytest.param(None, settled(None, 5), sums(0, unpriced=1), id="neither hold nor cost to doubt"),
    ],
)
def test_an_end_is_booked_everywhere(ledger: SqlLedger, worst: int | None, end: Settlement, expected: Any) -> None:
    """
    Once: a second one changes nothing.
    """
    hold(ledger, "a", worst)
    assert booked(ledger) == sums(held=worst or 0)
    ledger.settle("a", end)
    first = booked(ledger)
    ledger.settle("a", settled(55))
    ledger.release("a", "busy")

    assert (first, booked(ledger)) == (expected, expected)


@pytest.mark.parametrize(
    ("billed", "expected"),
    [
        pytest.param(Billed(cost=30, source="reported"), sums(30, tokens=(10, 4, 5)), id="less"),
        pytest.param(Billed(cost=0, source="reported"), sums(0, tokens=(10, 4, 5)), id="nothing"),
        pytest.param(Billed(cost=500, source="reported"), sums(500, tokens=(10, 4, 5)), id="more than was held"),
        pytest.param(Billed(cost=None), sums(100, estimated=1, tokens=(10, 4, 5)), id="all of the hold"),
        pytest.param(
            Billed(cost=30, source="reported", usage=Usage(20, 6, 1)), sums(30, tokens=(20, 1, 6)), id="other counts"
        ),
    ],
)
def test_what_was_in_doubt_is_resolved_once(ledger: SqlLedger, billed: Billed, expected: dict[str, Any]) -> None:
    """
    Everywhere; and later words change nothing.
    """
    hold(ledger, "a", 100)
    ledger.settle("a", settled(7, 93, usage=USED, outcome="timeout", source="estimated"))
    before = booked(ledger)
    ledger.settle("a", settled(55))
    ledger.release("a", "busy")
    assert booked(ledger) == before
    ledger.resolve({"a": billed, "none": billed})
    ledger.resolve({"a": Billed(cost=1)})

    assert booked(ledger) == expected


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda book: None, id="held"),
        pytest.param(lambda book: book.settle("a", settled(7, usage=USED)), id="settled"),
        pytest.param(lambda book: book.release("a", "busy"), id="released"),
        pytest.param(lambda book: book.settle("a", settled(7, outcome=LOST, usage=USED)), id="lost"),
    ],
)
def test_what_is_not_in_doubt_is_not_resolved(ledger: SqlLedger, end: Callable[[SqlLedger], None]) -> None:
    """
    It stays as it is, in its day too.
    """
    hold(ledger, "a", 100)
    hold(ledger, "b", 50)
    ledger.settle("b", settled(5))
    end(ledger)
    before = booked(ledger)
    ledger.resolve({"a": Billed(cost=33)})

    assert booked(ledger) == before


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        pytest.param(lambda book: None, sums(100, estimated=1), id="nothing"),
        pytest.param(
            lambda book: book.settle("a", settled(7, usage=USED)), sums(7, tokens=(10, 4, 5)), id="its cost after all"
        ),
        pytest.param(lambda book: book.settle("a", settled(7, 20)), sums(7, in_doubt=20), id="a part of it"),
        pytest.param(lambda book: book.settle("a", settled(None)), sums(100, estimated=1), id="no cost"),
    ],
)
def test_who_was_taken_for_dead_is_believed_once(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch, end: Callable[[SqlLedger], None], expected: dict[str, Any]
) -> None:
    """
    What was booked for it is taken back everywhere before.
    """
    hold(ledger, "a", 100)
    die(ledger, monkeypatch)
    assert booked(ledger) == sums(100, estimated=1)
    end(ledger)

    assert booked(ledger) == expected


def test_who_was_taken_for_dead_may_have_cost_nothing(ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It is no call of any budget then.
    """
    hold(ledger, "a", 100)
    hold(ledger, "b", 60)
    ledger.settle("b", settled(5))
    die(ledger, monkeypatch)
    ledger.release("a", "rate_limited")

    assert booked(ledger) == sums(5)


def test_calls_in_flight_are_held_until_they_end(ledger: SqlLedger) -> None:
    """
    Each in its own amount.
    """
    for number, worst in enumerate((10, 20, None, 40)):
        hold(ledger, str(number), worst)
    ledger.release("1", "busy")
    ledger.settle("3", settled(4))

    assert booked(ledger) == sums(4, held=10, calls=3)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        pytest.param("busy", None, id="it cost nothing"),
        pytest.param(settled(30, usage=USED), sums(30, tokens=(10, 4, 5)), id="its cost"),
        pytest.param(settled(9, 3), sums(7, in_doubt=93), id="no more than is known here"),
        pytest.param(None, sums(7, in_doubt=93), id="less than is known here"),
    ],
)
def test_an_import_ends_a_doubt(ledger: SqlLedger, end: Any, expected: dict[str, Any] | None) -> None:
    """
    What another ledger surely knows replaces what is in doubt here, everywhere.
    """
    hold(ledger, "a", 100)
    hold(ledger, "b", 100)
    ledger.settle("a", settled(7, 93))
    ledger.release("b", "busy")
    call = Call(id="a", run="r", provider="p", model="m")
    past = ImportedCall(call=call, worst=100, held_at=1, ended_at=2, end=end)

    assert ledger.import_calls([past]) == (1, int(end == "busy" or (end is not None and not end.in_doubt)))
    (days,) = ledger.spending()
    assert booked(ledger) == (expected or sums(calls=0)), days


@pytest.mark.parametrize(
    ("billing", "counts"),
    [
        pytest.param("metered", (1, 0, 0), id="metered"),
        pytest.param("local", (0, 1, 0), id="local"),
        pytest.param("subscription", (0, 0, 1), id="subscription"),
    ],
)
def test_what_was_in_flight_elsewhere_is_booked_as_lost(ledger: SqlLedger, billing: Any, counts: Any) -> None:
    """
    At its hold, and known the way that its billing is.
    """
    call = Call(id="a", run="r", provider="p", model="m", billing=billing)
    worst = 50 if billing == "metered" else 0
    ledger.import_calls([ImportedCall(call=call, worst=worst, held_at=1_795_300_000_000_000, ended_at=None, end=None)])
    (days,) = ledger.spending()

    assert (days.cost, days.estimated, days.local, days.subscription) == (worst, *counts)


@pytest.mark.parametrize("cost", [0, 7])
@pytest.mark.parametrize("outcome", [LOST, "timeout"])
@pytest.mark.parametrize(
    ("end", "expected"),
    [
        pytest.param(
            settled(9, usage=Usage(1, 2, 0, 0, 1)), {"spent": 9, "calls": 2, "tokens": (11, 4, 7)}, id="other"
        ),
        pytest.param(settled(9), {"spent": 9, "calls": 2, "tokens": (10, 4, 5)}, id="none"),
        pytest.param("busy", {"spent": 0, "calls": 1, "tokens": (10, 4, 5)}, id="it cost nothing"),
    ],
)
def test_tokens_of_what_is_corrected_leave_its_day(
    ledger: SqlLedger, end: Settlement | str, expected: dict[str, Any], outcome: str, cost: int
) -> None:
    """
    Those of another call that ended as it did stay; of a call that is given back there are none.
    """
    in_doubt = 0 if outcome == LOST else 93
    for name in ("a", "b"):
        hold(ledger, name, 100)
        ledger.settle(name, settled(cost, in_doubt, usage=USED, outcome=outcome, source="estimated"))
    assert booked(ledger) == sums(2 * cost, in_doubt=2 * in_doubt, calls=2, estimated=2, tokens=(20, 8, 10))
    past = ImportedCall(call=Call(id="a", run="r", provider="p", model="m"), worst=100, held_at=1, ended_at=2, end=end)

    assert ledger.import_calls([past]) == (1, 1)
    spent = cost + expected["spent"]
    assert booked(ledger) == sums(**{**expected, "spent": spent, "in_doubt": in_doubt, "estimated": 1})


def test_tokens_that_nobody_counted_are_not_zero(ledger: SqlLedger) -> None:
    """
    They are unknown where the calls are carried on.
    """
    hold(ledger, "a", 100)
    ledger.settle("a", settled(7))
    (line,) = ledger.export_calls()
    told = json.loads(line)

    assert [told[name] for name in daily.TOKENS] == [None] * len(daily.TOKENS)


def test_what_was_in_doubt_keeps_its_outcome(ledger: SqlLedger) -> None:
    """
    That it was a timeout is as true when its cost is known.
    """
    hold(ledger, "a", 100)
    ledger.settle("a", settled(7, 93, outcome="timeout"))
    ledger.resolve({"a": Billed(cost=30, source="reported")})

    assert [one.group for one in ledger.spending(["outcome"])] == [("timeout",)]
    assert booked(ledger) == sums(30)


@pytest.mark.parametrize(
    ("end", "new", "expected"),
    [
        pytest.param(None, 0, sums(held=100), id="held there too"),
        pytest.param(settled(100, outcome=LOST), 0, sums(held=100), id="lost there"),
        pytest.param(settled(7, 20), 1, sums(7, in_doubt=20), id="in doubt"),
        pytest.param(settled(7), 1, sums(7), id="its cost"),
        pytest.param("busy", 1, sums(calls=0), id="it cost nothing"),
    ],
)
def test_an_import_ends_what_is_held_here_only_with_what_is_known(
    ledger: SqlLedger, end: Settlement | str | None, new: int, expected: dict[str, Any]
) -> None:
    """
    A ledger that was copied while its calls were in flight knows less than its process.
    """
    hold(ledger, "a", 100)
    hold(ledger, "b", 60)
    ledger.release("b", "busy")
    past = ImportedCall(call=Call(id="a", run="r", provider="p", model="m"), worst=100, held_at=1, ended_at=2, end=end)

    assert ledger.import_calls([past]) == (1, new)
    assert booked(ledger) == expected


def test_an_imported_call_is_of_no_process_here(ledger: SqlLedger) -> None:
    """
    A process of this machine that has its number by chance has nothing to do with it.
    """
    ledger.import_calls(
        [ImportedCall(call=Call(id="a", run="r", provider="p", model="m"), worst=5, held_at=1, ended_at=None, end=None)]
    )

    owners = rows(ledger, "SELECT owner_pid, owner_started, owner_boot FROM calls")
    assert owners == [(0, "", "")]


@pytest.mark.parametrize("others", [1, 3])
def test_who_was_taken_for_dead_while_many_are_settled_at_once(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    """
    What an account remembers of its calls is compared with the file when they are stored together.
    """
    names = [f"{number}" for number in range(others + 1)]
    for name in names:
        hold(ledger, name, 10)
    elsewhere = ledger.clone()
    die(elsewhere, monkeypatch)
    assert booked(ledger)["held"] == 0

    ledger.apply([*(Settled(name, settled(7)) for name in names), Settled("0", settled(9)), Released("1", "late")])

    assert booked(ledger) == sums(7 * len(names), calls=len(names))
    elsewhere.close()


def test_a_call_is_held_and_settled_in_one_transaction(ledger: SqlLedger) -> None:
    """
    Also twice, and in a budget that adds up the calls before it in the midst of that.
    """
    new = Limit(name="q", usd=100, match={"provider": "p"})
    call = Call(id="1", run="r", provider="p", model="m")
    other = Call(id="2", run="r", provider="p", model="m")
    entries: list[Entry] = [
        Held(call, 10, (RUN, DAY, ALL)),
        Settled("1", settled(7)),
        Settled("1", settled(8)),
        Held(other, 95, (new,)),
    ]

    *done, refused = ledger.apply(entries)

    assert done == [None] * 3
    assert isinstance(refused, OverBudget)
    assert refused.status.spent == 7
    assert booked(ledger) == sums(7, calls=1)


@file_only
def test_room_is_made_before_it_is_taken(ledger: SqlLedger) -> None:
    """
    Of entries that are stored together, no statement leaves more spent and held than the limit, whatever their order.
    """
    cap = Limit(name="cap", usd=100, window="total")
    db: Any = ledger._db()
    db.executescript(
        "CREATE TABLE totals (total INTEGER);"
        + "".join(
            f"CREATE TRIGGER of_{event} AFTER {event} ON calls BEGIN INSERT INTO totals"
            " SELECT sum(iif(state = 'held', worst, coalesce(cost, 0) + in_doubt)) FROM calls; END;"
            for event in ("INSERT", "UPDATE")
        )
    )

    def held(name: str) -> Held:
        return Held(Call(id=name, run="r", provider="p", model="m"), 100, (cap,))

    free = settled(0)
    assert [None] == ledger.apply([held("a")])
    assert [None] * 4 == ledger.apply([Settled("a", free), held("b"), Settled("b", free), held("c")])

    assert [100, 0, 100, 0, 100] == [total for (total,) in db.execute("SELECT total FROM totals ORDER BY rowid")]
