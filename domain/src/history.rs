//! What is kept of each change, for ever as long as its task can be restored.

use crate::change::{Actor, ChangeKind, FieldChange, Source};
use crate::id::TaskId;
use crate::time::Timestamp;
use uuid::Uuid;

/// One entry of a task's history.
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
