//! Removing: what is kept no longer, and a whole account. In steps of bounded size, each a transaction of its own, so that
//! nobody waits long behind it. Each step finds its work anew; what a crash interrupts, the next sweep finishes.

use super::accounts::{Batch, write_one};
use super::bulk::Values;
use super::read::first;
use super::{ThisStore, dialect};
use crate::store::{Ended, StoreError};
use domain::id::UserId;
use domain::json;
use domain::time::Timestamp;

/// Rows a step.
const STEP: i64 = 500;
const MINUTES_A_DAY: i64 = 24 * 60;

/// History may be removed between these two, and at no other time.
const OPEN_HISTORY: &str = "INSERT INTO erasure (reason) VALUES ('retention or account deletion')";
const CLOSE_HISTORY: &str = "DELETE FROM erasure";

pub async fn sweep(store: &ThisStore, now: Timestamp) -> Result<(), StoreError> {
    let days_ago = |days: i64| now.plus_minutes(-days * MINUTES_A_DAY).millis();
    sweep_tasks(store, days_ago(30)).await?;
    let by_age = [
        (
            // Positions follow time, so that the oldest are at the front.
            "DELETE FROM outbox WHERE position IN (SELECT position FROM outbox ORDER BY position LIMIT $2) AND time < $1",
            days_ago(7),
        ),
        (
            "DELETE FROM processed_event WHERE (consumer_group, key) IN \
             (SELECT consumer_group, key FROM processed_event WHERE processed_at < $1 LIMIT $2)",
            days_ago(7),
        ),
        (
            "DELETE FROM kept_answer WHERE (user_id, key) IN \
             (SELECT user_id, key FROM kept_answer WHERE kept_at < $1 LIMIT $2)",
            days_ago(1),
        ),
        (
            "DELETE FROM notification WHERE number IN (SELECT number FROM notification WHERE created_at < $1 LIMIT $2)",
            days_ago(90),
        ),
        ("DELETE FROM memory WHERE key IN (SELECT key FROM memory WHERE expires_at <= $1 LIMIT $2)", now.millis()),
        ("DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_at <= $1 LIMIT $2)", now.millis()),
    ];
    for (sql, before) in by_age {
        while write_one(store, sql, |v| v.add(before).add(STEP)).await? >= STEP.unsigned_abs() {}
    }
    let departed: Vec<String> = store.readers.find_all("SELECT user_id FROM departed", |v| v, first).await?;
    for user in departed {
        remove_rows_of(store, &user).await?;
    }
    Ok(())
}

/// First what lets the user in, at once; then, step by step, all that is theirs.
pub async fn account(store: &ThisStore, id: &UserId) -> Result<(), StoreError> {
    let user = |v: Values| v.add(id.as_str());
    Batch::default()
        .add_all(dialect::HOLD_USER, user)?
        .add("INSERT INTO departed (user_id) VALUES ($1) ON CONFLICT DO NOTHING", user)?
        .add("DELETE FROM account WHERE id = $1", user)?
        .add("DELETE FROM session WHERE user_id = $1", user)?
        .add("DELETE FROM api_token WHERE user_id = $1", user)?
        .end(store, Ended::User(id.clone()))
        .await?;
    remove_rows_of(store, id.as_str()).await
}

async fn remove_rows_of(store: &ThisStore, user: &str) -> Result<(), StoreError> {
    // A task of theirs is from now on one that was deleted before all others.
    const LONG_GONE: &str = "UPDATE task SET deleted_at = $3 WHERE number IN \
         (SELECT number FROM task WHERE user_id = $1 AND deleted_at IS DISTINCT FROM $3 LIMIT $2)";
    let bind = |v: Values| v.add(user).add(STEP).add(Timestamp::MIN.millis());
    while write_one(store, LONG_GONE, bind).await? >= STEP.unsigned_abs() {}
    sweep_tasks(store, Timestamp::MIN.millis() + 1).await?;
    const HISTORY: &str = "DELETE FROM task_event WHERE (user_id, sequence) IN \
         (SELECT user_id, sequence FROM task_event WHERE user_id = $1 LIMIT $2)";
    while remove_history(store, HISTORY, |v| v.add(user).add(STEP)).await? >= STEP.unsigned_abs() {}
    let rest = [
        "DELETE FROM outbox WHERE position IN (SELECT position FROM outbox WHERE user_id = $1 LIMIT $2)",
        "DELETE FROM kept_answer WHERE (user_id, key) IN (SELECT user_id, key FROM kept_answer WHERE user_id = $1 LIMIT $2)",
        "DELETE FROM notification WHERE number IN (SELECT number FROM notification WHERE user_id = $1 LIMIT $2)",
    ];
    for sql in rest {
        while write_one(store, sql, |v| v.add(user).add(STEP)).await? >= STEP.unsigned_abs() {}
    }
    let bind = |v: Values| v.add(user);
    Batch::default()
        .add("DELETE FROM preference WHERE user_id = $1", bind)?
        .add("DELETE FROM user_sequence WHERE user_id = $1", bind)?
        .add("DELETE FROM departed WHERE user_id = $1", bind)?
        .run(store)
        .await
        .map(drop)
}

async fn sweep_tasks(store: &ThisStore, before: i64) -> Result<(), StoreError> {
    const TASKS: &str = "SELECT number FROM task WHERE deleted_at < $1 LIMIT 500";
    loop {
        let numbers: Vec<i64> = store.readers.find_all(TASKS, |v| v.add(before), first).await?;
        if !remove_tasks(store, numbers, before).await? {
            return Ok(());
        }
    }
}

/// Tasks with their tags, text index, history and notifications. Those that are no longer as they were found, restored meanwhile, stay.
async fn remove_tasks(store: &ThisStore, numbers: Vec<i64>, deleted_before: i64) -> Result<bool, StoreError> {
    if numbers.is_empty() {
        return Ok(false);
    }
    let numbers = json::text(&numbers);
    let bind = |v: Values| v.add(numbers.as_str()).add(deleted_before);
    let batch = Batch::default().add_all(dialect::HOLD_OWNERS, |v| v.add(numbers.as_str()))?.add(OPEN_HISTORY, |v| v)?;
    batch.add_all(&dialect::REMOVE_TASKS, bind)?.add(CLOSE_HISTORY, |v| v)?.run(store).await?;
    Ok(true)
}

async fn remove_history(store: &ThisStore, sql: &'static str, bind: impl FnOnce(Values) -> Values) -> Result<u64, StoreError> {
    let touched = Batch::default().add(OPEN_HISTORY, |v| v)?.add(sql, bind)?.add(CLOSE_HISTORY, |v| v)?.run(store).await?;
    Ok(touched.get(1).copied().unwrap_or(0))
}
