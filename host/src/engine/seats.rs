//! The places of a component: how many of its instances are at work at one time, whichever of its versions they are of.

use super::manifest::Limits;
use super::runtime::{Busy, Inside};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A component's places, and the queue before them.
pub(super) struct Seats {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    limits: Limits,
    busy: Busy,
}

/// One of them, taken; it also keeps the epoch ticking.
pub(super) struct Seat {
    _permit: OwnedSemaphorePermit,
    _inside: Inside,
}

impl Seats {
    pub fn new(limits: Limits, busy: &Busy) -> Arc<Self> {
        let free = Arc::new(Semaphore::new(limits.concurrency));
        Arc::new(Self { free, waiting: AtomicUsize::new(0), limits, busy: busy.clone() })
    }

    /// Room for one try, beside those who wait.
    pub fn aside(&self) -> Arc<Self> {
        Self::new(Limits { concurrency: 1, ..self.limits }, &self.busy)
    }

    /// A place for one more instance, now or within the deadline.
    pub async fn enter(&self) -> Option<Seat> {
        let permit = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let _waiting = Waiting::enter(&self.waiting, self.limits.queue)?;
                let free = Arc::clone(&self.free).acquire_owned();
                tokio::time::timeout(self.limits.deadline, free).await.ok()?.ok()?
            }
        };
        Some(Seat { _permit: permit, _inside: self.busy.enter() })
    }
}

/// A place in the bounded queue.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let entered = Self(waiting);
        (before < most).then_some(entered)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
