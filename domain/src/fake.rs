//! A store in memory, for tests: it keeps the promises of [`crate::ports`] as every real store must, which [`crate::contract`] checks.

#![allow(clippy::expect_used, reason = "test support: a poisoned lock is a failed test")]

mod agenda;
mod memory;

pub use memory::FakeMemory;

use crate::account::Scope;
use crate::change::{Actor, ActorKind, Change, Source};
use crate::contract::{Published, model};
use crate::event::{Event, EventIds, Origin};
use crate::history::HistoryEntry;
use crate::id::{TaskId, UserId};
use crate::notification::{Mark, Notification, NotificationPosition, Reminder};
use crate::ports::{Clock, Failure, KeptAnswer, Session, UnitOfWork};
use crate::preferences::Preferences;
use crate::query::TaskQuery;
use crate::task::{Notices, Task};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use uuid::Uuid;

/// A clock that moves when told to, and numbers its ids.
#[derive(Clone, Debug)]
pub struct FakeClock {
    millis: Arc<AtomicI64>,
    ids: Arc<AtomicU64>,
}

impl FakeClock {
    /// Stands at a moment.
    pub fn at(now: Timestamp) -> Self {
        Self { millis: Arc::new(AtomicI64::new(now.millis())), ids: Arc::default() }
    }

    pub fn set(&self, now: Timestamp) {
        self.millis.store(now.millis(), Ordering::SeqCst);
    }

    pub fn advance_minutes(&self, minutes: i64) {
        self.set(self.now().plus_minutes(minutes));
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst)).expect("within the years")
    }

    fn new_id(&self) -> Uuid {
        let count = self.ids.fetch_add(1, Ordering::SeqCst);
        let mut tail = [0; 10];
        tail[2..].copy_from_slice(&count.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(self.now().millis().unsigned_abs(), &tail).into_uuid()
    }
}

/// The store. Clones share what is kept.
#[derive(Clone, Debug)]
pub struct FakeStore {
    clock: FakeClock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    users: BTreeMap<UserId, Kept>,
    claims: BTreeSet<String>,
    /// What the next commits answer, without doing anything.
    failures: VecDeque<Failure>,
}

/// What is one user's.
#[derive(Clone, Debug, Default)]
struct Kept {
    tasks: BTreeMap<TaskId, Task>,
    history: Vec<HistoryEntry>,
    events: Vec<Published>,
    preferences: Option<Preferences>,
    answers: BTreeMap<String, KeptAnswer>,
    notifications: Vec<Notification>,
    sequence: u64,
}

impl FakeStore {
    pub fn new(clock: FakeClock) -> Self {
        Self { clock, state: Arc::default() }
    }

    /// A session of the user's with the scopes for tasks.
    pub fn session(&self, user: &UserId) -> FakeSession {
        self.session_within(user, &[Scope::TasksWrite])
    }

    pub fn session_within(&self, user: &UserId, scopes: &[Scope]) -> FakeSession {
        let actor = Actor { kind: ActorKind::User, id: user.as_str().to_owned() };
        FakeSession { store: self.clone(), user: user.clone(), actor, scopes: scopes.to_vec() }
    }

    /// The next commits, as many as are given, fail so.
    pub fn fail_commits(&self, failures: impl IntoIterator<Item = Failure>) {
        self.lock().failures.extend(failures);
    }

    /// What the user's commits have published, in order.
    pub fn published(&self, user: &UserId) -> Vec<Published> {
        self.lock().users.get(user).map(|kept| kept.events.clone()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the store")
    }
}

/// The right to act for one user.
#[derive(Clone, Debug)]
pub struct FakeSession {
    store: FakeStore,
    user: UserId,
    actor: Actor,
    scopes: Vec<Scope>,
}

impl FakeSession {
    fn needs(&self, scope: Scope) -> Result<(), Failure> {
        if self.scopes.iter().any(|held| held.implies(scope)) { Ok(()) } else { Err(Failure::Forbidden(scope.name().to_owned())) }
    }

    /// Reads what is kept of the user, after a check of the scope.
    fn read<T: Default>(&self, scope: Scope, get: impl FnOnce(&Kept) -> T) -> Result<T, Failure> {
        self.needs(scope)?;
        Ok(self.store.lock().users.get(&self.user).map(get).unwrap_or_default())
    }
}

impl Session for FakeSession {
    type Work = FakeWork;

    async fn get(&self, id: TaskId, with_deleted: bool) -> Result<Option<Task>, Failure> {
        let task = self.read(Scope::TasksRead, |kept| kept.tasks.get(&id).cloned())?;
        Ok(task.filter(|task| with_deleted || task.deleted_at.is_none()))
    }

    async fn list(&self, query: &TaskQuery) -> Result<Vec<Task>, Failure> {
        self.read(Scope::TasksRead, |kept| model::list(kept.tasks.values(), query))
    }

