//! What the errors of databases mean to the rest of the host.

use super::{StoreError, postgres, sqlite};

/// What a database's own error is.
pub(super) enum Meaning {
    /// Somebody else was faster.
    Conflict,
    /// A failure of the machine: what it is called before a person.
    Passing(&'static str),
}

fn meaning(error: &sqlx::Error) -> Option<Meaning> {
    let passing = match error {
        sqlx::Error::Database(error) => {
            return sqlite::error::meaning(error.as_ref()).or_else(|| postgres::error::meaning(error.as_ref()));
        }
        sqlx::Error::PoolTimedOut => "the database is too busy, or cannot be reached",
        sqlx::Error::PoolClosed => "the store is closed",
        sqlx::Error::Io(_) => "the database cannot be read or written",
        sqlx::Error::Tls(_) => "the database cannot be reached by TLS",
        sqlx::Error::WorkerCrashed => "the database connection was lost",
        _ => return None,
    };
    Some(Meaning::Passing(passing))
}

/// A full disk and its like may pass; everything that has no meaning is a fault of ours.
impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match meaning(&error) {
            Some(Meaning::Conflict) => Self::Conflict,
            Some(Meaning::Passing(reason)) => {
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
