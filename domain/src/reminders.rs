//! Giving notice, tick by tick: what is due is given, each task in a unit of work of its own, and the next wake is told.
//!
//! What makes a notice come once is the commit, in which the task's mark and the event stand or fall together. The memory in front
//! of it only saves the attempt where another host has just given the same; whether it forgets or fails changes nothing.

use crate::change::Source;
use crate::notices;
use crate::notification::{NoticeKind, Reminder};
use crate::ports::{Agenda, DueItem, Failure, Memory, Session, UnitOfWork};
use crate::task::Task;
use crate::time::Timestamp;
use futures::{StreamExt, stream};

/// As many tasks are looked at in one tick; the rest is for the next, which follows at once.
const MOST_TASKS: usize = 500;
/// As many of them at a time, so that a store can group their commits.
const AT_A_TIME: usize = 32;
/// The window of an upcoming notice in the memory, in milliseconds, and how long it is kept, in seconds.
const WINDOW_MILLIS: i64 = 300_000;
const WINDOW_SECONDS: u32 = 300;
/// How long an overdue notice is kept in the memory, in seconds: a day.
const DAY_SECONDS: u32 = 86_400;

/// Gives what is due by now, and says when to be called again; none: not before something changes. A moment that is not in the
/// future means: at once.
///
/// A task that fails stops no other. It fails as a whole only where nothing at all could be given and something still waits:
/// then it is worth a pause before the next try.
pub async fn tick<A, M>(agenda: &A, memory: &M, now: Timestamp) -> Result<Option<Timestamp>, Failure>
where
    A: Agenda,
    M: Memory<A::Session>,
{
    let page = agenda.due(now, None, MOST_TASKS as u32).await?;
    let given = stream::iter(page.items.into_iter().map(|item| give(memory, item, now)));
    let results: Vec<Result<(), Failure>> = given.buffer_unordered(AT_A_TIME).collect().await;
    let all_failed = results.iter().all(Result::is_err);
    let failure = results.into_iter().find_map(Result::err);
    let next = if page.next.is_some() { Some(now) } else { agenda.next().await? };
    match failure {
        Some(failure) if all_failed && next.is_some_and(|at| at <= now) => Err(failure),
        _ => Ok(next),
    }
}

/// Gives what is due of one task. [`Failure::Conflict`]: somebody else did, or the task has changed since it was read.
async fn give<S: Session>(memory: &impl Memory<S>, item: DueItem<S>, now: Timestamp) -> Result<(), Failure> {
    let DueItem { session, task } = item;
    let Some((left, reminders)) = notices::due(&task, now) else { return Ok(()) };
    for reminder in &reminders {
        let known = memory.get(&session, &key(reminder, now)).await;
        if known.is_ok_and(|id| id.is_some_and(|id| id == reminder.id.as_bytes())) {
            return Err(Failure::Conflict);
        }
    }
    // The source is shown nowhere: a notice has no history.
    let mut work = session.begin(Source::Api).await?;
    work.remind(&Task { notices: left, ..task.clone() }, task.notices, reminders.clone())?;
    work.commit().await?;
    for reminder in &reminders {
        let seconds = if reminder.kind == NoticeKind::Upcoming { WINDOW_SECONDS } else { DAY_SECONDS };
        let _ = memory.set(&session, &key(reminder, now), reminder.id.as_bytes(), seconds).await;
    }
    Ok(())
}

/// Where the memory keeps the id of what was given. The id is compared, too: two notices in one window are two.
fn key(reminder: &Reminder, now: Timestamp) -> String {
    match reminder.kind {
        NoticeKind::Upcoming => format!("reminder:{}:{}", reminder.task_id, now.millis().div_euclid(WINDOW_MILLIS)),
        NoticeKind::Overdue => {
            let date = reminder.due_date.to_string();
            format!("overdue:{}:{}", reminder.task_id, date.split('T').next().unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests;
