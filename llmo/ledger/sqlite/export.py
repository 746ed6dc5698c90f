"""Calls as lines of JSON, which `llmo.ledger.transfer` reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from llmo.ledger.sqlite.spending import conditions
from llmo.ledger.transfer import COLUMNS
from llmo.types import jsontext
from llmo.types.money import usd

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from llmo.ledger.reports import Filter


def lines(db: sqlite3.Connection, only: Filter) -> Iterator[str]:
    """One line per call, oldest first; amounts are decimal strings in dollars, instants are ISO 8601 in UTC."""
    clauses = [("held_at >= ? AND held_at < ?", tuple(only.span)), *conditions(only)]
    where = " AND ".join(clause for clause, _ in clauses)
    rows = db.execute(
        f"SELECT {', '.join(COLUMNS)} FROM calls WHERE {where} ORDER BY held_at",  # noqa: S608 - constants; values are bound
        [value for _, values in clauses for value in values],
    )
    for row in rows:
        facts = dict(zip(COLUMNS, row, strict=True))
        facts["tags"] = json.loads(facts["tags"])
        for name in ("worst", "cost", "in_doubt"):
            facts[f"{name}_usd"] = None if (amount := facts.pop(name)) is None else usd(amount)
        for name in ("held_at", "ended_at"):
            facts[name] = None if facts[name] is None else _utc(facts[name])
        yield jsontext.write(facts)


def _utc(at: int) -> str:
    seconds, rest = divmod(at, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest).isoformat()
