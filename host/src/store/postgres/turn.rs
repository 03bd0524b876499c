//! A turn at the log: a transaction that holds the row of a group's position until the turn ends, however that comes about.

use super::PostgresStore;
use super::sql::accounts::write_one;
use crate::store::{EventLog, StoreError, Turn};
use crate::task::Tasks;
use async_trait::async_trait;
use sqlx::postgres::Postgres;
use sqlx::{Row, Transaction};

/// How long a turn may rest between two steps. A host that stands still for longer has lost it.
const LONGEST_REST: &str = "SET LOCAL idle_in_transaction_session_timeout = '60s'";

impl PostgresStore {
    pub(super) async fn take_turn(&self, group: &str) -> Result<Option<Box<dyn Turn>>, StoreError> {
        if self.group_position(group).await?.is_none() {
            let first = "INSERT INTO consumer_position (consumer_group, position) VALUES ($1, 0) ON CONFLICT DO NOTHING";
            write_one(self, first, |v| v.add(group)).await?;
        }
        let (pool, name) = (self.readers.pool().clone(), group.to_owned());
        // A task of its own: a `begin` that is given up half-way would leave its transaction to the next user of the connection.
        let begun = self.tasks.spawn_one_of_many(async move {
            let mut transaction = pool.begin().await?;
            sqlx::query(LONGEST_REST).execute(&mut *transaction).await?;
            const HOLD: &str = "SELECT position FROM consumer_position WHERE consumer_group = $1 FOR UPDATE SKIP LOCKED";
            let held = sqlx::query(HOLD).bind(&name).fetch_optional(&mut *transaction).await?;
            let position: Option<i64> = held.map(|row| row.try_get(0)).transpose()?;
            Ok::<_, StoreError>(position.map(|position| (position, transaction)))
        });
        let begun = begun.await.map_err(|_| closed())??;
        Ok(begun.map(|(position, transaction)| {
            let turn = HeldTurn { transaction, tasks: self.tasks.clone(), group: group.to_owned(), position };
            Box::new(turn) as Box<dyn Turn>
        }))
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

/// Dropped, it rolls back.
struct HeldTurn {
    transaction: Transaction<'static, Postgres>,
    tasks: Tasks,
    group: String,
    position: i64,
}

#[async_trait]
impl Turn for HeldTurn {
    fn position(&self) -> i64 {
        self.position
    }

    async fn keep(self: Box<Self>, position: i64) -> Result<(), StoreError> {
        let Self { mut transaction, tasks, group, .. } = *self;
        let kept = tasks.spawn_one_of_many(async move {
            const KEEP: &str = "UPDATE consumer_position SET position = greatest(position, $2) WHERE consumer_group = $1";
            sqlx::query(KEEP).bind(group).bind(position).execute(&mut *transaction).await?;
            Ok::<_, StoreError>(transaction.commit().await?)
        });
        kept.await.map_err(|_| closed())?
    }
}
