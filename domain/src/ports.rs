//! The world as the rules see it: two traits and a clock. The guest implements them on WIT handles, the host on its
//! stores, the tests on a fake; [`crate::contract`] holds all of them to the same promises.

use crate::change::{Change, Source};
use crate::history::HistoryEntry;
use crate::id::TaskId;
use crate::notification::{Mark, Notification, NotificationPosition, Reminder};
use crate::preferences::Preferences;
use crate::query::TaskQuery;
use crate::task::{Notices, Task};
use crate::time::Timestamp;
use uuid::Uuid;

/// Why a port could not do what it was asked. In each case nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Somebody else changed what this work is based on, or took what it claims. Begin again.
    #[error("somebody else was faster")]
    Conflict,
    /// The session lacks the scope named.
    #[error("this needs the scope {0}")]
    Forbidden(String),
    /// Signed out, revoked, expired, or the account is gone.
    #[error("the session has ended")]
    Ended,
    /// An argument is not what the port takes: a fault of the caller.
    #[error("the port refused an argument: {0}")]
    Invalid(String),
    /// The store cannot serve just now, with a reason fit to be shown.
    #[error("{0}")]
    Unavailable(String),
}

/// The answer to a request with an `Idempotency-Key`, kept for 24 hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// A digest of the request.
    pub fingerprint: String,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// The right to act for one user, within scopes.
#[allow(async_fn_in_trait)]
pub trait Session {
    /// What [`Session::begin`] gives.
    type Work: UnitOfWork;

    /// One task of the user's; `with_deleted` finds deleted ones too. Needs `tasks:read`.
    async fn get(&self, id: TaskId, with_deleted: bool) -> Result<Option<Task>, Failure>;
    /// The user's tasks that are not deleted. Needs `tasks:read`.
    async fn list(&self, query: &TaskQuery) -> Result<Vec<Task>, Failure>;
    /// Oldest first, strictly after a sequence number, of one task or of all (deleted ones included). Needs `tasks:read`.
    async fn history(&self, task: Option<TaskId>, after: Option<u64>, limit: u32) -> Result<Vec<HistoryEntry>, Failure>;
    /// The defaults where none were ever put. Needs `tasks:read`.
    async fn preferences(&self) -> Result<Preferences, Failure>;
    /// Newest first, strictly after a position. Needs `tasks:read`.
    async fn notifications(
        &self,
        unread_only: bool,
        after: Option<NotificationPosition>,
        limit: u32,
    ) -> Result<Vec<Notification>, Failure>;
    /// Needs `tasks:read`.
    async fn notification(&self, id: Uuid) -> Result<Option<Notification>, Failure>;
    /// Of one task or of all. Needs `tasks:read`.
    async fn unread_count(&self, of_task: Option<TaskId>) -> Result<u64, Failure>;
    /// Needs `tasks:write`.
    async fn kept_answer(&self, key: &str) -> Result<Option<KeptAnswer>, Failure>;
    /// Needs `tasks:write`.
    async fn begin(&self, source: Source) -> Result<Self::Work, Failure>;
}

/// Changes that happen together or not at all. It buffers: nothing is written, and no lock is held, before
/// [`UnitOfWork::commit`], which checks that what was read still stands. Dropping it forgets everything.
#[allow(async_fn_in_trait)]
pub trait UnitOfWork {
    /// Like [`Session::get`], but sees what this work has put; the commit then depends on what was read.
    async fn get_for_update(&mut self, id: TaskId, with_deleted: bool) -> Result<Option<Task>, Failure>;
    /// The task, its history entry and its events. `change.base_version` is what was read, or what an earlier put of this work left.
    fn put(&mut self, change: Change) -> Result<(), Failure>;
    /// Gives notice of a task: the event of each reminder, and the mark that they were given. `task` is what was read, with the
    /// notices that are left; the commit is a conflict where the task has changed meanwhile, or its notices are not `were` any more.
    fn remind(&mut self, task: &Task, were: Notices, reminders: Vec<Reminder>) -> Result<(), Failure>;
    /// Keeps a notification for its reader, and announces it on the stream. An id that is kept already makes the commit a
    /// [`Failure::Conflict`].
    fn notify(&mut self, notification: Notification) -> Result<(), Failure>;
    /// Marks the user's notifications as read; one that is not there is none.
    fn mark_read(&mut self, mark: Mark) -> Result<(), Failure>;
    /// Removes the task's notifications that nobody has read, except those of the due date to `keep`.
    fn withdraw(&mut self, task: TaskId, keep: Option<Timestamp>) -> Result<(), Failure>;
    fn put_preferences(&mut self, preferences: Preferences) -> Result<(), Failure>;
    /// A key that was taken meanwhile makes the commit a [`Failure::Conflict`].
    fn keep_answer(&mut self, key: &str, answer: KeptAnswer) -> Result<(), Failure>;
    /// Claims a key, for seven days at least: true unless somebody has committed with it.
    async fn once(&mut self, key: &str) -> Result<bool, Failure>;
    /// Makes it so, durably, and numbers its events.
    async fn commit(self) -> Result<(), Failure>;
}

/// A task that is to be looked at for a notice, with the right to act for its owner.
#[derive(Debug)]
pub struct DueItem<S> {
    pub session: S,
    pub task: Task,
}

/// Some of what is due, and from where to go on; none: that was all.
#[derive(Debug)]
pub struct DuePage<S> {
    pub items: Vec<DueItem<S>>,
    pub next: Option<String>,
}

/// The tasks of all users by the moment of their next notice. Whoever has this can act for everyone: it is for the scheduler.
#[allow(async_fn_in_trait)]
pub trait Agenda {
    type Session: Session;

    /// Tasks whose first notice is due by `until`, earliest first, from where an earlier page ended.
    async fn due(&self, until: Timestamp, after: Option<&str>, limit: u32) -> Result<DuePage<Self::Session>, Failure>;
    /// The moment of the first notice of all.
    async fn next(&self) -> Result<Option<Timestamp>, Failure>;
}

/// A memory that may forget anything at any moment: a shortcut, on which nothing may depend for being right.
#[allow(async_fn_in_trait)]
pub trait Memory<S> {
    async fn get(&self, session: &S, key: &str) -> Result<Option<Vec<u8>>, Failure>;
    async fn set(&self, session: &S, key: &str, value: &[u8], ttl_seconds: u32) -> Result<(), Failure>;
    /// True for the first within so many seconds, as far as it remembers.
    async fn claim(&self, session: &S, key: &str, ttl_seconds: u32) -> Result<bool, Failure>;
}

/// Time and fresh ids: what the rules may not take from the system.
pub trait Clock {
    fn now(&self) -> Timestamp;
    /// A new UUID, version 7.
    fn new_id(&self) -> Uuid;
}
