//! What follows from a commit, in the same transaction, where the native host has consumers of events: the next of what recurs is made,
//! and notices that no longer apply are withdrawn. And what follows from the time: notices are given when somebody looks for them.
//! The rules are `domain`'s.

use super::record::Record;
use super::rows::{self, TASK_COLUMNS};
use super::{ChangeSet, Note, Reminded, Seen, commit};
use crate::db::{Connection, StoreError};
use domain::change::{Actor, ActorKind, Change, ChangeKind, Source};
use domain::id::{TaskId, UserId};
use domain::notification::{Notification, Reminder};
use domain::task::Task;
use domain::time::Timestamp;
use domain::{notices, series};
use std::collections::BTreeMap;

/// Tasks whose notices are given in one commit.
const AT_ONCE: i64 = 200;
/// How often it is begun anew where each time somebody was faster.
const MOST_TRIES: u32 = 10;

fn system(name: &str) -> Actor {
    Actor { kind: ActorKind::System, id: name.to_owned() }
}

/// Each task as the set leaves it, with those of the set's changes to it that `wanted` takes.
fn left_by<'a>(set: &'a ChangeSet, wanted: impl Fn(&Change) -> bool) -> impl Iterator<Item = &'a Task> {
    let mut left: BTreeMap<TaskId, (&'a Task, bool)> = BTreeMap::new();
    for change in &set.changes {
        let entry = left.entry(change.task.id).or_insert((&change.task, false));
        *entry = (&change.task, entry.1 || wanted(change));
    }
    left.into_values().filter_map(|(task, wanted)| wanted.then_some(task))
}

/// The next of each task that the set completes, each a set of its own, in the name of what makes them natively.
pub fn successors(set: &ChangeSet) -> Vec<ChangeSet> {
    let completed = left_by(set, |change| change.kind == ChangeKind::Completed).filter(|task| task.completed());
    let next = completed.filter_map(|task| series::successor(task, set.now));
    let of = |change| ChangeSet {
        changes: vec![change],
        ..ChangeSet::new(set.user.clone(), system("recurrence"), Source::Recurrence, set.now)
    };
    next.map(of).collect()
}

/// Removes the unread notifications of what was completed, deleted or given another due date, as far as they are of the old one.
pub fn withdraw(record: &mut Record, set: &ChangeSet) {
    let moves = |change: &Change| match change.kind {
        ChangeKind::Completed | ChangeKind::Deleted => true,
        ChangeKind::Updated => change.changed_fields.iter().any(|field| field.field == "due_date"),
        ChangeKind::Created | ChangeKind::Reopened | ChangeKind::Restored => false,
    };
    for task in left_by(set, moves) {
        let keep = task.due_date.filter(|_| !task.completed() && task.deleted_at.is_none());
        record.notes.push(Note::Withdraw { task: task.id, keep });
    }
}

/// Gives the user all notices that are due: the events, the marks that they were given, and the notifications, in one commit each
/// time. Whoever else is at it, each is given once.
pub async fn catch_up(user: &UserId, now: Timestamp) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        let due = due(user, now).await?;
        if due.is_empty() {
            return Ok(());
        }
        let mut set = ChangeSet::new(user.clone(), system("reminders"), Source::Api, now);
        for task in &due {
            give(&mut set, task, now);
        }
        if set.reminded.is_empty() {
            return Ok(());
        }
        match commit(&set).await {
            Ok(()) => tries = 0,
            Err(StoreError::Conflict) if tries < MOST_TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

async fn due(user: &UserId, now: Timestamp) -> Result<Vec<Task>, StoreError> {
    let sql = format!(
        "SELECT {TASK_COLUMNS} FROM task t INDEXED BY task_remind_user WHERE t.user_id = ? AND t.remind_at <= ? \
         ORDER BY t.remind_at LIMIT {AT_ONCE}"
    );
    Connection::open().await?.all(&sql, vec![user.as_str().into(), now.millis().into()], rows::task).await
}

/// What is due of one task. While it is snoozed, the notice is given to nobody: there is another when the snooze ends.
fn give(set: &mut ChangeSet, task: &Task, now: Timestamp) {
    let Some((left, given)) = notices::due(task, now) else { return };
    let is_silent = task.snoozed_until.is_some_and(|until| until > now);
    if !is_silent {
        set.notes.extend(given.iter().map(|reminder| Note::Keep(notification(reminder, now))));
    }
    set.reminded.push(Reminded { task: task.id, seen: Seen::from(task), left, given });
}

/// It has the id of the reminder, so that one is never kept twice.
fn notification(reminder: &Reminder, now: Timestamp) -> Notification {
    let Reminder { id, kind, task_id, title, due_date, link } = reminder.clone();
    Notification { id, kind, task_id, title, due_date, link, read: false, created_at: now }
}
