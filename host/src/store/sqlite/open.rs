//! Opening the data folder: who may have it, whether it can be written, and whether its tables are ours.

use super::error;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlSafeStr};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Number, name and text of a migration.
pub(super) type Step = (i64, &'static str, &'static str);

/// Numbered as their files; what is applied is never edited, only added to.
pub(super) const MIGRATIONS: [Step; 3] = [
    (1, "tasks", include_str!("../../../../migrations/sqlite/0001_tasks.sql")),
    (2, "accounts", include_str!("../../../../migrations/sqlite/0002_accounts.sql")),
    (3, "events", include_str!("../../../../migrations/sqlite/0003_events.sql")),
];

const READERS: u32 = 3;

/// Why a data folder cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the data folder {} cannot be used: {source}. Make it writable, or give another with --data", folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error("the data folder {} is read-only. Make it and the files in it writable, or give another with --data", folder.display())]
    ReadOnly { folder: PathBuf },
    #[error("the data folder {} is in use by another tidings ({holder}). Stop that one, or give another with --data", folder.display())]
    Locked { folder: PathBuf, holder: String },
    #[error(
        "the database in {} was written by a newer tidings (its schema is {found}, this one knows {known}). Run that version, or restore a backup", folder.display()
    )]
    Newer { folder: PathBuf, found: i64, known: i64 },
    #[error("{} is damaged or no SQLite database: {source}. Restore it from a backup, or move it away to begin anew", file.display())]
    Damaged { file: PathBuf, source: sqlx::Error },
    #[error("the database in {} cannot be opened: {reason}. Mend that, then start again", folder.display())]
    Unavailable { folder: PathBuf, reason: String },
}

/// An opened data folder. The lock goes when the value is dropped, or with the process.
pub(super) struct Opened {
    pub writer: SqliteConnection,
    pub readers: SqlitePool,
    pub options: SqliteConnectOptions,
    pub lock: File,
}

/// Makes what is missing, takes the lock, brings the tables up to date.
pub(super) async fn open(folder: &Path) -> Result<Opened, OpenError> {
    make_folder(folder)?;
    let lock = lock(folder)?;
    let file = folder.join("tidings.db");
    // SQLite gives its other files the mode of the database.
    let made = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&file);
    made.map_err(|source| folder_error(folder, source))?;

    let options = write_options(&file);
    let mut writer = options.connect().await.map_err(|e| sql_error(folder, &file, e))?;
    migrate(&mut writer, &MIGRATIONS).await.map_err(|e| migrate_error(folder, &file, e))?;
    let readers = SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(READERS)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(read_options(&file))
        .await
        .map_err(|e| sql_error(folder, &file, e))?;
    Ok(Opened { writer, readers, options, lock })
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

fn read_options(file: &Path) -> SqliteConnectOptions {
    common_options(file)
        .read_only(true)
        .statement_cache_capacity(256)
        .row_buffer_size(256)
        .pragma("cache_size", "-4096")
        .pragma("mmap_size", "268435456")
        .thread_name(|n| format!("sqlite-reader-{n}"))
}

fn make_folder(folder: &Path) -> Result<(), OpenError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|source| folder_error(folder, source))
}

/// The lock file names its holder for whoever comes second.
fn lock(folder: &Path) -> Result<File, OpenError> {
    let failed = |source| folder_error(folder, source);
    let path = folder.join("tidings.lock");
    let mut file =
        OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // The holder may be about to write its id.
            let holder = match file.read_to_string(&mut pid) {
                Ok(_) if !pid.trim().is_empty() => format!("process {}", pid.trim()),
                _ => "process unknown".to_owned(),
            };
            return Err(OpenError::Locked { folder: folder.to_owned(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    file.set_len(0).map_err(failed)?;
    file.rewind().map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(file)
}

pub(super) async fn migrate(connection: &mut SqliteConnection, steps: &[Step]) -> Result<(), MigrateError> {
    let migrations = steps
        .iter()
        .map(|(version, name, sql)| Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false));
    let migrator = Migrator::with_migrations(migrations.collect());
    let table = &migrator.table_name;
    connection.ensure_migrations_table(table).await?;
    let applied = connection.list_applied_migrations(table).await?;
    let known = steps.len() as i64;
    if let Some(newest) = applied.iter().map(|m| m.version).max().filter(|newest| *newest > known) {
        return Err(MigrateError::VersionTooNew(newest, known));
    }
    migrator.run(connection).await
}

fn folder_error(folder: &Path, source: io::Error) -> OpenError {
    let folder = folder.to_owned();
    match source.kind() {
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => OpenError::ReadOnly { folder },
        _ => OpenError::Folder { folder, source },
    }
}

fn sql_error(folder: &Path, file: &Path, source: sqlx::Error) -> OpenError {
    let folder = folder.to_owned();
    if error::is_damage(&source) {
        OpenError::Damaged { file: file.to_owned(), source }
    } else if error::is_read_only(&source) {
        OpenError::ReadOnly { folder }
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
