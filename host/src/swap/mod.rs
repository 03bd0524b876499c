//! Replaces a component while it serves, goes back, and keeps what is active across a restart.
//!
//! A swap: the new version is made ready beside the one that serves, kept on the disk, put down in the audit log; then one pointer is
//! another. What has begun ends where it began. For a time the new version is on probation: one that fails too often goes by itself.
//! What must not live here: how a version is made ready or told apart from a bad one (`engine`), commands, sockets.

mod audit;
mod hosts;
mod shelf;
#[cfg(test)]
mod tests;
mod watch;

pub use audit::By;
pub use hosts::{Differing, compare};
pub use watch::watch;

use crate::clock::Clock;
use crate::engine::{Engine, Health, Refusal, Version, Wasm};
use crate::faultpoint;
use crate::task::Tasks;
use audit::{Audit, Entry, What};
use bytes::Bytes;
use domain::time::Timestamp;
use metrics::counter;
use serde::{Deserialize, Serialize};
use shelf::{Kept, Shelf};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a version on probation is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// So many failures say nothing yet; more than one call in so many that fails is too often.
const FEW: u64 = 5;
const ONE_IN: u64 = 10;

/// What a swap came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swapped {
    pub component: String,
    /// The digests of the version that served, and of the one that serves. The same: nothing was to be done.
    pub from: String,
    pub to: String,
    /// Until the version was ready, and for the switch itself.
    pub ready_millis: u64,
    pub switch_micros: u64,
    /// How long it is on probation.
    pub probation_seconds: u64,
}

/// What swaps need.
pub struct Swaps {
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    probation: Duration,
    books: Arc<Books>,
    /// Whoever has it is the one who swaps.
    turn: tokio::sync::Mutex<()>,
    /// What is active, as it is kept.
    kept: Mutex<Kept>,
    /// Of each component the version that served before, still at hand.
    before: Mutex<BTreeMap<String, Version>>,
}

/// What is written of swaps.
struct Books {
    shelf: Shelf,
    audit: Audit,
}

impl Swaps {
    /// In this data folder. Versions that were active when the host ended are again, before this returns: those that cannot be, or
    /// that replaced another version than the application has now, are left aside, which is said in the log. A probation goes on.
    pub async fn open(
        data: &Path,
        engine: Arc<Engine>,
        clock: Arc<dyn Clock>,
        tasks: &Tasks,
        probation: Duration,
    ) -> anyhow::Result<Arc<Self>> {
        let books = Arc::new(Books { shelf: Shelf::open(data)?, audit: Audit::open(data)? });
        let (mut kept, mut on_probation) = (Kept::default(), Vec::new());
        for (name, stack) in books.shelf.read()?.components {
            match Self::restore(&engine, &books.shelf, &name, &stack).await {
                Ok(version) => {
                    let left = stack.probation.map_or(0, |until| until.millis() - clock.now().millis());
                    let left = Duration::from_millis(u64::try_from(left).unwrap_or_default());
                    on_probation.push((name.clone(), version, left.min(probation)));
                    kept.components.insert(name, stack);
                }
                Err(Refusal(why)) => {
                    tracing::error!(
                        component = name,
                        why,
                        "a version that was swapped in is left aside; the application's own serves"
                    );
                }
            }
        }
        let (turn, kept, before) = (tokio::sync::Mutex::default(), Mutex::new(kept), Mutex::default());
        let swaps = Arc::new(Self { engine, clock, tasks: tasks.clone(), probation, books, turn, kept, before });
        for (name, version, left) in on_probation {
            swaps.watch_over(&name, version, left);
        }
        Ok(swaps)
    }

    async fn restore(engine: &Engine, shelf: &Shelf, name: &str, stack: &shelf::Stack) -> Result<Version, Refusal> {
        if engine.own(name)?.digest() != stack.own {
            return Err(Refusal("the application has another version of this component than the one it replaced".to_owned()));
        }
        let active = stack.versions.last().ok_or_else(|| Refusal("none of its versions is kept".to_owned()))?;
        let version = engine.prepare(name, shelf.wasm(active)?).await?;
        engine.switch(name, &version)?;
        tracing::info!(component = name, digest = active, "a version that was swapped in serves");
        Ok(version)
    }

