"""The file itself: it refuses amounts below zero, and takes over what an older llmo wrote, whole or not at all."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from llmo.ledger.periods import ALWAYS
from llmo.ledger.records import Call, Held, Limit, Settlement
from llmo.ledger.refusals import OverBudget
from llmo.ledger.sql import counters, postings
from llmo.ledger.sqlite import connection, schema
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1_795_300_000_000_000
DAILY_2 = """
CREATE TABLE daily (
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, task TEXT NOT NULL,
    tags TEXT NOT NULL, billing TEXT NOT NULL, state TEXT NOT NULL, outcome TEXT NOT NULL, source TEXT NOT NULL,
    calls INTEGER NOT NULL, cost INTEGER NOT NULL, unpriced INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    PRIMARY KEY (start, "end", provider, model, task, tags, billing, state, outcome, source)
) STRICT, WITHOUT ROWID
"""
CALL: dict[str, Any] = {
    "run": "r", "row": "7", "attempt": 1, "provider": "p", "model": "m", "task": "t", "tags": "{}", "billing": "metered",
    "state": "settled", "outcome": "ok", "worst": 9, "cost": 5, "source": "computed", "input_tokens": 1, "output_tokens": 2,
    "cached_input_tokens": 0, "cache_write_tokens": 0, "reasoning_tokens": 0, "held_at": NOW, "ended_at": NOW, "owner_pid": 1,
    "owner_started": "", "owner_boot": "x", "request_id": "req",
}  # fmt: skip


def insert(db: sqlite3.Connection, **changes: Any) -> None:
    row = {**CALL, **changes}
    db.execute(f"INSERT INTO calls ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A ledger of schema 2 with one call of every fate, two of them below zero, and a counter that they drove there."""
    path = tmp_path / "ledger.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        for step in (*schema.MIGRATIONS[0], DAILY_2, *schema.MIGRATIONS[1]):
            db.execute(step)
        db.execute("PRAGMA user_version = 2")
        insert(db, id="good")
        insert(db, id="unpriced", cost=None, worst=None, source="unknown")
        insert(db, id="released", state="released", cost=0, source=None, outcome="rate_limited")
        insert(db, id="held", state="held", cost=None, source=None, outcome=None, worst=7)
        insert(db, id="credit", cost=-99, worst=-99, source="estimated", attempt=0, output_tokens=-10)
        insert(db, id="credit held", state="held", cost=None, source=None, outcome=None, worst=-50)
        db.execute("INSERT INTO counters VALUES ('', ?, ?, '{}', -94, -43, 5, 0)", (ALWAYS.end, ALWAYS.start))
    return path


def dump(path: Path) -> list[Any]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return [
            db.execute("PRAGMA user_version").fetchall(),
            db.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall(),
            db.execute("SELECT * FROM calls ORDER BY id").fetchall(),
            db.execute("PRAGMA integrity_check").fetchall(),
        ]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[SQLiteLedger]:
    book = SQLiteLedger(path, SystemClock(), "UTC")
    yield book
    book.close()


def test_an_older_ledger_is_taken_over_without_its_credit(old: Path) -> None:
    """
    Every call stays; what was below zero holds nothing, and what it cost is unknown, so that the sum is a lower bound.
    """
    with opened(old) as book:
        (total,) = book.spending()
        kept = {
            row[0]: row[1:] for row in book._db().execute("SELECT id, state, worst, cost, source, attempt FROM calls")
        }
        (status,) = book.status([Limit(name="all", usd=20)])
        stored = book._db().execute(f"SELECT {counters.COLUMNS} FROM counters").fetchall()
        book.hold(Call(id="new", run="r", provider="p", model="m"), 8, [Limit(name="all", usd=20)])
        with pytest.raises(OverBudget):
            book.hold(Call(id="more", run="r", provider="p", model="m"), 1, [Limit(name="all", usd=20)])

    assert {
        "good": ("settled", 9, 5, "computed", 1),
        "unpriced": ("settled", None, None, "unknown", 1),
        "released": ("released", 9, 0, None, 1),
        "held": ("held", 7, None, None, 1),
        "credit": ("settled", 0, None, "unknown", 1),
        "credit held": ("held", 0, None, None, 1),
    } == kept
    assert (5, 5, 2, 2, 7, 1) == (
        total.calls, total.cost, total.unpriced, total.in_flight, total.held, total.released
    )  # fmt: skip
    assert (5, 7, 0, 8) == (status.spent, status.held, status.in_doubt, status.left)
    assert [] == stored


