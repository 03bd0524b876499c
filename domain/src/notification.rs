//! Notices of a task, as they are given and as they are kept for their reader.

use crate::id::TaskId;
use crate::task::{Title, names};
use crate::time::Timestamp;
use serde::Serialize;
use uuid::Uuid;

/// Why a notice is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeKind {
    /// The lead time of the due date has come.
    Upcoming,
    /// The due date has passed.
    Overdue,
}

names!(NoticeKind, "a notice", Upcoming = "reminder.upcoming", Overdue = "reminder.overdue");

impl NoticeKind {
    /// Its name without the prefix, as the data of an event has it.
    pub fn short_name(self) -> &'static str {
        match self {
            Self::Upcoming => "upcoming",
            Self::Overdue => "overdue",
        }
    }
}

/// A notice that is given: what goes to the topic `reminders`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reminder {
    /// Made from task, kind and occurrence: the same however often it is given.
    pub id: Uuid,
    pub kind: NoticeKind,
    pub task_id: TaskId,
    pub title: Title,
    pub due_date: Timestamp,
    /// Where the task is to be seen, as a path.
    pub link: String,
}

/// A notice that waits for its reader. Its JSON is that of `/api/notifications`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notification {
    pub id: Uuid,
    pub kind: NoticeKind,
    pub task_id: TaskId,
    pub title: Title,
    pub due_date: Timestamp,
    pub link: String,
    pub read: bool,
    pub created_at: Timestamp,
}

/// Where a page of notifications ended. They come newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotificationPosition {
    pub created_at: Timestamp,
    pub id: Uuid,
}

/// Which notifications are marked as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    One(Uuid),
    All,
}
