//! What PostgreSQL's errors are.

use crate::store::error::Meaning;
use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;

pub(super) const READ_ONLY: &str = "the database is read-only: a standby, perhaps";

/// Its error codes, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub(super) mod code {
    pub const UNIQUE_VIOLATION: &str = "23505";
    pub const READ_ONLY: &str = "25006";
    pub const INVALID_USER: &str = "28000";
    pub const INVALID_PASSWORD: &str = "28P01";
    pub const NO_DATABASE: &str = "3D000";
    pub const SERIALIZATION: &str = "40001";
    pub const DEADLOCK: &str = "40P01";
    pub const NO_RIGHTS: &str = "42501";
    pub const DISK_FULL: &str = "53100";
    pub const OUT_OF_MEMORY: &str = "53200";
    pub const TOO_MANY_CONNECTIONS: &str = "53300";
    pub const LOCKED: &str = "55P03";
    pub const CANCELED: &str = "57014";
    pub const IO: &str = "58030";
}

/// The code, where PostgreSQL itself failed.
pub(super) fn code_of(error: &sqlx::Error) -> Option<&str> {
    Some(error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?.code())
}

/// `None`: a fault of ours, or no error of PostgreSQL's.
pub(in crate::store) fn meaning(error: &dyn DatabaseError) -> Option<Meaning> {
    let error = error.try_downcast_ref::<PgDatabaseError>()?;
    let passing = match error.code() {
        code::UNIQUE_VIOLATION | code::SERIALIZATION | code::DEADLOCK => {
            tracing::debug!(%error, "two hosts at once");
            return Some(Meaning::Conflict);
        }
        code::READ_ONLY => READ_ONLY,
        code::NO_DATABASE | code::INVALID_USER | code::INVALID_PASSWORD => "the database does not let this host in any more",
        code::DISK_FULL => "the disk of the database is full",
        code::OUT_OF_MEMORY => "the machine of the database is out of memory",
        code::TOO_MANY_CONNECTIONS => "the database has no connection left",
        code::LOCKED | code::CANCELED => "the database is too busy",
        code::IO => "the disk of the database cannot be read or written",
        // It is shut down, or has crashed, or is starting; or our session was ended.
        other if other.starts_with("57P") || other.starts_with("08") || other == "25P03" => {
            "the database was or is being restarted"
        }
        // Damage, in PostgreSQL's own words an internal error.
        other if other.starts_with("XX") => "the database is damaged",
        _ => return None,
    };
    Some(Meaning::Passing(passing))
}
