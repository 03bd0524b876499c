//! Who listens. Each subscriber has a bounded queue; nothing that a reader does or fails to do reaches beyond its own.
//!
//! No timer and no task a subscriber: one [`Hub::tick`] a second gives heartbeats, ends what has expired and gives up on
//! readers that take nothing.

use super::frame::Frame;
use crate::identity::{Ended, Principal};
use crate::store::LoggedEvent;
use domain::id::UserId;
use domain::time::Timestamp;
use futures::task::AtomicWaker;
use metrics::{counter, gauge};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a subscriber may cost.
#[derive(Clone, Copy, Debug)]
pub struct HubLimits {
    /// Events that wait for one reader.
    pub queue: usize,
    /// After how long a reader that takes nothing is given up.
    pub patience: Duration,
    /// Seconds between two heartbeats.
    pub heartbeat: u64,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self { queue: 256, patience: Duration::from_secs(30), heartbeat: 15 }
    }
}

/// Why a stream ended before its client went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The credentials expired or were revoked.
    Credentials,
    /// The reader took nothing.
    Stalled,
    /// The host stops.
    Drained,
}

/// The registry of subscribers.
pub struct Hub {
    limits: HubLimits,
    users: Mutex<HashMap<UserId, Vec<Arc<Subscriber>>>>,
    count: AtomicUsize,
    numbers: AtomicU64,
    draining: AtomicBool,
    arrived: Notify,
}

/// One reader, as the hub sees it.
struct Subscriber {
    number: u64,
    principal: Principal,
    state: Mutex<State>,
    waker: AtomicWaker,
    /// Cancelled to tear down a connection whose reader can no longer be reached through its body.
    connection: Option<CancellationToken>,
}

struct State {
    queue: VecDeque<Arc<Frame>>,
    /// Something did not fit in the queue.
    overflowed: bool,
    heartbeat: bool,
    end: Option<End>,
    /// Since when there is something that the reader has not taken, or not yet written.
    busy_since: Option<Instant>,
    /// How long the reader needed for what it took before.
    needed: Duration,
}

/// Who takes nothing for so long while its queue is full is slow; anybody else has met a burst.
pub(super) const SLOW: Duration = Duration::from_secs(1);

/// What a reader finds when it looks.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    Frames(VecDeque<Arc<Frame>>),
    Heartbeat,
    /// The queue was full, and what was in it is gone: more came at one time than it holds.
    Burst,
    /// The same, and the reader is slow.
    Overflowed,
    Ended(End),
}

/// A reader's place in the hub; dropping it gives the place up.
pub struct Subscription {
    hub: Arc<Hub>,
    subscriber: Arc<Subscriber>,
}

impl Hub {
    pub fn new(limits: HubLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            users: Mutex::default(),
            count: AtomicUsize::new(0),
            numbers: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            arrived: Notify::new(),
        })
    }

    /// Listens to one user's events from now on. It begins in the state of [`Subscription::begin_reading`]. `connection` is
    /// cancelled if the reader is given up; needed where it is not polled while its client takes nothing.
    pub fn subscribe(self: &Arc<Self>, principal: Principal, connection: Option<CancellationToken>) -> Subscription {
        let end = self.draining.load(Ordering::Acquire).then_some(End::Drained);
        let state =
            State { queue: VecDeque::new(), overflowed: false, heartbeat: false, end, busy_since: None, needed: Duration::ZERO };
        let subscriber = Arc::new(Subscriber {
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            principal,
            state: Mutex::new(state),
            waker: AtomicWaker::new(),
            connection,
        });
        lock(&self.users).entry(subscriber.principal.user.clone()).or_default().push(subscriber.clone());
        self.count.fetch_add(1, Ordering::AcqRel);
        gauge!("tidings_stream_readers").increment(1.0);
        self.arrived.notify_one();
        Subscription { hub: self.clone(), subscriber }
    }

    /// How many listen.
    pub fn readers(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Waits until somebody listens.
    pub async fn somebody(&self) {
        while self.readers() == 0 {
            self.arrived.notified().await;
        }
    }

    /// Queues an event for everybody who listens to its user.
    pub fn deliver(&self, event: &LoggedEvent) {
        let listeners = match lock(&self.users).get(&event.user) {
            Some(listeners) => listeners.clone(),
            None => return,
        };
        let Some(frame) = Frame::of(event).map(Arc::new) else { return };
        let now = Instant::now();
        for listener in &listeners {
            listener.push(&frame, self.limits.queue, now);
        }
    }

    /// To be called once a second, with a number that counts up by one.
    pub fn tick(&self, second: u64, time: Timestamp, now: Instant) {
        let beat = second % self.limits.heartbeat;
        for listener in self.all() {
            if listener.principal.expires_at.is_some_and(|expiry| expiry <= time) {
                listener.end(End::Credentials);
            } else if listener.stalled(now, self.limits.patience) {
                listener.end(End::Stalled);
            } else if listener.number % self.limits.heartbeat == beat {
                listener.beat(now);
            }
        }
    }

    /// Ends the streams of whoever this ends.
    pub fn ended(&self, ended: &Ended) {
        self.all().iter().filter(|listener| ended.ends(&listener.principal)).for_each(|listener| listener.end(End::Credentials));
    }

    /// Who listens just now, each principal as often as it does.
    pub fn principals(&self) -> Vec<Principal> {
        self.all().iter().map(|listener| listener.principal.clone()).collect()
    }

    /// Ends the streams of exactly this principal.
    pub fn end_principal(&self, principal: &Principal) {
        self.all().iter().filter(|listener| listener.principal == *principal).for_each(|listener| listener.end(End::Credentials));
    }

    /// Ends every stream, spread over a time, and lets nobody begin a new one.
    pub async fn drain(&self, spread: Duration) {
        self.draining.store(true, Ordering::Release);
        let listeners = self.all();
        let pause = spread.checked_div(u32::try_from(listeners.len()).unwrap_or(u32::MAX)).unwrap_or_default();
        let begun = Instant::now();
        for (at, listener) in (0u32..).zip(&listeners) {
            let due = begun + pause * at;
            if due > Instant::now() {
                tokio::time::sleep_until(due).await;
            }
            listener.end(End::Drained);
        }
    }

    fn all(&self) -> Vec<Arc<Subscriber>> {
        lock(&self.users).values().flatten().cloned().collect()
    }
}

