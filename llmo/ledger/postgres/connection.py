"""Connections to the database: what waits for how long, what is created when, one writer at a time."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import uuid4

import psycopg
from psycopg import errors, sql
from psycopg.adapt import Loader
from psycopg.types.string import StrDumperUnknown

from llmo.ledger.postgres import faults
from llmo.ledger.postgres.schema import MIGRATIONS, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from psycopg.abc import Buffer

T = TypeVar("T")
# What it would write to standard error of a connection that is lost, it also raises.
logging.getLogger("psycopg").addHandler(logging.NullHandler())
VERSION = len(MIGRATIONS)
LOCK = 0x6C6C6D6F
"""The advisory lock of whoever writes: "llmo". Check and hold are then one step, and nobody waits in a circle."""
CONNECT_S = 10.0
"""Seconds to wait for a connection, where neither the address nor `PGCONNECT_TIMEOUT` says."""
IDLE_S = 10
"""Seconds after which the server ends a transaction of a client that fell silent: everybody waits for it."""
ROWS = 1000
"""Rows that one message of a long result brings."""


class PostgresConnection:
    """
    A connection in the form of `llmo.ledger.sql.database.Database`.

    Each statement ends after `answer_s` seconds, also when the server has fallen silent.
    """

    def __init__(self, server: _Timed, ledger: str) -> None:
        self._server = server
        self.ledger = ledger
        """The id of the ledger, whatever its address; empty while there is none."""
        self.wait_s = 0.0
        """Seconds that `writing` waits for other writers."""
        self.committing = False
        """Whether a commit was asked for, and its end is not known."""
        self._queue: list[tuple[Any, list[tuple[Any, ...]]]] = []
        """Changes of an open transaction that are sent with what follows: each way to the server takes its time."""

    @property
    def answer_s(self) -> float:
        """Seconds that the server has for a statement."""
        return self._server.answer_s

    @answer_s.setter
    def answer_s(self, seconds: float) -> None:
        self._server.answer_s = seconds

    @property
    def usable(self) -> bool:
        """Whether the connection is open, as far as this side knows; a server that stopped is noticed."""
        if self._server.closed or self._server.broken:
            return False
        with suppress(psycopg.Error):
            self._server.pgconn.consume_input()
            return self._server.pgconn.status == psycopg.pq.ConnStatus.OK
        return False

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> psycopg.Cursor[Any]:
        """Run one statement."""
        self._send()
        return self._server.execute(_translated(statement), tuple(values) if values else None)

    def executemany(self, statement: str, values: Iterable[Sequence[Any]], /) -> _Changes:
        """Run one statement once for each row of values, by the time that anything is asked."""
        if rows := [tuple(row) for row in values]:
            self._queue.append((_translated(statement), rows))
        return _Changes(self)

    def many(self, statement: str, values: Sequence[Any]) -> Iterator[Any]:
        """The rows of a query, a thousand at a time; a transaction must be open."""
        with self._server.cursor(name="llmo") as cursor:
            cursor.itersize = ROWS
            cursor.execute(_translated(statement), tuple(values) if values else None)
            yield from cursor

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction that no other writer runs beside; on an error nothing of it is stored."""
        # 0 would mean without end.
        wait, answer = (max(1, int(seconds * 1000)) for seconds in (self.wait_s, self.answer_s))
        with self._transaction(
            f"BEGIN; SET LOCAL lock_timeout = {wait}; SET LOCAL idle_in_transaction_session_timeout = '{IDLE_S}s';"
            f" SELECT pg_advisory_xact_lock({LOCK}); SET LOCAL statement_timeout = {answer}",
            wait_s=self.wait_s,
        ):
            yield
            self.committing = True
            self._send("COMMIT")
            self.committing = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One snapshot for several queries."""
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"):
            yield
            self._server.execute("COMMIT")

    def close(self) -> None:
        """End the connection."""
        self._server.close()

    def _send(self, last: str = "") -> int:
        """Send what is queued, and a last statement, at once; returns how many rows the last of the queue changed."""
        if not self._queue and not last:
            return 0
        cursor, queue = self._server.cursor(), self._queue
        self._queue = []
        with self._server.pipeline() if psycopg.Pipeline.is_supported() else nullcontext():
            for statement, rows in queue:
                cursor = self._server.cursor()
                cursor.executemany(statement, rows)
            if last:
                self._server.execute(cast("Any", last))
        return cursor.rowcount

    @contextmanager
    def _transaction(self, begin: str, *, wait_s: float = 0.0) -> Iterator[None]:
        self.committing = False
        self._queue = []
        try:
            self._server.wait_s = wait_s
            self._server.execute(cast("Any", begin))
            self._server.wait_s = 0.0
            yield
        except faults.Unanswered:
            self._server.close()
            raise
        except BaseException:
            self._undo()
            raise

    def _undo(self) -> None:
        """Roll back; where that can't be said any more, the server does it when the connection ends."""
        try:
            self._server.execute("ROLLBACK")
            self.committing = False  # it answered: what it was asked to commit had failed
        except psycopg.Error:
            self._server.close()


