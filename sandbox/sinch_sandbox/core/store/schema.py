"""The tables and indexes of the ledger."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    fields TEXT NOT NULL,
    text TEXT NOT NULL,
    sender TEXT,
    client_reference TEXT,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    starts_at INTEGER NOT NULL,
    leaves_at INTEGER,
    expires_at INTEGER NOT NULL,
    canceled_at INTEGER,
    listed_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS batches_by_time ON batches (account, created_at);
CREATE INDEX IF NOT EXISTS batches_by_reference ON batches (client_reference);
CREATE TABLE IF NOT EXISTS messages (
    batch INTEGER NOT NULL,
    position INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    text TEXT,
    encoding TEXT NOT NULL,
    parts INTEGER NOT NULL,
    dispatched_at INTEGER,
    final_at INTEGER,
    status TEXT NOT NULL,
    code INTEGER NOT NULL,
    PRIMARY KEY (batch, position)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS messages_by_recipient ON messages (recipient);
CREATE TABLE IF NOT EXISTS feedback (
    batch INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (batch, recipient)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inbounds (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    client_reference TEXT,
    received_at INTEGER NOT NULL,
    fields TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS inbounds_by_sender ON inbounds (sender);
CREATE TABLE IF NOT EXISTS waiting (
    batch INTEGER PRIMARY KEY,
    starts_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS waiting_by_start ON waiting (starts_at);
CREATE TABLE IF NOT EXISTS turns (
    batch INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    first_at REAL NOT NULL,
    every REAL NOT NULL,
    free_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS turns_by_account ON turns (account, free_at);
CREATE TABLE IF NOT EXISTS groups (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    name TEXT,
    auto_update TEXT,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS groups_by_name ON groups (account, name);
CREATE TABLE IF NOT EXISTS group_members (
    member_of INTEGER NOT NULL,
    number TEXT NOT NULL,
    UNIQUE (member_of, number)
);
CREATE TABLE IF NOT EXISTS child_groups (
    parent INTEGER NOT NULL,
    child INTEGER NOT NULL,
    UNIQUE (parent, child)
);
CREATE TABLE IF NOT EXISTS reporting (
    batch INTEGER PRIMARY KEY,
    until INTEGER NOT NULL DEFAULT -1,
    next_at INTEGER NOT NULL,
    cancelled INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS reporting_by_time ON reporting (next_at);
CREATE TABLE IF NOT EXISTS callbacks (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    url TEXT NOT NULL,
    batch_id TEXT,
    recipient TEXT,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER,
    state TEXT NOT NULL,
    failed_at INTEGER,
    attempts TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS callbacks_waiting ON callbacks (due_at, seq) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS callbacks_by_batch ON callbacks (batch_id);
"""
