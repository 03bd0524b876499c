//! The one home of wall-clock time. Everything else is handed a [`Clock`], so that a test can move it.

use domain::time::Timestamp;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, in whole milliseconds. It may jump, forward and back.
    fn now(&self) -> Timestamp;

    /// How much time has passed since a moment of the past, always the same one. It never goes back.
    fn elapsed(&self) -> Duration {
        static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGINNING.elapsed()
    }

    /// Changes whenever the clock is moved by hand; none: nobody can.
    fn moves(&self) -> Option<watch::Receiver<Moved>> {
        None
    }
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one home")]
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(chrono::Utc::now().timestamp_millis()).unwrap_or(Timestamp::MIN)
    }
}

/// How far a clock stands from the machine's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moved {
    millis: i64,
    /// All that it was ever moved forward.
    forward: Duration,
}

/// A clock that a test moves. Between two moves it goes on like the machine's.
#[derive(Debug, Default)]
pub struct TestClock(watch::Sender<Moved>);

impl TestClock {
    /// From now on it is this moment. Whoever sleeps until an earlier one wakes.
    pub fn set(&self, at: Timestamp) {
        self.0.send_modify(|moved| {
            let by = at.millis() - SystemClock.now().millis() - moved.millis;
            moved.millis += by;
            moved.forward += Duration::from_millis(u64::try_from(by).unwrap_or(0));
        });
    }

    /// Forward, or with a minus back.
    pub fn move_by(&self, millis: i64) {
        let at = Timestamp::from_millis(self.now().millis().saturating_add(millis));
        self.set(at.unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX }));
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemClock.now().millis() + self.0.borrow().millis).unwrap_or(Timestamp::MAX)
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed() + self.0.borrow().forward
    }

    fn moves(&self) -> Option<watch::Receiver<Moved>> {
        Some(self.0.subscribe())
    }
}

/// A sleeper looks at the clock this often: while the machine was suspended, or when its clock was set, no timer went on.
const LOOK: Duration = Duration::from_secs(10);

/// Sleeps until the clock shows this moment; a clock that jumps is noticed within ten seconds, one that is moved at once.
pub async fn sleep_until(clock: &dyn Clock, at: Timestamp) {
    let left = || u64::try_from(at.millis().saturating_sub(clock.now().millis())).map(Duration::from_millis).unwrap_or_default();
    sleep(clock, left).await;
}

/// Sleeps until so much time has passed in all ([`Clock::elapsed`]), however the clock jumps.
pub async fn rest_until(clock: &dyn Clock, elapsed: Duration) {
    sleep(clock, || elapsed.saturating_sub(clock.elapsed())).await;
}

async fn sleep(clock: &dyn Clock, left: impl Fn() -> Duration) {
    let mut moves = clock.moves();
    loop {
        let left = left();
        if left.is_zero() {
            return;
        }
        let moved = async {
            if let Some(moves) = &mut moves
                && moves.changed().await.is_ok()
            {
                return;
            }
            std::future::pending().await
        };
        tokio::select! {
            () = tokio::time::sleep(left.min(LOOK)) => {}
            () = moved => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const YEAR: i64 = 365 * 86_400_000;

    #[tokio::test]
    async fn who_sleeps_until_a_moment_wakes_when_the_clock_is_moved_past_it() {
        let clock = Arc::new(TestClock::default());
        let at = Timestamp::from_millis(clock.now().millis() + YEAR).unwrap();
        let mut sleeping = std::pin::pin!(sleep_until(clock.as_ref(), at));
        assert!(tokio::time::timeout(Duration::from_millis(20), sleeping.as_mut()).await.is_err());
        clock.move_by(YEAR / 2);
        assert!(tokio::time::timeout(Duration::from_millis(20), sleeping.as_mut()).await.is_err());
        clock.set(at);
        tokio::time::timeout(Duration::from_secs(5), sleeping).await.unwrap();
        assert!(clock.now() >= at);
    }

    #[tokio::test]
    async fn time_that_has_passed_never_goes_back() {
        let clock = TestClock::default();
        let before = clock.elapsed();
        clock.move_by(-YEAR);
        assert!(clock.elapsed() >= before && clock.now() < SystemClock.now());
        let until = clock.elapsed() + Duration::from_secs(3_600);
        clock.move_by(3_600_000);
        tokio::time::timeout(Duration::from_secs(5), rest_until(&clock, until)).await.unwrap();
    }

    #[tokio::test]
    async fn a_moment_of_the_past_is_not_waited_for() {
        sleep_until(&SystemClock, Timestamp::MIN).await;
        let clock = TestClock::default();
        clock.move_by(i64::MAX);
        assert!(clock.now() > Timestamp::parse("9999-12-31T23:00:00Z").unwrap());
    }
}
