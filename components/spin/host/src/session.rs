//! The right to act for one user: what is behind a component's `session` handle.

use crate::clock;
use crate::db::StoreError;
use crate::identity::Principal;
use crate::store;
use crate::work::Work;
use domain::account::Scope;
use domain::change::Source;
use domain::history::HistoryEntry;
use domain::id::{TaskId, UserId};
use domain::notification::{Notification, NotificationPosition};
use domain::ports::{Failure, KeptAnswer};
use domain::preferences::Preferences;
use domain::query::{Position, SortKey, TaskQuery};
use domain::task::Task;
use std::rc::Rc;
use uuid::Uuid;

/// The most that one answer holds.
const LONGEST_PAGE: u32 = 1_000;
/// Bytes of a key: idempotency keys, claims, keys of the memory.
const LONGEST_KEY: usize = 1_024;

/// A principal's authority. It reads and writes that user's data, and no other's.
#[derive(Clone, Debug)]
pub struct Session(Rc<Principal>);

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Conflict,
            StoreError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl Session {
    pub fn new(principal: Principal) -> Self {
        Self(Rc::new(principal))
    }

    /// Whose session it is, and with which rights.
    pub fn principal(&self) -> &Principal {
        &self.0
    }

    pub fn user(&self) -> &UserId {
        &self.0.user
    }

    /// Whether it still holds; where a scope is named, whether it grants that.
    pub fn allow(&self, scope: Option<Scope>) -> Result<(), Failure> {
        if self.0.expires_at.is_some_and(|at| at <= clock::now()) {
            return Err(Failure::Ended);
        }
        match scope {
            Some(scope) if !self.0.allows(scope) => Err(Failure::Forbidden(scope.name().to_owned())),
            _ => Ok(()),
        }
    }

    /// The same for whoever is about to look at notifications: what is due is given first.
    async fn allow_with_notices(&self) -> Result<(), Failure> {
        self.allow(Some(Scope::TasksRead))?;
        Ok(store::catch_up(self.user(), clock::now()).await?)
    }
}

pub fn page(limit: u32) -> Result<(), Failure> {
    if (1..=LONGEST_PAGE).contains(&limit) {
        return Ok(());
    }
    Err(Failure::Invalid(format!("limit is 1 to {LONGEST_PAGE}, not {limit}")))
}

pub fn checked_key(key: &str) -> Result<(), Failure> {
    if key.is_empty() || key.len() > LONGEST_KEY {
        return Err(Failure::Invalid(format!("a key has 1 to {LONGEST_KEY} bytes, not {}", key.len())));
    }
    storable("a key", key)
}

/// As natively, where not every database takes a text with U+0000; the types of `domain` hold none.
pub fn storable(what: &str, text: &str) -> Result<(), Failure> {
    if text.contains('\0') { Err(Failure::Invalid(format!("{what} has no U+0000"))) } else { Ok(()) }
}

impl domain::ports::Session for Session {
    type Work = Work;

    async fn get(&self, id: TaskId, with_deleted: bool) -> Result<Option<Task>, Failure> {
        self.allow(Some(Scope::TasksRead))?;
        Ok(store::task(self.user(), id, with_deleted).await?)
    }

    async fn list(&self, query: &TaskQuery) -> Result<Vec<Task>, Failure> {
        self.allow(Some(Scope::TasksRead))?;
        page(query.limit)?;
        if let Some(Position { key: SortKey::Title(title), .. }) = &query.after {
            storable("a position", title)?;
        }
        Ok(store::tasks(self.user(), query).await?)
    }

    async fn history(&self, task: Option<TaskId>, after: Option<u64>, limit: u32) -> Result<Vec<HistoryEntry>, Failure> {
        self.allow(Some(Scope::TasksRead))?;
        page(limit)?;
        Ok(store::history(self.user(), task, after, limit).await?)
    }

    async fn preferences(&self) -> Result<Preferences, Failure> {
        self.allow(Some(Scope::TasksRead))?;
        Ok(store::preferences(self.user()).await?.unwrap_or_default())
    }

    async fn notifications(
        &self,
        unread_only: bool,
        after: Option<NotificationPosition>,
        limit: u32,
    ) -> Result<Vec<Notification>, Failure> {
        self.allow_with_notices().await?;
        page(limit)?;
        Ok(store::notifications(self.user(), unread_only, after, limit).await?)
    }

    async fn notification(&self, id: Uuid) -> Result<Option<Notification>, Failure> {
        self.allow_with_notices().await?;
        Ok(store::notification(self.user(), id).await?)
    }

    async fn unread_count(&self, of_task: Option<TaskId>) -> Result<u64, Failure> {
        self.allow_with_notices().await?;
        Ok(store::unread_count(self.user(), of_task).await?)
    }

    async fn kept_answer(&self, key: &str) -> Result<Option<KeptAnswer>, Failure> {
        self.allow(Some(Scope::TasksWrite))?;
        checked_key(key)?;
        Ok(store::kept_answer(self.user(), key).await?)
    }

    async fn begin(&self, source: Source) -> Result<Work, Failure> {
        self.allow(Some(Scope::TasksWrite))?;
        Ok(Work::new(self.clone(), source))
    }
}
