//! What a bus promises, whatever carries it.

use super::consumer::Consumer;
use super::dead::{DeadLetter, Replay};
use super::listing::{Entries, Wanted};
use crate::store::{LoggedEvent, StoreError};
use async_trait::async_trait;
use domain::id::UserId;
use futures::stream::BoxStream;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Events as they are committed, from the moment of asking. It ends with the host.
pub type Tail = BoxStream<'static, LoggedEvent>;

/// Makes the consumer of one source.
pub type Start = Box<dyn Fn(Box<dyn Source>) -> Consumer + Send + Sync>;

/// Brings committed events to groups of consumers, and to whoever only listens. What it starts ends with the host.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Brings a group what is in these topics, from where it has come to. A group that is new begins with the oldest event. Groups do
    /// not know of each other. Where topics are in parts, each with an order of its own, each part has a source and a consumer of its
    /// own, for as long as it is this host's; another host of the same group has other parts.
    fn consume(&self, group: &str, topics: &[String], start: Start) -> JoinHandle<()>;

    /// Each event of these topics that is committed from now on, for every listener. Nothing is remembered of a listener. It may hear
    /// some of the last minute, too, and some twice.
    fn tail(&self, topics: &'static [&'static str]) -> Tail;

    /// What is in the log, for operators to read.
    fn list(&self, wanted: Wanted) -> Entries;

    /// Writes dead letters to the topics where they came from, behind all that is there, with the same id, key and body. Whoever has
    /// acted on one already knows it by its id. What becomes a dead letter meanwhile, by being refused again, is left for another
    /// time. Answers how many.
    async fn replay(&self, wanted: &Replay) -> Result<u64, StoreError>;

    /// Why events are not going anywhere just now, fit to be shown; none: they are.
    fn away(&self) -> Option<String> {
        None
    }
}

/// Some of what a source has.
#[derive(Debug, Default)]
pub struct Batch {
    /// In the order of their commits.
    pub events: Vec<LoggedEvent>,
    /// Everything up to this position has been given now.
    pub read: i64,
}

/// Events in one order, and how far a group has come with them.
#[async_trait]
pub trait Source: Send + Sync {
    /// Its name among the group's, for its numbers; empty where it is the only one.
    fn part(&self) -> &str {
        ""
    }

    /// So long after something was finished it is kept that it is, for all that is finished by then.
    fn keep_after(&self) -> Duration {
        Duration::from_millis(100)
    }

    /// What is behind all that it gave before; it waits until there is something. Whoever waits may give up.
    async fn next(&mut self, limit: u32) -> Result<Batch, StoreError>;

    /// One user's events among those that it gave: behind one position, up to another, the first few.
    async fn again(&self, user: &UserId, behind: i64, up_to: i64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError>;

    /// Keeps durably that everything up to this position is finished.
    async fn keep(&self, position: i64) -> Result<(), StoreError>;

    /// Writes a dead letter, durably, to its topic's topic of dead letters.
    async fn bury(&self, event: &LoggedEvent, letter: &DeadLetter) -> Result<(), StoreError>;
}

/// Acts on events. It may be handed one again that it has acted on before: it must notice, by
/// [`once`](domain::ports::UnitOfWork::once) for example.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Acts on events of one user, one after the other. It stops at the first that is not done.
    async fn handle(&self, events: &[LoggedEvent]) -> Handled;
}

/// What became of events.
#[derive(Debug, PartialEq, Eq)]
pub struct Handled {
    /// So many are done, from the first.
    pub done: usize,
    /// Why the next one is not; none: all are.
    pub trouble: Option<Trouble>,
}

/// Why an event is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It was tried and may succeed another time, after this time at the earliest.
    Retry { reason: String, after: Duration },
    /// Trying again would be of no use.
    Reject(String),
    /// It was not tried: there was no room.
    Busy,
    /// The store could not serve, which says nothing of the event: it is tried until the store can, and that counts for nothing.
    StoreAway(String),
}
