"""The ledger in an SQL database: the operations that only read it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any

from llmo.ledger import periods
from llmo.ledger.periods import Windows
from llmo.types.dataclass import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import tzinfo

    from llmo.ledger.breakers import Breaker, Circuit
    from llmo.ledger.records import BudgetStatus, Doubt, Latency, Limit, RecentCall
    from llmo.ledger.reports import Spending, Times
    from llmo.ledger.sql.database import Database
    from llmo.types.clock import Clock
    from llmo.types.messages import Target
    from llmo.types.money import Pico


class SqlReader(ABC):
    """Sums, limits and times from the database, which is opened when it is first needed; reading creates nothing."""

    def __init__(self, clock: Clock, timezone: str | None = None) -> None:
        self._clock = clock
        self._timezone = timezone
        self.patience = inf
        """Seconds that each use waits for other processes; the backend may wait for less."""
        self.until: float | None = None
        """The instant (`time.monotonic`) at which all waiting ends."""
        self._windows: Windows | None = None

    @property
    def zone(self) -> tzinfo | None:
        """The time zone of windows and days; None is the system's. Raises `ConfigError`."""
        return periods.zone(self._timezone)

    @property
    def windows(self) -> Windows:
        """Those of that zone. Raises `ConfigError`."""
        if self._windows is None:
            self._windows = Windows(self.zone)
        return self._windows

    def status(self, limits: Sequence[Limit], run: str = "", *, live: bool = False) -> list[BudgetStatus]:
        """
        What each limit has spent, held and in doubt in its current window; limits of a run count calls of `run`.

        With `live` also how much of what is held belongs to running processes, in one snapshot.
        """
        from llmo.ledger.sql import queries
        from llmo.ledger.sql.counters import peek
        from llmo.ledger.sql.postings import status

        db, now, windows = self._reader(), self._now(), self.windows
        spans = [windows.period(limit.window, now) for limit in limits]
        with self._explained(), self._snapshot(db) if db and live else nullcontext():
            sums = peek(db, list(zip(limits, spans, strict=True)), run)
            found = [status(limit, one, windows.where) for limit, one in zip(limits, sums, strict=True)]
            if not live:
                return found
            return [replace(of, live=amount) for of, amount in zip(found, queries.live(db, sums, now), strict=True)]

    def latency(self, target: Target) -> Latency | None:
        """Medians over the last successful calls of a target; None without any whose answer was streamed."""
        from llmo.ledger.sql import queries

        db = self._reader()
        with self._explained():
            return queries.latency(db, target) if db else None

    def breaker(self, circuit: Circuit) -> Breaker | None:
        """What failures of a target left, None when nothing of note."""
        from llmo.ledger.sql import breakers

        db = self._reader()
        with self._explained():
            return breakers.find(db, circuit) if db else None

    def cooling(self, provider: str) -> float:
        """Seconds until the latest time that a provider named for one of its models is over."""
        from llmo.ledger.sql import breakers

        db = self._reader()
        with self._explained():
            return breakers.cooling(db, provider, self._clock.now()) if db else 0.0

    def spending(
        self,
        by: Sequence[str] = (),
        *,
        since: float | None = None,
        until: float | None = None,
        run: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> list[Spending]:
        """Sums per group; keys as in `llmo.ledger.sql.spending`, instants in seconds since the epoch."""
        from llmo.ledger.reports import Filter
        from llmo.ledger.sql import spending

        db = self._reader()
        if db is None:
            return []
        only = Filter(_micro(since), _micro(until), run, tuple((tags or {}).items()))
        with self._explained(), self._snapshot(db):
            return spending.spending(db, by, self.zone, only)

    def times(self, targets: Sequence[tuple[str, str]], since: float | None, until: float | None) -> list[Times]:
        """How long the last successful calls of these targets took."""
        from llmo.ledger.reports import Filter
        from llmo.ledger.sql import queries

        db = self._reader()
        with self._explained():
            return list(queries.times(db, targets, Filter(_micro(since), _micro(until)).span)) if db else []

    def recent_calls(self, most: int) -> list[RecentCall]:
        """The latest calls, latest first."""
        from llmo.ledger.sql import queries

        db = self._reader()
        with self._explained():
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
        from llmo.ledger.sql import export

        if (db := self._reader()) is not None:
            with self._explained():
                only = Filter(_micro(since), _micro(until), run, tuple((tags or {}).items()))
                yield from export.lines(self._many(db, *export.query(only)))

    def doubts(self, run: str | None = None) -> list[Doubt]:
        """Calls that may have cost more than is known, of one run or of all."""
        from llmo.ledger.sql import queries

        db = self._reader()
        with self._explained():
            return list(queries.doubts(db, run)) if db else []

    def stranded(self, run: str | None = None) -> tuple[int, Pico]:
        """How many calls crashed processes left behind, of one run or of all, and what they hold."""
        from llmo.ledger.sql import queries

        db = self._reader()
        with self._explained():
            return queries.stranded(db, run, self._now()) if db else (0, 0)

    def lost_rows(self, run: str) -> list[str]:
        """Rows of a run that were in flight when their process crashed; known after `reconcile`."""
        from llmo.ledger.sql import queries

        db = self._reader()
        with self._explained():
            return queries.lost_rows(db, run) if db else []

    @abstractmethod
    def _db(self, patience: float | None = None) -> Database:
        """The open connection, whose next statements wait `patience` seconds for other processes."""

    @abstractmethod
    def _reader(self) -> Database | None:
        """The open connection; None where there is no ledger yet."""

    @abstractmethod
    def _explained(self) -> AbstractContextManager[None]:
        """Turn errors of the database into `ConfigError` and `Locked`; errors of one entry pass unchanged."""

    @abstractmethod
    def _snapshot(self, db: Any) -> AbstractContextManager[None]:
        """One snapshot for several queries."""

    def _many(self, db: Database, sql: str, values: Sequence[str | int]) -> Iterable[Any]:
        """Rows of a query that may have more of them than fit into memory."""
        return db.execute(sql, values)

    def _left(self, most: float) -> float:
        """Seconds that a use may wait: at most `most`, less where the caller or the command has less time."""
        left = inf if self.until is None else max(0.0, self.until - monotonic())
        return min(most, self.patience, left)

    def _now(self) -> int:
        return int(self._clock.now() * 1_000_000)


def _micro(at: float | None) -> int | None:
    return None if at is None else int(at * 1_000_000)
