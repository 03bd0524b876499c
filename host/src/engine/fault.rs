//! What can go wrong with a component, and the one place where that is logged and counted.

use super::counters::Counters;
use super::seats::Seat;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Why a component gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It trapped, or answered with an error of WASI instead of a response. 500.
    #[error("the component failed")]
    Trapped,
    /// It was not done within its deadline. 504.
    #[error("the component did not answer in time")]
    TimedOut,
    /// It wanted more memory than it may have. 500.
    #[error("the component ran out of memory")]
    OutOfMemory,
    /// As many requests as may wait for the component are waiting. 503.
    #[error("the component is overloaded")]
    Overloaded,
    /// No component has this name. 404.
    #[error("there is no such component")]
    NoComponent,
}

impl Fault {
    /// Its name in metrics and in the log.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Trapped => "trapped",
            Self::TimedOut => "timed_out",
            Self::OutOfMemory => "out_of_memory",
            Self::Overloaded => "overloaded",
            Self::NoComponent => "no_component",
        }
    }
}

/// What a request holds while it is inside: one of its component's places, and the version that it began with.
pub(super) type Place = (Seat, TaskTrackerToken);

/// One request on its way through a component. Whoever sees it fail first says so, and the rest is silent.
pub(super) struct Flight {
    component: Arc<Counters>,
    request_id: String,
    place: Mutex<Option<Place>>,
    settled: AtomicBool,
    fault: watch::Sender<Option<Fault>>,
}

impl Flight {
    pub fn new(component: Arc<Counters>, request_id: String, place: Place) -> Arc<Self> {
        let (settled, fault) = (AtomicBool::new(false), watch::Sender::new(None));
        Arc::new(Self { component, request_id, place: Mutex::new(Some(place)), settled, fault })
    }

    /// It failed: log, count, then tell who waits; only the first time.
    pub fn fail(&self, fault: Fault, why: &str) {
        if !self.settled.swap(true, Ordering::Relaxed) {
            self.component.fault(fault, &self.request_id, why);
            self.fault.send_replace(Some(fault));
        }
    }

    /// The response is out, whole: the place is free for the next.
    pub fn land(&self) {
        self.settled.store(true, Ordering::Relaxed);
        self.place.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    }

    /// What it failed of, if it has.
    pub fn failed(&self) -> Option<Fault> {
        *self.fault.borrow()
    }

    /// Waits until whoever holds the instance has said what became of it, which is about to happen.
    pub async fn verdict(&self) -> Fault {
        let mut fault = self.fault.subscribe();
        if tokio::time::timeout(Duration::from_secs(1), fault.wait_for(Option::is_some)).await.is_err() {
            self.fail(Fault::Trapped, "its instance ended without an answer");
        }
        self.failed().unwrap_or(Fault::Trapped)
    }
}
