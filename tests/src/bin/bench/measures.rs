//! The measures, one function each.

use crate::load::{Connection, Figures, Shot, closed_loop, spawn};
use crate::native::Native;
use it::{Client, Host};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a load runs.
pub const LOAD: Duration = Duration::from_secs(4);
/// How many clients a load has.
pub const CLIENTS: usize = 32;

pub fn get(path: String) -> Shot {
    Shot { method: "GET", path, body: String::new() }
}

pub fn create(index: usize, count: usize) -> Shot {
    Shot { method: "POST", path: "/api/todos".into(), body: json!({"title": format!("task {index}.{count}")}).to_string() }
}

/// Tasks made by batches of 100.
pub async fn fill(base: &str, token: &str, count: usize, task: impl Fn(usize) -> Value) -> Vec<String> {
    let mut connection = Connection::open(base, token).await;
    let mut ids = Vec::new();
    for first in (0..count).step_by(100) {
        let operations: Vec<Value> = (first..count.min(first + 100)).map(|n| json!({"op": "create", "task": task(n)})).collect();
        let body = json!({"operations": operations}).to_string();
        let answer = connection.fire(&Shot { method: "POST", path: "/api/todos/batch".into(), body }).await;
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        ids.extend(answer["results"].as_array().expect("results").iter().map(|it| it["id"].as_str().expect("id").to_owned()));
    }
    ids
}

/// Start to first answer, and memory at rest.
pub async fn start() {
    let mut host = Host::start();
    drop(host.user("first").await);
    host.stop();
    let mut times = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        host.restart(&Default::default());
        let answer = host.client().get("/api/auth/me").await;
        assert_eq!(answer.status, 401);
        times.push(began.elapsed());
        tokio::time::sleep(Duration::from_secs(1)).await;
        println!(
            "start to first answer {:>7.1} ms, memory at rest {:.1} MiB",
            times[times.len() - 1].as_secs_f64() * 1e3,
            host.resident_kib() as f64 / 1024.0
        );
        host.stop();
    }
}

/// List, get, create and complete against a native axum handler doing the same work on the same kind of store.
pub async fn ratios() {
    let host = Host::start();
    let user = host.user("bench").await;
    let native = Native::start().await;
    println!("{:<22} {:>12} {:>12} {:>7}   p50 / p99 of the host", "", "host 1/s", "native 1/s", "ratio");
    let mut prepared = Vec::new();
    for (base, token) in [(user.base.clone(), user.token.clone().expect("token")), (native.base.clone(), native.token.clone())] {
        let ids = fill(&base, &token, 1000, |n| json!({"title": format!("task {n}")})).await;
        prepared.push((base, token, ids));
    }
    for what in ["list 20 of 1,000", "get", "create", "complete"] {
        let mut figures = Vec::new();
        // Host, native, host, native: each side's better run counts, so that a slow moment of the machine does not.
        for turn in 0..4 {
            let (base, token, ids) = &prepared[turn % 2];
            let ids = ids.clone();
            let shot = move |index: usize, count: usize| match what {
                "list 20 of 1,000" => get("/api/todos?limit=20".into()),
                "get" => get(format!("/api/todos/{}", ids[(index * 31 + count) % ids.len()])),
                "create" => create(index, count),
                _ => {
                    let own = ids.len() / CLIENTS;
                    let id = &ids[index * own + count / 2 % own];
                    let body = json!({"completed": count.is_multiple_of(2)}).to_string();
                    Shot { method: "PATCH", path: format!("/api/todos/{id}/complete"), body }
                }
            };
            figures.push(closed_loop(base, token, CLIENTS, LOAD, shot).await);
        }
        let best = |a: usize, b: usize| if figures[a].per_second > figures[b].per_second { &figures[a] } else { &figures[b] };
        let (ours, theirs) = (best(0, 2), best(1, 3));
        println!(
            "{what:<22} {:>12.0} {:>12.0} {:>7.2}   {:.2?} / {:.2?}",
            ours.per_second,
            theirs.per_second,
            ours.per_second / theirs.per_second,
            ours.percentile(0.5),
            ours.percentile(0.99)
        );
    }
}

/// Durable creations, with 32 clients and with one.
pub async fn writes() {
    let host = Host::start();
    let user = host.user("bench").await;
    for clients in [CLIENTS, 1] {
        let figures = closed_loop(&user.base, user.token.as_deref().expect("token"), clients, LOAD, create).await;
        report(&format!("create, {clients} clients"), &figures);
    }
}

/// Write on one client to event on another, at 500 writes a second.
pub async fn stream() {
    let host = Host::start();
    let user = host.user("bench").await;
    write_to_event("write to event", &user, &user, 5_000, Duration::from_millis(2)).await;
}

