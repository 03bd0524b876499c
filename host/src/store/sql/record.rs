//! What a group of change sets writes, in few statements.

use super::bulk::{Insert, Values};
use super::rows::{self, PUT_TASK, TaskRow};
use super::{Counters, DbConnection, dialect, log, notifications};
use crate::store::{ChangeSet, LoggedEvent, Note, StoreError};
use domain::change::{Change, ChangedFields};
use domain::event::Event;
use domain::id::UserId;
use domain::json;
use domain::ports::KeptAnswer;
use domain::preferences::Preferences;
use domain::task::{Notices, Tag};
use domain::time::Timestamp;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Rows to be written, beside the tasks and their users' numbers.
#[derive(Default)]
pub struct Record<'a> {
    /// Text index entries to be removed, and to be made: row number and grams.
    pub stale_grams: Vec<i64>,
    pub grams: BTreeMap<i64, dialect::Grams>,
    /// Tags, by user, name and row number: true to be made, false to be removed.
    pub tags: BTreeMap<(&'a UserId, Tag, i64), bool>,
    /// What is left of a task's notices, by row number, where nothing else of it is written.
    pub notices: BTreeMap<i64, Notices>,
    pub notes: Vec<(&'a UserId, &'a Note)>,
    pub history: Vec<Remembered<'a>>,
    pub log: Vec<Logged<'a>>,
    /// Group, key, and when.
    pub claims: Vec<(&'a str, &'a str, Timestamp)>,
    pub answers: Vec<KeptHere<'a>>,
    pub preferences: HashMap<&'a UserId, &'a Preferences>,
}

/// A user's row number and last sequence number.
pub type UserRow<'a> = (i64, &'a UserId, u64);

/// An event that is to be put into the log.
pub struct Logged<'a> {
    pub user: &'a UserId,
    pub time: Timestamp,
    pub event: Event,
}

/// A change and its place in the history.
pub struct Remembered<'a> {
    pub set: &'a ChangeSet,
    pub change: &'a Change,
    pub id: Uuid,
    pub sequence: u64,
}

/// An answer, its key, and the set that it came with.
pub type KeptHere<'a> = (&'a ChangeSet, &'a str, &'a KeptAnswer);

