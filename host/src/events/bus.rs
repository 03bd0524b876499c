//! What a bus promises, whatever carries it.

use crate::store::LoggedEvent;
use crate::task::Tasks;
use async_trait::async_trait;
use futures::stream::BoxStream;
use std::sync::Arc;
use std::time::Duration;

/// Why a handler has not done its work. The event is not acknowledged and comes again.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    pub reason: String,
    /// Not before; otherwise the bus waits longer with each attempt.
    pub retry_after: Option<Duration>,
}

/// Acts on events. It may be handed one again that it has acted on before: it must notice, by
/// [`once`](domain::ports::UnitOfWork::once) for example.
#[async_trait]
pub trait Handler: Send + Sync {
    /// `Ok` acknowledges; nothing else does.
    async fn handle(&self, event: &LoggedEvent) -> Result<(), Refused>;
}

/// Events as they are committed, from the moment of asking. It ends with the host.
pub type Tail = BoxStream<'static, LoggedEvent>;

/// Brings committed events to groups of consumers, and to whoever only listens.
pub trait Bus: Send + Sync {
    /// From now on, each event of these topics comes to the group: at least once, each user's in order, also what was
    /// committed while the group was away. Groups do not know of each other; a group subscribes once in a process.
    fn subscribe(&self, group: &'static str, topics: &'static [&'static str], handler: Arc<dyn Handler>, tasks: &Tasks);

    /// Each event of these topics that is committed from now on, for every listener. Nothing is remembered of a listener.
    fn tail(&self, topics: &'static [&'static str]) -> Tail;
}
