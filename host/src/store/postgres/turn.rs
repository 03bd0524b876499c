//! A turn at the log: a transaction that holds the row of a group's position until the turn ends, however that comes about.
//!
//! What is done with its connection is done in tasks of our own: a `BEGIN` that is given up half-way would leave its transaction to
//! whoever has the connection next.

use super::PostgresStore;
use super::sql::accounts::write_one;
use crate::store::{EventLog, StoreError, Turn};
use crate::task::Tasks;
use async_trait::async_trait;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, Postgres};
use sqlx::{Row, query};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How long a turn may rest between two steps. A host that stands still for longer has lost it.
const LONGEST_REST: &str = "SET LOCAL idle_in_transaction_session_timeout = '60s'";

impl PostgresStore {
    pub(super) async fn take_turn(&self, group: &str) -> Result<Option<Box<dyn Turn>>, StoreError> {
        if self.group_position(group).await?.is_none() {
            let first = "INSERT INTO consumer_position (consumer_group, position) VALUES ($1, 0) ON CONFLICT DO NOTHING";
            write_one(self, first, |v| v.add(group)).await?;
        }
        let (pool, name, patience) = (self.readers.pool().clone(), group.to_owned(), self.readers.patience());
        let tasks = self.tasks.clone();
        let begun = self.tasks.spawn_one_of_many(async move {
            let connection = Some(pool.acquire().await?);
            let mut held = HeldTurn { connection, tasks, patience, group: name, position: 0 };
            Ok::<_, StoreError>(held.begin().await?.then_some(held))
        });
        let held = begun.await.map_err(|_| closed())??;
        Ok(held.map(|turn| Box::new(turn) as Box<dyn Turn>))
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

struct HeldTurn {
    /// None: it is over.
    connection: Option<PoolConnection<Postgres>>,
    tasks: Tasks,
    patience: Duration,
    group: String,
    position: i64,
}

impl HeldTurn {
    /// Takes the row and reads it; false: another host has it.
    async fn begin(&mut self) -> Result<bool, StoreError> {
        let Some(mut connection) = self.connection.take() else { return Ok(false) };
        let begun = timeout(self.patience, hold(&mut connection, &self.group)).await;
        match begun {
            Ok(Ok(held)) => {
                self.connection = Some(connection);
                self.position = held.unwrap_or_default();
                Ok(held.is_some())
            }
            Ok(Err(error)) => {
                connection.close_on_drop();
                Err(error.into())
            }
            Err(_) => {
                connection.close_on_drop();
                Err(silent())
            }
        }
    }
}

fn silent() -> StoreError {
    StoreError::Unavailable("the database does not answer".to_owned())
}

/// The position, where nobody else holds it.
async fn hold(connection: &mut PgConnection, group: &str) -> Result<Option<i64>, sqlx::Error> {
    const HOLD: &str = "SELECT position FROM consumer_position WHERE consumer_group = $1 FOR UPDATE SKIP LOCKED";
    query("BEGIN").execute(&mut *connection).await?;
    query(LONGEST_REST).execute(&mut *connection).await?;
    let held = query(HOLD).bind(group).fetch_optional(&mut *connection).await?;
    held.map(|row| row.try_get(0)).transpose()
}

async fn commit(connection: &mut PgConnection, group: &str, position: i64) -> Result<(), sqlx::Error> {
    const KEEP: &str = "UPDATE consumer_position SET position = greatest(position, $2) WHERE consumer_group = $1";
    query(KEEP).bind(group).bind(position).execute(&mut *connection).await?;
    query("COMMIT").execute(&mut *connection).await.map(drop)
}

#[async_trait]
impl Turn for HeldTurn {
    fn position(&self) -> i64 {
        self.position
    }

    async fn keep(mut self: Box<Self>, position: i64) -> Result<(), StoreError> {
        let Some(mut connection) = self.connection.take() else { return Err(closed()) };
        let (group, patience) = (self.group.clone(), self.patience);
        let kept = self.tasks.spawn_one_of_many(async move {
            let kept = timeout(patience, commit(&mut connection, &group, position)).await;
            if !matches!(kept, Ok(Ok(()))) {
                connection.close_on_drop();
            }
            kept.map_err(|_| silent())?.map_err(StoreError::from)
        });
        kept.await.map_err(|_| closed())?
    }
}

impl Drop for HeldTurn {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if Handle::try_current().is_err() {
            // The runtime has ended, and the pool with it.
            return drop(connection.leak());
        }
        let patience = self.patience;
        self.tasks.spawn_one_of_many(async move {
            if !matches!(timeout(patience, query("ROLLBACK").execute(&mut *connection)).await, Ok(Ok(_))) {
                connection.close_on_drop();
            }
        });
    }
}
