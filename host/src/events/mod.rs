//! Committed events on their way to those who act on them.
//!
//! One idea: a reader of the log with a durable position. The store's outbox is the log; it was written in the commit
//! that made the change, so that there is no event without its change and no change without its event. A consumer group
//! is a [`Reader`]: it hands events on in the order of their commits, which is also each user's order, and moves its
//! position only behind what its handler has finished. Whatever dies in between, the event comes again.
//!
//! With the local bus nothing is relayed: the groups read the outbox itself. A bus that lives elsewhere is fed by one
//! more reader, whose handler publishes.
//!
//! What must not live here: SQL, what an event means, HTTP.

pub mod bus;
pub mod local;
pub mod reader;

pub use bus::{Bus, Handler, Refused, Tail};
pub use local::LocalBus;
pub use reader::{Reader, Step};

#[cfg(test)]
mod tests;