    async fn history(&self, task: Option<TaskId>, after: Option<u64>, limit: u32) -> Result<Vec<HistoryEntry>, Failure> {
        self.read(Scope::TasksRead, |kept| {
            let wanted =
                |entry: &&HistoryEntry| task.is_none_or(|id| entry.task_id == id) && after.is_none_or(|n| entry.sequence > n);
            kept.history.iter().filter(wanted).take(limit as usize).cloned().collect()
        })
    }

    async fn preferences(&self) -> Result<Preferences, Failure> {
        self.read(Scope::TasksRead, |kept| kept.preferences.unwrap_or_default())
    }

    async fn notifications(
        &self,
        unread_only: bool,
        after: Option<NotificationPosition>,
        limit: u32,
    ) -> Result<Vec<Notification>, Failure> {
        self.read(Scope::TasksRead, |kept| {
            let mut found = kept.notifications.clone();
            found.sort_by_key(|it| std::cmp::Reverse((it.created_at, it.id)));
            let wanted = |it: &Notification| {
                !(unread_only && it.read) && after.is_none_or(|at| (it.created_at, it.id) < (at.created_at, at.id))
            };
            found.into_iter().filter(wanted).take(limit as usize).collect()
        })
    }

    async fn notification(&self, id: Uuid) -> Result<Option<Notification>, Failure> {
        self.read(Scope::TasksRead, |kept| kept.notifications.iter().find(|it| it.id == id).cloned())
    }

    async fn unread_count(&self, of_task: Option<TaskId>) -> Result<u64, Failure> {
        let counted = |it: &&Notification| !it.read && of_task.is_none_or(|task| it.task_id == task);
        self.read(Scope::TasksRead, |kept| kept.notifications.iter().filter(counted).count() as u64)
    }

    async fn kept_answer(&self, key: &str) -> Result<Option<KeptAnswer>, Failure> {
        self.read(Scope::TasksWrite, |kept| kept.answers.get(key).cloned())
    }

    async fn begin(&self, source: Source) -> Result<FakeWork, Failure> {
        self.needs(Scope::TasksWrite)?;
        Ok(FakeWork {
            session: self.clone(),
            source,
            seen: BTreeMap::new(),
            changes: Vec::new(),
            preferences: None,
            answers: Vec::new(),
            claims: Vec::new(),
            reminded: Vec::new(),
            notes: Vec::new(),
        })
    }
}

/// A unit of work: what was read and what shall be written.
#[derive(Debug)]
pub struct FakeWork {
    session: FakeSession,
    source: Source,
    /// The versions and notices that were read; none: there was no such task.
    seen: BTreeMap<TaskId, Option<(u64, Notices)>>,
    changes: Vec<Change>,
    preferences: Option<Preferences>,
    answers: Vec<(String, KeptAnswer)>,
    claims: Vec<String>,
    /// The task as it shall be, the notices that it had, what is given.
    reminded: Vec<(Task, Notices, Vec<Reminder>)>,
    notes: Vec<Note>,
}

/// What is done to notifications.
#[derive(Debug)]
enum Note {
    Keep(Notification),
    Read(Mark),
    /// All of a task's, except those of a due date.
    Withdraw(TaskId, Option<Timestamp>),
}

impl UnitOfWork for FakeWork {
    async fn get_for_update(&mut self, id: TaskId, with_deleted: bool) -> Result<Option<Task>, Failure> {
        let task = match self.changes.iter().rev().find(|change| change.task.id == id) {
            Some(change) => Some(change.task.clone()),
            None => {
                let task = self.session.read(Scope::TasksWrite, |kept| kept.tasks.get(&id).cloned())?;
                self.seen.entry(id).or_insert(task.as_ref().map(|task| (task.version, task.notices)));
                task
            }
        };
        Ok(task.filter(|task| with_deleted || task.deleted_at.is_none()))
    }

    fn put(&mut self, change: Change) -> Result<(), Failure> {
        if change.task.version != change.base_version.unwrap_or(0) + 1 {
            return Err(Failure::Invalid("a change adds 1 to the version it was made from".to_owned()));
        }
        self.changes.push(change);
        Ok(())
    }

    fn remind(&mut self, task: &Task, were: Notices, reminders: Vec<Reminder>) -> Result<(), Failure> {
        self.reminded.push((task.clone(), were, reminders));
        Ok(())
    }

    fn notify(&mut self, notification: Notification) -> Result<(), Failure> {
        self.notes.push(Note::Keep(notification));
        Ok(())
    }

    fn mark_read(&mut self, mark: Mark) -> Result<(), Failure> {
        self.notes.push(Note::Read(mark));
        Ok(())
    }

    fn withdraw(&mut self, task: TaskId, keep: Option<Timestamp>) -> Result<(), Failure> {
        self.notes.push(Note::Withdraw(task, keep));
        Ok(())
    }

