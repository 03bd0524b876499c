-- Where a task stands in its series: the number of its occurrence, the rule's own local date and time of it (in milliseconds, as if the
-- zone were UTC), and, as JSON, what its successor gets.
ALTER TABLE task ADD COLUMN occurrence INTEGER;
ALTER TABLE task ADD COLUMN anchor INTEGER;
ALTER TABLE task ADD COLUMN template TEXT;

-- When its notices are to be given, and when it is to be looked at for one.
ALTER TABLE task ADD COLUMN upcoming_at INTEGER;
ALTER TABLE task ADD COLUMN overdue_at INTEGER;
ALTER TABLE task ADD COLUMN remind_at INTEGER GENERATED ALWAYS AS
    (CASE WHEN completed = 0 AND deleted_at IS NULL THEN coalesce(min(upcoming_at, overdue_at), upcoming_at, overdue_at) END) VIRTUAL;

-- What recurs begins its series with the occurrence that is there; no anchor means the due date.
UPDATE task SET occurrence = 1, series_id = coalesce(series_id, id) WHERE rrule IS NOT NULL AND due_date IS NOT NULL;

-- Notices are given of moments that are still to come, and of the end of a snooze that is running.
UPDATE task SET
    upcoming_at = CASE
        WHEN snoozed_until > unixepoch() * 1000 THEN CASE WHEN snoozed_until < due_date THEN snoozed_until END
        WHEN due_date - reminder_minutes * 60000 > unixepoch() * 1000 THEN due_date - reminder_minutes * 60000
    END,
    overdue_at = CASE
        WHEN snoozed_until > unixepoch() * 1000 AND snoozed_until >= due_date THEN snoozed_until
        WHEN due_date > unixepoch() * 1000 THEN due_date
    END
WHERE due_date IS NOT NULL;

-- The agenda. It holds no task of which no notice is left.
CREATE INDEX task_remind ON task (remind_at) WHERE remind_at IS NOT NULL;

CREATE TABLE notification (
    number     INTEGER PRIMARY KEY,
    user_id    TEXT NOT NULL,
    id         BLOB NOT NULL,
    kind       TEXT NOT NULL,
    task_id    BLOB NOT NULL,
    title      TEXT NOT NULL,
    due_date   INTEGER NOT NULL,
    link       TEXT NOT NULL,
    read       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (user_id, id)
) STRICT;

CREATE INDEX notification_created ON notification (user_id, created_at, id);
CREATE INDEX notification_unread ON notification (user_id, created_at, id) WHERE read = 0;
CREATE INDEX notification_task ON notification (user_id, task_id);
CREATE INDEX notification_age ON notification (created_at);

-- The log anew: what no stream shows has no number, and a dead letter has headers, a JSON object.
ALTER TABLE outbox RENAME TO outbox_0002;

CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    topic    TEXT NOT NULL,
    user_id  TEXT NOT NULL,
    sequence INTEGER,
    id       BLOB NOT NULL,
    kind     TEXT NOT NULL,
    time     INTEGER NOT NULL,
    body     TEXT NOT NULL,
    headers  TEXT,
    UNIQUE (user_id, topic, sequence)
) STRICT;

INSERT INTO outbox (position, topic, user_id, sequence, id, kind, time, body)
    SELECT position, topic, user_id, sequence, id, kind, time, body FROM outbox_0002 ORDER BY position;

-- A position is never given out twice, although the rows that had it are gone.
DELETE FROM sqlite_sequence WHERE name = 'outbox';
INSERT INTO sqlite_sequence (name, seq) SELECT 'outbox', seq FROM sqlite_sequence WHERE name = 'outbox_0002';

DROP TABLE outbox_0002;