impl Subscriber {
    fn push(&self, frame: &Arc<Frame>, room: usize, now: Instant) {
        let mut state = lock(&self.state);
        if state.overflowed || state.end.is_some() {
            return;
        }
        if state.queue.len() >= room {
            state.queue = VecDeque::new();
            state.overflowed = true;
        } else {
            state.queue.push_back(frame.clone());
        }
        state.busy_since.get_or_insert(now);
        drop(state);
        self.waker.wake();
    }

    fn beat(&self, now: Instant) {
        let mut state = lock(&self.state);
        state.heartbeat = true;
        state.busy_since.get_or_insert(now);
        drop(state);
        self.waker.wake();
    }

    fn stalled(&self, now: Instant, patience: Duration) -> bool {
        lock(&self.state).busy_since.is_some_and(|since| now.duration_since(since) >= patience)
    }

    fn end(&self, end: End) {
        let mut state = lock(&self.state);
        if state.end.is_some() {
            return;
        }
        state.end = Some(end);
        state.queue = VecDeque::new();
        drop(state);
        let reason = match end {
            End::Credentials => "credentials",
            End::Stalled => "stalled",
            End::Drained => "drained",
        };
        counter!("tidings_stream_ends_total", "reason" => reason).increment(1);
        self.waker.wake();
        if let (End::Stalled, Some(connection)) = (end, &self.connection) {
            connection.cancel();
        }
    }
}

impl State {
    /// The reader is there: its patience begins anew. How long it needed.
    fn begin_anew(&mut self) -> Duration {
        let now = Instant::now();
        self.needed = self.busy_since.replace(now).map_or(Duration::ZERO, |since| now - since);
        self.needed
    }
}

impl Subscription {
    pub fn principal(&self) -> &Principal {
        &self.subscriber.principal
    }

    /// What was given to the reader before is written: its patience begins anew.
    pub fn progress(&self) {
        lock(&self.subscriber.state).begin_anew();
    }

    /// What there is, in order of weight: the end, an overflow, events, a heartbeat.
    pub fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Taken> {
        self.subscriber.waker.register(cx.waker());
        let mut state = lock(&self.subscriber.state);
        let slow = state.needed.max(state.begin_anew()) >= SLOW;
        if let Some(end) = state.end {
            return Poll::Ready(Taken::Ended(end));
        }
        if state.overflowed {
            return Poll::Ready(if slow { Taken::Overflowed } else { Taken::Burst });
        }
        if !state.queue.is_empty() {
            return Poll::Ready(Taken::Frames(std::mem::take(&mut state.queue)));
        }
        if std::mem::take(&mut state.heartbeat) {
            return Poll::Ready(Taken::Heartbeat);
        }
        state.busy_since = None;
        Poll::Pending
    }

    /// Ready once the stream is to end, whatever is still queued.
    pub fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<End> {
        self.subscriber.waker.register(cx.waker());
        match lock(&self.subscriber.state).end {
            Some(end) => Poll::Ready(end),
            None => Poll::Pending,
        }
    }

    /// The reader takes from the log for a while: what is queued is let go, and an overflow is no fault.
    pub fn begin_reading(&self) {
        let mut state = lock(&self.subscriber.state);
        state.overflowed = false;
        state.queue = VecDeque::new();
    }

    /// The reader has come to the log's end: false where more than the queue holds was written meanwhile, so that it must go on.
    pub fn end_reading(&self) -> bool {
        let mut state = lock(&self.subscriber.state);
        let complete = !state.overflowed;
        state.overflowed = false;
        complete
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut users = lock(&self.hub.users);
        if let Some(listeners) = users.get_mut(&self.subscriber.principal.user) {
            listeners.retain(|listener| listener.number != self.subscriber.number);
            if listeners.is_empty() {
                users.remove(&self.subscriber.principal.user);
            }
        }
        drop(users);
        self.hub.count.fetch_sub(1, Ordering::AcqRel);
        gauge!("tidings_stream_readers").decrement(1.0);
    }
}

/// A lock whose holder panicked guards data that is still whole: no critical section here can stop half-way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(super) mod tests;
