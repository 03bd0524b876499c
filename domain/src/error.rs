//! Why a use case refuses: everything that a problem document has to say of it.

use crate::ports::Failure;
use serde::Serialize;

/// One thing that is wrong with what a client sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The field (`tags[2]`, `recurrence.rrule`; empty: the whole document), query parameter, or header at fault.
    pub path: String,
    /// In words for a person.
    pub detail: String,
}

impl Fault {
    pub fn new(path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { path: path.into(), detail: detail.into() }
    }
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The user has no such task, or notification: never had, or not any more.
    #[error("the user has nothing by this id")]
    NotFound,
    /// The body is no JSON.
    #[error("the body is no JSON: {0}")]
    Malformed(String),
    /// Everything that is wrong, not just the first.
    #[error("the request has {} faults", .0.len())]
    Invalid(Vec<Fault>),
    /// The task has another version than `If-Match` asked for.
    #[error("the task has been changed meanwhile")]
    PreconditionFailed,
    /// The idempotency key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// One operation of a batch failed, counted from 0, and so all of them did.
    #[error("operation {index}: {error}")]
    InOperation { index: usize, error: Box<Error> },
    /// A port failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl Error {
    /// One fault.
    pub fn invalid(path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault::new(path, detail)])
    }
}
