//! Failed passwords, counted by address and by peer. The eleventh within a minute is told to wait, and is told nothing else.

use domain::time::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// Failures that are answered within [`WINDOW_MS`].
const ALLOWED: usize = 10;
const WINDOW_MS: i64 = 60_000;
/// Addresses, and peers, that are remembered. Each costs a failed Argon2 hash to get in, so that within a minute no
/// machine that runs this host can fill it and push others out.
const REMEMBERED: usize = 65_536;

/// Counts failures; holds no more than so many keys of up to ten times each.
#[derive(Default)]
pub(super) struct Throttle {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    addresses: Failures<String>,
    peers: Failures<IpAddr>,
}

/// Seconds to wait, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait(pub u32);

impl Throttle {
    /// Before the work is done: whether it is worth doing.
    pub fn check(&self, address: &str, peer: IpAddr, now: Timestamp) -> Result<(), Wait> {
        self.with(|counts| counts.check(address, network(peer), now.millis()))
    }

    /// After the work: the answer may be told, unless ten failures came in meanwhile. Guesses made side by side thus
    /// learn no more than guesses made one after the other.
    pub fn settle(&self, address: &str, peer: IpAddr, now: Timestamp, right: bool) -> Result<(), Wait> {
        let (peer, now) = (network(peer), now.millis());
        self.with(|counts| {
            counts.check(address, peer, now)?;
            if !right {
                counts.addresses.add(address.to_owned(), now);
                counts.peers.add(peer, now);
            }
            Ok(())
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Counts) -> T) -> T {
        act(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Counts {
    fn check(&mut self, address: &str, peer: IpAddr, now: i64) -> Result<(), Wait> {
        let wait = self.addresses.wait(address, now).max(self.peers.wait(&peer, now));
        if wait <= 0 {
            return Ok(());
        }
        Err(Wait(u32::try_from(wait.saturating_add(999) / 1000).unwrap_or(u32::MAX)))
    }
}

/// Whoever has one IPv6 address has the 2^64 beside it.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

struct Failures<K>(HashMap<K, VecDeque<i64>>);

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq + Clone> Failures<K> {
    /// Milliseconds until one more failure is answered; 0 where it is now.
    fn wait<Q>(&self, key: &Q, now: i64) -> i64
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let Some(times) = self.0.get(key) else { return 0 };
        let recent = times.iter().filter(|at| is_recent(**at, now));
        if recent.clone().count() < ALLOWED {
            return 0;
        }
        recent.min().map_or(0, |oldest| oldest + WINDOW_MS - now)
    }

    fn add(&mut self, key: K, now: i64) {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&key) {
            self.make_room(now);
        }
        let times = self.0.entry(key).or_default();
        times.retain(|at| is_recent(*at, now));
        times.push_back(now);
    }

    fn make_room(&mut self, now: i64) {
        self.0.retain(|_, times| times.iter().any(|at| is_recent(*at, now)));
        if self.0.len() < REMEMBERED {
            return;
        }
        let stalest = self.0.iter().min_by_key(|(_, times)| times.back().copied()).map(|(key, _)| key.clone());
        if let Some(key) = stalest {
            self.0.remove(&key);
        }
    }
}

/// A time after `now` comes from a clock that was set back, and counts no longer.
fn is_recent(at: i64, now: i64) -> bool {
    at <= now && now - at < WINDOW_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    fn peer(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn fail(throttle: &Throttle, address: &str, from: IpAddr, now: i64) -> Result<(), Wait> {
        throttle.check(address, from, at(now))?;
        throttle.settle(address, from, at(now), false)
    }

    #[test]
    fn the_eleventh_failure_of_an_address_waits_until_the_first_is_a_minute_old() {
        let throttle = Throttle::default();
        for n in 0..10 {
            assert_eq!(fail(&throttle, "a@example.org", peer(n), i64::from(n) * 1000), Ok(()));
        }
        assert_eq!(fail(&throttle, "a@example.org", peer(99), 10_000), Err(Wait(50)));
        assert_eq!(fail(&throttle, "a@example.org", peer(99), 59_999), Err(Wait(1)));
        assert_eq!(fail(&throttle, "a@example.org", peer(99), 60_000), Ok(()));
        assert_eq!(fail(&throttle, "a@example.org", peer(99), 60_000), Err(Wait(1)));
    }

    #[test]
    fn the_eleventh_failure_of_a_peer_waits_whatever_the_address() {
        let throttle = Throttle::default();
        for n in 0..10 {
            assert_eq!(fail(&throttle, &format!("{n}@example.org"), peer(1), 0), Ok(()));
        }
        assert_eq!(throttle.check("new@example.org", peer(1), at(0)), Err(Wait(60)));
        assert_eq!(throttle.check("new@example.org", peer(2), at(0)), Ok(()));
    }

    #[test]
    fn the_neighbours_of_an_ipv6_address_are_one_peer_and_mapped_ipv4_is_ipv4() {
        assert_eq!(network("2001:db8::1".parse().unwrap()), network("2001:db8::ffff:1".parse().unwrap()));
        assert_ne!(network("2001:db8::1".parse().unwrap()), network("2001:db8:0:1::1".parse().unwrap()));
        assert_eq!(network("::ffff:10.0.0.1".parse().unwrap()), peer(1));
    }

    #[test]
    fn guesses_side_by_side_are_counted_too_and_a_right_one_among_them_is_not_told() {
        let throttle = Throttle::default();
        for _ in 0..20 {
            assert_eq!(throttle.check("a@example.org", peer(1), at(0)), Ok(()));
        }
        for _ in 0..10 {
            assert_eq!(throttle.settle("a@example.org", peer(1), at(0), false), Ok(()));
        }
        assert_eq!(throttle.settle("a@example.org", peer(1), at(0), true), Err(Wait(60)));
    }

    #[test]
    fn success_neither_counts_nor_forgives() {
        let throttle = Throttle::default();
        for _ in 0..10 {
            assert_eq!(throttle.settle("a@example.org", peer(1), at(0), true), Ok(()));
            assert_eq!(fail(&throttle, "a@example.org", peer(1), 0), Ok(()));
        }
        assert_eq!(throttle.check("a@example.org", peer(1), at(0)), Err(Wait(60)));
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let throttle = Throttle::default();
        for _ in 0..10 {
            fail(&throttle, "a@example.org", peer(1), 3_600_000).unwrap();
        }
        assert_eq!(fail(&throttle, "a@example.org", peer(1), 0), Ok(()));
    }

    #[test]
    fn memory_is_bounded_and_the_stalest_goes_first() {
        let mut failures = Failures::default();
        for n in 0..=REMEMBERED {
            failures.add(n, i64::try_from(n / 4096).unwrap());
        }
        assert_eq!(failures.0.len(), REMEMBERED);
        assert!(failures.0.contains_key(&REMEMBERED) && failures.0[&REMEMBERED].len() == 1);
        failures.add(usize::MAX, WINDOW_MS * 2);
        assert_eq!(failures.0.len(), 1);
    }

    proptest! {
        /// Whatever the order: within any minute an address is told at most ten failures, and so is a peer.
        #[test]
        fn no_window_holds_more_than_ten(steps in proptest::collection::vec((0i64..20_000, 0u8..3, 0u8..3), 1..120)) {
            let throttle = Throttle::default();
            let mut now = 0;
            let mut told: Vec<(i64, u8, u8)> = Vec::new();
            for (pause, who, from) in steps {
                now += pause;
                match fail(&throttle, &who.to_string(), peer(from), now) {
                    Ok(()) => told.push((now, who, from)),
                    Err(Wait(seconds)) => {
                        prop_assert!((1..=60).contains(&seconds));
                        // It is never refused without cause, and after the wait it is answered.
                        let recent = |is: &dyn Fn(u8, u8) -> bool| told.iter().filter(|(at, w, f)| now - at < WINDOW_MS && is(*w, *f)).count();
                        prop_assert!(recent(&|w, _| w == who) >= ALLOWED || recent(&|_, f| f == from) >= ALLOWED);
                        prop_assert_eq!(throttle.check(&who.to_string(), peer(from), at(now + i64::from(seconds) * 1000)), Ok(()));
                    }
                }
                for key in 0..3 {
                    prop_assert!(told.iter().filter(|(at, w, _)| now - at < WINDOW_MS && *w == key).count() <= ALLOWED);
                    prop_assert!(told.iter().filter(|(at, _, f)| now - at < WINDOW_MS && *f == key).count() <= ALLOWED);
                }
            }
        }
    }
}
