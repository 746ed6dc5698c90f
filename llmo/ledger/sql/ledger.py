"""The ledger in an SQL database: the operations that write to it."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

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
from llmo.ledger.sql.reading import SqlReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from llmo.ledger.breakers import Breaker, Circuit
    from llmo.ledger.processes import Owner
    from llmo.ledger.sql.database import Database
    from llmo.ledger.sql.postings import OpenCall, Postings
    from llmo.types.clock import Clock
    from llmo.types.money import Pico


CHUNK = 1000
"""Calls that one transaction imports."""
ADVICE_S = 0.2
"""Seconds to wait for other processes to store what is not money: breakers and alerts."""


class SqlLedger(SqlReader):
    """
    `llmo.ledger.backend.Ledger` over a database; an object is used by one thread.

    The database is opened when it is first needed. Every method raises `ConfigError` when it can't be used, and
    `Locked` when other programs kept it locked for too long.
    """

    def __init__(self, clock: Clock, timezone: str | None = None) -> None:
        super().__init__(clock, timezone)
        self._told: set[tuple[int | str | None, ...]] = set()
        self._held: dict[str, OpenCall] = {}

    @abstractmethod
    def clone(self) -> SqlLedger:
        """The same ledger, with a connection of its own for another thread."""

    @abstractmethod
    def checkpoint(self) -> None:
        """Do what was postponed, now that no call waits for it."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection; the next use opens another."""

    def spooled(self) -> int:
        """How many calls have an end that only this machine knows."""
        return 0

    @abstractmethod
    def _writing(self, db: Any) -> AbstractContextManager[None]:
        """
        One transaction that no other writer runs beside; on an error nothing of it is stored.

        Raises as `_explained` does.
        """

    @abstractmethod
    def _owner(self) -> Owner:
        """Who takes the holds: this process, as other users of the ledger can tell it apart."""

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
        programs keep the database locked for `patience` seconds.
        """
        try:
            return self._together(entries, patience)
        except LlmoError:
            raise  # about the database, not about an entry
        except Exception:
            if len(entries) == 1:
                raise
        return [self._alone(entry, patience) for entry in entries]

    def _together(self, entries: Sequence[Entry], patience: float | None) -> list[Exception | None]:
        from llmo.ledger.sql.postings import MovedError

        try:
            return self._stored(entries, patience)
        except MovedError:
            # Somebody has settled a call of ours as lost: what is stored counts.
            self._held.clear()
            return self._stored(entries, patience)

    def _stored(self, entries: Sequence[Entry], patience: float | None) -> list[Exception | None]:
        with self._posting(self._db(patience), self._held) as postings:
            results: list[Exception | None] = [postings.apply(entry) for entry in entries]
        self._held.update(postings.opened)
        for identifier in postings.ended:
            self._held.pop(identifier, None)
        return results

    def _alone(self, entry: Entry, patience: float | None) -> Exception | None:
        try:
            return self._together([entry], patience)[0]
        except LlmoError:
            raise
        except Exception as exc:  # noqa: BLE001 - whatever the database raises for this entry is its result
            return exc

    def change_breaker(self, circuit: Circuit, change: Callable[[Breaker | None], Breaker | None]) -> Breaker | None:
        """Replace a breaker by what `change` makes of it, in one transaction; returns that."""
        from llmo.ledger.sql import breakers

        db = self._db(ADVICE_S)
        with self._writing(db):
            before = breakers.find(db, circuit)
            after = change(before)
            if after != before:
                breakers.store(db, circuit, after, self._clock.now())
        return after

    def new_alerts(self, limits: Sequence[Limit], run: str) -> list[tuple[int, BudgetStatus]]:
        """Limits that are used to 80 or 95 percent and that no process has reported yet; marks them as reported."""
        from llmo.ledger.sql import alerts

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
        with self._writing(db):
            noted = [alerts.first(db, limit, of[0], run, (self._now(), self.zone)) for of, limit, _ in new]
        self._told.update(key for _, _, key in new)
        return [of for (of, _, _), first in zip(new, noted, strict=True) if first]

    def import_calls(self, calls: Iterable[ImportedCall]) -> tuple[int, int]:
        """Add calls of another ledger, `CHUNK` a transaction; returns how many there were, and how many were new."""
        from itertools import islice

        rest, seen, new = iter(calls), 0, 0
        while some := list(islice(rest, CHUNK)):
            with self._posting(self._db()) as postings:
                new += postings.import_calls(some)
            seen += len(some)
        return seen, new

    def reconcile(self, run: str | None = None) -> list[tuple[str, Pico | None]]:
        """
        Settle the holds of crashed processes, of one run or of all, at the held amount, marked `estimated`.

        Returns run and amount of each call. Holds of running processes stay.
        """
        from llmo.ledger.sql import queries

        if (db := self._reader()) is None:
            return []
        with self._posting(db) as postings:
            return queries.lost(db, postings, run, self._now())

    def resolve(self, billed: Mapping[str, Billed]) -> None:
        """Settle calls in doubt, by id, at what was billed; other calls are left alone."""
        with self._posting(self._db()) as postings:
            for identifier, of in billed.items():
                postings.resolve(identifier, of)

    @contextmanager
    def _posting(self, db: Database, known: Mapping[str, OpenCall] | None = None) -> Iterator[Postings]:
        """One transaction of entries; `known` are calls that earlier ones have held. Raises as `_writing` does."""
        from llmo.ledger.sql.postings import Postings

        with self._writing(db):
            postings = Postings(db, self._now(), self.windows, self._owner(), known)
            yield postings
            postings.close()
