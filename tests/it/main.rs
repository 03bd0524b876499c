//! End to end, over real sockets. One binary, so that what it shares is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test's fault is a panic")]
#![allow(clippy::disallowed_methods, reason = "what a test starts ends with it, and it asks the machine's clock")]

mod api_account;
mod api_accounts;
mod api_batch;
mod api_fuzz;
mod api_history;
mod api_import;
mod api_lists;
mod api_notifications;
mod api_password;
mod api_throttle;
mod api_todos;
mod api_tokens;
mod bad_input;
mod consumers;
mod dapr;
mod document;
mod events;
mod example;
mod failures_api;
mod failures_events;
mod fixture;
mod hosts;
mod isolation;
mod kafka;
mod kill;
mod kill_events;
mod mcp;
mod mcp_clients;
mod misbehave;
mod openapi;
mod outsider;
mod recurrence;
mod reminders;
mod store_faults;
mod stream;
mod swap;
mod time;
mod walkthrough;
