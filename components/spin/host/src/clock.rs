//! The one home of time and chance: both are WASI's.

use domain::time::Timestamp;
use rand::TryRngCore;
use uuid::Uuid;

/// Now, in whole milliseconds.
#[cfg(not(test))]
#[allow(clippy::disallowed_methods, reason = "this is the one home")]
pub fn now() -> Timestamp {
    Timestamp::from_millis(chrono::Utc::now().timestamp_millis()).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
thread_local! {
    pub static NOW: std::cell::Cell<Timestamp> = std::cell::Cell::new(domain::contract::at(0));
}

/// Now, as the test has it.
#[cfg(test)]
pub fn now() -> Timestamp {
    NOW.get()
}

#[cfg(not(test))]
pub use spin_sdk::time::sleep;
#[cfg(test)]
pub use tokio::time::sleep;

/// A UUID of version 7 with this time.
pub fn new_id(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid()
}

/// For salts and tokens.
pub fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(|why| why.to_string())?;
    Ok(bytes)
}
