//! Swaps of a real component, in a data folder of their own. Needs the fixtures that `cargo xtask test` builds.

use super::*;
use crate::clock::SystemClock;
use crate::engine::testing::{self, backing, get, manifest, variant};
use std::fs;
use tempfile::TempDir;

const NAME: &str = "misbehave";

struct World {
    engine: Arc<Engine>,
    swaps: Arc<Swaps>,
    tasks: Tasks,
    data: TempDir,
    own: Bytes,
    _store: TempDir,
}

impl World {
    async fn new() -> Self {
        Self::within(tempfile::tempdir().unwrap(), Duration::from_secs(60)).await
    }

    /// On a data folder that may have been used before.
    async fn within(data: TempDir, probation: Duration) -> Self {
        let (backing, store) = backing().await;
        let engine = Arc::new(Engine::load(testing::bundle(&manifest()), &backing).unwrap());
        let (tasks, clock) = (Tasks::default(), Arc::new(SystemClock));
        let swaps = Swaps::open(data.path(), engine.clone(), clock, &tasks, probation).await.unwrap();
        let own = engine.own(NAME).unwrap().bytes;
        Self { engine, swaps, tasks, data, own, _store: store }
    }

    async fn swap(&self, wasm: impl Into<Bytes>) -> Result<Swapped, String> {
        self.swaps.swap(NAME, wasm.into(), By::Command).await.map_err(|Refusal(why)| why)
    }

    async fn back(&self) -> Result<Swapped, String> {
        self.swaps.roll_back(NAME).await.map_err(|Refusal(why)| why)
    }

    async fn says(&self) -> String {
        match get(&self.engine, "hello").await {
            Ok(answer) => testing::text(answer).await.unwrap(),
            Err(fault) => fault.reason().to_owned(),
        }
    }

    /// Asks it again and again until what it runs was taken back by itself, and nobody swaps.
    async fn taken_back(&self) {
        let last = ("component.rolled-back".to_owned(), "probation".to_owned());
        let gone = async {
            while self.log().pop().as_ref() != Some(&last) {
                self.says().await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            _ = self.swaps.turn.lock().await;
        };
        tokio::time::timeout(Duration::from_secs(10), gone).await.expect("it goes by itself");
    }

    fn log(&self) -> Vec<(String, String)> {
        let line = |line: &str| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            (event["type"].as_str().unwrap().to_owned(), event["data"]["by"].as_str().unwrap().to_owned())
        };
        self.swaps.log().unwrap().lines().map(line).collect()
    }
}

fn another(world: &World) -> Bytes {
    variant(&world.own, "another")
}

fn digest(wasm: &[u8]) -> String {
    Wasm::new(Bytes::copy_from_slice(wasm)).digest().to_owned()
}

