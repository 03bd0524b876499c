//! One version of a component as it is loaded: compiled, linked with what it is granted, with its numbers.

use super::bindings::consumer::ConsumerPre;
use super::bindings::scheduled::ScheduledPre;
use super::body::Body;
use super::bundle::Part;
use super::call::{Caller, Failed, NOBODY, TickError, Verdict};
use super::counters::Counters;
use super::exports::Exports;
use super::fault::{Fault, Flight};
use super::instance::{Answering, Maker, RequestData};
use super::manifest::{ComponentSpec, Faults};
use super::request::prepare;
use super::seats::{Seat, Seats};
use super::{Heard, RequestContext, grants};
use crate::ports::Backing;
use crate::store::LoggedEvent;
use anyhow::{Context, Result};
use bytes::Bytes;
use domain::time::Timestamp;
use http_body_util::Empty;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio_util::task::TaskTracker;
use wasmtime::component::Component;
use wasmtime_wasi_http::handler::{ExpirationError, InstantiationError, ProxyHandler, ProxyPre, TrapOrPanicError};
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// A version of a component that runs, or could.
pub(super) struct Loaded {
    /// None: it answers no requests.
    answering: Option<ProxyHandler<Answering>>,
    caller: Caller,
    exports: Exports,
    counters: Arc<Counters>,
    version: String,
    digest: String,
    seats: Arc<Seats>,
    /// Another serves in its place: what it has begun it ends, and no more.
    retired: AtomicBool,
    /// What it has begun.
    inside: TaskTracker,
}

/// What a version is called.
pub(super) struct Origin {
    pub version: String,
    /// `sha256:` and the digest of its wasm, in hexadecimal.
    pub digest: String,
}

/// What a version answers to, to show that it answers: whatever it says, short of 500 and above.
const HEALTH: &str = "/healthz";

/// Where a component is loaded, and what it is part of.
pub(super) struct Surroundings<'a> {
    pub engine: &'a wasmtime::Engine,
    pub seats: &'a Arc<Seats>,
    pub backing: &'a Backing,
}

