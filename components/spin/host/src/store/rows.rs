//! Rows and what they mean, both ways. A stored value that is no longer good is a fault, never a panic.

use super::{SEPARATOR, fold};
use crate::db::{Row, StoreError, Value, uuid};
use chrono::DateTime;
use domain::change::{Actor, ActorKind, ChangeKind, ReadChangedFields, Source};
use domain::history::HistoryEntry;
use domain::id::{TaskId, UserId};
use domain::json;
use domain::notification::{NoticeKind, Notification};
use domain::task::{
    Description, Notices, Place, Priority, Recurrence, ReminderMinutes, RepeatFrom, Rrule, Tag, Tags, Task, Template, TimeZone,
    Title,
};
use domain::time::Timestamp;
use serde::Deserialize;
use std::borrow::Cow;
use std::error::Error;
use std::fmt::Display;

/// What [`task`] reads, in its order; of the table `t`.
pub const TASK_COLUMNS: &str = "t.id, t.title, t.description, t.completed_at, t.priority, t.tags, t.due_date, t.rrule, \
     t.rrule_zone, t.repeat_from, t.reminder_minutes, t.snoozed_until, t.parent_task_id, t.series_id, t.created_at, \
     t.updated_at, t.deleted_at, t.version, t.occurrence, t.anchor, t.template, t.upcoming_at, t.overdue_at";
/// The column behind them.
pub const AFTER_TASK: usize = 23;

/// What [`history_entry`] reads, in its order.
pub const HISTORY_COLUMNS: &str = "id, sequence, task_id, kind, time, actor_kind, actor_id, source, changed_fields";

/// What [`notification`] reads, in its order.
pub const NOTIFICATION_COLUMNS: &str = "id, kind, task_id, title, due_date, link, read, created_at";

/// A task's row is inserted by this and its values, or takes the place of the one that there is.
pub const PUT_TASK: &str = "INSERT INTO task (number, id, user_id, title, description, completed, completed_at, priority, tags, due_date, \
     rrule, rrule_zone, repeat_from, reminder_minutes, snoozed_until, parent_task_id, series_id, created_at, updated_at, \
     deleted_at, version, title_key, search, occurrence, anchor, template, upcoming_at, overdue_at)";
pub const PUT_TASK_TAIL: &str = "ON CONFLICT (user_id, id) DO UPDATE SET title = excluded.title, description = excluded.description, \
     completed = excluded.completed, completed_at = excluded.completed_at, priority = excluded.priority, tags = excluded.tags, \
     due_date = excluded.due_date, rrule = excluded.rrule, rrule_zone = excluded.rrule_zone, repeat_from = excluded.repeat_from, \
     reminder_minutes = excluded.reminder_minutes, snoozed_until = excluded.snoozed_until, \
     parent_task_id = excluded.parent_task_id, series_id = excluded.series_id, created_at = excluded.created_at, \
     updated_at = excluded.updated_at, deleted_at = excluded.deleted_at, version = excluded.version, \
     title_key = excluded.title_key, search = excluded.search, occurrence = excluded.occurrence, anchor = excluded.anchor, \
     template = excluded.template, upcoming_at = excluded.upcoming_at, overdue_at = excluded.overdue_at";

/// The values of [`PUT_TASK`].
pub fn task_values(number: i64, user: &UserId, task: &Task) -> Vec<Value> {
    let recurrence = task.recurrence.as_ref();
    let place = task.place.as_ref();
    let search = fold(task.title.as_str(), task.description.as_ref().map(Description::as_str));
    let title_key = search.split(SEPARATOR).next().unwrap_or_default().to_owned();
    vec![
        number.into(),
        uuid(task.id.0),
        user.as_str().into(),
        task.title.as_str().into(),
        task.description.as_ref().map(Description::as_str).into(),
        i64::from(task.completed()).into(),
        millis(task.completed_at),
        priority_number(task.priority).into(),
        json::text(&task.tags).into(),
        millis(task.due_date),
        recurrence.map(|r| r.rrule.as_str()).into(),
        recurrence.map(|r| r.time_zone.name()).into(),
        recurrence.map(|r| r.repeat_from.name()).into(),
        task.reminder_minutes.map(|lead| i64::from(lead.get())).into(),
        millis(task.snoozed_until),
        task.parent_task_id.map_or(Value::Null, |id| uuid(id.0)),
        task.series_id.map_or(Value::Null, |id| uuid(id.0)),
        task.created_at.millis().into(),
        task.updated_at.millis().into(),
        millis(task.deleted_at),
        number_of(task.version).into(),
        title_key.into(),
        search.into(),
        place.map(|place| i64::from(place.number)).into(),
        place.map(|place| place.anchor.and_utc().timestamp_millis()).into(),
        place.and_then(|place| place.template.as_ref()).map(json::text).into(),
        millis(task.notices.upcoming),
        millis(task.notices.overdue),
    ]
}

