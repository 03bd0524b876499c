//! What the end-to-end tests and the bench share: a real `tidings` process, clients that speak its public protocols, a reader
//! of its stream, which holds all it reads against the contract. What must not live here: other assertions about what Tidings does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test's fault is a panic")]

pub mod client;
pub mod cluster;
pub mod documented;
pub mod host;
pub mod setup;
pub mod spin;
pub mod stream;

pub use client::{Answer, Client};
pub use cluster::{Cluster, Pod};
pub use host::{Host, Options, anyone, shared, someone};
pub use setup::{FIRST, LOCAL_BUS, Place, SHARED, Setup, only};
pub use stream::{Event, Stream};
