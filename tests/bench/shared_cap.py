"""
Many processes at once on one cap: how many calls pass, and how fast, in a file and in a database.

    python tests/bench/shared_cap.py [PROCESSES CALLS MONEY]     (20 600 10 by default)

First all calls race for money for a few of them, which no process may exceed. Then as many holds are settled without
a limit that refuses any: how many of both go through a second, one process alone and all at once.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

ROOT = Path(__file__).parents[2]
PRICE = 10**12
WORKER = """
import sys, time
from pathlib import Path
from llmo.ledger.records import Call, Limit, Settlement
from llmo.ledger.refusals import OverBudget
from llmo.types.clock import SystemClock
where, me, calls, usd = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
if where.startswith("postgresql:"):
    from llmo.ledger.postgres.ledger import PostgresLedger
    ledger = PostgresLedger(where, "ledger", SystemClock(), "UTC", spool=Path("nowhere"))
else:
    from llmo.ledger.sqlite.ledger import SQLiteLedger
    ledger = SQLiteLedger(Path(where), SystemClock(), "UTC")
ledger.patience = 600.0
limits = (Limit(name="team", usd=usd, window="day"), Limit(name="calls", calls=10**9))
ledger.status(limits)
print("ready", flush=True)
sys.stdin.readline()
admitted = 0
from llmo.ledger.records import Held, Settled
for number in range(calls):
    call = Call(id=f"{me}-{number}", run=me, provider="p", model="m", tags={"who": me})
    (refused,) = ledger.apply([Held(call, 10**12, limits)], patience=600.0)
    if refused is None:
        admitted += 1
        ledger.apply([Settled(call.id, Settlement(cost=10**12, source="computed"))], patience=600.0)
ledger.close()
print(admitted)
"""


@dataclass(frozen=True)
class Found:
    """What came of one race; money is counted in calls that it pays for."""

    admitted: int
    refused: int
    overspent: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Holds that were decided, with their settlements, per second."""
        return (self.admitted + self.refused) / self.seconds


def race(where: str, *, processes: int, calls: int, money: int) -> Found:
    """Have each of many processes ask for many calls, all from the same moment on, with money for a few."""
    args = [where, str(calls), str(money * PRICE)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, args[0], f"p{number}", *args[1:]],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    begun = time.perf_counter()
    admitted = [int(worker.communicate("\n")[0]) for worker in _told(workers)]
    seconds = time.perf_counter() - begun
    assert [0] * processes == [worker.returncode for worker in workers]
    return Found(sum(admitted), processes * calls - sum(admitted), max(0, _spent(where) - money), seconds)


def _told(workers: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    return workers


def _spent(where: str) -> int:
    """Calls that are paid for, as the ledger says it."""
    if where.startswith("postgresql:"):
        import psycopg

        with psycopg.connect(where) as server:
            row = server.execute("SELECT coalesce(sum(coalesce(cost, worst)), 0) FROM llmo.calls").fetchone()
    else:
        import contextlib
        import sqlite3

        with contextlib.closing(sqlite3.connect(where)) as db:
            row = db.execute("SELECT coalesce(sum(coalesce(cost, worst)), 0) FROM calls").fetchone()
    assert row is not None
    return int(row[0]) // PRICE


def main(processes: int, calls: int, money: int) -> None:
    """Print the table."""
    from tests.servers import postgres

    print(f"{processes} processes x {calls} calls, money for {money}")
    head = ("ledger", "race", "asked", "admitted", "refused", "overspent", "seconds", "calls/s")
    print("".join(f"{word:>12}" for word in head))
    durable = "fsync = on\nfull_page_writes = on\n"
    with tempfile.TemporaryDirectory() as directory:
        servers = {"postgresql": postgres.Server(config=durable), "pg, no fsync": postgres.Server()}
        try:
            for name in ("sqlite", *servers):
                for title, how in (
                    ("cap", {"processes": processes, "calls": calls, "money": money}),
                    ("alone", {"processes": 1, "calls": calls, "money": 10**6}),
                    ("together", {"processes": processes, "calls": calls // 10, "money": 10**6}),
                ):
                    where = str(Path(directory) / f"{title}.db") if name == "sqlite" else servers[name].unused()
                    found = race(where, **how)
                    asked = found.admitted + found.refused
                    row = (name, title, asked, found.admitted, found.refused, found.overspent)
                    print(
                        "".join(f"{value:>12}" for value in row) + f"{found.seconds:>12.1f}{found.per_second:>12.0f}",
                        flush=True,
                    )
        finally:
            for server in servers.values():
                server.close()


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]) if len(sys.argv) == 4 else (20, 600, 10))
