//! Builds all parts from the configuration, runs them until told to stop, and lets go of them in order.
//!
//! What must not live here: anything that a part does.

use crate::admin;
use crate::clock::{Clock, SystemClock, TestClock};
use crate::components;
use crate::config::{BusKind, Config, DrainConfig, MemoryKind};
use crate::dapr::{Sidecar, SidecarMemory};
use crate::engine::{Bundle, Engine};
use crate::events::dapr::DaprBus;
use crate::events::kafka::{self, KafkaBus};
use crate::events::relay::{Publish, Relay};
use crate::events::{Bus, Inbox, LocalBus};
use crate::faultpoint;
use crate::http::app::App;
use crate::http::public::Public;
use crate::http::{Elsewhere, Listener, ops};
use crate::identity::{Identity, SigningKey};
use crate::ports::Backing;
use crate::roles::Role;
use crate::sse::{Hub, HubLimits, feed};
use crate::store::{self, Memory, Store};
use crate::swap::{self, Swaps};
use crate::task::Tasks;
use crate::telemetry::Metrics;
use anyhow::Context;
use futures::future::OptionFuture;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

/// Connections to the operations listener at one time.
const OPS_CONNECTIONS: usize = 256;
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

/// What a command that needs no listener has of a host: the store, and who people are.
pub struct Foundation {
    pub store: Arc<dyn Store>,
    pub identity: Arc<Identity>,
    pub clock: Arc<dyn Clock>,
    /// The same clock, where a test may move it.
    pub test_clock: Option<Arc<TestClock>>,
}

impl Foundation {
    /// Opens the store and takes the data folder. Fails where another process has it.
    pub async fn open(config: &Config, tasks: &Tasks) -> anyhow::Result<Self> {
        let test_clock = config.test.clock.map(|at| {
            let clock = TestClock::default();
            at.into_iter().for_each(|at| clock.set(at));
            Arc::new(clock)
        });
        let clock: Arc<dyn Clock> = match &test_clock {
            Some(clock) => clock.clone(),
            None => Arc::new(SystemClock),
        };
        let store = store::open(&config.data, config.database.as_ref()).await?;
        let key = SigningKey::of(store.as_ref(), &config.data).await?;
        let identity = Identity::new(store.clone(), clock.clone(), tasks, key, config.identity.clone())?;
        Ok(Self { store, identity: Arc::new(identity), clock, test_clock })
    }
}

/// The components of the configuration.
pub fn bundle(config: &Config, embedded: &'static [u8]) -> anyhow::Result<Bundle> {
    match &config.manifest {
        Some(manifest) => Bundle::from_manifest(manifest),
        None => Bundle::embedded(embedded),
    }
}

/// Runs a host until a signal ends it, or, where that is wished, the end of stdin. `Err`: it did not come to serve, and why.
pub async fn up(config: Config, embedded: &'static [u8], until_eof: bool) -> anyhow::Result<()> {
    let mut signals = Signals::new(until_eof)?;
    let metrics = Metrics::begin()?;
    more_files();
    config.test.fault.into_iter().for_each(faultpoint::arm);
    let public = Listener::bind("public", config.listen.public)?;
    let ops = Listener::bind("ops", config.listen.ops)?;
    let app = config.listen.app.map(|address| Listener::bind("app", address)).transpose()?;
    let tasks = Tasks::default();
    let foundation = Foundation::open(&config, &tasks).await?;
    let Foundation { store, identity, clock, .. } = &foundation;
    let sidecar = config.sidecar.as_ref().map(Sidecar::new).transpose()?;
    let memory = memory(&config, sidecar.as_ref(), &foundation);
    let backing = Backing { store: store.clone(), memory, clock: clock.clone(), identity: identity.clone() };
    let engine = Arc::new(Engine::load(bundle(&config, embedded)?, &backing)?);
    let swaps = Swaps::open(&config.data, engine.clone(), clock.clone(), &tasks, config.swap.probation).await?;
    let hub = Hub::new(HubLimits::default());
    let (bus, inbox) = bus(&config, sidecar.as_ref(), &foundation, &tasks);
    let connections = Tasks::default();

    if config.roles.has(Role::Sse) {
        tasks.spawn("streams", feed::run(bus.tail(feed::TOPICS), hub.clone(), tasks.stopping()));
    }
    tasks.spawn("stream clock", feed::watch(hub.clone(), identity.clone(), clock.clone(), tasks.stopping()));
    tasks.spawn("sweep", sweep(store.clone(), clock.clone(), tasks.clone()));
    tasks.spawn("metrics", tidy(metrics.clone(), engine.clone(), tasks.clone()));
    let differing = swap::compare(&engine, store, clock, &tasks);
    components::listen(&engine, &config.roles, bus.as_ref(), store, clock, &tasks);
    let schedules = components::act_on_time(&engine, &config.roles, store, clock, &tasks);
    admin::serve(&config.data, admin::Admin::new(engine.clone(), swaps.clone(), bus.clone(), &foundation), &tasks)?;
    if let (Some(manifest), true) = (&config.manifest, config.swap.watch) {
        let folder = manifest.parent().map(ToOwned::to_owned).unwrap_or_default();
        let sources: Vec<_> = engine.specs().map(|(name, spec)| (name.to_owned(), folder.join(&spec.source))).collect();
        swap::watch(&swaps, sources.into_iter(), &tasks);
    }

    let listeners = [Some(&public), Some(&ops), app.as_ref()];
    let lines: Vec<String> = listeners.into_iter().flatten().map(Listener::announcement).collect();
    let routes = Public {
        engine,
        identity: identity.clone(),
        hub: hub.clone(),
        log: store.clone(),
        clock: clock.clone(),
        tasks: connections.clone(),
        url: config.identity.public_url.as_deref().map(str::parse).transpose()?,
        elsewhere: Elsewhere { roles: config.roles.clone(), sidecar, handed_on: false },
    };
    let at_once = config.listen.max_connections;
    if let Some(app) = app {
        let elsewhere = Elsewhere { handed_on: true, ..routes.elsewhere.clone() };
        let handed_on = Public { elsewhere, ..routes.clone() }.routes()?;
        let routes = App { token: config.listen.app_token.clone(), schedules, inbox, handed_on }.routes();
        connections.spawn("app listener", app.serve(routes, at_once, connections.clone()));
    }
    connections.spawn("public listener", public.serve(routes.routes()?, at_once, connections.clone()));
    // For operators to the last: it ends with the background tasks, after the connections.
    tasks.spawn("ops listener", ops.serve(ops::routes(store.clone(), bus, differing, metrics), OPS_CONNECTIONS, tasks.clone()));
    announce(&lines)?;
    tracing::info!(data = %config.data.display(), roles = %config.roles, "ready");

    signals.first().await;
    tracing::info!("stopping: open requests may end; another signal ends them at once");
    tokio::select! {
        () = drain(&hub, connections, tasks, store.as_ref(), config.drain) => tracing::info!("stopped"),
        () = signals.first() => {
            tracing::warn!("stopped at once");
            std::process::exit(1);
        }
    }
    Ok(())
}

