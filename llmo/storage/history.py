"""
Prompts and answers: conversations, and the opt-in cache of exact repeats.

SQLite beside the ledger and never in it: texts can be pruned, money stays. The file is 0600.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from typing import TYPE_CHECKING

from llmo.errors import ConfigError, Locked, UsageError
from llmo.storage.paths import ensure_private
from llmo.types import jsontext
from llmo.types.dataclass import dataclass
from llmo.types.ids import ulid
from llmo.types.messages import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from llmo.types.clock import Clock
    from llmo.types.money import Pico

_SCHEMA = """
CREATE TABLE IF NOT EXISTS turns (
  id TEXT PRIMARY KEY, conversation TEXT NOT NULL, at REAL NOT NULL, role TEXT NOT NULL, text TEXT NOT NULL,
  target TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS turns_conversation ON turns (conversation, id);
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, at REAL NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS private (
  conversation TEXT PRIMARY KEY, asked INTEGER NOT NULL CHECK (asked IN (0, 1)), kinds TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS incomplete (turn TEXT PRIMARY KEY, error TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS spent (turn TEXT PRIMARY KEY, pico INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS ratings (
  turn TEXT PRIMARY KEY, rating TEXT NOT NULL CHECK (rating IN ('good', 'bad'))
) STRICT;
PRAGMA user_version = 5;
"""
VERSION = 5
DAY = 86400.0
PATIENCE = 10.0
WITHOUT = "use --no-log to run without it"
MOVE = "move the file away to start a new history"
ABBREVIATED = 4
"""Characters that an abbreviated id needs at least."""


@dataclass(frozen=True, slots=True)
class PrivacyReason:
    """Why a conversation is private, for good: somebody asked for it, or these kinds of data were found in it."""

    asked: bool
    kinds: tuple[str, ...]


class History:
    """The texts in the file at `path`, which is created by the first write."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self.patience = PATIENCE
        """Seconds to wait for other processes, each time."""

    def messages(self, conversation: str) -> tuple[Message, ...]:
        """
        The turns of a conversation in order.

        Raises `UsageError` when there is none of that name.
        """
        with self.transaction() as db:
            rows = db.execute(
                "SELECT role, text FROM turns WHERE conversation = ? ORDER BY id", (conversation,)
            ).fetchall()
        if not rows:
            raise unknown(conversation)
        return tuple(Message(role, text) for role, text in rows)

    def resolve(self, name: str) -> str:
        """
        The conversation of that name, or the only one whose id begins or ends with it.

        Raises `UsageError` when there is none, or more than one.
        """
        with self.transaction() as db:
            names = [row[0] for row in db.execute("SELECT DISTINCT conversation FROM turns")]
        found = abbreviated(name, names)
        if found is None:
            raise unknown(name)
        return found

    def failure(self, conversation: str) -> str | None:
        """The kind of the error that the last answer of a conversation ended with; None if it is complete."""
        last = "SELECT id FROM turns WHERE conversation = ? ORDER BY id DESC LIMIT 1"
        with self.transaction() as db:
            row = db.execute(f"SELECT error FROM incomplete WHERE turn = ({last})", (conversation,)).fetchone()  # noqa: S608 - a constant
        return None if row is None else str(row[0])

    def privacy_reason(self, conversation: str) -> PrivacyReason | None:
        """Why a conversation is private; None when nothing is known, as of those before version 2 of the file."""
        with self.transaction() as db:
            return _privacy_reason(db, conversation)

    def last(self) -> str:
        """The most recent conversation. Raises `UsageError` when there is none."""
        with self.transaction() as db:
            row = db.execute("SELECT conversation FROM turns ORDER BY id DESC LIMIT 1").fetchone()
        if row is None:
            raise UsageError("no conversation to continue", hint="run llmo ask first, without --no-log")
        return str(row[0])

    def recent(self, most: int) -> list[tuple[str, float, int]]:
        """The conversations among the latest `most` turns, latest first: name, instant of the last turn, turns."""
        if not self._path.exists():
            return []
        with self.transaction() as db:
            return db.execute(
                "SELECT conversation, max(at), count(*) FROM (SELECT * FROM turns ORDER BY id DESC LIMIT ?)"
                " GROUP BY conversation ORDER BY max(id) DESC",
                (most,),
            ).fetchall()

    def append(  # noqa: PLR0913 - what is known of the turns, the last two rarely
        self,
        conversation: str,
        messages: Sequence[Message],
        *,
        target: str,
        retention_days: int,
        private: PrivacyReason | None = None,
        error: str | None = None,
        cost: Pico | None = None,
    ) -> None:
        """
        Add turns, and delete texts older than `retention_days` (0 keeps all).

        `private` is stored with the conversation in the same transaction, and never withdrawn. `error` marks the
        last turn as incomplete: the kind of the error that ended it. `cost` is that of the last turn, None if unknown.
        """
        now = self._clock.now()
        rows = [
            (ulid(now + n / 1000), conversation, now, m.role, m.text, target if m.role == "assistant" else None)
            for n, m in enumerate(messages)
        ]
        with self.transaction(WITHOUT) as db:
            db.executemany("INSERT INTO turns VALUES (?, ?, ?, ?, ?, ?)", rows)
            if error is not None:
                db.execute("INSERT INTO incomplete VALUES (?, ?)", (rows[-1][0], error))
            if cost is not None:
                db.execute("INSERT INTO spent VALUES (?, ?)", (rows[-1][0], cost))
            if private is not None:
                _make_private(db, conversation, private)
            if retention_days:
                self._prune(db, now - retention_days * DAY)

    def prune(self, before: float) -> int:
        """Delete texts older than an instant; returns the number of turns."""
        if not self._path.exists():
            return 0
        with self.transaction() as db:
            return self._prune(db, before)

    @property
    def index_path(self) -> Path:
        """The file that searching makes of the texts, and that goes when any of them go."""
        return self._path.with_name(f"{self._path.stem}-index.db")

    def erase(self, conversations: Iterable[str]) -> int:
        """Delete conversations, and what the cache keeps of their answers; returns the number of turns."""
        gone = 0
        with self.transaction(erase=True) as db:
            for name in conversations:
                answers = db.execute(
                    "SELECT text FROM turns WHERE conversation = ? AND role = 'assistant'", (name,)
                ).fetchall()
                _forget_cached(db, {row[0] for row in answers})
                gone += db.execute("DELETE FROM turns WHERE conversation = ?", (name,)).rowcount
            self._tidy(db, gone)
        return gone

    def erase_all(self) -> int:
        """Delete all conversations and the cache; returns the number of turns."""
        with self.transaction(erase=True) as db:
            db.execute("DELETE FROM answers")
            gone = db.execute("DELETE FROM turns").rowcount
            self._tidy(db, gone)
        return gone

    def _prune(self, db: sqlite3.Connection, before: float) -> int:
        db.execute("DELETE FROM answers WHERE at < ?", (before,))
        gone = db.execute("DELETE FROM turns WHERE at < ?", (before,)).rowcount
        self._tidy(db, gone)
        return gone

    def _tidy(self, db: sqlite3.Connection, gone: int) -> None:
        """Delete what was known of turns that are gone."""
        if gone:
            self.index_path.unlink(missing_ok=True)
        db.execute("DELETE FROM incomplete WHERE turn NOT IN (SELECT id FROM turns)")
        db.execute("DELETE FROM spent WHERE turn NOT IN (SELECT id FROM turns)")
        db.execute("DELETE FROM ratings WHERE turn NOT IN (SELECT id FROM turns)")
        db.execute("DELETE FROM private WHERE conversation NOT IN (SELECT conversation FROM turns)")

    def _prepare(self, db: sqlite3.Connection, hint: str | None) -> None:
        """Make the tables that are missing; those of older versions stay as they are."""
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise ConfigError(f"the history was written by a newer llmo: {self._path}", hint=hint or MOVE)
        if version == 0:
            db.execute("PRAGMA journal_mode = WAL")
        if version < VERSION:
            db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")

    def connect(self, hint: str | None = None) -> sqlite3.Connection:
        """The file, opened; call it within `explained`."""
        ensure_private(self._path.parent)
        if not self._path.exists():
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
        db = sqlite3.connect(self._path, timeout=self.patience, isolation_level=None)
        try:
            self._prepare(db, hint)
        except BaseException:
            db.close()
            raise
        return db

    @contextlib.contextmanager
    def explained(self, hint: str | None = None) -> Iterator[None]:
        """SQLite's errors become `ConfigError` naming the file, or `Locked`; `hint` says how to go on without it."""
        try:
            yield
        except (sqlite3.Error, OSError) as exc:
            if getattr(exc, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
                raise Locked(f"the history is busy: {self._path}: another program locks it", hint=hint) from None
            raise ConfigError(f"cannot use the history: {self._path}: {exc}", hint=hint or MOVE) from None

    @contextlib.contextmanager
    def transaction(self, hint: str | None = None, *, erase: bool = False) -> Iterator[sqlite3.Connection]:
        """
        One transaction; raises as `explained` says.

        With `erase`, what is deleted is overwritten in the file, not only unlinked in its pages.
        """
        with self.explained(hint), contextlib.closing(self.connect(hint)) as db:
            if erase:
                db.execute("PRAGMA secure_delete = ON")
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
            if erase:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def unknown(name: str) -> UsageError:
    """The error for a conversation that isn't there."""
    return UsageError(f"unknown conversation: {name}", hint="list them with: llmo history; -c continues the last one")


def abbreviated(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that is or begins or ends with `name`. Raises `UsageError` if more than one do."""
    names = list(names)
    if name in names:
        return name
    lower = name.lower()
    found = [one for one in names if one.lower().startswith(lower) or one.lower().endswith(lower)]
    if len(name) < ABBREVIATED or not found:
        return None
    if len(found) > 1:
        raise UsageError(f"{len(found)} ids begin or end with {name}", hint="use a longer part of the id")
    return found[0]


def _forget_cached(db: sqlite3.Connection, texts: set[str]) -> None:
    found = db.execute("SELECT key, body FROM answers").fetchall()
    keys = [(key,) for key, body in found if json.loads(body).get("text") in texts]
    db.executemany("DELETE FROM answers WHERE key = ?", keys)


def _privacy_reason(db: sqlite3.Connection, conversation: str) -> PrivacyReason | None:
    row = db.execute("SELECT asked, kinds FROM private WHERE conversation = ?", (conversation,)).fetchone()
    return None if row is None else PrivacyReason(bool(row[0]), tuple(json.loads(row[1])))


def _make_private(db: sqlite3.Connection, conversation: str, now: PrivacyReason) -> None:
    before = _privacy_reason(db, conversation) or PrivacyReason(asked=False, kinds=())
    kinds = tuple(dict.fromkeys((*before.kinds, *now.kinds)))
    values = (conversation, before.asked or now.asked, jsontext.write(kinds))
    db.execute("INSERT OR REPLACE INTO private VALUES (?, ?, ?)", values)
