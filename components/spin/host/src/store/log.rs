//! What a user's stream shows: the log of their commits.

use super::rows;
use crate::db::{Connection, Row, StoreError, uuid};
use domain::event::TASK_UPDATES;
use domain::id::UserId;
use domain::time::Timestamp;
use uuid::Uuid;

/// An event of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    pub sequence: u64,
    pub kind: String,
    /// The whole CloudEvent, as JSON.
    pub body: String,
}

/// How a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// The user's last event number (0 before the first).
    pub last: u64,
    /// Whether a notice is due.
    pub due: bool,
    /// Whether what let the user in still does.
    pub valid: bool,
}

/// Looks at everything that a stream waits for. `by` is a sign-in or an API token.
pub async fn pulse(user: &UserId, by: Uuid, now: Timestamp) -> Result<Pulse, StoreError> {
    const SQL: &str = "SELECT coalesce((SELECT sequence FROM user_sequence WHERE user_id = ?1), 0), \
         EXISTS (SELECT 1 FROM task INDEXED BY task_remind_user WHERE user_id = ?1 AND remind_at <= ?2), \
         EXISTS (SELECT 1 FROM session WHERE id = ?3) OR EXISTS (SELECT 1 FROM api_token WHERE id = ?3)";
    let read = |row: &Row| Ok(Pulse { last: rows::count(row.integer(0)?), due: row.truth(1)?, valid: row.truth(2)? });
    let values = vec![user.as_str().into(), now.millis().into(), uuid(by)];
    Connection::open().await?.get(SQL, values, read).await
}

/// The oldest number that is still in the log.
pub async fn oldest(user: &UserId) -> Result<Option<u64>, StoreError> {
    let sql = format!("SELECT min(sequence) FROM outbox WHERE user_id = ? AND topic = '{TASK_UPDATES}'");
    let read = |row: &Row| Ok(row.maybe_integer(0)?.map(rows::count));
    Connection::open().await?.get(&sql, vec![user.as_str().into()], read).await
}

/// What the stream shows after a number, in order.
pub async fn after(user: &UserId, sequence: u64, limit: u32) -> Result<Vec<Logged>, StoreError> {
    let sql = format!(
        "SELECT sequence, kind, body FROM outbox WHERE user_id = ? AND topic = '{TASK_UPDATES}' AND sequence > ? \
         ORDER BY sequence LIMIT ?"
    );
    let values = vec![user.as_str().into(), rows::number_of(sequence).into(), i64::from(limit).into()];
    let read = |row: &Row| {
        let (kind, body) = (row.text(1)?.to_owned(), row.text(2)?.to_owned());
        Ok(Logged { sequence: rows::count(row.integer(0)?), kind, body })
    };
    Connection::open().await?.all(&sql, values, read).await
}
