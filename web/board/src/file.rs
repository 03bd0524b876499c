//! What the importer, a module of its own, tells the page of a file.

use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// Why nothing of it can be read.
    pub problem: Option<String>,
    /// As many tasks can be taken.
    pub count: usize,
    /// The first ones.
    pub shown: Vec<Shown>,
    /// The first ones.
    pub refused: Vec<Refused>,
    pub refused_count: usize,
    /// Each is the body of one request.
    pub parts: Vec<String>,
}

/// A task before it is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub line: usize,
    pub title: String,
    pub due: Option<Timestamp>,
    pub rule: Option<String>,
    pub tags: Vec<String>,
}

/// A line that cannot be taken; also as the API names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub line: usize,
    pub reason: String,
}
