"""The tables of the ledger in PostgreSQL, in a schema of their own, and the steps that migrate older ones."""

from __future__ import annotations

from llmo.ledger.sql import tables

SCHEMA = "llmo"
"""The schema that has the tables, so that they may live in a database with other things."""


def _table(name: str, columns: str) -> str:
    """A table with types as wide as those of SQLite."""
    return f"CREATE TABLE {name} ({columns})".replace(" INTEGER", " BIGINT").replace(" REAL", " DOUBLE PRECISION")


CALLS = f"""{tables.CALLS}
    CHECK (CASE WHEN state = 'in_doubt' THEN {tables.IN_DOUBT} ELSE in_doubt = 0 END)
"""
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # What a settlement that had to wait on some machine belongs to, under whatever address it is reached.
        "CREATE TABLE ledger (id TEXT NOT NULL, version INTEGER NOT NULL)",
        _table("calls", CALLS),
        *tables.INDEXES,
        _table("counters", tables.COUNTERS),
        _table("breakers", tables.BREAKERS),
        _table("warned", tables.WARNED),
        _table("daily", tables.DAILY),
        # SQLite's table function of this name.
        """
        CREATE FUNCTION json_each(tags TEXT) RETURNS TABLE (key TEXT, value TEXT) LANGUAGE sql IMMUTABLE
        AS 'SELECT * FROM json_each_text(tags::json)'
        """,
    ),
)
