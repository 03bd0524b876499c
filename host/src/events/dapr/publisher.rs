//! Puts records on the broker, through the sidecar. One user's go one behind the other, several users' by one call: a broker's order is
//! that of its acknowledgements, and only a user's events need one, in each topic.

use crate::dapr::{Outgoing, Sidecar};
use crate::events::dead::DeadLetter;
use crate::events::relay::{Publish, Published};
use crate::store::{LoggedEvent, StoreError};
use async_trait::async_trait;
use domain::id::UserId;
use futures::future::join_all;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Bytes of events that are published at one time, at most: the sidecar takes 4 MiB, and a third more is sent.
const ROUND: usize = 2 << 20;
/// After so long, no other event of a batch is begun.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a reason: the sidecar takes a head of 8 KiB.
const LONGEST_REASON: usize = 1_000;

/// Publishes through one sidecar.
pub(super) struct Publisher {
    sidecar: Arc<Sidecar>,
    /// What the names of topics begin with on the broker.
    prefix: String,
    /// Why the last record could not be published.
    away: Mutex<Option<String>>,
}

impl Publisher {
    pub fn new(sidecar: Arc<Sidecar>, prefix: String) -> Arc<Self> {
        Arc::new(Self { sidecar, prefix, away: Mutex::default() })
    }

    /// What the broker calls a topic.
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Why nothing can be published just now.
    pub fn away(&self) -> Option<String> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes a dead letter; key and value are those of its record.
    pub async fn bury(&self, letter: &DeadLetter, key: Option<&[u8]>, value: &[u8]) -> Result<(), StoreError> {
        let headers = headers(letter)?;
        let headers: Vec<(&str, String)> = headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
        let topic = self.topic(&letter.buried_in());
        let record = Outgoing { topic: &topic, key, value, headers: &headers };
        self.write(&record).await.map_err(StoreError::Unavailable)
    }

    async fn write(&self, record: &Outgoing<'_>) -> Result<(), String> {
        let written = self.sidecar.publish(record).await.map_err(|trouble| trouble.to_string());
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = written.as_ref().err().cloned();
        written
    }

    /// One topic's events, by the users that they are of, each by its place in the batch: which were delivered, and why not all. A round has
    /// the next one of each user, so that nothing depends on the order in which the broker takes what it is brought at one time.
    async fn in_rounds(
        &self,
        topic: &str,
        mut users: BTreeMap<&UserId, VecDeque<(usize, &LoggedEvent)>>,
        until: Instant,
    ) -> (Vec<usize>, Option<String>) {
        let (topic, mut delivered, mut trouble) = (self.topic(topic), Vec::new(), None);
        while !users.is_empty() {
            if Instant::now() > until {
                return (delivered, Some("the sidecar takes events too slowly".to_owned()));
            }
            let mut bytes = 0;
            let next = users.iter().filter_map(|(user, events)| Some((*user, *events.front()?)));
            let round: Vec<(&UserId, (usize, &LoggedEvent))> = next
                .take_while(|(_, (_, event))| {
                    let first = bytes == 0;
                    bytes += event.body.get().len();
                    first || bytes <= ROUND
                })
                .collect();
            let records: Vec<(&str, &[u8])> =
                round.iter().map(|(user, (_, event))| (user.as_str(), event.body.get().as_bytes())).collect();
            let mut failed = match self.sidecar.publish_all(&topic, &records).await {
                Ok(failed) => failed,
                Err(failed) => return (delivered, Some(failed.to_string())),
            };
            for (nth, (user, (place, _))) in round.into_iter().enumerate() {
                if let Some(failed) = failed.remove(&nth) {
                    trouble = Some(failed.to_string());
                    users.remove(user);
                } else {
                    delivered.push(place);
                    users.get_mut(user).map(VecDeque::pop_front);
                }
            }
            users.retain(|_, events| !events.is_empty());
        }
        (delivered, trouble)
    }
}

#[async_trait]
impl Publish for Publisher {
    async fn publish(&self, events: &[LoggedEvent]) -> Published {
        let mut topics: BTreeMap<&str, BTreeMap<&UserId, VecDeque<(usize, &LoggedEvent)>>> = BTreeMap::new();
        for (place, event) in events.iter().enumerate() {
            topics.entry(&event.topic).or_default().entry(&event.user).or_default().push_back((place, event));
        }
        let until = Instant::now() + PATIENCE;
        let ended = join_all(topics.into_iter().map(|(topic, users)| self.in_rounds(topic, users, until))).await;
        let trouble = ended.iter().find_map(|(_, trouble)| trouble.clone());
        trouble.clone_into(&mut self.away.lock().unwrap_or_else(PoisonError::into_inner));
        let mut places: Vec<usize> = ended.into_iter().flat_map(|(places, _)| places).collect();
        places.sort_unstable();
        // What was delivered behind a gap is published again: it is the same event.
        let delivered = places.iter().enumerate().take_while(|(at, place)| at == *place).count();
        Published { delivered, trouble }
    }
}

/// The members of a dead letter's headers, the reason no longer than can be sent.
fn headers(letter: &DeadLetter) -> Result<Map<String, Value>, StoreError> {
    let end = letter.reason.floor_char_boundary(LONGEST_REASON);
    let letter = DeadLetter { reason: letter.reason.get(..end).unwrap_or_default().to_owned(), ..letter.clone() };
    serde_json::from_str(letter.headers()?.get()).map_err(|error| StoreError::Internal(error.into()))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
