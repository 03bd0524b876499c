//! A user's tasks, history, notifications, preferences and kept answers, read; and the way in for what is written.

use super::error::damaged;
use super::rows::{self, HISTORY_COLUMNS, NOTIFICATION_COLUMNS, TASK_COLUMNS};
use super::{SqliteStore, list, notifications};
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
impl Ledger for SqliteStore {
    async fn task(&self, user: &UserId, id: TaskId, with_deleted: bool) -> Result<Option<Task>, StoreError> {
        let sql = format!("SELECT {TASK_COLUMNS} FROM task t WHERE t.user_id = ? AND t.id = ?");
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(user.as_str())
            .bind(id.0.as_bytes().as_slice())
            .fetch_optional(&self.readers)
            .await?;
        let task = row.as_ref().map(rows::task).transpose()?;
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
        let of_task = if task.is_some() { "AND task_id = ?" } else { "" };
        let sql = format!(
            "SELECT {HISTORY_COLUMNS} FROM task_event WHERE user_id = ? {of_task} AND sequence > ? ORDER BY sequence LIMIT ?"
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(user.as_str());
        if let Some(id) = &task {
            query = query.bind(id.0.as_bytes().as_slice());
        }
        let found = query.bind(rows::number(after.unwrap_or(0))).bind(limit).fetch_all(&self.readers).await?;
        found.iter().map(rows::history_entry).collect()
    }

    async fn preferences(&self, user: &UserId) -> Result<Option<Preferences>, StoreError> {
        let sql = "SELECT time_zone, default_reminder_minutes, theme FROM preference WHERE user_id = ?";
        let Some(row) = sqlx::query(sql).bind(user.as_str()).fetch_optional(&self.readers).await? else { return Ok(None) };
        let bad = |why| damaged("preference", why);
        let lead: Option<u32> = row.try_get(1)?;
        Ok(Some(Preferences {
            time_zone: TimeZone::new(row.try_get(0)?).map_err(bad)?,
            default_reminder_minutes: lead.map(ReminderMinutes::new).transpose().map_err(bad)?,
            theme: Theme::new(row.try_get(2)?).map_err(bad)?,
        }))
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
        let sql = format!("SELECT {NOTIFICATION_COLUMNS} FROM notification WHERE user_id = ? AND id = ?");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(user.as_str()).bind(id.as_bytes().as_slice());
        query.fetch_optional(&self.readers).await?.as_ref().map(rows::notification).transpose()
    }

    async fn unread_count(&self, user: &UserId, of_task: Option<TaskId>) -> Result<u64, StoreError> {
        const OF_ALL: &str = "SELECT count(*) FROM notification INDEXED BY notification_unread WHERE user_id = ? AND read = 0";
        const OF_ONE: &str =
            "SELECT count(*) FROM notification INDEXED BY notification_task WHERE user_id = ? AND task_id = ? AND read = 0";
        let sql = if of_task.is_some() { OF_ONE } else { OF_ALL };
        let mut query = sqlx::query_scalar(sql).bind(user.as_str());
        if let Some(task) = &of_task {
            query = query.bind(task.0.as_bytes().as_slice());
        }
        Ok(rows::count(query.fetch_one(&self.readers).await?))
    }

    async fn kept_answer(&self, user: &UserId, key: &str) -> Result<Option<KeptAnswer>, StoreError> {
        let sql = "SELECT fingerprint, status, headers, body FROM kept_answer WHERE user_id = ? AND key = ?";
        let row = sqlx::query(sql).bind(user.as_str()).bind(key.to_owned()).fetch_optional(&self.readers).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(KeptAnswer {
            fingerprint: row.try_get(0)?,
            status: row.try_get(1)?,
            headers: serde_json::from_str(row.try_get(2)?).map_err(|why| damaged("answer", why))?,
            body: row.try_get(3)?,
        }))
    }

    async fn claimed(&self, group: &str, key: &str) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM processed_event WHERE consumer_group = ? AND key = ?)";
        Ok(sqlx::query_scalar(sql).bind(group.to_owned()).bind(key.to_owned()).fetch_one(&self.readers).await?)
    }

    async fn commit(&self, set: ChangeSet) -> Result<(), StoreError> {
        self.writer.commit(set).await
    }
}
