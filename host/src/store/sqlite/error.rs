//! What SQLite's errors are.

use crate::store::error::Meaning;
use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::sqlite::SqliteError;

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
fn primary_code(error: &dyn DatabaseError) -> Option<i32> {
    let code: i32 = error.try_downcast_ref::<SqliteError>()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

fn code_of(error: &sqlx::Error) -> Option<i32> {
    primary_code(error.as_database_error()?)
}

/// Whether the file is not, or no longer, a database.
pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    matches!(code_of(error), Some(code::CORRUPT | code::NOTADB))
}

/// Whether the file or its folder refuses to be written.
pub(super) fn is_read_only(error: &sqlx::Error) -> bool {
    matches!(code_of(error), Some(code::READONLY | code::CANTOPEN))
}

/// Whether a row with this key exists.
pub(super) fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|e| e.kind() == ErrorKind::UniqueViolation)
}

/// `None`: a fault of ours, or no error of SQLite's.
pub(in crate::store) fn meaning(error: &dyn DatabaseError) -> Option<Meaning> {
    let passing = match primary_code(error)? {
        code::FULL => "the disk is full",
        code::READONLY => "the data folder is read-only",
        code::IOERR => "the disk cannot be read or written",
        code::BUSY | code::LOCKED => "the database is locked by another program",
        code::CANTOPEN => "the database file cannot be opened",
        code::NOMEM => "the machine is out of memory",
        code::CORRUPT | code::NOTADB => "the database file is damaged",
        _ => return None,
    };
    Some(Meaning::Passing(passing))
}
