//! A tool's arguments, read as HTTP reads a body or a query: under the same names, with the same faults.

use domain::error::Error;
use domain::id::TaskId;
use domain::input;
use domain::recurrence::local;
use domain::task::TimeZone;
use domain::time::Timestamp;
use domain::{quick_add, task::Title};
use form_urlencoded::Serializer;
use serde_json::{Map, Value, json};

/// The arguments of one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments(Map<String, Value>);

impl Arguments {
    /// None where they are no object.
    pub fn new(value: Option<Value>) -> Option<Self> {
        match value {
            None => Some(Self::default()),
            Some(Value::Object(fields)) => Some(Self(fields)),
            Some(_) => None,
        }
    }

    /// Takes the id of a task.
    pub fn id(&mut self) -> Result<TaskId, Error> {
        match self.0.remove("id") {
            Some(Value::String(id)) => id.parse().map_err(|_| Error::NotFound),
            Some(_) => Err(Error::invalid("id", "is a string: the id of a task, as list_tasks gives it")),
            None => Err(Error::invalid("id", "is needed: the id of a task, as list_tasks gives it")),
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes one away.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// Puts one there that was left out.
    pub fn or(&mut self, name: &str, value: Value) {
        self.0.entry(name).or_insert(value);
    }

    /// As the body of a request.
    pub fn body(self) -> Vec<u8> {
        Value::Object(self.0).to_string().into_bytes()
    }

    /// As the query of a request. An array is its items, one after the other; null is as good as left out.
    pub fn query(self) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in self.0 {
            match value {
                Value::Null => {}
                Value::String(text) => _ = query.append_pair(&name, &text),
                Value::Array(items) => items.into_iter().for_each(|item| match item {
                    Value::String(text) => _ = query.append_pair(&name, &text),
                    other => _ = query.append_pair(&name, &other.to_string()),
                }),
                other => _ = query.append_pair(&name, &other.to_string()),
            }
        }
        query.finish()
    }

    /// Puts in the place of `text`, a sentence, what it says. What is given beside it goes before.
    pub fn understand(&mut self, now: Timestamp, zone: TimeZone) -> Result<(), Error> {
        let text = match self.0.remove("text") {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::String(text)) => text,
            Some(_) => {
                return Err(Error::invalid("text", "is a string: a sentence such as \"Water plants tomorrow 18:00 #home\""));
            }
        };
        let said = quick_add::read(&text, now, zone);
        if Title::new(&said.title).is_err() && !self.has("title") {
            return Err(Error::invalid("text", "has no title beside what it says of time, tags and priority, or too long a one"));
        }
        self.or("title", json!(said.title));
        if let Some(due) = said.due {
            self.or("due_date", json!(due));
        }
        if let Some(rule) = said.rule {
            self.or("recurrence", json!({"rrule": rule, "time_zone": zone}));
        }
        if said.tags.iter().next().is_some() {
            self.or("tags", json!(said.tags));
        }
        if let Some(priority) = said.priority {
            self.or("priority", json!(priority));
        }
        Ok(())
    }

    /// Whatever is left is unknown.
    pub fn end(self) -> Result<(), Error> {
        input::no_params(&self.query())
    }
}

/// A moment as the clocks of a zone show it.
pub fn shown(at: Timestamp, zone: TimeZone) -> String {
    format!("{} ({})", local(at, zone).format("%a %-d %b %Y, %H:%M"), zone.name())
}
