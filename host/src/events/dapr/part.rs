//! One part of a topic, as one group hears it through the sidecar: a source whose positions are the order of arrival. Where the group has come
//! to is the sidecar's to keep, by what it is answered.

use super::publisher::Publisher;
use crate::events::bus::{Batch, Source};
use crate::events::dead::DeadLetter;
use crate::store::{LoggedEvent, StoreError};
use async_trait::async_trait;
use domain::id::UserId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// An event whose sidecar waits. Dropped, it comes again.
pub(super) struct Pending {
    /// Its position is the record's.
    pub event: LoggedEvent,
    pub done: oneshot::Sender<()>,
}

/// Gives what arrives.
pub(super) struct Part {
    publisher: Arc<Publisher>,
    partition: i32,
    shown: String,
    arrived: mpsc::Receiver<Pending>,
    /// How many have arrived.
    last: i64,
    /// What was given and is not finished, by its number.
    given: Mutex<BTreeMap<i64, Pending>>,
}

impl Part {
    pub fn new(publisher: Arc<Publisher>, topic: &str, partition: i32, arrived: mpsc::Receiver<Pending>) -> Self {
        let shown = format!("{topic}/{partition}");
        Self { publisher, partition, shown, arrived, last: 0, given: Mutex::default() }
    }

    fn give(&mut self, pending: Pending) -> LoggedEvent {
        self.last += 1;
        let event = LoggedEvent { position: self.last, ..pending.event.clone() };
        self.given().insert(self.last, pending);
        event
    }

    fn given(&self) -> MutexGuard<'_, BTreeMap<i64, Pending>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Source for Part {
    fn part(&self) -> &str {
        &self.shown
    }

    /// The sidecar brings the next record once the last one is answered.
    fn keep_after(&self) -> Duration {
        Duration::ZERO
    }

    async fn next(&mut self, limit: u32) -> Result<Batch, StoreError> {
        let gone = || StoreError::Unavailable("the host is stopping".to_owned());
        let first = self.arrived.recv().await.ok_or_else(gone)?;
        let mut events = vec![self.give(first)];
        while events.len() < limit as usize
            && let Ok(pending) = self.arrived.try_recv()
        {
            events.push(self.give(pending));
        }
        Ok(Batch { events, read: self.last })
    }

    async fn again(&self, user: &UserId, behind: i64, up_to: i64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        let given = self.given();
        let theirs = given.range(behind + 1..=up_to).filter(|(_, pending)| pending.event.user == *user);
        Ok(theirs.take(limit).map(|(position, pending)| LoggedEvent { position: *position, ..pending.event.clone() }).collect())
    }

    async fn keep(&self, position: i64) -> Result<(), StoreError> {
        let mut given = self.given();
        let unfinished = given.split_off(&(position + 1));
        let finished = std::mem::replace(&mut *given, unfinished);
        // Who waited for it may have gone.
        finished.into_values().for_each(|pending| _ = pending.done.send(()));
        Ok(())
    }

    async fn bury(&self, event: &LoggedEvent, letter: &DeadLetter) -> Result<(), StoreError> {
        let position = self.given().get(&event.position).map_or(letter.position, |pending| pending.event.position);
        let letter = DeadLetter { partition: Some(self.partition), position, ..letter.clone() };
        self.publisher.bury(&letter, Some(event.user.as_str().as_bytes()), event.body.get().as_bytes()).await
    }
}
