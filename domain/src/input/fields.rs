//! The way through a JSON document: each field is taken by its name, and what was not taken is unknown.

use super::MOST_FAULTS;
use crate::error::{Error, Fault};
use serde_json::{Map, Value};
use std::fmt;

/// Where in a document. Made on the stack; it becomes text only where there is a fault.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Field(Path::Root, name) => f.write_str(&shortened(name)),
            Path::Field(at, name) => write!(f, "{at}.{}", shortened(name)),
            Path::Item(at, index) => write!(f, "{at}[{index}]"),
        }
    }
}

/// A name as a client sent it, of any length, as it may stand in an answer.
fn shortened(name: &str) -> String {
    let mut short: String = name.chars().take(64).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    short
}

/// What was found to be wrong.
#[derive(Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, path: Path<'_>, detail: impl Into<String>) {
        if self.0.len() < MOST_FAULTS {
            self.0.push(Fault::new(path.to_string(), detail));
        }
    }

    /// The value, where nothing was wrong.
    pub(super) fn or<T>(self, value: Option<T>) -> Result<T, Error> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Error::Invalid(self.0)),
        }
    }
}

/// A field's value: not there, null, or something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given<T> {
    Absent,
    Null,
    Some(T),
}

impl<T> Given<T> {
    /// Null is as good as absent.
    pub(super) fn value(self) -> Option<T> {
        if let Given::Some(value) = self { Some(value) } else { None }
    }

    /// None: leave it. Some(None): clear it.
    pub(super) fn change(self) -> Option<Option<T>> {
        match self {
            Given::Absent => None,
            Given::Null => Some(None),
            Given::Some(value) => Some(Some(value)),
        }
    }

    /// None: leave it. Null gives what the field is without a value.
    pub(super) fn change_or(self, cleared: T) -> Option<T> {
        match self {
            Given::Absent => None,
            Given::Null => Some(cleared),
            Given::Some(value) => Some(value),
        }
    }
}

/// Parses a body, and reads it.
pub(super) fn document<T>(body: &[u8], read: impl FnOnce(Value, Path<'_>, &mut Faults) -> Option<T>) -> Result<T, Error> {
    let value = serde_json::from_slice(body).map_err(|fault| Error::Malformed(fault.to_string()))?;
    let mut faults = Faults::default();
    let read = read(value, Path::Root, &mut faults);
    faults.or(read)
}

/// An object whose fields are being taken.
pub(super) struct Object<'a> {
    at: Path<'a>,
    fields: Map<String, Value>,
    faults: &'a mut Faults,
}

impl<'a> Object<'a> {
    /// None, and a fault, where the value is no object.
    pub(super) fn new(value: Value, at: Path<'a>, faults: &'a mut Faults) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(Self { at, fields, faults }),
            other => {
                faults.add(at, needed("an object", &other));
                None
            }
        }
    }

    /// Takes a field. Where it cannot be read, that is a fault and the field counts as absent.
    pub(super) fn take<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, String>) -> Given<T> {
        self.take_deep(name, |value, at, faults| read(value).map_err(|why| faults.add(at, why)).ok())
    }

    /// The same, for a value with an inside. None: the faults are told.
    pub(super) fn take_deep<T>(&mut self, name: &str, read: impl FnOnce(Value, Path<'_>, &mut Faults) -> Option<T>) -> Given<T> {
        match self.fields.remove(name) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(value) => read(value, Path::Field(&self.at, name), self.faults).map_or(Given::Absent, Given::Some),
        }
    }

    /// A field that must be there and not null.
    pub(super) fn require<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, String>) -> Option<T> {
        self.require_deep(name, |value, at, faults| read(value).map_err(|why| faults.add(at, why)).ok())
    }

    /// The same, for a value with an inside.
    pub(super) fn require_deep<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value, Path<'_>, &mut Faults) -> Option<T>,
    ) -> Option<T> {
        let there = self.has(name);
        match self.take_deep(name, read) {
            Given::Some(value) => Some(value),
            Given::Null => self.fault(name, "is needed and cannot be null"),
            Given::Absent if there => None,
            Given::Absent => self.fault(name, "is needed"),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Whether a field is there and not null.
    pub(super) fn gives(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|value| !value.is_null())
    }

    /// A fault at a field; none, for the convenience of callers.
    pub(super) fn fault<T>(&mut self, name: &str, detail: &str) -> Option<T> {
        self.faults.add(Path::Field(&self.at, name), detail);
        None
    }

    /// What was not taken is read-only, where `read_only` says so with a reason, or unknown.
    pub(super) fn end(self, read_only: &[(&str, &str)]) {
        for name in self.fields.keys() {
            let why = read_only.iter().find(|(field, _)| field == name).map_or("is no field of this", |(_, why)| why);
            self.faults.add(Path::Field(&self.at, name), why);
        }
    }
}

/// "… is needed, not a number".
pub(super) fn needed(what: &str, found: &Value) -> String {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number with a fraction or out of range",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    format!("{what} is needed, not {found}")
}

pub(super) fn string(value: Value) -> Result<String, String> {
    if let Value::String(text) = value { Ok(text) } else { Err(needed("a string", &value)) }
}

pub(super) fn boolean(value: Value) -> Result<bool, String> {
    if let Value::Bool(truth) = value { Ok(truth) } else { Err(needed("true or false", &value)) }
}

/// A whole number that fits.
pub(super) fn count(value: Value) -> Result<u32, String> {
    match value.as_u64().map(u32::try_from) {
        Some(Ok(number)) => Ok(number),
        None if !value.is_number() || value.is_f64() => Err(needed("a whole number", &value)),
        _ => Err("is out of range".to_owned()),
    }
}

/// Reads a string by a type's own constructor.
pub(super) fn text<T, E: fmt::Display>(parse: impl FnOnce(&str) -> Result<T, E>) -> impl FnOnce(Value) -> Result<T, String> {
    move |value| parse(&string(value)?).map_err(|why| why.to_string())
}

/// An array, item by item. A faulty item does not hide the next.
pub(super) fn items<T>(
    value: Value,
    at: Path<'_>,
    faults: &mut Faults,
    mut read: impl FnMut(Value, Path<'_>, &mut Faults) -> Option<T>,
) -> Option<Vec<T>> {
    let Value::Array(values) = value else {
        faults.add(at, needed("an array", &value));
        return None;
    };
    let length = values.len();
    let read: Vec<T> =
        values.into_iter().enumerate().filter_map(|(index, value)| read(value, Path::Item(&at, index), faults)).collect();
    (read.len() == length).then_some(read)
}
