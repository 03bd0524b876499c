//! Tells a component the time when it wants to know it: at start, at the moment that it named, when a commit has moved the
//! next notice before that moment, and when it is asked. In between it sleeps; nothing is polled.

use crate::clock::{Clock, rest_until, sleep_until};
use crate::engine::TickError;
use crate::faultpoint;
use crate::store::Store;
use async_trait::async_trait;
use domain::time::Timestamp;
use metrics::{counter, histogram};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Between two looks at the agenda, however much is committed.
const LOOKS: Duration = Duration::from_millis(20);
/// Between two ticks, unless the first has left something that is due: what falls due in a row is told together, so that
/// requests are not slowed by it. A notice is late by no more.
const APART: Duration = Duration::from_millis(25);
/// After a tick that failed or left everything as it was; doubled each time.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Acts at moments: a component.
#[async_trait]
pub trait Ticker: Send + Sync {
    /// Does what is due, and says when the next thing is. A moment that is not in the future: at once.
    async fn tick(&self, now: Timestamp) -> Result<Option<Timestamp>, TickError>;
}

/// When the next tick is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// When somebody asks, or something is committed that is due.
    Open,
    At(Timestamp),
    /// Not before so much time has passed in all.
    Rest(Duration),
}

/// One component's schedule.
pub struct Schedule {
    name: String,
    ticker: Arc<dyn Ticker>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    committed: watch::Receiver<i64>,
    asked: mpsc::Receiver<Asked>,
    /// Whether what is committed can move the next tick.
    follows_agenda: bool,
    next: Next,
    /// Before this, there is no other tick of its own.
    apart: Instant,
    /// Ticks in a row that failed, or that left something due and changed nothing.
    fruitless: u32,
}

type Asked = oneshot::Sender<Result<(), TickError>>;

/// Asks a component to act out of turn.
#[derive(Clone)]
pub struct Asking(mpsc::Sender<Asked>);

impl Asking {
    /// Has what is due done now. When it answers, that was tried.
    pub async fn check(&self) -> Result<(), TickError> {
        let (answer, answered) = oneshot::channel();
        let stopping = || TickError::Failed(domain::ports::Failure::Unavailable("The host is stopping.".to_owned()));
        self.0.send(answer).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())?
    }
}

impl Schedule {
    /// `follows_agenda`: a commit that puts a notice before the next tick brings that forward.
    pub fn new(
        name: &str,
        ticker: Arc<dyn Ticker>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        follows_agenda: bool,
    ) -> (Self, Asking) {
        let (asking, asked) = mpsc::channel(64);
        let committed = store.committed();
        // What fell due while the host was down is due now.
        let next = Next::At(Timestamp::MIN);
        let name = name.to_owned();
        let apart = Instant::now();
        (Self { name, ticker, store, clock, committed, asked, follows_agenda, next, apart, fruitless: 0 }, Asking(asking))
    }

    /// Ticks until told to stop; a tick that has begun is brought to its end.
    pub async fn run(&mut self, stopping: CancellationToken) {
        loop {
            let asked = tokio::select! {
                () = stopping.cancelled() => return,
                asked = self.asked.recv() => asked,
                () = waited(self.next, self.apart, self.clock.as_ref()) => None,
                () = earlier(&mut self.committed, self.store.as_ref(), self.next, self.apart), if self.follows_agenda => None,
            };
            let ticked = self.step().await;
            if let Some(asked) = asked {
                // Who has asked may have gone.
                _ = asked.send(ticked);
            }
        }
    }

    /// One tick. It decides when the next one is.
    pub async fn step(&mut self) -> Result<(), TickError> {
        let (now, before) = (self.clock.now(), *self.committed.borrow());
        if let Next::At(at) = self.next
            && at != Timestamp::MIN
        {
            let late = u64::try_from(now.millis() - at.millis()).unwrap_or(0);
            histogram!("tidings_schedule_delay_seconds", "component" => self.name.clone())
                .record(Duration::from_millis(late).as_secs_f64());
        }
        faultpoint::pass(faultpoint::TICK);
        let ticked = self.ticker.tick(now).await;
        faultpoint::pass(faultpoint::TICKED);
        let outcome = if ticked.is_ok() { "done" } else { "failed" };
        counter!("tidings_schedule_ticks_total", "component" => self.name.clone(), "outcome" => outcome).increment(1);
        let left = matches!(&ticked, Ok(Some(at)) if *at <= now);
        let fruitless = ticked.is_err() || (left && *self.committed.borrow() == before);
        self.apart = Instant::now() + if left { Duration::ZERO } else { APART };
        self.fruitless = if fruitless { self.fruitless.saturating_add(1) } else { 0 };
        self.next = match &ticked {
            _ if fruitless => Next::Rest(self.clock.elapsed() + rest(self.fruitless)),
            Ok(Some(at)) => Next::At(*at),
            Ok(None) | Err(_) => Next::Open,
        };
        if let Err(error) = &ticked {
            tracing::warn!(component = self.name, %error, "a component could not act on the time: trying again");
        }
        ticked.map(drop)
    }
}

