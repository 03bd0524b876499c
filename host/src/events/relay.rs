//! From the log to a broker: one more reader of the log, which publishes what it reads, in the order of the commits.
//!
//! However many hosts have one store, one of them at a time has the turn ([`EventLog::turn`]), so that the order of the log is the order
//! on the broker. How far it has come is kept behind what the broker has acknowledged, never before it: whatever dies in between, an
//! event is published again, under the same id. No request waits for any of this.

use crate::clock::Clock;
use crate::faultpoint;
use crate::store::{EventLog, LoggedEvent, StoreError};
use async_trait::async_trait;
use domain::event::TOPICS;
use metrics::{counter, gauge};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Events that are published at one time.
const BATCH: u32 = 512;
/// How long it sleeps at most while nobody wakes it.
const LOOK: Duration = Duration::from_secs(1);
/// How long it leaves the turn to another host before it asks again.
const ELSEWHERE: Duration = Duration::from_millis(250);
/// Before the second attempt, and twice as long before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// Puts events on a broker.
#[async_trait]
pub trait Publish: Send + Sync {
    /// Publishes these events in their order, and waits until the broker has them for good; for some seconds at most. It does not
    /// matter whether one of them was published before.
    async fn publish(&self, events: &[LoggedEvent]) -> Published;
}

/// What became of events that were to be published.
#[derive(Debug, PartialEq, Eq)]
pub struct Published {
    /// So many are there for good, from the first.
    pub delivered: usize,
    /// Why not all are, fit to be shown.
    pub trouble: Option<String>,
}

/// What a step came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// So many events were published; there may be more.
    Relayed(usize),
    /// All that is committed is published.
    Idle,
    /// Another host is at it.
    Elsewhere,
    /// Some could not be published, and why.
    Troubled(String),
}

/// Reads the log and publishes.
pub struct Relay {
    /// In whose name its position is kept.
    name: String,
    log: Arc<dyn EventLog>,
    publisher: Arc<dyn Publish>,
    clock: Arc<dyn Clock>,
    committed: watch::Receiver<i64>,
    /// Attempts that failed, one after the other.
    failures: u32,
}

impl Relay {
    pub fn new(name: &str, log: Arc<dyn EventLog>, publisher: Arc<dyn Publish>, clock: Arc<dyn Clock>) -> Self {
        let committed = log.committed();
        Self { name: name.to_owned(), log, publisher, clock, committed, failures: 0 }
    }

    /// Relays until told to stop; a step that has begun is brought to its end.
    pub async fn run(&mut self, stopping: CancellationToken) {
        while !stopping.is_cancelled() {
            let wait = match self.step().await {
                Ok(Step::Relayed(_)) => {
                    self.failures = 0;
                    continue;
                }
                Ok(Step::Idle) => None,
                Ok(Step::Elsewhere) => Some(ELSEWHERE),
                Ok(Step::Troubled(reason)) => Some(self.failed(&reason)),
                Err(error) => Some(self.failed(&error.to_string())),
            };
            let woken = async {
                match wait {
                    // Whoever waits for a turn or for the broker is not woken by a commit.
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => _ = tokio::time::timeout(LOOK, self.committed.changed()).await,
                }
            };
            stopping.run_until_cancelled(woken).await;
        }
    }

    /// Takes a turn, and publishes what stands behind the position, up to a batch.
    pub async fn step(&mut self) -> Result<Step, StoreError> {
        // What is committed while we read is seen as a change when we then wait.
        self.committed.borrow_and_update();
        let Some(turn) = self.log.turn(&self.name).await? else {
            show(0, 0);
            return Ok(Step::Elsewhere);
        };
        let events = self.log.events_after(&TOPICS, turn.position(), BATCH).await?;
        let Some(last) = events.last() else {
            show(0, 0);
            return Ok(Step::Idle);
        };
        let newest = self.log.last_position().await?.max(last.position);
        faultpoint::pass(faultpoint::RELAY);
        let Published { delivered, trouble } = self.publisher.publish(&events).await;
        faultpoint::pass(faultpoint::RELAYED);
        if let Some(last) = delivered.checked_sub(1).and_then(|last| events.get(last)) {
            turn.keep(last.position).await?;
            counter!("tidings_relay_events_total").increment(delivered as u64);
        }
        let oldest = events.get(delivered);
        let age = oldest.map_or(0, |oldest| self.clock.now().millis() - oldest.time.millis());
        let done = oldest.map_or(last.position, |oldest| oldest.position - 1);
        show(newest - done, age);
        Ok(trouble.map_or(Step::Relayed(delivered), Step::Troubled))
    }

    /// How long to wait before the next attempt.
    fn failed(&mut self, reason: &str) -> Duration {
        counter!("tidings_relay_errors_total").increment(1);
        // Said when it begins; that it goes on, the metrics say.
        if self.failures == 0 {
            tracing::warn!(reason, "events wait in the outbox: they cannot be published just now, and it is tried again");
        }
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST_WAIT);
        self.failures = self.failures.saturating_add(1);
        wait.mul_f64(rand::random_range(0.75..1.25))
    }
}

/// How many positions are to be relayed, and for how many milliseconds the oldest of them has waited.
fn show(depth: i64, age: i64) {
    gauge!("tidings_relay_depth").set(depth.max(0) as f64);
    gauge!("tidings_relay_age_seconds").set(age.max(0) as f64 / 1_000.0);
}

#[cfg(test)]
mod tests;
