//! Writing: groups, faults, callers that go away, numbers, what is removed.

use super::super::accounts::write_one;
use super::super::read::first;
use super::{Fixture, at, creation, set, task, user};
use crate::store::{Account, Accounts, ApiToken, ChangeSet, EventLog, Ledger, Memory, Note, SignIn, Store, StoreError};
use domain::change::{Change, ChangeKind};
use domain::task::{Tag, Tags, Task, Title};
use futures::future::join_all;
use std::collections::BTreeSet;
use std::future::Future;
use std::task::Poll;
use uuid::Uuid;

fn renamed(task: &Task, title: &str) -> Change {
    let mut changed = task.clone();
    changed.title = Title::new(title).unwrap();
    changed.version += 1;
    Change { kind: ChangeKind::Updated, task: changed, base_version: Some(task.version), changed_fields: Vec::new() }
}

#[tokio::test]
async fn one_that_conflicts_does_not_touch_the_others_of_its_group() {
    let fixture = Fixture::new().await;
    let ada = user("ada");
    let first = task("first");
    fixture.store.commit(set(&ada, vec![creation(first.clone())])).await.unwrap();
    // Queued together, they share a transaction.
    let sets: Vec<ChangeSet> = (0..40)
        .map(|n| match n {
            20 => set(&ada, vec![creation(task("never")), creation(first.clone())]),
            _ => set(&ada, vec![creation(task("other"))]),
        })
        .collect();
    let answers = join_all(sets.into_iter().map(|set| fixture.store.commit(set))).await;
    let refused: Vec<usize> = answers.iter().enumerate().filter(|(_, answer)| answer.is_err()).map(|(n, _)| n).collect();
    assert_eq!(refused, [20]);
    assert!(matches!(answers[20], Err(StoreError::Conflict)));
    let history = fixture.store.history(&ada, None, None, 100).await.unwrap();
    assert_eq!(history.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), (1..=40).collect::<Vec<_>>());
    assert_eq!(fixture.store.stream_bounds(&ada).await.unwrap(), (40, Some(1)));
}

#[tokio::test]
async fn of_two_in_one_group_that_change_one_task_one_wins() {
    let fixture = Fixture::new().await;
    let ada = user("ada");
    let seen = task("seen");
    fixture.store.commit(set(&ada, vec![creation(seen.clone())])).await.unwrap();
    let sets = ["a", "b", "c"].map(|title| set(&ada, vec![renamed(&seen, title)]));
    let answers = join_all(sets.into_iter().map(|set| fixture.store.commit(set))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(fixture.store.task(&ada, seen.id, false).await.unwrap().unwrap().version, 2);
}

#[tokio::test]
async fn one_claim_in_one_group_is_taken_once() {
    let fixture = Fixture::new().await;
    let sets = (0..5).map(|n| {
        let mut set = set(&user(&format!("user {n}")), vec![creation(task("claimed"))]);
        set.once = vec![("group".to_owned(), "key".to_owned())];
        set
    });
    let answers = join_all(sets.map(|set| fixture.store.commit(set))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(fixture.store.claimed("group", "key").await.unwrap());
}

#[tokio::test]
async fn an_error_in_a_group_rolls_it_back_and_spares_its_other_members() {
    let fixture = Fixture::new().await;
    fixture.refuse_events_of_eve().await;
    let names = ["ada", "bob", "eve", "cid"];
    let sets = names.map(|name| set(&user(name), vec![creation(task("one"))]));
    let answers = join_all(sets.into_iter().map(|set| fixture.store.commit(set))).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false, true]);
    assert!(matches!(answers[2], Err(StoreError::Internal(_))));
    assert_eq!(fixture.store.stream_bounds(&user("eve")).await.unwrap(), (0, None));
    assert!(fixture.store.history(&user("eve"), None, None, 10).await.unwrap().is_empty());
    let log = fixture.store.events_after(&[], 0, 100).await.unwrap();
    assert_eq!(log.len(), 6);
    assert_eq!(*fixture.store.committed().borrow(), log.last().unwrap().position);
}

#[tokio::test]
async fn a_caller_that_goes_away_breaks_nothing() {
    let fixture = Fixture::new().await;
    let ada = user("ada");
    let mut asked = 0;
    for _ in 0..50 {
        let mut commit = Box::pin(fixture.store.commit(set(&ada, vec![creation(task("gone"))])));
        // Polled once, it is in the queue; then it is dropped.
        let polled = std::future::poll_fn(|context| Poll::Ready(commit.as_mut().poll(context))).await;
        assert!(polled.is_pending());
        asked += 1;
    }
    fixture.store.commit(set(&ada, vec![creation(task("stays"))])).await.unwrap();
    let history = fixture.store.history(&ada, None, None, 100).await.unwrap();
    assert_eq!(history.len(), asked + 1);
    assert_eq!(history.last().unwrap().sequence, 51);
}

#[tokio::test]
async fn nothing_is_announced_before_it_can_be_read() {
    let fixture = Fixture::new().await;
    let store = fixture.store.clone();
    let mut committed = store.committed();
    let writes = async {
        for n in 0..100 {
            fixture.store.commit(set(&user(&format!("user {}", n % 3)), vec![creation(task("told"))])).await.unwrap();
        }
    };
    let reads = async {
        while *committed.borrow_and_update() < 200 {
            committed.changed().await.unwrap();
            let told = *committed.borrow();
            let log = store.events_after(&[], told - 1, 1).await.unwrap();
            assert_eq!(log.first().map(|event| event.position), Some(told));
        }
    };
    tokio::join!(writes, reads);
}

