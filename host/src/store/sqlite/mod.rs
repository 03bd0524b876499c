//! The embedded store: one SQLite database in the data folder, for one process.
//!
//! One writer ([`writer`]) through which everything is written, in groups; a few read-only connections beside it. WAL with
//! `synchronous=FULL`: what is answered is on the disk.
//!
//! [`open`] guards the folder, [`commit`] decides change sets, [`record`] writes them, [`list`] answers queries, [`text`] searches,
//! [`agenda`] knows what is due, [`erase`] removes; [`rows`] and [`bulk`] are the way of values into and out of SQL.

mod accounts;
mod agenda;
mod bulk;
mod commit;
mod erase;
mod error;
mod ledger;
mod list;
mod log;
mod notifications;
mod open;
mod record;
mod rows;
mod text;
mod writer;

#[cfg(test)]
mod tests;

use crate::store::{Store, StoreError};
use crate::task::Tasks;
use async_trait::async_trait;
use domain::time::Timestamp;
use sqlx::sqlite::SqlitePool;
use std::fs::File;
use std::path::Path;
use writer::Writer;

pub use open::OpenError;

/// A data folder, opened. One process has it at a time.
pub struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
    /// The writer's. It outlives the host's other tasks, which may write until they end.
    tasks: Tasks,
    /// Held for as long as the folder is ours.
    _lock: File,
}

impl SqliteStore {
    /// Opens the folder, makes what is missing, brings the tables up to date.
    pub async fn open(folder: &Path) -> Result<Self, OpenError> {
        let open::Opened { writer, readers, options, lock } = open::open(folder).await?;
        let tasks = Tasks::default();
        let writer = Writer::start(writer, options, &tasks).await;
        let writer = writer.map_err(|e| OpenError::Unavailable { folder: folder.to_owned(), reason: e.to_string() })?;
        Ok(Self { writer, readers, tasks, _lock: lock })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn sweep(&self, now: Timestamp) -> Result<(), StoreError> {
        erase::sweep(self, now).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        let sql = "INSERT INTO probe (id, count) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET count = count + 1";
        accounts::write_one(self, sql, |v| v).await?;
        sqlx::query("SELECT count FROM probe").execute(&self.readers).await?;
        Ok(())
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        self.tasks.stop().await;
    }
}
