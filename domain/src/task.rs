//! A task, and the types of its fields. A value of one of these types is good; there is no way to make a bad one.

use crate::id::TaskId;
use crate::time::Timestamp;
use chrono::NaiveDateTime;
use serde::{Serialize, Serializer};
use std::fmt;

/// A task as it stands. Its JSON is the task of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub id: TaskId,
    pub title: Title,
    pub description: Option<Description>,
    /// Set: completed, since then.
    pub completed_at: Option<Timestamp>,
    pub priority: Priority,
    pub tags: Tags,
    pub due_date: Option<Timestamp>,
    pub recurrence: Option<Recurrence>,
    pub reminder_minutes: Option<ReminderMinutes>,
    pub snoozed_until: Option<Timestamp>,
    pub parent_task_id: Option<TaskId>,
    pub series_id: Option<TaskId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Set: deleted, and restorable for 30 days after.
    pub deleted_at: Option<Timestamp>,
    /// 1 after creation; each change adds 1.
    pub version: u64,
    /// Where it stands in its series; set while it has a recurrence. Not shown.
    pub place: Option<Place>,
    /// The notices that are still to be given of it. Not shown, and no part of a change: giving one leaves the version as it is.
    pub notices: Notices,
}

/// Where a task stands in its series: what its successor is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which date of the rule it is, from 1: what COUNT counts. Begins again when the rule or the date of all that follow is changed.
    pub number: u32,
    /// The rule's own local date and time of this occurrence: what the next is counted from, whatever the clocks or a
    /// change of this one occurrence did to its due date.
    pub anchor: NaiveDateTime,
    /// What the successor gets where this occurrence alone was changed; none: what this task has.
    pub template: Option<Box<Template>>,
}

/// What an occurrence hands on to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Template {
    pub title: Title,
    pub description: Option<Description>,
    pub priority: Priority,
    pub tags: Tags,
    pub reminder_minutes: Option<ReminderMinutes>,
}

/// When the notices of a task that is open are to be given; none: not, or given already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    pub upcoming: Option<Timestamp>,
    pub overdue: Option<Timestamp>,
}

impl Notices {
    /// The moment of the first of them.
    pub fn first(self) -> Option<Timestamp> {
        match (self.upcoming, self.overdue) {
            (Some(upcoming), Some(overdue)) => Some(upcoming.min(overdue)),
            (one, other) => one.or(other),
        }
    }
}

impl Task {
    /// Whether it is done.
    pub fn completed(&self) -> bool {
        self.completed_at.is_some()
    }

    /// When it is to be looked at for a notice: none while it is completed or deleted, though what is left to be given is kept.
    pub fn remind_at(&self) -> Option<Timestamp> {
        if self.completed() || self.deleted_at.is_some() { None } else { self.notices.first() }
    }
}

/// 1 to 255 characters after trimming; no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Title(String);

/// At most 2,000 characters; control characters other than line feed, carriage return and tab are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Description(String);

/// 1 to 50 characters after trimming; no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Tag(String);

/// Up to 10 different tags, in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Tags(Vec<Tag>);

/// 0 to 43,200 minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ReminderMinutes(u32);

/// How urgent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    Low,
    #[default]
    Medium,
    High,
}

/// A rule of repetition with the zone in which its days are days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recurrence {
    pub rrule: Rrule,
    pub time_zone: TimeZone,
    #[serde(rename = "from")]
    pub repeat_from: RepeatFrom,
}

/// Where the next occurrence is counted from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepeatFrom {
    #[default]
    DueDate,
    Completion,
}

/// An IANA time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeZone(chrono_tz::Tz);

/// The value of an RFC 5545 RRULE that Tidings takes: FREQ from DAILY to YEARLY, at most 500 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Rrule(String);

/// Why a value cannot be what it should be, in words for the person who sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadValue(pub String);

fn bad<T>(why: impl Into<String>) -> Result<T, BadValue> {
    Err(BadValue(why.into()))
}

/// The trimmed text, where its length in characters is within the bounds and it has no control characters.
fn line(what: &str, text: &str, longest: usize) -> Result<String, BadValue> {
    let text = text.trim();
    let length = text.chars().count();
    if length == 0 || length > longest {
        return bad(format!("{what} has 1 to {longest} characters, not {length}"));
    }
    if text.chars().any(char::is_control) {
        return bad(format!("{what} has no control characters"));
    }
    Ok(text.to_owned())
}

