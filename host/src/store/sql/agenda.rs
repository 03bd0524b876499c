//! The tasks of all users by the moment of their first notice: a walk along one index, which holds no task that has none left.

use super::bulk::Values;
use super::rows::{self, TASK_COLUMNS};
use super::{ThisStore, dialect};
use crate::store::{Agenda, AgendaPosition, DueTask, StoreError};
use async_trait::async_trait;
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

/// Not one whose account is being deleted.
const STAYS: &str = "NOT EXISTS (SELECT 1 FROM departed d WHERE d.user_id = t.user_id)";

#[async_trait]
impl Agenda for ThisStore {
    async fn due(&self, until: Timestamp, after: Option<AgendaPosition>, limit: u32) -> Result<Vec<DueTask>, StoreError> {
        let sql = format!(
            "SELECT {TASK_COLUMNS}, t.user_id, t.remind_at, t.number FROM task t{} \
             WHERE t.remind_at <= $1 AND (t.remind_at, t.number) > ($2, $3) AND {STAYS} ORDER BY t.remind_at, t.number LIMIT $4",
            dialect::by("task_remind"),
        );
        let (at, number) = after.map_or((i64::MIN, i64::MIN), |after| (after.at.millis(), after.number));
        let bind = |v: Values| v.add(until.millis()).add(at).add(number).add(i64::from(limit));
        self.readers.find_all(AssertSqlSafe(sql), bind, rows::due_task).await
    }

    async fn next_reminder(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = format!(
            "SELECT t.remind_at FROM task t{} WHERE t.remind_at IS NOT NULL AND {STAYS} ORDER BY t.remind_at LIMIT 1",
            dialect::by("task_remind"),
        );
        self.readers.find(AssertSqlSafe(sql), |v| v, |row| rows::time(row, 0)).await
    }
}
