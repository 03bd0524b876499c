//! A listener: every part of some topics, without a group, so that each host hears everything.

use super::cluster::Cluster;
use super::reading::{PartName, Reading};
use crate::clock::{Clock as _, SystemClock};
use crate::events::bus::Tail;
use crate::store::LoggedEvent;
use crate::task::Tasks;
use domain::time::Timestamp;
use futures::stream::{self, StreamExt};
use rdkafka::error::KafkaResult;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Events that wait for the listener, before nothing more is read.
const ROOM: usize = 1_024;
/// It begins so long, in milliseconds, before it was asked: clocks differ. Whoever has heard an event before knows it by its number.
const BEFORE: i64 = 60_000;
/// How often it looks whether a topic has got more parts.
const LOOK: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_secs(1);

struct Listener {
    cluster: Arc<Cluster>,
    topics: &'static [&'static str],
    since: Timestamp,
    /// How far it has heard; it outlives a client that fails.
    next: BTreeMap<PartName, i64>,
    events: mpsc::Sender<LoggedEvent>,
    stopping: CancellationToken,
}

/// Listens from about now on. That the broker is away only makes it later: it goes on where it was.
pub(super) fn tail(cluster: &Arc<Cluster>, topics: &'static [&'static str], tasks: &Tasks) -> Tail {
    let (events, mut heard) = mpsc::channel(ROOM);
    let since = Timestamp::from_millis(SystemClock.now().millis() - BEFORE).unwrap_or(Timestamp::MIN);
    let (cluster, stopping) = (cluster.clone(), tasks.stopping());
    let listener = Listener { cluster, topics, since, next: BTreeMap::new(), events, stopping };
    tasks.spawn("tail", listener.run());
    stream::poll_fn(move |cx| heard.poll_recv(cx)).boxed()
}

impl Listener {
    async fn run(mut self) {
        let stopping = self.stopping.clone();
        let cluster = self.cluster.clone();
        while stopping.run_until_cancelled(cluster.ready()).await.is_some() && !self.events.is_closed() {
            let listening = tokio::task::spawn_blocking(move || {
                let ended = self.listen();
                (self, ended)
            });
            // It ends otherwise only with its runtime.
            let Ok((listener, ended)) = listening.await else { return };
            self = listener;
            if let Err(error) = ended {
                tracing::warn!(reason = cluster.explain(&error), "the stream's topic cannot be heard: trying again");
            }
            stopping.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
        }
    }

    fn listen(&mut self) -> KafkaResult<()> {
        let mut reading = Reading::new(&self.cluster, "listeners", true)?;
        self.look_for_parts(&reading)?;
        reading.read_from(self.next.clone())?;
        let mut looked = Instant::now();
        while !self.stopping.is_cancelled() {
            let polled = reading.poll(POLL);
            self.next.clone_from(reading.next());
            let Some(record) = polled? else {
                if looked.elapsed() > LOOK {
                    looked = Instant::now();
                    if self.look_for_parts(&reading).is_ok_and(|new| new) {
                        reading.read_from(self.next.clone())?;
                    }
                }
                continue;
            };
            match record.event() {
                Ok(event) => {
                    if self.events.blocking_send(event).is_err() {
                        return Ok(());
                    }
                }
                Err(reason) => {
                    let (topic, partition, offset) = (&record.topic, record.partition, record.offset);
                    tracing::warn!(topic, partition, offset, reason, "a record is no event, and is shown to nobody");
                }
            }
        }
        Ok(())
    }

    /// Adds the parts that it does not know yet; whether there were any. One that comes later is heard from its beginning.
    fn look_for_parts(&mut self, reading: &Reading) -> KafkaResult<bool> {
        let first = self.next.is_empty();
        let mut new = BTreeMap::new();
        for topic in self.topics {
            for part in reading.parts(topic)?.into_iter().filter(|part| !self.next.contains_key(part)) {
                let from = if first { reading.since(&part, self.since)? } else { reading.bounds(&part)?.0 };
                new.insert(part, from);
            }
        }
        let any = !new.is_empty();
        self.next.extend(new);
        Ok(any)
    }
}
