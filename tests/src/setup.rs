//! On what Tidings runs in these tests. The suite is the same for all set-ups; `IT_SETUP` names one.

use parts::{Kafka, Mesh, MeshOptions, Postgres, Redis};
use sqlx::{Connection, Row, SqliteConnection};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// What a host is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// A data folder, and nothing else.
    Embedded,
    /// A PostgreSQL database, and a Kafka that carries the events.
    Kafka,
    /// The same, but that events and short-lived state go through a sidecar, the latter to a Redis.
    Dapr,
    /// No host of ours: the stock Spin CLI runs the components, on its own SQLite.
    Spin,
}

impl Setup {
    /// That of this run.
    #[allow(clippy::disallowed_methods, reason = "set by `cargo xtask test`")]
    pub fn of_this_run() -> Self {
        match std::env::var("IT_SETUP").as_deref() {
            Err(_) | Ok("embedded") => Self::Embedded,
            Ok("kafka") => Self::Kafka,
            Ok("dapr") => Self::Dapr,
            Ok("spin") => Self::Spin,
            Ok(other) => panic!("IT_SETUP: `{other}` is none of embedded, kafka, dapr, spin"),
        }
    }
}

impl Setup {
    /// How long what must come about may take. A member of a Kafka group that was killed is missed after six seconds, and after each further death
    /// again.
    pub fn patience(self) -> Duration {
        Duration::from_secs(if matches!(self, Self::Embedded | Self::Spin) { 10 } else { 60 })
    }
}

/// The set-ups that differ in where the positions of groups are: in the database.
pub const LOCAL_BUS: &[Setup] = &[Setup::Embedded];
/// The first: what brings its own servers is tested with it, and with no other.
pub const FIRST: &[Setup] = &[Setup::Embedded];
/// The set-ups in which several hosts can share a database.
pub const SHARED: &[Setup] = &[Setup::Kafka, Setup::Dapr];

/// Groups of the fixtures.
const GROUPS: [&str; 2] = ["misbehave-group", "completions-group"];

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
        bus: Option<Bus>,
    },
}

/// What carries the events.
#[derive(Clone, Debug)]
pub struct Bus {
    pub kafka: Arc<Kafka>,
    /// What the names of its topics begin with.
    pub prefix: String,
    /// Where each host has a sidecar.
    pub mesh: Option<Arc<SharedMesh>>,
}

/// What all sidecars of a run share.
#[derive(Debug)]
pub struct SharedMesh {
    pub mesh: Mesh,
    _redis: Redis,
}

impl SharedMesh {
    /// The one of all who want one at the same time. It ends with the last that holds it.
    fn on(kafka: &Kafka) -> Arc<Self> {
        static SHARED: Mutex<Weak<SharedMesh>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let redis = Redis::start().expect("Redis");
            let (brokers, redis_at) = (kafka.brokers(), redis.address());
            let groups = GROUPS.map(str::to_owned).to_vec();
            let options =
                MeshOptions { brokers, redis: redis_at, cron: "@every 5m".to_owned(), scoped: false, declared: false, groups };
            let mesh = Arc::new(Self { mesh: Mesh::start(&options).expect("a mesh"), _redis: redis });
            *shared = Arc::downgrade(&mesh);
            mesh
        })
    }
}

impl Place {
    /// A new one, as the set-up has it.
    pub fn new(data: &Path) -> Self {
        match Setup::of_this_run() {
            Setup::Embedded | Setup::Spin => Self::Folder(data.to_owned()),
            Setup::Kafka => Self::on(Kafka::shared().expect("Kafka"), false),
            Setup::Dapr => Self::on(Kafka::shared().expect("Kafka"), true),
        }
    }

    /// A PostgreSQL database, and topics on this broker, which are reached directly or by sidecars.
    pub fn on(kafka: Arc<Kafka>, sidecars: bool) -> Self {
        let mesh = sidecars.then(|| SharedMesh::on(&kafka));
        let prefix = format!("{}.", uuid::Uuid::now_v7().simple());
        Self::database(Some(Bus { kafka, prefix, mesh }))
    }

    /// A PostgreSQL database.
    pub fn database(bus: Option<Bus>) -> Self {
        let server = Postgres::shared().expect("PostgreSQL");
        let url = server.database().expect("a database");
        Self::Postgres { server, url, bus }
    }

    /// Where each host has a sidecar: what the sidecars share, and what the names of topics begin with.
    pub fn mesh(&self) -> Option<(&Mesh, &str)> {
        match self {
            Self::Postgres { bus: Some(Bus { prefix, mesh: Some(shared), .. }), .. } => Some((&shared.mesh, prefix)),
            _ => None,
        }
    }

    /// What tells a host of it, and every command; where there are sidecars, a host is told of its own, too.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Folder(_) => Vec::new(),
            Self::Postgres { url, bus, .. } => {
                let database = ("TIDINGS_DATABASE_URL", url.clone());
                let topics = bus.iter().flat_map(|Bus { kafka, prefix, .. }| {
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
