//! Between the types of `wit/` and those of `domain`, in both directions.
//!
//! This folder is compiled twice, word for word: here on wit-bindgen's types, and in the host (`host/src/ports/mod.rs`)
//! on wasmtime's. Both generators give the same names, so the boundary is described once and cannot drift apart.

mod notices;
mod task;

use super::bindings::ports::{ledger, types};
use domain::change::{Actor, ActorKind, Change, ChangeKind, FieldChange, Source};
use domain::history::HistoryEntry;
use domain::id::TaskId;
use domain::notification::NoticeKind;
use domain::ports::{Failure, KeptAnswer};
use domain::preferences::{Preferences, Theme};
use domain::query::{Position, SortBy, SortKey, SortOrder, Status, TaskQuery};
use domain::task::{BadValue, Priority, ReminderMinutes, RepeatFrom, Tag, TimeZone};
use domain::time::Timestamp;
use uuid::Uuid;

/// Both directions of an enum whose variants have the same names on both sides.
macro_rules! same {
    ($wit:path, $domain:path: $($variant:ident),+) => {
        impl From<$wit> for $domain {
            fn from(value: $wit) -> Self {
                match value { $(<$wit>::$variant => Self::$variant),+ }
            }
        }
        impl From<$domain> for $wit {
            fn from(value: $domain) -> Self {
                match value { $(<$domain>::$variant => Self::$variant),+ }
            }
        }
    };
}

same!(types::Priority, Priority: Low, Medium, High);
same!(types::RepeatFrom, RepeatFrom: DueDate, Completion);
same!(types::ChangeKind, ChangeKind: Created, Updated, Completed, Reopened, Deleted, Restored);
same!(types::ActorKind, ActorKind: User, Token, Agent, System);
same!(types::Source, Source: Api, Mcp, Recurrence, Import);
same!(types::NoticeKind, NoticeKind: Upcoming, Overdue);
same!(types::Theme, Theme: System, Light, Dark);
same!(ledger::TaskStatus, Status: Open, Completed, Overdue);
same!(ledger::SortBy, SortBy: Created, Due, Priority, Title);
same!(ledger::SortOrder, SortOrder: Ascending, Descending);

fn time(millis: i64) -> Result<Timestamp, BadValue> {
    Timestamp::from_millis(millis).map_err(|bad| BadValue(bad.to_string()))
}

/// A moment as the ports write it, if there is one.
pub fn times(millis: Option<i64>) -> Result<Option<Timestamp>, BadValue> {
    millis.map(time).transpose()
}

/// An id as the ports write it.
pub fn uuid(text: &str) -> Result<Uuid, BadValue> {
    Uuid::try_parse(text).map_err(|_| BadValue("an id is a UUID".to_owned()))
}

