//! What the dashboard knows, without a browser: a person's tasks as far as they have been heard of, what was done to them and is not sent yet,
//! which of them a view shows, and in which words. Pure; the page (`web/`) only draws it and carries it.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

pub mod days;
pub mod file;
pub mod history;
pub mod outbox;
pub mod repeat;
pub mod store;
pub mod tags;
pub mod task;
pub mod view;
pub mod words;
pub mod year;

pub use task::Task;
