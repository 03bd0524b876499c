//! On what Tidings runs in these tests. The suite is the same for all set-ups; `IT_SETUP` names one.

use parts::Postgres;
use sqlx::{Connection, Row, SqliteConnection};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a host is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// A data folder, and nothing else.
    Embedded,
    /// A PostgreSQL database.
    Postgres,
}

impl Setup {
    /// That of this run.
    #[allow(clippy::disallowed_methods, reason = "set by `cargo xtask test`")]
    pub fn of_this_run() -> Self {
        match std::env::var("IT_SETUP").as_deref() {
            Err(_) | Ok("embedded") => Self::Embedded,
            Ok("postgres") => Self::Postgres,
            Ok(other) => panic!("IT_SETUP: `{other}` is none of embedded, postgres"),
        }
    }
}

/// Whether to go on: false, with a clear line, where the test is about what only this set-up has.
pub fn only(setup: Setup, what: &str) -> bool {
    let here = Setup::of_this_run() == setup;
    if !here {
        println!("skipped: only the set-up {setup:?} has {what}");
    }
    here
}

/// Where one host, or several, keep their data.
#[derive(Clone, Debug)]
pub enum Place {
    /// In the data folder of the one host.
    Folder(PathBuf),
    Postgres {
        server: Arc<Postgres>,
        url: String,
    },
}

impl Place {
    /// A new one, as the set-up has it.
    pub fn new(data: &Path) -> Self {
        match Setup::of_this_run() {
            Setup::Embedded => Self::Folder(data.to_owned()),
            Setup::Postgres => {
                let server = Postgres::shared().expect("PostgreSQL");
                let url = server.database().expect("a database");
                Self::Postgres { server, url }
            }
        }
    }

    /// What tells a host of it.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Folder(_) => Vec::new(),
            Self::Postgres { url, .. } => vec![("TIDINGS_DATABASE_URL", url.clone())],
        }
    }

    /// Statements behind the host's back.
    pub async fn execute(&self, statements: &str) {
        match self {
            Self::Folder(data) => {
                let mut database = open(data).await;
                sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(&mut database).await.expect(statements);
                database.close().await.expect("close");
            }
            Self::Postgres { server, url } => drop(server.sql(url, statements).expect(statements)),
        }
    }

    /// A number of the database.
    pub async fn number(&self, query: &str) -> i64 {
        match self {
            Self::Folder(data) => {
                let mut database = open(data).await;
                sqlx::query(sqlx::AssertSqlSafe(query))
                    .fetch_one(&mut database)
                    .await
                    .and_then(|row| row.try_get(0))
                    .expect(query)
            }
            Self::Postgres { server, url } => server.sql(url, query).expect(query).parse().expect("a number"),
        }
    }

    /// The position of what is put into the log, in SQL, while no host runs.
    pub fn next_position(&self) -> &'static str {
        match self {
            Self::Folder(_) => "NULL",
            Self::Postgres { .. } => "nextval('outbox_position')",
        }
    }

    /// An id, in SQL.
    pub fn id(&self, id: uuid::Uuid) -> String {
        match self {
            Self::Folder(_) => format!("x'{}'", id.simple()),
            Self::Postgres { .. } => format!("'{id}'"),
        }
    }
}

async fn open(data: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}", data.join("tidings.db").display())).await.expect("the database")
}
