//! A change to a task: the one thing that is ever written. From it come the task's new row, its history entry and its events.

use crate::task::{Task, names};
use serde_json::Value;

/// What happened. Its name, after `task.`, is the event's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    Created,
    Updated,
    Completed,
    Reopened,
    Deleted,
    Restored,
}

names!(
    ChangeKind,
    "a change",
    Created = "created",
    Updated = "updated",
    Completed = "completed",
    Reopened = "reopened",
    Deleted = "deleted",
    Restored = "restored"
);

/// One field that differs, in the names and JSON shapes of the HTTP API.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    pub field: String,
    pub old: Value,
    pub new: Value,
}

/// A task as it shall be, and what makes it a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub kind: ChangeKind,
    /// The state after the change; its `version` is one more than `base_version`.
    pub task: Task,
    /// What the change was made from; none for a creation.
    pub base_version: Option<u64>,
    pub changed_fields: Vec<FieldChange>,
}

/// Through what a change came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Api,
    Mcp,
    Recurrence,
    Import,
}

names!(Source, "a source", Api = "api", Mcp = "mcp", Recurrence = "recurrence", Import = "import");

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub kind: ActorKind,
    /// The user's, token's or agent's id.
    pub id: String,
}

/// What kind of being acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    User,
    Token,
    Agent,
    System,
}

names!(ActorKind, "an actor", User = "user", Token = "token", Agent = "agent", System = "system");
