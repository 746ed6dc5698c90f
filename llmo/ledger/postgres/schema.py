"""The tables of the ledger in PostgreSQL, in a schema of their own, and the steps that migrate older ones."""

from __future__ import annotations

from llmo.ledger.sql.daily import KEY, SUMS, TOKENS

SCHEMA = "llmo"
"""The schema that has the tables, so that they may live in a database with other things."""
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # What a settlement that had to wait on some machine belongs to, under whatever address it is reached.
        "CREATE TABLE ledger (id TEXT NOT NULL, version INTEGER NOT NULL)",
        f"""
        CREATE TABLE calls (
            id TEXT PRIMARY KEY,
            run TEXT NOT NULL,
            row TEXT,
            attempt BIGINT NOT NULL CHECK (attempt >= 1),
            provider TEXT NOT NULL,
            model TEXT NOT NULL,
            served_model TEXT,
            task TEXT NOT NULL,
            tags TEXT NOT NULL,
            billing TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('held', 'settled', 'released', 'in_doubt')),
            outcome TEXT,
            worst BIGINT CHECK (worst >= 0),
            cost BIGINT CHECK (cost >= 0),
            in_doubt BIGINT NOT NULL DEFAULT 0,
            source TEXT,
            {", ".join(f"{name} BIGINT CHECK ({name} >= 0)" for name in TOKENS)},
            prices TEXT,
            service_tier TEXT,
            request_id TEXT,
            held_at BIGINT NOT NULL,
            ended_at BIGINT,
            duration_s DOUBLE PRECISION,
            first_token_s DOUBLE PRECISION,
            owner_pid BIGINT NOT NULL,
            owner_started TEXT NOT NULL,
            owner_boot TEXT NOT NULL,
            -- What may still be billed is the rest of a hold, never more than that.
            CHECK (CASE WHEN state = 'in_doubt'
                        THEN in_doubt > 0 AND worst IS NOT NULL AND cost IS NOT NULL AND cost + in_doubt <= worst
                        ELSE in_doubt = 0 END)
        )
        """,
        "CREATE INDEX calls_held_at ON calls (held_at)",
        "CREATE INDEX calls_run ON calls (run)",
        "CREATE INDEX calls_open ON calls (run) WHERE state = 'held' OR state = 'in_doubt'",
        "CREATE INDEX calls_ok ON calls (provider, model, held_at) WHERE outcome = 'ok'",
        """
        CREATE TABLE counters (
            run TEXT NOT NULL,
            "end" BIGINT NOT NULL,
            start BIGINT NOT NULL,
            match TEXT NOT NULL,
            spent BIGINT NOT NULL CHECK (spent >= 0),
            held BIGINT NOT NULL CHECK (held >= 0),
            in_doubt BIGINT NOT NULL CHECK (in_doubt >= 0),
            calls BIGINT NOT NULL CHECK (calls >= 0),
            created BIGINT NOT NULL,
            PRIMARY KEY (run, "end", start, match)
        )
        """,
        """
        CREATE TABLE breakers (
            provider TEXT NOT NULL,
            model TEXT NOT NULL,
            key TEXT NOT NULL,
            at DOUBLE PRECISION NOT NULL,
            reason TEXT NOT NULL,
            failures BIGINT NOT NULL,
            last TEXT NOT NULL,
            trips BIGINT NOT NULL,
            opened_at DOUBLE PRECISION NOT NULL,
            until DOUBLE PRECISION NOT NULL,
            probed BIGINT NOT NULL,
            probe_until DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (provider, model, key)
        )
        """,
        """
        CREATE TABLE warned (
            run TEXT NOT NULL,
            "end" BIGINT NOT NULL,
            name TEXT NOT NULL,
            match TEXT NOT NULL,
            limited TEXT NOT NULL,
            percent INTEGER NOT NULL,
            PRIMARY KEY (run, "end", name, match, limited, percent)
        )
        """,
        f"""
        CREATE TABLE daily (
            start BIGINT NOT NULL,
            "end" BIGINT NOT NULL,
            {", ".join(f"{name} TEXT NOT NULL" for name in KEY)},
            {", ".join(f"{name} BIGINT NOT NULL CHECK ({name} >= 0)" for name in SUMS)},
            PRIMARY KEY (start, "end", {", ".join(KEY)})
        )
        """,
        # SQLite's table function of this name.
        """
        CREATE FUNCTION json_each(tags TEXT) RETURNS TABLE (key TEXT, value TEXT) LANGUAGE sql IMMUTABLE
        AS 'SELECT * FROM json_each_text(tags::json)'
        """,
    ),
)
