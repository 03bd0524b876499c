//! What was changed lately, for an agent that joins: the newest of a user's task events, as far as the memory remembers.

use domain::consumer::{Disposition, Incoming};
use domain::event::DATA_VERSION;
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

/// Remembers one event. Where the memory is away, or the event is of a version that nobody here knows, it only knows less: that is
/// no work left undone, which would have to wait or become a dead letter.
pub async fn on_event<S>(session: &S, memory: &impl Memory<S>, event: &Incoming) -> Disposition {
    let Some(recent) = read(event) else { return Disposition::Done };
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

fn read(event: &Incoming) -> Option<Recent> {
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
    if event.data_version != DATA_VERSION {
        return None;
    }
    let Data { task_id, task, changed_fields, source } = serde_json::from_str(event.data.get()).ok()?;
    let (event_type, title) = (event.kind.clone(), task.map(|task| task.title));
    let changed_fields = changed_fields.into_keys().collect();
    Some(Recent { id: event.id, event_type, time: event.time, task_id, title, changed_fields, source })
}
