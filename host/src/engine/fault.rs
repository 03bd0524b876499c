//! What can go wrong with a component, and the one place where that is logged and counted.

use std::sync::Arc;
use std::sync::Mutex;
use tokio::sync::{OwnedSemaphorePermit, watch};

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

/// One request on its way through a component. Whoever sees it fail first says so, and the rest is silent.
pub(super) struct Flight {
    component: Arc<super::Counters>,
    request_id: String,
    permit: Mutex<Option<OwnedSemaphorePermit>>,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Flying,
    Landed,
    Failed(Fault),
}

impl Flight {
    pub fn new(component: Arc<super::Counters>, request_id: String, permit: OwnedSemaphorePermit) -> Arc<Self> {
        let state = watch::Sender::new(State::Flying);
        Arc::new(Self { component, request_id, permit: Mutex::new(Some(permit)), state })
    }

    /// It failed: log, count, remember; only the first time.
    pub fn fail(&self, fault: Fault, why: &str) {
        let first = self.state.send_if_modified(|state| {
            let first = *state == State::Flying;
            if first {
                *state = State::Failed(fault);
            }
            first
        });
        if first {
            self.component.fault(fault, &self.request_id, why);
        }
    }

    /// The response is out, whole: the place is free for the next.
    pub fn land(&self) {
        self.state.send_if_modified(|state| std::mem::replace(state, State::Landed) != State::Landed);
        self.permit.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    }

    /// Whether it has failed so far.
    pub fn failed(&self) -> Option<Fault> {
        match *self.state.borrow() {
            State::Failed(fault) => Some(fault),
            State::Flying | State::Landed => None,
        }
    }

    /// Waits until whoever holds the instance has said what became of it.
    pub async fn verdict(&self) -> Fault {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| *state != State::Flying).await.map(|state| *state);
        match settled {
            Ok(State::Failed(fault)) => fault,
            _ => Fault::Trapped,
        }
    }
}
