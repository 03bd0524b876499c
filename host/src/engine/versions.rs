//! The versions of a component: how a new one is made ready beside the one that serves, and how it takes its place.

use super::bundle::Part;
use super::counters::Health;
use super::exports::Exports;
use super::loaded::{Loaded, Origin, Surroundings, compiled};
use super::manifest::ComponentSpec;
use super::runtime;
use super::seats::Seats;
use crate::ports::Backing;
use bytes::Bytes;
use domain::time::Timestamp;
use sha2::{Digest, Sha256};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::oneshot;
use wasmtime::component::Component;

/// The largest wasm of a component.
pub const LARGEST: u64 = 64 << 20;
/// How wasm begins, and a component as against a core module (component-model/design/mvp/Binary.md).
const MAGIC: &[u8] = b"\0asm";
const COMPONENT: &[u8] = &[0x0d, 0x00, 0x01, 0x00];
/// How much the compiler yields to the threads that serve: they have ten times its weight where there is work for all.
const NICE: i32 = 10;
/// The compiler's stack: the depth of what it compiles is not ours to choose.
const STACK: usize = 16 << 20;

/// Why a version cannot take over. Said to an operator, as it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// A version of a component that was checked, compiled and tried.
#[derive(Clone)]
pub struct Version(pub(super) Arc<Loaded>);

impl Version {
    /// `sha256:` and the digest of its wasm, in hexadecimal.
    pub fn digest(&self) -> &str {
        self.0.digest()
    }

    /// How it is doing since it first served.
    pub fn health(&self) -> Health {
        self.0.counters().health()
    }

    /// What it last failed of.
    pub fn last_failure(&self) -> String {
        self.0.counters().last_failure()
    }

    /// Waits until all that it has begun has ended, once another serves.
    pub async fn drained(&self) {
        self.0.drained().await;
    }
}

/// Some wasm, and its digest.
#[derive(Clone, Debug)]
pub struct Wasm {
    pub bytes: Bytes,
    digest: String,
}

impl Wasm {
    /// Takes some milliseconds for a large one.
    pub fn new(bytes: Bytes) -> Self {
        let digest = digest(&bytes);
        Self { bytes, digest }
    }

    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// The digest of some wasm, as versions have it.
fn digest(wasm: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(wasm))
}

/// A component: what its manifest says of it, and the version that serves.
pub(super) struct Slot {
    pub spec: ComponentSpec,
    /// The version that the application came with, and its digest.
    own: Part,
    digest: String,
    seats: Arc<Seats>,
    serving: RwLock<(Arc<Loaded>, Timestamp)>,
}

impl Slot {
    /// With the version that the application came with.
    pub fn new(
        engine: &wasmtime::Engine,
        name: &str,
        spec: &ComponentSpec,
        own: Part,
        seats: Arc<Seats>,
        version: &str,
        backing: &Backing,
    ) -> anyhow::Result<Self> {
        let component =
            compiled(engine, &own).map_err(|error| error.context(format!("component {name:?} cannot be compiled")))?;
        let at = Surroundings { engine, seats: &seats, backing };
        let digest = digest(&own.wasm);
        let origin = Origin { version: version.to_owned(), digest: digest.clone() };
        let loaded = Loaded::new(&at, name, spec, &component, origin)?;
        loaded.begin();
        let serving = RwLock::new((Arc::new(loaded), backing.clock.now()));
        Ok(Self { spec: spec.clone(), own, digest, seats, serving })
    }

    /// The wasm of the version that the application came with.
    pub fn own(&self) -> Wasm {
        Wasm { bytes: self.own.wasm.clone(), digest: self.digest.clone() }
    }

