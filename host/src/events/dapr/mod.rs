//! The bus behind a Dapr sidecar: events are published through it ([`publisher`]), and it brings them by HTTP to the [`inbox`], from where
//! they go the way of every bus. `docs/adr/0013-what-the-dapr-bus-promises.md` says what differs.
//!
//! What must not live here: HTTP (that of the sidecar's client is in `dapr`, that of what the sidecar calls in `http`), what an event means.

mod inbox;
mod part;
mod publisher;
mod pulse;
mod streams;
#[cfg(test)]
mod tests;

pub use inbox::{Arrived, Inbox, NotNow, SubscribedTo};

use super::bus::{Bus, Start, Tail};
use super::dead::Replay;
use super::listing::{Entries, Wanted};
use super::relay::Publish;
use crate::clock::Clock;
use crate::dapr::Sidecar;
use crate::store::{EventLog, StoreError};
use crate::task::Tasks;
use async_trait::async_trait;
use publisher::Publisher;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// One sidecar, as a bus.
pub struct DaprBus {
    inbox: Arc<Inbox>,
    publisher: Arc<Publisher>,
    log: Arc<dyn EventLog>,
    /// Who reads the topics for operators: the sidecar cannot.
    operators: Arc<dyn Bus>,
    /// Whether that is the broker itself, or only our own log.
    sees_broker: bool,
    tasks: Tasks,
}

impl DaprBus {
    /// `prefix`: what the names of topics begin with on the broker. `broker`: the same topics, seen directly; without it operators are shown
    /// what `local` has, this host's own log.
    pub fn new(
        sidecar: Arc<Sidecar>,
        prefix: &str,
        log: Arc<dyn EventLog>,
        local: Arc<dyn Bus>,
        broker: Option<Arc<dyn Bus>>,
        clock: Arc<dyn Clock>,
        tasks: Tasks,
    ) -> Self {
        let publisher = Publisher::new(sidecar, prefix.to_owned());
        let inbox = Inbox::new(publisher.clone(), clock, tasks.clone());
        let sees_broker = broker.is_some();
        Self { inbox, publisher, log, operators: broker.unwrap_or(local), sees_broker, tasks }
    }

    /// What a relay publishes through.
    pub fn publisher(&self) -> Arc<dyn Publish> {
        self.publisher.clone()
    }

    /// Where what the sidecar brings arrives.
    pub fn inbox(&self) -> Arc<Inbox> {
        self.inbox.clone()
    }
}

#[async_trait]
impl Bus for DaprBus {
    fn consume(&self, group: &str, topics: &[String], start: Start) -> JoinHandle<()> {
        self.inbox.consume(group, topics, start);
        let stopping = self.tasks.stopping();
        // Its consumers are tasks of their own, which begin with the first event of a part.
        self.tasks.spawn("group", async move { stopping.cancelled().await })
    }

    fn tail(&self, topics: &'static [&'static str]) -> Tail {
        streams::tail(self.inbox.listen(topics), self.log.clone(), topics)
    }

    fn list(&self, wanted: Wanted) -> Entries {
        self.operators.list(wanted)
    }

    async fn replay(&self, wanted: &Replay) -> Result<u64, StoreError> {
        if self.sees_broker {
            return self.operators.replay(wanted).await;
        }
        let why = "dead letters are on the broker, which no sidecar reads back: set TIDINGS_KAFKA_BROKERS, too";
        Err(StoreError::Unavailable(why.to_owned()))
    }

    fn away(&self) -> Option<String> {
        self.publisher.away()
    }
}
