//! Rows and what they mean, both ways. A stored value that is no longer good is a fault, never a panic.

use super::bulk::{Insert, Values};
use super::{DbRow, damaged};
use crate::store::text;
use crate::store::{Account, AgendaPosition, ApiToken, DueTask, LoggedEvent, SignIn, StoreError};
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
use serde_json::value::RawValue;
use sqlx::Row;
use std::borrow::Cow;
use std::error::Error;
use std::fmt::Display;
use std::sync::Arc;
use uuid::Uuid;

/// What [`task`] reads, in its order; of the table `t`.
pub const TASK_COLUMNS: &str = "t.id, t.title, t.description, t.completed_at, t.priority, t.tags, t.due_date, t.rrule, \
     t.rrule_zone, t.repeat_from, t.reminder_minutes, t.snoozed_until, t.parent_task_id, t.series_id, t.created_at, \
     t.updated_at, t.deleted_at, t.version, t.occurrence, t.anchor, t.template, t.upcoming_at, t.overdue_at";
/// The column behind them.
pub const AFTER_TASK: usize = 23;

/// What [`logged_event`] reads, in its order.
pub const EVENT_COLUMNS: &str = "position, topic, user_id, sequence, id, kind, time, body, headers";

/// What [`history_entry`] reads, in its order.
pub const HISTORY_COLUMNS: &str = "id, sequence, task_id, kind, time, actor_kind, actor_id, source, changed_fields";

/// A task's row as it is written: the task, its row number, and its folded text.
pub struct TaskRow<'a> {
    pub number: i64,
    pub user: &'a UserId,
    pub task: &'a Task,
    pub search: &'a str,
}

pub const PUT_TASK: Insert = Insert {
    head: "INSERT INTO task (number, id, user_id, title, description, completed, completed_at, priority, tags, due_date, \
           rrule, rrule_zone, repeat_from, reminder_minutes, snoozed_until, parent_task_id, series_id, created_at, \
           updated_at, deleted_at, version, title_key, search, occurrence, anchor, template, upcoming_at, overdue_at)",
    columns: 28,
    tail: "ON CONFLICT (user_id, id) DO UPDATE SET title = excluded.title, description = excluded.description, \
           completed = excluded.completed, completed_at = excluded.completed_at, priority = excluded.priority, \
           tags = excluded.tags, due_date = excluded.due_date, rrule = excluded.rrule, rrule_zone = excluded.rrule_zone, \
           repeat_from = excluded.repeat_from, reminder_minutes = excluded.reminder_minutes, \
           snoozed_until = excluded.snoozed_until, parent_task_id = excluded.parent_task_id, \
           series_id = excluded.series_id, created_at = excluded.created_at, updated_at = excluded.updated_at, \
           deleted_at = excluded.deleted_at, version = excluded.version, title_key = excluded.title_key, \
           search = excluded.search, occurrence = excluded.occurrence, anchor = excluded.anchor, \
           template = excluded.template, upcoming_at = excluded.upcoming_at, overdue_at = excluded.overdue_at",
};

