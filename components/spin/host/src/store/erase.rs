//! Removing: a whole account, and what is kept no longer. In steps of bounded size, each a transaction of its own, so that nobody waits
//! long behind it. What is interrupted, the next sweep finishes.

use crate::db::{Connection, StoreError, Value, write};
use domain::id::UserId;
use domain::json;
use domain::time::Timestamp;

/// Rows a step.
const STEP: usize = 500;
const MINUTES_A_DAY: i64 = 24 * 60;
/// How often it is swept, in milliseconds.
const EVERY: i64 = 10 * 60_000;

/// First what lets the user in, at once; then, step by step, all that is theirs.
pub async fn account(id: &UserId) -> Result<(), StoreError> {
    const FIRST: [&str; 4] = [
        "INSERT INTO departed (user_id) VALUES (?) ON CONFLICT DO NOTHING",
        "DELETE FROM account WHERE id = ?",
        "DELETE FROM session WHERE user_id = ?",
        "DELETE FROM api_token WHERE user_id = ?",
    ];
    all(&FIRST, id.as_str()).await?;
    rows_of(id.as_str()).await
}

async fn all(statements: &[&str], user: &str) -> Result<(), StoreError> {
    write(async |connection| {
        for sql in statements {
            connection.run(sql, vec![user.into()]).await?;
        }
        Ok(())
    })
    .await
}

async fn rows_of(user: &str) -> Result<(), StoreError> {
    const TASKS: &str = "SELECT number FROM task WHERE user_id = ? LIMIT 500";
    while remove_tasks(TASKS, user.into()).await? {}
    const HISTORY: &str = "DELETE FROM task_event WHERE (user_id, sequence) IN \
         (SELECT user_id, sequence FROM task_event WHERE user_id = ? LIMIT 500) RETURNING 1";
    while remove_history(HISTORY, user.into()).await? >= STEP {}
    const REST: [&str; 3] = [
        "DELETE FROM outbox WHERE position IN (SELECT position FROM outbox WHERE user_id = ? LIMIT 500) RETURNING 1",
        "DELETE FROM kept_answer WHERE (user_id, key) IN \
         (SELECT user_id, key FROM kept_answer WHERE user_id = ? LIMIT 500) RETURNING 1",
        "DELETE FROM notification WHERE number IN (SELECT number FROM notification WHERE user_id = ? LIMIT 500) RETURNING 1",
    ];
    for sql in REST {
        while step(sql, user.into()).await? >= STEP {}
    }
    const LAST: [&str; 3] = [
        "DELETE FROM preference WHERE user_id = ?",
        "DELETE FROM user_sequence WHERE user_id = ?",
        "DELETE FROM departed WHERE user_id = ?",
    ];
    all(&LAST, user).await
}

/// How many rows a statement has touched.
async fn step(sql: &str, value: Value) -> Result<usize, StoreError> {
    write(async |connection| Ok(connection.run(sql, vec![value]).await?.len())).await
}

/// History may be removed between these two, and at no other time.
const OPEN_HISTORY: &str = "INSERT INTO erasure (reason) VALUES ('retention or account deletion')";
const CLOSE_HISTORY: &str = "DELETE FROM erasure";

async fn remove_history(sql: &str, value: Value) -> Result<usize, StoreError> {
    write(async |connection| {
        connection.run(OPEN_HISTORY, Vec::new()).await?;
        let removed = connection.run(sql, vec![value]).await?.len();
        connection.run(CLOSE_HISTORY, Vec::new()).await?;
        Ok(removed)
    })
    .await
}

/// Removes the tasks that a statement finds, of a list of row numbers, with all that hangs on them; whether it found any.
async fn remove_tasks(found: &str, value: Value) -> Result<bool, StoreError> {
    const REMOVE: [&str; 4] = [
        "DELETE FROM task_event WHERE (user_id, sequence) IN \
         (SELECT e.user_id, e.sequence FROM json_each(?) j CROSS JOIN task t ON t.number = j.value \
          CROSS JOIN task_event e ON e.user_id = t.user_id AND e.task_id = t.id)",
        "DELETE FROM task_tag WHERE (user_id, tag, task) IN \
         (SELECT t.user_id, g.value, t.number FROM json_each(?) j CROSS JOIN task t ON t.number = j.value, json_each(t.tags) g)",
        "DELETE FROM notification WHERE number IN \
         (SELECT n.number FROM json_each(?) j CROSS JOIN task t ON t.number = j.value \
          CROSS JOIN notification n ON n.user_id = t.user_id AND n.task_id = t.id)",
        "DELETE FROM task WHERE number IN (SELECT value FROM json_each(?))",
    ];
    write(async |connection| {
        let numbers = connection.all(found, vec![value], |row| row.integer(0)).await?;
        if numbers.is_empty() {
            return Ok(false);
        }
        connection.run(OPEN_HISTORY, Vec::new()).await?;
        for sql in REMOVE {
            connection.run(sql, vec![json::text(&numbers).into()]).await?;
        }
        connection.run(CLOSE_HISTORY, Vec::new()).await?;
        Ok(true)
    })
    .await
}

/// As [`sweep`], for who has done something else.
pub async fn try_sweep(now: Timestamp) {
    if let Err(error) = sweep(now).await {
        eprintln!("what is kept no longer could not be removed: {error:?}");
    }
}

/// One step of what is due to be removed, unless that was done a short while ago.
pub async fn sweep(now: Timestamp) -> Result<(), StoreError> {
    let until = Timestamp::from_millis(now.millis().saturating_add(EVERY)).unwrap_or(Timestamp::MAX);
    if !super::claim("sweep", now, until).await? {
        return Ok(());
    }
    let days_ago = |days: i64| Value::from(now.plus_minutes(-days * MINUTES_A_DAY).millis());
    remove_tasks("SELECT number FROM task WHERE deleted_at < ? LIMIT 500", days_ago(30)).await?;
    let by_age = [
        // Positions follow time, so that the oldest are at the front.
        (
            "DELETE FROM outbox WHERE position IN (SELECT position FROM outbox ORDER BY position LIMIT 5000) AND time < ?",
            days_ago(7),
        ),
        (
            "DELETE FROM processed_event WHERE (consumer_group, key) IN \
             (SELECT consumer_group, key FROM processed_event WHERE processed_at < ? LIMIT 5000)",
            days_ago(7),
        ),
        (
            "DELETE FROM kept_answer WHERE (user_id, key) IN (SELECT user_id, key FROM kept_answer WHERE kept_at < ? LIMIT 5000)",
            days_ago(1),
        ),
        (
            "DELETE FROM notification WHERE number IN (SELECT number FROM notification WHERE created_at < ? LIMIT 5000)",
            days_ago(90),
        ),
        ("DELETE FROM memory WHERE key IN (SELECT key FROM memory WHERE expires_at <= ? LIMIT 5000)", now.millis().into()),
        ("DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_at <= ? LIMIT 5000)", now.millis().into()),
    ];
    for (sql, before) in by_age {
        step(sql, before).await?;
    }
    let departed = "SELECT user_id FROM departed LIMIT 10";
    let users = Connection::open().await?.all(departed, Vec::new(), |row| Ok(row.text(0)?.to_owned())).await?;
    for user in users {
        rows_of(&user).await?;
    }
    Ok(())
}
