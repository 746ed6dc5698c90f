"""The ledger in an SQLite file: the operations that only read it."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import replace
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from llmo.ledger import periods

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo
    from pathlib import Path

    from llmo.ledger.records import BudgetStatus, Doubt, Latency, Limit, RecentCall
    from llmo.ledger.reports import Spending, Times
    from llmo.types.clock import Clock
    from llmo.types.messages import Target
    from llmo.types.money import Pico


class LedgerReader:
    """Sums, limits and times from the file, which is opened when it is first needed; reading creates none."""

    def __init__(self, path: Path, clock: Clock, timezone: str | None = None) -> None:
        self.path = path
        self._clock = clock
        self._timezone = timezone
        self.patience = inf
        """Seconds that each use waits for other processes, up to `connection.PATIENCE`."""
        self.until: float | None = None
        """The instant (`time.monotonic`) at which all waiting ends."""
        self._open: tuple[int, sqlite3.Connection] | None = None
        self._file: tuple[int, int] | None = None
        self._moved = 0

    @property
    def zone(self) -> tzinfo | None:
        """The time zone of windows and days; None is the system's. Raises `ConfigError`."""
        return periods.zone(self._timezone)

    def status(self, limits: Sequence[Limit], run: str = "", *, live: bool = False) -> list[BudgetStatus]:
        """
        What each limit has spent, held and in doubt in its current window; limits of a run count calls of `run`.

        With `live` also how much of what is held belongs to running processes, in one snapshot.
        """
        from llmo.ledger.sqlite import queries
        from llmo.ledger.sqlite.connection import reading
        from llmo.ledger.sqlite.counters import peek
        from llmo.ledger.sqlite.faults import explained
        from llmo.ledger.sqlite.postings import status

        db, now, where = self._reader(), self._now(), self.zone
        spans = [periods.period(limit.window, now, where) for limit in limits]
        with explained(self.path), reading(db) if db and live else nullcontext():
            sums = [peek(db, limit, span, run) for limit, span in zip(limits, spans, strict=True)]
            found = [status(limit, one, where) for limit, one in zip(limits, sums, strict=True)]
            if not live:
                return found
            return [replace(of, live=amount) for of, amount in zip(found, queries.live(db, sums), strict=True)]

    def latency(self, target: Target) -> Latency | None:
        """Medians over the last successful calls of a target; None without any whose answer was streamed."""
        from llmo.ledger.sqlite import queries
        from llmo.ledger.sqlite.faults import explained

        db = self._reader()
        with explained(self.path):
            return queries.latency(db, target) if db else None

    def cooling(self, target: Target) -> float:
        """Seconds until a target, or its whole provider, may be used again."""
        return self.cooling_reason(target)[0]

    def cooling_reason(self, target: Target) -> tuple[float, str]:
        """The same, with the reason that was stored."""
        from llmo.ledger.sqlite import queries
        from llmo.ledger.sqlite.faults import explained

        db = self._reader()
        with explained(self.path):
            return queries.cooling(db, target, self._now()) if db else (0.0, "")

    def spending(
        self,
        by: Sequence[str] = (),
        *,
        since: float | None = None,
        until: float | None = None,
        run: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> list[Spending]:
        """Sums per group; keys as in `llmo.ledger.sqlite.spending`, instants in seconds since the epoch."""
        from llmo.ledger.reports import Filter
        from llmo.ledger.sqlite import spending
        from llmo.ledger.sqlite.connection import reading
        from llmo.ledger.sqlite.faults import explained

        db = self._reader()
        if db is None:
            return []
        only = Filter(_micro(since), _micro(until), run, tuple((tags or {}).items()))
        with explained(self.path), reading(db):
            return spending.spending(db, by, self.zone, only)

    def times(self, targets: Sequence[tuple[str, str]], since: float | None, until: float | None) -> list[Times]:
        """How long the last successful calls of these targets took."""
        from llmo.ledger.reports import Filter
        from llmo.ledger.sqlite import queries
        from llmo.ledger.sqlite.faults import explained

        db = self._reader()
        with explained(self.path):
            return list(queries.times(db, targets, Filter(_micro(since), _micro(until)).span)) if db else []

    def recent_calls(self, most: int) -> list[RecentCall]:
        """The latest calls, latest first."""
        from llmo.ledger.sqlite import queries
        from llmo.ledger.sqlite.faults import explained

        db = self._reader()
        with explained(self.path):
            return list(queries.recent_calls(db, most)) if db else []

    def export_calls(
        self,
        since: float | None = None,
        until: float | None = None,
        run: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Iterator[str]:
        """The selected calls as lines of JSON, oldest first."""
        from llmo.ledger.reports import Filter
        from llmo.ledger.sqlite import export
        from llmo.ledger.sqlite.faults import explained

        if (db := self._reader()) is not None:
            with explained(self.path):
                only = Filter(_micro(since), _micro(until), run, tuple((tags or {}).items()))
                yield from export.lines(db, only)

    def doubts(self, run: str | None = None) -> list[Doubt]:
        """Calls that may have cost more than is known, of one run or of all."""
        from llmo.ledger.sqlite import queries
        from llmo.ledger.sqlite.faults import explained

        db = self._reader()
        with explained(self.path):
            return list(queries.doubts(db, run)) if db else []

    def stranded(self, run: str | None = None) -> tuple[int, Pico]:
        """How many calls crashed processes left behind, of one run or of all, and what they hold."""
        from llmo.ledger.sqlite import queries
        from llmo.ledger.sqlite.faults import explained

        db = self._reader()
        with explained(self.path):
            return queries.stranded(db, run) if db else (0, 0)

    def lost_rows(self, run: str) -> list[str]:
        """Rows of a run that were in flight when their process crashed; known after `reconcile`."""
        from llmo.ledger.sqlite import queries
        from llmo.ledger.sqlite.faults import explained

        db = self._reader()
        with explained(self.path):
            return queries.lost_rows(db, run) if db else []

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._open:
            self._open[1].close()
            self._open, self._moved = None, 0

    def _db(self, patience: float | None = None) -> sqlite3.Connection:
        """The open connection, whose next statements wait `patience` seconds for other processes."""
        from llmo.ledger.sqlite import connection

        if patience is None:
            left = inf if self.until is None else max(0.0, self.until - monotonic())
            patience = min(connection.PATIENCE, self.patience, left)
        # SQLite connections do not survive a fork.
        if self._open is None or self._open[0] != os.getpid():
            self._open = (os.getpid(), connection.connect(self.path, self.zone, patience))
            self._file = connection.identity(self.path)
        elif connection.identity(self.path) != self._file:
            self.close()
            raise connection.replaced(self.path)
        connection.wait(self._open[1], patience)
        return self._open[1]

    def _reader(self) -> sqlite3.Connection | None:
        from llmo.ledger.sqlite.faults import there

        return self._db() if self._open or there(self.path) else None

    def _now(self) -> int:
        return int(self._clock.now() * 1_000_000)


def _micro(at: float | None) -> int | None:
    return None if at is None else int(at * 1_000_000)
