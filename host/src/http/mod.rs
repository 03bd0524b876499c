//! Listeners and what they answer: the public one (the API, by components; the stream, by `sse`) and the one for operations.
//!
//! What must not live here: rules of a todo list, SQL, who somebody is. Every error of the host's own is in [`problem`].

pub mod body;
mod connection;
mod context;
pub mod listener;
pub mod ops;
mod patterns;
pub mod problem;
pub mod public;

pub use listener::{Handler, Listener, Outcome, Peer};