    fn put_preferences(&mut self, preferences: Preferences) -> Result<(), Failure> {
        self.preferences = Some(preferences);
        Ok(())
    }

    fn keep_answer(&mut self, key: &str, answer: KeptAnswer) -> Result<(), Failure> {
        self.answers.push((key.to_owned(), answer));
        Ok(())
    }

    async fn once(&mut self, key: &str) -> Result<bool, Failure> {
        self.claims.push(key.to_owned());
        Ok(!self.session.store.lock().claims.contains(key))
    }

    async fn commit(self) -> Result<(), Failure> {
        let mut state = self.session.store.lock();
        if let Some(failure) = state.failures.pop_front() {
            return Err(failure);
        }
        if self.claims.iter().any(|key| state.claims.contains(key)) {
            return Err(Failure::Conflict);
        }
        let mut kept = state.users.get(&self.session.user).cloned().unwrap_or_default();
        self.apply(&mut kept)?;
        state.claims.extend(self.claims);
        state.users.insert(self.session.user, kept);
        Ok(())
    }
}

impl FakeWork {
    /// Writes into a copy, which the caller throws away where this fails.
    fn apply(&self, kept: &mut Kept) -> Result<(), Failure> {
        let version = |kept: &Kept, id: &TaskId| kept.tasks.get(id).map(|task| task.version);
        let stands = |kept: &Kept, id: &TaskId| kept.tasks.get(id).map(|task| (task.version, task.notices));
        if self.seen.iter().any(|(id, seen)| stands(kept, id) != *seen) {
            return Err(Failure::Conflict);
        }
        let clock = &self.session.store.clock;
        let FakeSession { user, actor, .. } = &self.session;
        let actor = &actor.clone().through(self.source);
        let origin = Origin { user, actor, source: self.source, time: clock.now(), traceparent: None };
        for change in &self.changes {
            if version(kept, &change.task.id) != change.base_version {
                return Err(Failure::Conflict);
            }
            kept.tasks.insert(change.task.id, change.task.clone());
            kept.sequence += 1;
            let ids = EventIds { task_event: clock.new_id(), task_update: clock.new_id() };
            kept.history.push(origin.history_entry(kept.sequence, ids.task_event, change));
            kept.events.extend(origin.events(kept.sequence, ids, change).map(published));
        }
        for (task, were, reminders) in &self.reminded {
            let known = kept.tasks.get_mut(&task.id).filter(|known| known.version == task.version && known.notices == *were);
            known.ok_or(Failure::Conflict)?.notices = task.notices;
            kept.events.extend(reminders.iter().map(|reminder| published(origin.reminder_event(reminder))));
        }
        for note in &self.notes {
            note.apply(kept, &origin, clock)?;
        }
        kept.preferences = self.preferences.or(kept.preferences);
        for (key, answer) in &self.answers {
            if kept.answers.insert(key.clone(), answer.clone()).is_some() {
                return Err(Failure::Conflict);
            }
        }
        Ok(())
    }
}

impl Note {
    fn apply(&self, kept: &mut Kept, origin: &Origin<'_>, clock: &FakeClock) -> Result<(), Failure> {
        match self {
            Self::Keep(notification) => {
                if kept.notifications.iter().any(|it| it.id == notification.id) {
                    return Err(Failure::Conflict);
                }
                kept.sequence += 1;
                kept.events.push(published(origin.notification_event(kept.sequence, clock.new_id(), notification)));
                kept.notifications.push(notification.clone());
            }
            Self::Read(mark) => {
                let marked = |it: &&mut Notification| *mark == Mark::All || *mark == Mark::One(it.id);
                kept.notifications.iter_mut().filter(marked).for_each(|it| it.read = true);
            }
            Self::Withdraw(task, keep) => {
                kept.notifications.retain(|it| it.read || it.task_id != *task || Some(it.due_date) == *keep);
            }
        }
        Ok(())
    }
}

fn published(event: Event) -> Published {
    Published {
        topic: event.topic.to_owned(),
        id: event.id,
        kind: event.kind.to_owned(),
        sequence: event.sequence,
        body: event.body.get().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Harness;

    impl Harness for FakeStore {
        type Session = FakeSession;
        type Agenda = FakeStore;

        async fn session(&self, user: &UserId) -> FakeSession {
            self.session(user)
        }

        async fn published(&self, user: &UserId) -> Vec<Published> {
            self.published(user)
        }

        async fn agenda(&self) -> FakeStore {
            self.clone()
        }
    }

    fn on_the_fake(test: impl AsyncFnOnce(&FakeStore)) {
        let clock = FakeClock::at(Timestamp::parse("2026-05-01T09:00:00Z").unwrap());
        futures::executor::block_on(test(&FakeStore::new(clock)));
    }

    crate::contract_tests!(on_the_fake);
}
