//! How long a call may wait for what stands behind the ports. It ends before the call's own time does, so that a component
//! whose store is slow still answers, and says that the store is: slow parts are not a component's fault.

use super::Ports;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout_at;
use wasmtime::component::Accessor;

/// Until when; the host that counts the call's time moves it.
#[derive(Clone)]
pub struct Patience(Arc<Mutex<Instant>>);

impl Default for Patience {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Patience {
    /// For what begins at `start` and has so much time: a tenth of it is left to the component.
    pub fn set(&self, start: Instant, time: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = start + time - time / 10;
    }

    fn until(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the ports answer, or that it is unavailable: it did not come while there was patience.
pub(super) async fn in_time<T: 'static, A, E>(
    accessor: &Accessor<T, Ports>,
    unavailable: fn(String) -> E,
    answer: impl Future<Output = Result<A, E>>,
) -> Result<A, E> {
    let until = accessor.with(|mut access| access.get().context.patience.until());
    let answer = timeout_at(until.into(), answer).await;
    answer.unwrap_or_else(|_| Err(unavailable("the store did not answer in time".to_owned())))
}
