//! The port `ledger`.

use super::convert::{task_id, times, uuid};
use super::{Adapter, bindings, good};
use bindings::ports::ledger::{
    self, Change, Guest, GuestSession, GuestUnitOfWork, KeptAnswer, Mark, NotificationPosition, TaskQuery,
};
use bindings::ports::types::{Failure, HistoryEntry, Notices, Notification, Preferences, Reminder, Source, Task};
use domain::ports::{Failure as Refused, UnitOfWork as _};
use spin_host::{Session, Work};
use std::cell::RefCell;

impl Guest for Adapter {
    type Session = Session;
    type UnitOfWork = OpenWork;
}

/// A unit of work under its handle; none while a call is at it. A component that uses one unit of work twice at the same time is told so.
pub struct OpenWork(RefCell<Option<Work>>);

type Answer<T> = Result<T, Failure>;
type Native<T> = Result<T, Refused>;

/// The answer as WIT has it.
fn answer<T, W: From<T>>(value: Native<T>) -> Answer<W> {
    value.map(W::from).map_err(Failure::from)
}

fn some<T, W: From<T>>(value: Native<Option<T>>) -> Answer<Option<W>> {
    value.map(|value| value.map(W::from)).map_err(Failure::from)
}

fn many<T, W: From<T>>(values: Native<Vec<T>>) -> Answer<Vec<W>> {
    values.map(|values| values.into_iter().map(W::from).collect()).map_err(Failure::from)
}

impl GuestSession for Session {
    async fn get(&self, id: String, with_deleted: bool) -> Answer<Option<Task>> {
        some(async { domain::ports::Session::get(self, good(task_id(&id))?, with_deleted).await }.await)
    }

    async fn list(&self, query: TaskQuery) -> Answer<Vec<Task>> {
        many(async { domain::ports::Session::list(self, &good(query.try_into())?).await }.await)
    }

    async fn history(&self, task: Option<String>, after: Option<u64>, limit: u32) -> Answer<Vec<HistoryEntry>> {
        let task = task.as_deref().map(task_id).transpose();
        many(async { domain::ports::Session::history(self, good(task)?, after, limit).await }.await)
    }

    async fn preferences(&self) -> Answer<Preferences> {
        answer(domain::ports::Session::preferences(self).await)
    }

    async fn notifications(
        &self,
        unread_only: bool,
        after: Option<NotificationPosition>,
        limit: u32,
    ) -> Answer<Vec<Notification>> {
        let after = after.map(TryInto::try_into).transpose();
        many(async { domain::ports::Session::notifications(self, unread_only, good(after)?, limit).await }.await)
    }

    async fn notification(&self, id: String) -> Answer<Option<Notification>> {
        some(async { domain::ports::Session::notification(self, good(uuid(&id))?).await }.await)
    }

    async fn unread_count(&self, of_task: Option<String>) -> Answer<u64> {
        let of_task = of_task.as_deref().map(task_id).transpose();
        answer(async { domain::ports::Session::unread_count(self, good(of_task)?).await }.await)
    }

    async fn kept_answer(&self, key: String) -> Answer<Option<KeptAnswer>> {
        some(domain::ports::Session::kept_answer(self, &key).await)
    }

    async fn begin(&self, source: Source) -> Answer<ledger::UnitOfWork> {
        let work = domain::ports::Session::begin(self, source.into()).await?;
        Ok(ledger::UnitOfWork::new(OpenWork(RefCell::new(Some(work)))))
    }
}

fn busy() -> Refused {
    Refused::Invalid("this unit of work is busy with another call".to_owned())
}

impl OpenWork {
    fn take(&self) -> Native<Work> {
        self.0.take().ok_or_else(busy)
    }

    /// Does what needs waiting.
    async fn wait<T>(&self, act: impl AsyncFnOnce(&mut Work) -> Native<T>) -> Native<T> {
        let mut work = self.take()?;
        let done = act(&mut work).await;
        self.0.replace(Some(work));
        done
    }

    /// Does what needs no waiting.
    fn with(&self, act: impl FnOnce(&mut Work) -> Native<()>) -> Answer<()> {
        answer(self.0.borrow_mut().as_mut().ok_or_else(busy).and_then(act))
    }
}

impl GuestUnitOfWork for OpenWork {
    async fn get_for_update(&self, id: String, with_deleted: bool) -> Answer<Option<Task>> {
        some(self.wait(async |work| work.get_for_update(good(task_id(&id))?, with_deleted).await).await)
    }

    fn put(&self, change: Change) -> Answer<()> {
        self.with(|work| work.put(good(change.try_into())?))
    }

    fn remind(&self, task: Task, were: Notices, reminders: Vec<Reminder>) -> Answer<()> {
        self.with(|work| {
            let reminders = reminders.into_iter().map(TryInto::try_into).collect::<Result<_, _>>();
            work.remind(&good(task.try_into())?, good(were.try_into())?, good(reminders)?)
        })
    }

    fn notify(&self, notification: Notification) -> Answer<()> {
        self.with(|work| work.notify(good(notification.try_into())?))
    }

    fn mark_read(&self, mark: Mark) -> Answer<()> {
        self.with(|work| work.mark_read(good(mark.try_into())?))
    }

    fn withdraw(&self, task: String, keep: Option<i64>) -> Answer<()> {
        self.with(|work| work.withdraw(good(task_id(&task))?, good(times(keep))?))
    }

    fn put_preferences(&self, preferences: Preferences) -> Answer<()> {
        self.with(|work| work.put_preferences(good(preferences.try_into())?))
    }

    fn keep_answer(&self, key: String, kept: KeptAnswer) -> Answer<()> {
        self.with(|work| work.keep_answer(&key, kept.into()))
    }

    async fn once(&self, key: String) -> Answer<bool> {
        answer(self.wait(async |work| work.once(&key).await).await)
    }

    async fn commit(work: ledger::UnitOfWork) -> Answer<()> {
        match work.into_inner::<OpenWork>().take() {
            Ok(work) => answer(work.commit().await),
            Err(busy) => Err(busy.into()),
        }
    }
}
