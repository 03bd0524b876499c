//! Reading parts of topics without a group: for whoever only listens, looks, or reads again. It blocks, and has threads of its own for that.

use super::cluster::{Cluster, PATIENCE, Reports};
use super::record::record_of;
use crate::events::record::Record;
use domain::time::Timestamp;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A part: its topic's own name, and its number.
pub(super) type PartName = (String, i32);

/// A client that reads.
pub(super) struct Reading {
    cluster: Arc<Cluster>,
    consumer: BaseConsumer<Reports>,
    /// What comes next of each part that it reads.
    next: BTreeMap<PartName, i64>,
}

impl Reading {
    /// Reads nothing yet; `patiently`: it lets the broker wait until there is something. `group` only names where [`Self::commit`] keeps positions: it takes nothing from anybody.
    pub fn new(cluster: &Arc<Cluster>, group: &str, patiently: bool) -> KafkaResult<Self> {
        let mut client = cluster.client();
        client.set("group.id", cluster.group(group)).set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
        client.set("isolation.level", "read_committed").set("enable.partition.eof", "true");
        client.set("queued.max.messages.kbytes", "4096").set("fetch.error.backoff.ms", "100");
        // Before the broker has answered, nothing else is asked of it.
        client.set("fetch.wait.max.ms", if patiently { "500" } else { "5" });
        let consumer = client.create_with_context(cluster.context())?;
        Ok(Self { cluster: cluster.clone(), consumer, next: BTreeMap::new() })
    }

    /// The parts of a topic.
    pub fn parts(&self, topic: &str) -> KafkaResult<Vec<PartName>> {
        let name = self.cluster.topic(topic);
        let metadata = self.consumer.fetch_metadata(Some(&name), PATIENCE)?;
        let found = metadata.topics().iter().find(|found| found.name() == name);
        let parts = found.map(|found| found.partitions().iter().map(|part| (topic.to_owned(), part.id())).collect());
        parts
            .filter(|parts: &Vec<_>| !parts.is_empty())
            .ok_or(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition))
    }

    /// The first offset of a part that there is, and the one behind its last.
    pub fn bounds(&self, (topic, part): &PartName) -> KafkaResult<(i64, i64)> {
        self.consumer.fetch_watermarks(&self.cluster.topic(topic), *part, PATIENCE)
    }

    /// The offset of a part's first record that was written since; the end, where none was.
    pub fn since(&self, part: &PartName, at: Timestamp) -> KafkaResult<i64> {
        // In this order: what is written between the two is not missed.
        let (_, end) = self.bounds(part)?;
        let mut asked = TopicPartitionList::new();
        asked.add_partition_offset(&self.cluster.topic(&part.0), part.1, Offset::Offset(at.millis().max(0)))?;
        let found = self.consumer.offsets_for_times(asked, PATIENCE)?;
        let first = found.elements().first().map(|found| found.offset());
        Ok(if let Some(Offset::Offset(first)) = first { first } else { end })
    }

    /// From now on it reads these parts, each from an offset.
    pub fn read_from(&mut self, next: BTreeMap<PartName, i64>) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        for ((topic, part), offset) in &next {
            list.add_partition_offset(&self.cluster.topic(topic), *part, Offset::Offset(*offset))?;
        }
        self.consumer.assign(&list)?;
        self.next = next;
        Ok(())
    }

    /// What comes next of each part.
    pub fn next(&self) -> &BTreeMap<PartName, i64> {
        &self.next
    }

    /// The next record, if there is one within this time. That the broker is away is no error: it goes on when it is back.
    pub fn poll(&mut self, within: Duration) -> KafkaResult<Option<Record>> {
        let record = match self.consumer.poll(within) {
            None => return Ok(None),
            Some(Ok(message)) => record_of(&message, self.cluster.own_name(rdkafka::Message::topic(&message))),
            Some(Err(error)) if passes(&error) => return Ok(None),
            Some(Err(error)) => return Err(error),
        };
        if let Some(next) = self.next.get_mut(&(record.topic.clone(), record.partition)) {
            *next = record.offset + 1;
        }
        Ok(Some(record))
    }

    /// Everything in a part from one offset to before another, until `take` has enough (and says so by `false`).
    pub fn each(&mut self, part: &PartName, from: i64, before: i64, mut take: impl FnMut(Record) -> bool) -> KafkaResult<()> {
        if from >= before {
            return Ok(());
        }
        self.read_from(BTreeMap::from([(part.clone(), from)]))?;
        let mut heard = Instant::now();
        loop {
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    let record = record_of(&message, &part.0);
                    let last = record.offset + 1 >= before;
                    if record.offset >= before || !take(record) || last {
                        return Ok(());
                    }
                }
                // Behind its last record: what is missing up to there is no longer, or never was, a record.
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(()),
                Some(Err(error)) if !passes(&error) => return Err(error),
                _ if heard.elapsed() > PATIENCE => {
                    return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
                }
                _ => {}
            }
        }
    }

    /// Where its group has come to in a part.
    pub fn committed(&self, (topic, part): &PartName) -> KafkaResult<Option<i64>> {
        let mut asked = TopicPartitionList::new();
        asked.add_partition(&self.cluster.topic(topic), *part);
        let found = self.consumer.committed_offsets(asked, PATIENCE)?;
        Ok(found.elements().first().and_then(|found| if let Offset::Offset(next) = found.offset() { Some(next) } else { None }))
    }

    /// Keeps where its group has come to in a part.
    pub fn commit(&self, part: &PartName, next: i64) -> KafkaResult<()> {
        commit(&self.consumer, &self.cluster.topic(&part.0), part.1, next)
    }
}

/// Keeps durably what comes next for a consumer's group; it blocks until the broker has it.
pub(super) fn commit<C: Consumer<X>, X: rdkafka::consumer::ConsumerContext>(
    consumer: &C,
    topic: &str,
    part: i32,
    next: i64,
) -> KafkaResult<()> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, part, Offset::Offset(next))?;
    consumer.commit(&list, rdkafka::consumer::CommitMode::Sync)
}

/// Whether librdkafka goes on by itself after an error that it reports.
pub(super) fn passes(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let passing = [
        Code::BrokerTransportFailure,
        Code::AllBrokersDown,
        Code::Resolve,
        Code::OperationTimedOut,
        Code::RequestTimedOut,
        Code::AutoOffsetReset,
        Code::PollExceeded,
        Code::NotLeaderForPartition,
        Code::LeaderNotAvailable,
        Code::CoordinatorNotAvailable,
        Code::CoordinatorLoadInProgress,
        Code::NotCoordinator,
    ];
    match error {
        KafkaError::PartitionEOF(_) => true,
        KafkaError::MessageConsumptionFatal(_) => false,
        other => other.rdkafka_error_code().is_some_and(|code| passing.contains(&code)),
    }
}
