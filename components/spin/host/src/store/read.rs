//! A user's tasks, history, notifications, preferences and kept answers, read; and what is due of all users.

use super::rows::{self, AFTER_TASK, HISTORY_COLUMNS, NOTIFICATION_COLUMNS, TASK_COLUMNS};
use crate::db::{Connection, Row, Sql, StoreError, uuid, write};
use domain::history::HistoryEntry;
use domain::id::{TaskId, UserId};
use domain::notification::{Notification, NotificationPosition};
use domain::ports::KeptAnswer;
use domain::preferences::{Preferences, Theme};
use domain::task::{ReminderMinutes, Task, TimeZone};
use domain::time::Timestamp;
use uuid::Uuid;

pub async fn task(user: &UserId, id: TaskId, with_deleted: bool) -> Result<Option<Task>, StoreError> {
    let sql = format!("SELECT {TASK_COLUMNS} FROM task t WHERE t.user_id = ? AND t.id = ?");
    let connection = Connection::open().await?;
    let task = connection.find(&sql, vec![user.as_str().into(), uuid(id.0)], rows::task).await?;
    Ok(task.filter(|task| with_deleted || task.deleted_at.is_none()))
}

/// Oldest first.
pub async fn history(
    user: &UserId,
    task: Option<TaskId>,
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<HistoryEntry>, StoreError> {
    let mut sql = Sql::new(format!("SELECT {HISTORY_COLUMNS} FROM task_event WHERE user_id = "));
    sql.bind(user.as_str()).push(" AND sequence > ").bind(rows::number_of(after.unwrap_or(0)));
    if let Some(id) = task {
        sql.push(" AND task_id = ").bind(uuid(id.0));
    }
    sql.push(" ORDER BY sequence LIMIT ").bind(i64::from(limit));
    sql.all(&Connection::open().await?, rows::history_entry).await
}

pub async fn preferences(user: &UserId) -> Result<Option<Preferences>, StoreError> {
    let sql = "SELECT time_zone, default_reminder_minutes, theme FROM preference WHERE user_id = ?";
    let read = |row: &Row| {
        let lead = rows::maybe_small(row, 1)?.map(ReminderMinutes::new).transpose();
        Ok(Preferences {
            time_zone: rows::good("time zone", TimeZone::new(row.text(0)?))?,
            default_reminder_minutes: rows::good("lead time", lead)?,
            theme: rows::good("theme", Theme::new(row.text(2)?))?,
        })
    };
    Connection::open().await?.find(sql, vec![user.as_str().into()], read).await
}

/// Newest first, strictly behind a position.
pub async fn notifications(
    user: &UserId,
    unread_only: bool,
    after: Option<NotificationPosition>,
    limit: u32,
) -> Result<Vec<Notification>, StoreError> {
    let mut sql = Sql::new(format!("SELECT {NOTIFICATION_COLUMNS} FROM notification WHERE user_id = "));
    sql.bind(user.as_str());
    if unread_only {
        sql.push(" AND read = 0");
    }
    if let Some(NotificationPosition { created_at, id }) = after {
        sql.push(" AND (created_at, id) < (").bind(created_at.millis()).push(", ").bind(uuid(id)).push(")");
    }
    sql.push(" ORDER BY created_at DESC, id DESC LIMIT ").bind(i64::from(limit));
    sql.all(&Connection::open().await?, rows::notification).await
}

pub async fn notification(user: &UserId, id: Uuid) -> Result<Option<Notification>, StoreError> {
    let sql = format!("SELECT {NOTIFICATION_COLUMNS} FROM notification WHERE user_id = ? AND id = ?");
    Connection::open().await?.find(&sql, vec![user.as_str().into(), uuid(id)], rows::notification).await
}

/// Of one task or of all.
pub async fn unread_count(user: &UserId, of_task: Option<TaskId>) -> Result<u64, StoreError> {
    let mut sql = Sql::new("SELECT count(*) FROM notification WHERE read = 0 AND user_id = ");
    sql.bind(user.as_str());
    if let Some(task) = of_task {
        sql.push(" AND task_id = ").bind(uuid(task.0));
    }
    Connection::open().await?.get(&sql.text, sql.values, |row| Ok(rows::count(row.integer(0)?))).await
}

pub async fn kept_answer(user: &UserId, key: &str) -> Result<Option<KeptAnswer>, StoreError> {
    let sql = "SELECT fingerprint, status, headers, body FROM kept_answer WHERE user_id = ? AND key = ?";
    let read = |row: &Row| {
        Ok(KeptAnswer {
            fingerprint: row.text(0)?.to_owned(),
            status: rows::small(row, 1)?,
            headers: rows::good("answer", serde_json::from_str(row.text(2)?))?,
            body: row.text(3)?.to_owned(),
        })
    };
    Connection::open().await?.find(sql, vec![user.as_str().into(), key.into()], read).await
}

/// In whose name claims are made: a component cannot be told from another here, but for its keys.
pub const GROUP: &str = "spin";

pub async fn claimed(key: &str) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM processed_event WHERE consumer_group = ? AND key = ?)";
    Connection::open().await?.get(sql, vec![GROUP.into(), key.into()], |row| row.truth(0)).await
}

