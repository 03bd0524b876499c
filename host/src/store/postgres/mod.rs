//! The store of a cluster: one PostgreSQL database, for any number of hosts.
//!
//! Change sets go through a few writers ([`writer`]), each with a connection of its own; everything else uses a pool. A
//! transaction belongs to a task of ours and never to a caller's future, so that no caller who goes away leaves one open.
//! Hosts wake each other by LISTEN and NOTIFY ([`wake`]), and take turns by row locks ([`turn`]).
//!
//! [`open`] connects and brings the tables up to date; [`sql`] is what every database has in common, [`dialect`] what it leaves to
//! this one.

mod at_hand;
mod config;
mod dialect;
pub(super) mod error;
mod open;
mod readers;
#[path = "../sql/mod.rs"]
mod sql;
mod turn;
mod wake;
mod writer;

#[cfg(test)]
mod tests;

use crate::store::ended::Endings;
use crate::store::folder::Folder;
use crate::store::{Memory as _, Store, StoreError};
use crate::task::Tasks;
use PostgresStore as ThisStore;
use async_trait::async_trait;
use at_hand::AtHand;
use domain::time::Timestamp;
use readers::Readers;
use sql::erase;
use sqlx::Row;
use sqlx::postgres::{PgArguments as DbArguments, PgConnection as DbConnection, PgRow as DbRow, Postgres as Db};
use std::path::Path;
use std::time::Duration;
use wake::Heard;
use writer::Writers;

pub use config::DatabaseConfig;
pub use open::OpenError;

/// How long letting go may take: a database that does not answer is left as it is.
const FAREWELL: Duration = Duration::from_secs(5);

/// What begins the keys under which hosts say what they run. A component's keys begin with a number.
const HOSTS: &str = "host/";

/// A database that other hosts may use at the same time.
pub struct PostgresStore {
    writer: Writers,
    readers: Readers,
    endings: Endings,
    /// Its own. They outlive the host's other tasks, which may write until they end.
    tasks: Tasks,
    /// For the socket by which this host's operators reach it.
    _folder: Folder,
}

impl PostgresStore {
    /// Takes the data folder, connects, brings the tables up to date.
    pub async fn open(folder: &Path, config: &DatabaseConfig) -> Result<Self, OpenError> {
        let folder = Folder::take(folder)?;
        open::migrate(config).await?;
        let tasks = Tasks::default();
        let readers = Readers::new(config, &tasks);
        let (heard, endings) = (Heard::default(), Endings::default());
        wake::start(&readers, &heard, &endings, &tasks).await.map_err(|error| config.unavailable(&error))?;
        let writer = Writers::start(config, &readers, &heard, &tasks);
        Ok(Self { writer, readers, endings, tasks, _folder: folder })
    }

    /// Makes the tables, or brings them up to date.
    pub async fn migrate(config: &DatabaseConfig) -> Result<(), OpenError> {
        open::migrate(config).await
    }

    /// Whether the database could be used, with nothing changed in it.
    pub async fn try_out(config: &DatabaseConfig) -> Result<(), OpenError> {
        open::try_out(config).await
    }
}

impl PostgresStore {
    fn at_hand(&self) -> AtHand {
        AtHand
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn sweep(&self, now: Timestamp) -> Result<(), StoreError> {
        erase::sweep(self, now).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        let sql = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean";
        match self.readers.get(sql, |v| v, |row| Ok(row.try_get(0)?)).await? {
            false => Ok(()),
            true => Err(StoreError::Unavailable(error::READ_ONLY.to_owned())),
        }
    }

    async fn shared_key(&self, new: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let offer = "INSERT INTO signing_key (id, key) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";
        sql::accounts::write_one(self, offer, |v| v.add(new)).await?;
        self.readers.find("SELECT key FROM signing_key WHERE id = 1", |v| v, |row| Ok(row.try_get(0)?)).await
    }

    async fn tell_hosts(
        &self,
        host: &str,
        says: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(String, String)>, StoreError> {
        self.remember(&format!("{HOSTS}{host}"), says.as_bytes(), until).await?;
        let sql = "SELECT substr(key, length($1) + 1), convert_from(value, 'UTF8') FROM memory \
                   WHERE starts_with(key, $1) AND expires_at > $2 ORDER BY key LIMIT 1000";
        let said = |row: &DbRow| Ok((row.try_get(0)?, row.try_get(1)?));
        self.readers.find_all(sql, |v| v.add(HOSTS).add(now.millis()), said).await
    }

    async fn close(&self) {
        let farewell = async {
            self.writer.close().await;
            self.tasks.stop().await;
            self.readers.close().await;
        };
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            tracing::warn!("the database was not left tidily; nothing is lost");
        }
    }
}
