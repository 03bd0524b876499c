//! The events that a group has read and not finished: a lane a user, in which one event goes behind the other. It decides
//! what is to be tried when, and does nothing itself.
//!
//! What is kept in memory is bounded: a lane holds a few events, and the rest of its user's stay in the log until it has
//! room. So a user whose events are refused holds up nobody but themselves.

use super::bus::{Handled, Trouble};
use super::dead::DeadLetter;
use crate::store::LoggedEvent;
use domain::id::UserId;
use domain::time::Timestamp;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

/// Events that a lane keeps.
pub(super) const LANE: usize = 32;
/// Events that all lanes together keep, before nothing more is read.
const ALL: usize = 4_096;
/// Consecutive events that are handed on at one time.
const RUN: usize = 16;
/// After so many tries an event is a dead letter.
const TRIES: u32 = 5;
/// So long after the first try, no other begins: with the last wait and the last try, it is over within a minute.
const GIVE_UP: Duration = Duration::from_secs(40);
/// Before the second try, and four times as long before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest wait, also of those that a handler asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The position before everything that there is, on any bus.
pub(super) const BEFORE_ALL: i64 = -1;

/// All lanes of a group.
pub(super) struct Lanes {
    lanes: HashMap<UserId, Lane>,
    /// Those with something to try.
    ready: VecDeque<UserId>,
    /// Those that rest, by the time in all at which they have rested.
    resting: BTreeSet<(Duration, UserId)>,
    /// Everything up to here was read.
    read: i64,
    /// Events in all lanes.
    kept: usize,
    /// The last position of which anything was begun.
    begun: i64,
    /// Nothing behind that position is begun any more.
    closing: bool,
}

struct Lane {
    waiting: VecDeque<LoggedEvent>,
    /// Everything of the user up to here is finished.
    finished: i64,
    /// More of the user's events were read than the lane keeps.
    more: bool,
    state: State,
    /// Of the first event that waits.
    tries: u32,
    first_try: Duration,
}

/// What goes on in a lane.
#[derive(Clone, Debug, PartialEq)]
enum State {
    Ready,
    /// Its first events are being handled.
    Running,
    /// Nothing until so much time has passed in all.
    Resting(Duration),
    /// Its first event is to be buried.
    Dead(DeadLetter),
    /// Its events are finished, and more of the user's are in the log.
    Empty,
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Next {
    Handle(UserId, Vec<LoggedEvent>),
    Bury(UserId, Box<LoggedEvent>, Box<DeadLetter>),
    /// Behind one position, up to another.
    ReadAgain(UserId, i64, i64),
}

/// How far a group has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// Everything up to here is finished.
    pub position: i64,
    /// When the oldest event that is not was written; none: all are.
    pub oldest: Option<Timestamp>,
}

impl Lane {
    fn new(before: i64) -> Self {
        let waiting = VecDeque::new();
        Self { waiting, finished: before, more: false, state: State::Ready, tries: 0, first_try: Duration::ZERO }
    }

    /// What stands before everything unfinished.
    fn low_water(&self) -> i64 {
        self.waiting.front().map_or(self.finished, |event| event.position - 1)
    }
}

impl Default for Lanes {
    fn default() -> Self {
        let (lanes, ready, resting) = (HashMap::new(), VecDeque::new(), BTreeSet::new());
        Self { lanes, ready, resting, read: BEFORE_ALL, kept: 0, begun: BEFORE_ALL, closing: false }
    }
}

impl Lanes {
    /// Whether more may be read.
    pub fn has_room(&self) -> bool {
        self.kept < ALL
    }

    /// Events that are read and not finished.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Takes an event that was read.
    pub fn take(&mut self, event: LoggedEvent) {
        let user = event.user.clone();
        let lane = match self.lanes.get_mut(&user) {
            Some(lane) => lane,
            None => {
                self.ready.push_back(user.clone());
                self.lanes.entry(user).or_insert(Lane::new(event.position - 1))
            }
        };
        if lane.more || lane.waiting.len() >= LANE {
            lane.more = true;
        } else {
            lane.waiting.push_back(event);
            self.kept += 1;
        }
    }

    /// Everything up to here was read and taken.
    pub fn read_to(&mut self, position: i64) {
        self.read = self.read.max(position);
    }

    /// From now on only what stands before something that was begun is: whoever goes on from the position that is kept then finds as
    /// little as can be that was done already.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// What is to be done next, of all that can be done now.
    pub fn next(&mut self) -> Option<Next> {
        let last = if self.closing { self.begun } else { i64::MAX };
        let user = loop {
            let user = self.ready.pop_front()?;
            if self.lanes.get(&user).is_some_and(|lane| lane.low_water() < last) {
                break user;
            }
        };
        let lane = self.lanes.get_mut(&user)?;
        if let (State::Dead(letter), Some(event)) = (&lane.state, lane.waiting.front()) {
            return Some(Next::Bury(user, Box::new(event.clone()), Box::new(letter.clone())));
        }
        if lane.state == State::Empty {
            return Some(Next::ReadAgain(user, lane.finished, self.read));
        }
        lane.state = State::Running;
        // What has failed before is tried alone, so that it harms no other.
        let run = if lane.tries > 0 { 1 } else { RUN };
        let events: Vec<LoggedEvent> = lane.waiting.iter().take(run).filter(|event| event.position <= last).cloned().collect();
        self.begun = events.last().map_or(self.begun, |event| self.begun.max(event.position));
        Some(Next::Handle(user, events))
    }

