//! What is kept of users: read, listed, and committed. It knows no rule of a todo list; what follows from a commit it is told by `domain`.
//!
//! What must not live here: WIT, HTTP, time of its own (callers pass `now`).

pub mod accounts;
mod commit;
mod effects;
pub mod erase;
mod list;
pub mod log;
mod read;
mod record;
mod rows;

pub use commit::commit;
pub use effects::catch_up;
pub use list::tasks;
pub use read::*;

use domain::change::{Actor, Change, Source};
use domain::id::{TaskId, UserId};
use domain::notification::{Mark, Notification, Reminder};
use domain::ports::KeptAnswer;
use domain::preferences::Preferences;
use domain::task::{Notices, Task};
use domain::time::Timestamp;

/// What a unit of work wrote, to be committed as one.
#[derive(Clone, Debug)]
pub struct ChangeSet {
    pub user: UserId,
    pub actor: Actor,
    pub source: Source,
    /// The time of its events.
    pub now: Timestamp,
    /// In order. Several may touch one task.
    pub changes: Vec<Change>,
    /// Tasks that were read and must still be so when this set begins (none: must still not exist).
    pub depends_on: Vec<(TaskId, Option<Seen>)>,
    /// Behind the changes.
    pub reminded: Vec<Reminded>,
    /// In order.
    pub notes: Vec<Note>,
    pub preferences: Option<Preferences>,
    pub kept_answer: Option<(String, KeptAnswer)>,
    /// Claims.
    pub once: Vec<String>,
}

impl ChangeSet {
    /// One that changes nothing yet.
    pub fn new(user: UserId, actor: Actor, source: Source, now: Timestamp) -> Self {
        Self {
            user,
            actor,
            source,
            now,
            changes: Vec::new(),
            depends_on: Vec::new(),
            reminded: Vec::new(),
            notes: Vec::new(),
            preferences: None,
            kept_answer: None,
            once: Vec::new(),
        }
    }
}

/// What of a task changes whenever anything of it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub version: u64,
    pub notices: Notices,
}

impl From<&Task> for Seen {
    fn from(task: &Task) -> Self {
        Self { version: task.version, notices: task.notices }
    }
}

/// Notices that were given of a task. It stands where the task is still as it was seen, and then leaves it with what is
/// left of them; nothing else of the task changes.
#[derive(Clone, Debug)]
pub struct Reminded {
    pub task: TaskId,
    pub seen: Seen,
    pub left: Notices,
    /// Each is an event.
    pub given: Vec<Reminder>,
}

/// What is done to a user's notifications.
#[derive(Clone, Debug)]
pub enum Note {
    /// Kept and announced. An id that the user has already makes the set a conflict.
    Keep(Notification),
    Read(Mark),
    /// Those of this task that nobody has read are removed, except those of the due date to keep.
    Withdraw {
        task: TaskId,
        keep: Option<Timestamp>,
    },
}

/// Stands between title and description in what is searched; neither can hold it.
const SEPARATOR: char = '\u{1f}';

/// What is searched: both texts in Unicode lower case.
fn fold(title: &str, description: Option<&str>) -> String {
    let mut folded = title.to_lowercase();
    folded.push(SEPARATOR);
    if let Some(description) = description {
        folded.push_str(&description.to_lowercase());
    }
    folded
}
