//! A component is replaced while people use it: no request fails, no stream drops, and the old version comes back with one command.

use crate::fixture::manifest;
use crate::time::eventually;
use futures::future::join_all;
use it::{Client, FIRST, Host, Options, Setup, Stream, only};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// A component as it was built.
fn built(name: &str) -> PathBuf {
    let wasm = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/wasm32-wasip2/release").join(name);
    wasm.with_extension("wasm")
}

/// What people are told where there is nothing, and what another version tells them.
const SAYS: &str = "Nothing answers to this path.";
const INSTEAD: &str = "NOTHING ANSWERS TO THIS PATH.";

/// The file of another version of a component: the same, but that it shouts.
pub fn shouting(folder: &TempDir, name: &str) -> String {
    let mut wasm = std::fs::read(built(name)).expect("the component is built");
    let says = |(_, bytes): &(usize, &[u8])| *bytes == SAYS.as_bytes();
    let places: Vec<usize> = wasm.windows(SAYS.len()).enumerate().filter(says).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "{name} says {SAYS:?}");
    for at in places {
        wasm[at..at + SAYS.len()].copy_from_slice(INSTEAD.as_bytes());
    }
    let path = folder.path().join(format!("{name}.wasm"));
    std::fs::write(&path, wasm).expect("a file");
    path.display().to_string()
}

fn swap(host: &Host, args: &[&str]) -> (i32, String, String) {
    tokio::task::block_in_place(|| host.cli(&[&["swap"], args].concat()))
}

fn done(host: &Host, args: &[&str]) -> String {
    let (status, out, error) = swap(host, args);
    assert_eq!(status, 0, "{error}");
    out
}

/// What the command says that fails.
fn refused(host: &Host, args: &[&str]) -> String {
    let (status, out, error) = swap(host, args);
    assert_eq!((status, out.as_str()), (1, ""), "{error}");
    error
}

/// The columns of a component.
fn row(host: &Host, name: &str) -> Vec<String> {
    let (_, out, _) = tokio::task::block_in_place(|| host.cli(&["components"]));
    let row = out.lines().find(|line| line.starts_with(&format!("{name} "))).expect("a row").to_owned();
    row.split_whitespace().map(str::to_owned).collect()
}

async fn says(client: &Client) -> String {
    client.get("/api/nowhere").await.json()["detail"].as_str().unwrap_or_default().to_owned()
}

