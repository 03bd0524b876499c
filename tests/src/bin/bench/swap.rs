//! What a swap costs those who are served meanwhile, and what a hundred of them leave behind.

use super::load::{Connection, Figures, Shot, spawn};
use super::measures::report;
use it::Host;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const STREAMS: usize = 100;
/// Requests a second, of all connections together.
const RATE: u32 = 500;
const CONNECTIONS: u32 = 8;

/// What goes on when a request is sent.
const QUIET: usize = 0;
const SWAPPING: usize = 1;

pub async fn measure() {
    under_load().await;
    a_hundred().await;
}

/// Another version of a component, with one letter of a text that nobody reads here changed.
fn version(folder: &Path, name: &str, number: usize) -> String {
    let built = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../target/wasm32-wasip2/release/{name}.wasm"));
    let mut wasm = std::fs::read(built).expect("the component is built");
    let text = b"Nothing answers to this path.";
    let at = wasm.windows(text.len()).position(|bytes| bytes == text).expect("what it says where there is nothing");
    wasm[at] = b'A' + (number % 26) as u8;
    let path = folder.join(format!("{name}-{number}.wasm"));
    std::fs::write(&path, wasm).expect("a file");
    path.display().to_string()
}

async fn swap(host: &Arc<Host>, args: &[&str]) -> (Duration, f64) {
    let (host, args) = (host.clone(), [&["swap"], args].concat().into_iter().map(str::to_owned).collect::<Vec<_>>());
    let began = Instant::now();
    let swapping = move || host.cli(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let (status, out, error) = tokio::task::spawn_blocking(swapping).await.expect("a command");
    assert_eq!(status, 0, "{error}");
    let switched = out.split("switched in ").nth(1).and_then(|rest| rest.split(' ').next()).expect("how long it took");
    (began.elapsed(), switched.parse().expect("milliseconds"))
}

async fn under_load() {
    let (host, folder) = (Arc::new(Host::start()), tempfile::tempdir().expect("a folder"));
    let user = host.user("bench").await;
    for n in 0..20 {
        user.task(&json!({"title": format!("task {n}")})).await;
    }
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(user.stream(None).await);
    }
    let phase = Arc::new(AtomicUsize::new(QUIET));
    let stop = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let clients = (0..CONNECTIONS).map(|client| {
        let (base, token, phase, stop) = (user.base.clone(), user.token.clone().expect("token"), phase.clone(), stop.clone());
        spawn(async move {
            let mut connection = Connection::open(&base, &token).await;
            let mut took: [Vec<Duration>; 2] = Default::default();
            for n in (client..).step_by(CONNECTIONS as usize) {
                tokio::time::sleep_until((began + Duration::from_secs(1) / RATE * n).into()).await;
                if stop.load(Ordering::Relaxed) > 0 {
                    break;
                }
                // From when it was to be sent: who waits for the one before waits, too.
                let due = began + Duration::from_secs(1) / RATE * n;
                let path = "/api/todos?limit=20".to_owned();
                connection.fire(&Shot { method: "GET", path, body: String::new() }).await;
                took[phase.load(Ordering::Relaxed)].push(due.elapsed());
            }
            took
        })
    });
    let clients: Vec<_> = clients.collect();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (mut ready, mut switched) = (Duration::ZERO, Vec::new());
    for number in 0..4 {
        phase.store(SWAPPING, Ordering::Relaxed);
        let (took, millis) = swap(&host, &["todos", &version(folder.path(), "todos", number)]).await;
        (ready, switched) = (ready.max(took), [switched, vec![millis]].concat());
        phase.store(QUIET, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    stop.store(1, Ordering::Relaxed);
    let mut all: [Vec<Duration>; 2] = Default::default();
    for client in clients {
        for (all, took) in all.iter_mut().zip(client.await.expect("no request fails")) {
            all.extend(took);
        }
    }
    let [quiet, swapping] = all.map(|took| Figures::from(took, began.elapsed()));
    report("500/s, nothing else", &quiet);
    report("500/s, while swapping", &swapping);
    let ratio = swapping.percentile(0.99).as_secs_f64() / quiet.percentile(0.99).as_secs_f64();
    println!(
        "p99 while swapping is {ratio:.2} of before; a swap took {ready:.1?} at most, the switch {switched:?} ms; no request failed"
    );
    user.task(&json!({"title": "seen by all"})).await;
    let mut alive = 0;
    for stream in &mut streams {
        alive += usize::from(stream.event().await.data["change_type"] == "created");
    }
    println!("{alive} of {STREAMS} streams are open and show the next change");
}

async fn a_hundred() {
    let (host, folder) = (Arc::new(Host::start()), tempfile::tempdir().expect("a folder"));
    let versions = [0, 1].map(|number| version(folder.path(), "web", number));
    let mut resident = Vec::new();
    for round in 0..50 {
        swap(&host, &["web", &versions[round % 2]]).await;
        host.client().get("/").await;
        swap(&host, &["web", "--rollback"]).await;
        host.client().get("/").await;
        resident.push(host.resident_kib());
    }
    println!("resident after 2, 20, 50 and 100 swaps: {:?} KiB", [0, 9, 24, 49].map(|round| resident[round]));
}
