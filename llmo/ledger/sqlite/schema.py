"""The tables of the ledger, and the steps that migrate an older file to them."""

from __future__ import annotations

from llmo.ledger.sql import daily, tables

APPLICATION = 0x6C6C6D6F
"""SQLite's application_id: "llmo"."""
CALLS = f"""
CREATE TABLE calls_3 ({tables.CALLS}
    CHECK (iif(state = 'in_doubt', {tables.IN_DOUBT}, in_doubt = 0))
) STRICT
"""
_SAME = (
    *("id", "run", "row", "provider", "model", "served_model", "task", "tags", "billing", "state", "outcome"),
    *("prices", "service_tier", "request_id", "held_at", "ended_at", "duration_s", "first_token_s"),
    *("owner_pid", "owner_started", "owner_boot"),
)
_MENDED = {
    "attempt": "max(attempt, 1)",
    "worst": "max(worst, 0)",
    # The cost of such a call is unknown: sums that include it are lower bounds.
    "cost": "iif(cost < 0, NULL, cost)",
    "source": "iif(cost < 0, 'unknown', source)",
    **{name: f"max({name}, 0)" for name in daily.TOKENS},
}
TAKEN = f"""
INSERT INTO calls_3 ({", ".join((*_SAME, *_MENDED))})
SELECT {", ".join((*_SAME, *_MENDED.values()))} FROM calls
"""  # noqa: S608 - constants
"""Copies the calls of an older ledger, in which amounts could be negative."""


def _keyed(name: str, columns: str) -> str:
    """A table that is sorted by its key."""
    return f"CREATE TABLE {name} ({columns}) STRICT, WITHOUT ROWID"


MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        f"PRAGMA application_id = {APPLICATION}",
        """
        CREATE TABLE calls (
            id TEXT PRIMARY KEY,
            run TEXT NOT NULL,
            row TEXT,
            attempt INTEGER NOT NULL,
            provider TEXT NOT NULL,
            model TEXT NOT NULL,
            served_model TEXT,
            task TEXT NOT NULL,
            tags TEXT NOT NULL,
            billing TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('held', 'settled', 'released')),
            outcome TEXT,
            worst INTEGER,
            cost INTEGER,
            source TEXT,
            input_tokens INTEGER,
            cached_input_tokens INTEGER,
            cache_write_tokens INTEGER,
            output_tokens INTEGER,
            reasoning_tokens INTEGER,
            prices TEXT,
            service_tier TEXT,
            request_id TEXT,
            held_at INTEGER NOT NULL,
            ended_at INTEGER,
            duration_s REAL,
            first_token_s REAL,
            owner_pid INTEGER NOT NULL,
            owner_started TEXT NOT NULL,
            owner_boot TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX calls_held_at ON calls (held_at)",
        "CREATE INDEX calls_run ON calls (run)",
        "CREATE INDEX calls_open ON calls (run) WHERE state = 'held'",
        "CREATE INDEX calls_ok ON calls (provider, model, held_at) WHERE outcome = 'ok'",
        """
        CREATE TABLE counters (
            run TEXT NOT NULL,
            "end" INTEGER NOT NULL,
            start INTEGER NOT NULL,
            match TEXT NOT NULL,
            spent INTEGER NOT NULL,
            held INTEGER NOT NULL,
            calls INTEGER NOT NULL,
            created INTEGER NOT NULL,
            PRIMARY KEY (run, "end", start, match)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE cooling (
            provider TEXT NOT NULL,
            model TEXT NOT NULL,
            until INTEGER NOT NULL,
            reason TEXT NOT NULL,
            PRIMARY KEY (provider, model)
        ) STRICT, WITHOUT ROWID
        """,
    ),
    (_keyed("warned", tables.WARNED),),
    (
        CALLS,
        TAKEN,
        "DROP TABLE calls",
        "ALTER TABLE calls_3 RENAME TO calls",
        *tables.INDEXES,
        "DROP TABLE counters",
        _keyed("counters", tables.COUNTERS),
        "DROP TABLE IF EXISTS daily",
        _keyed("daily", tables.DAILY),
    ),
    ("DROP TABLE cooling", _keyed("breakers", tables.BREAKERS)),
)