/// Binds one row of [`PUT_TASK`].
pub fn bind_task(row: &TaskRow<'_>, values: Values) -> Values {
    let task = row.task;
    let recurrence = task.recurrence.as_ref();
    let title_key = row.search.split(text::SEPARATOR).next().unwrap_or_default();
    values
        .add(row.number)
        .add(task.id.0)
        .add(row.user.as_str())
        .add(task.title.as_str())
        .add(task.description.as_ref().map(Description::as_str))
        .add(task.completed())
        .add(task.completed_at.map(Timestamp::millis))
        .add(priority_number(task.priority))
        .add(json::text(&task.tags))
        .add(task.due_date.map(Timestamp::millis))
        .add(recurrence.map(|r| r.rrule.as_str()))
        .add(recurrence.map(|r| r.time_zone.name()))
        .add(recurrence.map(|r| r.repeat_from.name()))
        .add(task.reminder_minutes.map(|lead| i64::from(lead.get())))
        .add(task.snoozed_until.map(Timestamp::millis))
        .add(task.parent_task_id.map(|id| id.0))
        .add(task.series_id.map(|id| id.0))
        .add(task.created_at.millis())
        .add(task.updated_at.millis())
        .add(task.deleted_at.map(Timestamp::millis))
        .add(number(task.version))
        .add(title_key)
        .add(row.search)
        .add(task.place.as_ref().map(|place| i64::from(place.number)))
        .add(task.place.as_ref().map(|place| place.anchor.and_utc().timestamp_millis()))
        .add(task.place.as_ref().and_then(|place| place.template.as_ref()).map(json::text))
        .add(task.notices.upcoming.map(Timestamp::millis))
        .add(task.notices.overdue.map(Timestamp::millis))
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
pub fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn good<T, E: Display>(what: &str, value: Result<T, E>) -> Result<T, StoreError> {
    value.map_err(|why| damaged(what, why))
}

fn maybe<A, T, E: Display>(what: &str, value: Option<A>, make: impl FnOnce(A) -> Result<T, E>) -> Result<Option<T>, StoreError> {
    value.map(|value| good(what, make(value))).transpose()
}

pub fn time(row: &DbRow, column: usize) -> Result<Timestamp, StoreError> {
    good("time", Timestamp::from_millis(row.try_get(column)?))
}

fn maybe_time(row: &DbRow, column: usize) -> Result<Option<Timestamp>, StoreError> {
    maybe("time", row.try_get::<Option<i64>, _>(column)?, Timestamp::from_millis)
}

/// Small numbers are kept as large ones.
pub fn small<T: TryFrom<i64, Error: Display>>(what: &str, number: i64) -> Result<T, StoreError> {
    good(what, T::try_from(number))
}

pub fn maybe_small<T: TryFrom<i64, Error: Display>>(row: &DbRow, column: usize) -> Result<Option<T>, StoreError> {
    row.try_get::<Option<i64>, _>(column)?.map(|number| small("number", number)).transpose()
}

fn maybe_task_id(row: &DbRow, column: usize) -> Result<Option<TaskId>, StoreError> {
    Ok(row.try_get::<Option<Uuid>, _>(column)?.map(TaskId))
}

fn user(row: &DbRow, column: usize) -> Result<UserId, StoreError> {
    good("user id", row.try_get::<&str, _>(column)?.parse())
}

pub fn task(row: &DbRow) -> Result<Task, StoreError> {
    let priority = match row.try_get::<i64, _>(4)? {
        0 => Priority::Low,
        1 => Priority::Medium,
        2 => Priority::High,
        other => return Err(damaged("priority", other)),
    };
    let due_date = maybe_time(row, 6)?;
    let recurrence = recurrence(row.try_get(7)?, row.try_get(8)?, row.try_get(9)?)?;
    let place = place(row, due_date, recurrence.as_ref())?;
    Ok(Task {
        id: TaskId(row.try_get(0)?),
        title: good("title", Title::new(row.try_get(1)?))?,
        description: maybe("description", row.try_get(2)?, Description::new)?,
        completed_at: maybe_time(row, 3)?,
        priority,
        tags: tags(row.try_get(5)?)?,
        due_date,
        recurrence,
        reminder_minutes: maybe("lead time", maybe_small(row, 10)?, ReminderMinutes::new)?,
        snoozed_until: maybe_time(row, 11)?,
        parent_task_id: maybe_task_id(row, 12)?,
        series_id: maybe_task_id(row, 13)?,
        created_at: time(row, 14)?,
        updated_at: time(row, 15)?,
        deleted_at: maybe_time(row, 16)?,
        version: count(row.try_get(17)?),
        place,
        notices: notices(row, 21)?,
    })
}

/// Of two columns.
pub fn notices(row: &DbRow, column: usize) -> Result<Notices, StoreError> {
    Ok(Notices { upcoming: maybe_time(row, column)?, overdue: maybe_time(row, column + 1)? })
}

/// A task from before there were anchors has its due date for one.
fn place(row: &DbRow, due: Option<Timestamp>, recurrence: Option<&Recurrence>) -> Result<Option<Place>, StoreError> {
    let Some(number) = maybe_small(row, 18)? else { return Ok(None) };
    let anchor = match (row.try_get::<Option<i64>, _>(19)?, due, recurrence) {
        (Some(millis), ..) => DateTime::from_timestamp_millis(millis).map(|at| at.naive_utc()),
        (None, Some(due), Some(rule)) => {
            DateTime::from_timestamp_millis(due.millis()).map(|at| at.with_timezone(&rule.time_zone.tz()).naive_local())
        }
        _ => None,
    };
    let anchor = anchor.ok_or_else(|| damaged("anchor", "there is no such date"))?;
    Ok(Some(Place { number, anchor, template: maybe("template", row.try_get(20)?, template)?.map(Box::new) }))
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

/// Of the columns behind [`TASK_COLUMNS`] on the agenda: user, moment, number.
pub fn due_task(row: &DbRow) -> Result<DueTask, StoreError> {
    let position = AgendaPosition { at: time(row, AFTER_TASK + 1)?, number: row.try_get(AFTER_TASK + 2)? };
    Ok(DueTask { user: user(row, AFTER_TASK)?, task: task(row)?, position })
}

/// What [`notification`] reads, in its order.
pub const NOTIFICATION_COLUMNS: &str = "id, kind, task_id, title, due_date, link, read, created_at";

pub fn notification(row: &DbRow) -> Result<Notification, StoreError> {
    Ok(Notification {
        id: row.try_get(0)?,
        kind: good("kind of notice", NoticeKind::new(row.try_get(1)?))?,
        task_id: TaskId(row.try_get(2)?),
        title: good("title", Title::new(row.try_get(3)?))?,
        due_date: time(row, 4)?,
        link: row.try_get(5)?,
        read: row.try_get(6)?,
        created_at: time(row, 7)?,
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

fn recurrence(rrule: Option<&str>, zone: Option<&str>, from: Option<&str>) -> Result<Option<Recurrence>, StoreError> {
    let Some(rrule) = rrule else { return Ok(None) };
    Ok(Some(Recurrence {
        rrule: good("rule", Rrule::new(rrule))?,
        time_zone: good("time zone", TimeZone::new(zone.unwrap_or_default()))?,
        repeat_from: good("rule", RepeatFrom::new(from.unwrap_or_default()))?,
    }))
}

pub fn history_entry(row: &DbRow) -> Result<HistoryEntry, StoreError> {
    let ReadChangedFields(changed_fields) = good("history entry", serde_json::from_str(row.try_get(8)?))?;
    Ok(HistoryEntry {
        id: row.try_get(0)?,
        sequence: count(row.try_get(1)?),
        task_id: TaskId(row.try_get(2)?),
        kind: good("kind of change", ChangeKind::new(row.try_get(3)?))?,
        time: time(row, 4)?,
        actor: Actor { kind: good("actor", ActorKind::new(row.try_get(5)?))?, id: row.try_get(6)? },
        source: good("source", Source::new(row.try_get(7)?))?,
        changed_fields,
    })
}

pub fn logged_event(row: &DbRow) -> Result<LoggedEvent, StoreError> {
    let raw = |text: &str| serde_json::from_str::<Box<RawValue>>(text).map(Arc::from);
    Ok(LoggedEvent {
        position: row.try_get(0)?,
        topic: row.try_get(1)?,
        user: user(row, 2)?,
        sequence: row.try_get::<Option<i64>, _>(3)?.map(count),
        id: row.try_get(4)?,
        kind: row.try_get(5)?,
        time: time(row, 6)?,
        body: good("event", raw(row.try_get(7)?))?,
        headers: maybe("headers", row.try_get(8)?, raw)?,
    })
}

/// Of `id, email, name, password_hash, created_at`.
pub fn account(row: &DbRow) -> Result<Account, StoreError> {
    Ok(Account {
        id: user(row, 0)?,
        email: row.try_get(1)?,
        name: row.try_get(2)?,
        password_hash: row.try_get(3)?,
        created_at: time(row, 4)?,
    })
}

/// Of `id, user_id, created_at, expires_at`.
pub fn sign_in(row: &DbRow) -> Result<SignIn, StoreError> {
    Ok(SignIn { id: row.try_get(0)?, user: user(row, 1)?, created_at: time(row, 2)?, expires_at: time(row, 3)? })
}

/// Of `id, user_id, name, scopes, hash, created_at, expires_at, last_used_at`.
pub fn api_token(row: &DbRow) -> Result<ApiToken, StoreError> {
    Ok(ApiToken {
        id: row.try_get(0)?,
        user: user(row, 1)?,
        name: row.try_get(2)?,
        scopes: good("list of scopes", serde_json::from_str(row.try_get(3)?))?,
        hash: good("token hash", <[u8; 32]>::try_from(row.try_get::<&[u8], _>(4)?))?,
        created_at: time(row, 5)?,
        expires_at: maybe_time(row, 6)?,
        last_used_at: maybe_time(row, 7)?,
    })
}
