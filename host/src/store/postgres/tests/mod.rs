//! What several hosts on one database do to each other, and what a database does to its hosts. What holds on every database is
//! in `sql/tests`.

mod cancel;
mod faults;
mod hosts;
mod open;

use super::sql::tests::{at, creation, set, task, user};
use super::{DatabaseConfig, PostgresStore};
use crate::secret::Secret;
use crate::store::StoreError;
use parts::Postgres;
use sqlx::Row;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A store on a database of its own. The server goes with the last fixture.
pub(super) struct Fixture {
    pub store: Arc<PostgresStore>,
    pub url: String,
    _folder: TempDir,
    server: Arc<Postgres>,
}

fn config(url: &str, connections: usize) -> DatabaseConfig {
    DatabaseConfig::new(&Secret::new(url), connections, Duration::from_secs(5)).unwrap()
}

async fn open(url: &str, connections: usize) -> (Arc<PostgresStore>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = PostgresStore::open(folder.path(), &config(url, connections)).await.unwrap();
    (Arc::new(store), folder)
}

impl Fixture {
    pub async fn new() -> Self {
        let server = Postgres::shared().unwrap();
        let url = server.database().unwrap();
        let (store, folder) = open(&url, 8).await;
        Self { store, url, _folder: folder, server }
    }

    /// Another host on the same database.
    async fn another(&self) -> Self {
        let (store, folder) = open(&self.url, 8).await;
        Self { store, url: self.url.clone(), _folder: folder, server: self.server.clone() }
    }

    /// Statements behind the store's back.
    fn sql(&self, statements: &str) -> String {
        self.server.sql(&self.url, statements).unwrap()
    }

    /// From now on the log refuses this user's rows: an error that no check foresees.
    pub async fn refuse_events_of_eve(&self) {
        self.sql(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$; \
             CREATE TRIGGER refuse BEFORE INSERT ON outbox FOR EACH ROW WHEN (NEW.user_id = 'eve') EXECUTE FUNCTION refuse()",
        );
    }

    /// How many entries the text index has.
    pub async fn text_entries(&self) -> Result<i64, StoreError> {
        self.store.readers.get("SELECT count(*) FROM task_gram", |v| v, |row| Ok(row.try_get(0)?)).await
    }
}
