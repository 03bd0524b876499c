//! Runs components: loads them with what they are granted, gives each request an instance, and keeps what goes wrong in
//! one of them from everything else.
//!
//! What must not live here: routes of our own, problem documents, storage, anything that a port does.

mod body;
mod bundle;
mod fault;
mod grants;
mod instance;
mod manifest;
mod runtime;
mod stderr;
#[cfg(test)]
mod tests;

pub use body::Body;
pub use bundle::{Bundle, precompile};
pub use fault::Fault;
pub use manifest::{Faults, Limits, Manifest};

use crate::ports::Backing;
use anyhow::{Context, Result};
use bundle::Part;
use bytes::Bytes;
use domain::time::Timestamp;
use fault::Flight;
use http::header::{HOST, HeaderName, HeaderValue};
use http_body_util::BodyExt as _;
use instance::{Maker, RequestData};
use manifest::{ComponentSpec, Routes};
use runtime::Busy;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Component;
use wasmtime_wasi_http::handler::{ExpirationError, InstantiationError, ProxyHandler, ProxyPre, TrapOrPanicError};
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// Begins the targets under which the engine below traces each call of a component with all that it is given, and so
/// passwords and tokens: nothing finer than INFO of them may be logged.
pub const INDISCREET: &str = "wasmtime";

/// The running components.
pub struct Engine {
    components: BTreeMap<String, Loaded>,
    routes: Routes,
}

/// What is known of a request beside the request itself.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Given to the component as `x-request-id`.
    pub request_id: String,
    /// Who is at the other end, for the throttling of sign-ins.
    pub peer: IpAddr,
    /// W3C trace context; goes into the events.
    pub traceparent: Option<String>,
}

/// One component, as an operator sees it.
#[derive(Clone, Debug)]
pub struct ComponentStatus {
    pub name: String,
    pub version: String,
    /// `sha256:` and the digest of its wasm, in hexadecimal.
    pub digest: String,
    /// When it was loaded.
    pub since: Timestamp,
    pub requests: u64,
    pub faults: u64,
}

