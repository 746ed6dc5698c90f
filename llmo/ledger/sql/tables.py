"""
Columns of the tables that both storages have, with their checks, in SQLite's types.

Steps of migrations are made of them, which stay as they were released: whatever a later version adds is a step of its
own in each storage.
"""

from __future__ import annotations

from llmo.ledger.sql.daily import KEY, SUMS

CALLS = """
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
    state TEXT NOT NULL CHECK (state = 'held' OR state = 'settled' OR state = 'released' OR state = 'in_doubt'),
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
"""
"""
Without the check of what is in doubt, whose words differ. The states are not a list: for one of more than two words
SQLite makes a table, at each statement that inserts or changes a call.
"""
IN_DOUBT = "in_doubt > 0 AND worst IS NOT NULL AND cost IS NOT NULL AND cost + in_doubt <= worst"
"""Holds for a call in doubt, and `in_doubt = 0` for any other: what may still be billed is the rest of a hold."""
INDEXES = (
    "CREATE INDEX calls_held_at ON calls (held_at)",
    "CREATE INDEX calls_run ON calls (run)",
    "CREATE INDEX calls_open ON calls (run) WHERE state = 'held' OR state = 'in_doubt'",
    "CREATE INDEX calls_ok ON calls (provider, model, held_at) WHERE outcome = 'ok'",
)
COUNTERS = """
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
"""
"""
Sums over calls, kept up to date by every process. `match` says which calls are included, so a process need not know the
profile of the budget. Rows can be deleted: they are added up again.
"""
WARNED = """
    run TEXT NOT NULL,
    "end" INTEGER NOT NULL,
    name TEXT NOT NULL,
    match TEXT NOT NULL,
    limited TEXT NOT NULL,
    percent INTEGER NOT NULL,
    PRIMARY KEY (run, "end", name, match, limited, percent)
"""
"""Alerts that were reported, so that one process reports for all. `limited` is the limit's amount."""
DAILY = f"""
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    {", ".join(f"{name} TEXT NOT NULL" for name in KEY)},
    {", ".join(f"{name} INTEGER NOT NULL CHECK ({name} >= 0)" for name in SUMS)},
    PRIMARY KEY (start, "end", {", ".join(KEY)})
"""
BREAKERS = """
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
"""
