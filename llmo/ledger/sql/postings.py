"""Holds, settlements and releases, applied inside one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from llmo.ledger.periods import ALWAYS, format_instant
from llmo.ledger.processes import DEFERRED, Owner
from llmo.ledger.records import LOST, BudgetStatus, Held, Settled, Settlement, passes
from llmo.ledger.refusals import OverBudget
from llmo.ledger.sql.counters import CallKey, Counters
from llmo.ledger.sql.daily import TOKENS, DailyTotals, Ended, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

    from llmo.ledger.periods import Windows
    from llmo.ledger.records import Billed, Entry, ImportedCall, Limit
    from llmo.ledger.sql.counters import Counter
    from llmo.ledger.sql.database import Database
    from llmo.types.messages import CostSource


class MovedError(Exception):
    """A call that was held has been ended by another process meanwhile: what was remembered of it is not true."""


class Postings:
    """
    Applies entries inside one transaction; `close` stores the sums and must be the last call.

    Holds, and settlements of calls that are known to be held, are stored together, many in one statement: before
    anything is read, and by `close`. Either may then raise `MovedError`.
    """

    def __init__(
        self,
        db: Database,
        now: int,
        windows: Windows,
        owner: Owner,
        known: Mapping[str, OpenCall] | None = None,
    ) -> None:
        """`owner` takes the holds; `known` are calls that earlier transactions have held, by id."""
        self._db = db
        self._now = now
        self._windows = windows
        self._owner = owner
        self._days = DailyTotals(db, windows)
        self._counters = Counters(db, now, self._store)
        self._known = known or {}
        self.opened: dict[str, OpenCall] = {}
        """Calls that this transaction has held and not ended."""
        self.ended: set[str] = set()
        """Calls that it has ended."""
        self._holds: list[tuple[object, ...]] = []
        self._ends: list[tuple[object, ...]] = []

    def apply(self, entry: Entry) -> OverBudget | None:
        """Apply one entry; a refused hold changes nothing, and its refusal is returned."""
        if isinstance(entry, Held):
            return self._hold(entry)
        if isinstance(entry, Settled):
            self.settle(entry.id, entry.settlement)
        else:
            self.release(entry.id, entry.outcome)
        return None

    def close(self) -> None:
        """Store everything that is not stored yet."""
        self._store()
        self._counters.write()

    def _store(self) -> None:
        """Store calls and sums of days, so that they can be read; room is made before it is taken."""
        ends, self._ends = self._ends, []
        holds, self._holds = self._holds, []
        if ends and self._db.executemany(_SETTLE_HELD, ends).rowcount != len(ends):
            raise MovedError
        if holds:
            self._db.executemany(_INSERT, holds)
        self._days.write()

    def _hold(self, held: Held) -> OverBudget | None:
        call, worst = held.call, held.worst
        key = CallKey.of(call, self._now)
        for limit in held.limits:
            if limit.counts(call):
                counter = self._counters.of(limit, key, self._windows)
                if not passes(limit, counter, held):
                    return OverBudget(status(limit, counter, self._windows.where), call, worst)
        self._insert(held, self._now, DEFERRED if held.deferred else self._owner)
        return None

    def settle(
        self, identifier: str, settlement: Settlement, *, resolving: bool = False, ended_at: int | None = None
    ) -> None:
        """
        Record what a call cost; only the first settlement counts.

        A call that was settled as lost although its process was running is corrected; one in doubt only if `resolving`.
        """
        mine = None if resolving else self._mine(identifier)
        if mine is not None and self._holds and identifier in self.opened:
            self._store()  # its own hold may not be stored yet
        if (found := mine or self._open(identifier, resolving=resolving)) is None:
            return
        cost, source = settlement.cost, settlement.source
        if cost is None:
            cost, source = found.worst, "unknown" if found.worst is None else "estimated"
        in_doubt = settlement.in_doubt and max(0, min(settlement.in_doubt, (found.worst or 0) - (cost or 0)))
        state = "in_doubt" if in_doubt else "settled"
        ended, end = Ended.of(cost, in_doubt, settlement.usage), settlement
        tokens = (None,) * len(TOKENS) if end.usage is None else ended.tokens
        at, served = self._now if ended_at is None else ended_at, end.served_model
        row = (state, end.outcome, cost, in_doubt, source, at, end.duration_s, end.first_token_s, served)
        row += (end.service_tier, end.request_id, *tokens, identifier)
        if mine is None:
            self._db.execute(_SETTLE, row)
        else:
            self._ends.append(row)
        self._end(identifier)
        self._counters.move(
            found.key, spent=(cost or 0) - found.spent, held=-found.held, in_doubt=in_doubt - found.in_doubt
        )
        kind = Kind(*found.key[2:], found.billing, state, end.outcome, source)
        self._days.add(found.key.held_at, kind, ended)

    def release(self, identifier: str, outcome: str, *, resolving: bool = False) -> None:
        """Cancel a hold."""
        if (found := self._open(identifier, resolving=resolving)) is None:
            return
        self._db.execute(_RELEASE, (outcome, self._now, identifier))
        self._end(identifier)
        self._counters.move(found.key, spent=-found.spent, held=-found.held, in_doubt=-found.in_doubt, calls=-1)
        kind = Kind(*found.key[2:], found.billing, "released", outcome, "")
        self._days.add(found.key.held_at, kind, Ended(0))

    def resolve(self, identifier: str, billed: Billed) -> None:
        """Settle a call in doubt at what was billed; a call that is not in doubt is left alone."""
        self._store()
        # `_open` subtracts the call from its day, so it may only be called for one that is in doubt.
        doubtful = self._db.execute("SELECT 1 FROM calls WHERE id = ? AND state = 'in_doubt'", (identifier,)).fetchone()
        if doubtful is None or (found := self._open(identifier, resolving=True)) is None:
            return
        cost = found.spent + found.in_doubt if billed.cost is None else billed.cost
        tokens = found.tokens if billed.usage is None else Ended.of(None, 0, billed.usage).tokens
        self._db.execute(_RESOLVE, (cost, billed.source, *tokens, identifier))
        self._counters.move(found.key, spent=cost - found.spent, in_doubt=-found.in_doubt)
        kind = Kind(*found.key[2:], found.billing, "settled", found.outcome, billed.source)
        self._days.add(found.key.held_at, kind, Ended(cost, 0, [one or 0 for one in tokens]))

    def import_calls(self, calls: Sequence[ImportedCall]) -> int:
        """
        Add calls of another ledger, many at once; returns how many of them were new or have ended since.

        A call that was still held there is settled as lost, until its end is imported.
        """
        stored = {row[0] for some in _batches([one.call.id for one in calls]) for row in self._db.execute(*_ids(some))}
        fresh = {one.call.id: one for one in reversed(calls) if one.call.id not in stored}
        self._counters.expect({one.call.run for one in fresh.values()})
        for one in fresh.values():
            self._insert(Held(one.call, one.worst), one.held_at, Owner(0, "", ""))
        self._store()
        new = 0
        for one in calls:
            if fresh.get(one.call.id) is one and not isinstance(one.end, str):
                self.settle(one.call.id, one.end or _lost(one), ended_at=one.ended_at)
                new += 1
            else:
                new += self._learn(one)
        return new

    def _learn(self, past: ImportedCall) -> bool:
        """End a call that is stored as another ledger knows it; False when nothing about that is new."""
        identifier, end = past.call.id, past.end
        self._store()
        row = self._db.execute("SELECT state, outcome FROM calls WHERE id = ?", (identifier,)).fetchone()
        if past.certainty <= (0 if row in {("held", None), ("settled", LOST)} else 1 if row[0] == "in_doubt" else 2):
            return False
        if isinstance(end, Settlement):
            self.settle(identifier, end, resolving=True)
        elif end is not None:
            self.release(identifier, end, resolving=True)
        self._store()
        self._db.execute("UPDATE calls SET ended_at = ? WHERE id = ?", (past.ended_at, identifier))
        return True

    def _insert(self, held: Held, at: int, of: Owner) -> None:
        call, worst = held.call, held.worst
        key = CallKey.of(call, at)
        head = (call.id, call.run, call.row, call.attempt, call.provider, call.model, call.task, key.tags)
        self._holds.append((*head, call.billing, worst, call.prices, at, *of))
        self.opened[call.id] = OpenCall(key, call.billing, worst, 0, worst or 0)
        self._counters.move(key, held=worst or 0, calls=1)

    def _end(self, identifier: str) -> None:
        self.opened.pop(identifier, None)
        self.ended.add(identifier)

    def _mine(self, identifier: str) -> OpenCall | None:
        """A call that this process has held and not ended, without a look into the file."""
        if identifier in self.ended:
            return None
        return self.opened.get(identifier) or self._known.get(identifier)

    def _open(self, identifier: str, *, resolving: bool) -> OpenCall | None:
        """
        A call that can still be ended, with its recorded amounts; None when it has ended for good.

        Subtracts the recorded amounts from the call's day.
        """
        self._store()
        row = self._db.execute(_OPEN, (identifier,)).fetchone()
        if row is None:
            return None
        state, outcome, worst, cost, in_doubt, billing, source, *rest = row
        key, tokens = CallKey(*rest[:6]), rest[6:]
        if state == "held":
            return OpenCall(key, billing, worst, held=worst or 0)
        if (state, outcome) == ("settled", LOST) or (state == "in_doubt" and resolving):
            kind = Kind(*key[2:], billing, state, outcome, source or "")
            self._days.take(key.held_at, kind, Ended(cost, in_doubt, [one or 0 for one in tokens]))
            return OpenCall(key, billing, worst, cost or 0, in_doubt=in_doubt, outcome=outcome, tokens=tokens)
        return None


def _lost(past: ImportedCall) -> Settlement:
    """The end of a call that was still held where it comes from."""
    flat: CostSource = past.call.billing if past.call.billing != "metered" else "estimated"
    return Settlement(cost=past.worst, source=flat, outcome=LOST)


def _batches(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[at : at + 500] for at in range(0, len(values), 500))


def _ids(some: Sequence[str]) -> tuple[str, Sequence[str]]:
    return f"SELECT id FROM calls WHERE id IN ({', '.join('?' * len(some))})", some  # noqa: S608 - question marks


class OpenCall(NamedTuple):
    """A call that can still be ended, with its recorded amounts."""

    key: CallKey
    billing: str
    worst: int | None
    spent: int = 0
    held: int = 0
    in_doubt: int = 0
    outcome: str = ""
    tokens: Sequence[int | None] = ()


def status(limit: Limit, counter: Counter, where: tzinfo | None) -> BudgetStatus:
    """The status of a limit from its counter."""
    return BudgetStatus(
        name=limit.name,
        window=limit.window,
        limit_usd=limit.usd,
        spent=counter.spent,
        held=counter.held,
        in_doubt=counter.in_doubt,
        limit_calls=limit.calls,
        calls=counter.calls,
        resets_at=None if counter.period == ALWAYS else format_instant(counter.period.end, where),
    )


_INSERT = """
INSERT INTO calls (id, run, row, attempt, provider, model, task, tags, billing, worst, prices, held_at,
                   owner_pid, owner_started, owner_boot, state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'held')
"""
_SETTLE = """
UPDATE calls SET state = ?, outcome = ?, cost = ?, in_doubt = ?, source = ?, ended_at = ?, duration_s = ?,
    first_token_s = ?, served_model = ?, service_tier = ?, request_id = ?, input_tokens = ?, cached_input_tokens = ?,
    cache_write_tokens = ?, output_tokens = ?, reasoning_tokens = ?
WHERE id = ?
"""
_SETTLE_HELD = f"{_SETTLE} AND state = 'held'"
_RESOLVE = f"""
UPDATE calls SET state = 'settled', cost = ?, in_doubt = 0, source = ?, {", ".join(f"{name} = ?" for name in TOKENS)}
WHERE id = ?
"""  # noqa: S608 - constants
_RELEASE = f"""
UPDATE calls SET state = 'released', outcome = ?, cost = 0, in_doubt = 0, source = NULL, ended_at = ?,
    {", ".join(f"{name} = NULL" for name in TOKENS)}
WHERE id = ?
"""  # noqa: S608 - constants
_OPEN = f"""
SELECT state, outcome, worst, cost, in_doubt, billing, source, run, held_at, provider, model, task, tags,
       {", ".join(TOKENS)} FROM calls WHERE id = ?
"""  # noqa: S608 - constants
