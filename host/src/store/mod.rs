//! Where everything is kept: SQLite ([`sqlite`]) or PostgreSQL ([`postgres`]), most of which is the same code, in `sql/`. The only module
//! that names sqlx; the rest of the host sees the traits below.
//!
//! A store knows no rule of a todo list. It keeps what it is given, all or nothing, and numbers a user's events.
//! What must not live here: HTTP, WIT, decisions about tasks, time of its own (callers pass `now`).

mod ended;
mod error;
mod folder;
mod migrate;
pub mod postgres;
mod queue;
pub mod recent;
pub mod sqlite;
#[cfg(test)]
pub mod testing;
mod text;

pub use ended::Ended;

use async_trait::async_trait;
use domain::change::{Actor, Change, Source};
use domain::history::HistoryEntry;
use domain::id::{TaskId, UserId};
use domain::notification::{Mark, Notification, NotificationPosition, Reminder};
use domain::ports::KeptAnswer;
use domain::preferences::Preferences;
use domain::query::TaskQuery;
use domain::task::{Notices, Task};
use domain::time::Timestamp;
use postgres::{DatabaseConfig, PostgresStore};
use serde_json::value::RawValue;
use sqlite::SqliteStore;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{broadcast, watch};
use uuid::Uuid;

/// Opens the store of a host: this database, or where none is named the one in the data folder. The folder is made where it is
/// missing, and is this process's from now on. An error says what to do.
pub async fn open(folder: &Path, database: Option<&DatabaseConfig>) -> anyhow::Result<Arc<dyn Store>> {
    Ok(match database {
        Some(database) => Arc::new(PostgresStore::open(folder, database).await?),
        None => Arc::new(SqliteStore::open(folder).await?),
    })
}

/// Why a store did not do what it was asked. In each case nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A version, a claim, a key or an address was taken meanwhile.
    #[error("somebody else was faster")]
    Conflict,
    /// The disk is full or read-only, the database is locked or gone: it may pass. The text is fit to be shown.
    #[error("{0}")]
    Unavailable(String),
    /// A fault of ours: logged, never shown.
    #[error("the store failed: {0}")]
    Internal(#[source] anyhow::Error),
}

/// What a unit of work wrote, to be committed as one.
#[derive(Clone, Debug)]
pub struct ChangeSet {
    pub user: UserId,
    pub actor: Actor,
    pub source: Source,
    /// The time of its events.
    pub now: Timestamp,
    /// W3C trace context of the request, carried into the events.
    pub traceparent: Option<String>,
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
    /// Claims: component or consumer group, and key.
    pub once: Vec<(String, String)>,
}

