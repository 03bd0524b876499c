//! The bus on a real Kafka. Each test has topics and groups of its own, by a prefix; most share one broker.

mod groups;
mod listeners;
mod operators;
mod outages;
mod poison;
mod rights;

use super::*;
use crate::clock::TestClock;
use crate::events::relay::Relay;
use crate::events::testing::{Recorder, creation};
use crate::events::{Consumer, DEAD_LETTERS, Entry, Handler};
use crate::store::sqlite::SqliteStore;
use crate::store::{EventLog, Ledger, LoggedEvent};
use domain::event::{TASK_EVENTS, TASK_UPDATES};
use futures::StreamExt;
use parts::{Kafka, present};
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::time::Duration;
use tempfile::TempDir;

/// A cluster, a store, and the hosts that work with both.
struct World {
    kafka: Arc<Kafka>,
    config: KafkaConfig,
    store: Arc<SqliteStore>,
    clock: Arc<TestClock>,
    _folder: TempDir,
}

/// One host, as far as its bus goes. Two of one world are two of one group.
struct Host {
    bus: KafkaBus,
    tasks: Tasks,
    clock: Arc<TestClock>,
}

impl World {
    /// On the broker that others use, too. None where there is none here.
    async fn new() -> Option<Self> {
        let kafka = tokio::task::spawn_blocking(|| present("Kafka", Kafka::present()).then(|| Kafka::shared().unwrap()))
            .await
            .unwrap()?;
        Some(Self::on(kafka).await)
    }

    /// On a broker of its own.
    async fn alone() -> Option<Self> {
        let kafka = tokio::task::block_in_place(|| present("Kafka", Kafka::present()).then(|| Kafka::start().unwrap()))?;
        Some(Self::on(Arc::new(kafka)).await)
    }

    async fn on(kafka: Arc<Kafka>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
        let config = config(&kafka.brokers());
        Self { kafka, config, store, clock: Arc::default(), _folder: folder }
    }

    fn host(&self) -> Host {
        let tasks = Tasks::default();
        let bus = KafkaBus::start(self.config.clone(), self.clock.clone(), tasks.clone());
        Host { bus, tasks, clock: self.clock.clone() }
    }

    /// Relays, as a host does.
    fn relay(&self, host: &Host) {
        let mut relay = Relay::new(RELAY, self.store.clone(), host.bus.publisher(), self.clock.clone());
        let stopping = host.tasks.stopping();
        host.tasks.spawn("relay", async move { relay.run(stopping).await });
    }

    async fn add_tasks(&self, user: &str, count: usize) {
        for _ in 0..count {
            self.store.commit(creation(user)).await.unwrap();
        }
    }

    /// Waits until all that is committed is relayed.
    async fn relayed(&self) {
        let last = self.store.last_position().await.unwrap();
        until("all is relayed", async || self.store.group_position(RELAY).await.unwrap() >= Some(last)).await;
    }

    /// Writes a record of anybody's.
    async fn write(&self, topic: &str, key: Option<&[u8]>, value: Option<&[u8]>) {
        let producer: FutureProducer = self.config.client().set("message.max.bytes", "2000000").create().unwrap();
        let topic = format!("{}{topic}", self.config.prefix);
        let record = FutureRecord { topic: &topic, partition: None, payload: value, key, timestamp: None, headers: None };
        producer.send(record, Duration::from_secs(10)).await.map_err(|(error, _)| error).unwrap();
    }
}

/// A test that fails leaves no thread behind that its runtime would wait for.
impl Drop for Host {
    fn drop(&mut self) {
        self.tasks.stopping().cancel();
    }
}

impl Host {
    /// Works in a group that hears `task-events`.
    fn group(&self, group: &str, handler: Arc<dyn Handler>) {
        let (name, clock, tasks) = (group.to_owned(), self.clock.clone(), self.tasks.clone());
        let start = move |source| Consumer::new(&name, &[], source, handler.clone(), clock.clone(), tasks.clone());
        self.bus.consume(group, &[TASK_EVENTS.to_owned()], Box::new(start));
    }

    async fn ready(&self) {
        until("the topics are there", async || self.bus.away().is_none()).await;
    }

    async fn stop(self) {
        tokio::time::timeout(Duration::from_secs(30), self.tasks.stop()).await.expect("it stops");
    }

    /// The entries of a topic.
    async fn list(&self, topic: &str) -> Vec<Entry> {
        let wanted = Wanted { topic: Some(topic.to_owned()), follow: false };
        self.bus.list(wanted).map(|page| page.unwrap()).concat().await
    }

    async fn letters(&self) -> Vec<Entry> {
        self.list(&format!("{TASK_EVENTS}{DEAD_LETTERS}")).await
    }
}

fn config(brokers: &str) -> KafkaConfig {
    let prefix = format!("it-{}.", uuid::Uuid::now_v7().simple());
    KafkaConfig { brokers: brokers.to_owned(), prefix, replication: None, login: None, tls: None }
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect(what);
}

/// The numbers of a user's events, from the first.
fn numbers(count: u64) -> Vec<u64> {
    (1..=count).collect()
}
