//! What components may ask of the host: the native [`Session`] and [`Work`], and the glue that offers them by WIT.
//!
//! The glue converts, and decides nothing. What must not live here: SQL, HTTP, rules of a todo list.

mod agenda;
pub(crate) mod bindings;
// The boundary is described once, on the types of whichever generator compiles it; see the folder's own words.
#[path = "../../../guest/src/convert/mod.rs"]
mod convert;
mod identity;
mod ledger;
mod memory;
mod patience;
mod session;
#[cfg(test)]
mod tests;
mod work;

pub use agenda::Agenda;
pub use ledger::OpenSession;
pub use patience::Patience;
pub use session::Session;
pub use work::Work;

use crate::clock::Clock;
use crate::identity::Identity;
use crate::store::{Memory, Store, StoreError};
use domain::id::UserId;
use domain::ports::Failure;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};

/// What stands behind the ports.
#[derive(Clone)]
pub struct Backing {
    pub store: Arc<dyn Store>,
    /// Of the store, or another.
    pub memory: Arc<dyn Memory>,
    pub clock: Arc<dyn Clock>,
    pub identity: Arc<Identity>,
}

/// One interface of `tidings:ports` that a component can be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Port {
    Agenda,
    Clock,
    Identity,
    Ledger,
    Memory,
}

impl Port {
    pub const ALL: [Self; 5] = [Self::Agenda, Self::Clock, Self::Identity, Self::Ledger, Self::Memory];

    /// Its name in `wit/ports`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agenda => "agenda",
            Self::Clock => "clock",
            Self::Identity => "identity",
            Self::Ledger => "ledger",
            Self::Memory => "memory",
        }
    }
}

/// For whom the ports work: one component, and the call at hand: a request, an event, a moment.
pub struct Context {
    backing: Backing,
    component: Arc<str>,
    /// Which call of its instance this is; a session is good for one.
    request: u64,
    peer: IpAddr,
    traceparent: Option<String>,
    patience: Patience,
}

impl Context {
    /// For an instance that serves no request yet.
    pub fn new(backing: Backing, component: Arc<str>, patience: Patience) -> Self {
        Self { backing, component, request: 0, peer: IpAddr::V6(Ipv6Addr::UNSPECIFIED), traceparent: None, patience }
    }

    /// From here on it serves this request, and sessions of an earlier one hold no longer.
    pub fn begin(&mut self, peer: IpAddr, traceparent: Option<String>) {
        self.request += 1;
        self.peer = peer;
        self.traceparent = traceparent;
    }
}

/// The view of a store's data that the ports are implemented on.
pub struct View<'a> {
    pub context: &'a Context,
    pub table: &'a mut ResourceTable,
}

impl View<'_> {
    /// A handle that the host itself gives: the right to act for this user, claiming in the name of this group, until the
    /// call at hand is done.
    pub fn session_for(&mut self, user: UserId, group: Arc<str>) -> wasmtime::Result<Resource<OpenSession>> {
        let Context { backing, component, traceparent, .. } = self.context;
        let session = Session::of_component(backing, component, user, group, traceparent.clone());
        ledger::open_session(self, session)
    }
}

/// Marks the ports' part of a store's data.
pub struct Ports;

impl HasData for Ports {
    type Data<'a> = View<'a>;
}

/// Gives a linker these ports, and no others.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    granted: &[Port],
    view: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    use bindings::ports;
    ports::types::add_to_linker::<T, Ports>(linker, view)?;
    for port in granted {
        match port {
            Port::Agenda => ports::agenda::add_to_linker::<T, Ports>(linker, view)?,
            Port::Clock => ports::clock::add_to_linker::<T, Ports>(linker, view)?,
            Port::Identity => ports::identity::add_to_linker::<T, Ports>(linker, view)?,
            Port::Ledger => ports::ledger::add_to_linker::<T, Ports>(linker, view)?,
            Port::Memory => ports::memory::add_to_linker::<T, Ports>(linker, view)?,
        }
    }
    Ok(())
}

impl bindings::ports::types::Host for View<'_> {}

impl bindings::ports::clock::Host for View<'_> {
    fn now(&mut self) -> wasmtime::Result<i64> {
        Ok(self.context.backing.clock.now().millis())
    }
}

/// What a use case is told of a store's error. The cause of a fault of ours goes to the log, and nowhere else.
fn failure(error: StoreError) -> Failure {
    match error {
        StoreError::Conflict => Failure::Conflict,
        StoreError::Unavailable(why) => Failure::Unavailable(why),
        StoreError::Internal(cause) => {
            tracing::error!(cause = format!("{cause:#}"), "the store failed");
            Failure::Unavailable("the store failed; the cause is in the log".to_owned())
        }
    }
}
