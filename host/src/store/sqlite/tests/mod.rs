//! The data folder under all that can be wrong with it, databases of earlier versions, a full disk. What holds on every database is
//! in `sql/tests`.

mod disk;
mod folder;
mod migration;

use super::SqliteStore;
use super::sql::accounts::write_one;
use super::sql::tests::{creation, set, task, user};
use crate::store::StoreError;
use sqlx::Row;
use std::sync::Arc;
use tempfile::TempDir;

/// A store in a folder of its own, which goes when the test ends.
pub(super) struct Fixture {
    pub store: Arc<SqliteStore>,
    pub folder: TempDir,
}

impl Fixture {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
        Self { store, folder }
    }

    /// From now on the log refuses this user's rows: an error that no check foresees.
    pub async fn refuse_events_of_eve(&self) {
        let trigger =
            "CREATE TRIGGER refuse BEFORE INSERT ON outbox WHEN NEW.user_id = 'eve' BEGIN SELECT RAISE(ABORT, 'refused'); END";
        write_one(&self.store, trigger, |v| v).await.unwrap();
    }

    /// How many entries the text index has.
    pub async fn text_entries(&self) -> Result<i64, StoreError> {
        self.store.readers.get("SELECT count(*) FROM task_gram_docsize", |v| v, |row| Ok(row.try_get(0)?)).await
    }
}
