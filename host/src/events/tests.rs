//! Groups and listeners on a real store. Failures 2, 3, 16 and 21 of the specification, as far as the local bus goes.

use super::testing::{Recorder, creation, retry};
use super::*;
use crate::clock::TestClock;
use crate::store::sqlite::SqliteStore;
use crate::store::{EventLog, Ledger, LoggedEvent, Store};
use crate::task::Tasks;
use async_trait::async_trait;
use domain::contract;
use domain::event::{TASK_EVENTS, TASK_UPDATES};
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A store and what works on it.
struct World {
    store: Arc<SqliteStore>,
    clock: Arc<TestClock>,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
        Self { store, clock: Arc::default(), _folder: folder }
    }

    fn bus(&self) -> LocalBus {
        self.bus_of(&Tasks::default())
    }

    fn bus_of(&self, tasks: &Tasks) -> LocalBus {
        LocalBus::new(self.store.clone(), self.clock.clone(), tasks.clone())
    }

    async fn add_tasks(&self, user: &str, count: usize) {
        for _ in 0..count {
            self.store.commit(creation(user)).await.unwrap();
        }
    }

    /// Starts a group that hears `task-events`.
    fn group(&self, group: &str, types: &[&str], handler: Arc<dyn Handler>) -> Group {
        let types: Vec<String> = types.iter().map(|kind| (*kind).to_owned()).collect();
        let tasks = Tasks::default();
        let (name, clock, own) = (group.to_owned(), self.clock.clone(), tasks.clone());
        let start = move |source| Consumer::new(&name, &types, source, handler.clone(), clock.clone(), own.clone());
        let running = self.bus_of(&tasks).consume(group, &[TASK_EVENTS.to_owned()], Box::new(start));
        Group { tasks, running }
    }

    async fn position(&self, group: &str) -> i64 {
        self.store.group_position(group).await.unwrap().unwrap_or(0)
    }

    async fn letters(&self) -> Vec<LoggedEvent> {
        self.store.events_after(&["task-events.dlq"], 0, 1_000).await.unwrap()
    }

    /// Waits for what a group does, and lets time pass meanwhile: an hour takes a tenth of a second.
    async fn until(&self, holds: impl AsyncFn() -> bool) {
        let waiting = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
                self.clock.move_by(100);
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it happens");
    }
}

struct Group {
    tasks: Tasks,
    running: JoinHandle<()>,
}

impl Group {
    async fn stop(self) {
        self.tasks.stop().await;
    }

    /// As the process ends that is killed.
    fn kill(self) {
        self.running.abort();
    }
}

#[tokio::test]
async fn failure_21_two_groups_each_get_every_event() {
    let world = World::new().await;
    world.add_tasks("ada", 3).await;
    let (first, second) = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
    let groups = [world.group("one", &[], first.clone()), world.group("two", &[], second.clone())];
    world.until(async || first.of("ada") == [1, 2, 3] && second.of("ada") == [1, 2, 3]).await;
    for group in groups {
        group.stop().await;
    }
    assert_eq!((world.position("one").await, world.position("two").await), (6, 6));
}

#[tokio::test]
async fn failure_03_what_was_handled_but_not_acknowledged_comes_again() {
    /// The process dies after the handler, before the position is kept: the handler never answers.
    struct Dies(Arc<Recorder>);
    #[async_trait]
    impl Handler for Dies {
        async fn handle(&self, events: &[LoggedEvent]) -> Handled {
            self.0.handle(events).await;
            std::future::pending().await
        }
    }
    let world = World::new().await;
    world.add_tasks("ada", 3).await;
    let recorder = Arc::new(Recorder::default());
    let dying = world.group("group", &[], Arc::new(Dies(recorder.clone())));
    world.until(async || recorder.of("ada") == [1, 2, 3]).await;
    dying.kill();
    let next = world.group("group", &[], recorder.clone());
    world.until(async || recorder.of("ada") == [1, 2, 3, 1, 2, 3]).await;
    next.stop().await;
}

