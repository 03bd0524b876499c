//! The connections that read. Who gives up while one of them reads breaks nothing: SQLite's thread brings it to its end.

use crate::store::StoreError;
use sqlx::SqlStr;
use sqlx::sqlite::{SqliteArguments, SqlitePool, SqliteRow};

/// A few connections beside the writer's.
pub(super) struct Readers(pub SqlitePool);

impl Readers {
    pub async fn optional(&self, sql: SqlStr, values: SqliteArguments) -> Result<Option<SqliteRow>, StoreError> {
        Ok(sqlx::query_with(sql, values).fetch_optional(&self.0).await?)
    }

    pub async fn all(&self, sql: SqlStr, values: SqliteArguments) -> Result<Vec<SqliteRow>, StoreError> {
        Ok(sqlx::query_with(sql, values).fetch_all(&self.0).await?)
    }
}
