//! The bus within one process, as durable as the store: the log is the store's outbox, positions are rows beside it.

use super::bus::{Bus, Handler, Tail};
use super::reader::Reader;
use crate::store::{EventLog, LoggedEvent};
use crate::task::Tasks;
use futures::stream::{self, StreamExt};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Events that a tail reads at once.
const BATCH: u32 = 256;
/// How long a tail waits when the store cannot be read.
const PATIENCE: Duration = Duration::from_millis(500);

/// Reads one store's log.
pub struct LocalBus {
    log: Arc<dyn EventLog>,
}

impl LocalBus {
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log }
    }
}

impl Bus for LocalBus {
    fn subscribe(&self, group: &'static str, topics: &'static [&'static str], handler: Arc<dyn Handler>, tasks: &Tasks) {
        let mut reader = Reader::new(self.log.clone(), group, topics, handler);
        let stopping = tasks.stopping();
        tasks.spawn("consumer group", async move { reader.run(stopping).await });
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
