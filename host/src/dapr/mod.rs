//! The Dapr sidecar that stands beside this host: publishing, state, and calls to other roles, by plain HTTP to its port
//! (<https://docs.dapr.io/reference/api/>).
//!
//! Everything here may be away at any moment, and says so in words that tell what to do. What must not live here: what the sidecar calls
//! (`http`), what an event is (`events`), rules.

mod invoke;
mod memory;
mod sidecar;

pub use invoke::{as_stream, hand_on};
pub use memory::SidecarMemory;
pub use sidecar::{Outgoing, Sidecar, SidecarConfig, TOKEN, Trouble};

#[cfg(test)]
mod tests;
