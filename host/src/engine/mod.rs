//! Runs components: loads them with what they are granted, gives each request, event and moment an instance, and keeps what
//! goes wrong in one of them from everything else.
//!
//! What must not live here: routes of our own, problem documents, storage, anything that a port does.

mod bindings;
mod body;
mod bundle;
mod call;
mod counters;
mod exports;
mod fault;
mod grants;
mod instance;
mod loaded;
mod manifest;
mod request;
mod runtime;
mod seats;
mod stderr;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod turn;
mod versions;

pub use body::Body;
pub use bundle::{Bundle, precompile};
pub use call::{TickError, Verdict};
pub use counters::Health;
pub use fault::Fault;
pub use manifest::{ComponentSpec, Faults, Limits, Manifest, Subscription};
pub use versions::{LARGEST, Refusal, Version, Wasm, too_large};

use crate::ports::{Backing, Port};
use crate::roles::{Role, Roles};
use crate::store::LoggedEvent;
use anyhow::{Context, Result};
use bytes::Bytes;
use domain::time::Timestamp;
use manifest::Routes;
use runtime::Busy;
use seats::Seats;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use versions::Slot;

/// Begins the targets under which the engine below traces each call of a component with all that it is given, and so
/// passwords and tokens: nothing finer than INFO of them may be logged.
pub const INDISCREET: &str = "wasmtime";

/// What became of a run of events.
#[derive(Debug, PartialEq, Eq)]
pub struct Heard {
    /// So many of them are done, from the first.
    pub done: usize,
    /// What became of the next one; of the last, where all are done.
    pub last: Result<Verdict, Fault>,
}

/// The running components.
pub struct Engine {
    components: BTreeMap<String, Slot>,
    routes: Routes,
    busy: Busy,
    engine: wasmtime::Engine,
    backing: Backing,
    /// The application's.
    version: String,
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
    /// Since when it serves.
    pub since: Timestamp,
    pub requests: u64,
    pub faults: u64,
}

impl Engine {
    /// Loads every component of a bundle, and reports all that hinders it at once.
    pub fn load(bundle: Bundle, backing: &Backing) -> Result<Self> {
        let Bundle { manifest: Manifest { version, components: specs, routes }, mut parts } = bundle;
        // Twice the places: an instance that has answered is still being put away when the next begins.
        let instances = specs.values().map(|spec| spec.limits.concurrency * 2).sum::<usize>() + 16;
        let memory = specs.values().map(|spec| spec.limits.memory).max().unwrap_or_default();
        let busy = Busy::default();
        let engine = runtime::pooled(instances, memory, &busy)?;
        let (mut components, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, spec) in &specs {
            let own = parts.remove(name).context("a bundle has the code of each of its components")?;
            match Slot::new(&engine, name, spec, own, Seats::new(spec.limits, &busy), &version, backing) {
                Ok(slot) => _ = components.insert(name.clone(), slot),
                Err(error) => faults.push(format!("{error:#}")),
            }
        }
        if !faults.is_empty() {
            return Err(Faults(faults).into());
        }
        Ok(Self { components, routes, busy, engine, backing: backing.clone(), version })
    }

    /// Waits until a component is at work.
    pub async fn at_work(&self) {
        self.busy.something().await;
    }

    /// The component that serves a path, and whose work that is.
    pub fn route(&self, path: &str) -> Option<(&str, Role)> {
        let name = self.routes.find(path)?;
        Some((name, self.components.get(name)?.spec.role))
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
        let loaded = self.components.get(name).ok_or(Fault::NoComponent)?.serving();
        let start = Instant::now();
        let answer = loaded.handle(request, context).await;
        match &answer {
            Ok(response) => loaded.counters().measure(response.status().as_str(), start),
            Err(fault) => loaded.counters().measure(fault.reason(), start),
        }
        answer
    }

    /// What is heard, by the name of the component.
    pub fn subscriptions(&self, roles: &Roles) -> impl Iterator<Item = (&str, &Subscription)> {
        self.of(roles).filter_map(|(name, slot)| Some((name, slot.spec.subscription.as_ref()?)))
    }

    /// Hands events of one user to one instance of a component, in order, until one of them is not done or another version serves.
    /// Each is over within the component's deadline, whatever the component does.
    pub async fn hear(&self, name: &str, group: &Arc<str>, events: &[LoggedEvent]) -> Heard {
        match self.components.get(name) {
            Some(slot) => slot.serving().hear(group, events).await,
            None => Heard { done: 0, last: Err(Fault::NoComponent) },
        }
    }

    /// The names of the components that act at moments, and whether each has the agenda.
    pub fn scheduled(&self, roles: &Roles) -> impl Iterator<Item = (&str, bool)> {
        let agenda = |slot: &Slot| slot.spec.ports.contains(&Port::Agenda);
        self.of(roles).filter(|(_, slot)| slot.serving().is_scheduled()).map(move |(name, slot)| (name, agenda(slot)))
    }

    /// The components that are the work of these roles.
    fn of(&self, roles: &Roles) -> impl Iterator<Item = (&str, &Slot)> {
        self.components.iter().filter(|(_, slot)| roles.has(slot.spec.role)).map(|(name, slot)| (name.as_str(), slot))
    }

    /// Tells a component what time it is; when it wants to be told again. It is over within the component's deadline.
    pub async fn tick(&self, name: &str, now: Timestamp) -> Result<Option<Timestamp>, TickError> {
        self.components.get(name).ok_or(Fault::NoComponent)?.serving().tick(now).await
    }

    /// All components, by name.
    pub fn components(&self) -> Vec<ComponentStatus> {
        let status = |(name, slot): (&String, &Slot)| {
            let (serving, since) = (slot.serving(), slot.since());
            let (version, digest) = (serving.version().to_owned(), serving.digest().to_owned());
            let (requests, faults) = (serving.counters().requests(), serving.counters().faults());
            ComponentStatus { name: name.clone(), version, digest, since, requests, faults }
        };
        self.components.iter().map(status).collect()
    }

    /// What the manifest says of each.
    pub fn specs(&self) -> impl Iterator<Item = (&str, &ComponentSpec)> {
        self.components.iter().map(|(name, slot)| (name.as_str(), &slot.spec))
    }

    /// The wasm of the version that the application came with.
    pub fn own(&self, name: &str) -> Result<Wasm, Refusal> {
        Ok(self.slot(name)?.own())
    }

    /// The version that serves.
    pub fn serving(&self, name: &str) -> Result<Version, Refusal> {
        Ok(Version(self.slot(name)?.serving()))
    }

    /// Makes a version of a component ready, beside the one that serves: checks what it is, what it imports and what it offers, compiles
    /// it where that slows nobody, and tries it in an instance of its own.
    pub async fn prepare(&self, name: &str, wasm: Wasm) -> Result<Version, Refusal> {
        let slot = self.slot(name)?;
        slot.prepare(&self.engine, &self.backing, name, &self.version, wasm).await
    }

    /// From here on this version serves; the one that did.
    pub fn switch(&self, name: &str, next: &Version) -> Result<Version, Refusal> {
        Ok(Version(self.slot(name)?.switch(Arc::clone(&next.0), self.backing.clock.now())))
    }

    fn slot(&self, name: &str) -> Result<&Slot, Refusal> {
        let known = || self.components.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        self.components.get(name).ok_or_else(|| Refusal(format!("there is no component {name:?}; there are {}", known())))
    }
}
