//! The port `memory`. A key is private to the user; that it is private to the component, too, nobody can see to here.

use super::{Adapter, bindings};
use bindings::ports::ledger::SessionBorrow;
use bindings::ports::memory::Guest;
use bindings::ports::types::Failure;
use domain::ports::Failure as Refused;
use domain::time::Timestamp;
use spin_host::session::checked_key;
use spin_host::{Session, clock, store};

/// Bytes of a value.
const LARGEST_VALUE: usize = 64 * 1024;

/// The store's key. A length stands before the user, so that no two pairs share one.
fn full_key(session: &SessionBorrow<'_>, key: &str) -> Result<String, Failure> {
    let session = session.get::<Session>();
    checked_key(key)?;
    session.allow(None)?;
    let user = session.user().as_str();
    Ok(format!("{}:{user}:{key}", user.len()))
}

fn expiry(now: Timestamp, ttl_seconds: u32) -> Timestamp {
    Timestamp::from_millis(now.millis().saturating_add(i64::from(ttl_seconds) * 1_000)).unwrap_or(Timestamp::MAX)
}

impl Guest for Adapter {
    async fn get(session: SessionBorrow<'_>, key: String) -> Result<Option<Vec<u8>>, Failure> {
        let key = full_key(&session, &key)?;
        Ok(store::recall(&key, clock::now()).await.map_err(Refused::from)?)
    }

    async fn set(session: SessionBorrow<'_>, key: String, value: Vec<u8>, ttl_seconds: u32) -> Result<(), Failure> {
        let key = full_key(&session, &key)?;
        if value.len() > LARGEST_VALUE {
            return Err(Failure::Invalid(format!("a value has at most {LARGEST_VALUE} bytes, not {}", value.len())));
        }
        Ok(store::remember(&key, &value, expiry(clock::now(), ttl_seconds)).await.map_err(Refused::from)?)
    }

    async fn claim(session: SessionBorrow<'_>, key: String, ttl_seconds: u32) -> Result<bool, Failure> {
        let key = full_key(&session, &key)?;
        let now = clock::now();
        Ok(store::claim(&key, now, expiry(now, ttl_seconds)).await.map_err(Refused::from)?)
    }
}
