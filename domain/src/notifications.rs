//! Notices that wait for their reader: kept as reminders arrive, withdrawn as they cease to apply, listed, and marked as read.

use crate::change::Source;
use crate::consumer::{Disposition, Incoming};
use crate::cursor::{self, Page};
use crate::error::Error;
use crate::id::TaskId;
use crate::input::NotificationParams;
use crate::notification::{Mark, Notification, NotificationPosition, Reminder};
use crate::ports::{Clock, Failure, Session, UnitOfWork};
use crate::task::Task;
use crate::time::Timestamp;
use uuid::Uuid;

/// How often an event's work is begun, where each time somebody is faster, before the event is left to come again.
const MOST_TRIES: u32 = 10;

/// What an event asks for.
enum Wanted {
    /// To keep a notice, where it still applies.
    Keep(Reminder),
    /// To remove what does not apply to the task any more.
    Withdraw(TaskId),
}

/// Works off one event: a reminder is kept, where it still applies; when a task is completed, deleted, or gets another due date, its
/// unread notices that no longer apply are removed. Both look at the task as it is, not as the event has it: events of
/// different topics may come in any order, and any of them late or again.
pub async fn on_event<S: Session, C: Clock>(session: &S, clock: &C, event: &Incoming) -> Disposition {
    let wanted = match wanted(event) {
        Ok(Some(wanted)) => wanted,
        Ok(None) => return Disposition::Done,
        Err(reason) => return Disposition::Reject(reason),
    };
    for _ in 0..MOST_TRIES {
        match attempt(session, clock.now(), event.id, &wanted).await {
            Ok(()) => return Disposition::Done,
            Err(Failure::Conflict) => {}
            Err(failure) => return failure.into(),
        }
    }
    Failure::Conflict.into()
}

/// None: the event is of no concern.
fn wanted(event: &Incoming) -> Result<Option<Wanted>, String> {
    Ok(match event.kind.as_str() {
        "reminder.upcoming" | "reminder.overdue" => Some(Wanted::Keep(event.reminder()?)),
        "task.completed" | "task.deleted" => Some(Wanted::Withdraw(event.task_event()?.task_id)),
        "task.updated" => {
            let event = event.task_event()?;
            event.changed_fields.iter().any(|field| field == "due_date").then_some(Wanted::Withdraw(event.task_id))
        }
        _ => None,
    })
}

async fn attempt<S: Session>(session: &S, now: Timestamp, event: Uuid, wanted: &Wanted) -> Result<(), Failure> {
    // Most tasks are completed without a notice that waits. What is kept from now on is kept of the task as the event has left
    // it, or later: so nothing escapes that looks before it begins, and nothing needs to be remembered of it.
    if let Wanted::Withdraw(task) = wanted
        && session.unread_count(Some(*task)).await? == 0
    {
        return Ok(());
    }
    let mut work = session.begin(Source::Api).await?;
    if !work.once(&event.to_string()).await? {
        return Ok(());
    }
    match wanted {
        Wanted::Keep(reminder) => {
            let task = work.get_for_update(reminder.task_id, false).await?;
            // A mark is kept for some days, a notification for good: an event that is sent again after that is known by its id.
            let known = session.notification(reminder.id).await?.is_some();
            if !known && task.is_some_and(|task| applies(reminder, &task, now)) {
                work.notify(notification(reminder, now))?;
            }
        }
        Wanted::Withdraw(id) => {
            let task = work.get_for_update(*id, false).await?;
            work.withdraw(*id, task.filter(|task| !task.completed()).and_then(|task| task.due_date))?;
        }
    }
    work.commit().await
}

/// Whether a reminder is still true of its task. One that is snoozed is silent, and gets another when the snooze ends.
fn applies(reminder: &Reminder, task: &Task, now: Timestamp) -> bool {
    !task.completed() && task.due_date == Some(reminder.due_date) && task.snoozed_until.is_none_or(|until| until <= now)
}

/// It has the id of the reminder, so that one is never kept twice.
fn notification(reminder: &Reminder, now: Timestamp) -> Notification {
    let Reminder { id, kind, task_id, title, due_date, link } = reminder.clone();
    Notification { id, kind, task_id, title, due_date, link, read: false, created_at: now }
}

/// A page of notifications, newest first.
pub async fn list<S: Session>(session: &S, params: NotificationParams) -> Result<Page<Notification>, Error> {
    let NotificationParams { unread_only, after, limit } = params;
    let mut items = session.notifications(unread_only, after, limit + 1).await?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let position = |last: &Notification| NotificationPosition { created_at: last.created_at, id: last.id };
    let next_cursor = items.last().filter(|_| more).map(|last| cursor::of_notifications(unread_only, position(last)));
    Ok(Page { items, next_cursor })
}

/// How many have not been read.
pub async fn unread_count<S: Session>(session: &S) -> Result<u64, Error> {
    Ok(session.unread_count(None).await?)
}

/// The notification, which is read now. To read it again changes nothing.
pub async fn mark_read<S: Session>(session: &S, id: Uuid) -> Result<Notification, Error> {
    let notification = session.notification(id).await?.ok_or(Error::NotFound)?;
    if !notification.read {
        mark(session, Mark::One(id)).await?;
    }
    Ok(Notification { read: true, ..notification })
}

/// Marks all that there are as read.
pub async fn mark_all_read<S: Session>(session: &S) -> Result<(), Error> {
    mark(session, Mark::All).await
}

/// Notifications have no history: the source is shown nowhere.
async fn mark<S: Session>(session: &S, mark: Mark) -> Result<(), Error> {
    let mut work = session.begin(Source::Api).await?;
    work.mark_read(mark)?;
    Ok(work.commit().await?)
}

#[cfg(test)]
mod tests;
