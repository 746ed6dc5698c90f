"""Both storages of a ledger, for tests of what it promises in either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from llmo.ledger.sqlite.ledger import SQLiteLedger
from tests.servers import postgres

if TYPE_CHECKING:
    from pathlib import Path

    from llmo.ledger.sql.ledger import SqlLedger
    from llmo.types.clock import Clock

file_only = pytest.mark.parametrize("storage", ["sqlite"], indirect=True)
"""For what concerns the file, or needs a ledger that is made to fail."""


class Storage:
    """Makes ledgers: those of one name share their calls."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.kind = kind
        self.directory = directory
        self._urls: dict[str, str] = {}
        if kind == "postgres":
            postgres.available()

    def ledger(self, clock: Clock, zone: str | None = "UTC", name: str = "ledger") -> SqlLedger:
        """A ledger, as another process would open it."""
        if self.kind == "sqlite":
            return SQLiteLedger(self.directory / name / "ledger.db", clock, zone)
        from llmo.ledger.postgres.ledger import PostgresLedger

        return PostgresLedger(self.url(name), name, clock, zone, spool=self.directory / name / "spool")

    def url(self, name: str = "ledger") -> str:
        """The address of the database of a name."""
        if name not in self._urls:
            self._urls[name] = postgres.fresh()
        return self._urls[name]

    def close(self) -> None:
        """Give the databases to the next test."""
        for url in self._urls.values():
            postgres.shared().give_back(url)


def rows(ledger: SqlLedger, statement: str) -> list[tuple[Any, ...]]:
    """What a statement finds in the tables of a ledger."""
    return [tuple(row) for row in ledger._db().execute(statement)]
