"""The ledger in an SQLite file that all processes of a user share: the operations that write to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.errors import LlmoError
from llmo.ledger.records import (
    Billed,
    BudgetStatus,
    Call,
    Entry,
    Held,
    ImportedCall,
    Limit,
    Released,
    Settled,
    Settlement,
)
from llmo.ledger.sqlite.reading import LedgerReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from llmo.ledger.sqlite.postings import OpenCall
    from llmo.types.clock import Clock
    from llmo.types.messages import Target
    from llmo.types.money import Pico


CHUNK = 1000
"""Calls that one transaction imports."""
ADVICE_S = 0.2
"""Seconds to wait for other processes to store what is not money: cooling targets and alerts."""
MOVED = 10_000
"""Changed rows that may accumulate in the write-ahead log before `checkpoint` moves them."""


class SQLiteLedger(LedgerReader):
    """
    `llmo.ledger.backend.Ledger` over a file; an object is used by one thread.

    The file is opened when it is first needed, and created by the first write. Every method raises `ConfigError` when
    the file can't be used, and `Locked` when other programs kept it locked for too long.
    """

    def __init__(self, path: Path, clock: Clock, timezone: str | None = None) -> None:
        super().__init__(path, clock, timezone)
        self._told: set[tuple[int | str | None, ...]] = set()
        self._held: dict[str, OpenCall] = {}

    def clone(self) -> SQLiteLedger:
        """The same ledger, with a connection of its own for another thread."""
        other = SQLiteLedger(self.path, self._clock, self._timezone)
        other.patience, other.until = self.patience, self.until
        return other

    def hold(
        self, call: Call, worst: Pico | None, limits: Sequence[Limit] = (), *, allow_unpriced: bool = False
    ) -> str:
        """
        Reserve `worst` picodollars under every limit that counts the call, or under none; returns the call's id.

        Raises `OverBudget` when a limit would be exceeded, or the price is unknown (None) under a dollar limit.
        """
        (refused,) = self.apply([Held(call, worst, tuple(limits), allow_unpriced)])
        if refused:
            raise refused
        return call.id

    def settle(self, identifier: str, settlement: Settlement) -> None:
        """Record what a call cost; only the first settlement of a call counts."""
        self.apply([Settled(identifier, settlement)])

    def release(self, identifier: str, outcome: str) -> None:
        """Cancel a hold; a settled call stays settled."""
        self.apply([Released(identifier, outcome)])

    def apply(self, entries: Sequence[Entry], *, patience: float | None = None) -> list[Exception | None]:
        """
        Apply entries in order in one transaction; the result of each is None, its refusal, or its error.

        An entry that can't be stored is found by applying each in a transaction of its own. Raises `Locked` when other
        programs keep the file locked for `patience` seconds.
        """
        try:
            return self._together(entries, patience)
        except LlmoError:
            raise  # about the file, not about an entry
        except Exception:
            if len(entries) == 1:
                raise
        return [self._alone(entry, patience) for entry in entries]

    def _together(self, entries: Sequence[Entry], patience: float | None) -> list[Exception | None]:
        from llmo.ledger.sqlite.postings import MovedError

        try:
            return self._stored(entries, patience)
        except MovedError:
            # Somebody has settled a call of ours as lost: what is in the file counts.
            self._held.clear()
            return self._stored(entries, patience)

    def _stored(self, entries: Sequence[Entry], patience: float | None) -> list[Exception | None]:
        from llmo.ledger.sqlite.connection import writing
        from llmo.ledger.sqlite.postings import Postings

        db = self._db(patience)
        with writing(db, self.path):
            postings = Postings(db, self._now(), self.zone, self._held)
            results: list[Exception | None] = [postings.apply(entry) for entry in entries]
            postings.close()
        self._held.update(postings.opened)
        for identifier in postings.ended:
            self._held.pop(identifier, None)
        return results

    def _alone(self, entry: Entry, patience: float | None) -> Exception | None:
        try:
            return self._together([entry], patience)[0]
        except LlmoError:
            raise
        except Exception as exc:  # noqa: BLE001 - whatever SQLite raises for this entry is its result
            return exc

    def set_cooling(self, target: Target, until: float, reason: str) -> None:
        """Ask all processes to leave a target alone until then (epoch seconds); no model means the whole provider."""
        from llmo.ledger.sqlite.connection import writing

        db = self._db(ADVICE_S)
        with writing(db, self.path):
            db.execute("DELETE FROM cooling WHERE until < ?", (self._now(),))
            db.execute(
                "INSERT OR REPLACE INTO cooling (provider, model, until, reason) VALUES (?, ?, ?, ?)",
                (target.provider, target.model, int(until * 1_000_000), reason),
            )

    def new_alerts(self, limits: Sequence[Limit], run: str) -> list[tuple[int, BudgetStatus]]:
        """Limits that are used to 80 or 95 percent and that no process has reported yet; marks them as reported."""
        from llmo.ledger.sqlite import alerts
        from llmo.ledger.sqlite.connection import writing

        def span(status: BudgetStatus) -> str | None:
            return run if status.window == "run" else status.resets_at

        found = [(alerts.level(status), status) for status in self.status(limits, run)]
        near = [(of, limit) for of, limit in zip(found, limits, strict=True) if of[0]]
        new = [
            (of, limit, key)
            for of, limit in near
            if (key := (of[0], limit.name, limit.usd, limit.calls, span(of[1]))) not in self._told
        ]
        if not new:
            return []
        db = self._db(ADVICE_S)
        with writing(db, self.path):
            noted = [alerts.first(db, limit, of[0], run, (self._now(), self.zone)) for of, limit, _ in new]
        self._told.update(key for _, _, key in new)
        return [of for (of, _, _), first in zip(new, noted, strict=True) if first]

    def import_calls(self, calls: Iterable[ImportedCall]) -> tuple[int, int]:
        """Add calls of another ledger, `CHUNK` a transaction; returns how many there were, and how many were new."""
        from itertools import islice

        from llmo.ledger.sqlite.connection import writing
        from llmo.ledger.sqlite.postings import Postings

        rest, seen, new = iter(calls), 0, 0
        while some := list(islice(rest, CHUNK)):
            db = self._db()
            with writing(db, self.path):
                postings = Postings(db, self._now(), self.zone)
                new += sum([postings.import_call(one) for one in some])
                postings.close()
            seen += len(some)
        return seen, new

    def checkpoint(self) -> None:
        """Move changes from the write-ahead log into the file once there are many, so that no hold has to."""
        from llmo.ledger.sqlite.connection import checkpoint

        if self._open and (changes := self._open[1].total_changes) - self._moved > MOVED:
            self._moved = changes
            checkpoint(self._open[1], self.path)

    def reconcile(self, run: str | None = None) -> list[tuple[str, Pico | None]]:
        """
        Settle the holds of crashed processes, of one run or of all, at the held amount, marked `estimated`.

        Returns run and amount of each call. Holds of running processes stay.
        """
        from llmo.ledger.sqlite import queries
        from llmo.ledger.sqlite.connection import writing
        from llmo.ledger.sqlite.postings import Postings

        if (db := self._reader()) is None:
            return []
        with writing(db, self.path):
            postings = Postings(db, self._now(), self.zone)
            settled = queries.lost(db, postings, run)
            postings.close()
        return settled

    def resolve(self, billed: Mapping[str, Billed]) -> None:
        """Settle calls in doubt, by id, at what was billed; other calls are left alone."""
        from llmo.ledger.sqlite.connection import writing
        from llmo.ledger.sqlite.postings import Postings

        db = self._db()
        with writing(db, self.path):
            postings = Postings(db, self._now(), self.zone)
            for identifier, of in billed.items():
                postings.resolve(identifier, of)
            postings.close()
