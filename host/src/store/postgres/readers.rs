//! The pool, and what is done with its connections: reads, and writes that need no group.
//!
//! Each goes on in a task of its own, so that a caller who gives up leaves no connection in the middle of anything. What takes longer than
//! the database allows itself costs its connection: the other end may be gone without a word.

use super::DatabaseConfig;
use super::sql::accounts::Statements;
use crate::store::StoreError;
use crate::task::Tasks;
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::SqlStr;
use sqlx::postgres::{PgArguments, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::{Connection, Row};
use std::time::Duration;

/// How long somebody waits for a connection.
const FOR_A_CONNECTION: Duration = Duration::from_secs(2);
/// What has rested longer is asked whether it is still there.
const RESTED: Duration = Duration::from_secs(1);

/// A pool of connections.
#[derive(Clone)]
pub(super) struct Readers {
    pool: PgPool,
    tasks: Tasks,
    patience: Duration,
}

impl Readers {
    pub fn new(config: &DatabaseConfig, tasks: &Tasks) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(config.readers())
            .acquire_timeout(FOR_A_CONNECTION)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                async move {
                    if meta.idle_for > RESTED {
                        tokio::time::timeout(FOR_A_CONNECTION, connection.ping())
                            .await
                            .map_err(|_| sqlx::Error::PoolTimedOut)??;
                    }
                    Ok(true)
                }
                .boxed()
            })
            .connect_lazy_with(config.options());
        Self { pool, tasks: tasks.clone(), patience: config.patience() }
    }

    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub fn patience(&self) -> Duration {
        self.patience
    }

    pub async fn optional(&self, sql: SqlStr, values: PgArguments) -> Result<Option<PgRow>, StoreError> {
        self.with(|connection| async move { Ok(sqlx::query_with(sql, values).fetch_optional(connection).await?) }.boxed()).await
    }

    pub async fn all(&self, sql: SqlStr, values: PgArguments) -> Result<Vec<PgRow>, StoreError> {
        self.with(|connection| async move { Ok(sqlx::query_with(sql, values).fetch_all(connection).await?) }.boxed()).await
    }

    /// All of these or none; how many rows each touched.
    pub async fn write(&self, statements: Statements) -> Result<Vec<u64>, StoreError> {
        self.with(|connection| write(connection, statements).boxed()).await
    }

    /// The last position of the log.
    pub async fn last_position(&self) -> Result<i64, StoreError> {
        self.get(super::dialect::LAST_POSITION, |v| v, |row| Ok(row.try_get(0)?)).await
    }

    /// Does something with a connection, and brings it to its end whatever becomes of the caller.
    async fn with<T: Send + 'static>(
        &self,
        act: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (pool, patience) = (self.pool.clone(), self.patience);
        let task = async move {
            let mut connection = pool.acquire().await?;
            let done = tokio::time::timeout(patience, act(&mut connection)).await;
            done.unwrap_or_else(|_| {
                connection.close_on_drop();
                Err(StoreError::Unavailable("the database does not answer".to_owned()))
            })
        };
        let ended = self.tasks.spawn_one_of_many(task).await;
        ended.unwrap_or_else(|_| Err(StoreError::Unavailable("the store is closed".to_owned())))
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }
}

async fn write(connection: &mut PgConnection, statements: Statements) -> Result<Vec<u64>, StoreError> {
    let mut touched = Vec::with_capacity(statements.len());
    // One alone is a transaction by itself.
    if let [_] = statements.as_slice() {
        for (sql, values) in statements {
            touched.push(sqlx::query_with(sql, values).execute(&mut *connection).await?.rows_affected());
        }
        return Ok(touched);
    }
    let mut transaction = connection.begin().await?;
    for (sql, values) in statements {
        touched.push(sqlx::query_with(sql, values).execute(&mut *transaction).await?.rows_affected());
    }
    transaction.commit().await?;
    Ok(touched)
}
