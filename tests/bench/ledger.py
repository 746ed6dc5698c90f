"""
What booking and reporting cost: `python -m tests.bench.ledger [CALLS]`.

A year of calls (default one million) is there already. Prints milliseconds of reports, of a direct hold
(beside a loop that does nothing, for what the machine adds), microseconds of a hold with its settlement in a
batch (wall clock and CPU), and milliseconds of the first hold under a budget that nobody has seen before.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from llmo.ledger.grouped import GroupedAccount
from llmo.ledger.records import Call, Limit, Settlement
from llmo.ledger.sql.daily import rebuild
from llmo.ledger.sqlite.connection import writing
from llmo.ledger.sqlite.ledger import SQLiteLedger
from llmo.types.clock import SystemClock
from llmo.types.events import Usage
from llmo.types.money import DOLLAR

LIMITS = (
    Limit(name="day", usd=1000 * DOLLAR, window="day"),
    Limit(name="month", usd=9000 * DOLLAR, window="month", match={"provider": "openai"}),
    Limit(name="--max-cost", usd=1000 * DOLLAR, window="run"),
)
COST = Settlement(cost=10**8, source="computed", usage=Usage(900, 90), duration_s=1.5, first_token_s=0.4)
YEAR = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :calls)
INSERT INTO calls (id, run, attempt, provider, model, task, tags, billing, state, outcome, worst, cost, source,
                   input_tokens, output_tokens, held_at, ended_at, duration_s, first_token_s,
                   owner_pid, owner_started, owner_boot)
SELECT printf('old%023d', i), 'run' || (i / 1000), 1, iif(i % 3, 'openai', 'groq'), 'm' || (i % 7), 'general',
       iif(i % 2, '{}', '{"team": "a"}'), 'metered', 'settled', 'ok', 2000000, 1000000, 'computed', 900, 90,
       :now - (:calls - i) * (31536000000000 / :calls), :now, 1.5, 0.4, 1, '1', 'x'
FROM n
"""


def call(number: int) -> Call:
    """A call like any other."""
    tags = {"team": "a"}
    return Call(id=f"{number:026}", run="r", provider="openai", model="m1", task="general", tags=tags)


def direct(ledger: SQLiteLedger, calls: int = 3000) -> tuple[list[float], list[float]]:
    """Milliseconds of each hold as an ask takes it: by the clock, and how long a bare loop of that length is held up."""
    took, idle = [], []
    for number in range(calls):
        begun = time.perf_counter()
        ledger.hold(call(number), 10**9, LIMITS)
        took.append((time.perf_counter() - begun) * 1e3)
        ledger.settle(f"{number:026}", COST)
        ledger.checkpoint()
        begun = time.perf_counter()
        sum(range(10_000))
        idle.append((time.perf_counter() - begun) * 1e3)
    return took, idle


def reports(ledger: SQLiteLedger) -> None:
    """Print milliseconds of what `llmo cost` asks of a year."""
    for by in (["provider", "model"], ["day", "model"], ["month", "tag:team"], ["run"]):
        begun = time.perf_counter()
        groups = len(ledger.spending(by))
        print(f"cost by {' and '.join(by):20} {(time.perf_counter() - begun) * 1e3:6.0f} ms, {groups} groups")


async def batch(ledger: SQLiteLedger, calls: int = 20_000, width: int = 200) -> tuple[float, float]:
    """Microseconds of a hold and its settlement, many at once: by the clock and of the CPU."""
    account = GroupedAccount(ledger, LIMITS)
    numbers = iter(range(10**6, 10**6 + calls))

    async def worker() -> None:
        for number in numbers:
            hold = await account.hold(call(number), 10**9)
            await hold.settle(COST)

    begun, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(width)))
    took = time.perf_counter() - begun, time.process_time() - used
    await account.close()
    return took[0] / calls * 1e6, took[1] / calls * 1e6


def timed(ledger: SQLiteLedger, number: int, limit: Limit) -> float:
    """Milliseconds of one hold."""
    begun = time.perf_counter()
    ledger.hold(call(number), 1, [limit])
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    """Measure and print."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as directory:
        ledger = SQLiteLedger(Path(directory) / "ledger.db", SystemClock(), "Europe/Berlin")
        ledger.hold(call(-1), 1)
        ledger._db().execute(YEAR, {"calls": calls, "now": int(time.time() * 1e6)})
        with writing(ledger._db(), ledger.path):
            rebuild(ledger._db(), ledger.zone)
        reports(ledger)
        plain = timed(ledger, -2, Limit(name="all", usd=10**18))
        tagged = timed(ledger, -3, Limit(name="team", usd=10**18, match={"tag.team": "a", "model": "m*"}))
        took, idle = direct(ledger)
        wall, cpu = asyncio.run(batch(ledger))
        ledger.close()
    print(f"{calls} calls before")
    for what, times in (("direct hold", took), ("nothing", idle)):
        print(f"{what:15} {median(times):.2f} ms median, {quantiles(times, n=100)[98]:.2f} ms p99")
    print(f"hold and settle {wall:.0f} µs, {cpu:.0f} µs CPU in a batch of 200 at once")
    print(f"a new budget    {plain:.0f} ms over all calls, {tagged:.0f} ms by tag and model")


if __name__ == "__main__":
    main()