#[tokio::test]
async fn failure_16_what_is_refused_is_not_acknowledged() {
    let world = World::new().await;
    world.add_tasks("ada", 2).await;
    let recorder = Arc::new(Recorder::default()).troubled("ada", 1, vec![retry(), Trouble::Busy]);
    let group = world.group("group", &[], recorder.clone());
    world.until(async || recorder.of("ada").len() == 1).await;
    assert_eq!(world.position("group").await, 0);
    world.until(async || recorder.of("ada") == [1, 1, 1, 2]).await;
    group.stop().await;
    assert_eq!((world.position("group").await, world.letters().await.len()), (4, 0));
}

#[tokio::test]
async fn failure_02_an_outage_of_the_store_makes_no_dead_letter() {
    let world = World::new().await;
    world.add_tasks("ada", 1).await;
    let recorder = Arc::new(Recorder::default()).troubled("ada", 1, vec![Trouble::StoreAway("gone".to_owned()); 6]);
    let group = world.group("group", &[], recorder.clone());
    world.until(async || recorder.of("ada").len() == 7).await;
    world.until(async || world.position("group").await == 2).await;
    group.stop().await;
    assert_eq!(world.letters().await.len(), 0);
}

#[tokio::test]
async fn a_position_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Arc::new(Recorder::default());
    for count in [2, 1] {
        let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
        let world = World { store, clock: Arc::default(), _folder: tempfile::tempdir().unwrap() };
        world.add_tasks("ada", count).await;
        let group = world.group("group", &[], recorder.clone());
        let seen = recorder.of("ada").len();
        world.until(async || recorder.of("ada").len() >= seen + count).await;
        group.stop().await;
        world.store.close().await;
    }
    assert_eq!(recorder.of("ada"), [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_gets_the_past_and_the_future_in_order_users_side_by_side_and_through_refusals() {
    let world = World::new().await;
    world.add_tasks("ada", 150).await;
    world.add_tasks("bob", 20).await;
    let recorder = Arc::new(Recorder::default()).troubled("ada", 70, vec![retry()]);
    let group = world.group("group", &[], recorder.clone());
    world.add_tasks("ada", 50).await;
    world.until(async || recorder.of("ada").len() > 200 && recorder.of("bob").len() >= 20).await;
    group.stop().await;
    assert_eq!(recorder.of("ada"), (1..=70).chain(70..=200).collect::<Vec<u64>>());
    assert_eq!(recorder.of("bob"), (1..=20).collect::<Vec<u64>>());
    assert!(world.position("group").await >= 439);
}

#[tokio::test]
async fn what_is_refused_too_often_is_a_dead_letter_and_the_rest_goes_on_meanwhile() {
    let world = World::new().await;
    world.add_tasks("ada", 3).await;
    world.add_tasks("bob", 1).await;
    let recorder = Arc::new(Recorder::default()).troubled("ada", 2, vec![retry(); 10]);
    let group = world.group("group", &[], recorder.clone());
    world.until(async || recorder.of("ada") == [1, 2]).await;
    world.add_tasks("bob", 200).await;
    world.until(async || recorder.of("bob").len() == 201).await;
    assert!(recorder.of("ada").len() < 7, "{:?}", recorder.of("ada"));
    world.until(async || recorder.of("ada") == [1, 2, 2, 2, 2, 2, 3]).await;
    group.stop().await;
    let letters = world.letters().await;
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    let refused = &world.store.events_after(&[TASK_EVENTS], 0, 2).await.unwrap()[1];
    assert_eq!((letter.id, &letter.kind, &letter.user), (refused.id, &refused.kind, &refused.user));
    assert_eq!(letter.body.get(), refused.body.get(), "the event is unchanged");
    let said = DeadLetter::of(letter).unwrap();
    assert_eq!((said.reason.as_str(), said.group.as_str(), said.tries), ("not now", "group", 5));
    assert_eq!((said.topic.as_str(), said.position), (TASK_EVENTS, refused.position));
}

#[tokio::test]
async fn what_is_rejected_is_a_dead_letter_at_once_and_can_be_sent_again() {
    let world = World::new().await;
    world.add_tasks("ada", 2).await;
    let rejected = vec![Trouble::Reject("unknown version".to_owned())];
    let recorder = Arc::new(Recorder::default()).troubled("ada", 1, rejected);
    let group = world.group("group", &[], recorder.clone());
    world.until(async || recorder.of("ada") == [1, 2] && world.letters().await.len() == 1).await;
    group.stop().await;
    let letter = world.letters().await.remove(0);
    let log = world.store.as_ref();
    let sent = async |wanted: Replay| world.bus().replay(&wanted).await.unwrap();
    assert_eq!(sent(Replay::default()).await, 1);
    assert_eq!(sent(Replay::default()).await, 0, "it was sent again before");
    assert_eq!(sent(Replay { id: Some(letter.id), topic: None }).await, 1, "unless it is wanted by its id");
    let headers = DeadLetter::of(&letter).unwrap().headers().unwrap();
    log.write_again(letter.position, &letter.topic, Some(&headers), contract::at(0)).await.unwrap();
    assert_eq!(sent(Replay { id: Some(letter.id), topic: None }).await, 1, "once, though it was buried twice");
    assert_eq!(sent(Replay { id: Some(uuid::Uuid::nil()), topic: None }).await, 0);
    assert_eq!(sent(Replay { id: None, topic: Some("reminders.dlq".to_owned()) }).await, 0);
    let again = log.events_after(&[TASK_EVENTS], letter.position, 10).await.unwrap();
    assert_eq!(again.iter().map(|event| (event.id, event.body.get())).collect::<Vec<_>>(), [(letter.id, letter.body.get()); 3]);
    assert!(again.iter().all(|event| event.headers.is_none()));
}

#[tokio::test]
async fn a_user_with_more_than_a_lane_holds_is_read_again_in_order() {
    let world = World::new().await;
    world.add_tasks("ada", 100).await;
    let recorder = Arc::new(Recorder::default()).troubled("ada", 1, vec![retry(), retry()]);
    let group = world.group("group", &[], recorder.clone());
    world.until(async || recorder.of("ada").len() == 1).await;
    world.add_tasks("ada", 100).await;
    world.until(async || recorder.of("ada").len() >= 202).await;
    group.stop().await;
    assert_eq!(recorder.of("ada"), [1, 1].into_iter().chain(1..=200).collect::<Vec<u64>>());
    assert_eq!(world.position("group").await, 400);
}

#[tokio::test]
async fn a_group_is_woken_only_for_the_types_that_it_wants() {
    let world = World::new().await;
    world.add_tasks("ada", 40).await;
    let recorder = Arc::new(Recorder::default());
    let group = world.group("group", &["task.completed"], recorder.clone());
    world.until(async || world.position("group").await >= 79).await;
    group.stop().await;
    assert!(recorder.of("ada").is_empty());
}

#[tokio::test]
async fn a_handler_that_panics_is_one_that_refuses() {
    struct Panics;
    #[async_trait]
    impl Handler for Panics {
        async fn handle(&self, _: &[LoggedEvent]) -> Handled {
            panic!("on purpose")
        }
    }
    let world = World::new().await;
    world.add_tasks("ada", 1).await;
    let group = world.group("group", &[], Arc::new(Panics));
    world.until(async || world.letters().await.len() == 1).await;
    group.stop().await;
    assert_eq!(DeadLetter::of(&world.letters().await[0]).unwrap().tries, 5);
}

#[tokio::test]
async fn every_listener_hears_every_event_from_when_it_asked() {
    let world = World::new().await;
    world.add_tasks("ada", 2).await;
    let (first, second) = (world.bus().tail(&[TASK_UPDATES]), world.bus().tail(&[TASK_UPDATES]));
    world.add_tasks("ada", 300).await;
    for listener in [first, second] {
        let heard: Vec<LoggedEvent> = listener.take(300).collect().await;
        assert_eq!(heard.iter().filter_map(|event| event.sequence).collect::<Vec<_>>(), (3..=302).collect::<Vec<_>>());
        assert!(heard.iter().all(|event| event.topic == TASK_UPDATES));
    }
}
