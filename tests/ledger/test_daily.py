"""Sums per day: what is asked of them is what the calls add up to, in every zone, after a migration, and fast."""

import contextlib
import sqlite3
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from llmo.ledger.periods import ALWAYS, Period, period
from llmo.ledger.records import Billed, Call, Limit, Settlement
from llmo.ledger.sql import counters, daily
from llmo.ledger.sqlite import connection, schema
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.events import Usage

BERLIN, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
DAY = 86_400.0


class Clock:
    def __init__(self, text="2026-10-20 12:00"):
        self.time = datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()

    def now(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledgers(storage, clock):
    """One ledger, seen from two zones."""
    books = [storage.ledger(clock, zone) for zone in ("Europe/Berlin", "Asia/Kolkata")]
    yield books
    for book in books:
        book.close()


def spend(book, identifier, cost=5, **facts):
    book.hold(Call(**{"id": identifier, "run": "r", "provider": "p", "model": "m", **facts}), cost)
    book.settle(identifier, Settlement(cost=cost, source="computed", usage=Usage(10, 5)))


def slowly(book, by, **span):
    """The same answer from the calls alone: only they know runs."""
    sums: dict[tuple[str, ...], int] = {}
    for row in book.spending([*by, "run"], **span):
        sums[row.group[:-1]] = sums.get(row.group[:-1], 0) + row.cost
    return sums


@pytest.mark.parametrize("by", [["day"], ["week"], ["month"], ["model"], ["day", "outcome"]])
def test_every_zone_gets_its_own_days(ledgers, clock, by):
    """
    Over the end of summer time, written from two zones in turn, read from both.
    """
    for number in range(40):
        clock.time += 0.3 * DAY
        spend(ledgers[number // 10 % 2], str(number), number)

    for book in ledgers:
        for since in (None, clock.time - 3.21 * DAY):
            assert slowly(book, by, since=since) == {row.group: row.cost for row in book.spending(by, since=since)}


def test_days_of_one_zone_are_answered_without_the_calls(ledgers, clock):
    """
    Only what is cut off at the edges is added up anew.
    """
    for number in range(10):
        clock.time += DAY
        spend(ledgers[0], str(number))
    db = ledgers[0]._db()
    first, last = (period("day", int(at * 1e6), BERLIN) for at in (clock.time - 9 * DAY, clock.time))

    whole = daily.cover(db, Period(first.start, last.end), BERLIN, calendar=True)
    cut = daily.cover(db, Period(first.start + 1, last.end), BERLIN, calendar=True)
    foreign = daily.cover(db, ALWAYS, KOLKATA, calendar=True)

    assert (10, [], [Period(first.start, last.end)]) == (len(whole.days), whole.gaps, list(daily.runs(whole.days)))
    assert (9, [Period(first.start + 1, first.end)]) == (len(cut.days), cut.gaps)
    assert ([], [ALWAYS]) == tuple(foreign)


def test_days_that_two_zones_cut_differently_are_not_used(ledgers, clock):
    """
    Each has a part of the calls: neither is the sum.
    """
    spend(ledgers[0], "a")
    spend(ledgers[1], "b")
    clock.time += 5 * DAY
    spend(ledgers[0], "c")
    ledgers[0].hold(Call(id="released", run="r", provider="p", model="m"), 100)
    ledgers[0].release("released", "rate_limited")
    ledgers[0].hold(Call(id="in flight", run="r", provider="p", model="m"), 8)
    db = ledgers[0]._db()

    assert 1 == len(daily.cover(db, ALWAYS, BERLIN, calendar=False).days)
    assert counters.CounterSums(15, 8, 0, 4) == counters.total(db, "{}", ALWAYS)
    assert counters.CounterSums(15, 8, 0, 4) == counters.total(db, "{}", ALWAYS, "r")
    assert counters.CounterSums(0, 0, 0, 0) == counters.total(db, "{}", ALWAYS, "another")


@pytest.mark.parametrize("first", [0, 1])
def test_what_one_zone_left_in_doubt_another_one_resolves(ledgers, first):
    """
    It is taken out of the day that it was added to; also where that zone has a day of its own with less in it.
    """
    for number, worst in enumerate((2, 1)):
        book = ledgers[first if number == 0 else 1 - first]
        book.hold(Call(id=str(number), run="r", provider="p", model="m"), worst)
        book.settle(str(number), Settlement(cost=0, in_doubt=worst, source="estimated", outcome="timeout"))
    for one in ledgers[0].doubts():
        ledgers[1 - first].resolve({one.id: Billed(cost=None)})

    for book in ledgers:
        assert ([], 3) == (book.doubts(), sum(row.cost for row in book.spending(["day", "outcome"])))
        assert slowly(book, ["day"]) == {row.group: row.cost for row in book.spending(["day"])}


@pytest.mark.parametrize(
    ("change", "covered"),
    [
        pytest.param({}, True, id="the first microsecond"),
        pytest.param({"held_at": 19}, True, id="the last microsecond"),
        pytest.param({"held_at": 9}, False, id="before"),
        pytest.param({"held_at": 20}, False, id="after"),
        pytest.param({"run": "other"}, False, id="another run"),
        pytest.param({"task": ""}, False, id="no task"),
        pytest.param({"provider": "q"}, False, id="another provider"),
        pytest.param({"model": "n"}, False, id="another model"),
        pytest.param({"tags": "{}"}, False, id="no tag"),
    ],
)
def test_which_calls_a_counter_covers(change, covered):
    """
    Those of its period, begin included and end not, of its run and its match.
    """
    match = '{"model": "p/m", "provider": "p", "tag.team": "x", "task": "t"}'
    counter = counters.Counter("r", Period(10, 20), match, 0, 0, 0, 0)
    subject = counters.CallKey("r", 10, "p", "m", "t", '{"team": "x"}')._replace(**change)

    assert covered == counter.covers(subject)


def test_a_new_budget_sees_what_the_same_transaction_has_just_booked(ledgers):
    """
    Sums that are on their way are stored before they are read.
    """
    from llmo.ledger.records import Held, Settled

    limit = Limit(name="new", usd=100, match={"model": "m"})
    book = ledgers[0]
    book.hold(Call(id="a", run="r", provider="p", model="m"), 7)
    book.apply(
        [
            Settled("a", Settlement(cost=7, source="computed")),
            Held(Call(id="b", run="r", provider="p", model="m"), 9, (limit,)),
        ]
    )
    (status,) = book.status([limit])

    assert (7, 9, 2) == (status.spent, status.held, status.calls)


def test_an_older_ledger_gets_its_days(tmp_path, clock):
    """
    Migrated in one transaction with its calls summed; what was spent is the same.
    """
    path = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        for step in schema.MIGRATIONS[0]:
            db.execute(step)
        db.execute("PRAGMA user_version = 1")
        for number in range(50):
            at = int((clock.time + number * 7200) * 1e6)
            state = ("settled", "released", "held")[number % 3]
            db.execute(
                "INSERT INTO calls (id, run, attempt, provider, model, task, tags, billing, state, outcome, worst, cost,"
                " source, held_at, owner_pid, owner_started, owner_boot) VALUES"
                " (?, 'r', 1, 'p', 'm', '', '{}', 'metered', ?, ?, 9, ?, ?, ?, 1, '', 'x')",
                (str(number), state, None if state == "held" else "ok", 5 * (state == "settled"), "computed", at),
            )
    book = SQLiteLedger(path, clock, "Europe/Berlin")
    found = [(row.calls, row.cost, row.held, row.released) for row in book.spending()]
    version = book._db().execute("PRAGMA user_version").fetchone()
    days = book._db().execute("SELECT sum(calls) FROM daily").fetchone()
    book.close()

    assert [(33, 85, 144, 17)] == found
    assert ((connection.SCHEMA,), (34,)) == (version, days)


def test_only_calls_with_all_tags_count(ledgers):
    """
    Whole days or not.
    """
    spend(ledgers[0], "a", 1, tags={"team": "x", 'odd "key"': "1"})
    spend(ledgers[0], "b", 2, tags={"team": "x"})
    spend(ledgers[0], "c", 4)

    def cost(**tags):
        return sum(row.cost for row in ledgers[0].spending(tags=tags))

    assert (3, 1, 0, 7) == (cost(team="x"), cost(team="x", **{'odd "key"': "1"}), cost(team="y"), cost())


def test_calls_that_end_in_one_transaction_all_count(ledgers, clock):
    """
    Of one day and of two, with those whose cost is a lower bound.
    """
    from llmo.ledger.records import Settled

    book = ledgers[0]
    for number in range(4):
        book.hold(Call(id=str(number), run="r", provider="p", model="m"), 9)
        clock.time += DAY * (number == 2)
    book.apply([Settled(str(number), Settlement(cost=5, source="unknown")) for number in (0, 1, 3, 2)])

    def found(**run):
        return [(row.calls, row.cost, row.unpriced) for row in book.spending(["day"], **run)]

    assert sorted(found()) == sorted(found(run="r")) == [(1, 5, 1), (3, 15, 3)]