class _Changes:
    """`llmo.ledger.sql.database.Changes` of what is queued: who asks has it sent."""

    def __init__(self, of: PostgresConnection) -> None:
        self._of = of

    @property
    def rowcount(self) -> int:
        """The number for the last statement that was queued."""
        return self._of._send()  # noqa: SLF001 - a part of it


def connect(url: str, name: str, *, create: bool, within: float) -> PostgresConnection:
    """
    Open the ledger within some seconds; with `create` its tables are made, also when many processes start at once.

    Older tables are migrated then. Raises `Unreachable`, `ConfigError` and `Locked` with `name` for the address.
    """
    with faults.explained(name):
        server = _opened(url, name, within)
        try:
            found = _found(server, name)
            if create and (found is None or found[1] < VERSION):
                found = _migrated(server, name)
        except BaseException:
            server.close()
            raise
    ledger, version = found or ("", VERSION)
    if version > VERSION:
        server.close()
        what = f"it was written by a newer llmo (schema {version}, this one knows {VERSION})"
        raise faults.refused(name, what, "upgrade llmo")
    return PostgresConnection(server, ledger)


def _opened(url: str, name: str, within: float) -> _Timed:
    try:
        facts = psycopg.conninfo.conninfo_to_dict(url)
        if "connect_timeout" not in facts and not os.environ.get("PGCONNECT_TIMEOUT"):
            facts["connect_timeout"] = max(2, round(min(CONNECT_S, within)))
        facts.setdefault("fallback_application_name", "llmo")
        server = _Timed.connect(**cast("Any", facts), autocommit=True, client_encoding="UTF8")
    except psycopg.ProgrammingError:
        # Its own words may quote a part of the password.
        raise faults.refused(
            name, "its address can't be read", "check its parameters, and escape others as %XX"
        ) from None
    server.answer_s = within
    server.adapters.register_dumper(str, _TextDumper)
    server.adapters.register_loader("numeric", _WholeLoader)
    server.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(SCHEMA)))
    return server


def _found(server: _Timed, name: str) -> tuple[str, int] | None:
    """Id and schema version of the ledger; None when there is none."""
    try:
        row = server.execute("SELECT id, version FROM ledger").fetchone()
    except errors.UndefinedTable:
        hidden = "SELECT NOT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = %s"
        if server.execute(hidden, (SCHEMA,)).fetchone() == (True,):
            raise faults.refused(name, f"this role may not use schema {SCHEMA}", faults.RIGHTS) from None
        return None
    return None if row is None else (row[0], row[1])


def _migrated(server: _Timed, name: str) -> tuple[str, int]:
    with server.transaction():
        server.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        encoding = server.execute("SHOW server_encoding").fetchone()
        if encoding != ("UTF8",):
            raise faults.refused(name, f"its encoding is {(encoding or '?')[0]}", "create a database with UTF8")
        server.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
        exists = server.execute("SELECT to_regclass('ledger')").fetchone() != (None,)
        found = _found(server, name) if exists else None
        ledger, version = found or (uuid4().hex, 0)
        for steps in MIGRATIONS[version:]:
            for step in steps:
                server.execute(cast("Any", step))
        server.execute("DELETE FROM ledger")
        server.execute("INSERT INTO ledger (id, version) VALUES (%s, %s)", (ledger, max(version, VERSION)))
    return ledger, max(version, VERSION)


class _Timed(psycopg.Connection[Any]):
    """A connection on which nobody waits longer than `answer_s` seconds, and `wait_s` for a lock."""

    answer_s = inf
    wait_s = 0.0

    def __del__(self, *_: Any) -> None:
        """Close it without a word: a process that ends leaves a ledger open, as it may leave a file."""

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """Wait for what the server sends; raises `Unanswered`."""
        return super().wait(_limited(gen, monotonic() + self.answer_s + self.wait_s), *args, **kwargs)


def _limited(gen: Generator[Any, Any, T], give_up: float) -> Generator[Any, Any, T]:
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and monotonic() > give_up:
                gen.close()
                raise faults.Unanswered("the server does not answer")
            wanted = gen.send(ready)
    except StopIteration as end:
        return cast("T", end.value)


class _TextDumper(StrDumperUnknown):
    """Text as the server takes it: what a provider sent may have NUL, or half a character."""

    def dump(self, obj: str) -> Buffer | None:
        """Replace what PostgreSQL can't store, in JSON too."""
        text = obj.replace("\x00", "\ufffd").replace("\\u0000", "\\ufffd")
        return super().dump(text.encode("utf-8", "replace").decode("utf-8"))


class _WholeLoader(Loader):
    """Sums of whole numbers, which the server returns as `numeric`."""

    def load(self, data: Buffer) -> int:
        """The number."""
        return int(bytes(data))


@lru_cache(maxsize=256)
def _translated(statement: str) -> Any:
    """Values are bound to `?` in the shared statements, and to `%s` here."""
    return statement.replace("%", "%%").replace("?", "%s") if "?" in statement else statement