/// People who work until they are told to stop; whatever is not well is a failure of the test.
struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    people: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn of(people: &[Client]) -> Self {
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let work = |client: &Client| {
            let (client, stop, asked) = (client.clone(), stop.clone(), asked.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let task = client.task(&json!({"title": "under load"})).await;
                    let done = client.complete(task["id"].as_str().expect("id"), true).await;
                    assert_eq!(done.status, 200, "{}", done.text);
                    assert_eq!(client.get("/api/todos?limit=20").await.status, 200);
                    asked.fetch_add(3, Ordering::Relaxed);
                }
            })
        };
        let people = people.iter().map(work).collect();
        Self { stop, asked, people }
    }

    /// So many more requests are answered.
    async fn more(&self, count: usize) {
        let wanted = self.asked.load(Ordering::Relaxed) + count;
        eventually("the load goes on", async || (self.asked.load(Ordering::Relaxed) >= wanted).then_some(())).await;
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for person in join_all(self.people).await {
            person.expect("no request fails");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_no_request_fails_and_no_stream_drops() {
    if !only(FIRST, "this test: requests and streams go the same way everywhere") {
        return;
    }
    let (host, folder) = (Host::start(), tempfile::tempdir().expect("a folder"));
    let people = join_all((0..4).map(|_| host.someone())).await;
    let streams: Vec<(Client, Stream)> = join_all((0..20).map(|_| async {
        let client = host.someone().await;
        let stream = client.stream(None).await;
        (client, stream)
    }))
    .await;
    let load = Load::of(&people);
    load.more(50).await;
    let shouting = shouting(&folder, "todos");
    for _ in 0..2 {
        let out = done(&host, &["todos", &shouting]);
        assert!(out.contains("todos: sha256:") && out.contains("--rollback"), "{out}");
        assert_eq!(says(&people[0]).await, INSTEAD);
        load.more(50).await;
        done(&host, &["todos", "--rollback"]);
        assert_eq!(says(&people[0]).await, SAYS);
        load.more(50).await;
    }
    done(&host, &["todos", &shouting]);
    load.end().await;
    for (client, mut stream) in streams {
        client.task(&json!({"title": "seen"})).await;
        assert_eq!(stream.event().await.id, "1", "the stream that was opened before");
    }
    let (row, own) = (row(&host, "todos"), row(&host, "web"));
    assert_eq!((row[5].as_str(), own[6].as_str()), ("0", "-"), "no faults: {row:?} {own:?}");
    assert!(row[1].starts_with("0.1.0+") && row[6].starts_with("sha256:") && row[6] != row[2], "{row:?}");
    let log = host.log();
    assert_eq!(log.matches("a component was replaced").count(), 3);
    assert!(!log.contains("a component failed"), "{log}");
}

/// Whoever hears events is replaced between two of them: none is lost, and none acted upon twice.
#[tokio::test(flavor = "multi_thread")]
async fn consumers_hand_over_between_two_events() {
    if !only(&[Setup::Embedded, Setup::Kafka], "this test: a sidecar's consumers are Kafka's") {
        return;
    }
    let (host, folder) = (Host::start(), tempfile::tempdir().expect("a folder"));
    let user = host.someone().await;
    let other = shouting(&folder, "recurrence");
    let recurring = json!({"title": "daily", "due_date": "2031-05-01T12:00:00Z", "recurrence": {"frequency": "daily"}});
    let mut made = 0;
    for round in 0..4 {
        let tasks = join_all((0..40).map(|_| user.task(&recurring))).await;
        let completing = tasks.into_iter().map(|task| {
            let user = user.clone();
            tokio::spawn(async move { user.complete(task["id"].as_str().expect("id"), true).await.status })
        });
        let completing: Vec<_> = completing.collect();
        done(&host, &["recurrence", if round % 2 == 0 { &other } else { "--rollback" }]);
        assert!(join_all(completing).await.into_iter().all(|status| status.expect("a request") == 200));
        made += 80;
        let all = async || Some(user.all("/api/todos?limit=200").await.len()).filter(|count| *count >= made);
        eventually("every successor", all).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(user.all("/api/todos?limit=200").await.len(), made, "and none twice");
    assert!(host.events(Some("task-events.dlq")).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_serve_is_refused_with_a_sentence_and_the_old_version_goes_on() {
    if !only(FIRST, "this test: it is the same everywhere") {
        return;
    }
    let (host, folder) = (Host::start(), tempfile::tempdir().expect("a folder"));
    let client = host.client();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path.display().to_string()
    };
    let own = std::fs::read(built("todos")).expect("the component is built");
    let large = file("large", b"");
    std::fs::File::options().write(true).open(&large).and_then(|file| file.set_len(200 << 20)).expect("200 MiB of nothing");
    let reminders = built("reminders").display().to_string();
    for (args, why) in [
        (["todos", &file("empty", b"")], "the file is empty"),
        (["todos", &file("module", b"\0asm\x01\0\0\0")], "core module"),
        (["todos", &file("half", &own[..own.len() / 2])], "cannot be compiled"),
        (["todos", &large], "at most 64"),
        (["todos", &reminders], "tidings:ports/agenda"),
        (["todos", &folder.path().join("nowhere").display().to_string()], "cannot be read"),
        (["todo", &file("any", &own)], "there is no component \"todo\"; there are accounts"),
        (["todos", "--rollback"], "nothing to go back to"),
    ] {
        let error = refused(&host, &args);
        assert!(error.contains(why) && error.lines().count() <= 4, "{why}: {error}");
        assert_eq!(says(&client).await, SAYS);
    }
    assert_eq!(swap(&host, &["todos"]).0, 2);
    assert_eq!(swap(&host, &["todos", &reminders, "--rollback"]).0, 2);
    let (_, log, _) = host.cli(&["components", "--log"]);
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(!lines.is_empty() && lines.iter().all(|line| line["type"] == "component.refused"), "{log}");
}

/// `kill -9` in the middle of a swap: what the disk says is active is what serves.
#[tokio::test(flavor = "multi_thread")]
async fn a_swap_that_is_killed_has_happened_or_has_not() {
    if !only(FIRST, "this test, which is about files of the data folder") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let shouting = shouting(&folder, "todos");
    for (point, after) in [("swap-written:1", SAYS), ("swap-kept:1", INSTEAD)] {
        let options = Options { env: vec![("TIDINGS_TEST_FAULT".into(), point.into())], ..Options::default() };
        let mut host = Host::start_with(&options);
        let error = refused(&host, &["todos", &shouting]);
        assert!(error.contains("does not answer"), "{error}");
        eventually("the host is gone", async || host.gone().then_some(())).await;
        host.restart(&Options::default());
        assert_eq!(says(&host.client()).await, after, "{point}");
        done(&host, &["todos", &shouting]);
        host.kill();
        host.restart(&Options::default());
        assert_eq!(says(&host.client()).await, INSTEAD, "what was answered is kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_whose_file_changes_is_swapped_where_somebody_watches() {
    if !only(FIRST, "this test: it is the same everywhere") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let fixture = std::fs::read_to_string(&manifest("no-consumers.toml").args[1]).expect("a manifest");
    let source = folder.path().join("todos.wasm");
    std::fs::copy(built("todos"), &source).expect("a copy");
    let path = folder.path().join("spin.toml");
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target").display().to_string();
    let named = fixture.replace("../../target/wasm32-wasip2/release/todos.wasm", "todos.wasm").replace("../../target", &target);
    std::fs::write(&path, named).expect("a manifest");
    let args = ["--manifest", &path.display().to_string(), "--watch"].map(str::to_owned).to_vec();
    let host = Host::start_with(&Options { args, ..Options::default() });
    let says = async || host.client().get("/api/todos/a/b/c").await.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert_eq!(says().await, SAYS);
    let other = tempfile::tempdir().expect("a folder");
    std::fs::copy(shouting(&other, "todos"), &source).expect("a copy");
    let swapped = async {
        while says().await != INSTEAD {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), swapped).await.expect("the new file serves, when it is compiled");
    assert_eq!(row(&host, "todos")[5], "0");
}

#[test]
fn check_shows_what_each_component_may_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let (status, out, error) = it::host::cli(&["check", "--data", &folder.path().join("data").display().to_string()]);
    assert_eq!(status, 0, "{error}");
    let row = out.lines().find(|line| line.starts_with("reminders ")).expect("a row");
    let columns: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(columns[1..4], ["api", "agenda,ledger,memory", "-"], "{out}");
    assert!(out.contains("OUTBOUND") && out.contains("64 MiB"), "{out}");
}
