//! Notifications on their way through groups, and out; and events that are written again.

use super::{Fixture, at, creation, set, task, user};
use crate::store::{Accounts, ChangeSet, EventLog, Ledger, LoggedEvent, Note, Store, StoreError};
use domain::event::{NOTIFICATION_CREATED, TASK_EVENTS, TASK_UPDATES};
use domain::id::{TaskId, UserId};
use domain::json;
use domain::notification::{Mark, NoticeKind, Notification, NotificationPosition};
use domain::task::Task;
use futures::future::join_all;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

pub(super) fn notification(task: &Task, minute: i64) -> Notification {
    Notification {
        id: Uuid::now_v7(),
        kind: NoticeKind::Upcoming,
        task_id: task.id,
        title: task.title.clone(),
        due_date: at(minute + 60),
        link: format!("/?task={}", task.id),
        read: false,
        created_at: at(minute),
    }
}

fn notes(user: &UserId, notes: Vec<Note>) -> ChangeSet {
    ChangeSet { notes, ..set(user, Vec::new()) }
}

async fn all(fixture: &Fixture, user: &UserId) -> Vec<Notification> {
    fixture.store.notifications(user, false, None, 1_000).await.unwrap()
}

#[tokio::test]
async fn what_is_kept_already_is_a_conflict_and_not_announced_again() {
    let (fixture, ada) = (Fixture::new().await, user("ada"));
    let kept = notification(&task("once"), 0);
    let keep = || notes(&ada, vec![Note::Keep(kept.clone())]);
    let answers = join_all((0..3).map(|_| fixture.store.commit(keep()))).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false]);
    fixture.store.commit(notes(&ada, vec![Note::Read(Mark::One(kept.id))])).await.unwrap();
    assert!(matches!(fixture.store.commit(keep()).await, Err(StoreError::Conflict)));
    let twice = notification(&task("twice"), 0);
    let twice = notes(&ada, vec![Note::Keep(twice.clone()), Note::Keep(twice)]);
    assert!(matches!(fixture.store.commit(twice).await, Err(StoreError::Conflict)));
    assert_eq!(all(&fixture, &ada).await, [Notification { read: true, ..kept.clone() }]);
    let stream = fixture.store.stream_after(&ada, 0, 10).await.unwrap();
    let [event] = stream.as_slice() else { panic!("{stream:?}") };
    assert_eq!((event.kind.as_str(), event.sequence), (NOTIFICATION_CREATED, Some(1)));
    // The id is the user's own: another may have the same.
    fixture.store.commit(notes(&user("bob"), vec![Note::Keep(kept.clone())])).await.unwrap();
    assert_eq!(all(&fixture, &user("bob")).await, [kept]);
}

/// What a user has, said in the plainest way.
fn apply(kept: &mut Vec<Notification>, note: &Note) {
    match note {
        Note::Keep(new) => kept.push(new.clone()),
        Note::Read(mark) => {
            let marked = |it: &&mut Notification| *mark == Mark::All || *mark == Mark::One(it.id);
            kept.iter_mut().filter(marked).for_each(|it| it.read = true);
        }
        Note::Withdraw { task, keep } => kept.retain(|it| it.read || it.task_id != *task || Some(it.due_date) == *keep),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// However notes fall into groups, they are done in order; pages give them all, newest first.
    #[test]
    fn notes_are_done_in_order(drawn in proptest::collection::vec((0usize..2, 0u8..4, 0usize..3, 0i64..4), 1..60), page in 1u32..7) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new().await;
            let users = [user("ada"), user("bob")];
            let tasks: Vec<Task> = (0..3).map(|n| task(&format!("task {n}"))).collect();
            let mut model: [Vec<Notification>; 2] = Default::default();
            let mut sets = Vec::new();
            for (who, what, task, minute) in drawn {
                let note = match what {
                    0 => Note::Withdraw { task: tasks[task].id, keep: (minute > 1).then(|| at(minute + 60)) },
                    1 if minute == 0 => Note::Read(Mark::All),
                    1 => Note::Read(Mark::One(model[who].get(task).map_or(Uuid::nil(), |it| it.id))),
                    _ => Note::Keep(notification(&tasks[task], minute)),
                };
                apply(&mut model[who], &note);
                sets.push(notes(&users[who], vec![note]));
            }
            for answer in join_all(sets.into_iter().map(|set| fixture.store.commit(set))).await {
                answer.unwrap();
            }
            for (user, mut expected) in users.iter().zip(model) {
                expected.sort_by_key(|it| std::cmp::Reverse((it.created_at, it.id)));
                for unread_only in [false, true] {
                    expected.retain(|it| !(unread_only && it.read));
                    let (mut paged, mut after) = (Vec::new(), None);
                    loop {
                        let found = fixture.store.notifications(user, unread_only, after, page).await.unwrap();
                        let Some(last) = found.last() else { break };
                        after = Some(NotificationPosition { created_at: last.created_at, id: last.id });
                        paged.extend(found);
                    }
                    assert_eq!(paged, expected);
                }
                assert_eq!(fixture.store.unread_count(user, None).await.unwrap(), expected.len() as u64);
            }
        });
    }
}

