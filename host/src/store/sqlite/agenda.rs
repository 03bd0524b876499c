//! The tasks of all users by the moment of their first notice: a walk along one index, which holds no task that has none left.

use super::SqliteStore;
use super::rows::{self, TASK_COLUMNS};
use crate::store::{Agenda, AgendaPosition, DueTask, StoreError};
use async_trait::async_trait;
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

/// Not one whose account is being deleted.
const STAYS: &str = "NOT EXISTS (SELECT 1 FROM departed d WHERE d.user_id = t.user_id)";

#[async_trait]
impl Agenda for SqliteStore {
    async fn due(&self, until: Timestamp, after: Option<AgendaPosition>, limit: u32) -> Result<Vec<DueTask>, StoreError> {
        let sql = format!(
            "SELECT {TASK_COLUMNS}, t.user_id, t.remind_at, t.number FROM task t INDEXED BY task_remind \
             WHERE t.remind_at <= ? AND (t.remind_at, t.number) > (?, ?) AND {STAYS} ORDER BY t.remind_at, t.number LIMIT ?"
        );
        let (at, number) = after.map_or((i64::MIN, i64::MIN), |after| (after.at.millis(), after.number));
        let query = sqlx::query(AssertSqlSafe(sql)).bind(until.millis()).bind(at).bind(number).bind(limit);
        let found = query.fetch_all(&self.readers).await?;
        found.iter().map(rows::due_task).collect()
    }

    async fn next_reminder(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = format!(
            "SELECT t.remind_at FROM task t INDEXED BY task_remind WHERE t.remind_at IS NOT NULL AND {STAYS} \
             ORDER BY t.remind_at LIMIT 1"
        );
        let first = sqlx::query(AssertSqlSafe(sql)).fetch_optional(&self.readers).await?;
        first.as_ref().map(|row| rows::time(row, 0)).transpose()
    }
}