#[tokio::test]
async fn history_can_be_neither_changed_nor_removed() {
    let fixture = Fixture::new().await;
    fixture.store.commit(set(&user("ada"), vec![creation(task("fixed"))])).await.unwrap();
    for sql in ["UPDATE task_event SET kind = 'deleted'", "DELETE FROM task_event"] {
        assert!(write_one(&fixture.store, sql, |v| v).await.is_err(), "{sql}");
    }
    assert_eq!(fixture.store.history(&user("ada"), None, None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_deleted_account_leaves_no_row() {
    let fixture = Fixture::new().await;
    let store = fixture.store.as_ref();
    for name in ["ada", "bob"] {
        let id = user(name);
        let account = Account {
            id: id.clone(),
            email: format!("{name}@example.org"),
            name: None,
            password_hash: "$".to_owned(),
            created_at: at(0),
        };
        store.create_account(&account).await.unwrap();
        assert!(matches!(store.create_account(&account).await, Err(StoreError::Conflict)));
        store
            .create_sign_in(&SignIn { id: Uuid::now_v7(), user: id.clone(), created_at: at(0), expires_at: at(9) })
            .await
            .unwrap();
        let token = ApiToken {
            id: Uuid::now_v7(),
            user: id.clone(),
            name: "t".to_owned(),
            scopes: vec!["tasks:read".to_owned()],
            hash: [name.len() as u8 + name.as_bytes()[0]; 32],
            created_at: at(0),
            expires_at: None,
            last_used_at: None,
        };
        store.create_token(&token).await.unwrap();
        let tagged =
            |n: usize| Task { tags: Tags::new([Tag::new(&format!("t{}", n % 7)).unwrap()]).unwrap(), ..task("some words") };
        let mut all = set(&id, (0..1_200).map(|n| creation(tagged(n))).collect());
        all.preferences = Some(domain::preferences::Preferences::default());
        all.notes = vec![Note::Keep(super::notifications::notification(&task("noted"), 0))];
        store.commit(all).await.unwrap();
    }
    store.delete_account(&user("ada")).await.unwrap();
    let tables = [
        "task",
        "task_tag",
        "task_event",
        "outbox",
        "account",
        "session",
        "api_token",
        "preference",
        "notification",
        "user_sequence",
    ];
    for table in tables {
        let column = if table == "account" { "id" } else { "user_id" };
        let sql = format!("SELECT DISTINCT {column} FROM {table}");
        let left: Vec<String> = store.readers.find_all(sqlx::AssertSqlSafe(sql), |v| v, first).await.unwrap();
        assert_eq!(left, ["bob"], "{table}");
    }
    assert_eq!(fixture.text_entries().await.unwrap(), 1_200);
    // The address, and the id, are free again.
    store.commit(set(&user("ada"), vec![creation(task("anew"))])).await.unwrap();
    assert_eq!(store.stream_bounds(&user("ada")).await.unwrap(), (1, Some(1)));
}

#[tokio::test]
async fn the_sweep_takes_what_is_old_and_nothing_else() {
    let fixture = Fixture::new().await;
    let (store, ada) = (fixture.store.as_ref(), user("ada"));
    let gone = |minute| Task { deleted_at: Some(at(minute)), ..task("gone") };
    let (old, young, live) = (gone(0), gone(24 * 60), task("live"));
    let changes = [&old, &young, &live].map(|task| creation(task.clone()));
    let mut all = set(&ada, changes.to_vec());
    all.once = vec![("group".to_owned(), "key".to_owned())];
    store.commit(all).await.unwrap();
    store.remember("short", b"x", at(5)).await.unwrap();
    let later = at(30 * 24 * 60 + 1);
    store.commit(ChangeSet { now: later, ..set(&ada, vec![creation(task("recent"))]) }).await.unwrap();
    store.sweep(later).await.unwrap();
    let history = store.history(&ada, None, None, 10).await.unwrap();
    let left: BTreeSet<_> = history.iter().map(|entry| entry.task_id).collect();
    assert!(left.contains(&young.id) && left.contains(&live.id) && !left.contains(&old.id));
    assert!(store.task(&ada, old.id, true).await.unwrap().is_none());
    assert!(store.task(&ada, young.id, true).await.unwrap().is_some());
    assert!(!store.claimed("group", "key").await.unwrap());
    assert_eq!(store.recall("short", at(0)).await.unwrap(), None);
    assert_eq!(store.stream_bounds(&ada).await.unwrap(), (4, Some(4)));
    // A position is never given out twice, although the rows that had it are gone.
    store.commit(ChangeSet { now: later, ..set(&ada, vec![creation(task("next"))]) }).await.unwrap();
    assert_eq!(store.events_after(&[], 8, 10).await.unwrap().first().map(|event| event.position), Some(9));
}

#[tokio::test]
async fn a_claim_in_the_memory_holds_until_it_expires() {
    let fixture = Fixture::new().await;
    assert!(fixture.store.claim("key", at(0), at(5)).await.unwrap());
    assert!(!fixture.store.claim("key", at(4), at(9)).await.unwrap());
    assert!(fixture.store.claim("key", at(5), at(9)).await.unwrap());
}
