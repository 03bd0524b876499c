//! One component as it is loaded: compiled, linked with what it is granted, with its places and its numbers.

use super::bindings::consumer::ConsumerPre;
use super::bindings::scheduled::ScheduledPre;
use super::body::Body;
use super::bundle::Part;
use super::call::{Caller, Failed, TickError, Verdict};
use super::exports::Exports;
use super::fault::{Fault, Flight};
use super::instance::{Answering, Maker, RequestData};
use super::manifest::{ComponentSpec, Faults, Limits, Subscription};
use super::request::prepare;
use super::runtime::{Busy, Inside};
use super::{ComponentStatus, Heard, RequestContext, grants};
use crate::ports::{Backing, Port};
use crate::roles::Role;
use crate::store::LoggedEvent;
use anyhow::{Context, Result};
use bytes::Bytes;
use domain::time::Timestamp;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Component;
use wasmtime_wasi_http::handler::{ExpirationError, InstantiationError, ProxyHandler, ProxyPre, TrapOrPanicError};
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// A component that runs.
pub(super) struct Loaded {
    /// None: it answers no requests.
    answering: Option<ProxyHandler<Answering>>,
    caller: Caller,
    exports: Exports,
    role: Role,
    subscription: Option<Subscription>,
    has_agenda: bool,
    limits: Limits,
    counters: Arc<Counters>,
    version: String,
    digest: String,
    since: Timestamp,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    busy: Busy,
}

/// What a component did so far.
pub(super) struct Counters {
    name: Arc<str>,
    /// Events and moments count as requests.
    requests: AtomicU64,
    faults: AtomicU64,
}

impl Counters {
    /// Counts one call and how long it took.
    pub fn measure(&self, status: &str, start: Instant) {
        let component = self.name.to_string();
        metrics::counter!("tidings_component_requests_total", "component" => component.clone(), "status" => status.to_owned())
            .increment(1);
        metrics::histogram!("tidings_component_duration_seconds", "component" => component).record(start.elapsed().as_secs_f64());
    }

    /// The one place that logs and counts a fault.
    pub fn fault(&self, fault: Fault, request_id: &str, why: &str) {
        let reason = fault.reason();
        self.faults.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("tidings_component_faults_total", "component" => self.name.to_string(), "reason" => reason)
            .increment(1);
        if fault == Fault::Overloaded {
            tracing::warn!(component = &*self.name, reason, request_id, why, "a component is overloaded");
        } else {
            tracing::error!(component = &*self.name, reason, request_id, why, "a component failed");
        }
    }
}

/// Where a component is loaded, and what it is part of.
pub(super) struct Surroundings<'a> {
    pub engine: &'a wasmtime::Engine,
    pub busy: &'a Busy,
    pub version: &'a str,
    pub backing: &'a Backing,
}