impl Loaded {
    /// Everything that hinders it is reported at once.
    pub fn new(at: &Surroundings<'_>, name: &str, spec: &ComponentSpec, component: &Component, of: Origin) -> Result<Self> {
        let exports = Exports::of(component);
        let mut faults = grants::refused(at.engine, name, component, &spec.ports);
        faults.extend(exports.faults(name, spec));
        if !faults.is_empty() {
            return Err(Faults(faults).into());
        }
        let counters = Arc::new(Counters::new(name));
        let maker = Maker {
            engine: at.engine.clone(),
            component: Arc::clone(&counters.name),
            limits: spec.limits,
            backing: at.backing.clone(),
        };
        let (answering, caller) = linked(maker, component, spec, exports)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("component {name:?} does not fit this host: build it against its `wit/`"))?;
        let Origin { version, digest } = of;
        let (seats, inside) = (Arc::clone(at.seats), TaskTracker::new());
        Ok(Self { answering, caller, exports, counters, version, digest, seats, retired: AtomicBool::new(false), inside })
    }

    /// Whether it acts at moments.
    pub fn is_scheduled(&self) -> bool {
        self.exports.schedule
    }

    pub fn exports(&self) -> Exports {
        self.exports
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn digest(&self) -> &str {
        &self.digest
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// It begins nothing more.
    pub fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// It serves, perhaps again.
    pub fn begin(&self) {
        self.inside.reopen();
        self.retired.store(false, Ordering::Relaxed);
        self.counters.begin();
    }

    /// Waits until all that it has begun has ended, if it begins nothing more.
    pub async fn drained(&self) {
        self.inside.close();
        self.inside.wait().await;
    }

    /// Tries a version that does not serve yet: whether it starts and, where it answers requests, gives an answer. `Err`: why not.
    pub async fn try_out(&self) -> Result<(), String> {
        let Some(seat) = self.seats.aside().enter().await else { return Err(NO_PLACE.to_owned()) };
        if self.answering.is_none() {
            return self.caller.start().await.map_err(|(_, why)| why);
        }
        let request = http::Request::get(HEALTH).header(http::header::HOST, "localhost").body(Empty::<Bytes>::new());
        let request = request.map_err(|error| error.to_string())?;
        let context = RequestContext { request_id: "probe".to_owned(), peer: NOBODY, traceparent: None };
        match self.answer(seat, request, context).await {
            Ok(response) if response.status().is_server_error() => Err(format!("GET {HEALTH} answers {}", response.status())),
            Ok(_) => Ok(()),
            Err(fault) => Err(Some(self.counters.last_failure()).filter(|why| !why.is_empty()).unwrap_or(fault.to_string())),
        }
    }

    /// Hands events of one user to one instance, in order, until one of them is not done, or another version serves: the rest is its.
    pub async fn hear(&self, group: &Arc<str>, events: &[LoggedEvent]) -> Heard {
        let Some(first) = events.first() else { return Heard { done: 0, last: Ok(Verdict::Done) } };
        let failed = |event: &LoggedEvent, (fault, why): Failed| self.fault(fault, &event.id.to_string(), &why);
        let (Some(_seat), _inside) = (self.seats.enter().await, self.inside.token()) else {
            return Heard { done: 0, last: Err(failed(first, (Fault::Overloaded, NO_PLACE.to_owned()))) };
        };
        let mut listener = match self.caller.listener().await {
            Ok(listener) => listener,
            Err(why) => return Heard { done: 0, last: Err(failed(first, why)) },
        };
        for (done, event) in events.iter().enumerate() {
            let start = Instant::now();
            self.counters.asked();
            let last = listener.hear(group, event).await.map_err(|why| failed(event, why));
            self.counters.measure(last.as_ref().map_or_else(|fault| fault.reason(), Verdict::name), start);
            if last != Ok(Verdict::Done) {
                return Heard { done, last };
            }
            if self.retired.load(Ordering::Relaxed) {
                return Heard { done: done + 1, last };
            }
        }
        Heard { done: events.len(), last: Ok(Verdict::Done) }
    }

    /// Tells it what time it is.
    pub async fn tick(&self, now: Timestamp) -> Result<Option<Timestamp>, TickError> {
        let start = Instant::now();
        self.counters.asked();
        let _inside = self.inside.token();
        let ticked = match self.seats.enter().await {
            Some(_seat) => self.caller.tick(now).await,
            None => Err((Fault::Overloaded, NO_PLACE.to_owned())),
        };
        let ticked = ticked.map_err(|(fault, why)| self.fault(fault, "tick", &why));
        let status = match &ticked {
            Ok(Ok(_)) => "done",
            Ok(Err(_)) => "failed",
            Err(fault) => fault.reason(),
        };
        self.counters.measure(status, start);
        Ok(ticked??)
    }

    fn fault(&self, fault: Fault, call: &str, why: &str) -> Fault {
        self.counters.fault(fault, call, why);
        fault
    }

    pub async fn handle<B>(&self, request: http::Request<B>, context: RequestContext) -> Result<http::Response<Body>, Fault>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::fmt::Display,
    {
        self.counters.asked();
        let Some(seat) = self.seats.enter().await else {
            self.counters.fault(Fault::Overloaded, &context.request_id, NO_PLACE);
            return Err(Fault::Overloaded);
        };
        self.answer(seat, request, context).await
    }

    async fn answer<B>(
        &self,
        seat: Seat,
        request: http::Request<B>,
        context: RequestContext,
    ) -> Result<http::Response<Body>, Fault>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::fmt::Display,
    {
        let Some(answering) = &self.answering else { return Err(Fault::NoComponent) };
        let place = (seat, self.inside.token());
        let flight = Flight::new(Arc::clone(&self.counters), context.request_id.clone(), place);
        let request = prepare(request, &context);
        let data = RequestData { flight: Arc::clone(&flight), peer: context.peer, traceparent: context.traceparent };
        match answering.handle(data, request).await {
            Ok(response) => Ok(response.map(|body| Body::new(body, flight))),
            Err(error) => Err(Self::unanswered(&flight, &error).await),
        }
    }

    /// What became of a request without a response.
    async fn unanswered(flight: &Flight, error: &wasmtime::Error) -> Fault {
        if error.is::<TrapOrPanicError>() {
            // The instance has died, and who buries it says of what.
            return flight.verdict().await;
        }
        let fault = if error.is::<ExpirationError>() {
            Fault::TimedOut
        } else if error.is::<InstantiationError<RequestData>>() {
            Fault::Overloaded
        } else {
            Fault::Trapped
        };
        flight.fail(fault, &format!("{error:#}"));
        flight.failed().unwrap_or(fault)
    }
}

const NO_PLACE: &str = "no instance became free in time";

/// What makes instances of it, for each of its exports.
fn linked(
    maker: Maker,
    component: &Component,
    spec: &ComponentSpec,
    exports: Exports,
) -> wasmtime::Result<(Option<ProxyHandler<Answering>>, Caller)> {
    let pre = grants::linker(&maker.engine, &spec.ports)?.instantiate_pre(component)?;
    let answering = match exports.http {
        true => Some(Answering { maker: maker.clone(), pre: ProxyPre::P3(ServicePre::new(pre.clone())?) }),
        false => None,
    };
    let consumer = exports.events.then(|| ConsumerPre::new(pre.clone())).transpose()?;
    let scheduled = exports.schedule.then(|| ScheduledPre::new(pre.clone())).transpose()?;
    Ok((answering.map(ProxyHandler::new), Caller::new(maker, consumer, scheduled)))
}

/// Native code from the build of this binary where wasmtime takes it, else the wasm itself.
pub(super) fn compiled(engine: &wasmtime::Engine, part: &Part) -> Result<Component> {
    if let Some(precompiled) = &part.precompiled {
        // SAFETY: the bytes are linked into this binary by its own build; wasmtime checks that its version and settings fit.
        match unsafe { Component::deserialize(engine, precompiled) } {
            Ok(component) => return Ok(component),
            Err(error) => tracing::warn!(error = format!("{error:#}"), "a precompiled component does not fit; compiling it"),
        }
    }
    Ok(Component::new(engine, &part.wasm)?)
}
