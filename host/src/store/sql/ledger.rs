//! A user's tasks, history, notifications, preferences and kept answers, read; and the way in for what is written.

use super::bulk::Values;
use super::read::first;
use super::rows::{self, HISTORY_COLUMNS, NOTIFICATION_COLUMNS, TASK_COLUMNS};
use super::{DbRow, ThisStore, damaged, dialect, list, notifications};
use crate::store::{ChangeSet, Ledger, StoreError};
use async_trait::async_trait;
use domain::history::HistoryEntry;
use domain::id::{TaskId, UserId};
use domain::notification::{Notification, NotificationPosition};
use domain::ports::KeptAnswer;
use domain::preferences::{Preferences, Theme};
use domain::query::TaskQuery;
use domain::task::{ReminderMinutes, Task, TimeZone};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

#[async_trait]
impl Ledger for ThisStore {
    async fn task(&self, user: &UserId, id: TaskId, with_deleted: bool) -> Result<Option<Task>, StoreError> {
        let sql = format!("SELECT {TASK_COLUMNS} FROM task t WHERE t.user_id = $1 AND t.id = $2");
        let task = self.readers.find(AssertSqlSafe(sql), |v| v.add(user.as_str()).add(id.0), rows::task).await?;
        Ok(task.filter(|task| with_deleted || task.deleted_at.is_none()))
    }

    async fn tasks(&self, user: &UserId, query: &TaskQuery) -> Result<Vec<Task>, StoreError> {
        list::tasks(&self.readers, user, query).await
    }

    async fn history(
        &self,
        user: &UserId,
        task: Option<TaskId>,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        let of_task = if task.is_some() { "AND task_id = $4" } else { "" };
        let sql = format!(
            "SELECT {HISTORY_COLUMNS} FROM task_event WHERE user_id = $1 AND sequence > $2 {of_task} ORDER BY sequence LIMIT $3"
        );
        let bind = |v: Values| {
            let v = v.add(user.as_str()).add(rows::number(after.unwrap_or(0))).add(i64::from(limit));
            task.into_iter().fold(v, |v, id| v.add(id.0))
        };
        self.readers.find_all(AssertSqlSafe(sql), bind, rows::history_entry).await
    }

    async fn preferences(&self, user: &UserId) -> Result<Option<Preferences>, StoreError> {
        let sql = "SELECT time_zone, default_reminder_minutes, theme FROM preference WHERE user_id = $1";
        let read = |row: &DbRow| {
            let bad = |why| damaged("preference", why);
            let lead = rows::maybe_small(row, 1)?;
            Ok(Preferences {
                time_zone: TimeZone::new(row.try_get(0)?).map_err(bad)?,
                default_reminder_minutes: lead.map(ReminderMinutes::new).transpose().map_err(bad)?,
                theme: Theme::new(row.try_get(2)?).map_err(bad)?,
            })
        };
        self.at_hand().preferences(user, self.readers.find(sql, |v| v.add(user.as_str()), read)).await
    }

    async fn notifications(
        &self,
        user: &UserId,
        unread_only: bool,
        after: Option<NotificationPosition>,
        limit: u32,
    ) -> Result<Vec<Notification>, StoreError> {
        notifications::list(&self.readers, user, unread_only, after, limit).await
    }

    async fn notification(&self, user: &UserId, id: Uuid) -> Result<Option<Notification>, StoreError> {
        let sql = format!("SELECT {NOTIFICATION_COLUMNS} FROM notification WHERE user_id = $1 AND id = $2");
        self.readers.find(AssertSqlSafe(sql), |v| v.add(user.as_str()).add(id), rows::notification).await
    }

    async fn unread_count(&self, user: &UserId, of_task: Option<TaskId>) -> Result<u64, StoreError> {
        let (index, of_one) =
            if of_task.is_some() { ("notification_task", " AND task_id = $2") } else { ("notification_unread", "") };
        let (by, no) = (dialect::by(index), dialect::truth(false));
        let sql = format!("SELECT count(*) FROM notification{by} WHERE user_id = $1 AND read = {no}{of_one}");
        let bind = |v: Values| of_task.into_iter().fold(v.add(user.as_str()), |v, task| v.add(task.0));
        self.readers.get(AssertSqlSafe(sql), bind, first).await.map(rows::count)
    }

    async fn kept_answer(&self, user: &UserId, key: &str) -> Result<Option<KeptAnswer>, StoreError> {
        let sql = "SELECT fingerprint, status, headers, body FROM kept_answer WHERE user_id = $1 AND key = $2";
        let read = |row: &DbRow| {
            Ok(KeptAnswer {
                fingerprint: row.try_get(0)?,
                status: rows::small("status", row.try_get(1)?)?,
                headers: serde_json::from_str(row.try_get(2)?).map_err(|why| damaged("answer", why))?,
                body: row.try_get(3)?,
            })
        };
        self.readers.find(sql, |v| v.add(user.as_str()).add(key), read).await
    }

    async fn claimed(&self, group: &str, key: &str) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM processed_event WHERE consumer_group = $1 AND key = $2)";
        self.readers.get(sql, |v| v.add(group).add(key), first).await
    }

    async fn commit(&self, set: ChangeSet) -> Result<(), StoreError> {
        self.writer.commit(set).await
    }
}
