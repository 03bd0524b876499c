//! `domain`'s forgetful memory, on what the host gives.

use crate::Session;
use crate::bindings::ports::memory;
use domain::ports::Failure;

/// The memory of this component.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory;

impl domain::ports::Memory<Session> for Memory {
    async fn get(&self, session: &Session, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        Ok(memory::get(&session.0, key.to_owned()).await?)
    }

    async fn set(&self, session: &Session, key: &str, value: &[u8], ttl_seconds: u32) -> Result<(), Failure> {
        Ok(memory::set(&session.0, key.to_owned(), value.to_owned(), ttl_seconds).await?)
    }

    async fn claim(&self, session: &Session, key: &str, ttl_seconds: u32) -> Result<bool, Failure> {
        Ok(memory::claim(&session.0, key.to_owned(), ttl_seconds).await?)
    }
}
