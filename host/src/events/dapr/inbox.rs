//! What the sidecar brings, one record a call. A call is answered once its record is finished with.

use super::part::{Part, Pending};
use super::publisher::Publisher;
use super::pulse::Pulse;
use crate::clock::Clock;
use crate::events::bus::Start;
use crate::events::record::Record;
use crate::store::LoggedEvent;
use crate::task::Tasks;
use metrics::counter;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// In whose name streams hear; each pod's sidecar makes a group of its own of it.
const STREAMS: &str = "sse-gateway-group";
/// Records that wait for one consumer, before the next call waits.
const ROOM: usize = 256;
/// Records that wait for streams.
const STREAM_ROOM: usize = 1_024;

/// A record that arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The group that it is for; none: for all that hear its topic.
    pub group: Option<String>,
    pub record: Record,
}

/// Why a record is to come again.
#[derive(Debug, PartialEq, Eq)]
pub struct NotNow(pub String);

/// A topic that the sidecar is to bring, by the component that has the group's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscribedTo {
    pub group: String,
    pub topic: String,
    /// What the broker calls the topic.
    pub on_broker: String,
}

/// Where what the sidecar brings arrives.
pub struct Inbox {
    publisher: Arc<Publisher>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    groups: Mutex<BTreeMap<String, Group>>,
    pulse: Pulse,
}

struct Group {
    topics: Vec<String>,
    to: To,
}

/// Who hears.
enum To {
    /// Each part of a topic has a consumer, from its first record on.
    Consumers {
        start: Arc<Start>,
        parts: BTreeMap<(String, i32), mpsc::Sender<Pending>>,
    },
    Streams(mpsc::Sender<LoggedEvent>),
}

/// One who hears a record.
enum Hearer {
    Consumer(mpsc::Sender<Pending>),
    Streams(mpsc::Sender<LoggedEvent>),
}

impl Inbox {
    pub(super) fn new(publisher: Arc<Publisher>, clock: Arc<dyn Clock>, tasks: Tasks) -> Arc<Self> {
        let inbox = Arc::new(Self { publisher, clock, tasks, groups: Mutex::default(), pulse: Pulse::default() });
        let (beating, stopping) = (inbox.clone(), inbox.tasks.stopping());
        inbox.tasks.spawn("pulse", async move { stopping.run_until_cancelled(beating.pulse.beat()).await });
        inbox
    }

    pub(super) fn consume(&self, group: &str, topics: &[String], start: Start) {
        let to = To::Consumers { start: Arc::new(start), parts: BTreeMap::new() };
        self.groups().insert(group.to_owned(), Group { topics: topics.to_vec(), to });
    }

    pub(super) fn listen(&self, topics: &[&str]) -> mpsc::Receiver<LoggedEvent> {
        let (events, heard) = mpsc::channel(STREAM_ROOM);
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        self.groups().insert(STREAMS.to_owned(), Group { topics, to: To::Streams(events) });
        heard
    }

    /// What is heard here.
    pub fn subscriptions(&self) -> Vec<SubscribedTo> {
        let of = |(name, group): (&String, &Group)| {
            let on_broker = |topic: &String| self.publisher.topic(topic);
            let subscribed =
                |topic: &String| SubscribedTo { group: name.clone(), topic: topic.clone(), on_broker: on_broker(topic) };
            group.topics.iter().map(subscribed).collect::<Vec<_>>()
        };
        self.groups().iter().flat_map(of).collect()
    }

    /// Whether the sidecar is to bring events. It is not for a moment, where this process stood still.
    pub fn is_open(&self) -> bool {
        !self.pulse.rests()
    }

    /// Hands a record to who hears it, and waits until all have finished with it. What is no event is a dead letter at once.
    pub async fn deliver(&self, arrived: Arrived) -> Result<(), NotNow> {
        let mut stood_still = self.pulse.stood_still();
        if !self.is_open() {
            return Err(NotNow("the host stood still".to_owned()));
        }
        tokio::select! {
            delivered = self.hand_over(arrived) => delivered,
            _ = stood_still.changed() => Err(NotNow("the host stood still before it was done".to_owned())),
        }
    }

    #[cfg(test)]
    pub(super) fn stood_still(&self) {
        self.pulse.rests_at(std::time::Instant::now() + std::time::Duration::from_secs(5));
    }

    async fn hand_over(&self, arrived: Arrived) -> Result<(), NotNow> {
        let Arrived { group, record } = arrived;
        let hearers = self.hearers(group.as_deref(), &record);
        if hearers.is_empty() {
            return Err(NotNow("nobody hears this here: the sidecar's subscriptions are those of another role".to_owned()));
        }
        let event = match record.event() {
            Ok(event) => event,
            Err(reason) => return self.refuse(group.as_deref(), &record, &reason).await,
        };
        let mut unfinished = Vec::new();
        for hearer in hearers {
            let stopping = |_| NotNow("the host is stopping".to_owned());
            match hearer {
                Hearer::Streams(events) => {
                    events.send(event.clone()).await.map_err(|_| NotNow("the host is stopping".to_owned()))?
                }
                Hearer::Consumer(consumer) => {
                    let (done, finished) = oneshot::channel();
                    consumer.send(Pending { event: event.clone(), done }).await.map_err(stopping)?;
                    unfinished.push(finished);
                }
            }
        }
        for finished in unfinished {
            finished.await.map_err(|_| NotNow("the host has stopped before it was done".to_owned()))?;
        }
        Ok(())
    }

    fn hearers(&self, group: Option<&str>, record: &Record) -> Vec<Hearer> {
        let mut groups = self.groups();
        let named = groups.iter_mut().filter(|(name, _)| group.is_none_or(|group| group == *name));
        let hearing = named.filter(|(_, group)| group.topics.contains(&record.topic));
        hearing.map(|(_, group)| self.hearer(&mut group.to, record)).collect()
    }

    fn hearer(&self, to: &mut To, record: &Record) -> Hearer {
        match to {
            To::Streams(events) => Hearer::Streams(events.clone()),
            To::Consumers { start, parts } => {
                let name = (record.topic.clone(), record.partition);
                let begin = || {
                    let (arrives, arrived) = mpsc::channel(ROOM);
                    let part = Part::new(self.publisher.clone(), &record.topic, record.partition, arrived);
                    let mut consumer = start(Box::new(part));
                    let stopping = self.tasks.stopping();
                    self.tasks.spawn("consumer", async move { consumer.run(stopping).await });
                    arrives
                };
                Hearer::Consumer(parts.entry(name).or_insert_with(begin).clone())
            }
        }
    }

    async fn refuse(&self, group: Option<&str>, record: &Record, reason: &str) -> Result<(), NotNow> {
        let group = group.unwrap_or("nobody");
        let (topic, partition, offset) = (&record.topic, record.partition, record.offset);
        if group == STREAMS {
            tracing::warn!(topic, partition, offset, reason, "a record is no event, and is shown to nobody");
            return Ok(());
        }
        let letter = record.refused(group, reason, self.clock.now());
        let value = record.value.as_deref().unwrap_or(b"null");
        let buried = self.publisher.bury(&letter, record.key.as_deref(), value).await;
        buried.map_err(|error| NotNow(error.to_string()))?;
        tracing::error!(group, topic, partition, offset, reason, "a dead letter: a record that is no event");
        counter!("tidings_consumer_dead_letters_total", "group" => group.to_owned()).increment(1);
        Ok(())
    }

    fn groups(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Group>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
