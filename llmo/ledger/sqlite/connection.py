"""Connections to the ledger's file: it is created complete and private, migrated in one transaction, never replaced."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from llmo.ledger.sql import daily
from llmo.ledger.sqlite import faults
from llmo.ledger.sqlite.faults import explained
from llmo.ledger.sqlite.schema import APPLICATION, MIGRATIONS
from llmo.storage.paths import ensure_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo
    from pathlib import Path

    from llmo.errors import ConfigError

PATIENCE = 10.0
"""Seconds to wait for other processes by default; each of them writes for milliseconds."""
LOG = 16_000
"""Pages of write-ahead log after which any transaction moves it into the file; `checkpoint` mostly does so earlier."""
SCHEMA = len(MIGRATIONS)
DAYS = 3
"""The schema version since which sums per day are kept; migrating an older ledger adds them up."""


def connect(path: Path, where: tzinfo | None = None, patience: float | None = None) -> sqlite3.Connection:
    """
    Open the ledger; creates or migrates it if necessary, also when many processes start at once.

    `where` is the time zone of its days. Raises `ConfigError` when the file can't be used, `Locked` when other programs
    keep it locked for `patience` seconds. A file that is not a ledger is left unchanged.
    """
    give_up = time.monotonic() + (PATIENCE if patience is None else patience)
    with explained(path):
        ensure_private(path.parent)
        if not faults.there(path):
            _make(path, where)
        # SQLite has one error for everything that can be wrong with a file; the system says which it is.
        faults.permitted(path)
        db = _opened(path, give_up)
        try:
            _prepare(db, path, where, give_up)
        except BaseException:
            db.close()
            raise
        return db


def identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of the file that has this name now; None when there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a third of the time, for every transaction
    except OSError:
        return None
    return found.st_dev, found.st_ino


def replaced(path: Path) -> ConfigError:
    """The error for a file that is no longer the one that was opened: what is written to that one would be lost."""
    return faults.refused(path, "it was moved or replaced while llmo used it", "restore it")


def wait(db: sqlite3.Connection, seconds: float) -> None:
    """Let the statements that follow wait up to `seconds` for other processes."""
    db.execute(f"PRAGMA busy_timeout = {int(max(0.0, seconds) * 1000)}")


@contextmanager
def writing(db: sqlite3.Connection, path: Path) -> Iterator[None]:
    """One write transaction, begun at once: on an error nothing of it is stored. Raises as `explained` does."""
    with explained(path):
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


@contextmanager
def reading(db: sqlite3.Connection) -> Iterator[None]:
    """One snapshot for several queries."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("ROLLBACK")


def checkpoint(db: sqlite3.Connection, path: Path) -> None:
    """
    Move the write-ahead log into the file; left to SQLite, the transaction that crosses a mark does it, perhaps a hold.

    Pages that other connections still read stay in the log until a later checkpoint.
    """
    with explained(path):
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _make(path: Path, where: tzinfo | None) -> None:
    """
    Create a new ledger under another name and give it its own when it is complete; only this user may read it.

    An empty file is thus never a ledger that is just being created. SQLite gives its side files the same mode.
    """
    made = path.with_name(f".{path.name}.{os.urandom(6).hex()}.new")
    os.close(os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with contextlib.closing(_opened(made, time.monotonic())) as db:
            _wal(db, time.monotonic())
            with writing(db, path):
                _step(db, 0, where)
        _place(made, path)
    finally:
        for side in ("", "-journal", "-wal", "-shm"):
            made.with_name(f"{made.name}{side}").unlink(missing_ok=True)


def _place(made: Path, path: Path) -> None:
    """Give a new ledger its name, unless another process was first."""
    try:
        os.link(made, path)
    except FileExistsError:
        return
    except OSError:
        # A file system without hard links, as on memory cards: there two first starts at the same moment may collide.
        if not os.path.lexists(path):
            made.rename(path)


def _opened(path: Path, give_up: float) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=max(0.0, give_up - time.monotonic()), isolation_level=None)


def _prepare(db: sqlite3.Connection, path: Path, where: tzinfo | None, give_up: float) -> None:
    if _version(db, path) < SCHEMA:
        _wal(db, give_up)
        with writing(db, path):
            _step(db, _version(db, path), where)
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute(f"PRAGMA wal_autocheckpoint = {LOG}")


def _step(db: sqlite3.Connection, before: int, where: tzinfo | None) -> None:
    """Migrate the tables from version `before`, in the transaction of the caller."""
    for steps in MIGRATIONS[before:]:
        for step in steps:
            db.execute(step)
    if before < DAYS:
        daily.rebuild(db, where)
    db.execute(f"PRAGMA user_version = {SCHEMA}")


def _version(db: sqlite3.Connection, path: Path) -> int:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA:
        raise faults.refused(
            path, f"it was written by a newer llmo (schema {version}, this one knows {SCHEMA})", "upgrade llmo"
        )
    if int(db.execute("PRAGMA application_id").fetchone()[0]) != APPLICATION:
        tables = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        what = "it is a database of another program" if tables else "it has no tables: its contents are lost"
        raise faults.refused(path, what, faults.MOVE)
    return version


def _wal(db: sqlite3.Connection, give_up: float) -> None:
    """Switch to write-ahead logging; here SQLite does not wait for other processes by itself."""
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(random.uniform(0.001, 0.02))  # noqa: S311 - spreads out the waiting processes
        else:
            return
