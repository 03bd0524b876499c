//! `spin.toml`, as far as the host goes by it: components, their routes, and under `tool.tidings` what each may do.
//!
//! Manifest version 2 of Spin (<https://spinframework.dev/manifest-reference>); what is not named here is Spin's own.

use crate::ports::Port;
use crate::roles::Role;
use domain::event::TOPICS;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;
use toml::{Table, Value};

/// The application.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub version: String,
    pub components: BTreeMap<String, ComponentSpec>,
    pub routes: Routes,
}

/// One component.
#[derive(Clone, Debug)]
pub struct ComponentSpec {
    /// Where its wasm is, relative to the manifest.
    pub source: String,
    /// Whether requests reach it.
    pub has_route: bool,
    /// What it may import.
    pub ports: Vec<Port>,
    /// Whose work it is.
    pub role: Role,
    /// What it hears; none: nothing.
    pub subscription: Option<Subscription>,
    pub limits: Limits,
}

/// The events that a component hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Whose position in the log, and in whose name events are marked as done. No two components share one: they would take
    /// each other's events.
    pub group: String,
    pub topics: Vec<String>,
    /// The CloudEvents types that it is woken for; none: all.
    pub types: Vec<String>,
}

/// What a component can take from its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory of one instance.
    pub memory: usize,
    /// Until the response's head.
    pub deadline: Duration,
    /// From the head to the end of the body, and of all work after it.
    pub stream: Duration,
    /// Instances at work at one time.
    pub concurrency: usize,
    /// Requests that wait for one; more are refused.
    pub queue: usize,
    /// Requests that one instance serves, one after the other. 1: each has an instance of its own.
    pub reuse: usize,
}

/// Everything that is wrong with a manifest, each with what to do.
#[derive(Debug, thiserror::Error)]
pub struct Faults(pub Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// Which component serves a path.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    exact: BTreeMap<String, String>,
    /// By the path before `/...`.
    below: BTreeMap<String, String>,
}

impl Routes {
    /// As Spin routes: the exact path, else the longest `/...` route that the path is, or lies below.
    pub fn find(&self, path: &str) -> Option<&str> {
        if let Some(component) = self.exact.get(path) {
            return Some(component);
        }
        let mut rest = path;
        loop {
            if let Some(component) = self.below.get(rest) {
                return Some(component);
            }
            rest = rest.get(..rest.rfind('/')?)?;
        }
    }

    /// Whether a route leads to this component.
    fn lead_to(&self, component: &str) -> bool {
        self.exact.values().chain(self.below.values()).any(|name| name == component)
    }

    /// What is wrong with the route, if anything.
    fn add(&mut self, route: &str, component: &str) -> Result<(), String> {
        let taken = if route.contains(':') || route.contains('*') {
            return Err(format!("route {route:?}: parameters are not taken; use a path, or a path with /... behind it"));
        } else if !route.starts_with('/') {
            return Err(format!("route {route:?}: a route begins with /"));
        } else if let Some(prefix) = route.strip_suffix("/...") {
            self.below.insert(prefix.to_owned(), component.to_owned())
        } else {
            self.exact.insert(route.to_owned(), component.to_owned())
        };
        match taken {
            Some(other) => Err(format!("route {route:?}: leads to {other:?} and to {component:?}; remove one")),
            None => Ok(()),
        }
    }
}

impl Manifest {
    /// Reads it, and reports all that is wrong at once.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        let table: Table = toml::from_str(text).map_err(|error| Faults(vec![format!("the manifest is no TOML: {error}")]))?;
        let mut reader = Reader::default();
        let manifest = reader.manifest(&table);
        if reader.faults.is_empty() { Ok(manifest) } else { Err(Faults(reader.faults)) }
    }
}

/// Reads what it can, and keeps what is wrong.
#[derive(Default)]
struct Reader {
    faults: Vec<String>,
}

impl Reader {
    fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    fn manifest(&mut self, table: &Table) -> Manifest {
        if table.get("spin_manifest_version").and_then(Value::as_integer) != Some(2) {
            self.fault("spin_manifest_version is not 2: set it to 2".to_owned());
        }
        let version = table.get("application").and_then(|application| application.get("version")).and_then(Value::as_str);
        let mut components = BTreeMap::new();
        let named = table.get("component").and_then(Value::as_table).into_iter().flatten();
        for (name, value) in named.filter(|(_, value)| !is_for_spin(value)) {
            components.insert(name.clone(), self.component(name, value));
        }
        self.groups(&components);
        if components.is_empty() {
            self.fault("there is no component: add a [component.NAME] with its source".to_owned());
        }
        let routes = self.routes(table);
        components.iter_mut().for_each(|(name, spec)| spec.has_route = routes.lead_to(name));
        Manifest { version: version.unwrap_or("0.0.0").to_owned(), components, routes }
    }

    fn routes(&mut self, table: &Table) -> Routes {
        let mut routes = Routes::default();
        let triggers = table.get("trigger").and_then(|trigger| trigger.get("http")).and_then(Value::as_array);
        for trigger in triggers.into_iter().flatten() {
            let text = |key: &str| trigger.get(key).and_then(Value::as_str);
            let (Some(route), Some(component)) = (text("route"), text("component")) else {
                self.fault("a [[trigger.http]] has no route or no component: name both, as text".to_owned());
                continue;
            };
            match table.get("component").and_then(|all| all.get(component)) {
                Some(named) if is_for_spin(named) => continue,
                Some(_) => {}
                None => self.fault(format!("route {route:?}: there is no component {component:?}; add [component.{component}]")),
            }
            if let Err(fault) = routes.add(route, component) {
                self.fault(fault);
            }
        }
        routes
    }

