"""Sums per limit and period, exact in every transaction, so that a hold need not add up a year of calls."""

from __future__ import annotations

import json
from operator import add
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from llmo.ledger.periods import ALWAYS, Period
from llmo.ledger.records import counts, spelled
from llmo.ledger.sql import daily
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from llmo.config.profile import Window
    from llmo.ledger.periods import Windows
    from llmo.ledger.records import Call, Limit
    from llmo.ledger.sql.database import Database

KEEP = 30 * 86_400 * 1_000_000
"""Microseconds after which the counter of a past period or run is deleted; calls stay."""


READ = 86_400 * 1_000_000
"""Microseconds back whose counters are read at once: most calls that end in a transaction were held within them."""

_Key: TypeAlias = tuple[str, int, int, str]
"""Run, end, start and match of a counter."""


class CounterSums(NamedTuple):
    """Picodollars spent, held and in doubt, and the number of calls that are not released."""

    spent: int
    held: int
    in_doubt: int
    calls: int

    def plus(self, other: CounterSums) -> CounterSums:
        """The sums of both."""
        return CounterSums(*map(add, self, other))


COLUMNS = ", ".join(CounterSums._fields)
NOTHING = CounterSums(0, 0, 0, 0)
ENDED = "('settled', 'in_doubt')"
"""States of calls that have ended with a cost, as a list in SQL."""


class CallKey(NamedTuple):
    """What decides which counters include a call; a call counts in the period in which it was held."""

    run: str
    held_at: int
    provider: str
    model: str
    task: str
    tags: str

    @classmethod
    def of(cls, call: Call, held_at: int) -> CallKey:
        """The key of a call that is not stored yet."""
        return cls(call.run, held_at, call.provider, call.model, call.task, spelled(call.tags))


@dataclass(slots=True)
class Counter:
    """One row of the table, as it will be written back."""

    run: str
    period: Period
    match: str
    spent: int
    held: int
    in_doubt: int
    calls: int
    changed: bool = False

    def covers(self, call: CallKey) -> bool:
        """Whether this counter includes a call."""
        return (
            self.run in {"", call.run}
            and self.period.start <= call.held_at < self.period.end
            and counts(self.match, call.provider, call.model, call.task, call.tags)
        )


class Counters:
    """The counters that one transaction reads and changes; valid only inside it."""

    def __init__(self, db: Database, now: int, store: Callable[[], None]) -> None:
        """`store` stores what the transaction has not stored yet, before calls are added up."""
        self._db = db
        self._now = now
        self._store = store
        self._floor = 2**63 - 1
        self._counters: dict[_Key, Counter] = {}
        self._runs: set[str] = set()
        self._live: dict[CallKey, list[Counter]] = {}
        self._limited: dict[tuple[Window, str, CallKey], Counter] = {}

    def move(self, call: CallKey, *, spent: int = 0, held: int = 0, in_doubt: int = 0, calls: int = 0) -> None:
        """Add to every counter that includes the call."""
        if (live := self._live.get(call)) is None:
            self._load(call.held_at, call.run)
            live = self._live[call] = [counter for counter in self._counters.values() if counter.covers(call)]
        for counter in live:
            counter.spent += spent
            counter.held += held
            counter.in_doubt += in_doubt
            counter.calls += calls
            counter.changed = True

    def expect(self, runs: Iterable[str]) -> None:
        """Read the counters of many runs at once, before calls of each are moved."""
        wanted = sorted({*runs} - self._runs - {""})
        for at in range(0, len(wanted), 500):
            some = wanted[at : at + 500]
            self._read(f"run IN ({', '.join('?' * len(some))})", tuple(some))
        self._runs.update(wanted)

    def of(self, limit: Limit, call: CallKey, windows: Windows) -> Counter:
        """The counter of a limit for a call; its first use adds up the calls before."""
        known = (limit.window, limit.key, call)
        if (counter := self._limited.get(known)) is None:
            counter = self._limited[known] = self._found(limit, call, windows)
        return counter

    def _found(self, limit: Limit, call: CallKey, windows: Windows) -> Counter:
        run = call.run if limit.window == "run" else ""
        span = windows.period(limit.window, call.held_at)
        self._load(call.held_at, call.run)
        key = (run, span.end, span.start, limit.key)
        if key not in self._counters:
            self._store()
            sums = total(self._db, limit.key, span, run)
            self._counters[key] = Counter(run, span, limit.key, *sums)
            self._live.clear()
            self._db.execute(
                f'INSERT INTO counters (run, "end", start, match, {COLUMNS}, created)'  # noqa: S608 - constants
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*key, *sums, self._now),
            )
            self._drop_old()
        return self._counters[key]

    def write(self) -> None:
        """Store the counters that have changed."""
        self._db.executemany(
            "UPDATE counters SET spent = ?, held = ?, in_doubt = ?, calls = ?"
            ' WHERE run = ? AND "end" = ? AND start = ? AND match = ?',
            [(c.spent, c.held, c.in_doubt, c.calls, *key) for key, c in self._counters.items() if c.changed],
        )

    def _load(self, at: int, run: str) -> None:
        if at < self._floor:
            floor = min(at, self._now - READ)
            self._read('run = \'\' AND "end" > ? AND "end" <= ?', (floor, self._floor))
            self._floor = floor
        if run and run not in self._runs:
            self._read("run = ?", (run,))
            self._runs.add(run)

    def _read(self, where: str, values: tuple[str | int, ...]) -> None:
        rows = self._db.execute(
            f'SELECT run, "end", start, match, {COLUMNS} FROM counters WHERE {where}',  # noqa: S608 - constants
            values,
        )
        for run, end, start, match, *sums in rows:
            key = (run, end, start, match)
            self._counters.setdefault(key, Counter(run, Period(start, end), match, *sums))
        self._live.clear()

    def _drop_old(self) -> None:
        old = self._now - KEEP
        self._db.execute("DELETE FROM counters WHERE run = '' AND \"end\" < ?", (old,))
        self._db.execute("DELETE FROM counters WHERE run <> '' AND created < ?", (old,))