/// As it stands in the database.
pub fn millis(at: Option<Timestamp>) -> Value {
    at.map(Timestamp::millis).into()
}

/// Low before high, as lists have them.
pub fn priority_number(priority: Priority) -> i64 {
    match priority {
        Priority::Low => 0,
        Priority::Medium => 1,
        Priority::High => 2,
    }
}

/// The integers of SQL are signed; a count that is larger never comes.
pub fn number_of(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

pub fn good<T, E: Display>(what: &str, value: Result<T, E>) -> Result<T, StoreError> {
    value.map_err(|why| StoreError::damaged(what, why))
}

fn maybe<A, T, E: Display>(what: &str, value: Option<A>, make: impl FnOnce(A) -> Result<T, E>) -> Result<Option<T>, StoreError> {
    value.map(|value| good(what, make(value))).transpose()
}

pub fn time(row: &Row, column: usize) -> Result<Timestamp, StoreError> {
    good("time", Timestamp::from_millis(row.integer(column)?))
}

pub fn maybe_time(row: &Row, column: usize) -> Result<Option<Timestamp>, StoreError> {
    maybe("time", row.maybe_integer(column)?, Timestamp::from_millis)
}

/// Small numbers are kept as large ones.
pub fn small<T: TryFrom<i64, Error: Display>>(row: &Row, column: usize) -> Result<T, StoreError> {
    good("number", T::try_from(row.integer(column)?))
}

pub fn maybe_small<T: TryFrom<i64, Error: Display>>(row: &Row, column: usize) -> Result<Option<T>, StoreError> {
    maybe("number", row.maybe_integer(column)?, T::try_from)
}

pub fn user(row: &Row, column: usize) -> Result<UserId, StoreError> {
    good("user id", row.text(column)?.parse())
}

pub fn task(row: &Row) -> Result<Task, StoreError> {
    let priority = match row.integer(4)? {
        0 => Priority::Low,
        1 => Priority::Medium,
        2 => Priority::High,
        other => return Err(StoreError::damaged("priority", other)),
    };
    let due_date = maybe_time(row, 6)?;
    let recurrence = recurrence(row)?;
    let place = place(row, due_date, recurrence.as_ref())?;
    Ok(Task {
        id: TaskId(row.uuid(0)?),
        title: good("title", Title::new(row.text(1)?))?,
        description: maybe("description", row.maybe_text(2)?, Description::new)?,
        completed_at: maybe_time(row, 3)?,
        priority,
        tags: tags(row.text(5)?)?,
        due_date,
        recurrence,
        reminder_minutes: maybe("lead time", maybe_small(row, 10)?, ReminderMinutes::new)?,
        snoozed_until: maybe_time(row, 11)?,
        parent_task_id: row.maybe_uuid(12)?.map(TaskId),
        series_id: row.maybe_uuid(13)?.map(TaskId),
        created_at: time(row, 14)?,
        updated_at: time(row, 15)?,
        deleted_at: maybe_time(row, 16)?,
        version: count(row.integer(17)?),
        place,
        notices: notices(row, 21)?,
    })
}

/// Of two columns.
pub fn notices(row: &Row, column: usize) -> Result<Notices, StoreError> {
    Ok(Notices { upcoming: maybe_time(row, column)?, overdue: maybe_time(row, column + 1)? })
}

/// A task from before there were anchors has its due date for one.
fn place(row: &Row, due: Option<Timestamp>, recurrence: Option<&Recurrence>) -> Result<Option<Place>, StoreError> {
    let Some(number) = maybe_small(row, 18)? else { return Ok(None) };
    let anchor = match (row.maybe_integer(19)?, due, recurrence) {
        (Some(millis), ..) => DateTime::from_timestamp_millis(millis).map(|at| at.naive_utc()),
        (None, Some(due), Some(rule)) => {
            DateTime::from_timestamp_millis(due.millis()).map(|at| at.with_timezone(&rule.time_zone.tz()).naive_local())
        }
        _ => None,
    };
    let anchor = anchor.ok_or_else(|| StoreError::damaged("anchor", "there is no such date"))?;
    Ok(Some(Place { number, anchor, template: maybe("template", row.maybe_text(20)?, template)?.map(Box::new) }))
}

/// From its JSON.
fn template(text: &str) -> Result<Template, Box<dyn Error>> {
    #[derive(Deserialize)]
    struct Kept<'a> {
        title: Cow<'a, str>,
        description: Option<String>,
        priority: Cow<'a, str>,
        tags: Vec<String>,
        reminder_minutes: Option<u32>,
    }
    let kept: Kept<'_> = serde_json::from_str(text)?;
    let tags: Vec<Tag> = kept.tags.iter().map(|name| Tag::new(name)).collect::<Result<_, _>>()?;
    Ok(Template {
        title: Title::new(&kept.title)?,
        description: kept.description.as_deref().map(Description::new).transpose()?,
        priority: Priority::new(&kept.priority)?,
        tags: Tags::new(tags)?,
        reminder_minutes: kept.reminder_minutes.map(ReminderMinutes::new).transpose()?,
    })
}

