//! The port `ledger`: handles in the store's table, and conversions around the native [`Session`] and [`Work`].

use super::bindings::ports::ledger::{
    Change, Host, HostSession, HostSessionWithStore, HostUnitOfWork, HostUnitOfWorkWithStore, KeptAnswer, Mark,
    NotificationPosition, TaskQuery,
};
use super::bindings::ports::types::{Failure, HistoryEntry, Notices, Notification, Preferences, Reminder, Source, Task};
use super::convert::{task_id, times, uuid};
use super::patience::in_time;
use super::{Ports, Session, View, Work};
use domain::ports::{Failure as Refused, Session as _, UnitOfWork as _};
use domain::task::BadValue;
use std::sync::Arc;
use tokio::sync::Mutex;
use wasmtime::Result;
use wasmtime::component::{Accessor, Resource};

/// A session under its handle, and the request that it was opened in.
pub struct OpenSession {
    session: Session,
    request: u64,
}

/// A unit of work under its handle. The lock is never waited for: a component that uses one unit of work twice at the
/// same time is told so.
pub struct OpenWork(Arc<Mutex<Work>>);

type Answer<T> = std::result::Result<T, Failure>;
type Native<T> = std::result::Result<T, Refused>;

/// A bad argument is the component's fault.
fn good<T>(value: std::result::Result<T, BadValue>) -> Native<T> {
    value.map_err(|bad| Refused::Invalid(bad.0))
}

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

/// The native session behind a handle.
pub(super) fn session<T: 'static>(accessor: &Accessor<T, Ports>, handle: &Resource<OpenSession>) -> Result<Session> {
    accessor.with(|mut access| {
        let view = access.get();
        let open = view.table.get(handle)?;
        wasmtime::ensure!(open.request == view.context.request, "a session was used after its request");
        Ok(open.session.clone())
    })
}

/// A handle for a session of the request at hand.
pub(super) fn open_session(view: &mut View<'_>, session: Session) -> Result<Resource<OpenSession>> {
    Ok(view.table.push(OpenSession { session, request: view.context.request })?)
}

impl<T: Send + 'static> HostSessionWithStore<T> for Ports {
    async fn get(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenSession>,
        id: String,
        with_deleted: bool,
    ) -> Result<Answer<Option<Task>>> {
        let session = session(accessor, &handle)?;
        Ok(some(in_time(accessor, Refused::Unavailable, async { session.get(good(task_id(&id))?, with_deleted).await }).await))
    }

    async fn list(accessor: &Accessor<T, Self>, handle: Resource<OpenSession>, query: TaskQuery) -> Result<Answer<Vec<Task>>> {
        let session = session(accessor, &handle)?;
        Ok(many(in_time(accessor, Refused::Unavailable, async { session.list(&good(query.try_into())?).await }).await))
    }

    async fn history(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenSession>,
        task: Option<String>,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Answer<Vec<HistoryEntry>>> {
        let session = session(accessor, &handle)?;
        let task = task.as_deref().map(task_id).transpose();
        Ok(many(in_time(accessor, Refused::Unavailable, async { session.history(good(task)?, after, limit).await }).await))
    }

    async fn preferences(accessor: &Accessor<T, Self>, handle: Resource<OpenSession>) -> Result<Answer<Preferences>> {
        let session = session(accessor, &handle)?;
        Ok(answer(in_time(accessor, Refused::Unavailable, session.preferences()).await))
    }

    async fn notifications(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenSession>,
        unread_only: bool,
        after: Option<NotificationPosition>,
        limit: u32,
    ) -> Result<Answer<Vec<Notification>>> {
        let session = session(accessor, &handle)?;
        let after = after.map(TryInto::try_into).transpose();
        Ok(many(
            in_time(accessor, Refused::Unavailable, async { session.notifications(unread_only, good(after)?, limit).await })
                .await,
        ))
    }

    async fn notification(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenSession>,
        id: String,
    ) -> Result<Answer<Option<Notification>>> {
        let session = session(accessor, &handle)?;
        Ok(some(in_time(accessor, Refused::Unavailable, async { session.notification(good(uuid(&id))?).await }).await))
    }

    async fn unread_count(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenSession>,
        of_task: Option<String>,
    ) -> Result<Answer<u64>> {
        let session = session(accessor, &handle)?;
        let of_task = of_task.as_deref().map(task_id).transpose();
        Ok(answer(in_time(accessor, Refused::Unavailable, async { session.unread_count(good(of_task)?).await }).await))
    }

    async fn kept_answer(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenSession>,
        key: String,
    ) -> Result<Answer<Option<KeptAnswer>>> {
        let session = session(accessor, &handle)?;
        Ok(some(in_time(accessor, Refused::Unavailable, session.kept_answer(&key)).await))
    }

    async fn begin(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenSession>,
        source: Source,
    ) -> Result<Answer<Resource<OpenWork>>> {
        match session(accessor, &handle)?.begin(source.into()).await {
            Ok(work) => {
                let open = OpenWork(Arc::new(Mutex::new(work)));
                Ok(Ok(accessor.with(|mut access| access.get().table.push(open))?))
            }
            Err(refused) => Ok(Err(refused.into())),
        }
    }
}

