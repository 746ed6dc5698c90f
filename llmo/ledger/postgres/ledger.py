"""The ledger in a PostgreSQL database: laptops and CI runners share its budgets."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg

from llmo.errors import ConfigError
from llmo.ledger import processes
from llmo.ledger.postgres import faults
from llmo.ledger.postgres.spool import Spool
from llmo.ledger.records import Held, Released, Settled, Settlement
from llmo.ledger.sql.ledger import SqlLedger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from llmo.ledger.postgres.connection import PostgresConnection
    from llmo.ledger.processes import Owner
    from llmo.ledger.records import Entry
    from llmo.types.clock import Clock


PATIENCE = 10.0
"""Seconds to wait for other writers by default; each of them writes for milliseconds."""
ANSWER_S, REPORT_S, LEAST_S = 10.0, 60.0, 2.0
"""Seconds that the server has for a statement that writes, for one of a report, and when the command's time is up."""
_FIND = "SELECT 1 FROM calls WHERE id = ?"
CHARGED = Settlement(cost=None, source="estimated", outcome="unstorable")
MOST_KEY = 2000
"""Bytes that the names of a call may have together: an index takes 2,700 in one entry."""


class PostgresLedger(SqlLedger):
    """
    `llmo.ledger.backend.Ledger` over a database; an object is used by one thread.

    A settlement that the database can't take is kept in `spool`, and applied when it is reached again, by any
    process of this user. Every method raises `ConfigError` when the database can't be used.
    """

    def __init__(self, url: str, name: str, clock: Clock, timezone: str | None = None, *, spool: Path) -> None:
        """`name` is the address without its password, for messages."""
        super().__init__(clock, timezone)
        self.url, self.name = url, name
        self.spool = Spool(spool)
        self._open: tuple[int, PostgresConnection] | None = None
        self._ledger = ""

    def clone(self) -> PostgresLedger:
        """The same ledger, with a connection of its own for another thread."""
        other = PostgresLedger(self.url, self.name, self._clock, self._timezone, spool=self.spool.directory)
        other.patience, other.until, other._ledger = self.patience, self.until, self._ledger
        return other

    def apply(self, entries: Sequence[Entry], *, patience: float | None = None) -> list[Exception | None]:
        """
        Apply entries as `SqlLedger.apply` does; ends of calls that can't be stored are kept in the spool.

        A call whose hold may have been stored without our knowing is released there.
        """
        long = [_too_long(entry) for entry in entries]
        rest = [entry for entry, error in zip(entries, long, strict=True) if error is None]
        if long and not rest and len(entries) == 1 and long[0]:
            raise long[0]
        results = iter(self._reached(rest, patience))
        return [next(results) if error is None else error for error in long]

    def spooled(self) -> int:
        """How many calls have an end that only this machine knows."""
        return self.spool.count(self._ledger)

    def checkpoint(self) -> None:
        """Nothing is postponed."""

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        if self._open and self._open[0] == os.getpid():
            self._open[1].close()
        self._open = None

    def _reached(self, entries: Sequence[Entry], patience: float | None) -> list[Exception | None]:
        try:
            return super().apply(entries, patience=patience)
        except ConfigError as exc:
            failure, unsure = exc, self._unsure
        if isinstance(failure, faults.Unreachable) and self._open is not None:
            # A server that was restarted is there again; one that could not be connected to takes no second try.
            with suppress(ConfigError):
                return self._again(entries, patience) if unsure else super().apply(entries, patience=patience)
            unsure = unsure or self._unsure
        return self._kept(entries, failure, unsure=unsure)

    @property
    def _unsure(self) -> bool:
        """Whether the connection was lost while a transaction ended."""
        return self._open is not None and self._open[1].committing

    def _again(self, entries: Sequence[Entry], patience: float | None) -> list[Exception | None]:
        """Apply entries that may have been stored, as a whole, when the connection was lost."""
        db, stored = self._db(patience), set[str]()
        # The server may still be at it: who has the lock of writers sees how that ended.
        with self._writing(db):
            for entry in entries:
                if isinstance(entry, Held) and db.execute(_FIND, (entry.call.id,)).fetchone():
                    stored.add(entry.call.id)
        rest = [entry for entry in entries if not (isinstance(entry, Held) and entry.call.id in stored)]
        results = iter(super().apply(rest, patience=patience) if rest else [])
        return [None if isinstance(entry, Held) and entry.call.id in stored else next(results) for entry in entries]

    def _kept(self, entries: Sequence[Entry], failure: ConfigError, *, unsure: bool) -> list[Exception | None]:
        """Keep the ends of calls; raises `failure` where there is none, and has it as the result of each hold."""
        ends = [entry for entry in entries if not isinstance(entry, Held)]
        if unsure:
            ends += [Released(entry.call.id, "cancelled") for entry in entries if isinstance(entry, Held)]
        if not self._ledger or not ends:
            raise failure
        self.spool.keep(self._ledger, ends)
        for end in ends:
            self._held.pop(end.id, None)
        if all(isinstance(entry, Held) for entry in entries):
            raise failure
        return [failure if isinstance(entry, Held) else None for entry in entries]

    def _db(self, patience: float | None = None) -> PostgresConnection:
        db = self._connected(patience, create=True)
        assert db is not None
        return db

    def _reader(self) -> PostgresConnection | None:
        return self._connected(None, create=False)

    def _connected(self, patience: float | None, *, create: bool) -> PostgresConnection | None:
        """The open connection with the ends of calls applied that were kept; None where there is no ledger."""
        from llmo.ledger.postgres import connection

        wait_s = self._left(PATIENCE) if patience is None else patience
        answer_s = max(LEAST_S, self._left(ANSWER_S if create else REPORT_S))
        if self._open is not None and not (self._open[0] == os.getpid() and self._open[1].usable):
            self.close()  # a connection does not survive a fork, nor its server
        if self._open is None or (create and not self._open[1].ledger):
            self.close()
            try:
                self._open = os.getpid(), connection.connect(self.url, self.name, create=create, within=answer_s)
            except faults.Unreachable as exc:
                exc.hint = "; ".join(filter(None, [exc.hint, self._waiting()]))
                raise
        db = self._open[1]
        db.wait_s, db.answer_s = wait_s, answer_s
        if not db.ledger:
            return None
        self._ledger = db.ledger
        for path in self.spool.waiting(db.ledger):
            self._take_over(db, path)
        return db

    def _waiting(self) -> str:
        """What is to be said of ends that are kept here."""
        count = self.spooled()
        return f"what {count} call{'s' if count > 1 else ''} cost is kept in {self.spool.directory}" if count else ""

    def _take_over(self, db: PostgresConnection, path: Path) -> None:
        """Apply the ends of calls in a file, then remove it."""
        try:
            entries = self.spool.read(path)
        except ValueError:
            self.spool.set_aside(path)
            return
        try:
            self._settle(db, entries)
        except (psycopg.DataError, psycopg.IntegrityError):
            # An amount that can't be stored must not keep the others from it: the reservation is charged.
            self._settle(db, [Settled(one.id, CHARGED) if isinstance(one, Settled) else one for one in entries])
        self.spool.done(path)

    def _settle(self, db: PostgresConnection, entries: Sequence[Entry]) -> None:
        with self._posting(db) as postings:
            for entry in entries:
                postings.apply(entry)

    def _explained(self) -> AbstractContextManager[None]:
        return faults.explained(self.name)

    @contextmanager
    def _writing(self, db: PostgresConnection) -> Iterator[None]:
        with self._explained(), db.writing():
            yield

    def _snapshot(self, db: PostgresConnection) -> AbstractContextManager[None]:
        return db.reading()

    def _many(self, db: Any, sql: str, values: Sequence[str | int]) -> Iterable[Any]:
        with db.reading():
            yield from db.many(sql, values)

    def _owner(self) -> Owner:
        return processes.me().among_machines()


def _too_long(entry: Entry) -> ConfigError | None:
    """The error of a hold whose names do not fit an index."""
    if not isinstance(entry, Held):
        return None
    from llmo.ledger.records import spelled

    call = entry.call
    names = "".join((call.provider, call.model, call.task, call.run, spelled(call.tags)))
    texts = [names, *(limit.key + limit.name + call.run for limit in entry.limits)]
    if max(len(text.encode("utf-8", "replace")) for text in texts) <= MOST_KEY:
        return None
    return ConfigError(
        f"cannot use the ledger: model, task, run and tags of a call have more than {MOST_KEY:,} bytes",
        hint="use shorter tags",
    )
