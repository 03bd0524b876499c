//! What is due, and that each notice is given once.

use super::{Fixture, at, creation, set, task, user};
use crate::store::{Agenda, AgendaPosition, ChangeSet, EventLog, Ledger, Reminded, Seen, StoreError};
use domain::change::{Change, ChangeKind};
use domain::event::REMINDERS;
use domain::id::UserId;
use domain::notification::{NoticeKind, Reminder};
use domain::task::{Notices, Task};
use domain::time::Timestamp;
use futures::future::join_all;
use uuid::Uuid;

fn armed(minute: i64) -> Task {
    Task {
        due_date: Some(at(minute)),
        notices: Notices { upcoming: None, overdue: Some(at(minute)) },
        ..task(&format!("due at {minute}"))
    }
}

fn overdue(task: &Task) -> Reminder {
    Reminder {
        id: Uuid::now_v7(),
        kind: NoticeKind::Overdue,
        task_id: task.id,
        title: task.title.clone(),
        due_date: task.due_date.unwrap(),
        link: format!("/?task={}", task.id),
    }
}

/// Gives all that is left of a task.
pub(super) fn given(user: &UserId, task: &Task) -> ChangeSet {
    let reminded = Reminded { task: task.id, seen: Seen::from(task), left: Notices::default(), given: vec![overdue(task)] };
    ChangeSet { reminded: vec![reminded], ..set(user, Vec::new()) }
}

async fn due(fixture: &Fixture, minute: i64, after: Option<AgendaPosition>, limit: u32) -> Vec<(String, Task)> {
    let found = fixture.store.due(at(minute), after, limit).await.unwrap();
    found.into_iter().map(|due| (due.user.to_string(), due.task)).collect()
}

async fn reminders(fixture: &Fixture) -> usize {
    fixture.store.events_after(&[REMINDERS], 0, 100_000).await.unwrap().len()
}

#[tokio::test]
async fn what_is_due_comes_earliest_first_of_all_users_in_pages() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.store.next_reminder().await.unwrap(), None);
    let mut expected = Vec::new();
    // Many at one moment, so that pages end within it.
    for (n, minute) in [9, 3, 3, 3, 3, 5, 3, 20].into_iter().enumerate() {
        let (name, task) = (["ada", "bob"][n % 2], armed(minute));
        fixture.store.commit(set(&user(name), vec![creation(task.clone())])).await.unwrap();
        expected.push((minute, name.to_owned(), task));
    }
    fixture.store.commit(set(&user("ada"), vec![creation(task("never"))])).await.unwrap();
    expected.sort_by_key(|(minute, ..)| *minute);
    let expected: Vec<(String, Task)> = expected.into_iter().take(7).map(|(_, name, task)| (name, task)).collect();

    assert_eq!(fixture.store.next_reminder().await.unwrap(), Some(at(3)));
    assert_eq!(due(&fixture, 2, None, 10).await, []);
    // Within one moment the order is the store's own, and pages keep it.
    let all = due(&fixture, 9, None, 10).await;
    assert!(all.is_sorted_by_key(|(_, task)| task.remind_at()));
    let by_id = |mut tasks: Vec<(String, Task)>| {
        tasks.sort_by_key(|(_, task)| task.id);
        tasks
    };
    assert_eq!(by_id(all.clone()), by_id(expected));
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = fixture.store.due(at(9), after, 2).await.unwrap();
        after = page.last().map(|last| last.position);
        if page.is_empty() {
            break;
        }
        paged.extend(page.into_iter().map(|due| (due.user.to_string(), due.task)));
    }
    assert_eq!(paged, all);
}

#[tokio::test]
async fn only_what_can_be_reminded_is_on_the_agenda() {
    let (fixture, ada) = (Fixture::new().await, user("ada"));
    let tasks = [
        Task { completed_at: Some(at(0)), ..armed(1) },
        Task { deleted_at: Some(at(0)), ..armed(1) },
        Task { notices: Notices { upcoming: Some(at(4)), overdue: Some(at(7)) }, ..armed(7) },
        Task { notices: Notices { upcoming: Some(at(8)), overdue: None }, ..armed(9) },
        Task { notices: Notices::default(), ..armed(1) },
    ];
    fixture.store.commit(set(&ada, tasks.iter().cloned().map(creation).collect())).await.unwrap();
    let moments: Vec<Timestamp> =
        fixture.store.due(at(100), None, 10).await.unwrap().into_iter().map(|due| due.position.at).collect();
    let mut expected: Vec<Timestamp> = tasks.iter().filter_map(Task::remind_at).collect();
    expected.sort();
    assert_eq!(moments, expected);
    assert_eq!(expected, [at(4), at(8)]);
    // What is kept while it is completed is back when it is reopened.
    let reopened = Task { completed_at: None, version: 2, ..tasks[0].clone() };
    let change = Change { kind: ChangeKind::Reopened, task: reopened, base_version: Some(1), changed_fields: Vec::new() };
    fixture.store.commit(set(&ada, vec![change])).await.unwrap();
    assert_eq!(fixture.store.next_reminder().await.unwrap(), Some(at(1)));
}

