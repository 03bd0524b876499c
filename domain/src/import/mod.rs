//! Tasks from elsewhere: what another program exported, or Tidings did, read into tasks to be, and these put where they are kept.
//!
//! Each format has a file that reads it; whether a task can be what it says is judged by the types of a task, and what cannot is a line that is
//! refused with its reason. Nothing is cut to fit. An entry has a [`Key`] that is made of what the file says of it, and its task an
//! id that is made of the key: a file that is imported again is found to be there.
//!
//! What a task of Tidings has no place for is left out: who wrote it and who shall do it, sub-tasks, durations, starts, second dates and alarms; of an
//! export of Tidings a running snooze, which task followed which, and the history.
//!
//! Pure, but for `importer`: moment and zone are given. What must not live here: HTTP, and rules of a task.

mod calendar;
mod importer;
mod tidings;
mod todo_txt;
mod todoist;

pub use importer::{Importer, Report};
pub use tidings::pieces;

use crate::command::NewTask;
use crate::error::Error;
use crate::id::{self, TaskId};
use crate::quick_add::on_a_day;
use crate::recurrence::{local, moment};
use crate::task::{TimeZone, names};
use crate::time::Timestamp;
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// A project of Todoist as CSV.
    Todoist,
    /// iCalendar (RFC 5545), of which the to-dos are read.
    Calendar,
    /// <https://github.com/todotxt/todo.txt>, with `due:`, `rec:` and `pri:` as its programs have them.
    TodoTxt,
    /// The JSON of `GET /api/account/export`, or a part of an import that [`pieces`] made.
    Tidings,
}

names!(Format, "a format", Todoist = "todoist", Calendar = "ics", TodoTxt = "todo.txt", Tidings = "tidings");

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Todoist => "a CSV export of Todoist",
            Self::Calendar => "an iCalendar file",
            Self::TodoTxt => "a todo.txt file",
            Self::Tidings => "a JSON export of Tidings",
        })
    }
}

/// What a file holds, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    pub items: Vec<Item>,
    pub refused: Vec<Refused>,
}

/// An entry of a file that can be a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where it begins: the line of the file, from 1; in JSON, its place among the tasks, from 1.
    pub line: usize,
    pub key: Key,
    /// The id that the file gives, where it is one that a task of Tidings may have: perhaps the user has that very task.
    pub origin: Option<TaskId>,
    pub task: NewTask,
    /// Set: completed, since then.
    pub completed_at: Option<Timestamp>,
    /// None: the file does not say when it was made.
    pub created_at: Option<Timestamp>,
}

/// An entry of a file that cannot be a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// As [`Item::line`].
    pub line: usize,
    /// In words for a person.
    pub reason: String,
}

/// By what an entry is known again, in whichever file it comes: its id, or else all that its line says, and which of the equal lines it is. It
/// says nothing of whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Key(Uuid);

impl Key {
    fn of(pieces: &[&[u8]]) -> Self {
        Self(id::derived(Timestamp::MIN, pieces))
    }

    /// Of an entry with an id that is good everywhere: the same in each format.
    fn of_id(id: TaskId) -> Self {
        Self::of(&[b"id", id.0.as_bytes()])
    }
}

impl FromStr for Key {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// Why nothing of a file can be read, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFile {
    #[error("there is nothing in this file: choose the one that was exported")]
    Empty,
    #[error("this is no text in UTF-8: export it again, or save it as text in UTF-8")]
    NoText,
    #[error(
        "this is neither {todoist} nor {ics}, {txt} or {tidings}: choose another file, or say that it is todo.txt where each line is a task",
        todoist = Format::Todoist, ics = Format::Calendar, txt = Format::TodoTxt, tidings = Format::Tidings
    )]
    Unknown,
    #[error("this should be {said} and is {found}: say so, or choose another file")]
    Other { said: Format, found: Format },
    #[error("this cannot be read as {said}: {why}")]
    Broken { said: Format, why: String },
}

