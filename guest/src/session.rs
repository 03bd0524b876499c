//! `domain`'s ports on the handles that the host gives.

use crate::bindings::ports::ledger;
use domain::change::{Change, Source};
use domain::history::HistoryEntry;
use domain::id::TaskId;
use domain::notification::{Mark, Notification, NotificationPosition, Reminder};
use domain::ports::{Failure, KeptAnswer, UnitOfWork};
use domain::preferences::Preferences;
use domain::query::TaskQuery;
use domain::task::{BadValue, Notices, Task};
use domain::time::Timestamp;
use uuid::Uuid;

/// The right to act for one user: got from [`crate::identity::authenticate`], ends with the request.
#[derive(Debug)]
pub struct Session(pub(crate) ledger::Session);

/// Changes that happen together: got from [`domain::ports::Session::begin`].
#[derive(Debug)]
pub struct Work(ledger::UnitOfWork);

/// A value that the host gave must be good; where it is not, nothing can be done with it.
pub(crate) fn good<T>(value: Result<T, BadValue>) -> Result<T, Failure> {
    value.map_err(|bad| Failure::Invalid(format!("the host gave a bad value: {bad}")))
}

/// Each of many.
fn all<W, T: TryFrom<W, Error = BadValue>>(values: Vec<W>) -> Result<Vec<T>, Failure> {
    good(values.into_iter().map(T::try_from).collect())
}

impl domain::ports::Session for Session {
    type Work = Work;

    async fn get(&self, id: TaskId, with_deleted: bool) -> Result<Option<Task>, Failure> {
        let task = self.0.get(id.to_string(), with_deleted).await?;
        good(task.map(Task::try_from).transpose())
    }

    async fn list(&self, query: &TaskQuery) -> Result<Vec<Task>, Failure> {
        all(self.0.list(query.into()).await?)
    }

    async fn history(&self, task: Option<TaskId>, after: Option<u64>, limit: u32) -> Result<Vec<HistoryEntry>, Failure> {
        all(self.0.history(task.map(|id| id.to_string()), after, limit).await?)
    }

    async fn preferences(&self) -> Result<Preferences, Failure> {
        good(self.0.preferences().await?.try_into())
    }

    async fn notifications(
        &self,
        unread_only: bool,
        after: Option<NotificationPosition>,
        limit: u32,
    ) -> Result<Vec<Notification>, Failure> {
        all(self.0.notifications(unread_only, after.map(Into::into), limit).await?)
    }

    async fn notification(&self, id: Uuid) -> Result<Option<Notification>, Failure> {
        let notification = self.0.notification(id.to_string()).await?;
        good(notification.map(Notification::try_from).transpose())
    }

    async fn unread_count(&self, of_task: Option<TaskId>) -> Result<u64, Failure> {
        Ok(self.0.unread_count(of_task.map(|task| task.to_string())).await?)
    }

    async fn kept_answer(&self, key: &str) -> Result<Option<KeptAnswer>, Failure> {
        Ok(self.0.kept_answer(key.to_owned()).await?.map(Into::into))
    }

    async fn begin(&self, source: Source) -> Result<Work, Failure> {
        Ok(Work(self.0.begin(source.into()).await?))
    }
}

impl UnitOfWork for Work {
    async fn get_for_update(&mut self, id: TaskId, with_deleted: bool) -> Result<Option<Task>, Failure> {
        let task = self.0.get_for_update(id.to_string(), with_deleted).await?;
        good(task.map(Task::try_from).transpose())
    }

    fn put(&mut self, change: Change) -> Result<(), Failure> {
        Ok(self.0.put(&change.into())?)
    }

    fn remind(&mut self, task: &Task, were: Notices, reminders: Vec<Reminder>) -> Result<(), Failure> {
        let reminders: Vec<_> = reminders.into_iter().map(Into::into).collect();
        Ok(self.0.remind(&task.clone().into(), were.into(), &reminders)?)
    }

    fn notify(&mut self, notification: Notification) -> Result<(), Failure> {
        Ok(self.0.notify(&notification.into())?)
    }

    fn mark_read(&mut self, mark: Mark) -> Result<(), Failure> {
        Ok(self.0.mark_read(&mark.into())?)
    }

    fn withdraw(&mut self, task: TaskId, keep: Option<Timestamp>) -> Result<(), Failure> {
        Ok(self.0.withdraw(&task.to_string(), keep.map(Timestamp::millis))?)
    }

    fn put_preferences(&mut self, preferences: Preferences) -> Result<(), Failure> {
        Ok(self.0.put_preferences(&preferences.into())?)
    }

    fn keep_answer(&mut self, key: &str, answer: KeptAnswer) -> Result<(), Failure> {
        Ok(self.0.keep_answer(key, &answer.into())?)
    }

    async fn once(&mut self, key: &str) -> Result<bool, Failure> {
        Ok(self.0.once(key.to_owned()).await?)
    }

    async fn commit(self) -> Result<(), Failure> {
        Ok(ledger::UnitOfWork::commit(self.0).await?)
    }
}
