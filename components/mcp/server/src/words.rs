//! What came of a call, in a few words for a model: what it needs to go on, ids and all. Titles are quoted: they are data.

use crate::arguments::shown;
use crate::context::Recent;
use domain::cursor::Page;
use domain::error::Error;
use domain::history::HistoryEntry;
use domain::notification::Notification;
use domain::task::{Task, TimeZone};
use std::fmt::Write as _;

/// One task, in one line.
pub fn task(task: &Task, zone: TimeZone) -> String {
    let mut line = format!("{} {}", if task.completed() { "[x]" } else { "[ ]" }, quoted(task.title.as_str()));
    if let Some(due) = task.due_date {
        _ = write!(line, ", due {}", shown(due, zone));
    }
    if let Some(recurrence) = &task.recurrence {
        _ = write!(line, ", repeats {}", recurrence.rrule.as_str());
    }
    if let Some(until) = task.snoozed_until {
        _ = write!(line, ", snoozed until {}", shown(until, zone));
    }
    _ = write!(line, ", priority {}", task.priority.name());
    for tag in task.tags.iter() {
        _ = write!(line, ", #{}", tag.as_str());
    }
    _ = write!(line, ", id {}", task.id);
    line
}

/// A page, a line an item.
pub fn page<T>(page: &Page<T>, what: &str, line: impl Fn(&T) -> String) -> String {
    if page.items.is_empty() {
        return format!("No {what}.");
    }
    let mut text = page.items.iter().map(line).collect::<Vec<_>>().join("\n");
    if let Some(cursor) = &page.next_cursor {
        _ = write!(text, "\nThere are more: ask again with the cursor {cursor}");
    }
    text
}

pub fn history(entry: &HistoryEntry, zone: TimeZone) -> String {
    let fields: Vec<&str> = entry.changed_fields.iter().map(|change| change.field.as_str()).collect();
    let (kind, actor) = (entry.kind.event_type(), entry.actor.kind.name());
    format!("{}: {kind} by {actor} through {} ({})", shown(entry.time, zone), entry.source.name(), fields.join(", "))
}

pub fn notification(notification: &Notification, zone: TimeZone) -> String {
    let read = if notification.read { "read" } else { "unread" };
    let (kind, title) = (notification.kind.name(), quoted(notification.title.as_str()));
    format!("{kind}, {read}: {title}, due {}, task {}", shown(notification.due_date, zone), notification.task_id)
}

pub fn recent(all: &[Recent], zone: TimeZone) -> String {
    let line = |recent: &Recent| {
        let title = recent.title.as_deref().map_or_else(|| "a task".to_owned(), quoted);
        let (time, kind) = (shown(recent.time, zone), &recent.event_type);
        format!("{time}: {kind} {title} ({}) through {}, id {}", recent.changed_fields.join(", "), recent.source, recent.task_id)
    };
    match all {
        [] => "No change within the last hour, or none is remembered.".to_owned(),
        all => all.iter().map(line).collect::<Vec<_>>().join("\n"),
    }
}

/// Why a call was refused, and so what to change.
pub fn refusal(error: &Error) -> String {
    match error {
        Error::NotFound => "There is no such task: it never was, or it is deleted. list_tasks gives ids.".to_owned(),
        Error::Invalid(faults) => {
            let fault = |fault: &domain::error::Fault| format!("{}: {}", fault.path, fault.detail);
            faults.iter().map(fault).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    domain::json::text(&text)
}
