//! What operators do with the topics: read them, and send dead letters again.

use super::cluster::{Cluster, PATIENCE};
use super::publisher::Publisher;
use super::reading::{PartName, Reading};
use crate::events::dead::{DEAD_LETTERS, Replay, replay_group};
use crate::events::listing::{Entries, Entry, Wanted};
use crate::events::record::Record;
use crate::store::StoreError;
use crate::task::Tasks;
use domain::event::TOPICS;
use futures::stream::{self, StreamExt};
use rdkafka::error::{KafkaError, KafkaResult};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Entries that are shown at one time, and dead letters that are sent before it is kept that they are.
const PAGE: usize = 256;
const POLL: Duration = Duration::from_millis(200);

type Page = Result<Vec<Entry>, StoreError>;

/// All that is in the topics; with `follow`, what comes, too.
pub(super) fn list(cluster: &Arc<Cluster>, wanted: Wanted, tasks: &Tasks) -> Entries {
    let (pages, mut shown) = mpsc::channel::<Page>(4);
    let (cluster, stopping) = (cluster.clone(), tasks.stopping());
    let listing = async move {
        let reading = tokio::task::spawn_blocking(move || {
            if let Err(error) = show(&cluster, &wanted, &pages, &stopping) {
                _ = pages.blocking_send(Err(cluster.failed(&error)));
            }
        });
        // It ends otherwise only with its runtime.
        _ = reading.await;
    };
    tasks.spawn("list", listing);
    stream::poll_fn(move |cx| shown.poll_recv(cx)).boxed()
}

fn show(cluster: &Arc<Cluster>, wanted: &Wanted, pages: &mpsc::Sender<Page>, stopping: &CancellationToken) -> KafkaResult<()> {
    let mut reading = Reading::new(cluster, "listeners", wanted.follow)?;
    let mut page = Vec::new();
    let mut ends = BTreeMap::new();
    let topics = match &wanted.topic {
        Some(topic) => vec![topic.clone()],
        None => TOPICS.iter().flat_map(|topic| [(*topic).to_owned(), format!("{topic}{DEAD_LETTERS}")]).collect(),
    };
    for topic in topics {
        for part in reading.parts(&topic)? {
            let (first, end) = reading.bounds(&part)?;
            let take = |record| {
                page.push(entry(&record));
                page.len() < PAGE || pages.blocking_send(Ok(std::mem::take(&mut page))).is_ok()
            };
            reading.each(&part, first, end, take)?;
            ends.insert(part, end);
        }
    }
    if pages.blocking_send(Ok(page)).is_err() || !wanted.follow {
        return Ok(());
    }
    reading.read_from(ends)?;
    while !stopping.is_cancelled() && !pages.is_closed() {
        if let Some(record) = reading.poll(POLL)? {
            _ = pages.blocking_send(Ok(vec![entry(&record)]));
        }
    }
    Ok(())
}

fn entry(record: &Record) -> Entry {
    match record.event() {
        Ok(event) => event.into(),
        Err(_) => Entry::other(record.letter().as_ref(), record.key.clone(), record.value.clone()),
    }
}

/// Sends dead letters again, key and value as they are. How far operators have come with a topic is a committed offset.
pub(super) async fn replay(cluster: &Arc<Cluster>, publisher: &Publisher, wanted: &Replay) -> Result<u64, StoreError> {
    if !cluster.ready_within(PATIENCE).await {
        return Err(StoreError::Unavailable(format!("the broker: {}", cluster.away().unwrap_or_default())));
    }
    let failed = |error: KafkaError| cluster.failed(&error);
    let (mut known, mut count) = (HashSet::new(), 0);
    for topic in wanted.topics() {
        let (asked, id) = (cluster.clone(), wanted.id);
        let begun = blocking(move || Letters::begin(&asked, &topic, id)).await.map_err(failed)?;
        for mut letters in begun {
            loop {
                let (read, page) = blocking(move || letters.page()).await.map_err(failed)?;
                letters = read;
                if page.is_empty() {
                    break;
                }
                for record in &page {
                    if let Some(origin) = origin(record, id, &mut known) {
                        publisher.write(&origin, record.key.as_deref(), record.value.as_deref(), None).await?;
                        count += 1;
                    }
                }
                letters = blocking(move || letters.keep(id)).await.map_err(failed)?;
            }
        }
    }
    Ok(count)
}

/// The topic where a dead letter came from, unless it is not wanted, or was sent just now: what was buried twice is sent once.
fn origin(record: &Record, id: Option<Uuid>, known: &mut HashSet<(String, Uuid)>) -> Option<String> {
    let letter = record.letter()?;
    let event = record.event().ok().map(|event| event.id);
    let wanted = id.is_none() || event == id;
    let new = event.is_none_or(|event| known.insert((letter.topic.clone(), event)));
    (wanted && new).then_some(letter.topic)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> KafkaResult<T> + Send + 'static) -> KafkaResult<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(KafkaError::Canceled))
}

/// One part of a topic of dead letters, as far as it went when it was begun.
struct Letters {
    reading: Reading,
    part: PartName,
    next: i64,
    end: i64,
}

impl Letters {
    fn begin(cluster: &Arc<Cluster>, topic: &str, id: Option<Uuid>) -> KafkaResult<Vec<Self>> {
        let parts = Reading::new(cluster, &replay_group(topic), false)?.parts(topic)?;
        let begin = |part: PartName| {
            let reading = Reading::new(cluster, &replay_group(topic), false)?;
            let (first, end) = reading.bounds(&part)?;
            let next = if id.is_none() { reading.committed(&part)?.unwrap_or(first).max(first) } else { first };
            Ok(Self { reading, part, next, end })
        };
        parts.into_iter().map(begin).collect()
    }

    /// The next few.
    fn page(mut self) -> KafkaResult<(Self, Vec<Record>)> {
        let mut page = Vec::new();
        self.reading.each(&self.part, self.next, self.end, |record| {
            page.push(record);
            page.len() < PAGE
        })?;
        self.next = page.last().map_or(self.end, |last| last.offset + 1);
        Ok((self, page))
    }

    /// What was read so far was sent. Those that were wanted by their id are not counted.
    fn keep(self, id: Option<Uuid>) -> KafkaResult<Self> {
        if id.is_none() {
            self.reading.commit(&self.part, self.next)?;
        }
        Ok(self)
    }
}
