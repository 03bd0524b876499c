//! The connections that read.
//!
//! Not sqlx's pool: it asks each connection that comes back whether it is still there, which for SQLite is one more hand-over to a thread and
//! back for each read. A connection in this process does not go away. Who gives up while one of them reads breaks nothing either:
//! SQLite's thread brings the statement to its end, and what is asked next waits behind it.

use crate::store::StoreError;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions, Connection, SqlStr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many read at one time.
const AT_ONCE: usize = 3;
/// How long somebody waits for that.
const PATIENCE: Duration = Duration::from_secs(5);

/// A few connections beside the writer's.
pub(super) struct Readers {
    options: SqliteConnectOptions,
    places: Semaphore,
    /// Connections that nobody reads with just now. The last one back is the first one out: it knows most statements.
    idle: Mutex<Vec<SqliteConnection>>,
}

/// A connection that somebody reads with.
struct Lent<'r> {
    readers: &'r Readers,
    connection: Option<SqliteConnection>,
    _place: SemaphorePermit<'r>,
}

impl Readers {
    /// With one connection, so that what is wrong with the database is known.
    pub async fn open(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let first = options.connect().await?;
        Ok(Self { options, places: Semaphore::new(AT_ONCE), idle: Mutex::new(vec![first]) })
    }

    pub async fn optional(&self, sql: SqlStr, values: SqliteArguments) -> Result<Option<SqliteRow>, StoreError> {
        let mut lent = self.lend().await?;
        let done = sqlx::query_with(sql, values).fetch_optional(lent.connection().await?).await;
        lent.settle(done)
    }

    pub async fn all(&self, sql: SqlStr, values: SqliteArguments) -> Result<Vec<SqliteRow>, StoreError> {
        let mut lent = self.lend().await?;
        let done = sqlx::query_with(sql, values).fetch_all(lent.connection().await?).await;
        lent.settle(done)
    }

    async fn lend(&self) -> Result<Lent<'_>, StoreError> {
        let place = match self.places.try_acquire() {
            Ok(place) => place,
            Err(_) => tokio::time::timeout(PATIENCE, self.places.acquire())
                .await
                .map_err(|_| sqlx::Error::PoolTimedOut)?
                .map_err(|_| sqlx::Error::PoolClosed)?,
        };
        Ok(Lent { readers: self, connection: self.idle().pop(), _place: place })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody reads from now on.
    pub async fn close(&self) {
        self.places.close();
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "a connection that read was not closed tidily");
            }
        }
    }
}

impl Lent<'_> {
    async fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            empty => Ok(empty.insert(self.readers.options.connect().await?)),
        }
    }

    /// After an error, whatever is the matter with the connection, the next read begins with another.
    fn settle<T>(mut self, done: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        if done.is_err() {
            self.connection = None;
        }
        Ok(done?)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if !self.readers.places.is_closed() {
            self.readers.idle().extend(self.connection.take());
        }
    }
}
