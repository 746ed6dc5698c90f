"""Cached answers over one connection: opening the history for each row of a batch would take longer than the lookup."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llmo.errors import Locked
from llmo.types import jsontext
from llmo.types.dataclass import dataclass

if TYPE_CHECKING:
    from llmo.storage.history import History
    from llmo.types.clock import Clock

AT_ONCE = 100
EVERY_S = 1.0
"""Answers that are written together, and seconds after which fewer are: each transaction waits for the disk."""
WITHOUT = "leave out --cache to run without it"
MOST = 10_000
"""Answers that wait while another program locks the file; more are not cached."""


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """An answer from the cache; `at` is when it was paid for."""

    at: float
    body: Any


class StoredAnswers:
    """
    The cache of exact repeats, opened; `close` writes what is left.

    Raises `ConfigError` for a history that can't be used, `Locked` where another program keeps it.
    """

    def __init__(self, history: History, clock: Clock) -> None:
        self._history, self._clock = history, clock
        with history.explained(WITHOUT):
            self._db = history.connect(WITHOUT)
        self._waiting: dict[str, tuple[float, str]] = {}
        self._written = clock.now()

    def find(self, key: str, max_age: float) -> CachedAnswer | None:
        """An answer that was paid for at most `max_age` seconds ago."""
        row: tuple[float, str] | None = self._waiting.get(key)
        if row is None:
            with self._history.explained(WITHOUT):
                row = self._db.execute("SELECT at, body FROM answers WHERE key = ?", (key,)).fetchone()
        if row is None or row[0] < self._clock.now() - max_age:
            return None
        return CachedAnswer(row[0], json.loads(row[1]))

    def keep(self, key: str, body: dict[str, Any]) -> None:
        """Keep an answer; it is written with others."""
        now = self._clock.now()
        if len(self._waiting) < MOST:
            self._waiting[key] = now, jsontext.write(body)
        if len(self._waiting) >= AT_ONCE or now - self._written >= EVERY_S:
            try:
                self.flush()
            except Locked:
                # They wait for the next time.
                self._written = now

    def flush(self) -> None:
        """Write all that wait."""
        rows = [(key, at, body) for key, (at, body) in self._waiting.items()]
        self._written = self._clock.now()
        if not rows:
            return
        with self._history.explained(WITHOUT):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", rows)
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
        self._waiting.clear()

    def close(self) -> None:
        """Write what is left and close the file."""
        try:
            self.flush()
        finally:
            self._db.close()
