//! Coming to a database: whether it can be reached, whether it is one for us, and whether its tables are ours.

use super::DatabaseConfig;
use super::error::{self, code};
use crate::store::folder::FolderError;
use crate::store::migrate::{self, Step};
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions, Connection, Row};
use std::io::ErrorKind;
use std::time::Duration;

/// Numbered as their files.
pub(super) const MIGRATIONS: [Step; 3] = [
    (1, "tasks", include_str!("../../../../migrations/postgres/0001_tasks.sql")),
    (2, "accounts", include_str!("../../../../migrations/postgres/0002_accounts.sql")),
    (3, "events", include_str!("../../../../migrations/postgres/0003_events.sql")),
];

/// How long a database may take to answer at all.
const FIRST_ANSWER: Duration = Duration::from_secs(10);
/// PostgreSQL 13, which is the oldest that is maintained.
const OLDEST: u32 = 130_000;

/// Why a database cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("the database's host {host} cannot be found: {reason}. Correct it in TIDINGS_DATABASE_URL")]
    UnknownHost { host: String, reason: String },
    #[error("no database answers at {host}: {reason}. Start it, or correct TIDINGS_DATABASE_URL")]
    Silent { host: String, reason: String },
    #[error(
        "the database at {host} is not who its TLS certificate should say: {reason}. Name the certificate's issuer by sslrootcert in \
         TIDINGS_DATABASE_URL, or choose another sslmode"
    )]
    Untrusted { host: String, reason: String },
    #[error("the database at {host} refuses the user {user}: {reason}. Correct name and password in TIDINGS_DATABASE_URL")]
    Refused { host: String, user: String, reason: String },
    #[error("there is no database {name} at {host}. Make it (createdb {name}), or correct TIDINGS_DATABASE_URL")]
    Missing { host: String, name: String },
    #[error(
        "the user {user} may not make tables in the database {place}: {reason}. Grant it CREATE on the schema, or make it the database's owner"
    )]
    NoRights { place: String, user: String, reason: String },
    #[error(
        "the database {place} was written by a newer tidings (its schema is {found}, this one knows {known}). Run that version, or restore a backup"
    )]
    Newer { place: String, found: i64, known: i64 },
    #[error("the database {place} cannot be used: {reason}. Mend that, then start again")]
    Unavailable { place: String, reason: String },
}

/// Makes tables, or brings them up to date. However many hosts start together, one does it, and the others wait.
pub(super) async fn migrate(config: &DatabaseConfig) -> Result<(), OpenError> {
    let mut connection = connect(config).await?;
    migrate::run(&mut connection, &MIGRATIONS).await.map_err(|error| migrate_error(config, error))?;
    // What was to be done is done.
    _ = connection.close().await;
    Ok(())
}

/// Reaches the database and looks at the version of its tables, if it has any.
pub(super) async fn try_out(config: &DatabaseConfig) -> Result<(), OpenError> {
    let mut connection = connect(config).await?;
    let tables = sqlx::query("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(&mut connection).await;
    if tables.and_then(|row| row.try_get(0)).map_err(|error| sql_error(config, error))? {
        migrate::refuse_newer(&mut connection, &MIGRATIONS).await.map_err(|error| migrate_error(config, error))?;
    }
    Ok(())
}

async fn connect(config: &DatabaseConfig) -> Result<PgConnection, OpenError> {
    let silent = |_| OpenError::Silent { host: config.host(), reason: format!("nothing came within {FIRST_ANSWER:?}") };
    let connected = tokio::time::timeout(FIRST_ANSWER, config.bare_options().connect()).await.map_err(silent)?;
    let mut connection = connected.map_err(|error| sql_error(config, error))?;
    let unfit = |reason: String| OpenError::Unavailable { place: config.to_string(), reason };
    if connection.server_version_num().is_some_and(|version| version < OLDEST) {
        return Err(unfit(format!("it is older than PostgreSQL {}", OLDEST / 10_000)));
    }
    let encoding = sqlx::query("SHOW server_encoding").fetch_one(&mut connection).await;
    let encoding: String = encoding.and_then(|row| row.try_get(0)).map_err(|error| sql_error(config, error))?;
    if encoding != "UTF8" {
        return Err(unfit(format!("its encoding is {encoding}, which cannot hold every text; make it with UTF8")));
    }
    Ok(connection)
}

fn sql_error(config: &DatabaseConfig, error: sqlx::Error) -> OpenError {
    let (host, user, place) = (config.host(), config.user().to_owned(), config.to_string());
    let reason = match error.as_database_error() {
        Some(error) => error.message().to_owned(),
        None => error.to_string(),
    };
    match (&error, error::code_of(&error)) {
        (_, Some(code::INVALID_USER | code::INVALID_PASSWORD)) => OpenError::Refused { host, user, reason },
        (_, Some(code::NO_DATABASE)) => OpenError::Missing { host, name: config.name().to_owned() },
        (_, Some(code::NO_RIGHTS)) => OpenError::NoRights { place, user, reason },
        (sqlx::Error::Tls(_), _) => OpenError::Untrusted { host, reason },
        (sqlx::Error::Io(io), _) if io.kind() == ErrorKind::InvalidData => OpenError::Untrusted { host, reason: io.to_string() },
        (sqlx::Error::Io(io), _) if is_lookup(io) => OpenError::UnknownHost { host, reason: io.to_string() },
        (sqlx::Error::Io(io), _) => OpenError::Silent { host, reason: io.to_string() },
        _ => OpenError::Unavailable { place, reason },
    }
}

/// The resolver's errors have no kind of their own.
fn is_lookup(error: &std::io::Error) -> bool {
    error.kind() != ErrorKind::ConnectionRefused && error.to_string().contains("lookup")
}

fn migrate_error(config: &DatabaseConfig, error: MigrateError) -> OpenError {
    let place = config.to_string();
    match error {
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => sql_error(config, source),
        MigrateError::VersionTooNew(found, known) => OpenError::Newer { place, found, known },
        other => OpenError::Unavailable { place, reason: other.to_string() },
    }
}