/// Reads a file. Without a format, it is the one that the text shows. `zone` is that of times and days that name none, `now` the
/// moment from which "tomorrow" is counted, and that of a completion that has no date.
///
/// Time and memory grow with the text and no faster.
pub fn read(text: &str, format: Option<Format>, zone: TimeZone, now: Timestamp) -> Result<Import, BadFile> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(BadFile::Empty);
    }
    if text.contains('\0') {
        return Err(BadFile::NoText);
    }
    let shown = shown_format(text);
    let format = match (format, shown) {
        (None, None) => return Err(BadFile::Unknown),
        (None, Some(found)) => found,
        (Some(said), Some(found)) if said != found => return Err(BadFile::Other { said, found }),
        (Some(said), None) if is_markup(text) => {
            let why = "it is a web page, or other markup; choose the file that was exported".to_owned();
            return Err(BadFile::Broken { said, why });
        }
        (Some(said), _) => said,
    };
    let mut found = Found::new(zone, now);
    match format {
        Format::Todoist => todoist::read(text, &mut found),
        Format::Calendar => calendar::read(text, &mut found),
        Format::TodoTxt => todo_txt::read(text, &mut found),
        Format::Tidings => tidings::read(text, &mut found),
    }
    .map_err(|why| BadFile::Broken { said: format, why })?;
    found.import.refused.sort_by_key(|refused| refused.line);
    Ok(found.import)
}

/// What a text is by its own look; none where it may be anything.
fn shown_format(text: &str) -> Option<Format> {
    let begin = text.trim_start();
    if begin.strip_prefix('{').is_some_and(|inside| inside.trim_start().starts_with(['"', '}'])) {
        return Some(Format::Tidings);
    }
    if begin.get(..15).is_some_and(|begin| begin.eq_ignore_ascii_case("BEGIN:VCALENDAR")) {
        return Some(Format::Calendar);
    }
    if todoist::is_header(begin.lines().next().unwrap_or_default()) {
        return Some(Format::Todoist);
    }
    let lines = begin.lines().filter(|line| !line.trim().is_empty()).take(LOOKED_AT);
    (!is_markup(text) && lines.into_iter().any(todo_txt::is_one)).then_some(Format::TodoTxt)
}

/// As many lines are looked at for what only todo.txt has.
const LOOKED_AT: usize = 100;

/// A web page, such as that of a sign-in which was saved in place of the file.
fn is_markup(text: &str) -> bool {
    let inside = text.trim_start().strip_prefix('<');
    inside.is_some_and(|inside| inside.starts_with(|c: char| c == '!' || c == '?' || c.is_ascii_alphabetic()))
}

/// What was found so far, and what the readers of all formats need.
struct Found {
    zone: TimeZone,
    now: Timestamp,
    import: Import,
    /// How many entries had a key so far.
    seen: HashMap<Key, u64>,
}

impl Found {
    fn new(zone: TimeZone, now: Timestamp) -> Self {
        Self { zone, now, import: Import::default(), seen: HashMap::new() }
    }

    /// The key of an entry that has no id: of equal ones, each has its own.
    fn key(&mut self, pieces: &[&[u8]]) -> Key {
        let key = Key::of(pieces);
        let count = self.seen.entry(key).or_default();
        *count += 1;
        if *count == 1 { key } else { Key::of(&[b"again", key.0.as_bytes(), &count.to_be_bytes()]) }
    }

    fn add(&mut self, line: usize, entry: Result<Item, String>) {
        match entry {
            Ok(item) => self.import.items.push(item),
            Err(reason) => self.refuse(line, reason),
        }
    }

    fn refuse(&mut self, line: usize, reason: impl Into<String>) {
        self.import.refused.push(Refused { line, reason: reason.into() });
    }

    /// The moment at which something is due on a day, as quick add has it.
    fn due_on(&self, day: NaiveDate, zone: TimeZone) -> Result<Timestamp, String> {
        moment(on_a_day(day, local(self.now, zone)), zone)
            .ok_or_else(|| "the date is not between the years 1 and 9999".to_owned())
    }
}

/// A moment for one of many that share it: so much earlier the further down it stands. What is shown newest first is then in
/// the order of the file.
fn in_order(at: Timestamp, line: usize) -> Timestamp {
    let earlier = i64::try_from(line).unwrap_or(i64::MAX);
    Timestamp::from_millis(at.millis().saturating_sub(earlier)).unwrap_or(Timestamp::MIN)
}

/// Text of a file as it may stand in a reason.
fn shown(text: &str) -> String {
    let mut short: String = text.trim().chars().filter(|c| !c.is_control()).take(64).collect();
    if short.len() < text.trim().len() {
        short.push('…');
    }
    format!("“{short}”")
}

/// Every fault of an entry in one sentence.
fn reason(error: &Error) -> String {
    let Error::Invalid(faults) = error else { return error.to_string() };
    let told = faults.iter().map(|fault| format!("{}: {}", fault.path, fault.detail).trim_start_matches(": ").to_owned());
    told.collect::<Vec<_>>().join("; ")
}

/// What a type's own constructor says, in words.
fn said<T>(result: Result<T, impl fmt::Display>) -> Result<T, String> {
    result.map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests;
