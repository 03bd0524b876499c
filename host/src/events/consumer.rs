//! One consumer group at work, on whatever bus.

use super::bus::{Batch, Handled, Handler, Source, Trouble};
use super::lanes::{BEFORE_ALL, LANE, Lanes, Moment, Next};
use crate::clock::{Clock, rest_until};
use crate::faultpoint;
use crate::store::{LoggedEvent, StoreError};
use crate::task::Tasks;
use domain::id::UserId;
use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use metrics::{counter, gauge, histogram};
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// Events that are read at once.
const PAGE: u32 = 256;
/// Users whose events are handled at one time.
const SIDE_BY_SIDE: usize = 32;
/// How long it goes on, once it is told to stop, to close the gaps before what was begun.
const GOODBYE: Duration = Duration::from_secs(3);
/// How long nothing new is begun when the store cannot serve.
const PATIENCE: Duration = Duration::from_secs(1);

/// Hands a group's events to its handler and remembers durably how far it has come.
pub struct Consumer {
    group: Arc<str>,
    /// The CloudEvents types that the handler wants; none: all.
    types: BTreeSet<String>,
    source: Box<dyn Source>,
    handler: Arc<dyn Handler>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    lanes: Lanes,
    running: FuturesUnordered<JoinHandle<(UserId, Vec<LoggedEvent>, Handled)>>,
    /// The position that is kept.
    kept: i64,
    /// When it is to be kept again; none: nothing was finished since.
    keep_at: Option<Instant>,
    /// Nothing new is begun before.
    paused_until: Option<Instant>,
}

impl Consumer {
    pub fn new(
        group: &str,
        types: &[String],
        source: Box<dyn Source>,
        handler: Arc<dyn Handler>,
        clock: Arc<dyn Clock>,
        tasks: Tasks,
    ) -> Self {
        Self {
            group: group.into(),
            types: types.iter().cloned().collect(),
            source,
            handler,
            clock,
            tasks,
            lanes: Lanes::default(),
            running: FuturesUnordered::new(),
            kept: BEFORE_ALL,
            keep_at: None,
            paused_until: None,
        }
    }

    /// Works until told to stop; events whose handling has begun are brought to its end, and the position is kept.
    pub async fn run(&mut self, stopping: CancellationToken) {
        while !stopping.is_cancelled() {
            stopping.run_until_cancelled(self.begin()).await;
            let clock = self.clock.clone();
            let paused = self.paused_until.is_some();
            let rested = self.lanes.rested_at().filter(|_| !paused);
            let timer = self.keep_at.into_iter().chain(self.paused_until).min();
            tokio::select! {
                () = stopping.cancelled() => {}
                Some(ended) = self.running.next() => self.settle(ended),
                batch = self.source.next(PAGE), if self.lanes.has_room() && !paused => self.take(batch),
                () = rest_until(clock.as_ref(), rested.unwrap_or_default()), if rested.is_some() => self.lanes.wake(clock.elapsed()),
                () = sleep_until(timer.unwrap_or_else(Instant::now)), if timer.is_some() => self.timer().await,
            }
        }
        _ = timeout(GOODBYE, self.end()).await;
        while let Some(ended) = self.running.next().await {
            self.settle(ended);
        }
        self.keep().await;
        // What is left is no longer ours.
        self.show(0.0, 0);
    }

    /// Brings what was begun to its end, and what stands before it; nothing that has to wait is waited for.
    async fn end(&mut self) {
        self.lanes.close();
        loop {
            self.begin().await;
            match self.running.next().await {
                Some(ended) => self.settle(ended),
                None => return,
            }
        }
    }

    /// Begins what can be begun now.
    async fn begin(&mut self) {
        while self.running.len() < SIDE_BY_SIDE && self.paused_until.is_none() {
            match self.lanes.next() {
                None => return,
                Some(Next::Handle(user, events)) => self.handle(user, events),
                Some(Next::Bury(user, event, letter)) => {
                    let buried = self.source.bury(&event, &letter).await;
                    if self.well(buried).is_none() {
                        return self.lanes.postpone(&user);
                    }
                    faultpoint::pass(faultpoint::DEAD_LETTER);
                    tracing::error!(group = &*self.group, event = %event.id, reason = letter.reason, tries = letter.tries, "a dead letter");
                    counter!("tidings_consumer_dead_letters_total", "group" => self.group.to_string()).increment(1);
                    self.lanes.buried(&user);
                    self.finished();
                }
                Some(Next::ReadAgain(user, behind, up_to)) => {
                    let events = self.source.again(&user, behind, up_to, LANE).await;
                    match self.well(events) {
                        Some(events) => {
                            let more = events.last().filter(|_| events.len() >= LANE).map(|last| last.position);
                            let wanted = events.into_iter().filter(|event| wanted(&self.types, event)).collect();
                            self.lanes.refill(&user, wanted, more);
                        }
                        None => return self.lanes.postpone(&user),
                    }
                }
            }
        }
    }