/// From their JSON.
pub fn tags(text: &str) -> Result<Tags, StoreError> {
    if text == "[]" {
        return Ok(Tags::default());
    }
    let names: Vec<String> = good("list of tags", serde_json::from_str(text))?;
    let tags: Result<Vec<Tag>, _> = names.iter().map(|name| Tag::new(name)).collect();
    good("list of tags", tags.and_then(Tags::new))
}

fn recurrence(row: &Row) -> Result<Option<Recurrence>, StoreError> {
    let Some(rrule) = row.maybe_text(7)? else { return Ok(None) };
    Ok(Some(Recurrence {
        rrule: good("rule", Rrule::new(rrule))?,
        time_zone: good("time zone", TimeZone::new(row.text(8)?))?,
        repeat_from: good("rule", RepeatFrom::new(row.text(9)?))?,
    }))
}

pub fn history_entry(row: &Row) -> Result<HistoryEntry, StoreError> {
    let ReadChangedFields(changed_fields) = good("history entry", serde_json::from_str(row.text(8)?))?;
    Ok(HistoryEntry {
        id: row.uuid(0)?,
        sequence: count(row.integer(1)?),
        task_id: TaskId(row.uuid(2)?),
        kind: good("kind of change", ChangeKind::new(row.text(3)?))?,
        time: time(row, 4)?,
        actor: Actor { kind: good("actor", ActorKind::new(row.text(5)?))?, id: row.text(6)?.to_owned() },
        source: good("source", Source::new(row.text(7)?))?,
        changed_fields,
    })
}

pub fn notification(row: &Row) -> Result<Notification, StoreError> {
    Ok(Notification {
        id: row.uuid(0)?,
        kind: good("kind of notice", NoticeKind::new(row.text(1)?))?,
        task_id: TaskId(row.uuid(2)?),
        title: good("title", Title::new(row.text(3)?))?,
        due_date: time(row, 4)?,
        link: row.text(5)?.to_owned(),
        read: row.truth(6)?,
        created_at: time(row, 7)?,
    })
}

/// The values of [`NOTIFICATION_COLUMNS`].
pub fn notification_values(notification: &Notification) -> Vec<Value> {
    vec![
        uuid(notification.id),
        notification.kind.name().into(),
        uuid(notification.task_id.0),
        notification.title.as_str().into(),
        notification.due_date.millis().into(),
        notification.link.as_str().into(),
        i64::from(notification.read).into(),
        notification.created_at.millis().into(),
    ]
}
