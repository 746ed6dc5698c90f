"""Holds, settlements and releases, applied inside one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.ledger import owner
from llmo.ledger.counters import Book, Subject
from llmo.ledger.daily import Days, Kind
from llmo.ledger.owner import Owner
from llmo.ledger.records import LOST, BudgetStatus, Held, OverBudget, Released, Settled, Settlement, counts
from llmo.ledger.windows import ALWAYS, said

if TYPE_CHECKING:
    import sqlite3
    from datetime import tzinfo

    from llmo.ledger.counters import Counter
    from llmo.ledger.records import Entry, Limit, Past
    from llmo.types import CostSource

MOST = 2**62
"""Picodollars: a sum of two still fits SQLite's integers."""


class Clerk:
    """Writes entries; valid inside one transaction, `close` ends it."""

    def __init__(self, db: sqlite3.Connection, now: int, where: tzinfo | None) -> None:
        self._db = db
        self._now = now
        self._where = where
        self._days = Days(db, where)
        self._book = Book(db, now, self._days)

    def enter(self, entry: Entry) -> OverBudget | None:
        """Apply one entry; a hold that a limit refuses changes nothing and is returned."""
        match entry:
            case Held():
                return self._hold(entry)
            case Settled(identifier, settlement):
                self.settle(identifier, settlement)
            case Released(identifier, outcome):
                self.release(identifier, outcome)
        return None

    def close(self) -> None:
        """Store the sums."""
        self._days.write()
        self._book.write()

    def _hold(self, held: Held) -> OverBudget | None:
        call, worst = held.call, held.worst
        subject = Subject.of(call, self._now)
        for limit in held.limits:
            if counts(limit.key, *subject[2:]):
                counter = self._book.of(limit, subject, self._where)
                if not passes(limit, counter, held):
                    return OverBudget(status(limit, counter, self._where), call, worst)
        self._insert(held, self._now, owner.me())
        return None

    def settle(self, identifier: str, settlement: Settlement) -> None:
        """
        Book what a call cost, once.

        A call that was booked as lost while its process lived after all is corrected.
        """
        if (found := self._open(identifier)) is None:
            return
        subject, worst, booked, billing = found
        cost, source = settlement.cost, settlement.source
        if cost is None:
            cost, source = worst, "unknown" if worst is None else "estimated"
        usage = settlement.usage
        self._db.execute(
            _SETTLE,
            (
                *(settlement.outcome, cost, source, self._now, settlement.duration_s, settlement.first_token_s),
                *(settlement.served_model, settlement.service_tier, settlement.request_id),
                *((None,) * 5 if usage is None else (usage.input_tokens, usage.cached_input_tokens)),
                *(() if usage is None else (usage.cache_write_tokens, usage.output_tokens, usage.reasoning_tokens)),
                identifier,
            ),
        )
        held = 0 if booked is not None else worst or 0
        self._book.move(subject, spent=(cost or 0) - (booked or 0), held=-held)
        kind = Kind(*subject[2:], billing, "settled", settlement.outcome, source)
        self._days.add(subject.held_at, kind, cost, usage)

    def release(self, identifier: str, outcome: str) -> None:
        """Give a hold back."""
        if (found := self._open(identifier)) is None:
            return
        subject, worst, booked, billing = found
        self._db.execute(_RELEASE, (outcome, self._now, identifier))
        held = 0 if booked is not None else worst or 0
        self._book.move(subject, spent=-(booked or 0), held=-held, calls=-1)
        self._days.add(subject.held_at, Kind(*subject[2:], billing, "released", outcome, ""), 0)

    def bring(self, past: Past) -> bool:
        """
        Take in a call of another ledger; False when nothing is new.

        One that was still held there is booked as lost, until its end is brought.
        """
        call, end = past.call, past.end
        state = self._db.execute("SELECT state, outcome FROM calls WHERE id = ?", (call.id,)).fetchone()
        if state is None:
            self._insert(Held(call, past.worst), past.held_at, Owner(0, "", ""))
        elif not past.known or state not in {("held", None), ("settled", LOST)}:
            return False
        if isinstance(end, str):
            self.release(call.id, end)
        else:
            flat: CostSource = call.billing if call.billing != "metered" else "estimated"
            self.settle(call.id, end or Settlement(cost=past.worst, source=flat, outcome=LOST))
        self._db.execute("UPDATE calls SET ended_at = ? WHERE id = ?", (past.ended_at, call.id))
        return True

    def _insert(self, held: Held, at: int, of: Owner) -> None:
        call, worst = held.call, held.worst
        subject = Subject.of(call, at)
        head = (call.id, call.run, call.row, call.attempt, call.provider, call.model, call.task, subject.tags)
        self._db.execute(_INSERT, (*head, call.billing, worst, call.prices, at, *of))
        self._book.move(subject, held=worst or 0, calls=1)

    def _open(self, identifier: str) -> tuple[Subject, int | None, int | None, str] | None:
        """
        A call that may still be ended: its subject, its hold, and what is booked if it was given up for lost.

        What is booked is taken out of its day.
        """
        row = self._db.execute(_OPEN, (identifier,)).fetchone()
        if row is None:
            return None
        state, outcome, worst, cost, billing, source, *rest = row
        subject = Subject(*rest)
        if state == "held":
            return subject, worst, None, billing
        if state == "settled" and outcome == LOST:
            self._days.add(subject.held_at, Kind(*subject[2:], billing, state, LOST, source or ""), cost, calls=-1)
            return subject, worst, cost or 0, billing
        return None


def passes(limit: Limit, counter: Counter, held: Held) -> bool:
    """Whether a hold fits; limits are inclusive, and a flat plan or own hardware needs no dollars."""
    if limit.calls is not None and counter.calls + 1 > limit.calls:
        return False
    if limit.usd is None or held.call.billing != "metered":
        return True
    if held.worst is None:
        return held.allow_unpriced
    needed = counter.spent + counter.held + held.worst
    return needed <= limit.usd and needed < MOST


def status(limit: Limit, counter: Counter, where: tzinfo | None) -> BudgetStatus:
    """A limit with its sums."""
    return BudgetStatus(
        name=limit.name,
        window=limit.window,
        limit_usd=limit.usd,
        spent=counter.spent,
        held=counter.held,
        limit_calls=limit.calls,
        calls=counter.calls,
        resets_at=None if counter.period == ALWAYS else said(counter.period.end, where),
    )


_INSERT = """
INSERT INTO calls (id, run, row, attempt, provider, model, task, tags, billing, worst, prices, held_at,
                   owner_pid, owner_started, owner_boot, state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'held')
"""
_SETTLE = """
UPDATE calls SET state = 'settled', outcome = ?, cost = ?, source = ?, ended_at = ?, duration_s = ?, first_token_s = ?,
    served_model = ?, service_tier = ?, request_id = ?, input_tokens = ?, cached_input_tokens = ?,
    cache_write_tokens = ?, output_tokens = ?, reasoning_tokens = ?
WHERE id = ?
"""
_RELEASE = "UPDATE calls SET state = 'released', outcome = ?, cost = 0, source = NULL, ended_at = ? WHERE id = ?"
_OPEN = """
SELECT state, outcome, worst, cost, billing, source, run, held_at, provider, model, task, tags FROM calls WHERE id = ?
"""