#[tokio::test]
async fn failure_10_two_that_give_one_notice_at_once_give_it_once() {
    let (fixture, ada) = (Fixture::new().await, user("ada"));
    let task = armed(1);
    fixture.store.commit(set(&ada, vec![creation(task.clone())])).await.unwrap();
    // Queued together, they share a transaction.
    let answers = join_all((0..5).map(|_| fixture.store.commit(given(&ada, &task)))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(matches!(fixture.store.commit(given(&ada, &task)).await, Err(StoreError::Conflict)));
    assert_eq!(reminders(&fixture).await, 1);
    assert_eq!(due(&fixture, 100, None, 10).await, []);
    let left = fixture.store.task(&ada, task.id, false).await.unwrap().unwrap();
    assert_eq!(left, Task { notices: Notices::default(), ..task }, "nothing else changes");
    assert_eq!(fixture.store.history(&ada, None, None, 10).await.unwrap().len(), 1);
    assert_eq!(fixture.store.stream_bounds(&ada).await.unwrap(), (1, Some(1)), "a reminder takes no number");
}

/// In one transaction, each is decided against what those before it left.
#[tokio::test]
async fn a_change_and_a_notice_in_one_group_do_not_undo_each_other() {
    let (fixture, ada) = (Fixture::new().await, user("ada"));
    let (one, two) = (armed(1), armed(2));
    fixture.store.commit(set(&ada, vec![creation(one.clone()), creation(two.clone())])).await.unwrap();
    let moved = |task: &Task| {
        let task = Task { version: 2, notices: Notices { overdue: Some(at(50)), ..task.notices }, ..task.clone() };
        Change { kind: ChangeKind::Updated, task, base_version: Some(1), changed_fields: Vec::new() }
    };
    let read = |task: &Task, change| ChangeSet { depends_on: vec![(task.id, Some(Seen::from(task)))], ..set(&ada, vec![change]) };
    let sets = [given(&ada, &one), read(&one, moved(&one)), read(&two, moved(&two)), given(&ada, &two)];
    let answers = join_all(sets.into_iter().map(|set| fixture.store.commit(set))).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, false]);
    let notices = async |task: &Task| fixture.store.task(&ada, task.id, false).await.unwrap().unwrap().notices.overdue;
    assert_eq!((notices(&one).await, notices(&two).await), (None, Some(at(50))));
    // What is put behind a notice, by somebody who has not read the task for it, brings notices of its own.
    let seen = moved(&two).task;
    let later = Task { version: 3, notices: Notices { overdue: Some(at(60)), ..seen.notices }, ..seen.clone() };
    let later = Change { task: later, base_version: Some(2), ..moved(&two) };
    let answers = join_all([given(&ada, &seen), set(&ada, vec![later])].map(|set| fixture.store.commit(set))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!((notices(&one).await, notices(&two).await), (None, Some(at(60))));
    assert_eq!(reminders(&fixture).await, 2);
}

#[tokio::test]
async fn an_account_that_is_being_deleted_is_not_reminded() {
    let fixture = Fixture::new().await;
    for (name, minute) in [("ada", 1), ("bob", 2)] {
        fixture.store.commit(set(&user(name), vec![creation(armed(minute))])).await.unwrap();
    }
    let departing = "INSERT INTO departed (user_id) VALUES ('ada')";
    super::super::accounts::write_one(&fixture.store, departing, |v| v).await.unwrap();
    let left: Vec<String> = due(&fixture, 100, None, 10).await.into_iter().map(|(user, _)| user).collect();
    assert_eq!(left, ["bob"]);
    assert_eq!(fixture.store.next_reminder().await.unwrap(), Some(at(2)));
}
