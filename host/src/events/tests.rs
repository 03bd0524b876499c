//! Groups and listeners on a real store. Failures 2, 3, 16 and 21 of the specification, as far as the local bus goes.

use super::*;
use crate::store::sqlite::SqliteStore;
use crate::store::{ChangeSet, EventLog, Ledger, LoggedEvent};
use crate::task::Tasks;
use async_trait::async_trait;
use domain::change::{Actor, ActorKind, Source};
use domain::contract;
use domain::event::{TASK_EVENTS, TASK_UPDATES};
use domain::id::UserId;
use futures::StreamExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// Remembers what it was handed, and refuses as often as told.
#[derive(Default)]
struct Recorder {
    seen: Mutex<Vec<(String, u64)>>,
    refusals: Mutex<u32>,
}

impl Recorder {
    fn refusing(times: u32) -> Arc<Self> {
        Arc::new(Self { refusals: Mutex::new(times), ..Self::default() })
    }

    fn sequences(&self) -> Vec<u64> {
        self.seen.lock().unwrap().iter().map(|(_, sequence)| *sequence).collect()
    }
}

#[async_trait]
impl Handler for Recorder {
    async fn handle(&self, event: &LoggedEvent) -> Result<(), Refused> {
        self.seen.lock().unwrap().push((event.user.to_string(), event.sequence));
        let mut refusals = self.refusals.lock().unwrap();
        if *refusals > 0 {
            *refusals -= 1;
            return Err(Refused { reason: "not now".to_owned(), retry_after: Some(Duration::from_millis(1)) });
        }
        Ok(())
    }
}

async fn store() -> (Arc<SqliteStore>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Arc::new(SqliteStore::open(folder.path()).await.unwrap()), folder)
}

async fn add_tasks(store: &SqliteStore, user: &str, count: usize) {
    for _ in 0..count {
        store.commit(creation(user)).await.unwrap();
    }
}

fn creation(user: &str) -> ChangeSet {
    let user: UserId = user.parse().unwrap();
    ChangeSet {
        actor: Actor { kind: ActorKind::User, id: user.to_string() },
        user,
        source: Source::Api,
        now: contract::at(0),
        traceparent: None,
        changes: vec![contract::creation(contract::task("Water the plants"))],
        depends_on: Vec::new(),
        preferences: None,
        kept_answer: None,
        once: Vec::new(),
    }
}

#[tokio::test]
async fn failure_21_two_groups_each_get_every_event() {
    let (store, _folder) = store().await;
    add_tasks(&store, "ada", 3).await;
    let (first, second) = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
    let mut one = Reader::new(store.clone(), "one", &[TASK_EVENTS], first.clone());
    let mut two = Reader::new(store.clone(), "two", &[TASK_EVENTS], second.clone());
    assert_eq!(one.step().await.unwrap(), Step::Done(3));
    assert_eq!(two.step().await.unwrap(), Step::Done(3));
    assert_eq!((first.sequences(), second.sequences()), (vec![1, 2, 3], vec![1, 2, 3]));
    assert_eq!(one.step().await.unwrap(), Step::Idle);
}

#[tokio::test]
async fn failure_3_what_was_handled_but_not_acknowledged_comes_again() {
    let (store, _folder) = store().await;
    add_tasks(&store, "ada", 3).await;
    let recorder = Arc::new(Recorder::default());
    // The process dies after the handler, before the position is kept: the handler never answers.
    struct Dies(Arc<Recorder>);
    #[async_trait]
    impl Handler for Dies {
        async fn handle(&self, event: &LoggedEvent) -> Result<(), Refused> {
            self.0.handle(event).await?;
            if event.sequence == 2 { std::future::pending().await } else { Ok(()) }
        }
    }
    let mut dying = Reader::new(store.clone(), "group", &[TASK_EVENTS], Arc::new(Dies(recorder.clone())));
    assert!(tokio::time::timeout(Duration::from_millis(100), dying.step()).await.is_err());
    let mut next = Reader::new(store.clone(), "group", &[TASK_EVENTS], recorder.clone());
    assert_eq!(next.step().await.unwrap(), Step::Done(3));
    assert_eq!(recorder.sequences(), [1, 2, 1, 2, 3]);
}

#[tokio::test]
async fn failure_16_what_is_refused_is_not_acknowledged() {
    let (store, _folder) = store().await;
    add_tasks(&store, "ada", 2).await;
    let recorder = Recorder::refusing(2);
    let mut reader = Reader::new(store.clone(), "group", &[TASK_EVENTS], recorder.clone());
    assert_eq!(reader.step().await.unwrap(), Step::Refused(Duration::from_millis(1)));
    assert_eq!(store.group_position("group").await.unwrap(), None);
    assert_eq!(reader.step().await.unwrap(), Step::Refused(Duration::from_millis(1)));
    assert_eq!(reader.step().await.unwrap(), Step::Done(2));
    assert_eq!(recorder.sequences(), [1, 1, 1, 2]);
}

#[tokio::test]
async fn a_position_outlives_the_process() {
    let (store, folder) = store().await;
    add_tasks(&store, "ada", 2).await;
    let recorder = Arc::new(Recorder::default());
    Reader::new(store.clone(), "group", &[TASK_EVENTS], recorder.clone()).step().await.unwrap();
    crate::store::Store::close(store.as_ref()).await;
    drop(store);
    let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
    add_tasks(&store, "ada", 1).await;
    Reader::new(store.clone(), "group", &[TASK_EVENTS], recorder.clone()).step().await.unwrap();
    assert_eq!(recorder.sequences(), [1, 2, 3]);
}

#[tokio::test]
async fn a_subscribed_group_gets_the_past_and_the_future_in_order_and_through_refusals() {
    let (store, _folder) = store().await;
    add_tasks(&store, "ada", 150).await;
    let (tasks, recorder) = (Tasks::default(), Recorder::refusing(1));
    LocalBus::new(store.clone()).subscribe("group", &[TASK_EVENTS], recorder.clone(), &tasks);
    add_tasks(&store, "ada", 50).await;
    let all = async {
        while store.group_position("group").await.unwrap() < Some(399) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), all).await.unwrap();
    tasks.stop().await;
    assert_eq!(recorder.sequences(), std::iter::once(1).chain(1..=200).collect::<Vec<u64>>());
}

#[tokio::test]
async fn every_listener_hears_every_event_from_when_it_asked() {
    let (store, _folder) = store().await;
    add_tasks(&store, "ada", 2).await;
    let bus = LocalBus::new(store.clone());
    let (first, second) = (bus.tail(&[TASK_UPDATES]), bus.tail(&[TASK_UPDATES]));
    add_tasks(&store, "ada", 300).await;
    for listener in [first, second] {
        let heard: Vec<LoggedEvent> = listener.take(300).collect().await;
        assert_eq!(heard.iter().map(|event| event.sequence).collect::<Vec<_>>(), (3..=302).collect::<Vec<_>>());
        assert!(heard.iter().all(|event| event.topic == TASK_UPDATES));
    }
}