    /// What came of handling a lane's first events.
    pub fn settle(&mut self, user: &UserId, handled: &Handled, at: Moment<'_>) {
        let Some(lane) = self.lanes.get_mut(user) else { return };
        for _ in 0..handled.done {
            self.kept -= usize::from(lane.finish_first());
        }
        lane.state = match &handled.trouble {
            None => State::Ready,
            Some(Trouble::Busy) => State::Resting(at.elapsed + at.spread(FIRST_WAIT)),
            Some(Trouble::StoreAway(_)) => {
                // What failed before may have failed for that.
                lane.tries = 0;
                State::Resting(at.elapsed + at.spread(FIRST_WAIT))
            }
            Some(trouble) => lane.troubled(trouble, &at),
        };
        self.go_on(user);
    }

    /// A lane's first event was buried.
    pub fn buried(&mut self, user: &UserId) {
        let Some(lane) = self.lanes.get_mut(user) else { return };
        self.kept -= usize::from(lane.finish_first());
        lane.state = State::Ready;
        self.go_on(user);
    }

    /// What was read again for a lane. `more`: there may be more, behind this position.
    pub fn refill(&mut self, user: &UserId, events: Vec<LoggedEvent>, more: Option<i64>) {
        let Some(lane) = self.lanes.get_mut(user) else { return };
        lane.more = more.is_some();
        if events.is_empty() {
            lane.finished = more.unwrap_or(lane.finished);
        }
        self.kept += events.len();
        lane.waiting.extend(events);
        lane.state = State::Ready;
        self.go_on(user);
    }

    /// What a lane was told to do could not be done: again, later.
    pub fn postpone(&mut self, user: &UserId) {
        self.ready.push_back(user.clone());
    }

    /// When the first lane has rested; none rests: none.
    pub fn rested_at(&self) -> Option<Duration> {
        self.resting.first().map(|(until, _)| *until)
    }

    /// Wakes the lanes that have rested.
    pub fn wake(&mut self, elapsed: Duration) {
        while self.rested_at().is_some_and(|until| until <= elapsed) {
            let Some((_, user)) = self.resting.pop_first() else { return };
            if let Some(lane) = self.lanes.get_mut(&user) {
                lane.state = State::Ready;
                self.ready.push_back(user);
            }
        }
    }

    /// How far all lanes have come.
    pub fn progress(&self) -> Progress {
        let position = self.lanes.values().map(Lane::low_water).min().unwrap_or(self.read);
        let oldest = self.lanes.values().filter_map(|lane| lane.waiting.front()).map(|event| event.time).min();
        Progress { position, oldest }
    }

    /// A lane with something to do is ready, one with nothing at all is gone.
    fn go_on(&mut self, user: &UserId) {
        let Some(lane) = self.lanes.get_mut(user) else { return };
        if lane.waiting.is_empty() {
            if !lane.more {
                self.lanes.remove(user);
                return;
            }
            lane.state = State::Empty;
        }
        match lane.state {
            State::Resting(until) => _ = self.resting.insert((until, user.clone())),
            _ => self.ready.push_back(user.clone()),
        }
    }
}

/// When and for whom something is settled.
#[derive(Clone, Copy)]
pub(super) struct Moment<'a> {
    pub group: &'a str,
    /// On the clock.
    pub now: Timestamp,
    /// In all ([`crate::clock::Clock::elapsed`]).
    pub elapsed: Duration,
    /// Between 0 and 1, by chance: it parts those that failed together.
    pub chance: f64,
}

impl Moment<'_> {
    /// A wait, up to a quarter longer or shorter.
    fn spread(&self, wait: Duration) -> Duration {
        wait.mul_f64(0.75 + self.chance.clamp(0.0, 1.0) / 2.0)
    }
}

impl Lane {
    /// Whether there was one.
    fn finish_first(&mut self) -> bool {
        self.tries = 0;
        let first = self.waiting.pop_front();
        self.finished = first.as_ref().map_or(self.finished, |event| event.position);
        first.is_some()
    }

    /// What becomes of the first event after a try that failed.
    fn troubled(&mut self, trouble: &Trouble, at: &Moment<'_>) -> State {
        let Some(event) = self.waiting.front() else { return State::Ready };
        if self.tries == 0 {
            self.first_try = at.elapsed;
        }
        self.tries += 1;
        let given_up = self.tries >= TRIES || at.elapsed.saturating_sub(self.first_try) >= GIVE_UP;
        match trouble {
            Trouble::Retry { after, .. } if !given_up => {
                let wait = at.spread(FIRST_WAIT.saturating_mul(4_u32.saturating_pow(self.tries - 1)));
                State::Resting(at.elapsed + wait.max(*after).min(LONGEST_WAIT))
            }
            Trouble::Retry { reason, .. } | Trouble::Reject(reason) => State::Dead(DeadLetter {
                reason: reason.clone(),
                group: at.group.to_owned(),
                topic: event.topic.clone(),
                partition: None,
                position: event.position,
                tries: self.tries,
                time: at.now,
            }),
            Trouble::Busy | Trouble::StoreAway(_) => State::Ready,
        }
    }
}

#[cfg(test)]
mod tests;