/// So many writes at one address, with this pause between them, and when each is on a stream at another.
pub async fn write_to_event(name: &str, user: &Client, listens: &Client, count: usize, pause: Duration) {
    let mut stream = listens.stream(None).await;
    // The first has its way to find.
    user.task(&serde_json::json!({"title": "first"})).await;
    stream.event().await;
    let reader = spawn(async move {
        let mut arrived = Vec::with_capacity(count);
        while arrived.len() < count {
            let event = stream.event().await;
            let task = event.data["task_id"].as_str().unwrap_or_else(|| panic!("no change of a task: {event:?}"));
            arrived.push((task.to_owned(), Instant::now()));
        }
        arrived
    });
    let began = Instant::now();
    let mut writers = Vec::new();
    for writer in 0..8 {
        let (base, token) = (user.base.clone(), user.token.clone().expect("token"));
        writers.push(spawn(async move {
            let mut connection = Connection::open(&base, &token).await;
            let mut sent = Vec::new();
            for n in (writer..count).step_by(8) {
                tokio::time::sleep_until((began + pause * n as u32).into()).await;
                let at = Instant::now();
                let body = connection.fire(&create(writer, n)).await;
                let task: Value = serde_json::from_slice(&body).expect("JSON");
                sent.push((task["id"].as_str().expect("id").to_owned(), at));
            }
            sent
        }));
    }
    let mut sent = std::collections::HashMap::new();
    for writer in writers {
        sent.extend(writer.await.expect("a writer"));
    }
    let arrived = reader.await.expect("a reader");
    let latencies = arrived.iter().map(|(id, at)| at.duration_since(sent[id])).collect();
    report(name, &Figures::from(latencies, began.elapsed()));
}

/// What 10,000 idle streams cost, and what a reader that takes nothing costs.
pub async fn idle_streams() {
    let host = Host::start();
    let user = host.user("bench").await;
    drop(user.task(&json!({"title": "warm"})).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = host.resident_kib();
    let mut open = Vec::new();
    let count = 10_000;
    for _ in 0..count {
        open.push(raw_stream(&user).await);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = host.resident_kib();
    println!(
        "{count} idle streams: {:.2} KiB each ({before} KiB before, {after} KiB after)",
        (after - before) as f64 / count as f64
    );
    drop(open);
    let stalled = raw_stream(&user).await;
    let before = host.resident_kib();
    let figures = closed_loop(&user.base, user.token.as_deref().expect("token"), 8, LOAD, create).await;
    println!(
        "a stalled reader while {} changes went by: {} KiB grown in all",
        figures.latencies.len(),
        host.resident_kib().saturating_sub(before)
    );
    let mut stalled = stalled;
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(40), stalled.read_to_end(&mut rest)).await.is_ok();
    let resync = String::from_utf8_lossy(&rest).contains("event: resync");
    println!("  then read: {} bytes, told to resync: {resync}, closed: {closed}", rest.len());
}

/// A stream whose head was read, and that nobody reads further.
async fn raw_stream(user: &Client) -> TcpStream {
    let host = user.base.trim_start_matches("http://");
    let mut socket = TcpStream::connect(host).await.expect("connect");
    let token = user.token.as_deref().expect("token");
    let head = format!("GET /api/stream/tasks HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n");
    socket.write_all(head.as_bytes()).await.expect("write");
    let mut seen = [0; 64];
    let read = socket.read(&mut seen).await.expect("read");
    assert!(seen[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&seen));
    socket
}

/// A user with 100,000 tasks.
pub async fn many_tasks() {
    let host = Host::start();
    let user = host.user("bench").await;
    let token = user.token.clone().expect("token");
    let words = ["plants", "invoice", "call", "groceries", "report", "dentist", "bicycle", "letter"];
    let task = move |n: usize| {
        let priority = ["low", "medium", "high"][n % 3];
        let due = format!("2027-{:02}-{:02}T09:00:00Z", n % 12 + 1, n % 28 + 1);
        json!({"title": format!("{} number {n}", words[n % 8]), "priority": priority, "due_date": (!n.is_multiple_of(4)).then_some(due), "tags": [format!("t{}", n % 500)]})
    };
    let began = Instant::now();
    fill(&user.base, &token, 100_000, task).await;
    println!("filled in {:.1} s", began.elapsed().as_secs_f64());
    let queries = [
        ("first page", "limit=50"),
        ("by due date", "sort=due&order=asc&limit=50"),
        ("by title, descending", "sort=title&order=desc&limit=50"),
        ("by priority, overdue", "sort=priority&status=overdue&limit=50"),
        ("tag", "tag=t77&limit=50"),
        ("tag and priority, by title", "tag=t77&priority=high&sort=title&limit=50"),
        ("text, common", "q=plants&limit=50"),
        ("text, rare", "q=number%2077777&limit=50"),
        ("text, none", "q=xylophone&limit=50"),
        ("text, two letters, none", "q=zq&limit=50"),
        ("due in a month", "due_after=2027-03-01T00:00:00Z&due_before=2027-04-01T00:00:00Z&sort=due&limit=50"),
        ("completed (none)", "status=completed&limit=50"),
    ];
    for (name, query) in queries {
        let path = format!("/api/todos?{query}");
        let shot = move |_, _| get(path.clone());
        report(name, &closed_loop(&user.base, &token, 2, Duration::from_secs(2), shot).await);
    }
    deep_pages(&user, &token).await;
}

/// Pages one after another down to the last.
async fn deep_pages(user: &Client, token: &str) {
    let mut connection = Connection::open(&user.base, token).await;
    let (mut latencies, mut cursor, began) = (Vec::new(), String::new(), Instant::now());
    loop {
        let at = Instant::now();
        let page = connection.fire(&get(format!("/api/todos?sort=title&order=asc&limit=200{cursor}"))).await;
        latencies.push(at.elapsed());
        let page: Value = serde_json::from_slice(&page).expect("JSON");
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    report("deep pages of 200", &Figures::from(latencies, began.elapsed()));
}

pub fn report(name: &str, figures: &Figures) {
    println!(
        "{name:<28} {:>9.0} 1/s   p50 {:>9.2?}  p99 {:>9.2?}  max {:>9.2?}   ({} requests)",
        figures.per_second,
        figures.percentile(0.5),
        figures.percentile(0.99),
        figures.percentile(1.0),
        figures.latencies.len()
    );
}