/// Where a task stands on the agenda: the moment of its first notice, and its row's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgendaPosition {
    pub at: i64,
    pub number: i64,
}

/// Not one whose account is being deleted.
const STAYS: &str = "NOT EXISTS (SELECT 1 FROM departed d WHERE d.user_id = t.user_id)";

/// Tasks of all users whose first notice is due by `until`, earliest first, strictly behind a position.
pub async fn due(
    until: Timestamp,
    after: Option<AgendaPosition>,
    limit: u32,
) -> Result<Vec<(UserId, Task, AgendaPosition)>, StoreError> {
    let sql = format!(
        "SELECT {TASK_COLUMNS}, t.user_id, t.remind_at, t.number FROM task t INDEXED BY task_remind \
         WHERE t.remind_at <= ? AND (t.remind_at, t.number) > (?, ?) AND {STAYS} ORDER BY t.remind_at, t.number LIMIT ?"
    );
    let (at, number) = after.map_or((i64::MIN, i64::MIN), |after| (after.at, after.number));
    let values = vec![until.millis().into(), at.into(), number.into(), i64::from(limit).into()];
    let read = |row: &Row| {
        let position = AgendaPosition { at: row.integer(AFTER_TASK + 1)?, number: row.integer(AFTER_TASK + 2)? };
        Ok((rows::user(row, AFTER_TASK)?, rows::task(row)?, position))
    };
    Connection::open().await?.all(&sql, values, read).await
}

/// The moment of the first notice of all.
pub async fn next_reminder() -> Result<Option<Timestamp>, StoreError> {
    let sql = format!(
        "SELECT t.remind_at FROM task t INDEXED BY task_remind WHERE t.remind_at IS NOT NULL AND {STAYS} ORDER BY t.remind_at LIMIT 1"
    );
    Connection::open().await?.find(&sql, Vec::new(), |row| rows::time(row, 0)).await
}

/// What the forgetful memory holds.
pub async fn recall(key: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT value FROM memory WHERE key = ? AND expires_at > ?";
    let read = |row: &Row| Ok(row.maybe_blob(0)?.unwrap_or_default().to_vec());
    Connection::open().await?.find(sql, vec![key.into(), now.millis().into()], read).await
}

pub async fn remember(key: &str, value: &[u8], expires_at: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO memory (key, value, expires_at) VALUES (?, ?, ?) \
               ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at";
    let values = vec![key.into(), value.into(), expires_at.millis().into()];
    write(async |connection| connection.run(sql, values).await.map(drop)).await
}

/// True unless the key is held and has not expired.
pub async fn claim(key: &str, now: Timestamp, expires_at: Timestamp) -> Result<bool, StoreError> {
    let sql = "INSERT INTO memory (key, value, expires_at) VALUES (?, x'', ?) \
               ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at \
               WHERE memory.expires_at <= ? RETURNING 1";
    let values = vec![key.into(), expires_at.millis().into(), now.millis().into()];
    write(async |connection| Ok(!connection.run(sql, values).await?.is_empty())).await
}
