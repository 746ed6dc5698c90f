"""The tables of the ledger, and the steps that migrate an older file to them."""

from __future__ import annotations

from llmo.ledger.sql import daily

APPLICATION = 0x6C6C6D6F
"""SQLite's application_id: "llmo"."""
CALLS = """
CREATE TABLE calls_3 (
    id TEXT PRIMARY KEY,
    run TEXT NOT NULL,
    row TEXT,
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    served_model TEXT,
    task TEXT NOT NULL,
    tags TEXT NOT NULL,
    billing TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'settled', 'released', 'in_doubt')),
    outcome TEXT,
    worst INTEGER CHECK (worst >= 0),
    cost INTEGER CHECK (cost >= 0),
    in_doubt INTEGER NOT NULL DEFAULT 0,
    source TEXT,
    input_tokens INTEGER CHECK (input_tokens >= 0),
    cached_input_tokens INTEGER CHECK (cached_input_tokens >= 0),
    cache_write_tokens INTEGER CHECK (cache_write_tokens >= 0),
    output_tokens INTEGER CHECK (output_tokens >= 0),
    reasoning_tokens INTEGER CHECK (reasoning_tokens >= 0),
    prices TEXT,
    service_tier TEXT,
    request_id TEXT,
    held_at INTEGER NOT NULL,
    ended_at INTEGER,
    duration_s REAL,
    first_token_s REAL,
    owner_pid INTEGER NOT NULL,
    owner_started TEXT NOT NULL,
    owner_boot TEXT NOT NULL,
    -- What may still be billed is the rest of a hold, never more than that.
    CHECK (iif(state = 'in_doubt',
               in_doubt > 0 AND worst IS NOT NULL AND cost IS NOT NULL AND cost + in_doubt <= worst,
               in_doubt = 0))
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
BREAKERS = """
CREATE TABLE breakers (
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    key TEXT NOT NULL,
    at REAL NOT NULL,
    reason TEXT NOT NULL,
    failures INTEGER NOT NULL,
    last TEXT NOT NULL,
    trips INTEGER NOT NULL,
    opened_at REAL NOT NULL,
    until REAL NOT NULL,
    probed INTEGER NOT NULL,
    probe_until REAL NOT NULL,
    PRIMARY KEY (provider, model, key)
) STRICT, WITHOUT ROWID
"""
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
        # Sums over calls, kept up to date by every process. `match` says which calls are included, so a process
        # need not know the profile of the budget. Rows can be deleted: they are added up again.
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
    (
        # Alerts that were reported, so that one process reports for all. `limited` is the limit's amount.
        """
        CREATE TABLE warned (
            run TEXT NOT NULL,
            "end" INTEGER NOT NULL,
            name TEXT NOT NULL,
            match TEXT NOT NULL,
            limited TEXT NOT NULL,
            percent INTEGER NOT NULL,
            PRIMARY KEY (run, "end", name, match, limited, percent)
        ) STRICT, WITHOUT ROWID
        """,
    ),
    (
        CALLS,
        TAKEN,
        "DROP TABLE calls",
        "ALTER TABLE calls_3 RENAME TO calls",
        "CREATE INDEX calls_held_at ON calls (held_at)",
        "CREATE INDEX calls_run ON calls (run)",
        "CREATE INDEX calls_open ON calls (run) WHERE state = 'held' OR state = 'in_doubt'",
        "CREATE INDEX calls_ok ON calls (provider, model, held_at) WHERE outcome = 'ok'",
        "DROP TABLE counters",
        """
        CREATE TABLE counters (
            run TEXT NOT NULL,
            "end" INTEGER NOT NULL,
            start INTEGER NOT NULL,
            match TEXT NOT NULL,
            spent INTEGER NOT NULL CHECK (spent >= 0),
            held INTEGER NOT NULL CHECK (held >= 0),
            in_doubt INTEGER NOT NULL CHECK (in_doubt >= 0),
            calls INTEGER NOT NULL CHECK (calls >= 0),
            created INTEGER NOT NULL,
            PRIMARY KEY (run, "end", start, match)
        ) STRICT, WITHOUT ROWID
        """,
        "DROP TABLE IF EXISTS daily",
        daily.TABLE,
    ),
    ("DROP TABLE cooling", BREAKERS),
)
