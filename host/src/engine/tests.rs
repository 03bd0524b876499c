//! The engine against a component made to misbehave. Needs `misbehave.wasm`, which `cargo xtask test` builds.

mod calls;
mod contracts;

use super::testing::{backing, bundle, get, manifest, text};
use super::*;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use wasmtime::component::Component;

async fn engine() -> Arc<Engine> {
    // Requests ask nothing of the store: its folder can go.
    Arc::new(Engine::load(bundle(&manifest()), &backing().await.0).unwrap())
}

async fn well(engine: &Engine) {
    assert_eq!(text(get(engine, "hello").await.unwrap()).await.unwrap(), "well");
}

/// What the path comes to, and that it does so within the fixture's deadline of 500 ms and what a loaded machine adds.
async fn fault(engine: &Engine, path: &str) -> Fault {
    let start = Instant::now();
    let fault = get(engine, path).await.map(|_| ()).unwrap_err();
    assert!(start.elapsed() < Duration::from_millis(1_500), "{path} took {:?}", start.elapsed());
    fault
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_fails_harms_its_own_request_only() {
    let engine = engine().await;
    well(&engine).await;
    for (path, expected) in [
        ("trap", Fault::Trapped),
        ("spin", Fault::TimedOut),
        ("hang", Fault::TimedOut),
        ("allocate", Fault::OutOfMemory),
        ("trap", Fault::Trapped),
    ] {
        assert_eq!(fault(&engine, path).await, expected, "{path}");
        well(&engine).await;
    }
    let status = &engine.components()[0];
    assert_eq!((status.faults, status.requests), (5, 11));
    assert!(status.digest.starts_with("sha256:") && status.digest.len() == 71);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_do_not_notice_a_busy_one() {
    let engine = engine().await;
    let busy: Vec<_> = (0..3)
        .map(|_| {
            let engine = Arc::clone(&engine);
            #[allow(clippy::disallowed_methods, reason = "a test waits for its own tasks")]
            tokio::spawn(async move { fault(&engine, "spin").await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let start = Instant::now();
    well(&engine).await;
    assert!(start.elapsed() < Duration::from_millis(450), "{:?}", start.elapsed());
    for busy in busy {
        assert_eq!(busy.await.unwrap(), Fault::TimedOut);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_may_wait_are_refused_at_once() {
    let engine = engine().await;
    // Four places and four that wait, all held by requests that never end; the ninth is refused.
    let requests = (0..12).map(|_| get(&engine, "hang"));
    let answers = futures::future::join_all(requests).await;
    let count = |fault| answers.iter().filter(|answer| answer.as_ref().err() == Some(&fault)).count();
    assert_eq!(count(Fault::TimedOut) + count(Fault::Overloaded), 12);
    assert!(count(Fault::Overloaded) >= 4 && count(Fault::TimedOut) >= 4, "{} overloaded", count(Fault::Overloaded));
    tokio::time::sleep(Duration::from_millis(100)).await;
    well(&engine).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_streams_and_a_cut_off_body_is_an_error() {
    let engine = engine().await;
    let lines = text(get(&engine, "stream").await.unwrap()).await.unwrap();
    assert_eq!(lines.lines().count(), 100);
    let cut = get(&engine, "trap-after-head").await.unwrap();
    assert_eq!(cut.status(), 200);
    assert!(text(cut).await.unwrap_err().contains("failed"));
    let start = Instant::now();
    assert!(text(get(&engine, "hang-after-head").await.unwrap()).await.unwrap_err().contains("in time"));
    assert!(start.elapsed() < Duration::from_millis(3_000), "{:?}", start.elapsed());
    assert_eq!(engine.components()[0].faults, 2);
    well(&engine).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_request_id_is_the_hosts() {
    assert_eq!(text(get(&*engine().await, "request-id").await.unwrap()).await.unwrap(), "r-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_can_serve_again_and_survives_no_fault() {
    let manifest = format!("{}reuse = 3\n", manifest());
    let engine = Engine::load(bundle(&manifest), &backing().await.0).unwrap();
    for _ in 0..20 {
        well(&engine).await;
    }
    assert_eq!(fault(&engine, "trap").await, Fault::Trapped);
    assert_eq!(fault(&engine, "spin").await, Fault::TimedOut);
    for _ in 0..20 {
        well(&engine).await;
    }
}

#[test]
fn a_bundle_survives_precompiling() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("a.tar"), folder.path().join("b.tar"));
    let mut tar = tar::Builder::new(std::fs::File::create(&from).unwrap());
    let wasm = bundle(&manifest()).parts["misbehave"].wasm.clone();
    for (name, bytes) in
        [("spin.toml", manifest().into_bytes()), ("Cargo.lock", b"kept".to_vec()), ("misbehave.wasm", wasm.to_vec())]
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    tar.finish().unwrap();
    precompile(&from, &to).unwrap();
    let whole: &'static [u8] = std::fs::read(&to).unwrap().leak();
    let bundle = Bundle::embedded(whole).unwrap();
    let part = &bundle.parts["misbehave"];
    assert_eq!(part.wasm, wasm);
    let engine = runtime::pooled(4, 64 << 20, &Busy::default()).unwrap();
    // SAFETY: it was compiled above.
    unsafe { Component::deserialize(&engine, part.precompiled.as_ref().unwrap()) }.unwrap();
}

#[test]
fn a_binary_without_components_says_what_to_do() {
    assert!(Bundle::embedded(&[]).err().unwrap().to_string().contains("cargo xtask build"));
    assert!(Bundle::embedded(b"no tar").is_err());
}

/// `wit/worlds.wit` reads as the list of what each component may do and offers: it, the manifest and the built component say the same.
#[test]
fn worlds_manifest_and_components_agree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut wit = wit_parser::Resolve::default();
    wit.push_path(root.join("wit/ports")).unwrap();
    wit.push_path(root.join("wit/app")).unwrap();
    let (package, _) = wit.push_path(root.join("wit/worlds.wit")).unwrap();
    let manifest = Manifest::parse(&std::fs::read_to_string(root.join("spin.toml")).unwrap()).unwrap();
    let engine = runtime::compiler().unwrap();
    let port = |import: &str| Some(import.strip_prefix("tidings:ports/")?.split('@').next()?.to_owned());
    for (name, spec) in &manifest.components {
        let world = wit.select_world(&[package], Some(name)).unwrap();
        let exports: Vec<_> = wit.worlds[world].exports.keys().map(|key| wit.name_world_key(key)).collect();
        let imports = wit.worlds[world].imports.keys();
        let mut world: Vec<_> = imports.filter_map(|key| port(&wit.name_world_key(key))).filter(|port| port != "types").collect();
        world.sort();
        let granted: Vec<_> = spec.ports.iter().map(|port| port.name().to_owned()).collect();
        assert_eq!(granted, world, "spin.toml and the world of {name}");
        let component = Component::from_file(&engine, root.join(&spec.source)).unwrap();
        let component = component.component_type();
        let mut used: Vec<_> = component.imports(&engine).filter_map(|(import, _)| port(import)).collect();
        used.retain(|port| port != "types");
        used.sort();
        assert_eq!(used, world, "the component {name} and its world");
        let offered = component.exports(&engine).map(|(export, _)| export).filter(|export| export.starts_with("tidings:"));
        assert_eq!(offered.collect::<Vec<_>>(), exports, "what {name} and its world export");
    }
}
