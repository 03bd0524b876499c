//! What the databases have in common: rows and what they mean, lists, the decision and the writing of a group of change sets.
//!
//! This folder is compiled once for each database, word for word: under [`super::sqlite`] on SQLite's types, under
//! [`super::postgres`] on PostgreSQL's. What differs is asked of their `dialect`: statements whose text or plan cannot be the same,
//! numbers that are given out, and how values are read. Parameters are `$1`, `$2`, …, which both know.
//!
//! [`commit`] decides change sets, [`record`] writes them, [`list`] answers queries, [`agenda`] knows what is due, [`erase`]
//! removes; [`rows`] and [`bulk`] are the way of values into and out of SQL.

pub mod accounts;
mod agenda;
pub mod bulk;
pub mod commit;
pub mod erase;
mod ledger;
mod list;
pub mod log;
mod notifications;
pub mod read;
mod record;
pub mod rows;
#[cfg(test)]
pub mod tests;

use super::dialect::{self, Counters};
use super::readers::Readers;
use super::{Db, DbArguments, DbConnection, DbRow, ThisStore};
use crate::store::error::damaged;