impl Loaded {
    /// Everything that hinders it is reported at once.
    pub fn new(at: &Surroundings<'_>, name: &str, spec: &ComponentSpec, part: &Part, has_route: bool) -> Result<Self> {
        let component = compiled(at.engine, part).with_context(|| format!("component {name:?} cannot be compiled"))?;
        let exports = Exports::of(at.engine, &component);
        let mut faults = grants::refused(at.engine, name, &component, &spec.ports);
        faults.extend(exports.faults(name, spec, has_route));
        if !faults.is_empty() {
            return Err(Faults(faults).into());
        }
        let counters = Arc::new(Counters { name: name.into(), requests: AtomicU64::new(0), faults: AtomicU64::new(0) });
        let maker = Maker {
            engine: at.engine.clone(),
            component: Arc::clone(&counters.name),
            limits: spec.limits,
            backing: at.backing.clone(),
        };
        let (answering, caller) = linked(maker, &component, spec, exports)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("component {name:?} does not fit this host: build it against its `wit/`"))?;
        Ok(Self {
            answering,
            caller,
            exports,
            role: spec.role,
            subscription: spec.subscription.clone(),
            has_agenda: spec.ports.contains(&Port::Agenda),
            limits: spec.limits,
            counters,
            version: at.version.to_owned(),
            digest: format!("sha256:{:x}", Sha256::digest(&part.wasm)),
            since: at.backing.clock.now(),
            places: Arc::new(Semaphore::new(spec.limits.concurrency)),
            waiting: AtomicUsize::new(0),
            busy: at.busy.clone(),
        })
    }

    /// Whose work it is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What it hears, if it hears events.
    pub fn subscription(&self) -> Option<&Subscription> {
        self.subscription.as_ref()
    }

    /// Whether it acts at moments.
    pub fn is_scheduled(&self) -> bool {
        self.exports.schedule
    }

    pub fn has_agenda(&self) -> bool {
        self.has_agenda
    }

    /// Counts one request and how long it took.
    pub fn measure(&self, status: &str, start: Instant) {
        self.counters.measure(status, start);
    }

    pub fn status(&self, name: &str) -> ComponentStatus {
        ComponentStatus {
            name: name.to_owned(),
            version: self.version.clone(),
            digest: self.digest.clone(),
            since: self.since,
            requests: self.counters.requests.load(Ordering::Relaxed),
            faults: self.counters.faults.load(Ordering::Relaxed),
        }
    }

    /// Hands events of one user to one instance, in order, until one of them is not done.
    pub async fn hear(&self, group: &Arc<str>, events: &[LoggedEvent]) -> Heard {
        let Some(first) = events.first() else { return Heard { done: 0, last: Ok(Verdict::Done) } };
        let failed = |event: &LoggedEvent, (fault, why): Failed| self.fault(fault, &event.id.to_string(), &why);
        let Some(_inside) = self.enter().await else {
            return Heard { done: 0, last: Err(failed(first, (Fault::Overloaded, NO_PLACE.to_owned()))) };
        };
        let mut listener = match self.caller.listener().await {
            Ok(listener) => listener,
            Err(why) => return Heard { done: 0, last: Err(failed(first, why)) },
        };
        for (done, event) in events.iter().enumerate() {
            let start = Instant::now();
            self.counters.requests.fetch_add(1, Ordering::Relaxed);
            let last = listener.hear(group, event).await.map_err(|why| failed(event, why));
            self.counters.measure(last.as_ref().map_or_else(|fault| fault.reason(), Verdict::name), start);
            if last != Ok(Verdict::Done) {
                return Heard { done, last };
            }
        }
        Heard { done: events.len(), last: Ok(Verdict::Done) }
    }

    /// Tells it what time it is.
    pub async fn tick(&self, now: Timestamp) -> Result<Option<Timestamp>, TickError> {
        let start = Instant::now();
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let ticked = match self.enter().await {
            Some(_inside) => self.caller.tick(now).await,
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
        let Some(answering) = &self.answering else { return Err(Fault::NoComponent) };
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let Some(inside) = self.enter().await else {
            self.counters.fault(Fault::Overloaded, &context.request_id, NO_PLACE);
            return Err(Fault::Overloaded);
        };
        let flight = Flight::new(Arc::clone(&self.counters), context.request_id.clone(), inside);
        let request = prepare(request, &context);
        let data = RequestData { flight: Arc::clone(&flight), peer: context.peer, traceparent: context.traceparent };
        match answering.handle(data, request).await {
            Ok(response) => Ok(response.map(|body| Body::new(body, flight))),
            Err(error) => Err(Self::unanswered(&flight, &error).await),
        }
    }

    /// One of the component's places, and what keeps the epoch ticking.
    async fn enter(&self) -> Option<(OwnedSemaphorePermit, Inside)> {
        Some((self.place().await?, self.busy.enter()))
    }

    /// A place for one more instance, now or within the deadline.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(place);
        }
        let _waiting = Waiting::enter(&self.waiting, self.limits.queue)?;
        tokio::time::timeout(self.limits.deadline, Arc::clone(&self.places).acquire_owned()).await.ok()?.ok()
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

/// A place in a bounded queue.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let entered = Self(waiting);
        (before < most).then_some(entered)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Native code from the build of this binary where wasmtime takes it, else the wasm itself.
fn compiled(engine: &wasmtime::Engine, part: &Part) -> Result<Component> {
    if let Some(precompiled) = &part.precompiled {
        // SAFETY: the bytes are linked into this binary by its own build; wasmtime checks that its version and settings fit.
        match unsafe { Component::deserialize(engine, precompiled) } {
            Ok(component) => return Ok(component),
            Err(error) => tracing::warn!(error = format!("{error:#}"), "a precompiled component does not fit; compiling it"),
        }
    }
    Ok(Component::new(engine, &part.wasm)?)
}
