//! Committed events on their way to those who act on them.
//!
//! The store's outbox is the log; it was written in the commit that made the change, so that there is no event without its
//! change and no change without its event. A [`Bus`] brings the log to consumer groups; one [`Consumer`] a group hands it
//! on, whatever the bus: each user's events in order and one at a time, users side by side ([`lanes`]). The group's position
//! moves only behind what is finished. Whatever dies in between, the event comes again. What is refused again and again
//! becomes a [`DeadLetter`], and the rest goes on meanwhile.
//!
//! With the [local](local) bus nothing is relayed: the groups read the outbox itself. A bus that lives elsewhere, as those of [`kafka`]
//! and [`dapr`] do, is
//! fed by one more reader of the log, the [`relay`], which publishes.
//!
//! What must not live here: SQL, what an event means, HTTP.

pub mod bus;
pub mod consumer;
pub mod dapr;
mod dead;
pub mod kafka;
mod lanes;
mod listing;
pub mod local;
mod record;
pub mod relay;

pub use bus::{Batch, Bus, Handled, Handler, Source, Start, Tail, Trouble};
pub use consumer::Consumer;
pub use dapr::{Arrived, Inbox, NotNow};
pub use dead::{DEAD_LETTERS, DeadLetter, Replay};
pub use listing::{Content, Entries, Entry, Wanted};
pub use local::LocalBus;
pub use record::Record;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