fn told(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    lines.iter().map(|(kind, by)| ((*kind).to_owned(), (*by).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_takes_over_goes_back_and_is_there_after_a_restart() {
    let world = World::new().await;
    let swapped = world.swap(another(&world)).await.unwrap();
    assert_eq!((swapped.from, swapped.to.clone()), (digest(&world.own), digest(&another(&world))));
    assert_eq!(world.says().await, "another");
    assert_eq!(world.swap(another(&world)).await.map(|swapped| swapped.from), Ok(swapped.to.clone()), "it runs already");
    assert_eq!(world.swaps.previous()[NAME], digest(&world.own));
    let status = &world.engine.components()[0];
    assert_eq!((status.requests, &status.digest), (1, &swapped.to), "its numbers are its own");

    let World { data, tasks, .. } = world;
    tasks.stop().await;
    let world = World::within(data, Duration::from_secs(60)).await;
    assert_eq!(world.says().await, "another");
    assert_eq!(world.back().await.unwrap().to, digest(&world.own));
    assert_eq!(world.says().await, "well");
    assert!(world.back().await.unwrap_err().contains("nothing to go back to"));
    let all = [("component.swapped", "command"), ("component.rolled-back", "command")];
    assert_eq!(world.log(), told(&all));

    // What replaced another version of the application than there is now is left aside.
    world.swap(another(&world)).await.unwrap();
    let active = world.data.path().join("components/active.json");
    let text = fs::read_to_string(&active).unwrap().replace(&digest(&world.own), &digest(b"older"));
    fs::write(&active, text).unwrap();
    let World { data, tasks, .. } = world;
    tasks.stop().await;
    assert_eq!(World::within(data, Duration::ZERO).await.says().await, "well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_code_of_versions_that_went_is_given_back() {
    let world = World::new().await;
    let mut pieces = Vec::new();
    for n in 0..12 {
        world.swap(variant(&world.own, &format!("version-{n}"))).await.unwrap();
        world.says().await;
        pieces.push(pieces_of_code());
    }
    assert!(pieces[11] <= pieces[3], "after each swap: {pieces:?}");
}

/// How many pieces of compiled code this process has mapped.
fn pieces_of_code() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains("r-xp") && line.contains(" 00:00 0")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_take_over_is_refused_by_name_and_nothing_changes() {
    let world = World::new().await;
    let built = |name: &str| fs::read(testing::built(name)).unwrap();
    let own = |mode: &str| variant(&world.own, mode).to_vec();
    let mut truncated = world.own.to_vec();
    truncated.truncate(truncated.len() / 2);
    for (what, wasm, why) in [
        ("an empty file", Vec::new(), "empty"),
        ("a core module", b"\0asm\x01\0\0\0".to_vec(), "core module"),
        ("no wasm", b"#!/bin/sh".to_vec(), "no WebAssembly"),
        ("a truncated component", truncated, "cannot be compiled"),
        ("too much code", vec![0; (65 << 20) as usize], "at most 64"),
        ("the network", testing::importing("wasi:sockets/tcp@0.2.0"), "wasi:sockets/tcp"),
        ("another's port, with its true type", built("reminders"), "tidings:ports/agenda"),
        ("other exports", built("web"), "does not export tidings:app/event-consumer"),
        ("a trap at start", own("trap-at-start"), "tried, and failed"),
        ("a trap in the probe", own("trap"), "trapped on purpose"),
        ("a loop in the probe", own("spin"), "in time"),
        ("500 to everything", own("500"), "500"),
    ] {
        let refused = world.swap(wasm).await.expect_err(what);
        assert!(refused.contains(why), "{what}: {refused}");
        assert_eq!(world.says().await, "well", "{what}");
    }
    let nobody = world.swaps.swap("nobody", Bytes::from_static(b"x"), By::Command).await.unwrap_err();
    assert!(nobody.0.contains("there is no component \"nobody\"; there are misbehave"), "{nobody}");
    assert!(world.log().iter().all(|(kind, _)| kind == "component.refused") && world.log().len() == 13);
    assert_eq!(fs::read_dir(world.data.path().join("components")).unwrap().count(), 0);
    assert_eq!(world.engine.components()[0].faults, 0, "a try is no fault of the version that serves");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_fails_too_often_goes_by_itself() {
    let world = World::new().await;
    for mode in ["500-in-use", "trap-in-use"] {
        world.swap(another(&world)).await.unwrap();
        world.swap(variant(&world.own, mode)).await.unwrap();
        world.taken_back().await;
        assert_eq!(world.says().await, "another", "{mode}");
        world.back().await.unwrap();
    }
    let why = world.swaps.log().unwrap();
    assert!(why.contains("calls failed; the last: ") && why.contains("trapped on purpose"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_does_not_end_a_probation() {
    let world = World::new().await;
    world.swap(variant(&world.own, "trap-in-use")).await.unwrap();
    let World { data, tasks, .. } = world;
    tasks.stop().await;
    let world = World::within(data, Duration::from_secs(60)).await;
    world.taken_back().await;
    assert_eq!(world.says().await, "well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_stops_waits_for_no_compiler() {
    let world = World::new().await;
    world.swap(another(&world)).await.unwrap();
    let swaps = Arc::clone(&world.swaps);
    let next = variant(&world.own, "never");
    let under_way = Tasks::default().spawn("under way", async move { swaps.swap(NAME, next, By::Command).await });
    while world.swaps.turn.try_lock().is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.swaps.previous()[NAME], digest(&world.own), "it can be asked while somebody swaps");
    world.tasks.stop().await;
    assert_eq!(under_way.await.unwrap().unwrap_err().0, "the host stops");
    assert_eq!(world.says().await, "another");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_leaks_harms_its_own_instance_and_stays() {
    let world = World::new().await;
    world.swap(variant(&world.own, "leak")).await.unwrap();
    for _ in 0..50 {
        assert_eq!(world.says().await, "well", "each request has an instance of its own");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_swaps_at_once_one_waits_for_nobody() {
    let world = World::new().await;
    let (first, second) = tokio::join!(world.swap(another(&world)), world.swap(variant(&world.own, "leak")));
    let (done, refused) = if first.is_ok() { (first, second) } else { (second, first) };
    assert!(done.is_ok());
    assert_eq!(refused, Err(BUSY.to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_end_where_they_began_and_the_old_version_drains() {
    let world = World::new().await;
    let (before, next) =
        (world.engine.serving(NAME).unwrap(), world.engine.prepare(NAME, Wasm::new(another(&world))).await.unwrap());
    let streaming = get(&world.engine, "stream").await.unwrap();
    world.engine.switch(NAME, &next).unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(10), before.drained()).await.is_err(), "one is inside");
    assert_eq!(world.says().await, "another");
    assert_eq!(testing::text(streaming).await.unwrap().lines().count(), 100, "whole");
    tokio::time::timeout(Duration::from_secs(5), before.drained()).await.expect("nothing is left of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_or_away_leaves_the_old_version_serving() {
    let world = World::new().await;
    let folder = world.data.path().join("components");
    let aside = format!("{}.wasm.new", digest(&another(&world)).replace(':', "-"));
    std::os::unix::fs::symlink("/dev/full", folder.join(aside)).unwrap();
    let refused = world.swap(another(&world)).await.unwrap_err();
    assert!(refused.contains("cannot be written") && refused.contains("No space left"), "{refused}");
    assert_eq!(world.says().await, "well");
    fs::remove_dir(&folder).expect("nothing is left of it");
    let refused = world.swap(another(&world)).await.unwrap_err();
    assert!(refused.contains("cannot be written"), "{refused}");
    assert_eq!(world.says().await, "well");
    fs::create_dir(&folder).unwrap();
    world.swap(another(&world)).await.unwrap();
    // Who goes back is in a hurry: it is done, and said that it will not last.
    fs::remove_dir_all(&folder).unwrap();
    assert!(world.back().await.unwrap_err().contains("only until the next restart"));
    assert_eq!(world.says().await, "well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_changes_is_swapped() {
    let world = World::new().await;
    let path = world.data.path().join("component.wasm");
    fs::write(&path, &world.own).unwrap();
    watch(&world.swaps, [(NAME.to_owned(), path.clone())].into_iter(), &world.tasks);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let becomes = async |wanted: &'static str| {
        let says = async {
            while world.says().await != wanted {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), says).await.expect(wanted);
    };
    fs::write(&path, another(&world)).unwrap();
    becomes("another").await;
    fs::write(&path, &world.own[..1_000]).unwrap();
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(world.says().await, "another", "half a file");
    fs::write(&path, &world.own).unwrap();
    becomes("well").await;
}

#[test]
fn how_often_is_too_often() {
    let fails = |calls, failed| fails(Health { calls, failed }, "").is_some();
    assert!(!fails(4, 4) && fails(5, 5) && !fails(50, 5) && fails(49, 5) && !fails(1_000, 99) && fails(1_000, 101));
}
