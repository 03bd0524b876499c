//! Query parameters. One that is unknown, wrong, or given twice is a fault that names it.

use super::fields::{Faults, Path};
use crate::cursor;
use crate::error::Error;
use crate::id::TaskId;
use crate::notification::NotificationPosition;
use crate::query::{SortBy, SortOrder, Status, TaskQuery};
use crate::series::Reach;
use crate::task::{Priority, Tag};
use crate::time::Timestamp;
use std::borrow::Cow;
use std::fmt::Display;

/// The longest page that a client can ask for.
const MOST_ITEMS: u32 = 200;
/// The longest `q`, in characters.
const LONGEST_TEXT: usize = 255;
/// As many `tag`s as a task can have.
const MOST_TAGS: usize = 10;

/// The parameters of one request, taken by name.
struct Params<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    faults: Faults,
}

impl<'a> Params<'a> {
    /// From the part of a URL behind `?`, as forms encode it.
    fn new(query: &'a str) -> Self {
        Self { pairs: form_urlencoded::parse(query.as_bytes()).collect(), faults: Faults::default() }
    }

    fn fault(&mut self, name: &str, why: impl Into<String>) {
        self.faults.add(Path::Field(&Path::Root, name), why);
    }

    /// Every value of a name.
    fn all<T, E: Display>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, E>) -> Vec<T> {
        let (found, rest) = std::mem::take(&mut self.pairs).into_iter().partition(|(given, _)| given == name);
        self.pairs = rest;
        let found: Vec<(Cow<'a, str>, Cow<'a, str>)> = found;
        let mut values = Vec::with_capacity(found.len());
        for (_, text) in found {
            match read(&text) {
                Ok(value) => values.push(value),
                Err(why) => self.fault(name, why.to_string()),
            }
        }
        values
    }

    /// The one value of a name, if it is given.
    fn one<T, E: Display>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        if self.pairs.iter().filter(|(given, _)| given == name).count() > 1 {
            self.fault(name, "is given once");
        }
        self.all(name, read).pop()
    }

    fn limit(&mut self, default: u32) -> u32 {
        let read = |text: &str| match text.parse() {
            Ok(limit @ 1..=MOST_ITEMS) => Ok(limit),
            _ => Err(format!("is a number from 1 to {MOST_ITEMS}")),
        };
        self.one("limit", read).unwrap_or(default)
    }

    /// What is left is unknown.
    fn end<T>(mut self, value: T) -> Result<T, Error> {
        for (name, _) in std::mem::take(&mut self.pairs) {
            self.fault(&name, "is no parameter of this");
        }
        self.faults.or(Some(value))
    }
}

/// The query of a request that takes none.
pub fn no_params(query: &str) -> Result<(), Error> {
    Params::new(query).end(())
}

/// The query of `GET /api/todos`. Newest first, unless another sort is asked for, which ascends.
pub fn list_params(query: &str, now: Timestamp) -> Result<TaskQuery, Error> {
    let mut params = Params::new(query);
    let status = params.one("status", Status::new);
    let priority = params.one("priority", Priority::new);
    let mut tags = params.all("tag", Tag::new);
    tags.sort();
    tags.dedup();
    if tags.len() > MOST_TAGS {
        params.fault("tag", format!("is given at most {MOST_TAGS} times"));
    }
    let text = params.one("q", |text| match text.chars().count() {
        0..=LONGEST_TEXT => Ok(text.to_owned()),
        _ => Err(format!("has at most {LONGEST_TEXT} characters")),
    });
    let due_before = params.one("due_before", Timestamp::parse);
    let due_after = params.one("due_after", Timestamp::parse);
    let sort = params.one("sort", SortBy::new).unwrap_or_default();
    let default_order = if sort == SortBy::Created { SortOrder::Descending } else { SortOrder::Ascending };
    let order = params.one("order", SortOrder::new).unwrap_or(default_order);
    let limit = params.limit(50);
    let text = text.filter(|text| !text.is_empty());
    let mut query = TaskQuery { status, priority, tags, text, due_before, due_after, now, sort, order, after: None, limit };
    query.after = params.one("cursor", |text| cursor::to_position(&query, text));
    params.end(query)
}

/// Which page of a task's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryParams {
    pub after: Option<u64>,
    pub limit: u32,
}

/// The query of `GET /api/todos/{id}/history`.
pub fn history_params(query: &str, task: TaskId) -> Result<HistoryParams, Error> {
    let mut params = Params::new(query);
    let limit = params.limit(20);
    let after = params.one("cursor", |text| cursor::to_sequence(task, text));
    params.end(HistoryParams { after, limit })
}

/// The query of `PUT`, `PATCH` and `DELETE /api/todos/{id}`.
pub fn reach(query: &str) -> Result<Reach, Error> {
    let mut params = Params::new(query);
    let reach = params.one("series", Reach::new);
    params.end(reach.unwrap_or_default())
}

/// Which page of the notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotificationParams {
    pub unread_only: bool,
    pub after: Option<NotificationPosition>,
    pub limit: u32,
}

/// The query of `GET /api/notifications`.
pub fn notification_params(query: &str) -> Result<NotificationParams, Error> {
    let mut params = Params::new(query);
    let read = |text: &str| text.parse::<bool>().map_err(|_| "is true or false");
    let unread_only = params.one("unread_only", read).unwrap_or_default();
    let limit = params.limit(50);
    let after = params.one("cursor", |text| cursor::to_notification(unread_only, text));
    params.end(NotificationParams { unread_only, after, limit })
}

/// How a file is imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportParams {
    /// None: it shows itself.
    pub format: Option<crate::import::Format>,
    /// Nothing is changed.
    pub dry_run: bool,
}

/// The query of `POST /api/import`.
pub fn import_params(query: &str) -> Result<ImportParams, Error> {
    let mut params = Params::new(query);
    let format = params.one("format", crate::import::Format::new);
    let dry_run = params.one("dry_run", |text: &str| text.parse::<bool>().map_err(|_| "is true or false"));
    params.end(ImportParams { format, dry_run: dry_run.unwrap_or_default() })
}

/// The form of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Json,
    Ics,
}

/// The query of `GET /api/account/export`.
pub fn export_format(query: &str) -> Result<Format, Error> {
    let mut params = Params::new(query);
    let format = params.one("format", |text| match text {
        "json" => Ok(Format::Json),
        "ics" => Ok(Format::Ics),
        _ => Err("is json or ics"),
    });
    params.end(format.unwrap_or_default())
}
