//! What SQLite's errors mean to the rest of the host.

use crate::store::StoreError;
use sqlx::error::ErrorKind;

/// SQLite's primary result codes, <https://www.sqlite.org/rescode.html>.
mod code {
    pub const BUSY: i32 = 5;
    pub const LOCKED: i32 = 6;
    pub const NOMEM: i32 = 7;
    pub const READONLY: i32 = 8;
    pub const IOERR: i32 = 10;
    pub const CORRUPT: i32 = 11;
    pub const FULL: i32 = 13;
    pub const CANTOPEN: i32 = 14;
    pub const NOTADB: i32 = 26;
}

/// The primary result code, where SQLite itself failed.
pub(super) fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Whether the file is not, or no longer, a database.
pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(code::CORRUPT | code::NOTADB))
}

/// Whether the file or its folder refuses to be written.
pub(super) fn is_read_only(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(code::READONLY | code::CANTOPEN))
}

/// Whether a row with this key exists.
pub(super) fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|e| e.kind() == ErrorKind::UniqueViolation)
}

/// What a failure of the machine is called before a person.
fn passing(error: &sqlx::Error) -> Option<&'static str> {
    match error {
        sqlx::Error::PoolTimedOut => return Some("the database is too busy to be read"),
        sqlx::Error::PoolClosed => return Some("the store is closed"),
        sqlx::Error::Io(_) => return Some("the database cannot be read or written"),
        sqlx::Error::WorkerCrashed => return Some("the database connection was lost"),
        _ => {}
    }
    match primary_code(error)? {
        code::FULL => Some("the disk is full"),
        code::READONLY => Some("the data folder is read-only"),
        code::IOERR => Some("the disk cannot be read or written"),
        code::BUSY | code::LOCKED => Some("the database is locked by another program"),
        code::CANTOPEN => Some("the database file cannot be opened"),
        code::NOMEM => Some("the machine is out of memory"),
        code::CORRUPT | code::NOTADB => Some("the database file is damaged"),
        _ => None,
    }
}

/// A full disk and its like may pass; everything else is a fault of ours.
impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match passing(&error) {
            Some(reason) => {
                tracing::warn!(%error, reason, "the store cannot serve");
                Self::Unavailable(reason.to_owned())
            }
            None => Self::Internal(error.into()),
        }
    }
}

/// A stored value that no longer is what it was when it was written.
pub(super) fn damaged(what: &str, why: impl std::fmt::Display) -> StoreError {
    StoreError::Internal(anyhow::anyhow!("a stored {what} is bad: {why}"))
}