    /// Puts a version in the place of the one that serves. `Err`: nothing has changed, and why. Once it has begun it comes to its end,
    /// whatever becomes of the caller.
    pub async fn swap(self: &Arc<Self>, name: &str, wasm: Bytes, by: By) -> Result<Swapped, Refusal> {
        let (swaps, name) = (Arc::clone(self), name.to_owned());
        let swapping = async move {
            let _turn = swaps.turn.try_lock().map_err(|_| Refusal(BUSY.to_owned()))?;
            let swapped = swaps.put(&name, wasm, by).await;
            if let Err(Refusal(why)) = &swapped {
                swaps.told_refused(&name, by, why).await;
            }
            swapped
        };
        self.tasks.spawn("swap", swapping).await.unwrap_or_else(|_| Err(Refusal("the swap broke off".to_owned())))
    }

    /// Goes back to the version that served before. `Err`: why not.
    pub async fn roll_back(self: &Arc<Self>, name: &str) -> Result<Swapped, Refusal> {
        let (swaps, name) = (Arc::clone(self), name.to_owned());
        let rolling = async move {
            let _turn = swaps.turn.try_lock().map_err(|_| Refusal(BUSY.to_owned()))?;
            swaps.pop(&name, By::Command, None).await
        };
        self.tasks.spawn("rollback", rolling).await.unwrap_or_else(|_| Err(Refusal("the rollback broke off".to_owned())))
    }

    /// A version that fails goes, if it still serves when the swap that is under way has ended.
    fn take_back(self: &Arc<Self>, name: &str, failing: &Version, why: String) {
        let (swaps, name, failing) = (Arc::clone(self), name.to_owned(), failing.clone());
        self.tasks.spawn("take back", async move {
            let _turn = swaps.turn.lock().await;
            let taken_back = match swaps.engine.serving(&name) {
                Ok(serving) if serving.digest() == failing.digest() => {
                    swaps.pop(&name, By::Probation, Some(&why)).await.map(|_| ())
                }
                serving => serving.map(|_| ()),
            };
            if let Err(Refusal(why)) = taken_back {
                tracing::error!(component = name, why, "a version that fails could not be taken back");
            }
        });
    }

    async fn put(self: &Arc<Self>, name: &str, wasm: Bytes, by: By) -> Result<Swapped, Refusal> {
        let begun = Instant::now();
        let serving = self.engine.serving(name)?;
        let own = self.engine.own(name)?;
        let wasm = self.aside(move |_| Ok(Wasm::new(wasm))).await?;
        let (component, from, to) = (name.to_owned(), serving.digest().to_owned(), wasm.digest().to_owned());
        if from == to {
            return Ok(Swapped { component, from, to, ready_millis: 0, switch_micros: 0, probation_seconds: 0 });
        }
        let version = self.prepare(name, wasm.clone()).await?;
        let ready_millis = millis(begun);
        let now = self.clock.now();
        let until = now.millis().saturating_add(i64::try_from(self.probation.as_millis()).unwrap_or(i64::MAX));
        let mut next = lock(&self.kept).clone();
        next.push(name, own.digest(), &to, Timestamp::from_millis(until).unwrap_or(now));
        let line = Entry { component: name, from: Some(&from), to: Some(&to), by, why: None }.line(What::Swapped, now);
        let next = self
            .aside(move |books| {
                books.shelf.put(&wasm)?;
                faultpoint::pass(faultpoint::SWAP_WRITTEN);
                books.audit.put(&line)?;
                books.shelf.keep(&next).map(|()| next)
            })
            .await?;
        *lock(&self.kept) = next;
        faultpoint::pass(faultpoint::SWAP_KEPT);
        let (before, switch_micros) = self.switch(name, &version)?;
        tracing::info!(component = name, from, to, by = by.name(), ready_millis, switch_micros, "a component was replaced");
        counter!("tidings_component_swaps_total", "component" => name.to_owned(), "outcome" => "swapped").increment(1);
        lock(&self.before).insert(name.to_owned(), before);
        self.watch_over(name, version, self.probation);
        let probation_seconds = self.probation.as_secs();
        Ok(Swapped { component, from, to, ready_millis, switch_micros, probation_seconds })
    }