#[tokio::test]
async fn notifications_go_with_their_task_their_account_or_their_age() {
    let (fixture, ada) = (Fixture::new().await, user("ada"));
    let day = 24 * 60;
    let (gone, stays) = (Task { deleted_at: Some(at(0)), ..task("gone") }, task("stays"));
    let of = |task: &Task, minute| Note::Keep(notification(task, minute));
    let kept = vec![of(&gone, 80 * day), of(&stays, 0), of(&stays, 80 * day)];
    let changes = vec![creation(gone.clone()), creation(stays.clone())];
    fixture.store.commit(ChangeSet { notes: kept, ..set(&ada, changes) }).await.unwrap();
    fixture.store.commit(notes(&user("bob"), vec![of(&stays, 80 * day)])).await.unwrap();
    fixture.store.sweep(at(90 * day + 1)).await.unwrap();
    let left = |all: Vec<Notification>| all.into_iter().map(|it| (it.task_id, it.created_at)).collect::<Vec<_>>();
    assert_eq!(left(all(&fixture, &ada).await), [(stays.id, at(80 * day))]);
    fixture.store.delete_account(&ada).await.unwrap();
    assert_eq!(all(&fixture, &ada).await, []);
    assert_eq!(left(all(&fixture, &user("bob")).await), [(stays.id, at(80 * day))]);
}

async fn log(fixture: &Fixture, topic: &str) -> Vec<LoggedEvent> {
    fixture.store.events_after(&[topic], 0, 100).await.unwrap()
}

#[tokio::test]
async fn events_of_one_user_are_found_among_those_of_others() {
    let (fixture, ada) = (Fixture::new().await, user("ada"));
    for n in 0..40 {
        let name = if n % 4 == 0 { "ada" } else { "bob" };
        fixture.store.commit(set(&user(name), vec![creation(task("one"))])).await.unwrap();
    }
    let all = log(&fixture, TASK_EVENTS).await;
    let theirs: Vec<i64> = all.iter().filter(|event| event.user == ada).map(|event| event.position).collect();
    assert_eq!(theirs.len(), 10);
    for (first, last, limit) in [(0, 9, 100), (1, 9, 100), (3, 7, 100), (3, 7, 2), (5, 5, 1)] {
        let behind = if first == 0 { -1 } else { theirs[first - 1] };
        let found = fixture.store.events_of(&ada, &[TASK_EVENTS], behind, theirs[last], limit).await.unwrap();
        let positions: Vec<i64> = found.iter().map(|event| event.position).collect();
        assert_eq!(positions, theirs[first..=last].iter().copied().take(limit as usize).collect::<Vec<_>>());
    }
    let last = fixture.store.last_position().await.unwrap();
    let both = fixture.store.events_of(&ada, &[TASK_EVENTS, TASK_UPDATES], 0, last, 100).await.unwrap();
    assert!(both.len() == 20 && both.is_sorted_by_key(|event| event.position));
}

#[tokio::test]
async fn a_dead_letter_is_the_event_with_headers_and_can_be_sent_again() {
    const DEAD: &str = "task-events.dlq";
    let (fixture, ada) = (Fixture::new().await, user("ada"));
    fixture.store.commit(set(&ada, vec![creation(task("poison"))])).await.unwrap();
    let [event]: [LoggedEvent; 1] = log(&fixture, TASK_EVENTS).await.try_into().unwrap();
    let headers = json::raw(&json!({ "reason": "it \"says\" no", "origin-topic": TASK_EVENTS }));
    let mut committed = fixture.store.committed();
    committed.mark_unchanged();
    let position = fixture.store.write_again(event.position, DEAD, Some(&headers), at(9)).await.unwrap().unwrap();
    assert_eq!(*committed.borrow_and_update(), position, "it is announced");

    let [dead]: [LoggedEvent; 1] = log(&fixture, DEAD).await.try_into().unwrap();
    assert_eq!((dead.position, dead.id, &dead.user, &dead.kind, dead.time), (3, event.id, &ada, &event.kind, at(9)));
    assert_eq!((dead.body.get(), dead.sequence), (event.body.get(), None));
    assert_eq!(dead.headers.unwrap().get(), headers.get());
    let sent = fixture.store.write_again(dead.position, TASK_EVENTS, None, at(10)).await.unwrap();
    let again = log(&fixture, TASK_EVENTS).await.pop().unwrap();
    assert_eq!((Some(again.position), again.id, again.body.get()), (sent, event.id, event.body.get()));
    assert!(again.headers.is_none() && again.sequence.is_none());
    // Positions go on behind it, numbers where they were.
    fixture.store.commit(set(&ada, vec![creation(task("next"))])).await.unwrap();
    let last = log(&fixture, TASK_UPDATES).await.pop().unwrap();
    assert_eq!((last.position, last.sequence), (6, Some(2)));
    assert_eq!(fixture.store.last_position().await.unwrap(), 6);
}

#[tokio::test]
async fn what_is_gone_from_the_log_is_not_written_again() {
    let (fixture, ada) = (Fixture::new().await, user("ada"));
    fixture.store.commit(set(&ada, vec![creation(task("gone"))])).await.unwrap();
    fixture.store.delete_account(&ada).await.unwrap();
    assert_eq!(fixture.store.write_again(1, "task-events.dlq", None, at(0)).await.unwrap(), None);
    fixture.store.commit(set(&ada, vec![creation(task("anew"))])).await.unwrap();
    assert_eq!(log(&fixture, TASK_EVENTS).await[0].position, 3);
}

#[tokio::test]
async fn a_notification_of_no_task_of_ours_is_only_a_row() {
    let (fixture, ada) = (Fixture::new().await, user("ada"));
    let foreign = Task { id: TaskId(Uuid::nil()), ..task("unknown") };
    let kept = notification(&foreign, 0);
    fixture.store.commit(notes(&ada, vec![Note::Keep(kept.clone())])).await.unwrap();
    assert_eq!(fixture.store.notification(&ada, kept.id).await.unwrap(), Some(kept.clone()));
    assert_eq!(fixture.store.notification(&user("bob"), kept.id).await.unwrap(), None);
}
