//! Failed passwords, counted by address. The eleventh within a minute is told to wait, and is told nothing else.

use super::{AccountError, rows};
use crate::clock;

/// Failures that are answered within [`WINDOW`].
const ALLOWED: i64 = 10;
/// Milliseconds.
const WINDOW: i64 = 60_000;

/// Before the work is done: whether it is worth doing.
pub async fn check(address: &str) -> Result<(), AccountError> {
    told(rows::wait(address, clock::now().millis(), WINDOW, ALLOWED).await?)
}

/// After the work: the answer may be told, unless ten failures came in meanwhile. Guesses made side by side thus
/// learn no more than guesses made one after the other.
pub async fn settle(address: &str, right: bool) -> Result<(), AccountError> {
    told(match right {
        true => rows::wait(address, clock::now().millis(), WINDOW, ALLOWED).await?,
        false => rows::count_failure(address, clock::now, WINDOW, ALLOWED).await?,
    })
}

/// In seconds, at least one.
fn told(wait: i64) -> Result<(), AccountError> {
    if wait <= 0 {
        return Ok(());
    }
    Err(AccountError::Throttled(u32::try_from(wait.saturating_add(999) / 1000).unwrap_or(u32::MAX)))
}
