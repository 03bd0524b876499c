//! What a component stands on: the ports of `wit/`, as the traits and types of `domain`.
//!
//! The one place with generated guest bindings. It compiles natively too, so that one clippy checks everything, but what
//! reaches a port then panics. What must not live here: rules.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod agenda;
pub mod bindings;
mod clock;
mod convert;
mod etag;
pub mod events;
pub mod http;
pub mod identity;
mod memory;
mod problem;
pub mod schedule;
mod session;

pub use agenda::Agenda;
pub use clock::Clock;
pub use etag::etag;
pub use memory::Memory;
pub use problem::Problem;
pub use session::{Session, Work};
