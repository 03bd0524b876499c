//! What tests of components share: a component made to misbehave, and versions of it. Needs the fixtures that `cargo xtask test` builds.

use super::*;
use crate::clock::SystemClock;
use crate::identity::{Identity, IdentityConfig, SigningKey};
use crate::store::sqlite::SqliteStore;
use crate::task::Tasks;
use http_body_util::{BodyExt, Empty};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub fn manifest() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/misbehave.toml");
    std::fs::read_to_string(path).unwrap()
}

/// The fixture's bundle, under a manifest that a test may have changed.
pub fn bundle(manifest: &str) -> Bundle {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/../../target");
    let path = folder.path().join("spin.toml");
    std::fs::write(&path, manifest.replace("../../target", fixtures.to_str().unwrap())).unwrap();
    Bundle::from_manifest(&path).unwrap()
}

/// A store of its own, in a folder that must stay as long as it is used.
pub async fn backing() -> (Backing, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
    let (clock, tasks) = (Arc::new(SystemClock), Tasks::default());
    let key = SigningKey::from_bytes(&[7; 32]);
    let identity = Identity::new(store.clone(), clock.clone(), &tasks, key, IdentityConfig::default()).unwrap();
    (Backing { memory: store.clone(), store, clock, identity: Arc::new(identity) }, folder)
}

pub async fn get(engine: &Engine, path: &str) -> Result<http::Response<Body>, Fault> {
    let uri = format!("/misbehave/{path}");
    let name = engine.route(&uri).unwrap().0.to_owned();
    let request = http::Request::get(&uri).header("host", "tidings.test").header("x-request-id", "forged");
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let peer = Ipv4Addr::LOCALHOST.into();
    engine.handle(&name, request, RequestContext { request_id: "r-1".to_owned(), peer, traceparent: None }).await
}

pub async fn text(response: http::Response<Body>) -> Result<String, String> {
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
    Ok(String::from_utf8(body.to_bytes().to_vec()).unwrap())
}

/// The built component of this name.
pub fn built(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../target/wasm32-wasip2/release/{name}.wasm"))
}

/// The fixture with another word in its `MODE`: another version, which behaves as the word says.
pub fn variant(wasm: &[u8], mode: &str) -> Bytes {
    let mut wasm = wasm.to_vec();
    let at: Vec<usize> = wasm.windows(9).enumerate().filter(|(_, bytes)| *bytes == b"MODE=well").map(|(at, _)| at).collect();
    assert_eq!(at.len(), 1, "the fixture has one MODE");
    let text = format!("MODE={mode:.<19}");
    wasm[at[0]..at[0] + text.len()].copy_from_slice(text.as_bytes());
    wasm.into()
}

/// The smallest component that imports an interface: it has no name for anything in it.
pub fn importing(interface: &str) -> Vec<u8> {
    let name = interface.as_bytes();
    let length = u8::try_from(name.len()).unwrap();
    let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
    // A type section with an empty instance type, and an import section with one instance of it.
    wasm.extend([7, 3, 1, 0x42, 0, 10, length + 5, 1, 0, length]);
    wasm.extend(name);
    wasm.extend([5, 0]);
    wasm
}
