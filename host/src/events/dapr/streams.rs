//! What streams hear: what the sidecar brings, at once; and what it did not bring, from the store's log, a little later.

use crate::events::bus::Tail;
use crate::store::{EventLog, LoggedEvent};
use futures::stream::{self, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Events that are read at once.
const BATCH: u32 = 256;
/// A sidecar hears nothing of what came before its group was known, nor while it is away. What is committed is looked at so much later.
const LATER: Duration = Duration::from_secs(2);

/// How far the log was looked at.
struct Looking {
    log: Arc<dyn EventLog>,
    topics: &'static [&'static str],
    position: i64,
    committed: watch::Receiver<i64>,
}

/// Both. Whoever has heard an event before knows it by its number.
pub(super) fn tail(brought: mpsc::Receiver<LoggedEvent>, log: Arc<dyn EventLog>, topics: &'static [&'static str]) -> Tail {
    let brought = stream::unfold(brought, async |mut brought| Some((brought.recv().await?, brought)));
    let mut committed = log.committed();
    let position = *committed.borrow_and_update();
    let looking = Looking { log, topics, position, committed };
    let looked = stream::unfold(looking, async |mut looking| Some((stream::iter(looking.next().await?), looking))).flatten();
    stream::select(brought.boxed(), looked.boxed()).boxed()
}

impl Looking {
    /// None when the store is gone.
    async fn next(&mut self) -> Option<Vec<LoggedEvent>> {
        loop {
            // What is committed while we read is seen as a change when we then wait.
            let newest = *self.committed.borrow_and_update();
            if newest <= self.position {
                self.committed.changed().await.ok()?;
                tokio::time::sleep(LATER).await;
                continue;
            }
            match self.log.events_after(self.topics, self.position, BATCH).await {
                Ok(events) => {
                    self.position = match events.last() {
                        Some(last) if events.len() >= BATCH as usize || last.position > newest => last.position,
                        _ => newest,
                    };
                    return Some(events);
                }
                Err(error) => {
                    // The sender of a closed store is gone.
                    self.committed.has_changed().ok()?;
                    tracing::warn!(%error, "the log cannot be read: trying again");
                    tokio::time::sleep(LATER).await;
                }
            }
        }
    }
}
