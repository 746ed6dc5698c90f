"""The file: opened private, migrated in one transaction, never replaced."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from llmo.errors import ConfigError
from llmo.ledger import daily
from llmo.ledger.schema import APPLICATION, MIGRATIONS
from llmo.paths import ensure_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo
    from pathlib import Path

PATIENCE = 30.0
"""Seconds to wait for other processes; each writes for milliseconds."""
LOG = 16_000
"""Pages of log after which any transaction writes it back; `checkpoint` mostly comes before."""
ROOM = 1 << 16
"""Bytes that SQLite wants for its shared memory and a page or two."""
SCHEMA = len(MIGRATIONS)
DAYS = 3
"""The schema that sums per day were last made for."""


def connect(path: Path, where: tzinfo | None = None) -> sqlite3.Connection:
    """
    Open the ledger, made and migrated when need be; twenty first starts at once agree. `where` is the zone of its days.

    Raises `ConfigError` when it can't be used. A file that is no ledger is left as it is.
    """
    with explained(path):
        _touch(path)
        db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        try:
            _prepare(db, path, where)
        except BaseException:
            db.close()
            raise
        return db


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


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system say into one line with the file's name."""
    try:
        yield
    except OSError as exc:
        raise ConfigError(f"cannot use the ledger: {exc.filename or path}: {exc.strerror}", hint=_HINT) from exc
    except sqlite3.DatabaseError as exc:
        name = getattr(exc, "sqlite_errorname", "").removeprefix("SQLITE_")
        said = next((words for code, words in _WORDS.items() if name.startswith(code)), None)
        if said is None:
            raise
        # Memory that is shared through a file has no word of its own for a full disk.
        what, hint = _WORDS["FULL"] if name.startswith("IOERR") and _full(path.parent) else said
        raise ConfigError(f"cannot use the ledger: {path}: {what}", hint=hint) from exc


_HINT = "LLMO_DATA_DIR names another directory for it"
_MOVE = "move it away to begin a new one (what was spent is forgotten then), or bring back a copy"
_WORDS: dict[str, tuple[str, str]] = {
    "BUSY": ("another program keeps it locked", "end that program and try again"),
    "LOCKED": ("another program keeps it locked", "end that program and try again"),
    "CORRUPT": ("it is damaged", _MOVE),
    "NOTADB": ("it is damaged or no ledger", _MOVE),
    "READONLY": ("it can't be written", _HINT),
    "CANTOPEN": ("it can't be opened", _HINT),
    "PERM": ("it can't be written", _HINT),
    "AUTH": ("it can't be written", _HINT),
    "FULL": ("the disk is full", "make room; nothing was sent that is not booked"),
    "IOERR": ("the disk fails", _HINT),
    "TOOBIG": ("a value is too large", _HINT),
}


def _full(directory: Path) -> bool:
    import shutil

    try:
        return shutil.disk_usage(directory).free < ROOM
    except OSError:
        return False


def _touch(path: Path) -> None:
    """Make the file for this user only; SQLite gives its side files the same mode."""
    ensure_private(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _prepare(db: sqlite3.Connection, path: Path, where: tzinfo | None) -> None:
    with reading(db):
        # Read apart, its three facts may be from before and after the first migration of another process.
        version = _version(db, path)
    if version < SCHEMA:
        _wal(db)
        with writing(db, path):
            before = _version(db, path)
            for steps in MIGRATIONS[before:]:
                for step in steps:
                    db.execute(step)
            if before < DAYS:
                daily.rebuild(db, where)
            db.execute(f"PRAGMA user_version = {SCHEMA}")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute(f"PRAGMA wal_autocheckpoint = {LOG}")


def _version(db: sqlite3.Connection, path: Path) -> int:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA:
        raise ConfigError(
            f"cannot use the ledger: {path}: a newer llmo wrote it (schema {version}, this one knows {SCHEMA})",
            hint="upgrade llmo",
        )
    ours = int(db.execute("PRAGMA application_id").fetchone()[0]) == APPLICATION
    if not ours and db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise ConfigError(f"cannot use the ledger: {path}: it is a database of another program", hint=_MOVE)
    return version


def _wal(db: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; SQLite does not wait for others here by itself."""
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(random.uniform(0.001, 0.02))  # noqa: S311 - spreads out those who wait
        else:
            return
