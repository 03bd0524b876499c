//! What a change set writes, in few statements.

use super::commit::World;
use super::rows::{self, PUT_TASK, PUT_TASK_TAIL};
use super::{ChangeSet, GROUP, Note};
use crate::db::{Connection, StoreError, Value, insert, uuid};
use domain::change::ChangedFields;
use domain::event::Event;
use domain::history::HistoryEntry;
use domain::id::UserId;
use domain::json;
use domain::notification::Mark;
use domain::task::{Notices, Tag};
use domain::time::Timestamp;
use std::collections::BTreeMap;

/// Rows to be written, beside the tasks and their user's number.
#[derive(Default)]
pub struct Record {
    /// Tags, by name and row number of the task: true to be made, false to be removed.
    pub tags: BTreeMap<(Tag, i64), bool>,
    /// What is left of a task's notices, by row number, where nothing else of it is written.
    pub notices: BTreeMap<i64, Notices>,
    pub notes: Vec<Note>,
    history: Vec<Vec<Value>>,
    outbox: Vec<Vec<Value>>,
    claims: Vec<Vec<Value>>,
    answers: Vec<Vec<Value>>,
    preferences: Vec<Vec<Value>>,
}

impl Record {
    pub fn history(&mut self, entry: &HistoryEntry, user: &UserId) {
        self.history.push(vec![
            user.as_str().into(),
            rows::number_of(entry.sequence).into(),
            uuid(entry.id),
            uuid(entry.task_id.0),
            entry.kind.name().into(),
            entry.time.millis().into(),
            entry.actor.kind.name().into(),
            entry.actor.id.as_str().into(),
            entry.source.name().into(),
            json::text(&ChangedFields(&entry.changed_fields)).into(),
        ]);
    }

    pub fn event(&mut self, event: &Event, user: &UserId, time: Timestamp) {
        self.outbox.push(vec![
            event.topic.into(),
            user.as_str().into(),
            event.sequence.map(rows::number_of).into(),
            uuid(event.id),
            event.kind.into(),
            time.millis().into(),
            event.body.get().into(),
        ]);
    }

    /// Claims, the kept answer and preferences of a set.
    pub fn marks(&mut self, set: &ChangeSet) {
        self.claims.extend(set.once.iter().map(|key| vec![GROUP.into(), key.as_str().into(), set.now.millis().into()]));
        self.answers.extend(set.kept_answer.iter().map(|(key, answer)| {
            vec![
                set.user.as_str().into(),
                key.as_str().into(),
                answer.fingerprint.as_str().into(),
                i64::from(answer.status).into(),
                json::text(&answer.headers).into(),
                answer.body.as_str().into(),
                set.now.millis().into(),
            ]
        }));
        self.preferences.extend(set.preferences.iter().map(|preferences| {
            vec![
                set.user.as_str().into(),
                preferences.time_zone.name().into(),
                preferences.default_reminder_minutes.map(|lead| i64::from(lead.get())).into(),
                preferences.theme.name().into(),
            ]
        }));
    }

    /// Writes all of it, within the transaction of the caller.
    pub async fn write(self, connection: &Connection, world: &World) -> Result<(), StoreError> {
        let user = &world.user;
        let tasks = world.tasks.values().filter_map(|known| Some(rows::task_values(known.number, user, known.put.as_ref()?)));
        insert(connection, PUT_TASK, tasks.collect(), PUT_TASK_TAIL).await?;
        self.write_tags(connection, user).await?;
        if !self.outbox.is_empty() {
            let head = "INSERT INTO user_sequence (number, user_id, sequence)";
            let tail = "ON CONFLICT (user_id) DO UPDATE SET sequence = excluded.sequence";
            let numbers = vec![world.user_number.into(), user.as_str().into(), rows::number_of(world.sequence).into()];
            insert(connection, head, vec![numbers], tail).await?;
        }
        self.write_notices(connection, user).await?;
        let head = "INSERT INTO task_event \
             (user_id, sequence, id, task_id, kind, time, actor_kind, actor_id, source, changed_fields)";
        insert(connection, head, self.history, "").await?;
        insert(connection, "INSERT INTO processed_event (consumer_group, key, processed_at)", self.claims, "").await?;
        let head = "INSERT INTO kept_answer (user_id, key, fingerprint, status, headers, body, kept_at)";
        insert(connection, head, self.answers, "").await?;
        let head = "INSERT INTO preference (user_id, time_zone, default_reminder_minutes, theme)";
        let tail = "ON CONFLICT (user_id) DO UPDATE SET time_zone = excluded.time_zone, \
             default_reminder_minutes = excluded.default_reminder_minutes, theme = excluded.theme";
        insert(connection, head, self.preferences, tail).await?;
        insert(connection, "INSERT INTO outbox (topic, user_id, sequence, id, kind, time, body)", self.outbox, "").await
    }

    async fn write_tags(&self, connection: &Connection, user: &UserId) -> Result<(), StoreError> {
        const REMOVE: &str = "DELETE FROM task_tag WHERE (user_id, tag, task) IN \
             (SELECT ?, value ->> 0, value ->> 1 FROM json_each(?))";
        let tags = |wanted: bool| self.tags.iter().filter(move |(_, made)| **made == wanted).map(|(key, _)| key);
        let removed: Vec<_> = tags(false).collect();
        if !removed.is_empty() {
            connection.run(REMOVE, vec![user.as_str().into(), json::text(&removed).into()]).await?;
        }
        let made = tags(true).map(|(tag, task)| vec![user.as_str().into(), tag.as_str().into(), (*task).into()]).collect();
        insert(connection, "INSERT INTO task_tag (user_id, tag, task)", made, "ON CONFLICT DO NOTHING").await
    }

    /// Notices that were given, and notifications.
    async fn write_notices(&self, connection: &Connection, user: &UserId) -> Result<(), StoreError> {
        const LEAVE: &str = "UPDATE task SET upcoming_at = j.value ->> 1, overdue_at = j.value ->> 2 FROM json_each(?) j \
             WHERE task.number = j.value ->> 0";
        if !self.notices.is_empty() {
            let millis = |at: Option<Timestamp>| at.map(Timestamp::millis);
            let left: Vec<_> =
                self.notices.iter().map(|(task, left)| (task, millis(left.upcoming), millis(left.overdue))).collect();
            connection.run(LEAVE, vec![json::text(&left).into()]).await?;
        }
        let user = || Value::from(user.as_str());
        for note in &self.notes {
            let (sql, values) = match note {
                Note::Keep(notification) => {
                    let head = "INSERT INTO notification (user_id, id, kind, task_id, title, due_date, link, read, created_at)";
                    let row = [vec![user()], rows::notification_values(notification)].concat();
                    insert(connection, head, vec![row], "").await?;
                    continue;
                }
                Note::Read(Mark::One(id)) => {
                    ("UPDATE notification SET read = 1 WHERE user_id = ? AND id = ?", vec![user(), uuid(*id)])
                }
                Note::Read(Mark::All) => ("UPDATE notification SET read = 1 WHERE user_id = ? AND read = 0", vec![user()]),
                Note::Withdraw { task, keep } => (
                    "DELETE FROM notification WHERE user_id = ? AND task_id = ? AND read = 0 AND due_date IS NOT ?",
                    vec![user(), uuid(task.0), rows::millis(*keep)],
                ),
            };
            connection.run(sql, values).await?;
        }
        Ok(())
    }
}
