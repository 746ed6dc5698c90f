"""Breakers in the database: one row for each target and key that failed of late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.ledger.breakers import FORGOTTEN_S, Breaker
from llmo.types.dataclass import fields

if TYPE_CHECKING:
    from llmo.ledger.breakers import Circuit
    from llmo.ledger.sql.database import Database

_NAMES = tuple(one.name for one in fields(Breaker))
_COLUMNS = ", ".join(_NAMES)


def find(db: Database, of: Circuit) -> Breaker | None:
    """The breaker of a target and key, None where nothing of note happened."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM breakers WHERE provider = ? AND model = ? AND key = ?",  # noqa: S608 - constants
        of,
    ).fetchone()
    if row is None:
        return None
    known = dict(zip(_NAMES, row, strict=True))
    return Breaker(**{**known, "probed": bool(known["probed"])})


def store(db: Database, of: Circuit, breaker: Breaker | None, now: float) -> None:
    """Replace the breaker of a target and key, and drop those that nobody will ask for again."""
    db.execute("DELETE FROM breakers WHERE at < ? AND until < ?", (now - FORGOTTEN_S, now - FORGOTTEN_S))
    if breaker is None:
        db.execute("DELETE FROM breakers WHERE provider = ? AND model = ? AND key = ?", of)
        return
    values = [*of, *(getattr(breaker, name) for name in _NAMES)]
    changes = ", ".join(f"{name} = excluded.{name}" for name in _NAMES)
    db.execute(
        f"INSERT INTO breakers (provider, model, key, {_COLUMNS})"  # noqa: S608 - constants
        f" VALUES ({', '.join('?' * len(values))}) ON CONFLICT (provider, model, key) DO UPDATE SET {changes}",
        [int(value) if isinstance(value, bool) else value for value in values],
    )


def cooling(db: Database, provider: str, now: float) -> float:
    """Seconds until the latest time that a provider named for one of its models is over."""
    found = db.execute(
        "SELECT max(until) FROM breakers WHERE provider = ? AND reason = 'rate_limited'", (provider,)
    ).fetchone()[0]
    return max(0.0, (found or 0.0) - now)