/// A task's id as the ports write it.
pub fn task_id(text: &str) -> Result<TaskId, BadValue> {
    uuid(text).map(TaskId)
}

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        match failure {
            types::Failure::Conflict => Self::Conflict,
            types::Failure::Forbidden(scope) => Self::Forbidden(scope),
            types::Failure::Ended => Self::Ended,
            types::Failure::Invalid(why) => Self::Invalid(why),
            types::Failure::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Conflict => Self::Conflict,
            Failure::Forbidden(scope) => Self::Forbidden(scope),
            Failure::Ended => Self::Ended,
            Failure::Invalid(why) => Self::Invalid(why),
            Failure::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl TryFrom<types::FieldChange> for FieldChange {
    type Error = BadValue;

    fn try_from(value: types::FieldChange) -> Result<Self, BadValue> {
        let json = |text: &str| serde_json::from_str(text).map_err(|bad| BadValue(format!("not JSON: {bad}")));
        Ok(Self { old: json(&value.old)?, new: json(&value.new)?, field: value.field })
    }
}

impl From<FieldChange> for types::FieldChange {
    fn from(value: FieldChange) -> Self {
        Self { field: value.field, old: value.old.to_string(), new: value.new.to_string() }
    }
}

impl TryFrom<ledger::Change> for Change {
    type Error = BadValue;

    fn try_from(change: ledger::Change) -> Result<Self, BadValue> {
        Ok(Self {
            kind: change.kind.into(),
            task: change.task.try_into()?,
            base_version: change.base_version,
            changed_fields: change.changed_fields.into_iter().map(FieldChange::try_from).collect::<Result<_, _>>()?,
        })
    }
}

impl From<Change> for ledger::Change {
    fn from(change: Change) -> Self {
        Self {
            kind: change.kind.into(),
            task: change.task.into(),
            base_version: change.base_version,
            changed_fields: change.changed_fields.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<types::HistoryEntry> for HistoryEntry {
    type Error = BadValue;

    fn try_from(entry: types::HistoryEntry) -> Result<Self, BadValue> {
        Ok(Self {
            id: uuid(&entry.id)?,
            sequence: entry.sequence,
            task_id: task_id(&entry.task_id)?,
            kind: entry.kind.into(),
            time: time(entry.time)?,
            actor: Actor { kind: entry.actor.kind.into(), id: entry.actor.id },
            source: entry.source.into(),
            changed_fields: entry.changed_fields.into_iter().map(FieldChange::try_from).collect::<Result<_, _>>()?,
        })
    }
}

impl From<HistoryEntry> for types::HistoryEntry {
    fn from(entry: HistoryEntry) -> Self {
        Self {
            id: entry.id.to_string(),
            sequence: entry.sequence,
            task_id: entry.task_id.to_string(),
            kind: entry.kind.into(),
            time: entry.time.millis(),
            actor: types::Actor { kind: entry.actor.kind.into(), id: entry.actor.id },
            source: entry.source.into(),
            changed_fields: entry.changed_fields.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<types::Preferences> for Preferences {
    type Error = BadValue;

    fn try_from(value: types::Preferences) -> Result<Self, BadValue> {
        Ok(Self {
            time_zone: TimeZone::new(&value.time_zone)?,
            default_reminder_minutes: value.default_reminder_minutes.map(ReminderMinutes::new).transpose()?,
            theme: value.theme.into(),
        })
    }
}

impl From<Preferences> for types::Preferences {
    fn from(value: Preferences) -> Self {
        Self {
            time_zone: value.time_zone.name().to_owned(),
            default_reminder_minutes: value.default_reminder_minutes.map(ReminderMinutes::get),
            theme: value.theme.into(),
        }
    }
}

impl From<ledger::KeptAnswer> for KeptAnswer {
    fn from(answer: ledger::KeptAnswer) -> Self {
        Self { fingerprint: answer.fingerprint, status: answer.status, headers: answer.headers, body: answer.body }
    }
}

impl From<KeptAnswer> for ledger::KeptAnswer {
    fn from(answer: KeptAnswer) -> Self {
        Self { fingerprint: answer.fingerprint, status: answer.status, headers: answer.headers, body: answer.body }
    }
}

impl TryFrom<ledger::Position> for Position {
    type Error = BadValue;

    fn try_from(position: ledger::Position) -> Result<Self, BadValue> {
        let key = match position.key {
            ledger::SortKey::Created(at) => SortKey::Created(time(at)?),
            ledger::SortKey::Due(at) => SortKey::Due(times(at)?),
            ledger::SortKey::Priority(priority) => SortKey::Priority(priority.into()),
            ledger::SortKey::Title(title) => SortKey::Title(title),
        };
        Ok(Self { key, id: task_id(&position.id)? })
    }
}

impl From<&Position> for ledger::Position {
    fn from(position: &Position) -> Self {
        let key = match &position.key {
            SortKey::Created(at) => ledger::SortKey::Created(at.millis()),
            SortKey::Due(at) => ledger::SortKey::Due(at.map(Timestamp::millis)),
            SortKey::Priority(priority) => ledger::SortKey::Priority((*priority).into()),
            SortKey::Title(title) => ledger::SortKey::Title(title.clone()),
        };
        Self { key, id: position.id.to_string() }
    }
}

impl TryFrom<ledger::TaskQuery> for TaskQuery {
    type Error = BadValue;

    fn try_from(query: ledger::TaskQuery) -> Result<Self, BadValue> {
        Ok(Self {
            status: query.status.map(Into::into),
            priority: query.priority.map(Into::into),
            tags: query.tags.iter().map(|tag| Tag::new(tag)).collect::<Result<_, _>>()?,
            text: query.text,
            due_before: times(query.due_before)?,
            due_after: times(query.due_after)?,
            now: time(query.now)?,
            sort: query.sort.into(),
            order: query.order.into(),
            after: query.after.map(Position::try_from).transpose()?,
            limit: query.limit,
        })
    }
}

impl From<&TaskQuery> for ledger::TaskQuery {
    fn from(query: &TaskQuery) -> Self {
        Self {
            status: query.status.map(Into::into),
            priority: query.priority.map(Into::into),
            tags: query.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            text: query.text.clone(),
            due_before: query.due_before.map(Timestamp::millis),
            due_after: query.due_after.map(Timestamp::millis),
            now: query.now.millis(),
            sort: query.sort.into(),
            order: query.order.into(),
            after: query.after.as_ref().map(Into::into),
            limit: query.limit,
        }
    }
}
