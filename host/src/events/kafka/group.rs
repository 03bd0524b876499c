//! A host's membership in a consumer group: which parts are its own, and that a part is worked on by one host at a time.
//!
//! The parts come and go as hosts of the group do. One that goes is given up only after its consumer has stopped, with what it had begun
//! at its end and its position kept: so the next host begins where this one has come to. It blocks, and has a thread of its own.

use super::cluster::Reports;
use super::part::{Part, Shared};
use super::reading::{PartName, passes};
use crate::events::bus::Start;
use crate::task::Tasks;
use futures::future::join_all;
use metrics::gauge;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Statistics, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const POLL: Duration = Duration::from_millis(200);
/// Before a member that has failed is made anew.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a part that is to be given up may take. Within what the cluster waits for (max.poll.interval.ms).
const LONGEST_GOODBYE: Duration = Duration::from_secs(30);

/// What librdkafka tells a member of a group.
pub(super) struct Member {
    reports: Reports,
    shared: Arc<Shared>,
    start: Arc<Start>,
    tasks: Tasks,
    /// Itself, once it is made; nothing as it ends.
    consumer: OnceLock<Weak<BaseConsumer<Self>>>,
    running: Mutex<BTreeMap<PartName, Running>>,
}

/// A part that is worked on.
struct Running {
    stopping: CancellationToken,
    ended: JoinHandle<()>,
}

/// Is a member of a group until the tasks are told to stop. A member that fails is made anew.
pub(super) async fn run(shared: Arc<Shared>, topics: Vec<String>, start: Start, tasks: Tasks) {
    let stopping = tasks.stopping();
    let start = Arc::new(start);
    while stopping.run_until_cancelled(shared.cluster.ready()).await.is_some() {
        let (member, topics, tasks) = (shared.clone(), topics.clone(), tasks.clone());
        let start = start.clone();
        let living = tokio::task::spawn_blocking(move || live(member, &topics, start, tasks));
        // It ends otherwise only with its runtime.
        let Ok(ended) = living.await else { return };
        if let Err(error) = ended {
            let (group, reason) = (&shared.group, shared.cluster.explain(&error));
            tracing::warn!(group, reason, "a consumer group cannot be worked in: trying again");
        }
        stopping.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
    }
}

/// Joins, works, and leaves.
fn live(shared: Arc<Shared>, topics: &[String], start: Arc<Start>, tasks: Tasks) -> KafkaResult<()> {
    let cluster = shared.cluster.clone();
    let stopping = tasks.stopping();
    let mut client = cluster.client();
    client.set("group.id", cluster.group(&shared.group)).set("partition.assignment.strategy", "cooperative-sticky");
    client.set("enable.auto.commit", "false").set("auto.offset.reset", "earliest").set("isolation.level", "read_committed");
    // A host that is killed is missed within six seconds.
    client.set("session.timeout.ms", "6000").set("heartbeat.interval.ms", "2000").set("statistics.interval.ms", "5000");
    // What a part has read ahead; its consumer has some more.
    client.set("queued.max.messages.kbytes", "2048").set("queued.min.messages", "1000").set("fetch.error.backoff.ms", "100");
    let reports = cluster.context();
    let member = Member { reports, shared, start, tasks, consumer: OnceLock::new(), running: Mutex::default() };
    let consumer: Arc<BaseConsumer<Member>> = Arc::new(client.create_with_context(member)?);
    _ = consumer.client().context().consumer.set(Arc::downgrade(&consumer));
    let names: Vec<String> = topics.iter().map(|topic| cluster.topic(topic)).collect();
    consumer.subscribe(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let ended = work(&consumer, &stopping);
    let context = consumer.client().context().clone();
    context.give_up(&context.parts());
    // The last that holds it leaves the group; what it still has, it gives back.
    drop(consumer);
    ended
}

/// Lets librdkafka tell us what it has to, until told to stop.
fn work(consumer: &BaseConsumer<Member>, stopping: &CancellationToken) -> KafkaResult<()> {
    while !stopping.is_cancelled() {
        match consumer.poll(POLL) {
            None => {}
            Some(Err(error)) if passes(&error) => {}
            Some(Err(error)) => return Err(error),
            // Each part has a queue of its own; a record elsewhere would be out of its order.
            Some(Ok(_)) => return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::State)),
        }
    }
    Ok(())
}

