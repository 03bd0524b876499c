//! What every store behind [`crate::ports`] promises, as tests: the fake and the real ones run the same.
//!
//! A store gives a [`Harness`] and a runner, and [`contract_tests!`](crate::contract_tests) makes a `#[test]` of each promise.
//! The tests of one run may share a store: each has users of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

mod agenda;
mod commit;
mod lists;
pub mod model;
mod notifications;
mod order;
mod reminders;

pub use agenda::*;
pub use commit::*;
pub use lists::*;
pub use notifications::*;
pub use order::*;
pub use reminders::*;

use crate::change::{Change, ChangeKind, FieldChange, Source};
use crate::id::{TaskId, UserId};
use crate::ports::{Agenda, Failure, Session, UnitOfWork};
use crate::task::{Notices, Priority, Tags, Task, Title};
use crate::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// A store under test.
#[allow(async_fn_in_trait)]
pub trait Harness {
    type Session: Session;
    type Agenda: Agenda;

    /// A session of the user's that may read and write tasks. The user need not exist as an account.
    async fn session(&self, user: &UserId) -> Self::Session;
    /// What the user's commits have published, on all topics, in the order of publication.
    async fn published(&self, user: &UserId) -> Vec<Published>;
    /// The agenda of all users of the store.
    async fn agenda(&self) -> Self::Agenda;
}

/// An event as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub topic: String,
    pub id: Uuid,
    pub kind: String,
    /// The user's own event number; none for what no stream shows.
    pub sequence: Option<u64>,
    /// The whole CloudEvent.
    pub body: String,
}

/// A `#[test]` for each promise. `$run` is a `fn(impl AsyncFnOnce(&H))` that makes a harness `H` and runs the test on it.
#[macro_export]
macro_rules! contract_tests {
    ($run:path) => {
        $crate::contract_tests! { @each $run:
            a_commit_writes_the_task_its_history_and_its_events,
            a_dropped_work_leaves_nothing,
            a_refused_commit_leaves_nothing,
            a_stale_version_is_a_conflict,
            a_second_creation_is_a_conflict,
            what_was_only_read_must_still_stand,
            what_was_read_as_absent_must_still_be_absent,
            a_change_made_from_notices_given_meanwhile_is_a_conflict,
            a_work_sees_what_it_has_put,
            a_claim_is_taken_once,
            an_answer_is_kept_once,
            preferences_are_kept_without_events,
            deleted_tasks_are_found_on_demand,
            numbers_count_up_by_one_whatever_fails,
            workers_that_contend_lose_no_update,
            history_comes_oldest_first_in_pages,
            users_do_not_see_each_other,
            lists_filter_sort_and_page_as_the_model_does,
            a_list_sees_the_commit_before_it,
            a_reminder_is_published_with_its_mark,
            what_was_given_is_not_given_again,
            no_reminder_is_given_of_a_task_that_has_changed,
            a_task_can_be_changed_after_its_reminder,
            a_refused_commit_gives_no_reminder,
            the_agenda_is_everyones_earliest_first,
            the_agenda_leaves_out_what_needs_no_notice,
            the_agenda_comes_in_pages,
            the_next_moment_is_the_first_of_all,
            a_notification_is_kept_and_announced_with_the_next_number,
            a_notification_is_kept_once,
            notifications_come_newest_first_in_pages,
            notifications_are_marked_as_read,
            what_no_longer_applies_is_withdrawn,
            notifications_are_nobody_elses
        }
    };
    (@each $run:path: $($name:ident),+) => {
        $(
            #[test]
            fn $name() {
                $run($crate::contract::$name)
            }
        )+
    };
}

/// A user of one test's own.
fn user(test: &str, name: &str) -> UserId {
    format!("{test}/{name}/{}", Uuid::now_v7()).parse().unwrap()
}

/// So many minutes after the beginning of a test's time.
pub fn at(minute: i64) -> Timestamp {
    Timestamp::parse("2026-05-01T09:00:00Z").unwrap().plus_minutes(minute)
}

/// A new task that has a title and nothing else, made at the beginning.
pub fn task(title: &str) -> Task {
    Task {
        id: TaskId(Uuid::now_v7()),
        title: Title::new(title).unwrap(),
        description: None,
        completed_at: None,
        priority: Priority::Medium,
        tags: Tags::default(),
        due_date: None,
        recurrence: None,
        reminder_minutes: None,
        snoozed_until: None,
        parent_task_id: None,
        series_id: None,
        created_at: at(0),
        updated_at: at(0),
        deleted_at: None,
        version: 1,
        place: None,
        notices: Notices::default(),
    }
}

/// The change that makes this task.
pub fn creation(task: Task) -> Change {
    let title = FieldChange { field: "title".to_owned(), old: Value::Null, new: Value::from(task.title.as_str()) };
    Change { kind: ChangeKind::Created, task, base_version: None, changed_fields: vec![title] }
}

/// The change that gives a task another title.
fn renaming(task: &Task, title: &str) -> Change {
    let mut renamed = task.clone();
    renamed.title = Title::new(title).unwrap();
    renamed.version += 1;
    let field = FieldChange { field: "title".to_owned(), old: Value::from(task.title.as_str()), new: Value::from(title) };
    Change { kind: ChangeKind::Updated, task: renamed, base_version: Some(task.version), changed_fields: vec![field] }
}

async fn commit(session: &impl Session, changes: impl IntoIterator<Item = Change>) -> Result<(), Failure> {
    let mut work = session.begin(Source::Api).await?;
    for change in changes {
        work.put(change)?;
    }
    work.commit().await
}
