//! The embedded store: one SQLite database in the data folder, for one process.
//!
//! One writer ([`writer`]) through which everything is written, in groups; a few read-only connections beside it. WAL with
//! `synchronous=FULL`: what is answered is on the disk.
//!
//! [`open`] brings the tables up to date; [`sql`] is what every database has in common, [`dialect`] what it leaves to this one.

mod at_hand;
mod dialect;
pub(super) mod error;
#[cfg(test)]
pub mod held;
mod open;
mod readers;
#[path = "../sql/mod.rs"]
mod sql;
mod writer;

#[cfg(test)]
mod tests;

use crate::store::ended::Endings;
use crate::store::folder::Folder;
use crate::store::{Store, StoreError};
use crate::task::Tasks;
use SqliteStore as ThisStore;
use async_trait::async_trait;
use at_hand::AtHand;
use domain::time::Timestamp;
use readers::Readers;
use sql::accounts::write_one;
use sql::erase;
use sqlx::sqlite::{Sqlite as Db, SqliteArguments as DbArguments, SqliteConnection as DbConnection, SqliteRow as DbRow};
use std::path::Path;
use writer::Writer;

pub use open::OpenError;

/// A data folder, opened. One process has it at a time.
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
    endings: Endings,
    /// The writer's. It outlives the host's other tasks, which may write until they end.
    tasks: Tasks,
    _folder: Folder,
}

impl SqliteStore {
    /// Opens the folder, makes what is missing, brings the tables up to date.
    pub async fn open(folder: &Path) -> Result<Self, OpenError> {
        let open::Opened { writer, readers, options, folder } = open::open(folder).await?;
        let tasks = Tasks::default();
        let writer = Writer::start(writer, options, &tasks).await;
        let writer = writer.map_err(|e| OpenError::Unavailable { folder: folder.path().to_owned(), reason: e.to_string() })?;
        Ok(Self { writer, readers, endings: Endings::default(), tasks, _folder: folder })
    }
}

impl SqliteStore {
    fn at_hand(&self) -> &AtHand {
        &self.writer.at_hand
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn sweep(&self, now: Timestamp) -> Result<(), StoreError> {
        erase::sweep(self, now).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        let sql = "INSERT INTO probe (id, count) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET count = count + 1";
        write_one(self, sql, |v| v).await?;
        self.readers.get("SELECT count FROM probe", |v| v, |_| Ok(())).await
    }

    /// It is a file of the data folder.
    async fn shared_key(&self, _: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    async fn tell_hosts(&self, _: &str, _: &str, _: Timestamp, _: Timestamp) -> Result<Vec<(String, String)>, StoreError> {
        Ok(Vec::new())
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        self.tasks.stop().await;
    }
}
