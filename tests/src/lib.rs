//! What the end-to-end tests and the bench share: a real `tidings` process, clients that speak its public protocols, a reader
//! of its stream. What must not live here: assertions about what Tidings does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test's fault is a panic")]

pub mod client;
pub mod host;
pub mod parts;
pub mod stream;

pub use client::{Answer, Client};
pub use host::{Host, Options, anyone, shared, someone};
pub use stream::{Event, Stream};
