//! The committed events, read in the order of their commits: with the local bus, the outbox is the log.

use super::SqliteStore;
use super::bulk::Values;
use super::commit::Counters;
use super::rows::{self, EVENT_COLUMNS};
use super::writer::Writer;
use crate::store::{EventLog, LoggedEvent, StoreError, Turn};
use async_trait::async_trait;
use domain::event::TASK_UPDATES;
use domain::id::UserId;
use domain::json;
use domain::time::Timestamp;
use serde_json::value::RawValue;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row};
use tokio::sync::watch;

#[async_trait]
impl EventLog for SqliteStore {
    async fn events_after(&self, topics: &[&str], position: i64, limit: u32) -> Result<Vec<LoggedEvent>, StoreError> {
        let of_topics = if topics.is_empty() { "" } else { "AND topic IN (SELECT value FROM json_each(?))" };
        let sql = format!("SELECT {EVENT_COLUMNS} FROM outbox WHERE position > ? {of_topics} ORDER BY position LIMIT ?");
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(position);
        if !topics.is_empty() {
            query = query.bind(json::text(topics));
        }
        let found = query.bind(limit).fetch_all(&self.readers).await?;
        found.iter().map(rows::logged_event).collect()
    }

    async fn stream_after(&self, user: &UserId, sequence: u64, limit: u32) -> Result<Vec<LoggedEvent>, StoreError> {
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM outbox WHERE user_id = ? AND topic = '{TASK_UPDATES}' AND sequence > ? \
             ORDER BY sequence LIMIT ?"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(user.as_str()).bind(rows::number(sequence)).bind(limit);
        let found = query.fetch_all(&self.readers).await?;
        found.iter().map(rows::logged_event).collect()
    }

    async fn stream_bounds(&self, user: &UserId) -> Result<(u64, Option<u64>), StoreError> {
        let sql = format!(
            "SELECT coalesce((SELECT sequence FROM user_sequence WHERE user_id = ?1), 0), \
                    (SELECT min(sequence) FROM outbox WHERE user_id = ?1 AND topic = '{TASK_UPDATES}')"
        );
        let row = sqlx::query(AssertSqlSafe(sql)).bind(user.as_str()).fetch_one(&self.readers).await?;
        let oldest: Option<i64> = row.try_get(1)?;
        Ok((rows::count(row.try_get(0)?), oldest.map(rows::count)))
    }

    async fn last_position(&self) -> Result<i64, StoreError> {
        let sql = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0)";
        Ok(sqlx::query_scalar(sql).fetch_one(&self.readers).await?)
    }

    async fn group_position(&self, group: &str) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT position FROM consumer_position WHERE consumer_group = ?";
        Ok(sqlx::query_scalar(sql).bind(group.to_owned()).fetch_optional(&self.readers).await?)
    }

    async fn set_group_position(&self, group: &str, position: i64) -> Result<(), StoreError> {
        keep_position(&self.writer, group, position).await
    }

    /// There is no other host: the data folder is this process's.
    async fn turn(&self, group: &str) -> Result<Option<Box<dyn Turn>>, StoreError> {
        let position = self.group_position(group).await?.unwrap_or(0);
        Ok(Some(Box::new(OwnTurn { writer: self.writer.clone(), group: group.to_owned(), position })))
    }

    async fn write_again(
        &self,
        position: i64,
        topic: &str,
        headers: Option<&RawValue>,
        now: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        let headers = headers.map(|headers| headers.get().to_owned());
        self.writer.write_again(Again { position, topic: topic.to_owned(), headers, now }).await
    }

    fn committed(&self) -> watch::Receiver<i64> {
        self.writer.committed()
    }
}

async fn keep_position(writer: &Writer, group: &str, position: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO consumer_position (consumer_group, position) VALUES (?, ?) \
               ON CONFLICT (consumer_group) DO UPDATE SET position = excluded.position";
    writer.write(vec![(sql, Values::default().add(group).add(position).finish()?)]).await.map(drop)
}

/// The turn of the only host.
struct OwnTurn {
    writer: Writer,
    group: String,
    position: i64,
}

#[async_trait]
impl Turn for OwnTurn {
    fn position(&self) -> i64 {
        self.position
    }

    async fn keep(self: Box<Self>, position: i64) -> Result<(), StoreError> {
        keep_position(&self.writer, &self.group, position).await
    }
}

/// An event of the log that is to be written once more.
pub(super) struct Again {
    pub position: i64,
    pub topic: String,
    pub headers: Option<String>,
    pub now: Timestamp,
}

impl Again {
    /// Writes it, within the transaction of the caller. Its new position, unless it is no longer in the log.
    pub async fn write(&self, connection: &mut SqliteConnection, counters: &mut Counters) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "INSERT INTO outbox (position, topic, user_id, sequence, id, kind, time, body, headers) \
             SELECT ?1, ?2, user_id, NULL, id, kind, ?3, body, ?4 FROM outbox WHERE position = ?5";
        let position = counters.position + 1;
        let values = Values::default().add(position).add(self.topic.as_str()).add(self.now.millis());
        let values = values.add(self.headers.as_deref()).add(self.position).finish()?;
        if sqlx::query_with(SQL, values).execute(connection).await?.rows_affected() == 0 {
            return Ok(None);
        }
        counters.position = position;
        Ok(Some(position))
    }
}
