"""What every ledger in an SQL database does: statements that SQLite and PostgreSQL both understand."""
