//! The bus within one process, as durable as the store: the log is the store's outbox, positions are rows beside it.

use super::bus::{Batch, Bus, Source, Start, Tail};
use super::dead::{DeadLetter, Replay, replay_group};
use super::listing::{Entries, Entry, Wanted};
use crate::clock::Clock;
use crate::store::{EventLog, LoggedEvent, StoreError};
use crate::task::Tasks;
use async_trait::async_trait;
use domain::id::UserId;
use domain::time::Timestamp;
use futures::stream::{self, StreamExt};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Events that are read at once.
const BATCH: u32 = 256;
/// How long a tail waits when the store cannot be read.
const PATIENCE: Duration = Duration::from_millis(500);

/// Reads one store's log.
pub struct LocalBus {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
}

impl LocalBus {
    pub fn new(log: Arc<dyn EventLog>, clock: Arc<dyn Clock>, tasks: Tasks) -> Self {
        Self { log, clock, tasks }
    }
}

#[async_trait]
impl Bus for LocalBus {
    fn consume(&self, group: &str, topics: &[String], start: Start) -> JoinHandle<()> {
        let mut consumer = start(Box::new(Log {
            log: self.log.clone(),
            clock: self.clock.clone(),
            group: group.to_owned(),
            topics: topics.to_vec(),
            committed: self.log.committed(),
            position: None,
        }));
        let stopping = self.tasks.stopping();
        self.tasks.spawn("consumer", async move { consumer.run(stopping).await })
    }

    fn tail(&self, topics: &'static [&'static str]) -> Tail {
        let mut committed = self.log.committed();
        let position = *committed.borrow_and_update();
        let from = Listener { log: self.log.clone(), topics, position, committed, read: VecDeque::new() };
        stream::unfold(from, |mut listener| async move {
            let event = listener.next().await?;
            Some((event, listener))
        })
        .boxed()
    }

    fn list(&self, wanted: Wanted) -> Entries {
        let committed = self.log.committed();
        let listing = Listing { log: self.log.clone(), wanted, stopping: self.tasks.stopping(), committed, position: 0 };
        stream::try_unfold(listing, async |mut listing| Ok(listing.next().await?.map(|entries| (entries, listing)))).boxed()
    }

    async fn replay(&self, wanted: &Replay) -> Result<u64, StoreError> {
        let up_to = self.log.last_position().await?;
        let mut sent = HashSet::new();
        for topic in wanted.topics() {
            replay_topic(self.log.as_ref(), &topic, wanted.id, up_to, self.clock.now(), &mut sent).await?;
        }
        Ok(sent.len() as u64)
    }
}

/// A group's way through the log.
struct Log {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    group: String,
    topics: Vec<String>,
    committed: watch::Receiver<i64>,
    /// How far it has given events; none: it has not been asked yet.
    position: Option<i64>,
}

impl Log {
    fn topics(&self) -> Vec<&str> {
        self.topics.iter().map(String::as_str).collect()
    }
}

#[async_trait]
impl Source for Log {
    async fn next(&mut self, limit: u32) -> Result<Batch, StoreError> {
        let position = match self.position {
            Some(position) => position,
            None => self.log.group_position(&self.group).await?.unwrap_or(0),
        };
        self.position = Some(position);
        loop {
            // What is committed while we read is seen as a change when we then wait.
            let newest = *self.committed.borrow_and_update();
            if newest > position {
                let events = self.log.events_after(&self.topics(), position, limit).await?;
                let read = events.last().map_or(newest, |last| last.position);
                self.position = Some(read);
                return Ok(Batch { events, read });
            }
            if self.committed.changed().await.is_err() {
                return Err(StoreError::Unavailable("the store is closed".to_owned()));
            }
        }
    }

    async fn again(&self, user: &UserId, behind: i64, up_to: i64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        self.log.events_of(user, &self.topics(), behind, up_to, u32::try_from(limit).unwrap_or(u32::MAX)).await
    }

    async fn keep(&self, position: i64) -> Result<(), StoreError> {
        self.log.set_group_position(&self.group, position).await
    }

    async fn bury(&self, event: &LoggedEvent, letter: &DeadLetter) -> Result<(), StoreError> {
        let headers = letter.headers()?;
        // Nothing is written where the account was deleted meanwhile, and its events with it.
        self.log.write_again(event.position, &letter.buried_in(), Some(&headers), self.clock.now()).await.map(drop)
    }
}

/// How far a tail has come.
struct Listener {
    log: Arc<dyn EventLog>,
    topics: &'static [&'static str],
    position: i64,
    committed: watch::Receiver<i64>,
    read: VecDeque<LoggedEvent>,
}

impl Listener {
    /// None when the store is gone.
    async fn next(&mut self) -> Option<LoggedEvent> {
        loop {
            if let Some(event) = self.read.pop_front() {
                self.position = event.position;
                return Some(event);
            }
            // What is committed while we read is seen as a change when we then wait.
            let newest = *self.committed.borrow_and_update();
            if newest > self.position {
                match self.log.events_after(self.topics, self.position, BATCH).await {
                    Ok(events) if events.is_empty() => self.position = newest,
                    Ok(events) => self.read.extend(events),
                    Err(error) => {
                        // The sender of a closed store is gone.
                        self.committed.has_changed().ok()?;
                        tracing::warn!(%error, "the log cannot be read: trying again");
                        tokio::time::sleep(PATIENCE).await;
                    }
                }
            } else {
                self.committed.changed().await.ok()?;
            }
        }
    }
}

/// How far an operator has read.
struct Listing {
    log: Arc<dyn EventLog>,
    wanted: Wanted,
    stopping: CancellationToken,
    committed: watch::Receiver<i64>,
    position: i64,
}

impl Listing {
    /// The next entries; `None` at the end.
    async fn next(&mut self) -> Result<Option<Vec<Entry>>, StoreError> {
        let topics: Vec<&str> = self.wanted.topic.as_deref().into_iter().collect();
        loop {
            self.committed.borrow_and_update();
            let events = self.log.events_after(&topics, self.position, BATCH).await?;
            if let Some(last) = events.last() {
                self.position = last.position;
                return Ok(Some(events.into_iter().map(Entry::from).collect()));
            }
            let more = self.stopping.run_until_cancelled(self.committed.changed());
            if !self.wanted.follow || !matches!(more.await, Some(Ok(()))) {
                return Ok(None);
            }
        }
    }
}

/// An event that was buried more than once is sent once.
async fn replay_topic(
    log: &dyn EventLog,
    topic: &str,
    id: Option<Uuid>,
    up_to: i64,
    now: Timestamp,
    sent: &mut HashSet<(String, Uuid)>,
) -> Result<(), StoreError> {
    let group = replay_group(topic);
    let mut position = match id {
        None => log.group_position(&group).await?.unwrap_or(0),
        Some(_) => 0,
    };
    loop {
        let mut letters = log.events_after(&[topic], position, BATCH).await?;
        letters.retain(|event| event.position <= up_to);
        let Some(last) = letters.last() else { return Ok(()) };
        position = last.position;
        for event in letters.iter().filter(|event| id.is_none_or(|id| event.id == id)) {
            let Some(letter) = DeadLetter::of(event) else { continue };
            let key = (letter.topic, event.id);
            if !sent.contains(&key) && log.write_again(event.position, &key.0, None, now).await?.is_some() {
                sent.insert(key);
            }
        }
        if id.is_none() {
            log.set_group_position(&group, position).await?;
        }
    }
}
