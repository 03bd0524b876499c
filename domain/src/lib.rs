//! The rules of a todo list, and nothing else: what a task is, what may be done with it, and what is then recorded.
//!
//! No I/O, no async runtime, no bindings, no clock of its own: the world is reached through the traits in [`ports`].
//! What must not live here: SQL, HTTP types, WIT types, anything of the host.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

pub mod account;
pub mod change;
pub mod command;
pub mod consumer;
pub mod contract;
pub mod cursor;
mod diff;
pub mod digest;
pub mod error;
pub mod event;
pub mod export;
pub mod fake;
pub mod history;
pub mod ical;
pub mod id;
pub mod import;
pub mod input;
pub mod json;
pub mod notices;
pub mod notification;
pub mod notifications;
pub mod ports;
pub mod preferences;
pub mod query;
pub mod quick_add;
pub mod recurrence;
pub mod reminders;
pub mod series;
pub mod task;
pub mod time;
pub mod todos;