impl Title {
    /// Trims and checks.
    pub fn new(text: &str) -> Result<Self, BadValue> {
        line("a title", text, 255).map(Self)
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Description {
    /// Checks; nothing is trimmed.
    pub fn new(text: &str) -> Result<Self, BadValue> {
        let length = text.chars().count();
        if length > 2_000 {
            return bad(format!("a description has at most 2,000 characters, not {length}"));
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return bad("a description has no control characters but line breaks and tabs");
        }
        Ok(Self(text.to_owned()))
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tag {
    /// Trims and checks.
    pub fn new(text: &str) -> Result<Self, BadValue> {
        line("a tag", text, 50).map(Self)
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tags {
    /// Keeps the first of equal tags.
    pub fn new(tags: impl IntoIterator<Item = Tag>) -> Result<Self, BadValue> {
        let mut kept: Vec<Tag> = Vec::new();
        for tag in tags {
            if !kept.contains(&tag) {
                kept.push(tag);
            }
        }
        if kept.len() > 10 {
            return bad(format!("a task has at most 10 tags, not {}", kept.len()));
        }
        Ok(Self(kept))
    }
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter()
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl ReminderMinutes {
    pub fn new(minutes: u32) -> Result<Self, BadValue> {
        if minutes > 43_200 {
            return bad(format!("reminder_minutes is 0 to 43200, not {minutes}"));
        }
        Ok(Self(minutes))
    }
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TimeZone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(chrono_tz::UTC);

    pub fn new(name: &str) -> Result<Self, BadValue> {
        match name.parse() {
            Ok(zone) => Ok(Self(zone)),
            Err(_) => bad("a time zone is an IANA name, such as Europe/Berlin"),
        }
    }
    pub fn name(self) -> &'static str {
        self.0.name()
    }
    pub fn tz(self) -> chrono_tz::Tz {
        self.0
    }
}

impl Rrule {
    /// Checks the syntax of each part and that the rule is bounded in cost. Kept in capitals.
    pub fn new(text: &str) -> Result<Self, BadValue> {
        crate::recurrence::check_rrule(text).map(Self)
    }
    /// A rule of our own making.
    pub(crate) fn trusted(rule: String) -> Self {
        Self(rule)
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text names for an enum, used in JSON, in queries and in stores.
macro_rules! names {
    ($type:ident, $what:literal, $($variant:ident = $name:literal),+) => {
        impl $type {
            /// Its name in JSON.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
            /// From its name in JSON.
            pub fn new(name: &str) -> Result<Self, $crate::task::BadValue> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err($crate::task::BadValue(format!("{} is one of {}", $what, [$($name),+].join(", ")))),
                }
            }
        }
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}
pub(crate) use names;

names!(Priority, "a priority", Low = "low", Medium = "medium", High = "high");
names!(RepeatFrom, "from", DueDate = "due_date", Completion = "completion");

impl Serialize for TimeZone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Task {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut out = serializer.serialize_struct("Task", 16)?;
        out.serialize_field("id", &self.id)?;
        out.serialize_field("title", &self.title)?;
        out.serialize_field("description", &self.description)?;
        out.serialize_field("completed", &self.completed())?;
        out.serialize_field("completed_at", &self.completed_at)?;
        out.serialize_field("priority", &self.priority)?;
        out.serialize_field("tags", &self.tags)?;
        out.serialize_field("due_date", &self.due_date)?;
        out.serialize_field("recurrence", &self.recurrence)?;
        out.serialize_field("reminder_minutes", &self.reminder_minutes)?;
        out.serialize_field("snoozed_until", &self.snoozed_until)?;
        out.serialize_field("parent_task_id", &self.parent_task_id)?;
        out.serialize_field("series_id", &self.series_id)?;
        out.serialize_field("created_at", &self.created_at)?;
        out.serialize_field("updated_at", &self.updated_at)?;
        out.serialize_field("version", &self.version)?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_are_counted_in_characters_after_trimming() {
        assert_eq!(Title::new(&format!(" {} ", "ü".repeat(255))).unwrap().as_str().chars().count(), 255);
        assert!(Title::new(&"ü".repeat(256)).is_err());
        assert!(Title::new(" \t ").is_err());
        assert!(Title::new("a\nb").is_err());
        assert!(Tag::new(&"x".repeat(51)).is_err());
        assert!(Description::new("a\tb\r\nc").is_ok());
        assert!(Description::new("a\u{0}").is_err());
        assert!(Description::new(&"ü".repeat(2_001)).is_err());
        assert!(ReminderMinutes::new(43_200).is_ok() && ReminderMinutes::new(43_201).is_err());
        let tags = |count: usize| Tags::new((0..count).map(|n| Tag::new(&format!("t{n}")).unwrap()));
        assert!(tags(10).is_ok() && tags(11).is_err());
    }

    proptest! {
        #[test]
        fn a_title_is_what_it_says(text in "(?s).{0,300}") {
            if let Ok(title) = Title::new(&text) {
                prop_assert_eq!(title.as_str(), text.trim());
                prop_assert!((1..=255).contains(&title.as_str().chars().count()));
                prop_assert!(!title.as_str().chars().any(char::is_control));
                prop_assert_eq!(Title::new(title.as_str()), Ok(title.clone()));
            } else {
                let length = text.trim().chars().count();
                prop_assert!(length == 0 || length > 255 || text.trim().chars().any(char::is_control));
            }
        }
    }
}
