//! Puts records on the broker, through the sidecar. One user's go one behind the other, several users' at the same time: a broker's order is
//! that of its acknowledgements, and only a user's events need one.

use crate::dapr::{Outgoing, Sidecar};
use crate::events::dead::DeadLetter;
use crate::events::relay::{Publish, Published};
use crate::store::{LoggedEvent, StoreError};
use async_trait::async_trait;
use domain::id::UserId;
use futures::stream::{self, StreamExt};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Users whose events are published at one time.
const SIDE_BY_SIDE: usize = 32;
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

    /// One user's, by their places in the batch: how many were delivered, and why not all.
    async fn in_order(&self, events: Vec<(usize, &LoggedEvent)>, until: Instant) -> (Vec<usize>, Option<String>) {
        let mut delivered = Vec::new();
        for (place, event) in events {
            if Instant::now() > until {
                return (delivered, Some("the sidecar takes events too slowly".to_owned()));
            }
            let (key, value) = (event.user.as_str().as_bytes(), event.body.get().as_bytes());
            let topic = self.topic(&event.topic);
            if let Err(trouble) = self.write(&Outgoing { topic: &topic, key: Some(key), value, headers: &[] }).await {
                return (delivered, Some(trouble));
            }
            delivered.push(place);
        }
        (delivered, None)
    }
}

#[async_trait]
impl Publish for Publisher {
    async fn publish(&self, events: &[LoggedEvent]) -> Published {
        let mut users: HashMap<&UserId, Vec<(usize, &LoggedEvent)>> = HashMap::new();
        for (place, event) in events.iter().enumerate() {
            users.entry(&event.user).or_default().push((place, event));
        }
        let until = Instant::now() + PATIENCE;
        let mut lanes = Vec::new();
        for events in users.into_values() {
            lanes.push(self.in_order(events, until));
        }
        let ended: Vec<(Vec<usize>, Option<String>)> = stream::iter(lanes).buffer_unordered(SIDE_BY_SIDE).collect().await;
        let trouble = ended.iter().find_map(|(_, trouble)| trouble.clone());
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
