//! Points between two steps at which a test can end the process, as `kill -9` would. `TIDINGS_TEST_FAULT=NAME:N` ends it when
//! the point NAME is passed for the N-th time. Nothing in production sets it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A component has asked to commit; nothing is written.
pub const COMMIT_ASKED: &str = "commit-asked";
/// It is on the disk, or refused; the component does not know.
pub const COMMITTED: &str = "committed";
/// Events are about to be handed to a component.
pub const EVENT_TAKEN: &str = "event-taken";
/// The component has acted on events; they are not acknowledged.
pub const EVENT_DONE: &str = "event-done";
/// A dead letter is on the disk; its event is not acknowledged.
pub const DEAD_LETTER: &str = "dead-letter";
/// A group's position is about to be kept.
pub const POSITION: &str = "position";
/// A group's position was kept.
pub const POSITION_KEPT: &str = "position-kept";
/// A component is about to be told the time.
pub const TICK: &str = "tick";
/// It has acted.
pub const TICKED: &str = "ticked";

/// The wasm of a swap is on the disk; nothing says that it is active.
pub const SWAP_WRITTEN: &str = "swap-written";
/// The disk says that it is active; the version before still serves.
pub const SWAP_KEPT: &str = "swap-kept";

/// Events are about to be published on a broker.
pub const RELAY: &str = "relay";
/// They are on the broker; that they are is not kept.
pub const RELAYED: &str = "relayed";

/// All that every host passes.
pub const POINTS: [&str; 9] =
    [COMMIT_ASKED, COMMITTED, EVENT_TAKEN, EVENT_DONE, DEAD_LETTER, POSITION, POSITION_KEPT, TICK, TICKED];
/// Those of a host whose components are replaced.
pub const SWAP_POINTS: [&str; 2] = [SWAP_WRITTEN, SWAP_KEPT];
/// Those of a host whose bus is a broker's.
pub const RELAY_POINTS: [&str; 2] = [RELAY, RELAYED];

/// Where the process is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultPoint {
    name: &'static str,
    /// From 1.
    pass: u64,
}

impl FaultPoint {
    /// `NAME:N`, or `NAME` for the first time.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, pass) = text.split_once(':').unwrap_or((text, "1"));
        let mut points = POINTS.into_iter().chain(RELAY_POINTS).chain(SWAP_POINTS);
        let name = points.find(|point| *point == name);
        let pass = pass.parse().ok().filter(|pass| *pass > 0);
        match (name, pass) {
            (Some(name), Some(pass)) => Ok(Self { name, pass }),
            _ => Err(format!(
                "`{text}` is no point and number, such as {COMMITTED}:1; points are {}",
                [&POINTS[..], &RELAY_POINTS, &SWAP_POINTS].concat().join(", ")
            )),
        }
    }
}

static ARMED: OnceLock<(FaultPoint, AtomicU64)> = OnceLock::new();

/// From now on this point ends the process. Once a process.
pub fn arm(point: FaultPoint) {
    ARMED.get_or_init(|| (point, AtomicU64::new(0)));
}

/// Passes a point.
pub fn pass(name: &'static str) {
    if let Some((point, passed)) = ARMED.get()
        && point.name == name
        && passed.fetch_add(1, Ordering::Relaxed) + 1 == point.pass
    {
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_has_a_name_and_a_number() {
        assert_eq!(FaultPoint::parse("ticked:3"), Ok(FaultPoint { name: TICKED, pass: 3 }));
        assert_eq!(FaultPoint::parse("ticked"), Ok(FaultPoint { name: TICKED, pass: 1 }));
        for bad in ["", "x", "ticked:0", "ticked:", "ticked:x", ":1"] {
            assert!(FaultPoint::parse(bad).unwrap_err().contains(COMMITTED), "{bad}");
        }
    }

    #[test]
    fn nothing_happens_where_nothing_is_armed() {
        POINTS.into_iter().for_each(pass);
    }
}
