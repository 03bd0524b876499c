//! On what Tidings runs in these tests. The suite is the same for all set-ups; `IT_SETUP` names one.

use parts::{Kafka, Postgres};
use sqlx::{Connection, Row, SqliteConnection};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What a host is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// A data folder, and nothing else.
    Embedded,
    /// A PostgreSQL database.
    Postgres,
    /// A PostgreSQL database, and a Kafka that carries the events.
    Kafka,
}

impl Setup {
    /// That of this run.
    #[allow(clippy::disallowed_methods, reason = "set by `cargo xtask test`")]
    pub fn of_this_run() -> Self {
        match std::env::var("IT_SETUP").as_deref() {
            Err(_) | Ok("embedded") => Self::Embedded,
            Ok("postgres") => Self::Postgres,
            Ok("kafka") => Self::Kafka,
            Ok(other) => panic!("IT_SETUP: `{other}` is none of embedded, postgres, kafka"),
        }
    }
}

impl Setup {
    /// How long what must come about may take. A member of a Kafka group that was killed is missed after six seconds, and after each further death
    /// again.
    pub fn patience(self) -> Duration {
        Duration::from_secs(if self == Self::Kafka { 60 } else { 10 })
    }
}

/// The set-ups that differ in where the positions of groups are: in the database.
pub const LOCAL_BUS: &[Setup] = &[Setup::Embedded, Setup::Postgres];
/// The first: what brings its own servers is tested with it, and with no other.
pub const FIRST: &[Setup] = &[Setup::Embedded];
/// The set-ups in which several hosts can share a database.
pub const SHARED: &[Setup] = &[Setup::Postgres, Setup::Kafka];

/// Whether to go on: false, with a clear line, where the test is about what only these set-ups have.
pub fn only(setups: &[Setup], what: &str) -> bool {
    let here = setups.contains(&Setup::of_this_run());
    if !here {
        println!("skipped: only {setups:?} has {what}");
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
        /// What carries the events, and what the names of its topics begin with.
        bus: Option<(Arc<Kafka>, String)>,
    },
}

impl Place {
    /// A new one, as the set-up has it.
    pub fn new(data: &Path) -> Self {
        match Setup::of_this_run() {
            Setup::Embedded => Self::Folder(data.to_owned()),
            Setup::Postgres => Self::database(None),
            Setup::Kafka => Self::database(Some(Kafka::shared().expect("Kafka"))),
        }
    }

    /// A PostgreSQL database, and topics of its own where a Kafka is to carry the events.
    pub fn database(kafka: Option<Arc<Kafka>>) -> Self {
        let server = Postgres::shared().expect("PostgreSQL");
        let url = server.database().expect("a database");
        let bus = kafka.map(|kafka| (kafka, format!("{}.", uuid::Uuid::now_v7().simple())));
        Self::Postgres { server, url, bus }
    }

    /// What tells a host of it.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Folder(_) => Vec::new(),
            Self::Postgres { url, bus, .. } => {
                let database = ("TIDINGS_DATABASE_URL", url.clone());
                let topics = bus.iter().flat_map(|(kafka, prefix)| {
                    [
                        ("TIDINGS_BUS", "kafka".to_owned()),
                        ("TIDINGS_KAFKA_BROKERS", kafka.brokers()),
                        ("TIDINGS_KAFKA_PREFIX", prefix.clone()),
                    ]
                });
                [database].into_iter().chain(topics).collect()
            }
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
            Self::Postgres { server, url, .. } => drop(server.sql(url, statements).expect(statements)),
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
            Self::Postgres { server, url, .. } => server.sql(url, query).expect(query).parse().expect("a number"),
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
