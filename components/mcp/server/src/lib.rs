//! The Model Context Protocol over the use cases of `domain`: one message in, one answer out.
//!
//! Pure: the session, the clock and the memory are given. <https://modelcontextprotocol.io/specification/2026-07-28>, and the two
//! revisions before it for clients that begin with `initialize`. What must not live here: HTTP, who may ask, rules of a task.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod arguments;
mod context;
mod conversation;
mod follow;
mod resources;
mod revision;
mod rpc;
mod server;
#[cfg(test)]
mod tests;
mod tools;
mod words;

pub use context::on_event;
pub use conversation::end as end_conversation;
pub use follow::Follow;
pub use revision::Headers;
pub use server::{Reply, Server};
