-- Failed passwords of the last minute: no instance remembers what another was told.
CREATE TABLE failed_password (
    address TEXT NOT NULL,
    at      INTEGER NOT NULL
) STRICT;

CREATE INDEX failed_password_address ON failed_password (address, at);
CREATE INDEX failed_password_age ON failed_password (at);

-- What falls due is looked for by user, when they ask for their notifications.
CREATE INDEX task_remind_user ON task (user_id, remind_at) WHERE remind_at IS NOT NULL;