    async fn pop(self: &Arc<Self>, name: &str, by: By, why: Option<&str>) -> Result<Swapped, Refusal> {
        let begun = Instant::now();
        let own = self.engine.own(name)?;
        let mut next = lock(&self.kept).clone();
        let to = next.pop(name).ok_or_else(|| Refusal(NOTHING.to_owned()))?;
        let at_hand = lock(&self.before).remove(name).filter(|version| version.digest() == to);
        let version = match at_hand {
            Some(version) => version,
            None if own.digest() == to => self.prepare(name, own).await?,
            None => {
                let version = to.clone();
                let wasm = self.aside(move |books| books.shelf.wasm(&version)).await?;
                self.prepare(name, wasm).await?
            }
        };
        let ready_millis = millis(begun);
        let (before, switch_micros) = self.switch(name, &version)?;
        let from = before.digest().to_owned();
        tracing::warn!(component = name, from, to, by = by.name(), why, "a component went back to the version before");
        counter!("tidings_component_swaps_total", "component" => name.to_owned(), "outcome" => "rolled_back").increment(1);
        lock(&self.kept).clone_from(&next);
        // It serves already: who goes back is in a hurry.
        let entry = Entry { component: name, from: Some(&from), to: Some(&to), by, why };
        let line = entry.line(What::RolledBack, self.clock.now());
        let written = self.aside(move |books| books.shelf.keep(&next).and_then(|()| books.audit.put(&line))).await;
        written.map_err(|Refusal(why)| Refusal(format!("{name} went back to {to}, but only until the next restart: {why}")))?;
        Ok(Swapped { component: name.to_owned(), from, to, ready_millis, switch_micros, probation_seconds: 0 })
    }

    /// Makes a version ready. A host that is to stop does not wait for the compiler.
    async fn prepare(&self, name: &str, wasm: Wasm) -> Result<Version, Refusal> {
        let stopping = self.tasks.stopping();
        let ready = stopping.run_until_cancelled(self.engine.prepare(name, wasm)).await;
        ready.unwrap_or_else(|| Err(Refusal("the host stops".to_owned())))
    }

    /// What takes a while, on a thread that may wait for the disk.
    async fn aside<T, F>(&self, work: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&Books) -> Result<T, Refusal> + Send + 'static,
    {
        let books = Arc::clone(&self.books);
        let done = tokio::task::spawn_blocking(move || work(&books)).await;
        done.unwrap_or_else(|_| Err(Refusal("what is written of swaps cannot be written: a fault of this host".to_owned())))
    }

    fn switch(&self, name: &str, next: &Version) -> Result<(Version, u64), Refusal> {
        let begun = Instant::now();
        let before = self.engine.switch(name, next)?;
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (draining, component) = (before.clone(), name.to_owned());
        let stopping = self.tasks.stopping();
        self.tasks.spawn("drain", async move {
            if stopping.run_until_cancelled(draining.drained()).await.is_some() {
                tracing::info!(component, digest = draining.digest(), "what the version before had begun has ended");
            }
        });
        Ok((before, micros))
    }

    /// A version that fails too often while it is on probation goes.
    fn watch_over(self: &Arc<Self>, name: &str, version: Version, probation: Duration) {
        let (swaps, name, until) = (Arc::clone(self), name.to_owned(), Instant::now() + probation);
        let stopping = self.tasks.stopping();
        let watching = async move {
            let serves = || swaps.engine.serving(&name).is_ok_and(|serving| serving.digest() == version.digest());
            while Instant::now() < until && serves() {
                if let Some(why) = fails(version.health(), &version.last_failure()) {
                    tracing::error!(component = name, why, "a new version fails too often");
                    return swaps.take_back(&name, &version, why);
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        self.tasks.spawn("probation", async move { stopping.run_until_cancelled(watching).await });
    }

    /// What a rollback would go back to, for each component that has been swapped.
    pub fn previous(&self) -> BTreeMap<String, String> {
        lock(&self.kept).previous()
    }

    /// The audit log, one CloudEvent a line, oldest first.
    pub fn log(&self) -> anyhow::Result<String> {
        self.books.audit.read()
    }

    async fn told_refused(&self, name: &str, by: By, why: &str) {
        tracing::warn!(component = name, why, by = by.name(), "a component was not replaced");
        counter!("tidings_component_swaps_total", "component" => self.known(name), "outcome" => "refused").increment(1);
        let entry = Entry { component: name, from: None, to: None, by, why: Some(why) };
        let line = entry.line(What::Refused, self.clock.now());
        if let Err(Refusal(why)) = self.aside(move |books| books.audit.put(&line)).await {
            tracing::error!(why, "the audit log cannot be written");
        }
    }

    /// A name that may stand in the metrics: what somebody has typed may not.
    fn known(&self, name: &str) -> String {
        if self.engine.own(name).is_ok() { name.to_owned() } else { "unknown".to_owned() }
    }
}

const NOTHING: &str = "it runs the version that the application came with: there is nothing to go back to";
const BUSY: &str = "another swap is under way: try again when it has ended";

/// Why a version fails too often, if it does.
fn fails(Health { calls, failed }: Health, last: &str) -> Option<String> {
    let too_often = failed >= FEW && failed * ONE_IN > calls;
    let why = if last.is_empty() { "it answers 500" } else { last };
    too_often.then(|| format!("{failed} of {calls} calls failed; the last: {why}"))
}

fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
