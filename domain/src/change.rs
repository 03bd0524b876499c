//! A change to a task: the one thing that is ever written. From it come the task's new row, its history entry and its events.

use crate::task::{Task, names};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::fmt;

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

impl ChangeKind {
    /// The type of its event on `task-events`, and the `event_type` of its history entry.
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Created => "task.created",
            Self::Updated => "task.updated",
            Self::Completed => "task.completed",
            Self::Reopened => "task.reopened",
            Self::Deleted => "task.deleted",
            Self::Restored => "task.restored",
        }
    }
}

/// One field that differs, in the names and JSON shapes of the HTTP API.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    pub field: String,
    pub old: Value,
    pub new: Value,
}

/// Changed fields in their JSON: `{FIELD: {old, new}}`, in order.
#[derive(Clone, Copy, Debug)]
pub struct ChangedFields<'a>(pub &'a [FieldChange]);

impl Serialize for ChangedFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Pair<'a> {
            old: &'a Value,
            new: &'a Value,
        }
        serializer.collect_map(self.0.iter().map(|f| (&f.field, Pair { old: &f.old, new: &f.new })))
    }
}

/// Changed fields read back from the JSON of [`ChangedFields`], in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadChangedFields(pub Vec<FieldChange>);

impl<'de> Deserialize<'de> for ReadChangedFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Pair {
            old: Value,
            new: Value,
        }
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Vec<FieldChange>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of {old, new}")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(map.size_hint().unwrap_or(0).min(16));
                while let Some((field, Pair { old, new })) = map.next_entry::<String, Pair>()? {
                    fields.push(FieldChange { field, old, new });
                }
                Ok(fields)
            }
        }
        de::Deserializer::deserialize_map(deserializer, Fields).map(Self)
    }
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Actor {
    pub kind: ActorKind,
    /// The user's or token's id, or the component's name; an agent's is that of the token it shows.
    pub id: String,
}

impl Actor {
    /// Who acts through this: what comes by MCP an agent did, with the user's sign-in or token.
    pub fn through(self, source: Source) -> Self {
        let kind = if source == Source::Mcp { ActorKind::Agent } else { self.kind };
        Self { kind, ..self }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changed_fields_come_back_in_their_order() {
        let fields = vec![
            FieldChange { field: "title".to_owned(), old: json!("a"), new: json!("b") },
            FieldChange { field: "due_date".to_owned(), old: Value::Null, new: json!("2026-05-01T09:00:00Z") },
        ];
        let text = serde_json::to_string(&ChangedFields(&fields)).unwrap();
        assert_eq!(text, r#"{"title":{"old":"a","new":"b"},"due_date":{"old":null,"new":"2026-05-01T09:00:00Z"}}"#);
        assert_eq!(serde_json::from_str::<ReadChangedFields>(&text).unwrap(), ReadChangedFields(fields));
    }
}
