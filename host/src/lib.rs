//! The Tidings host: storage, broker, identity, sockets and time for the components that hold the rules.
//!
//! Direction: `main → http, events, sse → engine → ports → store`. The host knows no rule of a todo list.

// `store/sql/` is compiled once for each database.
#![allow(clippy::duplicate_mod)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

pub mod admin;
pub mod cli;
pub mod clock;
pub mod components;
pub mod config;
pub mod dapr;
pub mod engine;
pub mod events;
pub mod faultpoint;
pub mod host;
pub mod http;
pub mod identity;
pub mod ports;
pub mod roles;
pub mod schedule;
pub mod secret;
pub mod sse;
pub mod store;
pub mod swap;
pub mod task;
pub mod telemetry;