impl HostSession for View<'_> {
    fn drop(&mut self, handle: Resource<OpenSession>) -> Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

const BUSY: &str = "this unit of work is busy with another call";

/// The unit of work behind a handle.
fn open<T: 'static>(accessor: &Accessor<T, Ports>, handle: &Resource<OpenWork>) -> Result<Arc<Mutex<Work>>> {
    accessor.with(|mut access| Ok(Arc::clone(&access.get().table.get(handle)?.0)))
}

impl<T: Send + 'static> HostUnitOfWorkWithStore<T> for Ports {
    async fn get_for_update(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenWork>,
        id: String,
        with_deleted: bool,
    ) -> Result<Answer<Option<Task>>> {
        let work = open(accessor, &handle)?;
        let Ok(mut work) = work.try_lock() else { return Ok(Err(Failure::Invalid(BUSY.to_owned()))) };
        Ok(some(
            in_time(accessor, Refused::Unavailable, async { work.get_for_update(good(task_id(&id))?, with_deleted).await }).await,
        ))
    }

    async fn once(accessor: &Accessor<T, Self>, handle: Resource<OpenWork>, key: String) -> Result<Answer<bool>> {
        let work = open(accessor, &handle)?;
        let Ok(mut work) = work.try_lock() else { return Ok(Err(Failure::Invalid(BUSY.to_owned()))) };
        Ok(answer(work.once(&key).await))
    }

    async fn commit(accessor: &Accessor<T, Self>, handle: Resource<OpenWork>) -> Result<Answer<()>> {
        let open = accessor.with(|mut access| access.get().table.delete(handle))?;
        match Arc::try_unwrap(open.0) {
            Ok(work) => Ok(answer(in_time(accessor, Refused::Unavailable, work.into_inner().commit()).await)),
            Err(_) => Ok(Err(Failure::Invalid(BUSY.to_owned()))),
        }
    }
}

impl View<'_> {
    /// Does what needs no waiting with a unit of work.
    fn with_work(&mut self, handle: &Resource<OpenWork>, act: impl FnOnce(&mut Work) -> Native<()>) -> Result<Answer<()>> {
        Ok(match self.table.get(handle)?.0.try_lock() {
            Ok(mut work) => answer(act(&mut work)),
            Err(_) => Err(Failure::Invalid(BUSY.to_owned())),
        })
    }
}

impl HostUnitOfWork for View<'_> {
    fn put(&mut self, handle: Resource<OpenWork>, change: Change) -> Result<Answer<()>> {
        self.with_work(&handle, |work| work.put(good(change.try_into())?))
    }

    fn remind(&mut self, handle: Resource<OpenWork>, task: Task, were: Notices, reminders: Vec<Reminder>) -> Result<Answer<()>> {
        self.with_work(&handle, |work| {
            let reminders = reminders.into_iter().map(TryInto::try_into).collect::<std::result::Result<_, _>>();
            work.remind(&good(task.try_into())?, good(were.try_into())?, good(reminders)?)
        })
    }

    fn notify(&mut self, handle: Resource<OpenWork>, notification: Notification) -> Result<Answer<()>> {
        self.with_work(&handle, |work| work.notify(good(notification.try_into())?))
    }

    fn mark_read(&mut self, handle: Resource<OpenWork>, mark: Mark) -> Result<Answer<()>> {
        self.with_work(&handle, |work| work.mark_read(good(mark.try_into())?))
    }

    fn withdraw(&mut self, handle: Resource<OpenWork>, task: String, keep: Option<i64>) -> Result<Answer<()>> {
        self.with_work(&handle, |work| work.withdraw(good(task_id(&task))?, good(times(keep))?))
    }

    fn put_preferences(&mut self, handle: Resource<OpenWork>, preferences: Preferences) -> Result<Answer<()>> {
        self.with_work(&handle, |work| work.put_preferences(good(preferences.try_into())?))
    }

    fn keep_answer(&mut self, handle: Resource<OpenWork>, key: String, kept: KeptAnswer) -> Result<Answer<()>> {
        self.with_work(&handle, |work| work.keep_answer(&key, kept.into()))
    }

    fn drop(&mut self, handle: Resource<OpenWork>) -> Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

impl Host for View<'_> {}
