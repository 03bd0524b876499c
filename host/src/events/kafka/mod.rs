//! The bus of a Kafka cluster (or of what speaks its protocol, such as Redpanda).
//!
//! [`topics`] sees to it that they are there; a [relay](super::relay) publishes through [`publisher`]; a [`group`] has the parts of its
//! topics that are this host's, each a source ([`part`]) with a consumer of its own; [`tail`] hears all parts, and [`operators`] look at
//! them. A [`record`] is an event, or it is refused. What must not live here: what an event means; positions anywhere but on the broker.

mod cluster;
mod config;
mod group;
mod operators;
mod part;
mod publisher;
mod reading;
mod record;
mod tail;
mod topics;

pub use config::{KafkaConfig, KafkaOptions, Login, Tls, brokers, mechanism, prefix, replication};

use super::bus::{Bus, Start, Tail};
use super::dead::Replay;
use super::listing::{Entries, Wanted};
use super::relay::Publish;
use crate::clock::Clock;
use crate::store::StoreError;
use crate::task::Tasks;
use async_trait::async_trait;
use cluster::Cluster;
use part::Shared;
use publisher::Publisher;
use std::sync::Arc;
use tokio::task::JoinHandle;
use topics::Topics;

/// In whose name the store keeps how far the relay has come.
pub const RELAY: &str = "relay to kafka";

/// One cluster, as a bus.
pub struct KafkaBus {
    cluster: Arc<Cluster>,
    publisher: Arc<Publisher>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
}

impl KafkaBus {
    /// Begins to look after the topics. That the cluster is away is no error: everything begins when it is there.
    pub fn start(config: KafkaConfig, clock: Arc<dyn Clock>, tasks: Tasks) -> Self {
        let (cluster, stopping) = (Cluster::new(config), tasks.stopping());
        let publisher = Publisher::new(cluster.clone());
        let mut topics = Topics::new(cluster.clone(), publisher.clone());
        tasks.spawn("topics", async move { topics.run(stopping).await });
        Self { cluster, publisher, clock, tasks }
    }

    /// What a relay publishes through.
    pub fn publisher(&self) -> Arc<dyn Publish> {
        self.publisher.clone()
    }
}

/// Makes the topics that are missing. `Err`: why the cluster cannot be worked with, and what to do about it.
pub async fn make_topics(config: &KafkaConfig) -> Result<(), String> {
    topics_of(config).step().await
}

/// The topics that are missing; nothing is changed. `Err` as of [`make_topics`].
pub async fn missing_topics(config: &KafkaConfig) -> Result<Vec<String>, String> {
    topics_of(config).missing().await
}

fn topics_of(config: &KafkaConfig) -> Topics {
    let cluster = Cluster::new(config.clone());
    let publisher = Publisher::new(cluster.clone());
    Topics::new(cluster, publisher)
}

#[async_trait]
impl Bus for KafkaBus {
    fn consume(&self, group: &str, topics: &[String], start: Start) -> JoinHandle<()> {
        let shared = Shared {
            cluster: self.cluster.clone(),
            publisher: self.publisher.clone(),
            clock: self.clock.clone(),
            group: group.to_owned(),
        };
        self.tasks.spawn("group", group::run(Arc::new(shared), topics.to_vec(), start, self.tasks.clone()))
    }

    fn tail(&self, topics: &'static [&'static str]) -> Tail {
        tail::tail(&self.cluster, topics, &self.tasks)
    }

    fn list(&self, wanted: Wanted) -> Entries {
        operators::list(&self.cluster, wanted, &self.tasks)
    }

    async fn replay(&self, wanted: &Replay) -> Result<u64, StoreError> {
        operators::replay(&self.cluster, &self.publisher, wanted).await
    }

    fn away(&self) -> Option<String> {
        self.cluster.away().map(|reason| format!("the broker: {reason}"))
    }
}

#[cfg(test)]
mod tests;
