"""The ledger in an SQLite file that all processes of a user share."""