/// What keeps short-lived state.
fn memory(config: &Config, sidecar: Option<&Arc<Sidecar>>, foundation: &Foundation) -> Arc<dyn Memory> {
    match (config.memory, sidecar) {
        (MemoryKind::Dapr, Some(sidecar)) => Arc::new(SidecarMemory::new(sidecar.clone(), foundation.clock.clone())),
        _ => foundation.store.clone(),
    }
}

/// What carries events; where it lives elsewhere, also what brings them there, and where they arrive.
fn bus(
    config: &Config,
    sidecar: Option<&Arc<Sidecar>>,
    foundation: &Foundation,
    tasks: &Tasks,
) -> (Arc<dyn Bus>, Option<Arc<Inbox>>) {
    let Foundation { store, clock, .. } = foundation;
    let local: Arc<dyn Bus> = Arc::new(LocalBus::new(store.clone(), clock.clone(), tasks.clone()));
    let broker = config.kafka.as_ref().map(|cluster| Arc::new(KafkaBus::start(cluster.clone(), clock.clone(), tasks.clone())));
    let relay = |publisher: Arc<dyn Publish>| {
        if config.roles.has(Role::Api) {
            let mut relay = Relay::new(kafka::RELAY, store.clone(), publisher, clock.clone());
            let stopping = tasks.stopping();
            tasks.spawn("relay", async move { relay.run(stopping).await });
        }
    };
    match (config.bus, broker, sidecar) {
        (BusKind::Kafka, Some(bus), _) => {
            relay(bus.publisher());
            (bus, None)
        }
        (BusKind::Dapr, broker, Some(sidecar)) => {
            let broker = broker.map(|broker| broker as Arc<dyn Bus>);
            let bus =
                DaprBus::new(sidecar.clone(), &config.topic_prefix, store.clone(), local, broker, clock.clone(), tasks.clone());
            relay(bus.publisher());
            let inbox = bus.inbox();
            (Arc::new(bus), Some(inbox))
        }
        _ => (local, None),
    }
}

/// No new connections; requests end, streams are ended in a spread; then what works in the background; the store last.
async fn drain(hub: &Hub, connections: Tasks, tasks: Tasks, store: &dyn Store, config: DrainConfig) {
    let ending = async { tokio::join!(connections.stop(), hub.drain(config.stream_spread)) };
    if tokio::time::timeout(config.timeout.max(config.stream_spread), ending).await.is_err() {
        tracing::warn!("some requests did not end in time and are cut off");
    }
    if tokio::time::timeout(config.timeout, tasks.stop()).await.is_err() {
        tracing::warn!("some background tasks did not end in time");
    }
    store.close().await;
}

/// One line a listener on standard output, for whoever waits for them.
fn announce(lines: &[String]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}").context("standard output is closed")?;
    }
    out.flush().context("standard output is closed")
}

async fn sweep(store: Arc<dyn Store>, clock: Arc<dyn Clock>, tasks: Tasks) {
    let stop = tasks.stopping();
    while stop.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await.is_some() {
        if let Err(error) = store.sweep(clock.now()).await {
            tracing::warn!(%error, "what is kept no longer could not be removed; it is tried again in an hour");
        }
    }
}

/// While nothing is measured, there is nothing to be tidied, and nobody is woken for it.
async fn tidy(metrics: Metrics, engine: Arc<Engine>, tasks: Tasks) {
    let stop = tasks.stopping();
    let measured = async || {
        engine.at_work().await;
        tokio::time::sleep(Metrics::TIDY_EVERY).await;
    };
    while stop.run_until_cancelled(measured()).await.is_some() {
        metrics.tidy();
    }
}

/// As many open files as the system lets us have: each stream is one.
fn more_files() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Ctrl-C and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    eof: Option<JoinHandle<()>>,
}

impl Signals {
    fn new(until_eof: bool) -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be heard");
        let eof = until_eof.then(|| {
            Tasks::default().spawn("stdin", async {
                // A pipe that breaks has ended, too.
                _ = tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await;
            })
        });
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())?, eof })
    }

    /// The next of either.
    async fn first(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            Some(_) = OptionFuture::from(self.eof.as_mut()) => self.eof = None,
        }
    }
}
