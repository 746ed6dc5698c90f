"""The ledger in an SQLite file that all processes of a user share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from llmo.ledger import processes
from llmo.ledger.sql.ledger import SqlLedger

if TYPE_CHECKING:
    import sqlite3
    from contextlib import AbstractContextManager
    from pathlib import Path

    from llmo.ledger.processes import Owner
    from llmo.types.clock import Clock


MOVED = 10_000
"""Changed rows that may accumulate in the write-ahead log before `checkpoint` moves them."""


class SQLiteLedger(SqlLedger):
    """
    `llmo.ledger.backend.Ledger` over a file; an object is used by one thread.

    The file is opened when it is first needed, and created by the first write. Every method raises `ConfigError` when
    the file can't be used, and `Locked` when other programs kept it locked for too long.
    """

    def __init__(self, path: Path, clock: Clock, timezone: str | None = None) -> None:
        super().__init__(clock, timezone)
        self.path = path
        self._open: tuple[int, sqlite3.Connection] | None = None
        self._file: tuple[int, int] | None = None
        self._waits: float | None = None
        self._moved = 0

    def clone(self) -> SQLiteLedger:
        """The same ledger, with a connection of its own for another thread."""
        other = SQLiteLedger(self.path, self._clock, self._timezone)
        other.patience, other.until = self.patience, self.until
        return other

    def checkpoint(self) -> None:
        """Move changes from the write-ahead log into the file once there are many, so that no hold has to."""
        from llmo.ledger.sqlite.connection import checkpoint

        if self._open and (changes := self._open[1].total_changes) - self._moved > MOVED:
            self._moved = changes
            checkpoint(self._open[1], self.path)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._open:
            self._open[1].close()
            self._open, self._moved = None, 0

    def _db(self, patience: float | None = None) -> sqlite3.Connection:
        from llmo.ledger.sqlite import connection

        if patience is None:
            patience = self._left(connection.PATIENCE)
        # SQLite connections do not survive a fork.
        if self._open is None or self._open[0] != os.getpid():
            self._open = (os.getpid(), connection.connect(self.path, self.zone, patience))
            self._file, self._waits = connection.identity(self.path), None
        elif connection.identity(self.path) != self._file:
            self.close()
            raise connection.replaced(self.path)
        if patience != self._waits:
            connection.wait(self._open[1], patience)
            self._waits = patience
        return self._open[1]

    def _reader(self) -> sqlite3.Connection | None:
        from llmo.ledger.sqlite.faults import there

        return self._db() if self._open or there(self.path) else None

    def _explained(self) -> AbstractContextManager[None]:
        from llmo.ledger.sqlite.faults import explained

        return explained(self.path)

    def _writing(self, db: sqlite3.Connection) -> AbstractContextManager[None]:
        from llmo.ledger.sqlite.connection import writing

        return writing(db, self.path)

    def _snapshot(self, db: sqlite3.Connection) -> AbstractContextManager[None]:
        from llmo.ledger.sqlite.connection import reading

        return reading(db)

    def _owner(self) -> Owner:
        return processes.me()
