//! A user's events are numbered without a gap in the order of commits, and are nobody else's.

use super::{Harness, at, commit, creation, renaming, task, user};
use crate::id::{TaskId, UserId};
use crate::ports::{Failure, Session};
use crate::query::TaskQuery;

/// The numbers of the user's events on each of the two topics.
async fn numbers<H: Harness>(harness: &H, user: &UserId) -> (Vec<u64>, Vec<u64>) {
    let published = harness.published(user).await;
    let on = |topic: &str| published.iter().filter(|event| event.topic == topic).filter_map(|event| event.sequence).collect();
    (on("task-events"), on("task-updates"))
}

/// A commit that fails, or is dropped, takes no number.
pub async fn numbers_count_up_by_one_whatever_fails<H: Harness>(harness: &H) {
    let user = user("numbers", "ada");
    let session = harness.session(&user).await;
    let first = task("first");
    commit(&session, [creation(first.clone())]).await.unwrap();
    for round in 0..5 {
        assert_eq!(commit(&session, [creation(task("x")), creation(first.clone())]).await, Err(Failure::Conflict));
        let several = (0..=round).map(|n| creation(task(&format!("{round}.{n}"))));
        commit(&session, several).await.unwrap();
    }
    let expected: Vec<u64> = (1..=16).collect();
    assert_eq!(numbers(harness, &user).await, (expected.clone(), expected.clone()));
    let history = session.history(None, None, 100).await.unwrap();
    assert_eq!(history.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), expected);
}

/// Eight workers change one task at once, each until it has succeeded five times.
pub async fn workers_that_contend_lose_no_update<H: Harness>(harness: &H) {
    let user = user("contend", "ada");
    let session = harness.session(&user).await;
    let start = task("0");
    commit(&session, [creation(start.clone())]).await.unwrap();
    let worker = async || {
        let session = harness.session(&user).await;
        for _ in 0..5 {
            add_one(&session, start.id).await;
        }
    };
    futures::future::join_all((0..8).map(|_| worker())).await;
    let end = session.get(start.id, false).await.unwrap().unwrap();
    assert_eq!((end.title.as_str(), end.version), ("40", 41));
    let expected: Vec<u64> = (1..=41).collect();
    assert_eq!(numbers(harness, &user).await, (expected.clone(), expected));
}

/// Counts a task's title up by one, beginning again whenever somebody was faster.
async fn add_one(session: &impl Session, id: TaskId) {
    loop {
        let task = session.get(id, false).await.unwrap().unwrap();
        let count: u32 = task.title.as_str().parse().unwrap();
        match commit(session, [renaming(&task, &(count + 1).to_string())]).await {
            Ok(()) => return,
            Err(Failure::Conflict) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

/// Pages by number, of one task or of all.
pub async fn history_comes_oldest_first_in_pages<H: Harness>(harness: &H) {
    let session = harness.session(&user("history", "ada")).await;
    let (mut one, other) = (task("v1"), task("other"));
    commit(&session, [creation(one.clone()), creation(other.clone())]).await.unwrap();
    for version in 2..=5 {
        let change = renaming(&one, &format!("v{version}"));
        one = change.task.clone();
        commit(&session, [change]).await.unwrap();
    }
    let page = async |task, after, limit| -> Vec<u64> {
        session.history(task, after, limit).await.unwrap().iter().map(|entry| entry.sequence).collect()
    };
    assert_eq!(page(Some(one.id), None, 10).await, [1, 3, 4, 5, 6]);
    assert_eq!(page(Some(one.id), None, 2).await, [1, 3]);
    assert_eq!(page(Some(one.id), Some(3), 2).await, [4, 5]);
    assert_eq!(page(Some(one.id), Some(6), 2).await, [0; 0]);
    assert_eq!(page(None, Some(0), 3).await, [1, 2, 3]);
    assert_eq!(page(Some(other.id), None, 10).await, [2]);
    let entries = session.history(Some(one.id), Some(3), 1).await.unwrap();
    assert_eq!(entries[0].changed_fields[0].old, "v2");
    assert_eq!(entries[0].changed_fields[0].new, "v3");
}

/// A stranger finds nothing, changes nothing, and has numbers of its own.
pub async fn users_do_not_see_each_other<H: Harness>(harness: &H) {
    let (ada, bob) = (user("apart", "ada"), user("apart", "bob"));
    let (adas, bobs) = (harness.session(&ada).await, harness.session(&bob).await);
    let task = task("ada's");
    commit(&adas, [creation(task.clone())]).await.unwrap();

    assert_eq!(bobs.get(task.id, true).await.unwrap(), None);
    assert_eq!(bobs.history(Some(task.id), None, 10).await.unwrap(), []);
    assert_eq!(bobs.history(None, None, 10).await.unwrap(), []);
    assert_eq!(bobs.list(&everything()).await.unwrap(), []);
    assert_eq!(commit(&bobs, [renaming(&task, "bob's")]).await, Err(Failure::Conflict));
    commit(&bobs, [creation(super::task("bob's own"))]).await.unwrap();

    assert_eq!(adas.get(task.id, false).await.unwrap(), Some(task.clone()));
    assert_eq!(adas.list(&everything()).await.unwrap(), [task]);
    assert_eq!(numbers(harness, &ada).await, (vec![1], vec![1]));
    assert_eq!(numbers(harness, &bob).await, (vec![1], vec![1]));
}

fn everything() -> TaskQuery {
    TaskQuery::everything(at(0), 1_000)
}

/// A list that begins after a commit was answered shows it.
pub async fn a_list_sees_the_commit_before_it<H: Harness>(harness: &H) {
    let session = harness.session(&user("own writes", "ada")).await;
    for count in 1..=20 {
        commit(&session, [creation(task("mine"))]).await.unwrap();
        assert_eq!(session.list(&everything()).await.unwrap().len(), count);
    }
}
