//! When a guest has to let go of its thread.
//!
//! The epoch moves on every millisecond, and whoever runs then is asked to yield. A guest that waited for the host, for a read of the store for
//! example, finds when it goes on that the epoch has moved meanwhile: sent to the back of the queue for that, each request took
//! its way through the runtime once more for each thing that it waited for. So who waited may go on to the next tick.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use wasmtime::UpdateDeadline;

/// It ran when the epoch moved, or may have.
const RUNNING: u8 = 0;
/// It has waited since: the tick that it finds is not its own.
const WAITED: u8 = 1;
/// It was made to yield, and will go on where it was.
const YIELDED: u8 = 2;

/// What one guest does with its thread, as seen from inside, where the epoch is noticed, and from outside, where it is polled.
#[derive(Clone, Default)]
pub(super) struct Turn(Arc<AtomicU8>);

impl Turn {
    /// The guest notices that the epoch has moved: what it is to do.
    pub fn ticked(&self) -> UpdateDeadline {
        if self.0.swap(RUNNING, Ordering::Relaxed) == WAITED {
            return UpdateDeadline::Continue(1);
        }
        self.0.store(YIELDED, Ordering::Relaxed);
        UpdateDeadline::Yield(1)
    }

    /// The guest was polled and is not done: it waits, unless it only yielded.
    pub fn pending(&self) {
        let next = if self.0.load(Ordering::Relaxed) == YIELDED { RUNNING } else { WAITED };
        self.0.store(next, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yields(turn: &Turn) -> bool {
        matches!(turn.ticked(), UpdateDeadline::Yield(1))
    }

    #[test]
    fn who_is_busy_yields_at_every_tick() {
        let turn = Turn::default();
        for _ in 0..3 {
            assert!(yields(&turn));
            turn.pending();
        }
    }

    #[test]
    fn who_waited_goes_on_to_the_next_tick() {
        let turn = Turn::default();
        turn.pending();
        assert!(!yields(&turn));
        assert!(yields(&turn));
        turn.pending();
        assert!(yields(&turn), "a yield is no wait");
        turn.pending();
        turn.pending();
        assert!(!yields(&turn));
    }
}
