//! The forgetful memory in the sidecar's state store. It may be away or lose what it likes: whoever asks is told that it is away, or that
//! nothing is known, and does the work.

use super::sidecar::{Sidecar, Trouble};
use crate::clock::Clock;
use crate::store::{Memory, StoreError};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::time::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The component, of `dapr/components`.
const STORE: &str = "statestore";
/// How long an answer may take: longer than this, the work is done sooner.
const ANSWERS_WITHIN: Duration = Duration::from_millis(1_500);
/// After a failure it is not asked again for so long: whoever asks often must not wait often.
const REST: Duration = Duration::from_secs(5);
/// The tag of what is not there.
const NOTHING: &str = "0";

/// A memory that every host of the same state store shares.
pub struct SidecarMemory {
    sidecar: Arc<Sidecar>,
    clock: Arc<dyn Clock>,
    rests_until: Mutex<Option<Instant>>,
}

/// What is kept under a key. The moment is kept with it: the store sets its own limit by a second step, which may never come.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// In base64.
    value: String,
    expires_at: Timestamp,
}

/// What the store answers for a key.
#[derive(Deserialize)]
struct Item {
    data: Option<Value>,
    etag: Option<String>,
    error: Option<String>,
}

impl Item {
    /// What was kept and has not expired. What others have written under the key is nothing to us.
    fn live(self, now: Timestamp) -> Option<Kept> {
        serde_json::from_value(self.data?).ok().filter(|kept: &Kept| kept.expires_at > now)
    }
}

impl SidecarMemory {
    pub fn new(sidecar: Arc<Sidecar>, clock: Arc<dyn Clock>) -> Self {
        Self { sidecar, clock, rests_until: Mutex::default() }
    }

    async fn look(&self, key: &str) -> Result<Item, Trouble> {
        let (_, answer) = self.ask(&["state", STORE, "bulk"], &json!({ "keys": [key] })).await?;
        let items: Vec<Item> = serde_json::from_slice(&answer).unwrap_or_default();
        let item = items.into_iter().next().unwrap_or(Item { data: None, etag: None, error: None });
        match item.error {
            Some(message) => Err(Trouble::Failed { status: StatusCode::OK, message }),
            None => Ok(item),
        }
    }

    /// `over`: only in place of what has this tag. False where something else is there, or where the store is away: it cannot tell.
    async fn write(&self, key: &str, value: &[u8], expires_at: Timestamp, over: Option<&str>) -> Result<bool, Trouble> {
        let seconds = (expires_at.millis() - self.clock.now().millis()).max(0) / 1_000 + 1;
        let mut item = json!({
            "key": key,
            "value": Kept { value: STANDARD.encode(value), expires_at },
            "metadata": { "ttlInSeconds": seconds.to_string() },
        });
        if let (Some(item), Some(over)) = (item.as_object_mut(), over) {
            item.extend([("etag".to_owned(), json!(over)), ("options".to_owned(), json!({ "concurrency": "first-write" }))]);
        }
        match self.ask(&["state", STORE], &json!([item])).await {
            Ok(_) => Ok(true),
            Err(trouble) if taken(&trouble) => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    async fn ask(&self, path: &[&str], body: &Value) -> Result<(StatusCode, Bytes), Trouble> {
        if self.rests_until.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| Instant::now() < until) {
            return Err(Trouble::Late);
        }
        let asked = self.sidecar.ask(path, STORE, body.to_string().into_bytes(), ANSWERS_WITHIN).await;
        if let Err(trouble) = &asked
            && !taken(trouble)
        {
            tracing::warn!(%trouble, "the memory is away; what it would have spared is done");
            *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + REST);
        }
        asked
    }
}

#[async_trait]
impl Memory for SidecarMemory {
    async fn recall(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let item = self.look(&named("value", key)).await.map_err(away)?;
        Ok(item.live(now).and_then(|kept| STANDARD.decode(kept.value).ok()))
    }

    async fn remember(&self, key: &str, value: &[u8], expires_at: Timestamp) -> Result<(), StoreError> {
        self.write(&named("value", key), value, expires_at, None).await.map(drop).map_err(away)
    }

    async fn claim(&self, key: &str, now: Timestamp, expires_at: Timestamp) -> Result<bool, StoreError> {
        let key = named("claim", key);
        if self.write(&key, b"", expires_at, Some(NOTHING)).await.map_err(away)? {
            return Ok(true);
        }
        let found = self.look(&key).await.map_err(away)?;
        match found.etag.clone() {
            Some(_) if found.live(now).is_some() => Ok(false),
            Some(etag) => self.write(&key, b"", expires_at, Some(&etag)).await.map_err(away),
            None => Err(StoreError::Unavailable("the memory cannot tell who was first".to_owned())),
        }
    }
}

/// Something else is under the key; a store that is away looks the same.
fn taken(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Failed { status: StatusCode::CONFLICT, .. })
}

fn away(trouble: Trouble) -> StoreError {
    StoreError::Unavailable(format!("the memory is away: {trouble}"))
}

/// The store's key: it takes no two bars in a row.
fn named(kind: &str, key: &str) -> String {
    format!("{kind}:{}", key.replace('%', "%25").replace('|', "%7C"))
}
