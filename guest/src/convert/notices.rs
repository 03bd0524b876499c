//! Notices of a task, given and kept.

use super::super::bindings::ports::{ledger, types};
use super::{task_id, time, uuid};
use domain::notification::{Mark, Notification, NotificationPosition, Reminder};
use domain::task::{BadValue, Title};

impl TryFrom<types::Reminder> for Reminder {
    type Error = BadValue;

    fn try_from(value: types::Reminder) -> Result<Self, BadValue> {
        Ok(Self {
            id: uuid(&value.id)?,
            kind: value.kind.into(),
            task_id: task_id(&value.task_id)?,
            title: Title::new(&value.title)?,
            due_date: time(value.due_date)?,
            link: value.link,
        })
    }
}

impl From<Reminder> for types::Reminder {
    fn from(value: Reminder) -> Self {
        Self {
            id: value.id.to_string(),
            kind: value.kind.into(),
            task_id: value.task_id.to_string(),
            title: value.title.as_str().to_owned(),
            due_date: value.due_date.millis(),
            link: value.link,
        }
    }
}

impl TryFrom<types::Notification> for Notification {
    type Error = BadValue;

    fn try_from(value: types::Notification) -> Result<Self, BadValue> {
        Ok(Self {
            id: uuid(&value.id)?,
            kind: value.kind.into(),
            task_id: task_id(&value.task_id)?,
            title: Title::new(&value.title)?,
            due_date: time(value.due_date)?,
            link: value.link,
            read: value.read,
            created_at: time(value.created_at)?,
        })
    }
}

impl From<Notification> for types::Notification {
    fn from(value: Notification) -> Self {
        Self {
            id: value.id.to_string(),
            kind: value.kind.into(),
            task_id: value.task_id.to_string(),
            title: value.title.as_str().to_owned(),
            due_date: value.due_date.millis(),
            link: value.link,
            read: value.read,
            created_at: value.created_at.millis(),
        }
    }
}

impl TryFrom<ledger::NotificationPosition> for NotificationPosition {
    type Error = BadValue;

    fn try_from(value: ledger::NotificationPosition) -> Result<Self, BadValue> {
        Ok(Self { created_at: time(value.created_at)?, id: uuid(&value.id)? })
    }
}

impl From<NotificationPosition> for ledger::NotificationPosition {
    fn from(value: NotificationPosition) -> Self {
        Self { created_at: value.created_at.millis(), id: value.id.to_string() }
    }
}

impl TryFrom<ledger::Mark> for Mark {
    type Error = BadValue;

    fn try_from(value: ledger::Mark) -> Result<Self, BadValue> {
        Ok(match value {
            ledger::Mark::One(id) => Self::One(uuid(&id)?),
            ledger::Mark::All => Self::All,
        })
    }
}

impl From<Mark> for ledger::Mark {
    fn from(value: Mark) -> Self {
        match value {
            Mark::One(id) => Self::One(id.to_string()),
            Mark::All => Self::All,
        }
    }
}