    fn handle(&mut self, user: UserId, events: Vec<LoggedEvent>) {
        let handler = self.handler.clone();
        let work = async move {
            faultpoint::pass(faultpoint::EVENT_TAKEN);
            let handled = AssertUnwindSafe(handler.handle(&events)).catch_unwind().await;
            faultpoint::pass(faultpoint::EVENT_DONE);
            let panicked = |_| {
                let reason = "the host panicked".to_owned();
                Handled { done: 0, trouble: Some(Trouble::Retry { reason, after: Duration::ZERO }) }
            };
            (user, events, handled.unwrap_or_else(panicked))
        };
        self.running.push(self.tasks.spawn("events", work));
    }

    fn settle(&mut self, ended: Result<(UserId, Vec<LoggedEvent>, Handled), tokio::task::JoinError>) {
        // A task ends otherwise only with its runtime.
        let Ok((user, events, handled)) = ended else { return };
        let now = self.clock.now();
        for event in events.iter().take(handled.done) {
            let age = Duration::from_millis(u64::try_from(now.millis() - event.time.millis()).unwrap_or(0));
            histogram!("tidings_consumer_delay_seconds", "group" => self.group.to_string()).record(age.as_secs_f64());
        }
        self.count("done", handled.done);
        match (&handled.trouble, events.get(handled.done)) {
            (Some(Trouble::Busy), _) => self.count("busy", 1),
            (Some(Trouble::StoreAway(reason)), Some(_)) => {
                self.count("store_away", 1);
                tracing::warn!(group = &*self.group, reason, "the store cannot serve: nothing is begun for a while");
                self.paused_until = Some(Instant::now() + PATIENCE);
            }
            (Some(Trouble::Retry { reason, .. } | Trouble::Reject(reason)), Some(event)) => {
                self.count("refused", 1);
                tracing::warn!(group = &*self.group, event = %event.id, reason, "an event was not handled");
            }
            _ => {}
        }
        let moment = Moment { group: &self.group, now, elapsed: self.clock.elapsed(), chance: rand::random() };
        self.lanes.settle(&user, &handled, moment);
        if handled.done > 0 {
            self.finished();
        }
    }

    fn take(&mut self, batch: Result<Batch, StoreError>) {
        let Some(batch) = self.well(batch) else { return };
        let all = batch.events.len();
        let mut taken = 0;
        for event in batch.events.into_iter().filter(|event| wanted(&self.types, event)) {
            taken += 1;
            self.lanes.take(event);
        }
        self.lanes.read_to(batch.read);
        self.count("skipped", all - taken);
        if all > 0 {
            self.finished();
        }
    }

    async fn timer(&mut self) {
        let now = Instant::now();
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
        }
        if self.keep_at.is_some_and(|at| at <= now) {
            self.keep().await;
        }
    }

    /// Something was finished, so that the position is to be kept soon.
    fn finished(&mut self) {
        self.keep_at.get_or_insert_with(|| Instant::now() + self.source.keep_after());
    }

    async fn keep(&mut self) {
        let progress = self.lanes.progress();
        let age = progress.oldest.map_or(0, |oldest| self.clock.now().millis() - oldest.millis());
        self.show(age.max(0) as f64 / 1_000.0, self.lanes.kept());
        self.keep_at = None;
        if progress.position > self.kept {
            faultpoint::pass(faultpoint::POSITION);
            let kept = self.source.keep(progress.position).await;
            if self.well(kept).is_none() {
                return self.finished();
            }
            faultpoint::pass(faultpoint::POSITION_KEPT);
            self.kept = progress.position;
        }
    }

    /// What the store has done; none: it could not, and nothing new is begun for a while.
    fn well<T>(&mut self, done: Result<T, StoreError>) -> Option<T> {
        let group = &*self.group;
        done.inspect_err(|error| tracing::warn!(group, %error, "the log cannot be read or written: trying again"))
            .inspect_err(|_| self.paused_until = Some(Instant::now() + PATIENCE))
            .ok()
    }

    fn show(&self, lag: f64, waiting: usize) {
        let labels = [("group", self.group.to_string()), ("part", self.source.part().to_owned())];
        gauge!("tidings_consumer_lag_seconds", &labels).set(lag);
        gauge!("tidings_consumer_waiting", &labels).set(waiting as f64);
    }

    fn count(&self, outcome: &'static str, events: usize) {
        if events > 0 {
            counter!("tidings_consumer_events_total", "group" => self.group.to_string(), "outcome" => outcome)
                .increment(events as u64);
        }
    }
}

fn wanted(types: &BTreeSet<String>, event: &LoggedEvent) -> bool {
    types.is_empty() || types.contains(&event.kind)
}
