//! What differs between two states of a task, in the names and JSON shapes of the HTTP API.
//!
//! `updated_at` and `version` differ after every change and are not told; nor is `deleted_at`, which the kind of a change says.

use crate::change::FieldChange;
use crate::json;
use crate::task::Task;
use serde::Serialize;
use serde_json::Value;

/// The fields that differ. Of a creation (no old state): those that are set, that is neither null nor false nor empty.
pub(crate) fn diff(old: Option<&Task>, new: &Task) -> Vec<FieldChange> {
    let mut diff = Diff { old, new, fields: Vec::with_capacity(4) };
    diff.field("title", |task| &task.title);
    diff.field("description", |task| &task.description);
    diff.field("completed", |task| if task.completed() { &true } else { &false });
    diff.field("completed_at", |task| &task.completed_at);
    diff.field("priority", |task| &task.priority);
    diff.field("tags", |task| &task.tags);
    diff.field("due_date", |task| &task.due_date);
    diff.field("recurrence", |task| &task.recurrence);
    diff.field("reminder_minutes", |task| &task.reminder_minutes);
    diff.field("snoozed_until", |task| &task.snoozed_until);
    diff.field("parent_task_id", |task| &task.parent_task_id);
    diff.field("series_id", |task| &task.series_id);
    diff.fields
}

struct Diff<'a> {
    old: Option<&'a Task>,
    new: &'a Task,
    fields: Vec<FieldChange>,
}

impl Diff<'_> {
    fn field<T: PartialEq + Serialize>(&mut self, name: &str, get: fn(&Task) -> &T) {
        let value = get(self.new);
        let (old, new) = match self.old.map(get) {
            Some(old) if old == value => return,
            Some(old) => (json::value(old), json::value(value)),
            None => match json::value(value) {
                Value::Null | Value::Bool(false) => return,
                Value::Array(items) if items.is_empty() => return,
                set => (Value::Null, set),
            },
        };
        self.fields.push(FieldChange { field: name.to_owned(), old, new });
    }
}
