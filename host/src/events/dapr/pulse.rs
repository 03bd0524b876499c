//! Whether this process has stood still. A sidecar that found its app unwell ends its subscriptions once the app has answered what it holds,
//! and begins them anew once the app is well; it does not wait in between until the old ones are forgotten, and where the app is well at once,
//! the new ones are forgotten with them (components-contrib 4349). So who has stood still first gives up what it holds, and is well a little later.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(500);
/// Who was not there for so long has stood still. A sidecar as `docs/adr/0013` has it gives an app up after six seconds at the earliest.
const STILL: Duration = Duration::from_secs(4);
/// How long it then takes nothing: a sidecar waits 0.4 s after the last answer, and then ends its subscriptions.
const REST: Duration = Duration::from_secs(2);

/// Looked at regularly, and by everyone who wants to know.
pub(super) struct Pulse {
    seen: Mutex<Seen>,
    stood_still: watch::Sender<()>,
}

struct Seen {
    last: Instant,
    /// Until when it rests.
    rests: Instant,
}

impl Default for Pulse {
    fn default() -> Self {
        let now = Instant::now();
        Self { seen: Mutex::new(Seen { last: now, rests: now }), stood_still: watch::Sender::default() }
    }
}

impl Pulse {
    /// Looks, for ever.
    pub async fn beat(&self) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.rests();
        }
    }

    /// Whether it stood still a moment ago.
    pub fn rests(&self) -> bool {
        self.rests_at(Instant::now())
    }

    pub fn rests_at(&self, now: Instant) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Another may have looked since we asked what time it is.
        let away = now.saturating_duration_since(seen.last);
        seen.last = seen.last.max(now);
        if away > STILL {
            seen.rests = now + REST;
            self.stood_still.send_replace(());
            tracing::warn!(?away, "the host stood still: what the sidecar brings is to come again");
        }
        now < seen.rests
    }

    /// Changes each time that it is seen to have stood still.
    pub fn stood_still(&self) -> watch::Receiver<()> {
        self.stood_still.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stood_still_rests_for_a_while() {
        let slow = Instant::now() + STILL;
        let pulse = Pulse::default();
        let told = pulse.stood_still();
        assert!(!pulse.rests_at(slow) && !told.has_changed().unwrap(), "it was only slow");
        let again = slow + STILL + EVERY;
        assert!(pulse.rests_at(again) && told.has_changed().unwrap());
        assert!(pulse.rests_at(again + REST - Duration::from_millis(1)), "still, though it looked before");
        assert!(!pulse.rests_at(again + REST));
    }
}
