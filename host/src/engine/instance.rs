//! One instance: its state, its limits, when it has expired, and what is said of it when it goes.

use super::fault::{Fault, Flight};
use super::manifest::Limits;
use super::stderr::Said;
use super::turn::Turn;
use crate::ports::{self, Backing, Patience};
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::Sleep;
use wasmtime::component::{GuestTaskId, ResourceTable};
use wasmtime::{Engine, ResourceLimiter, Result, Store, StoreContextMut, Trap};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::handler::{HandlerState, Instance, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus};
use wasmtime_wasi_http::{
    ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

/// How long an instance that may be used again waits for that.
const IDLE: Duration = Duration::from_secs(10);

/// What wasmtime keeps for one instance.
pub(super) struct InstanceState {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    table: ResourceTable,
    memory: MemoryLimit,
    ports: ports::Context,
    stderr: Said,
    turn: Turn,
    patience: Patience,
    flight: Option<Arc<Flight>>,
}

impl InstanceState {
    pub fn ports(&mut self) -> ports::View<'_> {
        ports::View { context: &self.ports, table: &mut self.table }
    }

    /// From here on it serves this call, and sessions of an earlier one hold no longer. It has `time` for it.
    pub fn begin(&mut self, peer: IpAddr, traceparent: Option<String>, time: Duration) {
        self.patience.set(Instant::now(), time);
        self.ports.begin(peer, traceparent);
    }

    /// When it has to let go of its thread; whoever polls it says so there.
    pub fn turn(&self) -> &Turn {
        &self.turn
    }

    /// What an instance died of, and why, for the log.
    pub fn classify(&self, error: &wasmtime::Error) -> (Fault, String) {
        let mut why = format!("{error:#}");
        let said = self.stderr.text();
        if !said.is_empty() {
            why = format!("{why}; it said: {said}");
        }
        let fault = if self.memory.reached {
            Fault::OutOfMemory
        } else if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) || why.starts_with("guest timed out") {
            Fault::TimedOut
        } else {
            Fault::Trapped
        };
        (fault, why)
    }
}

impl WasiView for InstanceState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for InstanceState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Components make no requests; the `Host` header of those that they get is theirs to see.
struct Hooks;

type Sent = (http::Response<WasiBody>, Box<dyn Future<Output = wasmtime_wasi_http::Result<()>> + Send>);

impl WasiHttpHooks for Hooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(|name| *name != http::header::HOST && wasmtime_wasi_http::DEFAULT_FORBIDDEN_HEADERS.contains(name))
    }

    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = wasmtime_wasi_http::Result<()>> + Send>,
    ) -> Box<dyn Future<Output = wasmtime_wasi_http::Result<Sent>> + Send> {
        Box::new(async { Err(wasmtime_wasi_http::Error::HttpRequestDenied) })
    }
}

/// Refuses growth beyond the limit, and remembers that it did.
struct MemoryLimit {
    bytes: usize,
    reached: bool,
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let granted = desired <= self.bytes;
        self.reached |= !granted;
        Ok(granted)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        // The pool bounds tables.
        Ok(true)
    }
}

/// What one request brings with it.
pub(super) struct RequestData {
    pub flight: Arc<Flight>,
    pub peer: IpAddr,
    pub traceparent: Option<String>,
}

/// Makes the instances of one component.
#[derive(Clone)]
pub(super) struct Maker {
    pub engine: Engine,
    pub component: Arc<str>,
    pub limits: Limits,
    pub backing: Backing,
}