KILLED = """
import os, signal, sqlite3, sys
from pathlib import Path
from llmo.ledger.sqlite import connection

class Killing(sqlite3.Connection):
    left = int(sys.argv[2])
    def execute(self, *args):
        result = super().execute(*args)
        Killing.left -= 1
        if not Killing.left:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

plain = sqlite3.connect
sqlite3.connect = lambda *args, **kwargs: plain(*args, factory=Killing, **kwargs)
connection.connect(Path(sys.argv[1])).close()
"""


def test_a_kill_in_the_middle_of_a_migration_leaves_the_old_ledger_or_the_new_one(old: Path, tmp_path: Path) -> None:
    """
    Killed after each of its statements in turn; the next start finishes it, and nothing of what is booked is lost.
    """
    before, versions = dump(old), []
    whole = old.read_bytes()
    for number in range(1, 60):
        path = tmp_path / f"killed-{number}.db"
        path.write_bytes(whole)
        run = subprocess.run([sys.executable, "-c", KILLED, str(path), str(number)], check=False)
        after = dump(path)
        versions.append(after[0][0][0])
        assert after in (before, [[(4,)], *after[1:3], [("ok",)]])
        with opened(path) as book:
            assert (5, 7) == (book.spending()[0].cost, book.spending()[0].held)
        if run.returncode == 0:
            break
        assert -signal.SIGKILL == run.returncode

    assert (0, 2, 4) == (run.returncode, versions[0], versions[-1])
    assert versions.count(2) >= 15


@pytest.fixture
def book(tmp_path: Path) -> Iterator[SQLiteLedger]:
    with opened(tmp_path / "new.db") as book:
        book.hold(Call(id="a", run="r", provider="p", model="m"), 9, [Limit(name="all", usd=20)])
        yield book


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE calls SET worst = -1",
        "UPDATE calls SET cost = -1",
        "UPDATE calls SET in_doubt = -1",
        "UPDATE calls SET in_doubt = 1",
        "UPDATE calls SET state = 'in_doubt'",
        "UPDATE calls SET state = 'in_doubt', cost = 0, in_doubt = 10",
        "UPDATE calls SET state = 'in_doubt', cost = 5, in_doubt = 5",
        "UPDATE calls SET state = 'in_doubt', cost = NULL, in_doubt = 5",
        "UPDATE calls SET state = 'in_doubt', worst = NULL, cost = 0, in_doubt = 5",
        "UPDATE calls SET state = 'free'",
        "UPDATE calls SET attempt = 0",
        "UPDATE calls SET output_tokens = -1",
        "UPDATE calls SET input_tokens = -1",
        "UPDATE counters SET spent = -1",
        "UPDATE counters SET held = -1",
        "UPDATE counters SET in_doubt = -1",
        "UPDATE counters SET calls = -1",
        "INSERT INTO daily VALUES (0, 1, 'p', 'm', '', '{}', 'metered', 'settled', 'ok', 'computed', 1, -1, 0, 0, 0, 0, 0, 0, 0)",
        "INSERT INTO daily VALUES (0, 1, 'p', 'm', '', '{}', 'metered', 'settled', 'ok', 'computed', 1, 1, 0, 0, -1, 0, 0, 0, 0)",
    ],
)  # fmt: skip
def test_the_database_refuses_what_would_be_credit(book: SQLiteLedger, statement: str) -> None:
    """
    Whoever writes it, in whatever language.
    """
    before = dump(book.path)
    with contextlib.closing(sqlite3.connect(book.path)) as db, pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        db.execute(statement)

    assert before == dump(book.path)


def test_a_hold_below_zero_is_an_error_and_books_nothing(book: SQLiteLedger) -> None:
    """
    Also when a caller forgot to check it.
    """
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        book.apply([Held(Call(id="b", run="r", provider="p", model="m"), -1)])
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        book.settle("a", Settlement(cost=-1, source="computed"))

    good = Held(Call(id="c", run="r", provider="p", model="m"), 5)
    bad = Held(Call(id="d", run="r", provider="p", model="m"), -1)
    assert [True, False, True] == [
        one is None for one in book.apply([good, bad, replace(good, call=replace(good.call, id="e"))])
    ]

    (total,) = book.spending()
    assert (3, 19, 0) == (total.calls, total.held, total.cost)
    assert connection.SCHEMA == 4


@pytest.mark.parametrize("statement", [postings._INSERT, postings._SETTLE_HELD], ids=["hold", "settle"])
def test_what_is_stored_for_each_call_needs_no_table_in_passing(tmp_path: Path, statement: str) -> None:
    """
    To make one takes longer than to store the call.
    """
    with contextlib.closing(connection.connect(tmp_path / "ledger.db")) as db:
        steps = {row[1] for row in db.execute(f"EXPLAIN {statement}", ("",) * statement.count("?"))}

    assert "OpenWrite" in steps
    assert "OpenEphemeral" not in steps
