"""Calls as lines of JSON, which `llmo.ledger.transfer` reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from llmo.ledger.sql.spending import conditions
from llmo.ledger.transfer import COLUMNS
from llmo.types import jsontext
from llmo.types.money import usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from llmo.ledger.reports import Filter


def query(only: Filter) -> tuple[str, list[str | int]]:
    """Selects `COLUMNS` of the calls, oldest first."""
    clauses: list[tuple[str, tuple[str | int, ...]]] = [
        ("held_at >= ? AND held_at < ?", tuple(only.span)),
        *conditions(only),
    ]
    where = " AND ".join(clause for clause, _ in clauses)
    return (
        f"SELECT {', '.join(COLUMNS)} FROM calls WHERE {where} ORDER BY held_at",  # noqa: S608 - constants; values are bound
        [value for _, values in clauses for value in values],
    )


def lines(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """One line per row of `query`; amounts are decimal strings in dollars, instants are ISO 8601 in UTC."""
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