    fn groups(&mut self, components: &BTreeMap<String, ComponentSpec>) {
        let mut taken = BTreeMap::new();
        for (name, spec) in components {
            let Some(subscription) = &spec.subscription else { continue };
            if let Some(other) = taken.insert(&subscription.group, name) {
                let group = &subscription.group;
                self.fault(format!("group {group:?}: {other:?} and {name:?} would take each other's events; give each its own"));
            }
        }
    }

    fn component(&mut self, name: &str, value: &Value) -> ComponentSpec {
        let source = value.get("source").and_then(Value::as_str).unwrap_or_default().to_owned();
        if source.is_empty() {
            self.fault(format!("component {name:?} has no source: name its .wasm file"));
        }
        if value.get("allowed_outbound_hosts").is_some_and(|hosts| hosts.as_array().is_none_or(|hosts| !hosts.is_empty())) {
            self.fault(format!(
                "component {name:?}: allowed_outbound_hosts is not empty, and this host lets no component out: make it [], or leave it out"
            ));
        }
        let empty = Table::new();
        let tool = value.get("tool").and_then(|tool| tool.get("tidings")).and_then(Value::as_table).unwrap_or(&empty);
        let known = [
            "ports",
            "role",
            "group",
            "topics",
            "types",
            "memory_mib",
            "deadline_ms",
            "stream_ms",
            "concurrency",
            "queue",
            "reuse",
        ];
        for key in tool.keys().filter(|key| !known.contains(&key.as_str())) {
            self.fault(format!("component {name:?}: {key:?} is no setting of tool.tidings; known are {}", known.join(", ")));
        }
        let limits = Limits {
            memory: self.number(name, tool, "memory_mib", 64, 1..=1_024) << 20,
            deadline: Duration::from_millis(self.number(name, tool, "deadline_ms", 10_000, 10..=600_000) as u64),
            stream: Duration::from_millis(self.number(name, tool, "stream_ms", 60_000, 10..=3_600_000) as u64),
            concurrency: self.number(name, tool, "concurrency", 64, 1..=1_000),
            queue: self.number(name, tool, "queue", 1_024, 0..=100_000),
            reuse: self.number(name, tool, "reuse", 1, 1..=1_000_000),
        };
        let (ports, role, subscription) = (self.ports(name, tool), self.role(name, tool), self.subscription(name, tool));
        ComponentSpec { source, has_route: false, ports, role, subscription, limits }
    }

    fn role(&mut self, name: &str, tool: &Table) -> Role {
        let Some(value) = tool.get("role") else { return Role::default() };
        Role::parse(value.as_str().unwrap_or_default()).unwrap_or_else(|fault| {
            self.fault(format!("component {name:?}: role: {fault}"));
            Role::default()
        })
    }

    fn subscription(&mut self, name: &str, tool: &Table) -> Option<Subscription> {
        let [topics, types] = ["topics", "types"].map(|key| self.texts(name, tool, key));
        for topic in topics.iter().filter(|topic| !TOPICS.contains(&topic.as_str())) {
            self.fault(format!("component {name:?}: {topic:?} is no topic; known are {}", TOPICS.join(", ")));
        }
        let group = match tool.get("group") {
            None if topics.is_empty() && types.is_empty() => return None,
            None => String::new(),
            Some(group) => group.as_str().unwrap_or_default().to_owned(),
        };
        if group.is_empty() || topics.is_empty() {
            self.fault(format!("component {name:?}: to hear events it needs a group, as text, and topics, as a list of names"));
        }
        Some(Subscription { group, topics, types })
    }

    fn texts(&mut self, name: &str, tool: &Table, key: &str) -> Vec<String> {
        let Some(value) = tool.get(key) else { return Vec::new() };
        let texts: Option<Vec<_>> =
            value.as_array().and_then(|list| list.iter().map(|text| text.as_str().map(str::to_owned)).collect());
        if texts.is_none() {
            self.fault(format!("component {name:?}: {key} is a list of names"));
        }
        texts.unwrap_or_default()
    }

    fn ports(&mut self, name: &str, tool: &Table) -> Vec<Port> {
        let mut ports = BTreeSet::new();
        let listed = match tool.get("ports") {
            None => return Vec::new(),
            Some(Value::Array(listed)) => listed.as_slice(),
            Some(_) => {
                self.fault(format!("component {name:?}: ports is a list of names"));
                &[]
            }
        };
        for listed in listed {
            match Port::ALL.into_iter().find(|port| Some(port.name()) == listed.as_str()) {
                Some(port) => {
                    ports.insert(port);
                }
                None => {
                    let known = Port::ALL.map(Port::name).join(", ");
                    self.fault(format!("component {name:?}: {listed} is no port; known are {known}"));
                }
            }
        }
        ports.into_iter().collect()
    }

    fn number(&mut self, name: &str, tool: &Table, key: &str, default: usize, range: std::ops::RangeInclusive<usize>) -> usize {
        let Some(value) = tool.get(key) else { return default };
        match value.as_integer().and_then(|number| usize::try_from(number).ok()).filter(|number| range.contains(number)) {
            Some(number) => number,
            None => {
                self.fault(format!("component {name:?}: {key} is {} to {}, not {value}", range.start(), range.end()));
                default
            }
        }
    }
}

/// Whether a component is for the stock Spin CLI alone: this host leaves it aside, and the routes to it.
fn is_for_spin(component: &Value) -> bool {
    component.get("tool").and_then(|tool| tool.get("tidings")?.get("host")?.as_str()) == Some("spin")
}

#[cfg(test)]
mod tests;
