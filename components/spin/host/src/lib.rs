//! What the stock Spin CLI has in place of the Tidings host: a store on `spin:sqlite`, accounts, and sessions, for the two components
//! beside it. `adapter` offers it to all others as the ports of `wit/ports`; `edge` serves what natively no component does.
//!
//! What must not live here: WIT, HTTP, rules of a todo list, which are `domain`'s.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

pub mod agenda;
pub mod clock;
pub mod db;
pub mod identity;
mod schema;
pub mod session;
pub mod store;
mod work;

pub use agenda::Agenda;
pub use session::Session;
pub use work::Work;

#[cfg(test)]
mod tests;
