//! Opening the database of a data folder: whether it can be written, and whether its tables are ours.

use super::error;
use super::readers::Readers;
use crate::store::folder::{Folder, FolderError};
use crate::store::migrate::{self, Step};
use sqlx::ConnectOptions;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Numbered as their files.
pub(super) const MIGRATIONS: [Step; 3] = [
    (1, "tasks", include_str!("../../../../migrations/sqlite/0001_tasks.sql")),
    (2, "accounts", include_str!("../../../../migrations/sqlite/0002_accounts.sql")),
    (3, "events", include_str!("../../../../migrations/sqlite/0003_events.sql")),
];

/// Why the database of a data folder cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(
        "the database in {} was written by a newer tidings (its schema is {found}, this one knows {known}). Run that version, or restore a backup", folder.display()
    )]
    Newer { folder: PathBuf, found: i64, known: i64 },
    #[error("{} is damaged or no SQLite database: {source}. Restore it from a backup, or move it away to begin anew", file.display())]
    Damaged { file: PathBuf, source: sqlx::Error },
    #[error("the database in {} cannot be opened: {reason}. Mend that, then start again", folder.display())]
    Unavailable { folder: PathBuf, reason: String },
}

/// An opened data folder.
pub(super) struct Opened {
    pub writer: SqliteConnection,
    pub readers: Readers,
    pub options: SqliteConnectOptions,
    pub folder: Folder,
}

/// Makes what is missing, takes the folder, brings the tables up to date.
pub(super) async fn open(path: &Path) -> Result<Opened, OpenError> {
    let holder = Folder::take(path)?;
    let folder = path;
    let file = folder.join("tidings.db");
    // SQLite gives its other files the mode of the database.
    let made = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&file);
    made.map_err(|source| FolderError::of(folder, source))?;

    let options = write_options(&file);
    let mut writer = options.connect().await.map_err(|e| sql_error(folder, &file, e))?;
    migrate::run(&mut writer, &MIGRATIONS).await.map_err(|e| migrate_error(folder, &file, e))?;
    let readers = Readers::open(read_options(&file)).await.map_err(|e| sql_error(folder, &file, e))?;
    Ok(Opened { writer, readers, options, folder: holder })
}

fn common_options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("temp_store", "memory")
        .disable_statement_logging()
}

fn write_options(file: &Path) -> SqliteConnectOptions {
    common_options(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .statement_cache_capacity(128)
        .pragma("cache_size", "-16384")
        // Pages. Four times the default: a hot page is then copied to its place, and synced, a quarter as often.
        .pragma("wal_autocheckpoint", "4000")
        .pragma("journal_size_limit", "67108864")
        .thread_name(|_| "sqlite-writer".to_owned())
}

/// Without a memory map: SQLite undoes a reader's after every commit, which costs more than it spares, and a disk that fails behind one is a
/// signal and not an error.
fn read_options(file: &Path) -> SqliteConnectOptions {
    common_options(file)
        .read_only(true)
        .statement_cache_capacity(256)
        .row_buffer_size(256)
        .pragma("cache_size", "-4096")
        .thread_name(|n| format!("sqlite-reader-{n}"))
}

fn sql_error(folder: &Path, file: &Path, source: sqlx::Error) -> OpenError {
    let folder = folder.to_owned();
    if error::is_damage(&source) {
        OpenError::Damaged { file: file.to_owned(), source }
    } else if error::is_read_only(&source) {
        FolderError::ReadOnly { folder }.into()
    } else {
        OpenError::Unavailable { folder, reason: source.to_string() }
    }
}

fn migrate_error(folder: &Path, file: &Path, error: MigrateError) -> OpenError {
    match error {
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => sql_error(folder, file, source),
        MigrateError::VersionTooNew(found, known) => OpenError::Newer { folder: folder.to_owned(), found, known },
        other => OpenError::Unavailable { folder: folder.to_owned(), reason: other.to_string() },
    }
}
