"""
Sums per local day, kept up to date by every transaction, so that a report need not add up a year of calls.

A row belongs to a day in the time zone of its writer. For readers in another zone, and where days of two zones
overlap, the calls themselves are added up. The table can always be rebuilt from them.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from llmo.ledger.periods import FOREVER, Period, period

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from llmo.ledger.periods import Windows
    from llmo.ledger.sql.database import Database
    from llmo.types.events import Usage

KEY = ("provider", "model", "task", "tags", "billing", "state", "outcome", "source")
TOKENS = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
_tokens = attrgetter(*TOKENS)
SUMS = ("calls", "cost", "in_doubt", "unpriced", *TOKENS)
_COLUMNS = ", ".join(("start", '"end"', *KEY, *SUMS))
_ADD = f"""
INSERT INTO daily ({_COLUMNS}) VALUES ({", ".join("?" * (2 + len(KEY) + len(SUMS)))})
ON CONFLICT (start, "end", {", ".join(KEY)})
DO UPDATE SET {", ".join(f"{name} = daily.{name} + excluded.{name}" for name in SUMS)}
"""  # noqa: S608 - constants
_TAKE = f"""
UPDATE daily SET {", ".join(f"{name} = {name} + ?" for name in SUMS)}
WHERE start = ? AND "end" = ? AND {" AND ".join(f"{k} = ?" for k in KEY)}
"""  # noqa: S608 - constants
_DAYS_OVER = 'SELECT DISTINCT start, "end" FROM daily WHERE start > ? AND start <= ? AND "end" > ?'
LONGEST_DAY = 2 * 86_400 * 1_000_000
"""Microseconds that no day of any zone lasts."""
_EMPTY = f'DELETE FROM daily WHERE start = ? AND "end" = ? AND {" AND ".join(f"{k} = ?" for k in KEY)} AND calls = 0'  # noqa: S608 - constants
_FILL = f"""
INSERT INTO daily ({_COLUMNS})
SELECT ?, ?, provider, model, task, tags, billing, state, coalesce(outcome, ''), coalesce(source, ''), count(*),
       coalesce(sum(cost), 0), sum(in_doubt), count(*) FILTER (WHERE cost IS NULL OR source = 'unknown'),
       {", ".join(f"coalesce(sum({name}), 0)" for name in TOKENS)}
FROM calls WHERE held_at >= ? AND held_at < ? AND state <> 'held'
GROUP BY {", ".join(str(3 + n) for n in range(len(KEY)))}
"""  # noqa: S608 - constants


class Kind(NamedTuple):
    """What calls that have ended are grouped by, besides their day."""

    provider: str
    model: str
    task: str
    tags: str
    billing: str
    state: str
    outcome: str
    source: str


class Ended(NamedTuple):
    """The amounts of a call that has ended; a cost of None is unknown, tokens are in the order of `TOKENS`."""

    cost: int | None
    in_doubt: int = 0
    tokens: Sequence[int] = (0,) * len(TOKENS)

    @classmethod
    def of(cls, cost: int | None, in_doubt: int, usage: Usage | None) -> Ended:
        """The amounts of a call, with the tokens of its usage if that is known."""
        return cls(cost, in_doubt) if usage is None else cls(cost, in_doubt, _tokens(usage))


class DailyTotals:
    """What one transaction adds to the table; `write` stores it."""

    def __init__(self, db: Database, windows: Windows) -> None:
        self._db = db
        self._windows = windows
        self._calls: dict[tuple[Period, Kind], list[tuple[int, ...]]] = {}

    def add(self, at: int, kind: Kind, ended: Ended) -> None:
        """Add a call that has ended to its day in the zone of this process."""
        day = self._windows.period("day", at)
        self._calls.setdefault((day, kind), []).append(_amounts(kind, ended))

    def take(self, at: int, kind: Kind, ended: Ended) -> None:
        """
        Take a call out again that is stored, from the day that it was added to: perhaps by a process of another zone.

        Where days of several zones cover its instant, none of them is used for a report, see `cover`: they stay.
        """
        days = self._db.execute(_DAYS_OVER, (at - LONGEST_DAY, at, at)).fetchall()
        if len(days) == 1:
            taken = tuple(-amount for amount in _amounts(kind, ended))
            self._calls.setdefault((Period(*days[0]), kind), []).append(taken)

    def write(self) -> None:
        """Store what was added. Sums that decrease exist already: a call is only taken out after it was added."""
        totals = [(key, [sum(each) for each in zip(*calls, strict=True)]) for key, calls in self._calls.items()]
        if more := [(*day, *kind, *sums) for (day, kind), sums in totals if min(sums) >= 0]:
            self._db.executemany(_ADD, more)
        if less := [(*sums, *day, *kind) for (day, kind), sums in totals if min(sums) < 0]:
            self._db.executemany(_TAKE, less)
        if taken := [(*day, *kind) for (day, kind), sums in totals if sums[0] <= 0]:
            self._db.executemany(_EMPTY, taken)
        self._calls.clear()


def _amounts(kind: Kind, ended: Ended) -> tuple[int, ...]:
    """What one call adds to each of `SUMS`."""
    unpriced = ended.cost is None or kind.source == "unknown"
    return (1, ended.cost or 0, ended.in_doubt, unpriced, *ended.tokens)


def rebuild(db: Database, where: tzinfo | None) -> None:
    """Add up all calls again, by the days of a time zone."""
    db.execute("DELETE FROM daily")
    at = -FOREVER
    while (at := db.execute("SELECT min(held_at) FROM calls WHERE held_at >= ?", (at,)).fetchone()[0]) is not None:
        day = period("day", at, where)
        db.execute(_FILL, (*day, *day))
        at = day.end


class Cover(NamedTuple):
    """A span of time as whole days, whose sums are stored, and the gaps between them, where calls are added up."""

    days: list[Period]
    gaps: list[Period]


def cover(db: Database, span: Period, where: tzinfo | None, *, calendar: bool) -> Cover:
    """
    Split a span into stored days and gaps; with `calendar` only days of this time zone are used.

    Days that overlap are not used: some calls of the one are counted in the other.
    """
    stored = [Period(*row) for row in db.execute('SELECT DISTINCT start, "end" FROM daily ORDER BY start, "end"')]
    days = [
        day
        for day in _disjoint(stored)
        if span.start <= day.start and day.end <= span.end and (not calendar or day == period("day", day.start, where))
    ]
    return Cover(days, list(_between(span, days)))


def _disjoint(days: Sequence[Period]) -> Iterator[Period]:
    reach = -FOREVER
    for number, day in enumerate(days):
        following = days[number + 1].start if number + 1 < len(days) else FOREVER
        if day.start >= reach and day.end <= following:
            yield day
        reach = max(reach, day.end)


def _between(span: Period, days: Sequence[Period]) -> Iterator[Period]:
    at = span.start
    for day in days:
        if at < day.start:
            yield Period(at, day.start)
        at = day.end
    if at < span.end:
        yield Period(at, span.end)


def runs(days: Sequence[Period]) -> Iterator[Period]:
    """Adjacent days joined into spans."""
    begun: Period | None = None
    for day in days:
        if begun is not None and begun.end == day.start:
            begun = Period(begun.start, day.end)
            continue
        if begun is not None:
            yield begun
        begun = day
    if begun is not None:
        yield begun
