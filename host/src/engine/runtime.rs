//! How wasmtime is set up. The settings that compiled code depends on are the same for running and for precompiling.

use anyhow::Context as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;
use tokio::sync::Notify;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How long a busy guest keeps its thread. Short, because a runtime whose every worker is busy looks at its sockets and
/// timers only after so many turns (tokio's `event_interval`, 61 of them), and each turn of a busy guest is one tick.
const TICK: Duration = Duration::from_millis(1);
/// After the last guest has left it ticks so often more: under load the next is there by then, and need not wake anyone.
const LINGER: u32 = 50;
/// Then the epoch stands still. So often it is looked whether the engine is still there.
const IDLE: Duration = Duration::from_secs(60);

/// Counts what is inside components, and wakes whoever moves the epoch for it.
#[derive(Clone, Default)]
pub(super) struct Busy(Arc<Count>);

#[derive(Default)]
struct Count {
    inside: AtomicUsize,
    ticker: OnceLock<Thread>,
    entered: Notify,
}

/// One of what is inside.
pub(super) struct Inside(Busy);

impl Busy {
    pub fn enter(&self) -> Inside {
        if self.0.inside.fetch_add(1, Ordering::SeqCst) == 0 {
            self.0.ticker.get().into_iter().for_each(Thread::unpark);
            self.0.entered.notify_waiters();
        }
        Inside(self.clone())
    }

    /// Waits until something is inside, or goes in.
    pub async fn something(&self) {
        let entered = self.0.entered.notified();
        if self.nothing_inside() {
            entered.await;
        }
    }

    fn nothing_inside(&self) -> bool {
        self.0.inside.load(Ordering::SeqCst) == 0
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What compiled code depends on.
fn config() -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true).wasm_component_model_async(true).epoch_interruption(true).memory_init_cow(true);
    config
}

/// An engine that only compiles.
pub(super) fn compiler() -> anyhow::Result<Engine> {
    Ok(Engine::new(&config())?)
}

/// The same, for one thread.
pub(super) fn lone_compiler() -> anyhow::Result<Engine> {
    let mut config = config();
    config.parallel_compilation(false);
    Ok(Engine::new(&config)?)
}

/// An engine with room for so many instances at one time, each with at most so much memory.
///
/// What is kept resident of a used slot was measured (`docs/adr/0005-fresh-instances.md`): handing pages back costs a TLB shootdown on every
/// core, which was most of the price of a fresh instance. They are not handed back in batches: a slot that waits for its batch holds the
/// code of its component, also of one that was replaced.
pub(super) fn pooled(instances: usize, memory: usize, busy: &Busy) -> anyhow::Result<Engine> {
    let instances = u32::try_from(instances).context("too many instances: lower the components' concurrency")?;
    let mut pool = PoolingAllocationConfig::default();
    pool.async_stack_keep_resident(64 << 10)
        .linear_memory_keep_resident(4 << 20)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto)
        .total_component_instances(instances)
        // A component is several core modules (its own, and the shims of its imports), and has several fibers.
        .total_core_instances(instances.saturating_mul(8))
        .total_memories(instances.saturating_mul(2))
        .total_tables(instances.saturating_mul(4))
        .total_stacks(instances.saturating_mul(4))
        .max_memory_size(memory);
    let mut config = config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config).map_err(anyhow::Error::from).context("wasmtime cannot reserve its instance pool")?;
    tick(&engine, busy.clone())?;
    Ok(engine)
}

/// Moves the epoch on, until the engine is gone. A thread and not a task: busy guests may hold every worker of the runtime.
fn tick(engine: &Engine, busy: Busy) -> anyhow::Result<()> {
    let engine = engine.weak();
    let run = {
        let busy = busy.clone();
        move || {
            let mut idle = 0;
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                idle = if busy.nothing_inside() { idle + 1 } else { 0 };
                if idle > LINGER {
                    // Whoever enters from now on unparks, also before we park.
                    std::thread::park_timeout(IDLE);
                } else {
                    std::thread::sleep(TICK);
                }
            }
        }
    };
    let thread = std::thread::Builder::new().name("epoch".to_owned()).spawn(run).context("cannot start the epoch thread")?;
    busy.0.ticker.get_or_init(|| thread.thread().clone());
    Ok(())
}
