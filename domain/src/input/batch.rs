//! Batches: a list of operations, each of which fails for itself.

use super::fields::{Faults, Object, Path, boolean, needed, string};
use super::task::{read_new_task, read_task_patch};
use crate::command::{Command, Edit, Precondition};
use crate::error::Error;
use crate::id::TaskId;
use crate::series::Reach;
use serde_json::Value;

/// As many operations a batch has.
pub const MOST_OPERATIONS: usize = 100;

/// The body of `POST /api/todos/batch`. The first operation that is wrong is the one told, with all its faults.
pub fn batch(body: &[u8]) -> Result<Vec<Command>, Error> {
    let value: Value = serde_json::from_slice(body).map_err(|fault| Error::Malformed(fault.to_string()))?;
    let operations = envelope(value)?;
    operations.into_iter().enumerate().map(|(index, value)| operation(index, value)).collect()
}

fn envelope(value: Value) -> Result<Vec<Value>, Error> {
    let mut faults = Faults::default();
    let operations = Object::new(value, Path::Root, &mut faults).and_then(|mut fields| {
        let operations = fields.require("operations", |value| match value {
            Value::Array(operations) if operations.len() <= MOST_OPERATIONS => Ok(operations),
            Value::Array(operations) => {
                Err(format!("a batch has at most {MOST_OPERATIONS} operations, not {}", operations.len()))
            }
            other => Err(needed("an array", &other)),
        });
        fields.end(&[]);
        operations
    });
    faults.or(operations)
}

fn operation(index: usize, value: Value) -> Result<Command, Error> {
    let (list, mut faults) = (Path::Field(&Path::Root, "operations"), Faults::default());
    let read = read_operation(value, Path::Item(&list, index), &mut faults);
    let command = faults.or(read).and_then(|command| command.ok_or(Error::NotFound));
    command.map_err(|error| Error::InOperation { index, error: Box::new(error) })
}

/// The inner none: the id is none that a task can have.
fn read_operation(value: Value, at: Path<'_>, faults: &mut Faults) -> Option<Option<Command>> {
    let mut fields = Object::new(value, at, faults)?;
    let op = fields.require("op", string)?;
    let following = |patch| Edit::Change(patch, Reach::Following);
    let (id, edit) = match op.as_str() {
        "create" => {
            let task = fields.require_deep("task", read_new_task);
            fields.end(&[]);
            return Some(Some(Command::Create(task?)));
        }
        "update" => (fields.require("id", string), fields.require_deep("changes", read_task_patch).map(following)),
        "complete" => (fields.require("id", string), fields.require("completed", boolean).map(Edit::Complete)),
        "delete" => (fields.require("id", string), Some(Edit::Delete(Reach::Following))),
        _ => return fields.fault("op", "is one of create, update, complete, delete"),
    };
    fields.end(&[]);
    let (id, edit) = (id?.parse::<TaskId>().ok(), edit?);
    Some(id.map(|id| Command::Edit { id, precondition: Precondition::None, edit }))
}
