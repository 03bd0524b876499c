//! Which tasks a view shows, under which headings, and the address that says so.

use crate::Task;
use crate::days::Here;
use chrono::NaiveDate;
use domain::id::TaskId;
use domain::time::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

/// Where one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    #[default]
    All,
    Today,
    Upcoming,
    Completed,
    Tag(String),
    Statistics,
    Settings,
}

/// Of which kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    #[default]
    All,
    Open,
    Completed,
}

/// In which order, where the place has none of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    #[default]
    Newest,
    Due,
    Priority,
    Title,
}

/// A place, and what is looked for there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    pub place: Place,
    pub search: String,
    pub shown: Shown,
    pub sort: Sort,
}

impl Place {
    /// The places that the navigation names, tags aside.
    pub const LISTS: [Self; 4] = [Self::All, Self::Today, Self::Upcoming, Self::Completed];

    pub fn title(&self) -> String {
        match self {
            Self::All => "All tasks".to_owned(),
            Self::Today => "Today".to_owned(),
            Self::Upcoming => "Upcoming".to_owned(),
            Self::Completed => "Completed".to_owned(),
            Self::Tag(tag) => format!("#{tag}"),
            Self::Statistics => "Statistics".to_owned(),
            Self::Settings => "Settings".to_owned(),
        }
    }

    /// Whether it lists tasks.
    pub fn is_list(&self) -> bool {
        !matches!(self, Self::Statistics | Self::Settings)
    }

    /// Whether its kind and order can be chosen.
    pub fn is_free(&self) -> bool {
        matches!(self, Self::All | Self::Tag(_))
    }

    fn path(&self) -> String {
        match self {
            Self::All => "/".to_owned(),
            Self::Today => "/today".to_owned(),
            Self::Upcoming => "/upcoming".to_owned(),
            Self::Completed => "/completed".to_owned(),
            Self::Tag(tag) => format!("/tag/{}", utf8_percent_encode(tag, NON_ALPHANUMERIC)),
            Self::Statistics => "/statistics".to_owned(),
            Self::Settings => "/settings".to_owned(),
        }
    }

    fn of_path(path: &str) -> Self {
        match path.trim_end_matches('/') {
            "/today" => Self::Today,
            "/upcoming" => Self::Upcoming,
            "/completed" => Self::Completed,
            "/statistics" => Self::Statistics,
            "/settings" => Self::Settings,
            other => match other.strip_prefix("/tag/") {
                Some(tag) if !tag.is_empty() => Self::Tag(percent_decode_str(tag).decode_utf8_lossy().into_owned()),
                _ => Self::All,
            },
        }
    }

    /// Whether a task belongs here at all.
    fn holds(&self, task: &Task, tomorrow: Option<Timestamp>, now: Timestamp) -> bool {
        let due_before_tomorrow = task.due_date.is_some_and(|due| tomorrow.is_none_or(|tomorrow| due < tomorrow));
        match self {
            Self::All => true,
            Self::Today => !task.completed && due_before_tomorrow && !task.is_snoozed(now),
            Self::Upcoming => !task.completed && task.due_date.is_some() && !due_before_tomorrow,
            Self::Completed => task.completed,
            Self::Tag(tag) => task.tags.contains(tag),
            Self::Statistics | Self::Settings => false,
        }
    }
}

/// The names that an address and a choice have for each value.
macro_rules! named {
    ($type:ident, $($variant:ident = $name:literal, $label:literal);+) => {
        impl $type {
            /// All of them, each with its name in the address and its label.
            pub const ALL: &'static [(Self, &'static str, &'static str)] = &[$((Self::$variant, $name, $label)),+];

            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// Anything else is the default.
            pub fn of_name(name: &str) -> Self {
                match name { $($name => Self::$variant,)+ _ => Self::default() }
            }
        }
    };
}

named!(Shown, All = "all", "All"; Open = "open", "Open"; Completed = "completed", "Completed");
named!(Sort, Newest = "newest", "Newest first"; Due = "due", "Due date"; Priority = "priority", "Priority"; Title = "title", "Title");

/// The task that an address leads to, as a notice has it.
pub fn linked(query: &str) -> Option<TaskId> {
    let task = form_urlencoded::parse(query.trim_start_matches('?').as_bytes()).find(|(name, _)| name == "task");
    task?.1.parse().ok()
}

impl View {
    pub fn at(place: Place) -> Self {
        Self { place, ..Self::default() }
    }

    /// Its address: path and query.
    pub fn url(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !self.search.is_empty() {
            query.append_pair("q", &self.search);
        }
        if self.shown != Shown::default() {
            query.append_pair("status", self.shown.name());
        }
        if self.sort != Sort::default() {
            query.append_pair("sort", self.sort.name());
        }
        let (path, query) = (self.place.path(), query.finish());
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }

