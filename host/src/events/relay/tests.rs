//! The relay on a real store, with a broker that does as it is told.

use super::*;
use crate::clock::TestClock;
use crate::store::Ledger;
use crate::store::sqlite::SqliteStore;
use crate::events::testing::creation;
use domain::contract::at;
use std::sync::Mutex;

/// Takes what it is told to take of each batch.
#[derive(Default)]
struct Broker {
    has: Mutex<Vec<i64>>,
    /// How many of the next batches it takes, one after the other; then all.
    takes: Mutex<Vec<usize>>,
}

#[async_trait]
impl Publish for Broker {
    async fn publish(&self, events: &[LoggedEvent]) -> Published {
        let mut takes = self.takes.lock().unwrap();
        let delivered = if takes.is_empty() { events.len() } else { takes.remove(0).min(events.len()) };
        self.has.lock().unwrap().extend(events.iter().take(delivered).map(|event| event.position));
        Published { delivered, trouble: (delivered < events.len()).then(|| "away".to_owned()) }
    }
}

struct World {
    store: Arc<SqliteStore>,
    broker: Arc<Broker>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new(takes: &[usize]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
        let broker = Arc::new(Broker { takes: Mutex::new(takes.to_vec()), ..Broker::default() });
        Self { store, broker, _folder: folder }
    }

    fn relay(&self) -> Relay {
        Relay::new("relay to a broker", self.store.clone(), self.broker.clone(), Arc::<TestClock>::default())
    }

    async fn add_tasks(&self, count: usize) {
        for _ in 0..count {
            self.store.commit(creation("ada")).await.unwrap();
        }
    }

    async fn position(&self) -> i64 {
        self.store.group_position("relay to a broker").await.unwrap().unwrap_or(0)
    }
}

#[tokio::test]
async fn all_that_is_committed_is_published_in_its_order_and_once() {
    let world = World::new(&[]).await;
    world.add_tasks(400).await;
    let mut relay = world.relay();
    assert_eq!(relay.step().await.unwrap(), Step::Relayed(512));
    assert_eq!(relay.step().await.unwrap(), Step::Relayed(288));
    assert_eq!(relay.step().await.unwrap(), Step::Idle);
    world.add_tasks(1).await;
    assert_eq!(world.relay().step().await.unwrap(), Step::Relayed(2), "another process goes on where this one was");
    assert_eq!(*world.broker.has.lock().unwrap(), (1..=802).collect::<Vec<i64>>());
}

#[tokio::test]
async fn the_position_is_kept_behind_what_was_delivered_and_no_further() {
    let world = World::new(&[0, 3]).await;
    world.add_tasks(3).await;
    let mut relay = world.relay();
    assert_eq!(relay.step().await.unwrap(), Step::Troubled("away".to_owned()));
    assert_eq!(world.position().await, 0);
    assert_eq!(relay.step().await.unwrap(), Step::Troubled("away".to_owned()));
    assert_eq!(world.position().await, 3);
    assert_eq!(relay.step().await.unwrap(), Step::Relayed(3));
    assert_eq!((world.position().await, relay.step().await.unwrap()), (6, Step::Idle));
}

#[tokio::test]
async fn dead_letters_of_the_local_bus_are_not_published() {
    let world = World::new(&[]).await;
    world.add_tasks(1).await;
    world.store.write_again(1, "task-events.dlq", None, at(0)).await.unwrap();
    let mut relay = world.relay();
    assert_eq!(relay.step().await.unwrap(), Step::Relayed(2));
    assert_eq!(relay.step().await.unwrap(), Step::Idle);
}

#[tokio::test]
async fn failure_02_a_broker_that_comes_back_gets_what_was_committed_meanwhile() {
    let world = World::new(&[0, 0, 0]).await;
    let mut relay = world.relay();
    let stopping = CancellationToken::new();
    let told = stopping.clone();
    let running = crate::task::Tasks::default().spawn("relay", async move { relay.run(told).await });
    world.add_tasks(5).await;
    let came = async {
        while world.position().await < 10 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), came).await.unwrap();
    stopping.cancel();
    running.await.unwrap();
    assert_eq!(*world.broker.has.lock().unwrap(), (1..=10).collect::<Vec<i64>>());
}