struct Loaded {
    handler: ProxyHandler<Maker>,
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
struct Counters {
    name: Arc<str>,
    requests: AtomicU64,
    faults: AtomicU64,
}

impl Counters {
    /// The one place that logs and counts a fault.
    fn fault(&self, fault: Fault, request_id: &str, why: &str) {
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

impl Engine {
    /// Loads every component of a bundle, and reports all that hinders it at once.
    pub fn load(bundle: Bundle, backing: &Backing) -> Result<Self> {
        let specs = &bundle.manifest.components;
        // Twice the places: an instance that has answered is still being put away when the next begins.
        let instances = specs.values().map(|spec| spec.limits.concurrency * 2).sum::<usize>() + 16;
        let memory = specs.values().map(|spec| spec.limits.memory).max().unwrap_or_default();
        let busy = Busy::default();
        let engine = runtime::pooled(instances, memory, &busy)?;
        let (mut components, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, spec) in specs {
            let part = bundle.parts.get(name).context("a bundle has the code of each of its components")?;
            match Loaded::new((&engine, &busy), name, spec, part, &bundle.manifest.version, backing) {
                Ok(loaded) => _ = components.insert(name.clone(), loaded),
                Err(error) => faults.push(format!("{error:#}")),
            }
        }
        if !faults.is_empty() {
            return Err(Faults(faults).into());
        }
        Ok(Self { components, routes: bundle.manifest.routes })
    }

    /// The component that serves a path.
    pub fn route(&self, path: &str) -> Option<&str> {
        self.routes.find(path)
    }

    /// Passes a request to a component. Whatever the component does, this ends within its deadline, and so does what it started.
    pub async fn handle<B>(
        &self,
        name: &str,
        request: http::Request<B>,
        context: RequestContext,
    ) -> Result<http::Response<Body>, Fault>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::fmt::Display,
    {
        let loaded = self.components.get(name).ok_or(Fault::NoComponent)?;
        let start = Instant::now();
        let answer = loaded.handle(request, context).await;
        let component = loaded.counters.name.to_string();
        let status = match &answer {
            Ok(response) => response.status().as_u16().to_string(),
            Err(fault) => fault.reason().to_owned(),
        };
        metrics::counter!("tidings_component_requests_total", "component" => component.clone(), "status" => status).increment(1);
        metrics::histogram!("tidings_component_duration_seconds", "component" => component).record(start.elapsed().as_secs_f64());
        answer
    }

    /// All components, by name.
    pub fn components(&self) -> Vec<ComponentStatus> {
        self.components.iter().map(|(name, loaded)| loaded.status(name)).collect()
    }
}

impl Loaded {
    fn new(
        (engine, busy): (&wasmtime::Engine, &Busy),
        name: &str,
        spec: &ComponentSpec,
        part: &Part,
        version: &str,
        backing: &Backing,
    ) -> Result<Self> {
        let component = compiled(engine, part).with_context(|| format!("component {name:?} cannot be compiled"))?;
        let refused = grants::refused(engine, name, &component, &spec.ports);
        if !refused.is_empty() {
            return Err(Faults(refused).into());
        }
        let pre = grants::linker(engine, &spec.ports)
            .and_then(|linker| ServicePre::new(linker.instantiate_pre(&component)?))
            .map_err(anyhow::Error::from)
            .with_context(|| format!("component {name:?} does not fit this host: it must export wasi:http/handler@0.3.0"))?;
        let counters = Arc::new(Counters { name: name.into(), requests: AtomicU64::new(0), faults: AtomicU64::new(0) });
        let maker = Maker {
            engine: engine.clone(),
            pre: ProxyPre::P3(pre),
            component: Arc::clone(&counters.name),
            limits: spec.limits,
            backing: backing.clone(),
        };
        Ok(Self {
            handler: ProxyHandler::new(maker),
            limits: spec.limits,
            counters,
            version: version.to_owned(),
            digest: format!("sha256:{:x}", Sha256::digest(&part.wasm)),
            since: backing.clock.now(),
            places: Arc::new(Semaphore::new(spec.limits.concurrency)),
            waiting: AtomicUsize::new(0),
            busy: busy.clone(),
        })
    }

    fn status(&self, name: &str) -> ComponentStatus {
        ComponentStatus {
            name: name.to_owned(),
            version: self.version.clone(),
            digest: self.digest.clone(),
            since: self.since,
            requests: self.counters.requests.load(Ordering::Relaxed),
            faults: self.counters.faults.load(Ordering::Relaxed),
        }
    }

    async fn handle<B>(&self, request: http::Request<B>, context: RequestContext) -> Result<http::Response<Body>, Fault>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::fmt::Display,
    {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let Some(place) = self.place().await else {
            self.counters.fault(Fault::Overloaded, &context.request_id, "no instance became free in time");
            return Err(Fault::Overloaded);
        };
        let flight = Flight::new(Arc::clone(&self.counters), context.request_id.clone(), (place, self.busy.enter()));
        let request = prepare(request, &context);
        let data = RequestData { flight: Arc::clone(&flight), peer: context.peer, traceparent: context.traceparent };
        match self.handler.handle(data, request).await {
            Ok(response) => Ok(response.map(|body| Body::new(body, flight))),
            Err(error) => Err(Self::fault(&flight, &error).await),
        }
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
    async fn fault(flight: &Flight, error: &wasmtime::Error) -> Fault {
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

/// The request as a component gets it: an absolute URI, the host's headers, a body with wasi:http's errors.
fn prepare<B>(request: http::Request<B>, context: &RequestContext) -> http::Request<wasmtime_wasi_http::WasiBody>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Display,
{
    const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
    const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
    let mut request = request
        .map(|body| body.map_err(|error| wasmtime_wasi_http::Error::InternalError(Some(error.to_string()))).boxed_unsync());
    let mut uri = request.uri().clone().into_parts();
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()?.parse().ok());
    uri.scheme.get_or_insert(http::uri::Scheme::HTTP);
    uri.authority = uri.authority.or(host).or_else(|| Some(http::uri::Authority::from_static("localhost")));
    uri.path_and_query.get_or_insert_with(|| http::uri::PathAndQuery::from_static("/"));
    if let Ok(uri) = http::Uri::from_parts(uri) {
        *request.uri_mut() = uri;
    }
    for (name, value) in [(REQUEST_ID, Some(&context.request_id)), (TRACEPARENT, context.traceparent.as_ref())] {
        request.headers_mut().remove(&name);
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            request.headers_mut().insert(name, value);
        }
    }
    request
}
