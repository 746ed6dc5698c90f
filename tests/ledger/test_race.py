"""Twenty processes at once: one schema, and exactly as many calls as the cap allows."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from llmo.ledger.records import Call, Limit, Settlement
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock
from tests.bench import shared_cap
from tests.servers import postgres

ROOT = Path(__file__).parents[2]
OPENED = """
import sys
from pathlib import Path
from llmo.types.clock import SystemClock
where = sys.argv[1]
if where.startswith("postgresql:"):
    from llmo.ledger.postgres.ledger import PostgresLedger
    ledger = PostgresLedger(where, "ledger", SystemClock(), "UTC", spool=Path("nowhere"))
else:
    from llmo.ledger.sqlite.ledger import SQLiteLedger
    ledger = SQLiteLedger(Path(where), SystemClock(), "UTC")
"""
WORKER = """
import os, sys
from llmo.ledger.records import Call, Limit, Settlement
from llmo.ledger.refusals import OverBudget
me = sys.argv[2]
limits = [Limit(name="dollars", usd=1000), Limit(name="calls", calls=10)]
sys.stdin.readline()
passed = 0
for number in range(10):
    try:
        ledger.hold(Call(id=f"{me}-{number}", run="r", provider="p", model="m"), 100, limits)
    except OverBudget:
        continue
    passed += 1
    ledger.settle(f"{me}-{number}", Settlement(cost=100, source="computed"))
print(passed)
"""
KILLED = """
import os, signal, sys
from llmo.ledger.records import Call, Settlement
for number in range(10**6):
    ledger.hold(Call(id=str(number), run="r", provider="p", model="m"), 100)
    ledger.settle(str(number), Settlement(cost=7, source="computed"))
    os.write(1, f"{number}\\n".encode())
"""


def opened(storage, where):
    if storage.kind == "sqlite":
        return SQLiteLedger(Path(where), SystemClock(), "UTC")
    from llmo.ledger.postgres.ledger import PostgresLedger

    return PostgresLedger(where, "ledger", SystemClock(), "UTC", spool=storage.directory / "spool")


def start(script, *args):
    opened = OPENED if "ledger =" not in script else ""
    return subprocess.Popen(
        [sys.executable, "-c", opened + script, *args],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


@pytest.fixture
def where(storage):
    """A ledger that nobody has opened."""
    return str(storage.directory / "new" / "ledger.db") if storage.kind == "sqlite" else postgres.shared().unused()


def test_twenty_first_starts_at_once_share_one_cap(storage, where):
    """
    Nobody fails, nothing is half migrated, ten calls pass: neither nine nor eleven.
    """
    workers = [start(WORKER, where, str(number)) for number in range(20)]
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    results = [worker.communicate() for worker in workers]
    ledger = opened(storage, where)
    (dollars, calls) = ledger.status([Limit(name="dollars", usd=1000), Limit(name="calls", calls=10)])
    ledger.close()

    assert [""] * 20 == [errors for _, errors in results]
    assert 10 == sum(int(passed) for passed, _ in results)
    assert (1000, 0, 10, 10) == (dollars.spent, dollars.held, dollars.calls, calls.calls)


def test_a_kill_loses_no_settled_amount(storage, where):
    """
    What was said to be booked is booked; the call in flight stays held until it is reconciled.
    """
    worker = start(KILLED, where)
    said = [worker.stdout.readline() for _ in range(50)]
    worker.kill()
    said += worker.stdout.read().splitlines()
    worker.communicate()
    ledger = opened(storage, where)
    reported = len([line for line in said if line.strip()])
    (total,) = ledger.spending()
    lost = ledger.reconcile()
    after = ledger.spending()[0]
    intact = ledger._db().execute("PRAGMA integrity_check").fetchone()[0] if storage.kind == "sqlite" else "ok"
    ledger.close()

    assert total.calls - total.in_flight in {reported, reported + 1}
    assert [("r", 100)] * total.in_flight == lost
    assert (7 * (total.calls - total.in_flight) + 100 * len(lost), 0) == (after.cost, after.in_flight)
    assert "ok" == intact


def test_sixty_calls_of_twenty_processes_are_given_money_for_ten(storage, where):
    """
    The short form of tests/bench/shared_cap.py: nobody is refused for nothing, nobody is admitted too much.
    """
    found = shared_cap.race(where, processes=6, calls=10, money=10)

    assert (10, 50, 0) == (found.admitted, found.refused, found.overspent)


def test_a_migration_that_fails_leaves_nothing(tmp_path, monkeypatch):
    """
    All steps or none; the next start makes it whole.
    """
    from llmo.ledger.sqlite import connection, schema

    path = tmp_path / "ledger.db"
    with monkeypatch.context() as patch:
        patch.setattr(connection, "MIGRATIONS", ((*schema.MIGRATIONS[0], "CREATE TABLE broken ("),))
        with pytest.raises(sqlite3.OperationalError, match="incomplete input"):
            connection.connect(path)
    assert [] == list(tmp_path.iterdir())
    ledger = SQLiteLedger(path, SystemClock(), "UTC")
    ledger.hold(Call(id="a", run="r", provider="p", model="m"), 1)
    ledger.settle("a", Settlement(cost=1, source="computed"))
    ledger.close()


LEAVING = """
import sys
from pathlib import Path
from llmo.ledger.records import Call
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock
ledger = SQLiteLedger(Path(sys.argv[1]), SystemClock(), "UTC")
ledger.hold(Call(id="other", run="r", provider="p", model="m"), 1)
ledger.close()
"""


def test_a_second_connection_of_a_process_leaves_the_locks_of_the_first(tmp_path):
    """
    A process that comes and goes does not take the log away from one that has two connections, as a batch has.
    """
    path = tmp_path / "ledger.db"
    first, second = (SQLiteLedger(path, SystemClock(), "UTC") for _ in range(2))
    for number, ledger in enumerate((first, second)):
        ledger.hold(Call(id=f"before {number}", run="r", provider="p", model="m"), 1)
    second.close()
    log = path.with_name("ledger.db-wal").stat().st_ino
    other = start(LEAVING, str(path))
    assert ("", 0) == (other.communicate()[1], other.returncode)
    first.hold(Call(id="after", run="r", provider="p", model="m"), 1)
    told = SQLiteLedger(path, SystemClock(), "UTC")

    assert log == path.with_name("ledger.db-wal").stat().st_ino
    assert 4 == len(list(told.export_calls()))
    first.close()
    told.close()