impl Member {
    fn running(&self) -> MutexGuard<'_, BTreeMap<PartName, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn parts(&self) -> Vec<PartName> {
        self.running().keys().cloned().collect()
    }

    fn names(&self, list: &TopicPartitionList) -> Vec<PartName> {
        let name = |topic: &str| self.shared.cluster.own_name(topic).to_owned();
        list.elements().iter().map(|part| (name(part.topic()), part.partition())).collect()
    }

    /// Begins with a part that has become ours. To be called before the part is assigned: its records then go to its own queue only.
    fn take_up(&self, consumer: &Arc<BaseConsumer<Self>>, name: PartName) -> Option<Running> {
        let queue = consumer.split_partition_queue(&self.shared.cluster.topic(&name.0), name.1)?;
        let mut worker = (self.start)(Box::new(Part::new(self.shared.clone(), name, consumer.clone(), queue)));
        let stopping = self.tasks.stopping().child_token();
        let told = stopping.clone();
        let ended = self.tasks.spawn("consumer", async move { worker.run(told).await });
        Some(Running { stopping, ended })
    }

    /// Ends with parts, and waits until they have; not for ever.
    fn give_up(&self, names: &[PartName]) {
        let ending: Vec<(PartName, Running)> = {
            let mut running = self.running();
            names.iter().filter_map(|name| running.remove_entry(name)).collect()
        };
        ending.iter().for_each(|(_, part)| part.stopping.cancel());
        let ended = join_all(ending.into_iter().map(|(name, part)| async move {
            _ = part.ended.await;
            name
        }));
        let in_time = Handle::current().block_on(async { tokio::time::timeout(LONGEST_GOODBYE, ended).await });
        match in_time {
            Ok(names) => names.iter().for_each(|name| self.show_lag(name, 0)),
            Err(_) => tracing::warn!(group = self.shared.group, "a part is given up while an event of it is still worked on"),
        }
    }

    fn show_lag(&self, (topic, part): &PartName, events: i64) {
        let labels = [("group", self.shared.group.clone()), ("part", format!("{topic}/{part}"))];
        gauge!("tidings_consumer_lag_events", &labels).set(events.max(0) as f64);
    }

    fn assigned(&self, base: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        let names = self.names(list);
        tracing::info!(group = self.shared.group, parts = ?names, "parts of topics are this host's now");
        let Some(consumer) = self.consumer.get().and_then(Weak::upgrade) else { return base.incremental_assign(list) };
        for name in names {
            if let Some(part) = self.take_up(&consumer, name.clone()) {
                self.running().insert(name, part);
            }
        }
        base.incremental_assign(list)
    }

    fn revoked(&self, base: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        let names = self.names(list);
        self.give_up(&names);
        tracing::info!(group = self.shared.group, parts = ?names, lost = base.assignment_lost(), "parts of topics are no longer this host's");
        base.incremental_unassign(list)
    }
}

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.reports.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.reports.error(error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        for (topic, numbers) in &statistics.topics {
            for (part, numbers) in &numbers.partitions {
                let name = (self.shared.cluster.own_name(topic).to_owned(), *part);
                if numbers.consumer_lag >= 0 && self.running().contains_key(&name) {
                    self.show_lag(&name, numbers.consumer_lag);
                }
            }
        }
    }
}

impl ConsumerContext for Member {
    fn rebalance(&self, base: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let done = match what {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assigned(base, list),
            _ => self.revoked(base, list),
        };
        if let Err(error) = done {
            tracing::warn!(group = self.shared.group, %error, "parts of topics could not be taken or given back");
        }
    }
}
