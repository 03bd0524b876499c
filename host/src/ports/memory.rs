//! The port `memory`. A key is private to the user and to the component, whatever the component writes in it.

use super::bindings::ports::memory::{Host, HostWithStore};
use super::bindings::ports::types::Failure;
use super::ledger::{OpenSession, session};
use super::patience::in_time;
use super::session::checked_key;
use super::{Ports, Session, View, failure};
use crate::store::Memory;
use domain::ports::Failure as Refused;
use domain::time::Timestamp;
use std::sync::Arc;
use wasmtime::Result;
use wasmtime::component::{Accessor, Resource};

/// Bytes of a value.
const LARGEST_VALUE: usize = 64 * 1024;

type Answer<T> = std::result::Result<T, Failure>;

/// Whose memory it is, and where it is kept. A component has one, whether it serves a request or hears an event in the name of its group.
fn caller<T: Send + 'static>(accessor: &Accessor<T, Ports>) -> (Arc<str>, Arc<dyn Memory>) {
    accessor.with(|mut access| {
        let context = access.get().context;
        (context.component.clone(), context.backing.memory.clone())
    })
}

/// The store's key. Lengths stand before the parts, so that no two triples share one.
fn full_key(component: &str, session: &Session, key: &str) -> std::result::Result<String, Refused> {
    checked_key(key)?;
    session.allow(None)?;
    let user = session.user().as_str();
    Ok(format!("{}:{component}:{}:{user}:{key}", component.len(), user.len()))
}

fn expiry(now: Timestamp, ttl_seconds: u32) -> Timestamp {
    Timestamp::from_millis(now.millis().saturating_add(i64::from(ttl_seconds) * 1_000)).unwrap_or(Timestamp::MAX)
}

impl<T: Send + 'static> HostWithStore<T> for Ports {
    async fn get(accessor: &Accessor<T, Self>, handle: Resource<OpenSession>, key: String) -> Result<Answer<Option<Vec<u8>>>> {
        let ((component, memory), session) = (caller(accessor), session(accessor, &handle)?);
        let recall = async {
            let key = full_key(&component, &session, &key)?;
            memory.recall(&key, session.clock().now()).await.map_err(failure)
        };
        Ok(in_time(accessor, Refused::Unavailable, recall).await.map_err(Failure::from))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenSession>,
        key: String,
        value: Vec<u8>,
        ttl_seconds: u32,
    ) -> Result<Answer<()>> {
        let ((component, memory), session) = (caller(accessor), session(accessor, &handle)?);
        let remember = async {
            let key = full_key(&component, &session, &key)?;
            if value.len() > LARGEST_VALUE {
                return Err(Refused::Invalid(format!("a value has at most {LARGEST_VALUE} bytes, not {}", value.len())));
            }
            let expires_at = expiry(session.clock().now(), ttl_seconds);
            memory.remember(&key, &value, expires_at).await.map_err(failure)
        };
        Ok(in_time(accessor, Refused::Unavailable, remember).await.map_err(Failure::from))
    }

    async fn claim(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenSession>,
        key: String,
        ttl_seconds: u32,
    ) -> Result<Answer<bool>> {
        let ((component, memory), session) = (caller(accessor), session(accessor, &handle)?);
        let claim = async {
            let key = full_key(&component, &session, &key)?;
            let now = session.clock().now();
            memory.claim(&key, now, expiry(now, ttl_seconds)).await.map_err(failure)
        };
        Ok(in_time(accessor, Refused::Unavailable, claim).await.map_err(Failure::from))
    }
}

impl Host for View<'_> {}
