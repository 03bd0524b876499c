//! The right to act for one user, natively: what a component's `session` handle is, and what native code uses directly.

use super::{Backing, Work, failure};
use crate::clock::Clock;
use crate::identity::{Origin, Principal, Scope, Scopes};
use crate::store::Store;
use domain::change::{Actor, ActorKind, Source};
use domain::history::HistoryEntry;
use domain::id::{TaskId, UserId};
use domain::notification::{Notification, NotificationPosition};
use domain::ports::{Failure, KeptAnswer};
use domain::preferences::Preferences;
use domain::query::{Position, SortKey, TaskQuery};
use domain::task::Task;
use std::sync::Arc;
use uuid::Uuid;

/// The most that one answer holds.
const LONGEST_PAGE: u32 = 1_000;
/// Bytes of a key: idempotency keys, claims, keys of the memory.
pub(super) const LONGEST_KEY: usize = 1_024;

/// A principal's authority over one store. It reads and writes that user's data, and no other's.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    principal: Principal,
    group: Arc<str>,
    traceparent: Option<String>,
}

impl Session {
    /// `group` is the component's name: what it claims by `once`, it claims in that name. `traceparent` goes into the events.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        principal: Principal,
        group: Arc<str>,
        traceparent: Option<String>,
    ) -> Self {
        Self { inner: Arc::new(Inner { store, clock, principal, group, traceparent }) }
    }

    /// For a component that acts of its own accord, on an event or at a moment: it is the actor. It may read and write tasks.
    pub fn of_component(backing: &Backing, component: &str, user: UserId, group: Arc<str>, traceparent: Option<String>) -> Self {
        let principal = Principal {
            user,
            actor: Actor { kind: ActorKind::System, id: component.to_owned() },
            scopes: Scopes::from_iter([Scope::TasksRead, Scope::TasksWrite]),
            origin: Origin::Host,
            expires_at: None,
        };
        Self::new(backing.store.clone(), backing.clock.clone(), principal, group, traceparent)
    }

    /// Whose session it is, and with which rights.
    pub fn principal(&self) -> &Principal {
        &self.inner.principal
    }

    pub(super) fn user(&self) -> &UserId {
        &self.inner.principal.user
    }

    pub(super) fn store(&self) -> &dyn Store {
        self.inner.store.as_ref()
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        self.inner.clock.as_ref()
    }

    pub(super) fn group(&self) -> &str {
        &self.inner.group
    }

    pub(super) fn traceparent(&self) -> Option<&str> {
        self.inner.traceparent.as_deref()
    }

    /// Whether it still holds; where a scope is named, whether it grants that.
    pub(super) fn allow(&self, scope: Option<Scope>) -> Result<(), Failure> {
        let principal = self.principal();
        if principal.expires_at.is_some_and(|at| at <= self.clock().now()) {
            return Err(Failure::Ended);
        }
        match scope {
            Some(scope) if !principal.scopes.allow(scope) => Err(Failure::Forbidden(scope.name().to_owned())),
            _ => Ok(()),
        }
    }
}

pub(super) fn page(limit: u32) -> Result<(), Failure> {
    if (1..=LONGEST_PAGE).contains(&limit) {
        return Ok(());
    }
    Err(Failure::Invalid(format!("limit is 1 to {LONGEST_PAGE}, not {limit}")))
}

pub(super) fn checked_key(key: &str) -> Result<(), Failure> {
    if key.is_empty() || key.len() > LONGEST_KEY {
        return Err(Failure::Invalid(format!("a key has 1 to {LONGEST_KEY} bytes, not {}", key.len())));
    }
    storable("a key", key)
}

/// Not every database takes a text with U+0000; the types of `domain` hold none.
pub(super) fn storable(what: &str, text: &str) -> Result<(), Failure> {
    if text.contains('\0') { Err(Failure::Invalid(format!("{what} has no U+0000"))) } else { Ok(()) }
}

impl domain::ports::Session for Session {
    type Work = Work;

    async fn get(&self, id: TaskId, with_deleted: bool) -> Result<Option<Task>, Failure> {
        self.allow(Some(Scope::TasksRead))?;
        self.store().task(self.user(), id, with_deleted).await.map_err(failure)
    }

    async fn list(&self, query: &TaskQuery) -> Result<Vec<Task>, Failure> {
        self.allow(Some(Scope::TasksRead))?;
        page(query.limit)?;
        if let Some(Position { key: SortKey::Title(title), .. }) = &query.after {
            storable("a position", title)?;
        }
        self.store().tasks(self.user(), query).await.map_err(failure)
    }

    async fn history(&self, task: Option<TaskId>, after: Option<u64>, limit: u32) -> Result<Vec<HistoryEntry>, Failure> {
        self.allow(Some(Scope::TasksRead))?;
        page(limit)?;
        self.store().history(self.user(), task, after, limit).await.map_err(failure)
    }

    async fn preferences(&self) -> Result<Preferences, Failure> {
        self.allow(Some(Scope::TasksRead))?;
        Ok(self.store().preferences(self.user()).await.map_err(failure)?.unwrap_or_default())
    }

    async fn notifications(
        &self,
        unread_only: bool,
        after: Option<NotificationPosition>,
        limit: u32,
    ) -> Result<Vec<Notification>, Failure> {
        self.allow(Some(Scope::TasksRead))?;
        page(limit)?;
        self.store().notifications(self.user(), unread_only, after, limit).await.map_err(failure)
    }

    async fn notification(&self, id: Uuid) -> Result<Option<Notification>, Failure> {
        self.allow(Some(Scope::TasksRead))?;
        self.store().notification(self.user(), id).await.map_err(failure)
    }

    async fn unread_count(&self, of_task: Option<TaskId>) -> Result<u64, Failure> {
        self.allow(Some(Scope::TasksRead))?;
        self.store().unread_count(self.user(), of_task).await.map_err(failure)
    }

    async fn kept_answer(&self, key: &str) -> Result<Option<KeptAnswer>, Failure> {
        self.allow(Some(Scope::TasksWrite))?;
        checked_key(key)?;
        self.store().kept_answer(self.user(), key).await.map_err(failure)
    }

    async fn begin(&self, source: Source) -> Result<Work, Failure> {
        self.allow(Some(Scope::TasksWrite))?;
        Ok(Work::new(self.clone(), source))
    }
}
