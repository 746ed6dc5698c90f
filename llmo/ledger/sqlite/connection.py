"""The file: made whole and private, migrated in one transaction, never replaced."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from llmo.ledger.sqlite import daily, faults
from llmo.ledger.sqlite.faults import explained
from llmo.ledger.sqlite.schema import APPLICATION, MIGRATIONS
from llmo.storage.paths import ensure_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo
    from pathlib import Path

    from llmo.errors import ConfigError

PATIENCE = 10.0
"""Seconds to wait for other processes where nobody set a clock; each writes for milliseconds."""
LOG = 16_000
"""Pages of log after which any transaction writes it back; `checkpoint` mostly comes before."""
SCHEMA = len(MIGRATIONS)
DAYS = 3
"""The schema that sums per day were last made for."""


def connect(path: Path, where: tzinfo | None = None, patience: float | None = None) -> sqlite3.Connection:
    """
    Open the ledger, made and migrated when need be; twenty first starts at once agree. `where` is the zone of its days.

    Raises `ConfigError` when it can't be used, `Locked` when others kept it for `patience` seconds. A file that is
    no ledger is left as it is.
    """
    give_up = time.monotonic() + (PATIENCE if patience is None else patience)
    with explained(path):
        ensure_private(path.parent)
        if not faults.there(path):
            _make(path, where)
        # SQLite has one word for all that can be wrong with a file; the system says what it is.
        faults.permitted(path)
        db = _opened(path, give_up)
        try:
            _prepare(db, path, where, give_up)
        except BaseException:
            db.close()
            raise
        return db


def identity(path: Path) -> tuple[int, int] | None:
    """Which file has this name now; None when none has."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def replaced(path: Path) -> ConfigError:
    """The error of a file that is no longer the one that was opened: what is booked in it would be lost."""
    return faults.refused(path, "it was moved or replaced while llmo used it", "bring it back")


def wait(db: sqlite3.Connection, seconds: float) -> None:
    """Let whatever follows wait so long for other processes."""
    db.execute(f"PRAGMA busy_timeout = {int(max(0.0, seconds) * 1000)}")


@contextmanager
def writing(db: sqlite3.Connection, path: Path) -> Iterator[None]:
    """One immediate transaction: all of it or nothing."""
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
    """One snapshot for several questions."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("ROLLBACK")


def checkpoint(db: sqlite3.Connection, path: Path) -> None:
    """
    Write the log back; SQLite by itself does it in whichever transaction passes a mark, which may be a hold.

    Others may be in the middle of something: what can't be moved now is moved later.
    """
    with explained(path):
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _make(path: Path, where: tzinfo | None) -> None:
    """
    Make a new ledger elsewhere and put it there whole, for this user only; SQLite gives its side files the same mode.

    An empty file is thus never a ledger that somebody is just making.
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
    """Give it its name unless another process was first."""
    try:
        os.link(made, path)
    except FileExistsError:
        return
    except OSError:
        # A file system without links, as on memory cards: there two very first starts must not meet.
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
    """Bring the tables up to date, in the transaction of the caller."""
    for steps in MIGRATIONS[before:]:
        for step in steps:
            db.execute(step)
    if before < DAYS:
        daily.rebuild(db, where)
    db.execute(f"PRAGMA user_version = {SCHEMA}")


def _version(db: sqlite3.Connection, path: Path) -> int:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA:
        raise faults.refused(path, f"a newer llmo wrote it (schema {version}, this one knows {SCHEMA})", "upgrade llmo")
    if int(db.execute("PRAGMA application_id").fetchone()[0]) != APPLICATION:
        tables = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        what = "it is a database of another program" if tables else "it has no tables: what was in it is lost"
        raise faults.refused(path, what, faults.MOVE)
    return version


def _wal(db: sqlite3.Connection, give_up: float) -> None:
    """Switch to write-ahead logging; SQLite does not wait for others here by itself."""
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(random.uniform(0.001, 0.02))  # noqa: S311 - spreads out those who wait
        else:
            return