impl ChangeSet {
    /// One that changes nothing yet.
    pub fn new(user: UserId, actor: Actor, source: Source, now: Timestamp) -> Self {
        Self {
            user,
            actor,
            source,
            now,
            traceparent: None,
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

/// A user's tasks. Every function is confined to one user.
#[async_trait]
pub trait Ledger: Send + Sync {
    async fn task(&self, user: &UserId, id: TaskId, with_deleted: bool) -> Result<Option<Task>, StoreError>;
    async fn tasks(&self, user: &UserId, query: &TaskQuery) -> Result<Vec<Task>, StoreError>;
    async fn history(
        &self,
        user: &UserId,
        task: Option<TaskId>,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>, StoreError>;
    async fn preferences(&self, user: &UserId) -> Result<Option<Preferences>, StoreError>;
    /// Newest first, strictly behind a position.
    async fn notifications(
        &self,
        user: &UserId,
        unread_only: bool,
        after: Option<NotificationPosition>,
        limit: u32,
    ) -> Result<Vec<Notification>, StoreError>;
    async fn notification(&self, user: &UserId, id: Uuid) -> Result<Option<Notification>, StoreError>;
    /// Of one task or of all.
    async fn unread_count(&self, user: &UserId, of_task: Option<TaskId>) -> Result<u64, StoreError>;
    async fn kept_answer(&self, user: &UserId, key: &str) -> Result<Option<KeptAnswer>, StoreError>;
    async fn claimed(&self, group: &str, key: &str) -> Result<bool, StoreError>;
    /// Commits all of it or nothing. When it answers `Ok`, it is on the disk.
    async fn commit(&self, set: ChangeSet) -> Result<(), StoreError>;
}

/// A task that is to be looked at for a notice.
#[derive(Clone, Debug)]
pub struct DueTask {
    pub user: UserId,
    pub task: Task,
    pub position: AgendaPosition,
}

/// Where a task stands on the agenda.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgendaPosition {
    /// The moment of its first notice.
    pub at: Timestamp,
    /// The store's own number of the task: the order within one moment.
    pub number: i64,
}

/// The tasks of all users, by the moment of their first notice ([`Task::remind_at`]). Users whose account is being deleted have none.
#[async_trait]
pub trait Agenda: Send + Sync {
    /// Tasks whose first notice is due by `until`, earliest first, strictly behind a position.
    async fn due(&self, until: Timestamp, after: Option<AgendaPosition>, limit: u32) -> Result<Vec<DueTask>, StoreError>;
    /// The moment of the first notice of all.
    async fn next_reminder(&self) -> Result<Option<Timestamp>, StoreError>;
}

/// A built-in account.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: UserId,
    /// Lower-case.
    pub email: String,
    pub name: Option<String>,
    /// PHC string.
    pub password_hash: String,
    pub created_at: Timestamp,
}

/// A sign-in that can be ended.
#[derive(Clone, Debug)]
pub struct SignIn {
    pub id: Uuid,
    pub user: UserId,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// An API token, without its secret.
#[derive(Clone, Debug)]
pub struct ApiToken {
    pub id: Uuid,
    pub user: UserId,
    pub name: String,
    pub scopes: Vec<String>,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

/// Accounts, sign-ins and tokens.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// `Conflict` where the address is taken.
    async fn create_account(&self, account: &Account) -> Result<(), StoreError>;
    async fn account(&self, id: &UserId) -> Result<Option<Account>, StoreError>;
    async fn account_by_email(&self, email: &str) -> Result<Option<Account>, StoreError>;
    /// Removes the account and every row of the user's: tasks, history, events, notifications, tokens, sign-ins,
    /// preferences, kept answers.
    async fn delete_account(&self, id: &UserId) -> Result<(), StoreError>;
    /// Replaces the hash of the password and, in the same commit, removes the user's sign-ins but that one. False, and nothing is
    /// done, where there is no such account or the hash is no longer `from`.
    async fn change_password(&self, id: &UserId, from: &str, to: &str, but: Option<Uuid>) -> Result<bool, StoreError>;
    /// A new password, or the end of the account, removes it too; or else came before, and is seen by who reads the account after this.
    async fn create_sign_in(&self, sign_in: &SignIn) -> Result<(), StoreError>;
    async fn sign_in(&self, id: Uuid) -> Result<Option<SignIn>, StoreError>;
    async fn end_sign_in(&self, id: Uuid) -> Result<(), StoreError>;
    async fn create_token(&self, token: &ApiToken) -> Result<(), StoreError>;
    async fn tokens(&self, user: &UserId) -> Result<Vec<ApiToken>, StoreError>;
    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<ApiToken>, StoreError>;
    /// False where the user has no such token.
    async fn revoke_token(&self, user: &UserId, id: Uuid) -> Result<bool, StoreError>;
    async fn touch_token(&self, id: Uuid, used_at: Timestamp) -> Result<(), StoreError>;
    /// Hears of all that ends from now on, at whichever host: where one of the above has removed it. Something may be told of more
    /// than once.
    fn ended(&self) -> broadcast::Receiver<Ended>;
}

/// One event as it was committed: the outbox, and with the local bus the log itself.
#[derive(Clone, Debug)]
pub struct LoggedEvent {
    /// Where it stands in this store's log; counts up, with gaps, in the order of commits.
    pub position: i64,
    pub topic: String,
    /// The key: which user's.
    pub user: UserId,
    /// The user's own event number; none for what no stream shows, and for what was written again.
    pub sequence: Option<u64>,
    pub id: Uuid,
    pub kind: String,
    /// When it was written here. The CloudEvent has the event's own time, which differs where it was written again.
    pub time: Timestamp,
    /// The whole CloudEvent, as JSON.
    pub body: Arc<RawValue>,
    /// A JSON object: what a dead letter says of itself.
    pub headers: Option<Arc<RawValue>>,
}

/// The committed events, in order, for as long as they are kept (7 days).
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Events behind a position, of these topics (all, where empty), in order.
    async fn events_after(&self, topics: &[&str], position: i64, limit: u32) -> Result<Vec<LoggedEvent>, StoreError>;
    /// One user's events of these topics behind one position, up to another, the first few, in order.
    async fn events_of(
        &self,
        user: &UserId,
        topics: &[&str],
        behind: i64,
        up_to: i64,
        limit: u32,
    ) -> Result<Vec<LoggedEvent>, StoreError>;
    /// What the user's stream shows after a sequence number, in order.
    async fn stream_after(&self, user: &UserId, sequence: u64, limit: u32) -> Result<Vec<LoggedEvent>, StoreError>;
    /// The user's last sequence number (0 before the first), and the oldest that is still in the log.
    async fn stream_bounds(&self, user: &UserId) -> Result<(u64, Option<u64>), StoreError>;
    /// The last position that can be read; where the log is empty, it may be less than what was given out.
    async fn last_position(&self) -> Result<i64, StoreError>;
    /// How far a consumer group has come; `None` before its first event.
    async fn group_position(&self, group: &str) -> Result<Option<i64>, StoreError>;
    async fn set_group_position(&self, group: &str, position: i64) -> Result<(), StoreError>;
    /// A turn at what one host at a time does with the log in the name of a group. `None`: another host is at it.
    async fn turn(&self, group: &str) -> Result<Option<Box<dyn Turn>>, StoreError>;
    /// Writes an event of the log once more, to this topic and with these headers, a JSON object: a dead letter, or what is sent
    /// again. Id, type, key and body stay as they are; it has no number. Answers its position; `None`, and nothing is written, where
    /// the event is no longer in the log, since its account was deleted for example.
    async fn write_again(
        &self,
        position: i64,
        topic: &str,
        headers: Option<&RawValue>,
        now: Timestamp,
    ) -> Result<Option<i64>, StoreError>;
    /// Changes whenever something was committed: wake up, and look.
    fn committed(&self) -> watch::Receiver<i64>;
}

/// A group's position, to which nobody else has access meanwhile. Dropping it lets the next host begin from the same position; so
/// does the end of this process.
#[async_trait]
pub trait Turn: Send {
    /// Where the group has come to; 0 before its first event.
    fn position(&self) -> i64;
    /// Keeps how far it has come, and ends the turn.
    async fn keep(self: Box<Self>, position: i64) -> Result<(), StoreError>;
}

/// A forgetful memory with an expiry.
#[async_trait]
pub trait Memory: Send + Sync {
    async fn recall(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError>;
    async fn remember(&self, key: &str, value: &[u8], expires_at: Timestamp) -> Result<(), StoreError>;
    /// True unless the key is held and has not expired.
    async fn claim(&self, key: &str, now: Timestamp, expires_at: Timestamp) -> Result<bool, StoreError>;
}

/// A whole store.
#[async_trait]
pub trait Store: Ledger + Agenda + Accounts + EventLog + Memory {
    /// Removes what is kept no longer: tasks deleted for 30 days and their notifications, other notifications of 90 days, events and
    /// claims of 7 days, answers of 24 hours, what has expired.
    async fn sweep(&self, now: Timestamp) -> Result<(), StoreError>;
    /// Whether it can serve: an error says why not.
    async fn check(&self) -> Result<(), StoreError>;
    /// The secret that all hosts of this store have in common; the first that was offered. `None`: there is only one host, which
    /// keeps its own.
    async fn shared_key(&self, new: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// Says what a host runs, until a moment, and answers what all hosts of this store say that have not fallen silent: their ids and words.
    /// Where there is only one host, nothing.
    async fn tell_hosts(
        &self,
        host: &str,
        says: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(String, String)>, StoreError>;
    /// Lets go of everything, after the last write has ended.
    async fn close(&self);
}
