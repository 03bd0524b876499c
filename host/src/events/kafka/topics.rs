//! The topics: made where they are missing, looked at where they are there. It goes on asking, and so it is what knows whether the
//! cluster can be worked with.

use super::cluster::{Cluster, PATIENCE, Reports};
use super::publisher::Publisher;
use crate::events::dead::DEAD_LETTERS;
use domain::event::{REMINDERS, TASK_EVENTS, TASK_UPDATES};
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResourceResult, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Each topic and its parts. Those of its dead letters are one.
const PARTS: [(&str, i32); 3] = [(TASK_EVENTS, 3), (REMINDERS, 1), (TASK_UPDATES, 3)];
/// How long events are kept: 7 days, in milliseconds.
const RETENTION: &str = "604800000";
/// What a topic of dead letters takes, in bytes: all that its topic takes by default, and what is said of it.
const LARGEST_LETTER: &str = "2097152";
/// How often it asks while all is well, and while it is not.
const LOOK: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A topic as it should be.
struct Topic {
    name: String,
    parts: i32,
    letters: bool,
}

/// Looks after the topics of one cluster.
pub(super) struct Topics {
    cluster: Arc<Cluster>,
    publisher: Arc<Publisher>,
    /// They were looked at in full.
    seen: bool,
}

impl Topics {
    pub fn new(cluster: Arc<Cluster>, publisher: Arc<Publisher>) -> Self {
        Self { cluster, publisher, seen: false }
    }

    /// Looks after them until told to stop.
    pub async fn run(&mut self, stopping: CancellationToken) {
        let mut wait = Duration::ZERO;
        while stopping.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
            let Some(looked) = stopping.run_until_cancelled(self.step()).await else { return };
            wait = if looked.is_ok() { LOOK } else { LOOK_AGAIN };
        }
    }

    /// Makes what is missing. What is odd, but can be worked with, goes into the log, once. `Err`: why there is nothing to work with, and
    /// what to do about it.
    pub async fn step(&mut self) -> Result<(), String> {
        let looked = self.look().await;
        match &looked {
            Ok(remarks) => {
                remarks.iter().for_each(|remark| tracing::warn!("{remark}"));
                self.cluster.is_well();
            }
            Err(reason) => self.cluster.is_away(reason),
        }
        looked.map(drop)
    }

    /// The names of those that are missing.
    pub async fn missing(&self) -> Result<Vec<String>, String> {
        let there = self.there().await?;
        Ok(self.wanted().into_iter().map(|topic| topic.name).filter(|name| !there.contains_key(name)).collect())
    }

    /// The parts of each topic that is there.
    async fn there(&self) -> Result<BTreeMap<String, i32>, String> {
        let metadata = self.publisher.metadata().await.map_err(|error| self.cluster.explain(&error))?;
        let there = metadata.topics().iter().filter(|topic| topic.error().is_none());
        Ok(there.map(|topic| (topic.name().to_owned(), i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX))).collect())
    }

    fn wanted(&self) -> Vec<Topic> {
        PARTS.iter().flat_map(|(name, parts)| self.pair(name, *parts)).collect()
    }

    /// As [`Self::step`]; what is odd is answered.
    pub async fn look(&mut self) -> Result<Vec<String>, String> {
        let (there, wanted) = (self.there().await?, self.wanted());
        let (old, missing): (Vec<&Topic>, Vec<&Topic>) = wanted.iter().partition(|topic| there.contains_key(&topic.name));
        if !missing.is_empty() {
            self.make(&missing).await?;
            tracing::info!(topics = ?missing.iter().map(|topic| &topic.name).collect::<Vec<_>>(), "topics were made");
        }
        if self.seen {
            return Ok(Vec::new());
        }
        self.seen = true;
        let mut remarks: Vec<String> = old.iter().filter_map(|topic| topic.fewer(*there.get(&topic.name)?)).collect();
        remarks.extend(self.other_retentions(&old).await);
        Ok(remarks)
    }

    fn pair(&self, name: &str, parts: i32) -> [Topic; 2] {
        let topic = |name: &str, parts, letters| Topic { name: self.cluster.topic(name), parts, letters };
        [topic(name, parts, false), topic(&format!("{name}{DEAD_LETTERS}"), 1, true)]
    }

    async fn make(&self, topics: &[&Topic]) -> Result<(), String> {
        let replication = TopicReplication::Fixed;
        let new = topics.iter().map(|topic| {
            let new = NewTopic::new(&topic.name, topic.parts, replication(self.cluster.config.replication.unwrap_or(-1)));
            let new = new.set("retention.ms", RETENTION).set("cleanup.policy", "delete");
            if topic.letters { new.set("max.message.bytes", LARGEST_LETTER) } else { new }
        });
        let new: Vec<NewTopic<'_>> = new.collect();
        let made = self.admin()?.create_topics(&new, &options()).await.map_err(|error| self.cluster.explain(&error))?;
        let refused = made.into_iter().filter_map(Result::err).filter(|(_, code)| *code != RDKafkaErrorCode::TopicAlreadyExists);
        let refused: Vec<String> = refused.map(|(name, code)| not_made(&name, code)).collect();
        if refused.is_empty() { Ok(()) } else { Err(refused.join("; ")) }
    }

    /// A remark on each topic that keeps events for another time. Whoever may not ask is told nothing.
    async fn other_retentions(&self, topics: &[&Topic]) -> Vec<String> {
        let Ok(admin) = self.admin() else { return Vec::new() };
        let names: Vec<ResourceSpecifier<'_>> = topics.iter().map(|topic| ResourceSpecifier::Topic(&topic.name)).collect();
        if names.is_empty() {
            return Vec::new();
        }
        let described = admin.describe_configs(&names, &options()).await.unwrap_or_default();
        topics.iter().zip(described).filter_map(|(topic, config)| topic.other_retention(config)).collect()
    }

    fn admin(&self) -> Result<AdminClient<Reports>, String> {
        self.cluster.client().create_with_context(self.cluster.context()).map_err(|error| self.cluster.explain(&error))
    }
}

impl Topic {
    fn fewer(&self, parts: i32) -> Option<String> {
        let Self { name, parts: wanted, .. } = self;
        (parts < *wanted)
            .then(|| format!("the topic {name} has {parts} partitions; {wanted} would let more hosts share the work"))
    }

    fn other_retention(&self, config: ConfigResourceResult) -> Option<String> {
        let config = config.ok()?;
        let kept = config.get("retention.ms")?.value.as_deref()?;
        let name = &self.name;
        (kept != RETENTION).then(|| format!("the topic {name} keeps events for {kept} ms (retention.ms); 7 days are {RETENTION}"))
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE / 2))
}

fn not_made(name: &str, code: RDKafkaErrorCode) -> String {
    let advice = match code {
        RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed => {
            "give this user the right to create it, or have `tidings migrate` make it under a user who has"
        }
        RDKafkaErrorCode::InvalidReplicationFactor => "set TIDINGS_KAFKA_TOPIC_REPLICATION to no more than there are brokers",
        RDKafkaErrorCode::PolicyViolation => "the cluster has a rule against it: make it by hand",
        _ => "make it by hand, or see what the cluster has against it",
    };
    format!("the topic {name} is not there and cannot be made: {code}: {advice}")
}
