//! For tests: somebody else writes to the database of a folder, and takes their time.

use sqlx::{Connection, SqliteConnection};
use std::path::Path;

/// As long as it is there, nobody else commits.
pub struct Held(SqliteConnection);

impl Held {
    pub async fn hold(folder: &Path) -> Self {
        let database = format!("sqlite://{}", folder.join("tidings.db").display());
        let mut connection = SqliteConnection::connect(&database).await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
        Self(connection)
    }

    pub async fn let_go(mut self) {
        sqlx::query("ROLLBACK").execute(&mut self.0).await.unwrap();
    }
}
