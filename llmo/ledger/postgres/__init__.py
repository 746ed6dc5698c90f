"""The ledger in a PostgreSQL database that machines share."""