fn rest(fruitless: u32) -> Duration {
    FIRST_REST.saturating_mul(2_u32.saturating_pow(fruitless.saturating_sub(1))).min(LONGEST_REST)
}

async fn waited(next: Next, apart: Instant, clock: &dyn Clock) {
    match next {
        Next::Open => std::future::pending().await,
        Next::At(at) => sleep_until(clock, at).await,
        Next::Rest(until) => rest_until(clock, until).await,
    }
    tokio::time::sleep_until(apart).await;
}

/// Waits until something is committed whose notice is due before the next tick. What was committed since the last one counts.
async fn earlier(committed: &mut watch::Receiver<i64>, store: &dyn Store, next: Next, apart: Instant) {
    while committed.changed().await.is_ok() {
        let moved = match (next, store.next_reminder().await) {
            (Next::Open, Ok(first)) => first.is_some(),
            (Next::At(at), Ok(first)) => first.is_some_and(|first| first < at),
            (Next::Rest(_), Ok(_)) => false,
            (_, Err(error)) => {
                tracing::warn!(%error, "the agenda cannot be read: trying again");
                committed.mark_changed();
                tokio::time::sleep(FIRST_REST).await;
                false
            }
        };
        if moved {
            return tokio::time::sleep_until(apart).await;
        }
        tokio::time::sleep(LOOKS).await;
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TestClock;
    use crate::store::sqlite::SqliteStore;
    use crate::store::{ChangeSet, Ledger};
    use crate::task::Tasks;
    use domain::change::{Actor, ActorKind, Source};
    use domain::contract;
    use domain::ports::Failure;
    use domain::task::{Notices, Task};
    use std::sync::Mutex;
    use tempfile::TempDir;

    /// Notes when it was told the time, and answers as it is told.
    #[derive(Default)]
    struct Recorder {
        ticks: Mutex<Vec<Timestamp>>,
        answer: Mutex<Option<Result<Option<Timestamp>, TickError>>>,
    }

    impl Recorder {
        fn answering(&self, answer: Result<Option<Timestamp>, TickError>) {
            *self.answer.lock().unwrap() = Some(answer);
        }

        fn count(&self) -> usize {
            self.ticks.lock().unwrap().len()
        }
    }

    #[async_trait]
    impl Ticker for Recorder {
        async fn tick(&self, now: Timestamp) -> Result<Option<Timestamp>, TickError> {
            self.ticks.lock().unwrap().push(now);
            self.answer.lock().unwrap().clone().unwrap_or(Ok(None))
        }
    }

    struct World {
        recorder: Arc<Recorder>,
        clock: Arc<TestClock>,
        store: Arc<SqliteStore>,
        asking: Asking,
        tasks: Tasks,
        _folder: TempDir,
    }

    impl World {
        async fn new(answer: Result<Option<Timestamp>, TickError>) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
            let (recorder, clock, tasks) = (Arc::new(Recorder::default()), Arc::new(TestClock::default()), Tasks::default());
            clock.set(at(0));
            recorder.answering(answer);
            let (mut schedule, asking) = Schedule::new("x", recorder.clone(), store.clone(), clock.clone(), true);
            let stopping = tasks.stopping();
            tasks.spawn("schedule", async move { schedule.run(stopping).await });
            let world = Self { recorder, clock, store, asking, tasks, _folder: folder };
            world.ticked(1).await;
            world
        }

        /// Waits for so many ticks, and then some time for there to be no more of them.
        async fn ticked(&self, count: usize) {
            let enough = async {
                while self.recorder.count() < count {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), enough).await.expect("it ticks");
            tokio::time::sleep(Duration::from_millis(60)).await;
            assert_eq!(self.recorder.count(), count);
        }

        /// Commits a task with a notice.
        async fn remind_at(&self, at: Option<Timestamp>) {
            let notices = Notices { upcoming: None, overdue: at };
            let task = Task { due_date: at, notices, ..contract::task("Water the plants") };
            let actor = Actor { kind: ActorKind::User, id: "ada".to_owned() };
            let changes = vec![contract::creation(task)];
            let set = ChangeSet { changes, ..ChangeSet::new("ada".parse().unwrap(), actor, Source::Api, self.clock.now()) };
            self.store.commit(set).await.unwrap();
        }
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::parse("2026-05-01T09:00:00Z").unwrap().plus_minutes(minutes)
    }

    #[tokio::test]
    async fn failure_23_at_start_then_when_the_next_thing_is_due_and_never_in_between() {
        let world = World::new(Ok(Some(at(60)))).await;
        world.clock.set(at(59));
        world.ticked(1).await;
        world.recorder.answering(Ok(None));
        world.clock.set(at(60));
        world.ticked(2).await;
        world.clock.set(at(100_000));
        world.ticked(2).await;
        world.tasks.stop().await;
    }

    #[tokio::test]
    async fn a_commit_brings_the_next_tick_forward_and_no_other_commit_wakes_it() {
        let world = World::new(Ok(Some(at(60)))).await;
        world.remind_at(None).await;
        world.remind_at(Some(at(61))).await;
        world.ticked(1).await;
        world.recorder.answering(Ok(Some(at(30))));
        world.remind_at(Some(at(30))).await;
        world.ticked(2).await;
        world.recorder.answering(Ok(None));
        world.clock.set(at(31));
        world.ticked(3).await;
    }

    #[tokio::test]
    async fn a_clock_that_goes_back_delays_and_one_that_jumps_hurries() {
        let world = World::new(Ok(Some(at(60)))).await;
        world.clock.set(at(-600));
        world.ticked(1).await;
        world.recorder.answering(Ok(None));
        world.clock.set(at(1_000_000));
        world.ticked(2).await;
    }

    #[tokio::test]
    async fn who_asks_is_answered_when_it_was_tried() {
        let world = World::new(Ok(None)).await;
        assert_eq!(world.asking.check().await, Ok(()));
        assert_eq!(world.recorder.count(), 2);
        let failure = TickError::Failed(Failure::Unavailable("full".to_owned()));
        world.recorder.answering(Err(failure.clone()));
        assert_eq!(world.asking.check().await, Err(failure));
        world.tasks.stop().await;
        assert!(matches!(world.asking.check().await, Err(TickError::Failed(Failure::Unavailable(_)))));
    }

    #[tokio::test]
    async fn what_fails_or_gets_nothing_done_is_tried_again_later_and_later() {
        for answer in [Ok(Some(at(-1))), Err(TickError::Failed(Failure::Unavailable("full".to_owned())))] {
            let world = World::new(answer).await;
            for (tick, seconds) in [(2, 1), (3, 2), (4, 4)] {
                world.clock.move_by(seconds * 1_000 - 500);
                world.ticked(tick - 1).await;
                world.clock.move_by(500);
                world.ticked(tick).await;
            }
        }
        assert_eq!(rest(40), LONGEST_REST);
    }

    #[tokio::test]
    async fn what_is_left_is_done_at_once() {
        struct Progress(Arc<SqliteStore>, Mutex<u32>);
        #[async_trait]
        impl Ticker for Progress {
            async fn tick(&self, now: Timestamp) -> Result<Option<Timestamp>, TickError> {
                let actor = Actor { kind: ActorKind::User, id: "ada".to_owned() };
                let changes = vec![contract::creation(contract::task("x"))];
                let set = ChangeSet { changes, ..ChangeSet::new("ada".parse().unwrap(), actor, Source::Api, now) };
                self.0.commit(set).await.unwrap();
                let mut left = self.1.lock().unwrap();
                *left -= 1;
                Ok((*left > 0).then_some(now))
            }
        }
        let world = World::new(Ok(None)).await;
        let ticker = Arc::new(Progress(world.store.clone(), Mutex::new(20)));
        let (mut schedule, _asking) = Schedule::new("y", ticker.clone(), world.store.clone(), world.clock.clone(), true);
        let stopping = world.tasks.stopping();
        world.tasks.spawn("schedule", async move { schedule.run(stopping).await });
        let done = async {
            while *ticker.1.lock().unwrap() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), done).await.unwrap();
    }
}
