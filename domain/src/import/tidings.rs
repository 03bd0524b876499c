//! The JSON export of Tidings, of which the list `tasks` is read; and parts of an import in the same form, for who sends one in pieces.

use super::{Found, Item, Key, reason};
use crate::command::{NewTask, RecurrenceInput, Repetition};
use crate::id::TaskId;
use crate::input::new_task_of;
use crate::json;
use crate::time::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::{RawValue, Value};

/// Fields of a task that an import does not bring.
const LEFT_OUT: [&str; 5] = ["snoozed_until", "parent_task_id", "series_id", "updated_at", "version"];

#[derive(serde::Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    tasks: Option<Vec<&'a RawValue>>,
}

pub(super) fn read(text: &str, found: &mut Found) -> Result<(), String> {
    if !text.trim_start().starts_with('{') {
        return Err("it is no JSON object; export the account anew".to_owned());
    }
    let file: File<'_> = serde_json::from_str(text).map_err(|fault| format!("{fault}; export the account anew"))?;
    let tasks = file.tasks.ok_or("it has no list `tasks`; choose the file that GET /api/account/export gave")?;
    for (place, task) in (1..).zip(tasks) {
        let fields = serde_json::from_str(task.get()).map_err(|fault| fault.to_string());
        let mut line = place;
        let entry = fields.and_then(|fields| item(fields, task.get(), &mut line, found));
        found.add(line, entry);
    }
    Ok(())
}

/// `line` becomes that of the file that a part was made from.
fn item(mut fields: Value, text: &str, line: &mut usize, found: &mut Found) -> Result<Item, String> {
    let key_of_text = found.key(&[b"tidings", text.as_bytes()]);
    if let Some(fields) = fields.as_object_mut() {
        for name in LEFT_OUT {
            fields.remove(name);
        }
    }
    let given: Option<usize> = take(&mut fields, "line", |value| value.as_u64().and_then(|line| line.try_into().ok()))?;
    *line = given.unwrap_or(*line);
    let origin = take(&mut fields, "id", |value| value.as_str()?.parse::<TaskId>().ok())?;
    let key = take(&mut fields, "key", |value| value.as_str()?.parse::<Key>().ok())?;
    let time = |value: &Value| Timestamp::parse(value.as_str()?).ok();
    let completed = take(&mut fields, "completed", Value::as_bool)?.unwrap_or_default();
    let completed_at = take(&mut fields, "completed_at", time)?;
    let created_at = take(&mut fields, "created_at", time)?;
    let task = new_task_of(fields).map_err(|error| reason(&error))?;
    Ok(Item {
        line: *line,
        key: key.or(origin.map(Key::of_id)).unwrap_or(key_of_text),
        origin,
        task,
        completed_at: completed_at.or(completed.then_some(found.now)),
        created_at,
    })
}

/// A field that a task to be does not have; null is as good as absent.
fn take<T>(fields: &mut Value, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Result<Option<T>, String> {
    let value = fields.as_object_mut().and_then(|fields| fields.remove(name)).filter(|value| !value.is_null());
    value.map(|value| read(&value).ok_or_else(|| format!("{name}: is not what Tidings writes there"))).transpose()
}

/// The items in documents that [`super::read`] reads as [`super::Format::Tidings`], giving the same items: each of so many bytes at most, unless one
/// item alone has more, and of `most_items` at most.
pub fn pieces(items: &[Item], most_bytes: usize, most_items: usize) -> impl Iterator<Item = String> + '_ {
    const BEGIN: &str = "{\"tasks\":[";
    const END: &str = "]}";
    let mut rest = items.iter().map(json::text).peekable();
    std::iter::from_fn(move || {
        let mut piece = BEGIN.to_owned() + &rest.next()?;
        let mut count = 1;
        while let Some(item) = rest.next_if(|item| count < most_items && piece.len() + 1 + item.len() + END.len() <= most_bytes) {
            piece.push(',');
            piece.push_str(&item);
            count += 1;
        }
        Some(piece + END)
    })
}

/// As a task of the export, with its key and its line.
impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let NewTask { title, description, priority, tags, due_date, recurrence, reminder_minutes } = &self.task;
        let mut out = serializer.serialize_map(None)?;
        out.serialize_entry("line", &self.line)?;
        out.serialize_entry("key", &self.key)?;
        entry(&mut out, "id", &self.origin)?;
        out.serialize_entry("title", title)?;
        entry(&mut out, "description", description)?;
        out.serialize_entry("priority", priority)?;
        out.serialize_entry("tags", tags)?;
        entry(&mut out, "due_date", due_date)?;
        entry(&mut out, "recurrence", recurrence)?;
        entry(&mut out, "reminder_minutes", reminder_minutes)?;
        entry(&mut out, "completed_at", &self.completed_at)?;
        entry(&mut out, "created_at", &self.created_at)?;
        out.end()
    }
}

impl Serialize for RecurrenceInput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(None)?;
        match &self.repetition {
            Repetition::Rule(rule) => out.serialize_entry("rrule", rule)?,
            Repetition::Short(frequency, interval) => {
                out.serialize_entry("frequency", frequency)?;
                out.serialize_entry("interval", &interval.get())?;
            }
        }
        entry(&mut out, "time_zone", &self.time_zone)?;
        out.serialize_entry("from", &self.repeat_from)?;
        out.end()
    }
}

/// What is none is left out: of a lead time, that is the preference, and null is no reminder.
fn entry<M: SerializeMap, T: Serialize>(out: &mut M, name: &'static str, value: &Option<T>) -> Result<(), M::Error> {
    value.as_ref().map_or(Ok(()), |value| out.serialize_entry(name, value))
}

#[cfg(test)]
mod tests;
