//! Runs components: loads them with what they are granted, gives each request, event and moment an instance, and keeps what
//! goes wrong in one of them from everything else.
//!
//! What must not live here: routes of our own, problem documents, storage, anything that a port does.

mod bindings;
mod body;
mod bundle;
mod call;
mod exports;
mod fault;
mod grants;
mod instance;
mod loaded;
mod manifest;
mod request;
mod runtime;
mod stderr;
#[cfg(test)]
mod tests;
mod turn;

pub use body::Body;
pub use bundle::{Bundle, precompile};
pub use call::{TickError, Verdict};
pub use fault::Fault;
pub use manifest::{Faults, Limits, Manifest, Subscription};

use crate::ports::Backing;
use crate::roles::{Role, Roles};
use crate::store::LoggedEvent;
use anyhow::{Context, Result};
use bytes::Bytes;
use domain::time::Timestamp;
use loaded::{Loaded, Surroundings};
use manifest::Routes;
use runtime::Busy;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

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
    components: BTreeMap<String, Loaded>,
    routes: Routes,
    busy: Busy,
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

impl Engine {
    /// Loads every component of a bundle, and reports all that hinders it at once.
    pub fn load(bundle: Bundle, backing: &Backing) -> Result<Self> {
        let specs = &bundle.manifest.components;
        // Twice the places: an instance that has answered is still being put away when the next begins.
        let instances = specs.values().map(|spec| spec.limits.concurrency * 2).sum::<usize>() + 16;
        let memory = specs.values().map(|spec| spec.limits.memory).max().unwrap_or_default();
        let busy = Busy::default();
        let engine = runtime::pooled(instances, memory, &busy)?;
        let at = Surroundings { engine: &engine, busy: &busy, version: &bundle.manifest.version, backing };
        let (mut components, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, spec) in specs {
            let part = bundle.parts.get(name).context("a bundle has the code of each of its components")?;
            match Loaded::new(&at, name, spec, part, bundle.manifest.routes.lead_to(name)) {
                Ok(loaded) => _ = components.insert(name.clone(), loaded),
                Err(error) => faults.push(format!("{error:#}")),
            }
        }
        if !faults.is_empty() {
            return Err(Faults(faults).into());
        }
        Ok(Self { components, routes: bundle.manifest.routes, busy })
    }

    /// Waits until a component is at work.
    pub async fn at_work(&self) {
        self.busy.something().await;
    }

    /// The component that serves a path, and whose work that is.
    pub fn route(&self, path: &str) -> Option<(&str, Role)> {
        let name = self.routes.find(path)?;
        Some((name, self.components.get(name)?.role()))
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
        match &answer {
            Ok(response) => loaded.measure(response.status().as_str(), start),
            Err(fault) => loaded.measure(fault.reason(), start),
        }
        answer
    }

    /// What is heard, by the name of the component.
    pub fn subscriptions(&self, roles: &Roles) -> impl Iterator<Item = (&str, &Subscription)> {
        self.of(roles).filter_map(|(name, loaded)| Some((name, loaded.subscription()?)))
    }

    /// Hands events of one user to one instance of a component, in order, until one of them is not done. Each is over within
    /// the component's deadline, whatever the component does.
    pub async fn hear(&self, name: &str, group: &Arc<str>, events: &[LoggedEvent]) -> Heard {
        match self.components.get(name) {
            Some(loaded) => loaded.hear(group, events).await,
            None => Heard { done: 0, last: Err(Fault::NoComponent) },
        }
    }

    /// The names of the components that act at moments, and whether each has the agenda.
    pub fn scheduled(&self, roles: &Roles) -> impl Iterator<Item = (&str, bool)> {
        self.of(roles).filter(|(_, loaded)| loaded.is_scheduled()).map(|(name, loaded)| (name, loaded.has_agenda()))
    }

    /// The components that are the work of these roles.
    fn of(&self, roles: &Roles) -> impl Iterator<Item = (&str, &Loaded)> {
        self.components.iter().filter(|(_, loaded)| roles.has(loaded.role())).map(|(name, loaded)| (name.as_str(), loaded))
    }

    /// Tells a component what time it is; when it wants to be told again. It is over within the component's deadline.
    pub async fn tick(&self, name: &str, now: Timestamp) -> Result<Option<Timestamp>, TickError> {
        self.components.get(name).ok_or(Fault::NoComponent)?.tick(now).await
    }

    /// All components, by name.
    pub fn components(&self) -> Vec<ComponentStatus> {
        self.components.iter().map(|(name, loaded)| loaded.status(name)).collect()
    }
}
