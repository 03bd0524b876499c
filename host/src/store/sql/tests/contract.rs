//! The contract that every store keeps, on this one, through a session that adds nothing of its own.

use super::{Fixture, at, set};
use crate::store::{
    Agenda as _, AgendaPosition, ChangeSet, DueTask, EventLog, Ledger, LoggedEvent, Note, Reminded, Seen, StoreError,
};
use domain::change::{Change, Source};
use domain::contract::{Harness, Published};
use domain::event::TOPICS;
use domain::history::HistoryEntry;
use domain::id::{TaskId, UserId};
use domain::notification::{Mark, Notification, NotificationPosition, Reminder};
use domain::ports::{Agenda, DueItem, DuePage, Failure, KeptAnswer, Session, UnitOfWork};
use domain::preferences::Preferences;
use domain::query::TaskQuery;
use domain::task::{Notices, Task};
use domain::time::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

domain::contract_tests!(run);

fn run(test: impl AsyncFnOnce(&Fixture)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { test(&Fixture::new().await).await });
}

impl Harness for Fixture {
    type Session = PlainSession;
    type Agenda = PlainAgenda;

    async fn agenda(&self) -> PlainAgenda {
        PlainAgenda(self.store.clone())
    }

    async fn session(&self, user: &UserId) -> PlainSession {
        PlainSession { store: self.store.clone(), user: user.clone() }
    }

    async fn published(&self, user: &UserId) -> Vec<Published> {
        let all = self.store.events_after(&[], 0, 100_000).await.unwrap();
        let theirs: Vec<LoggedEvent> = all.into_iter().filter(|event| event.user == *user).collect();
        // The end of the log may be at hand; these are read where they were written.
        let written = self.store.events_of(user, &TOPICS, 0, i64::MAX, 100_000).await.unwrap();
        assert_eq!(format!("{theirs:?}"), format!("{written:?}"));
        let published = theirs.into_iter().map(|e| Published {
            topic: e.topic,
            id: e.id,
            kind: e.kind,
            sequence: e.sequence,
            body: e.body.get().to_owned(),
        });
        published.collect()
    }
}

pub struct PlainAgenda(Arc<super::ThisStore>);

impl Agenda for PlainAgenda {
    type Session = PlainSession;

    async fn due(&self, until: Timestamp, after: Option<&str>, limit: u32) -> Result<DuePage<PlainSession>, Failure> {
        let position = |text: &str| {
            let (at, number) = text.split_once('.').unwrap();
            AgendaPosition { at: Timestamp::parse(at).unwrap(), number: number.parse().unwrap() }
        };
        let found = self.0.due(until, after.map(position), limit).await.map_err(failure)?;
        let next = found.last().map(|last| format!("{}.{}", last.position.at, last.position.number));
        let session = |user| PlainSession { store: self.0.clone(), user };
        let item = |due: DueTask| DueItem { session: session(due.user), task: due.task };
        Ok(DuePage { items: found.into_iter().map(item).collect(), next })
    }

    async fn next(&self) -> Result<Option<Timestamp>, Failure> {
        self.0.next_reminder().await.map_err(failure)
    }
}

#[derive(Clone)]
pub struct PlainSession {
    store: Arc<super::ThisStore>,
    user: UserId,
}

pub struct PlainWork {
    session: PlainSession,
    set: ChangeSet,
}

fn failure(error: StoreError) -> Failure {
    match error {
        StoreError::Conflict => Failure::Conflict,
        StoreError::Unavailable(reason) => Failure::Unavailable(reason),
        StoreError::Internal(cause) => panic!("{cause:?}"),
    }
}

impl Session for PlainSession {
    type Work = PlainWork;

    async fn get(&self, id: TaskId, with_deleted: bool) -> Result<Option<Task>, Failure> {
        self.store.task(&self.user, id, with_deleted).await.map_err(failure)
    }