impl Maker {
    /// What an instance lives in, within its limits.
    pub fn store(&self) -> Store<InstanceState> {
        let (stderr, turn, patience) = (Said::default(), Turn::default(), Patience::default());
        let state = InstanceState {
            wasi: WasiCtx::builder().stderr(stderr.clone()).build(),
            http: WasiHttpCtx::new(),
            hooks: Hooks,
            table: ResourceTable::new(),
            memory: MemoryLimit { bytes: self.limits.memory, reached: false },
            ports: ports::Context::new(self.backing.clone(), Arc::clone(&self.component), patience.clone()),
            stderr,
            turn: turn.clone(),
            patience,
            flight: None,
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        store.epoch_deadline_callback(move |_| Ok(turn.ticked()));
        store
    }

    /// An instance, if its start ends in time.
    pub async fn started<I>(&self, start: impl Future<Output = Result<I>>) -> Result<I> {
        let started = tokio::time::timeout(self.limits.deadline, start).await;
        started.map_err(|_| wasmtime::format_err!("the component's start did not end in time"))?
    }
}

/// Makes those that answer requests.
pub(super) struct Answering {
    pub maker: Maker,
    pub pre: ProxyPre<InstanceState>,
}

impl HandlerState for Answering {
    type StoreData = InstanceState;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> Result<Instance<InstanceState, Expiration, Worker>> {
        let mut store = self.maker.store();
        let proxy = self.maker.started(self.pre.instantiate_async(&mut store)).await?;
        let (limits, expired) = (self.maker.limits, Arc::new(AtomicBool::new(false)));
        let (turn, patience) = (store.data().turn.clone(), store.data().patience.clone());
        Ok(Instance {
            store,
            proxy,
            view: |state| state.http(),
            expiration: Expiration { limits, turn, patience, expired: Arc::clone(&expired), sleep: None },
            state: Worker { limits, expired },
        })
    }
}

/// Ends an instance from outside: a busy guest keeps everything inside its own event loop from being polled.
pub(super) struct Expiration {
    limits: Limits,
    turn: Turn,
    patience: Patience,
    /// A request was given up: nothing that the instance still does matters to anyone.
    expired: Arc<AtomicBool>,
    sleep: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl WorkerExpiration for Expiration {
    /// Called whenever the instance was polled and is not done.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, status: WorkerStatus, start: Instant) -> Poll<()> {
        self.turn.pending();
        if self.expired.load(Ordering::Relaxed) && status != WorkerStatus::Requests {
            return Poll::Ready(());
        }
        let time = match status {
            WorkerStatus::Requests => self.limits.deadline,
            WorkerStatus::PostReturn => self.limits.stream,
            WorkerStatus::Idle => IDLE,
        };
        self.patience.set(start, time);
        let at = start + time;
        // A runtime with busy workers is late with its timers.
        if Instant::now() >= at {
            return Poll::Ready(());
        }
        match &mut self.sleep {
            Some((until, sleep)) => {
                if *until != at {
                    *until = at;
                    sleep.as_mut().reset(at.into());
                }
                sleep.as_mut().poll(cx)
            }
            empty => empty.insert((at, Box::pin(tokio::time::sleep_until(at.into())))).1.as_mut().poll(cx),
        }
    }
}

/// Follows one instance through its requests.
pub(super) struct Worker {
    limits: Limits,
    expired: Arc<AtomicBool>,
}

impl WorkerState for Worker {
    type StoreData = InstanceState;
    type RequestData = RequestData;

    /// One at a time, whoever it is for, and no more than `reuse` in all.
    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.limits.reuse {
            ShouldAccept::Never
        } else if concurrent > 0 {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, InstanceState>,
        data: RequestData,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        let state = store.data_mut();
        state.flight = Some(data.flight);
        state.begin(data.peer, data.traceparent, self.limits.deadline);
        let (deadline, expired) = (self.limits.deadline, Arc::clone(&self.expired));
        Box::pin(async move {
            tokio::time::sleep(deadline).await;
            expired.store(true, Ordering::Relaxed);
        })
    }

    /// The verdict is said before the store goes, so that a body that ends with the store knows that it was cut off.
    fn drop(&self, store: Store<InstanceState>, result: Result<()>) {
        let state = store.data();
        if let (Some(flight), Err(error)) = (&state.flight, result) {
            let (fault, why) = state.classify(&error);
            flight.fail(fault, &why);
        }
    }
}
