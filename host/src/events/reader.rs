//! A consumer group's way through the log.

use super::bus::Handler;
use crate::store::{EventLog, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Events that are read at once; behind each batch the position is kept.
const BATCH: u32 = 100;
/// Looks without being woken: a signal may be lost, an event may not.
const TIMER: Duration = Duration::from_secs(1);
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing was there.
    Idle,
    /// So many events were handled and acknowledged.
    Done(usize),
    /// The handler refused the next event; it comes again, after this time.
    Refused(Duration),
}

/// Hands a group's events to its handler, one after the other, and remembers durably how far it has come. It stays
/// with an event until that is handled.
pub struct Reader {
    log: Arc<dyn EventLog>,
    group: &'static str,
    topics: &'static [&'static str],
    handler: Arc<dyn Handler>,
    committed: watch::Receiver<i64>,
    /// None: not yet asked for.
    position: Option<i64>,
    refusals: u32,
    stopping: CancellationToken,
}

impl Reader {
    /// A group that is new begins with the oldest event of the log.
    pub fn new(log: Arc<dyn EventLog>, group: &'static str, topics: &'static [&'static str], handler: Arc<dyn Handler>) -> Self {
        let committed = log.committed();
        Self { log, group, topics, handler, committed, position: None, refusals: 0, stopping: CancellationToken::new() }
    }

    /// Steps until told to stop; an event whose handling has begun is brought to its end.
    pub async fn run(&mut self, stopping: CancellationToken) {
        self.stopping = stopping.clone();
        while !stopping.is_cancelled() {
            self.committed.mark_unchanged();
            let wait = match self.step().await {
                Ok(Step::Done(_)) => continue,
                Ok(Step::Idle) => None,
                Ok(Step::Refused(wait)) => Some(wait),
                Err(error) => {
                    tracing::warn!(group = self.group, %error, "the log cannot be read or the position not kept: trying again");
                    Some(TIMER)
                }
            };
            tokio::select! {
                () = stopping.cancelled() => {}
                // Before a second attempt, a new event is no reason to hurry.
                _ = self.committed.changed(), if wait.is_none() => {}
                () = tokio::time::sleep(wait.unwrap_or(TIMER)) => {}
            }
        }
    }

    /// Handles what has been committed behind the position, up to a batch, and keeps the position behind it.
    pub async fn step(&mut self) -> Result<Step, StoreError> {
        let position = match self.position {
            Some(position) => position,
            None => self.log.group_position(self.group).await?.unwrap_or(0),
        };
        self.position = Some(position);
        let events = self.log.events_after(self.topics, position, BATCH).await?;
        let mut handled = 0;
        let mut reached = position;
        let mut refused = None;
        for event in &events {
            if self.stopping.is_cancelled() {
                break;
            }
            if let Err(refusal) = self.handler.handle(event).await {
                let wait = refusal.retry_after.unwrap_or_else(|| FIRST_WAIT.saturating_mul(1 << self.refusals.min(7)));
                tracing::warn!(group = self.group, event = %event.id, %refusal, attempts = self.refusals + 1, "an event was refused");
                refused = Some(wait.min(LONGEST_WAIT));
                break;
            }
            self.refusals = 0;
            handled += 1;
            reached = event.position;
        }
        if reached != position {
            self.log.set_group_position(self.group, reached).await?;
            self.position = Some(reached);
        }
        match refused {
            Some(wait) => {
                self.refusals = self.refusals.saturating_add(1);
                Ok(Step::Refused(wait))
            }
            None if handled == 0 => Ok(Step::Idle),
            None => Ok(Step::Done(handled)),
        }
    }
}