    pub fn serving(&self) -> Arc<Loaded> {
        Arc::clone(&self.serving.read().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Since when that one serves.
    pub fn since(&self) -> Timestamp {
        self.serving.read().unwrap_or_else(PoisonError::into_inner).1
    }

    /// From here on the next serves whoever comes. What the other has begun it ends.
    pub fn switch(&self, next: Arc<Loaded>, now: Timestamp) -> Arc<Loaded> {
        next.begin();
        let mut serving = self.serving.write().unwrap_or_else(PoisonError::into_inner);
        let (before, _) = std::mem::replace(&mut *serving, (next, now));
        drop(serving);
        before.retire();
        before
    }

    /// Makes a version ready, beside all that goes on.
    pub async fn prepare(
        &self,
        engine: &wasmtime::Engine,
        backing: &Backing,
        name: &str,
        application: &str,
        Wasm { bytes: wasm, digest }: Wasm,
    ) -> Result<Version, Refusal> {
        shaped(&wasm)?;
        let (component, version) = if digest == self.digest {
            // Its native code may be at hand.
            (compiled(engine, &self.own).map_err(|error| error.to_string()), application.to_owned())
        } else {
            (compile_aside(engine, wasm).await, format!("{application}+{}", short(&digest)))
        };
        let component = component.map_err(|why| Refusal(format!("it cannot be compiled: {why}")))?;
        let origin = Origin { version, digest };
        let at = Surroundings { engine, seats: &self.seats, backing };
        let loaded = Loaded::new(&at, name, &self.spec, &component, origin).map_err(|error| Refusal(format!("{error:#}")))?;
        same_offer(self.serving().exports(), loaded.exports())?;
        loaded.try_out().await.map_err(|why| Refusal(format!("it was tried, and failed: {why}")))?;
        Ok(Version(Arc::new(loaded)))
    }
}

/// The first digits of a digest, which tell versions apart for people.
fn short(digest: &str) -> &str {
    let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
    digits.get(..12).unwrap_or(digits)
}

/// Whether it is a component at all, as far as its size and first bytes tell.
fn shaped(wasm: &[u8]) -> Result<(), Refusal> {
    let refuse = |why: String| Err(Refusal(why));
    match (wasm.len() as u64, wasm.get(..4), wasm.get(4..8)) {
        (0, ..) => refuse("the file is empty".to_owned()),
        (size, ..) if size > LARGEST => refuse(too_large(size)),
        (_, Some(MAGIC), Some(COMPONENT)) => Ok(()),
        (_, Some(MAGIC), _) => {
            refuse("it is a core module, and no component: build it for wasm32-wasip2, or make a component of it".to_owned())
        }
        _ => refuse("it is no WebAssembly".to_owned()),
    }
}

/// What is said of a file of more bytes than are taken.
pub fn too_large(size: u64) -> String {
    format!("it has {} MiB, and a component has at most {}", size >> 20, LARGEST >> 20)
}

/// Whoever brings events and the time has begun by what the first version offered.
fn same_offer(before: Exports, now: Exports) -> Result<(), Refusal> {
    for (what, was, is) in [
        ("wasi:http/handler@0.3.0", before.http, now.http),
        ("tidings:app/event-consumer@0.1.0", before.events, now.events),
        ("tidings:app/schedule@0.1.0", before.schedule, now.schedule),
    ] {
        if was != is {
            let differs = if was { "does not export" } else { "exports" };
            let other = if was { "exports it" } else { "does not" };
            return Err(Refusal(format!(
                "it {differs} {what}, and the version that serves {other}: such a change takes a new manifest and a restart"
            )));
        }
    }
    Ok(())
}

/// Compiles on a thread that yields to others, one function after the other: whoever is served notices little.
async fn compile_aside(engine: &wasmtime::Engine, wasm: Bytes) -> Result<Component, String> {
    let (answer, answered) = oneshot::channel();
    let compile = move || {
        // Where the system refuses it, the thread has the priority of all.
        _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
        let compiled = runtime::lone_compiler().and_then(|compiler| Ok(compiler.precompile_component(&wasm)?));
        _ = answer.send(compiled.map_err(|error| format!("{error:#}")));
    };
    let thread = std::thread::Builder::new().name("compiler".to_owned()).stack_size(STACK).spawn(compile);
    thread.map_err(|error| error.to_string())?;
    let native = answered.await.unwrap_or_else(|_| Err("the compiler panicked".to_owned()))?;
    // SAFETY: the bytes come from the compiler of this very process, a line ago.
    unsafe { Component::deserialize(engine, native) }.map_err(|error| format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_is_named_for_what_it_is() {
        let module = b"\0asm\x01\0\0\0";
        for (wasm, expected) in
            [(&b""[..], "empty"), (module, "core module"), (b"\0asm", "core module"), (b"ELF", "no WebAssembly")]
        {
            assert!(shaped(wasm).unwrap_err().0.contains(expected), "{expected}");
        }
        assert!(shaped(&vec![0; (LARGEST + (1 << 20)) as usize]).unwrap_err().0.contains("it has 65 MiB"));
        assert_eq!(shaped(b"\0asm\x0d\0\x01\0..."), Ok(()));
    }

    #[test]
    fn what_a_version_offers_stays() {
        let (http, both) = (Exports { http: true, ..Exports::default() }, Exports { http: true, events: true, schedule: false });
        assert_eq!(same_offer(both, both), Ok(()));
        assert!(same_offer(both, http).unwrap_err().0.contains("does not export tidings:app/event-consumer"));
        assert!(same_offer(http, both).unwrap_err().0.contains("it exports tidings:app/event-consumer"));
    }
}
