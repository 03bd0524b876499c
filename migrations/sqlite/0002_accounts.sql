CREATE TABLE account (
    id            TEXT PRIMARY KEY,
    email         TEXT NOT NULL UNIQUE,
    name          TEXT,
    password_hash TEXT NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Sign-ins.
CREATE TABLE session (
    id         BLOB PRIMARY KEY,
    user_id    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_user ON session (user_id);
CREATE INDEX session_age ON session (expires_at);

-- API tokens; `hash` is the SHA-256 of the secret, `scopes` a JSON array.
CREATE TABLE api_token (
    id           BLOB PRIMARY KEY,
    user_id      TEXT NOT NULL,
    name         TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    hash         BLOB NOT NULL UNIQUE,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX api_token_user ON api_token (user_id);

-- Users whose rows are being removed. What a crash interrupts, the next sweep finishes.
CREATE TABLE departed (user_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

-- The forgetful memory.
CREATE TABLE memory (
    key        TEXT PRIMARY KEY,
    value      BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX memory_age ON memory (expires_at);

-- One row that a readiness check writes.
CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL) STRICT;