    /// From an address. What it does not know it leaves aside.
    pub fn of_url(path: &str, query: &str) -> Self {
        let mut view = Self::at(Place::of_path(path));
        for (name, value) in form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
            match &*name {
                "q" => view.search = value.into_owned(),
                "status" => view.shown = Shown::of_name(&value),
                "sort" => view.sort = Sort::of_name(&value),
                _ => {}
            }
        }
        view
    }

    /// What it shows, in order.
    pub fn rows(&self, tasks: &[Arc<Task>], here: Here) -> Vec<Row> {
        let tomorrow = here.start_of(here.in_days(1));
        let lower = here.lower;
        let wanted = lower(self.search.trim());
        let is_wanted = |task: &Task| {
            wanted.is_empty()
                || lower(&task.title).contains(&wanted)
                || task.description.as_deref().is_some_and(|text| lower(text).contains(&wanted))
                || wanted.strip_prefix('#').is_some_and(|tag| task.tags.iter().any(|has| lower(has) == tag))
        };
        let is_shown = |task: &Task| match self.shown {
            Shown::Open if self.place.is_free() => !task.completed,
            Shown::Completed if self.place.is_free() => task.completed,
            _ => true,
        };
        let is_here = |task: &Task| self.place.holds(task, tomorrow, here.now) && is_shown(task) && is_wanted(task);
        let mut found: Vec<Arc<Task>> = tasks.iter().filter(|task| is_here(task)).cloned().collect();
        found.sort_unstable_by(|one, other| self.order(one, other, lower));
        match self.place {
            Place::Today => with_headings(found, |task| {
                let is_overdue = task.due_date.is_some_and(|due| here.day_of(due) < here.today());
                if is_overdue { Group::Overdue } else { Group::Day(here.today()) }
            }),
            Place::Upcoming => {
                with_headings(found, |task| task.due_date.map_or(Group::Overdue, |due| Group::Day(here.day_of(due))))
            }
            _ => found.into_iter().map(Row::Task).collect(),
        }
    }

    /// Ties are broken by age, the newest first.
    fn order(&self, one: &Task, other: &Task, lower: fn(&str) -> String) -> Ordering {
        let newest = |task: &Task| Reverse((task.created_at, task.id));
        let due = |task: &Task| (task.due_date.is_none(), task.due_date);
        let of_place = match self.place {
            Place::Today | Place::Upcoming => due(one).cmp(&due(other)),
            Place::Completed => Reverse(one.completed_at).cmp(&Reverse(other.completed_at)),
            _ => one.completed.cmp(&other.completed).then_with(|| match self.sort {
                Sort::Newest => Ordering::Equal,
                Sort::Due => due(one).cmp(&due(other)),
                Sort::Priority => other.priority.cmp(&one.priority),
                Sort::Title => lower(&one.title).cmp(&lower(&other.title)),
            }),
        };
        of_place.then_with(|| newest(one).cmp(&newest(other)))
    }
}

/// What stands under one heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Overdue,
    Day(NaiveDate),
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    Heading(Group),
    Task(Arc<Task>),
}

/// What makes a line the same line after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowKey {
    Overdue,
    Day(NaiveDate),
    Task(TaskId),
}

impl Row {
    /// None: it is a heading.
    pub fn task(&self) -> Option<&Arc<Task>> {
        if let Self::Task(task) = self { Some(task) } else { None }
    }

    pub fn key(&self) -> RowKey {
        match self {
            Self::Heading(Group::Overdue) => RowKey::Overdue,
            Self::Heading(Group::Day(day)) => RowKey::Day(*day),
            Self::Task(task) => RowKey::Task(task.id),
        }
    }
}

fn with_headings(tasks: Vec<Arc<Task>>, group: impl Fn(&Task) -> Group) -> Vec<Row> {
    let (mut rows, mut last) = (Vec::with_capacity(tasks.len()), None);
    for task in tasks {
        let of = group(&task);
        if last.replace(of) != Some(of) {
            rows.push(Row::Heading(of));
        }
        rows.push(Row::Task(task));
    }
    rows
}

/// How many tasks each list of the navigation asks to be looked at.
pub fn counts(tasks: &[Arc<Task>], here: Here) -> Vec<usize> {
    let tomorrow = here.start_of(here.in_days(1));
    let open = |place: &Place| tasks.iter().filter(|task| !task.completed && place.holds(task, tomorrow, here.now)).count();
    Place::LISTS.iter().map(open).collect()
}

#[cfg(test)]
mod tests;