    async fn list(&self, query: &TaskQuery) -> Result<Vec<Task>, Failure> {
        self.store.tasks(&self.user, query).await.map_err(failure)
    }

    async fn history(&self, task: Option<TaskId>, after: Option<u64>, limit: u32) -> Result<Vec<HistoryEntry>, Failure> {
        self.store.history(&self.user, task, after, limit).await.map_err(failure)
    }

    async fn preferences(&self) -> Result<Preferences, Failure> {
        Ok(self.store.preferences(&self.user).await.map_err(failure)?.unwrap_or_default())
    }

    async fn notifications(
        &self,
        unread_only: bool,
        after: Option<NotificationPosition>,
        limit: u32,
    ) -> Result<Vec<Notification>, Failure> {
        self.store.notifications(&self.user, unread_only, after, limit).await.map_err(failure)
    }

    async fn notification(&self, id: Uuid) -> Result<Option<Notification>, Failure> {
        self.store.notification(&self.user, id).await.map_err(failure)
    }

    async fn unread_count(&self, of_task: Option<TaskId>) -> Result<u64, Failure> {
        self.store.unread_count(&self.user, of_task).await.map_err(failure)
    }

    async fn kept_answer(&self, key: &str) -> Result<Option<KeptAnswer>, Failure> {
        self.store.kept_answer(&self.user, key).await.map_err(failure)
    }

    async fn begin(&self, source: Source) -> Result<PlainWork, Failure> {
        Ok(PlainWork { session: self.clone(), set: ChangeSet { source, now: at(0), ..set(&self.user, Vec::new()) } })
    }
}

impl UnitOfWork for PlainWork {
    async fn get_for_update(&mut self, id: TaskId, with_deleted: bool) -> Result<Option<Task>, Failure> {
        let put = self.set.changes.iter().rev().find(|change| change.task.id == id);
        let task = match put {
            Some(change) => Some(change.task.clone()),
            None => {
                let task = self.session.get(id, true).await?;
                self.set.depends_on.push((id, task.as_ref().map(Seen::from)));
                task
            }
        };
        Ok(task.filter(|task| with_deleted || task.deleted_at.is_none()))
    }

    fn put(&mut self, change: Change) -> Result<(), Failure> {
        self.set.changes.push(change);
        Ok(())
    }

    fn remind(&mut self, task: &Task, were: Notices, given: Vec<Reminder>) -> Result<(), Failure> {
        let seen = Seen { version: task.version, notices: were };
        self.set.reminded.push(Reminded { task: task.id, seen, left: task.notices, given });
        Ok(())
    }

    fn notify(&mut self, notification: Notification) -> Result<(), Failure> {
        self.set.notes.push(Note::Keep(notification));
        Ok(())
    }

    fn mark_read(&mut self, mark: Mark) -> Result<(), Failure> {
        self.set.notes.push(Note::Read(mark));
        Ok(())
    }

    fn withdraw(&mut self, task: TaskId, keep: Option<Timestamp>) -> Result<(), Failure> {
        self.set.notes.push(Note::Withdraw { task, keep });
        Ok(())
    }

    fn put_preferences(&mut self, preferences: Preferences) -> Result<(), Failure> {
        self.set.preferences = Some(preferences);
        Ok(())
    }

    fn keep_answer(&mut self, key: &str, answer: KeptAnswer) -> Result<(), Failure> {
        self.set.kept_answer = Some((key.to_owned(), answer));
        Ok(())
    }

    async fn once(&mut self, key: &str) -> Result<bool, Failure> {
        let claim = ("contract".to_owned(), key.to_owned());
        if self.set.once.contains(&claim) || self.session.store.claimed(&claim.0, &claim.1).await.map_err(failure)? {
            return Ok(self.set.once.contains(&claim));
        }
        self.set.once.push(claim);
        Ok(true)
    }

    async fn commit(self) -> Result<(), Failure> {
        self.session.store.commit(self.set).await.map_err(failure)
    }
}