impl Record<'_> {
    /// Writes all of it, within the transaction of the caller; answers what went into the log.
    pub async fn write(
        &self,
        connection: &mut DbConnection,
        counters: &mut Counters,
        tasks: &[TaskRow<'_>],
        users: &[UserRow<'_>],
    ) -> Result<Vec<LoggedEvent>, StoreError> {
        PUT_TASK.run(connection, tasks, rows::bind_task).await?;
        self.write_index(connection).await?;
        let put_users = Insert {
            head: "INSERT INTO user_sequence (number, user_id, sequence)",
            columns: 3,
            tail: "ON CONFLICT (user_id) DO UPDATE SET sequence = excluded.sequence",
        };
        put_users
            .run(connection, users, |(number, user, last), v| v.add(*number).add(user.as_str()).add(rows::number(*last)))
            .await?;
        self.write_notices(connection).await?;
        self.write_history(connection).await?;
        self.write_marks(connection).await?;
        log::append(connection, counters, &self.log).await
    }

    /// Text index and tags.
    async fn write_index(&self, connection: &mut DbConnection) -> Result<(), StoreError> {
        if !self.stale_grams.is_empty() {
            sqlx::query(dialect::REMOVE_GRAMS).bind(json::text(&self.stale_grams)).execute(&mut *connection).await?;
        }
        let grams: Vec<(&i64, &dialect::Grams)> = self.grams.iter().collect();
        let put_grams = Insert { head: dialect::PUT_GRAMS, columns: 2, tail: "" };
        put_grams.run(connection, &grams, |row: &(&i64, &dialect::Grams), values| values.add(*row.0).add(row.1)).await?;

        let tags = |wanted: bool| self.tags.iter().filter(move |(_, made)| **made == wanted).map(|(key, _)| key);
        let removed: Vec<_> = tags(false).map(|(user, tag, task)| (user, tag, task)).collect();
        if !removed.is_empty() {
            sqlx::query(dialect::REMOVE_TAGS).bind(json::text(&removed)).execute(&mut *connection).await?;
        }
        let made: Vec<_> = tags(true).collect();
        let put_tags = Insert { head: "INSERT INTO task_tag (user_id, tag, task)", columns: 3, tail: "ON CONFLICT DO NOTHING" };
        put_tags.run(connection, &made, |(user, tag, task), v| v.add(user.as_str()).add(tag.as_str()).add(*task)).await
    }

    /// Notices that were given, and notifications.
    async fn write_notices(&self, connection: &mut DbConnection) -> Result<(), StoreError> {
        if !self.notices.is_empty() {
            let millis = |at: Option<Timestamp>| at.map(Timestamp::millis);
            let left: Vec<_> =
                self.notices.iter().map(|(task, left)| (task, millis(left.upcoming), millis(left.overdue))).collect();
            sqlx::query(dialect::LEAVE_NOTICES).bind(json::text(&left)).execute(&mut *connection).await?;
        }
        notifications::write(connection, &self.notes).await
    }

    async fn write_history(&self, connection: &mut DbConnection) -> Result<(), StoreError> {
        let put_history = Insert {
            head: "INSERT INTO task_event \
                   (user_id, sequence, id, task_id, kind, time, actor_kind, actor_id, source, changed_fields)",
            columns: 10,
            tail: "",
        };
        put_history.run(connection, &self.history, bind_history).await
    }

    async fn write_marks(&self, connection: &mut DbConnection) -> Result<(), StoreError> {
        let put_claims = Insert { head: "INSERT INTO processed_event (consumer_group, key, processed_at)", columns: 3, tail: "" };
        put_claims.run(connection, &self.claims, |(group, key, at), v| v.add(*group).add(*key).add(at.millis())).await?;
        let put_answers = Insert {
            head: "INSERT INTO kept_answer (user_id, key, fingerprint, status, headers, body, kept_at)",
            columns: 7,
            tail: "",
        };
        put_answers.run(connection, &self.answers, bind_answer).await?;
        let preferences: Vec<_> = self.preferences.iter().collect();
        let put_preferences = Insert {
            head: "INSERT INTO preference (user_id, time_zone, default_reminder_minutes, theme)",
            columns: 4,
            tail: "ON CONFLICT (user_id) DO UPDATE SET time_zone = excluded.time_zone, \
                   default_reminder_minutes = excluded.default_reminder_minutes, theme = excluded.theme",
        };
        put_preferences.run(connection, &preferences, bind_preferences).await
    }
}

fn bind_history(entry: &Remembered<'_>, values: Values) -> Values {
    let Remembered { set, change, id, sequence } = entry;
    values
        .add(set.user.as_str())
        .add(rows::number(*sequence))
        .add(*id)
        .add(change.task.id.0)
        .add(change.kind.name())
        .add(set.now.millis())
        .add(set.actor.kind.name())
        .add(set.actor.id.as_str())
        .add(set.source.name())
        .add(json::text(&ChangedFields(&change.changed_fields)))
}

fn bind_answer((set, key, answer): &KeptHere<'_>, values: Values) -> Values {
    values
        .add(set.user.as_str())
        .add(*key)
        .add(answer.fingerprint.as_str())
        .add(i64::from(answer.status))
        .add(json::text(&answer.headers))
        .add(answer.body.as_str())
        .add(set.now.millis())
}

fn bind_preferences((user, preferences): &(&&UserId, &&Preferences), values: Values) -> Values {
    values
        .add(user.as_str())
        .add(preferences.time_zone.name())
        .add(preferences.default_reminder_minutes.map(|lead| i64::from(lead.get())))
        .add(preferences.theme.name())
}
