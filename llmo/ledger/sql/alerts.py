"""Which limits were reported to run low: each level once per window, by the first process that sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.ledger.periods import period
from llmo.ledger.sql.counters import KEEP

if TYPE_CHECKING:
    from datetime import tzinfo

    from llmo.ledger.records import BudgetStatus, Limit
    from llmo.ledger.sql.database import Database

LEVELS = (95, 80)
"""Percentages of a limit that are reported, highest first."""


def level(status: BudgetStatus) -> int:
    """The highest level that is reached; 0 when none is."""
    return next((percent for percent in LEVELS if status.percent >= percent), 0)


def first(db: Database, limit: Limit, percent: int, run: str, now: tuple[int, tzinfo | None]) -> bool:
    """Record that a level is reported; whether it was not yet. Lower levels count as reported too."""
    at, where = now
    span = period(limit.window, at, where)
    key = (run if limit.window == "run" else "", span.end, limit.name, limit.key, f"{limit.usd} {limit.calls}")
    noted = [
        db.execute(
            'INSERT INTO warned (run, "end", name, match, limited, percent) VALUES (?, ?, ?, ?, ?, ?)'
            " ON CONFLICT DO NOTHING",
            (*key, one),
        ).rowcount
        for one in LEVELS
        if one <= percent
    ]
    db.execute('DELETE FROM warned WHERE "end" < ?', (at - KEEP,))
    return bool(noted[0])
