//! What is kept of each change, for ever as long as its task can be restored.

use crate::change::{Actor, ChangeKind, ChangedFields, FieldChange, Source};
use crate::id::TaskId;
use crate::time::Timestamp;
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// One entry of a task's history. Its JSON is that of `/api/todos/{id}/history`, which names neither the task nor the number.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// The id of the `task-events` event too.
    pub id: Uuid,
    /// The user's own event number; it counts up by one.
    pub sequence: u64,
    pub task_id: TaskId,
    pub kind: ChangeKind,
    pub time: Timestamp,
    pub actor: Actor,
    pub source: Source,
    pub changed_fields: Vec<FieldChange>,
}

impl Serialize for HistoryEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut out = serializer.serialize_struct("HistoryEntry", 6)?;
        out.serialize_field("id", &self.id)?;
        out.serialize_field("event_type", self.kind.event_type())?;
        out.serialize_field("time", &self.time)?;
        out.serialize_field("actor", &self.actor)?;
        out.serialize_field("source", &self.source)?;
        out.serialize_field("changed_fields", &ChangedFields(&self.changed_fields))?;
        out.end()
    }
}
