//! A memory that can be told to forget and to fail.

use super::{FakeClock, FakeSession};
use crate::id::UserId;
use crate::ports::{Clock, Failure, Memory};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// By user and key: the value, and the millisecond in which it is forgotten.
type Kept = BTreeMap<(UserId, String), (Vec<u8>, i64)>;

/// The memory. Clones share what is kept.
#[derive(Clone, Debug)]
pub struct FakeMemory {
    clock: FakeClock,
    kept: Arc<Mutex<Kept>>,
    fails: Arc<AtomicBool>,
}

impl FakeMemory {
    pub fn new(clock: FakeClock) -> Self {
        Self { clock, kept: Arc::default(), fails: Arc::default() }
    }

    /// Forgets everything.
    pub fn forget(&self) {
        self.kept.lock().expect("no test panics while it holds the memory").clear();
    }

    /// From now on, every call fails, or none does.
    pub fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// The user's keys, in order, forgotten ones too.
    pub fn keys(&self, user: &UserId) -> Vec<String> {
        let kept = self.kept.lock().expect("no test panics while it holds the memory");
        kept.keys().filter(|(owner, _)| owner == user).map(|(_, key)| key.clone()).collect()
    }

    fn with<T>(&self, work: impl FnOnce(&mut Kept, i64) -> T) -> Result<T, Failure> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(Failure::Unavailable("the memory is away".to_owned()));
        }
        let mut kept = self.kept.lock().expect("no test panics while it holds the memory");
        Ok(work(&mut kept, self.clock.now().millis()))
    }
}

impl Memory<FakeSession> for FakeMemory {
    async fn get(&self, session: &FakeSession, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        let key = (session.user.clone(), key.to_owned());
        self.with(|kept, now| kept.get(&key).filter(|(_, end)| *end > now).map(|(value, _)| value.clone()))
    }

    async fn set(&self, session: &FakeSession, key: &str, value: &[u8], ttl_seconds: u32) -> Result<(), Failure> {
        let key = (session.user.clone(), key.to_owned());
        self.with(|kept, now| kept.insert(key, (value.to_vec(), now + i64::from(ttl_seconds) * 1_000)))?;
        Ok(())
    }

    async fn claim(&self, session: &FakeSession, key: &str, ttl_seconds: u32) -> Result<bool, Failure> {
        let key = (session.user.clone(), key.to_owned());
        self.with(|kept, now| {
            let free = kept.get(&key).is_none_or(|(_, end)| *end <= now);
            if free {
                kept.insert(key, (Vec::new(), now + i64::from(ttl_seconds) * 1_000));
            }
            free
        })
    }
}
