//! Which tasks, in which order, from where on.

use crate::id::TaskId;
use crate::task::{Priority, Tag, Task, names};
use crate::time::Timestamp;

/// What a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Open,
    Completed,
    /// Open, with a due date before now.
    Overdue,
}

names!(Status, "status", Open = "open", Completed = "completed", Overdue = "overdue");

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    #[default]
    Created,
    Due,
    Priority,
    Title,
}

names!(SortBy, "sort", Created = "created", Due = "due", Priority = "priority", Title = "title");

/// In which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortOrder {
    Ascending,
    Descending,
}

names!(SortOrder, "order", Ascending = "asc", Descending = "desc");

/// The value that a task has in an order. `Due(None)` stands after every date, in both directions. Ties are broken by
/// the task's id, in the direction of the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortKey {
    Created(Timestamp),
    Due(Option<Timestamp>),
    Priority(Priority),
    /// Compared by its Unicode lower case (`str::to_lowercase`), code point by code point.
    Title(String),
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub key: SortKey,
    pub id: TaskId,
}

/// Every condition that is set must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskQuery {
    pub status: Option<Status>,
    pub priority: Option<Priority>,
    /// All of them.
    pub tags: Vec<Tag>,
    /// A substring of title or description; both sides are compared in Unicode lower case (`str::to_lowercase`).
    pub text: Option<String>,
    /// Exclusive.
    pub due_before: Option<Timestamp>,
    /// Inclusive.
    pub due_after: Option<Timestamp>,
    /// The moment that [`Status::Overdue`] is measured against.
    pub now: Timestamp,
    pub sort: SortBy,
    pub order: SortOrder,
    /// Tasks strictly behind this one.
    pub after: Option<Position>,
    /// 1 to 1,000.
    pub limit: u32,
}

impl TaskQuery {
    /// The first so many of all tasks, the newest first.
    pub fn everything(now: Timestamp, limit: u32) -> Self {
        Self {
            status: None,
            priority: None,
            tags: Vec::new(),
            text: None,
            due_before: None,
            due_after: None,
            now,
            sort: SortBy::Created,
            order: SortOrder::Descending,
            after: None,
            limit,
        }
    }
}

impl SortBy {
    /// The task's place in this order. A title's key is its Unicode lower case.
    pub fn position_of(self, task: &Task) -> Position {
        let key = match self {
            Self::Created => SortKey::Created(task.created_at),
            Self::Due => SortKey::Due(task.due_date),
            Self::Priority => SortKey::Priority(task.priority),
            Self::Title => SortKey::Title(task.title.as_str().to_lowercase()),
        };
        Position { key, id: task.id }
    }
}
