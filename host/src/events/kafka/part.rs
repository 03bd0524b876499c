//! One part of a topic, for as long as it is this host's: what the consumer of a group reads.

use super::cluster::{Cluster, PATIENCE};
use super::group::Member;
use super::publisher::Publisher;
use super::reading::{PartName, Reading, commit, passes};
use super::record::record_of;
use crate::clock::Clock;
use crate::events::bus::{Batch, Source};
use crate::events::dead::DeadLetter;
use crate::events::record::Record;
use crate::store::recent::Recent;
use crate::store::{LoggedEvent, StoreError};
use async_trait::async_trait;
use domain::id::UserId;
use metrics::counter;
use rdkafka::consumer::base_consumer::{BaseConsumer, PartitionQueue};
use rdkafka::error::{KafkaError, KafkaResult};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// A queue that should have woken us is looked into this often all the same.
const LOOK: Duration = Duration::from_secs(5);

/// What the parts of one group share.
pub(super) struct Shared {
    pub cluster: Arc<Cluster>,
    pub publisher: Arc<Publisher>,
    pub clock: Arc<dyn Clock>,
    /// The group's own name.
    pub group: String,
}

/// Reads one part.
pub(super) struct Part {
    shared: Arc<Shared>,
    name: PartName,
    shown: String,
    consumer: Arc<BaseConsumer<Member>>,
    queue: PartitionQueue<Member>,
    arrived: Arc<Notify>,
    /// What was taken from the queue, and not looked at yet.
    taken: VecDeque<Record>,
    /// What was looked at, and not given yet.
    looked: Option<Batch>,
    recent: Recent,
    /// For what is read again and is no longer remembered; it is kept, as whoever needs it once needs it often.
    again: Arc<Mutex<Option<Reading>>>,
}

impl Part {
    pub fn new(
        shared: Arc<Shared>,
        name: PartName,
        consumer: Arc<BaseConsumer<Member>>,
        mut queue: PartitionQueue<Member>,
    ) -> Self {
        let arrived = Arc::new(Notify::new());
        let wake = arrived.clone();
        queue.set_nonempty_callback(move || wake.notify_one());
        let shown = format!("{}/{}", name.0, name.1);
        Self {
            shared,
            name,
            shown,
            consumer,
            queue,
            arrived,
            taken: VecDeque::new(),
            looked: None,
            recent: Recent::default(),
            again: Arc::default(),
        }
    }

    /// Takes what is there, without waiting.
    fn take(&mut self, limit: usize) -> Result<(), StoreError> {
        while self.taken.len() < limit {
            match self.queue.poll(Duration::ZERO) {
                None => return Ok(()),
                Some(Ok(message)) => self.taken.push_back(record_of(&message, &self.name.0)),
                Some(Err(error)) if passes(&error) => {}
                Some(Err(error)) => return Err(self.shared.cluster.failed(&error)),
            }
        }
        Ok(())
    }

    /// Looks at what was taken. What cannot become an event is a dead letter at once, byte for byte as it came.
    async fn look(&mut self) -> Result<(), StoreError> {
        while let Some(record) = self.taken.front() {
            let event = record.event();
            if let Err(reason) = &event {
                self.bury_record(record, reason).await?;
            }
            let looked = self.looked.get_or_insert_default();
            looked.read = record.offset;
            self.recent.add(record.offset, event.as_ref().ok());
            looked.events.extend(event.ok());
            self.taken.pop_front();
        }
        Ok(())
    }

    async fn bury_record(&self, record: &Record, reason: &str) -> Result<(), StoreError> {
        let Shared { publisher, clock, group, .. } = &*self.shared;
        let letter = record.refused(group, reason, clock.now());
        publisher.write(&letter.buried_in(), record.key.as_deref(), record.value.as_deref(), Some(&letter)).await?;
        tracing::error!(group, part = self.shown, offset = record.offset, reason, "a dead letter: a record that is no event");
        counter!("tidings_consumer_dead_letters_total", "group" => group.clone()).increment(1);
        Ok(())
    }
}

#[async_trait]
impl Source for Part {
    fn part(&self) -> &str {
        &self.shown
    }

    async fn next(&mut self, limit: u32) -> Result<Batch, StoreError> {
        loop {
            self.take(limit as usize)?;
            self.look().await?;
            if let Some(batch) = self.looked.take() {
                return Ok(batch);
            }
            _ = timeout(LOOK, self.arrived.notified()).await;
        }
    }

    async fn again(&self, user: &UserId, behind: i64, up_to: i64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        if let Some(events) = self.recent.behind(behind) {
            let of_user = events.take_while(|event| event.position <= up_to).filter(|event| event.user == *user);
            return Ok(of_user.take(limit).cloned().collect());
        }
        let (shared, part, kept, user) = (self.shared.clone(), self.name.clone(), self.again.clone(), user.clone());
        let read = move || -> KafkaResult<Vec<LoggedEvent>> {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let mut reading = match kept.take() {
                Some(reading) => reading,
                None => Reading::new(&shared.cluster, "listeners", false)?,
            };
            let mut found = Vec::new();
            let of_user = |record: &Record| record.key.as_deref() == Some(user.as_str().as_bytes());
            reading.each(&part, behind + 1, up_to + 1, |record| {
                found.extend(Some(record).filter(of_user).and_then(|record| record.event().ok()));
                found.len() < limit
            })?;
            *kept = Some(reading);
            Ok(found)
        };
        let read = tokio::task::spawn_blocking(read).await.unwrap_or(Err(KafkaError::Canceled));
        read.map_err(|error| self.shared.cluster.failed(&error))
    }

    async fn keep(&self, position: i64) -> Result<(), StoreError> {
        let (consumer, topic, part) = (self.consumer.clone(), self.shared.cluster.topic(&self.name.0), self.name.1);
        let keep = tokio::task::spawn_blocking(move || commit(&*consumer, &topic, part, position + 1));
        match timeout(PATIENCE, keep).await {
            Ok(kept) => kept.unwrap_or(Err(KafkaError::Canceled)).map_err(|error| self.shared.cluster.failed(&error)),
            Err(_) => Err(StoreError::Unavailable("the broker: it did not take the group's position in time".to_owned())),
        }
    }

    async fn bury(&self, event: &LoggedEvent, letter: &DeadLetter) -> Result<(), StoreError> {
        let letter = DeadLetter { partition: Some(self.name.1), ..letter.clone() };
        let (key, value) = (event.user.as_str().as_bytes(), event.body.get().as_bytes());
        self.shared.publisher.write(&letter.buried_in(), Some(key), Some(value), Some(&letter)).await
    }
}
