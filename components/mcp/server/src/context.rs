//! What was changed lately, for an agent that joins: the newest of a user's task events, as far as the memory remembers.

use domain::consumer::{Disposition, Incoming};
use domain::ports::Memory;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The memory keeps keys apart by user.
const KEY: &str = "mcp-context";
/// So many changes, for so many seconds after the last.
const MOST: usize = 20;
const KEPT: u32 = 3_600;

/// One change, as `recent_changes` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    pub id: Uuid,
    pub event_type: String,
    pub time: Timestamp,
    pub task_id: String,
    /// None: it was deleted.
    pub title: Option<String>,
    pub changed_fields: Vec<String>,
    pub source: String,
}

/// Remembers one event. A memory that is away is no reason to keep others waiting: it only knows less.
pub async fn on_event<S>(session: &S, memory: &impl Memory<S>, event: &Incoming) -> Disposition {
    let recent = match read(event) {
        Ok(recent) => recent,
        Err(why) => return Disposition::Reject(format!("the data of {} is not what it should be: {why}", event.kind)),
    };
    let mut all = recall(session, memory).await;
    if all.iter().all(|known| known.id != recent.id) {
        all.insert(0, recent);
        all.truncate(MOST);
        if let Ok(bytes) = serde_json::to_vec(&all) {
            _ = memory.set(session, KEY, &bytes, KEPT).await;
        }
    }
    Disposition::Done
}

/// The newest first.
pub async fn recall<S>(session: &S, memory: &impl Memory<S>) -> Vec<Recent> {
    let kept = memory.get(session, KEY).await.ok().flatten();
    kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn read(event: &Incoming) -> serde_json::Result<Recent> {
    #[derive(Deserialize)]
    struct Data {
        task_id: String,
        task: Option<Titled>,
        changed_fields: BTreeMap<String, Value>,
        source: String,
    }
    #[derive(Deserialize)]
    struct Titled {
        title: String,
    }
    let Data { task_id, task, changed_fields, source } = serde_json::from_str(event.data.get())?;
    let (event_type, title) = (event.kind.clone(), task.map(|task| task.title));
    let changed_fields = changed_fields.into_keys().collect();
    Ok(Recent { id: event.id, event_type, time: event.time, task_id, title, changed_fields, source })
}
