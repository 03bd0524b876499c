//! Listeners and what they answer: the public one (the API, by components; the stream, by `sse`), the one for operations, and
//! the one for a sidecar.
//!
//! What must not live here: rules of a todo list, SQL, who somebody is. Every error of the host's own is in [`problem`].

pub mod app;
mod arrivals;
mod body;
mod connection;
mod context;
mod elsewhere;
mod follow;
mod layers;
mod listener;
pub mod ops;
mod origin;
mod patterns;
pub mod problem;
pub mod public;
#[cfg(test)]
mod tests;

pub use elsewhere::Elsewhere;
pub use listener::Listener;
