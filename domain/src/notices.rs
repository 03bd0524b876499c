//! When notice of a task is given: armed as the task changes, given when the moment has come. Pure functions.
//!
//! A task keeps the moments of the notices that are still to come. A moment is never before the change that armed it, so that
//! kind, due date and moment name a notice: whatever is armed again is another one, and whatever is given again is the same.

use crate::id;
use crate::notification::{NoticeKind, Reminder};
use crate::task::{Notices, Task};
use crate::time::Timestamp;

/// Arms and disarms the notices of a task that was just made (no `before`) or changed.
///
/// Another due date, or a snooze, arms all of them; another lead time the upcoming one. Completing and deleting leave them, as
/// nobody looks at them then; who is reopened or restored after the due date is not told that it comes.
pub(crate) fn rearm(before: Option<&Task>, after: &mut Task, now: Timestamp) {
    let fresh = armed(after, now);
    let Some(before) = before else {
        after.notices = fresh;
        return;
    };
    let snoozed = after.snoozed_until.is_some() && after.snoozed_until != before.snoozed_until;
    let reopened = before.completed() && !after.completed();
    let restored = before.deleted_at.is_some() && after.deleted_at.is_none();
    if after.due_date != before.due_date || snoozed {
        after.notices = fresh;
    } else if after.reminder_minutes != before.reminder_minutes {
        after.notices.upcoming = fresh.upcoming;
    } else if (reopened || restored) && after.due_date.is_some_and(|due| due <= now) {
        after.notices.upcoming = None;
    }
}

/// All notices of a task, as if none had been given. A snooze that is running ends in one notice, of the kind that is then true.
fn armed(task: &Task, now: Timestamp) -> Notices {
    let Some(due) = task.due_date else { return Notices::default() };
    match task.snoozed_until.filter(|until| *until > now) {
        Some(until) if until < due => Notices { upcoming: Some(until), overdue: Some(due) },
        Some(until) => Notices { upcoming: None, overdue: Some(until) },
        None => {
            let upcoming = lead_moment(task).filter(|_| due > now);
            Notices { upcoming: upcoming.map(|at| at.max(now)), overdue: Some(due.max(now)) }
        }
    }
}

/// The moment that the lead time names, if there is one.
fn lead_moment(task: &Task) -> Option<Timestamp> {
    Some(task.due_date?.plus_minutes(-i64::from(task.reminder_minutes?.get())))
}

/// The reminders that are to be given of a task now, and the notices that are left then; none: nothing is due.
///
/// Both kinds where both are due. Where a snooze ended before the moment that the lead time names, that moment is left.
pub fn due(task: &Task, now: Timestamp) -> Option<(Notices, Vec<Reminder>)> {
    task.remind_at().filter(|at| *at <= now)?;
    let (mut left, mut reminders) = (task.notices, Vec::with_capacity(2));
    if let Some(moment) = task.notices.upcoming.filter(|at| *at <= now) {
        left.upcoming = lead_moment(task).filter(|at| *at > now);
        reminders.extend(reminder(task, NoticeKind::Upcoming, moment));
    }
    if let Some(moment) = task.notices.overdue.filter(|at| *at <= now) {
        left.overdue = None;
        reminders.extend(reminder(task, NoticeKind::Overdue, moment));
    }
    Some((left, reminders))
}

/// None for a task without a due date, of which no notice can be.
fn reminder(task: &Task, kind: NoticeKind, moment: Timestamp) -> Option<Reminder> {
    let due_date = task.due_date?;
    let times = [due_date, moment].map(|at| at.millis().to_be_bytes());
    Some(Reminder {
        id: id::derived(moment, &[b"reminder", task.id.0.as_bytes(), kind.name().as_bytes(), times.as_flattened()]),
        kind,
        task_id: task.id,
        title: task.title.clone(),
        due_date,
        link: format!("/?task={}", task.id),
    })
}

#[cfg(test)]
mod tests;
