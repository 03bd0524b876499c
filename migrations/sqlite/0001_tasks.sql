-- Times are milliseconds since 1970 UTC, UUIDs are 16 bytes, user ids are text.

-- Who has ever written. `number` keeps the text index of one user apart from another's.
CREATE TABLE user_sequence (
    number   INTEGER PRIMARY KEY,
    user_id  TEXT NOT NULL UNIQUE,
    sequence INTEGER NOT NULL
) STRICT;

-- `title_key` and `search` are in Unicode lower case; `search` is title, U+001F, description.
CREATE TABLE task (
    number           INTEGER PRIMARY KEY,
    id               BLOB NOT NULL,
    user_id          TEXT NOT NULL,
    title            TEXT NOT NULL,
    description      TEXT,
    completed        INTEGER NOT NULL,
    completed_at     INTEGER,
    priority         INTEGER NOT NULL,
    tags             TEXT NOT NULL,
    due_date         INTEGER,
    rrule            TEXT,
    rrule_zone       TEXT,
    repeat_from      TEXT,
    reminder_minutes INTEGER,
    snoozed_until    INTEGER,
    parent_task_id   BLOB,
    series_id        BLOB,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    deleted_at       INTEGER,
    version          INTEGER NOT NULL,
    title_key        TEXT NOT NULL,
    search           TEXT NOT NULL,
    UNIQUE (user_id, id)
) STRICT;

-- One index an order. Lists of one status and priority are a range of it, others are merged from several ranges; the
-- columns behind `id` answer filters without a look at the row.
CREATE INDEX task_created ON task (user_id, completed, priority, created_at, id, due_date) WHERE deleted_at IS NULL;
CREATE INDEX task_due ON task (user_id, completed, priority, due_date, id, created_at) WHERE deleted_at IS NULL;
CREATE INDEX task_title ON task (user_id, completed, priority, title_key, id, due_date) WHERE deleted_at IS NULL;
CREATE INDEX task_priority ON task (user_id, completed, priority, id, due_date) WHERE deleted_at IS NULL;
CREATE INDEX task_deleted ON task (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE task_tag (
    user_id TEXT NOT NULL,
    tag     TEXT NOT NULL,
    task    INTEGER NOT NULL,
    PRIMARY KEY (user_id, tag, task)
) STRICT, WITHOUT ROWID;

-- Which tasks hold which one, two and three characters in a row, hashed: candidates for a text search, which `task.search` decides.
CREATE VIRTUAL TABLE task_gram USING fts5 (grams, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');

-- The history: appended to, never changed.
CREATE TABLE task_event (
    user_id        TEXT NOT NULL,
    sequence       INTEGER NOT NULL,
    id             BLOB NOT NULL,
    task_id        BLOB NOT NULL,
    kind           TEXT NOT NULL,
    time           INTEGER NOT NULL,
    actor_kind     TEXT NOT NULL,
    actor_id       TEXT NOT NULL,
    source         TEXT NOT NULL,
    changed_fields TEXT NOT NULL,
    PRIMARY KEY (user_id, sequence)
) STRICT, WITHOUT ROWID;

CREATE INDEX task_event_task ON task_event (user_id, task_id, sequence);

-- Holds a row only within a transaction of the sweep or of an account's deletion: the two that may remove history.
CREATE TABLE erasure (reason TEXT NOT NULL) STRICT;

CREATE TRIGGER task_event_no_update BEFORE UPDATE ON task_event
BEGIN
    SELECT RAISE(ABORT, 'history is never changed');
END;

CREATE TRIGGER task_event_no_delete BEFORE DELETE ON task_event WHEN NOT EXISTS (SELECT 1 FROM erasure)
BEGIN
    SELECT RAISE(ABORT, 'history is removed only with its task or its account');
END;

-- The events, in the order of their commits. With the local bus this is the log.
CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    topic    TEXT NOT NULL,
    user_id  TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    id       BLOB NOT NULL,
    kind     TEXT NOT NULL,
    time     INTEGER NOT NULL,
    body     TEXT NOT NULL,
    UNIQUE (user_id, topic, sequence)
) STRICT;

-- What a component or consumer group has done once and for all.
CREATE TABLE processed_event (
    consumer_group TEXT NOT NULL,
    key            TEXT NOT NULL,
    processed_at   INTEGER NOT NULL,
    PRIMARY KEY (consumer_group, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX processed_event_age ON processed_event (processed_at);

CREATE TABLE consumer_position (
    consumer_group TEXT PRIMARY KEY,
    position       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Answers to requests with an Idempotency-Key.
CREATE TABLE kept_answer (
    user_id     TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status      INTEGER NOT NULL,
    headers     TEXT NOT NULL,
    body        TEXT NOT NULL,
    kept_at     INTEGER NOT NULL,
    PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX kept_answer_age ON kept_answer (kept_at);

CREATE TABLE preference (
    user_id                  TEXT PRIMARY KEY,
    time_zone                TEXT NOT NULL,
    default_reminder_minutes INTEGER,
    theme                    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
