"""Breakers in the database: one row for each target and key that failed of late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmo.ledger.breakers import FORGOTTEN_S, Breaker

if TYPE_CHECKING:
    from llmo.ledger.breakers import Circuit
    from llmo.ledger.sql.database import Database

_NAMES = ("at", "reason", "failures", "last", "trips", "opened_at", "until", "probed", "probe_until")
_COLUMNS = ", ".join(_NAMES)


def find(db: Database, of: Circuit) -> Breaker | None:
    """The breaker of a target and key, None where nothing of note happened."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM breakers WHERE provider = ? AND model = ? AND key = ?",  # noqa: S608 - constants
        of,
    ).fetchone()
    if row is None:
        return None
    at, reason, failures, last, trips, opened_at, until, probed, probe_until = row
    return Breaker(
        at=at,
        reason=reason,
        failures=failures,
        last=last,
        trips=trips,
        opened_at=opened_at,
        until=until,
        probed=bool(probed),
        probe_until=probe_until,
    )


def store(db: Database, of: Circuit, breaker: Breaker | None, now: float) -> None:
    """Replace the breaker of a target and key, and drop those that nobody will ask for again."""
    db.execute("DELETE FROM breakers WHERE at < ? AND until < ?", (now - FORGOTTEN_S, now - FORGOTTEN_S))
    if breaker is None:
        db.execute("DELETE FROM breakers WHERE provider = ? AND model = ? AND key = ?", of)
        return
    values = [int(value) if isinstance(value := getattr(breaker, name), bool) else value for name in _NAMES]
    changes = ", ".join(f"{name} = excluded.{name}" for name in _NAMES)
    db.execute(
        f"INSERT INTO breakers (provider, model, key, {_COLUMNS}) VALUES (?{', ?' * 11})"  # noqa: S608 - constants
        f" ON CONFLICT (provider, model, key) DO UPDATE SET {changes}",
        (*of, *values),
    )


def cooling(db: Database, provider: str, now: float) -> float:
    """Seconds until the latest time that a provider named for one of its models is over."""
    found = db.execute(
        "SELECT max(until) FROM breakers WHERE provider = ? AND reason = 'rate_limited'", (provider,)
    ).fetchone()[0]
    return max(0.0, (found or 0.0) - now)
