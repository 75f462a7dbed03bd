"""The ledger: one SQLite database, and all SQL that reads or writes it."""
