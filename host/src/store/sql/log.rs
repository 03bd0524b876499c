//! The committed events, read in the order of their commits: with the local bus, the outbox is the log.

use super::accounts::write_one;
use super::bulk::{Insert, Values};
use super::read::first;
use super::record::Logged;
use super::rows::{self, EVENT_COLUMNS};
use super::{Counters, DbConnection, DbRow, ThisStore, dialect};
use crate::store::{EventLog, LoggedEvent, StoreError, Turn};
use async_trait::async_trait;
use domain::event::TASK_UPDATES;
use domain::id::UserId;
use domain::json;
use domain::time::Timestamp;
use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, Row};
use std::sync::Arc;
use tokio::sync::watch;

#[async_trait]
impl EventLog for ThisStore {
    async fn events_after(&self, topics: &[&str], position: i64, limit: u32) -> Result<Vec<LoggedEvent>, StoreError> {
        if let Some(events) = self.at_hand().events_after(topics, position, limit) {
            return Ok(events);
        }
        let of_topics = if topics.is_empty() { "" } else { dialect::OF_TOPICS };
        let sql = format!("SELECT {EVENT_COLUMNS} FROM outbox WHERE position > $1 {of_topics} ORDER BY position LIMIT $2");
        let bind = |v: Values| {
            let v = v.add(position).add(i64::from(limit));
            if topics.is_empty() { v } else { v.add(json::text(topics)) }
        };
        self.readers.find_all(AssertSqlSafe(sql), bind, rows::logged_event).await
    }

    async fn events_of(
        &self,
        user: &UserId,
        topics: &[&str],
        behind: i64,
        up_to: i64,
        limit: u32,
    ) -> Result<Vec<LoggedEvent>, StoreError> {
        // First their places, by an index of the user's, then the few that are wanted.
        let of_topics = dialect::OF_TOPICS;
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM outbox WHERE position IN (SELECT position FROM outbox \
             WHERE user_id = $4 {of_topics} AND position > $1 AND position <= $5 ORDER BY position LIMIT $2) ORDER BY position"
        );
        let bind = |v: Values| v.add(behind).add(i64::from(limit)).add(json::text(topics)).add(user.as_str()).add(up_to);
        self.readers.find_all(AssertSqlSafe(sql), bind, rows::logged_event).await
    }

    async fn stream_after(&self, user: &UserId, sequence: u64, limit: u32) -> Result<Vec<LoggedEvent>, StoreError> {
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM outbox WHERE user_id = $1 AND topic = '{TASK_UPDATES}' AND sequence > $2 \
             ORDER BY sequence LIMIT $3"
        );
        let bind = |v: Values| v.add(user.as_str()).add(rows::number(sequence)).add(i64::from(limit));
        self.readers.find_all(AssertSqlSafe(sql), bind, rows::logged_event).await
    }

    async fn stream_bounds(&self, user: &UserId) -> Result<(u64, Option<u64>), StoreError> {
        let sql = format!(
            "SELECT coalesce((SELECT sequence FROM user_sequence WHERE user_id = $1), 0), \
                    (SELECT min(sequence) FROM outbox WHERE user_id = $1 AND topic = '{TASK_UPDATES}')"
        );
        let read = |row: &DbRow| Ok((rows::count(row.try_get(0)?), row.try_get::<Option<i64>, _>(1)?.map(rows::count)));
        self.readers.get(AssertSqlSafe(sql), |v| v.add(user.as_str()), read).await
    }

    async fn last_position(&self) -> Result<i64, StoreError> {
        self.readers.get(dialect::LAST_POSITION, |v| v, first).await
    }

    async fn group_position(&self, group: &str) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT position FROM consumer_position WHERE consumer_group = $1";
        self.readers.find(sql, |v| v.add(group), first).await
    }

    async fn set_group_position(&self, group: &str, position: i64) -> Result<(), StoreError> {
        write_one(self, dialect::KEEP_POSITION, |v| v.add(group).add(position)).await.map(drop)
    }

    async fn turn(&self, group: &str) -> Result<Option<Box<dyn Turn>>, StoreError> {
        self.take_turn(group).await
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

/// An event of the log that is to be written once more.
pub struct Again {
    pub position: i64,
    pub topic: String,
    pub headers: Option<String>,
    pub now: Timestamp,
}

impl Again {
    /// Writes it, within the transaction of the caller. Its new position, unless it is no longer in the log.
    pub async fn write(&self, connection: &mut DbConnection, counters: &mut Counters) -> Result<Option<i64>, StoreError> {
        const THERE: &str = "SELECT 1 FROM outbox WHERE position = $1";
        if sqlx::query(THERE).bind(self.position).fetch_optional(&mut *connection).await?.is_none() {
            return Ok(None);
        }
        const SQL: &str = "INSERT INTO outbox (position, topic, user_id, sequence, id, kind, time, body, headers) \
             SELECT $1, $2, user_id, NULL, id, kind, $3, body, $4 FROM outbox WHERE position = $5";
        let position = counters.take_positions(connection, 1).await?;
        let values = Values::default().add(position).add(self.topic.as_str()).add(self.now.millis());
        let values = values.add(self.headers.as_deref()).add(self.position).finish()?;
        let written = sqlx::query_with(SQL, values).execute(connection).await?.rows_affected();
        Ok((written > 0).then_some(position))
    }
}

/// Writes events behind all that is in the log, in order: the last that a transaction does but for its end.
pub async fn append(
    connection: &mut DbConnection,
    counters: &mut Counters,
    events: &[Logged<'_>],
) -> Result<Vec<LoggedEvent>, StoreError> {
    const PUT: Insert =
        Insert { head: "INSERT INTO outbox (position, topic, user_id, sequence, id, kind, time, body)", columns: 8, tail: "" };
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let first = counters.take_positions(connection, events.len()).await?;
    let placed: Vec<LoggedEvent> = (first..).zip(events).map(|(position, logged)| logged.at(position)).collect();
    PUT.run(connection, &placed, |event, values| {
        values
            .add(event.position)
            .add(event.topic.as_str())
            .add(event.user.as_str())
            .add(event.sequence.map(rows::number))
            .add(event.id)
            .add(event.kind.as_str())
            .add(event.time.millis())
            .add(event.body.get())
    })
    .await?;
    Ok(placed)
}

impl Logged<'_> {
    fn at(&self, position: i64) -> LoggedEvent {
        let Self { user, time, event } = self;
        LoggedEvent {
            position,
            topic: event.topic.to_owned(),
            user: (*user).clone(),
            sequence: event.sequence,
            id: event.id,
            kind: event.kind.to_owned(),
            time: *time,
            body: Arc::from(event.body.clone()),
            headers: None,
        }
    }
}