def peek(db: Database | None, wanted: Sequence[tuple[Limit, Period]], run: str) -> list[Counter]:
    """The sums of limits, without storing them; zero without a ledger, or for a limit of runs without a run."""
    keys = [(run if limit.window == "run" else "", span.end, span.start, limit.key) for limit, span in wanted]
    stored: dict[_Key, CounterSums] = {}
    if db is not None:
        for at in range(0, len(keys), 100):
            stored |= _stored(db, keys[at : at + 100])
    found = []
    for key, (limit, span) in zip(keys, wanted, strict=True):
        sums = stored.get(key, NOTHING)
        if db is not None and key not in stored and (key[0] or limit.window != "run"):
            sums = total(db, limit.key, span, key[0])
        found.append(Counter(key[0], span, limit.key, *sums))
    return found


def _stored(db: Database, keys: Sequence[_Key]) -> dict[_Key, CounterSums]:
    """The counters of these keys that there are, in one query: a server may be far away."""
    where = " OR ".join(['run = ? AND "end" = ? AND start = ? AND match = ?'] * len(keys))
    rows = db.execute(
        f'SELECT run, "end", start, match, {COLUMNS} FROM counters WHERE {where}',  # noqa: S608 - constants
        [value for key in keys for value in key],
    )
    return {(run, end, start, match): CounterSums(*sums) for run, end, start, match, *sums in rows}


def total(db: Database, match: str, span: Period, run: str = "") -> CounterSums:
    """Add up calls that have ended, from sums per day where possible, and calls in flight."""
    if run:
        return added(db, match, span, run)
    found = daily.cover(db, span, None, calendar=False)
    sums = added(db, match, span, state="state = 'held'")
    for days in daily.runs(found.days):
        sums = sums.plus(_fold(match, *_of_days(match, days), db))
    for gap in found.gaps:
        sums = sums.plus(added(db, match, gap, state=f"state IN {ENDED}"))
    return sums


def added(db: Database, match: str, span: Period, run: str = "", *, state: str = "state <> 'released'") -> CounterSums:
    """Add up the calls themselves, those in a state (SQL)."""
    by = _facts(match)
    where, values = [state], []
    if span != ALWAYS:
        where.append("held_at >= ? AND held_at < ?")
        values += [span.start, span.end]
    if run:
        where.append("run = ?")
    sql = f"""
        SELECT coalesce(sum(cost) FILTER (WHERE state IN {ENDED}), 0),
               coalesce(sum(worst) FILTER (WHERE state = 'held'), 0),
               coalesce(sum(in_doubt), 0), count(*), {", ".join(by) or "1"}
        FROM calls WHERE {" AND ".join(where)} GROUP BY {", ".join(by) or "1 = 1"}
        """  # noqa: S608 - column names from above
    return _fold(match, sql, (*values, *((run,) if run else ())), db)


def _of_days(match: str, span: Period) -> tuple[str, tuple[int | str, ...]]:
    by = ", ".join(_facts(match))
    sql = f"""
        SELECT sum(cost), 0, sum(in_doubt), sum(calls), {by or "1"} FROM daily
        WHERE start >= ? AND start < ? AND state IN {ENDED} GROUP BY {by or "1 = 1"}
        """  # noqa: S608 - column names from above
    return sql, span


def _facts(match: str) -> list[str]:
    """The columns of `calls` that a match depends on."""
    needed = {key if key in {"provider", "model", "task"} else "tags" for key in json.loads(match)}
    return sorted(needed | ({"provider"} if "model" in needed else set()))


def _fold(match: str, sql: str, values: tuple[int | str, ...], db: Database) -> CounterSums:
    by, sums = _facts(match), NOTHING
    for spent, held, in_doubt, calls, *found in db.execute(sql, values):
        facts = {"provider": "", "model": "", "task": "", "tags": "{}", **dict(zip(by, found, strict=False))}
        if counts(match, facts["provider"], facts["model"], facts["task"], facts["tags"]):
            sums = sums.plus(CounterSums(spent, held, in_doubt, calls))
    return sums
