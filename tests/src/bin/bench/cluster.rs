//! What events cost on a cluster (PostgreSQL, Kafka, and sidecars beside the hosts or not), and that requests do not feel it.

use crate::events::{backlog, numbers, successors, users};
use crate::load::{Connection, Shot, closed_loop, spawn};
use crate::measures::{CLIENTS, LOAD, create, report, write_to_event};
use it::{Client, Host, Options, Place};
use parts::{Kafka, Mesh, Redis, postgres_programs, present};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Tasks that a batch makes.
const BATCH: usize = 10;
/// How often it is looked at how far consumers are.
const LOOK: Duration = Duration::from_millis(100);

pub async fn measure(name: &str) {
    let there = || {
        let direct = present("PostgreSQL", postgres_programs().is_some()) && present("Kafka", Kafka::present());
        (direct, direct && present("Redis", Redis::present()) && present("Dapr", Mesh::present()))
    };
    let (direct, sidecars) = tokio::task::block_in_place(there);
    if !direct {
        return;
    }
    let kafka = tokio::task::block_in_place(Kafka::shared).expect("Kafka");
    let ways = [("Kafka direct", false, true), ("through Dapr", true, sidecars)];
    for (way, by_sidecar, there) in ways {
        let new = || tokio::task::block_in_place(|| on(&kafka, by_sidecar));
        println!("{way}:");
        match name {
            _ if !there => {}
            "cluster-events" => {
                successors(&new()).await;
                let rates: &[usize] = if by_sidecar { &[100, 250, 500, 1_000] } else { &[1_000, 2_500, 5_000] };
                for rate in rates {
                    sustained(&new(), *rate).await;
                }
            }
            "cluster-backlog" => backlog(&new()).await,
            "cluster-stream" => streams(&new()).await,
            _ => away(&kafka, &new()).await,
        }
    }
}

/// A database and topics of its own.
fn on(kafka: &Arc<Kafka>, sidecars: bool) -> Options {
    Options { beside: Some(Place::on(kafka.clone(), sidecars)), ..Options::default() }
}

/// Writes through one host, which are on a stream of another.
async fn streams(options: &Options) {
    let [one, two] = [Host::start_with(options), Host::start_with(options)];
    let user = one.user("bench").await;
    for rate in [50_u32, 200, 500] {
        let name = format!("write to another replica's stream, {rate}/s");
        write_to_event(&name, &user, &user.at(&two.public), 10 * rate as usize, Duration::from_secs(1) / rate).await;
    }
}

/// So many completions a second, for ten seconds, each of which two groups act on: how far they stay behind.
async fn sustained(options: &Options, rate: usize) {
    let host = Host::start_with(options);
    let (people, time) = (100, Duration::from_secs(10));
    let each = rate * 10 / people;
    let mut at_work = Vec::new();
    let mut prepared = Vec::new();
    for (user, token) in users(&host, people).await {
        let task = |n: usize| json!({"title": format!("task {n}")});
        prepared.push((crate::measures::fill(&user.base, &token, each, task).await, user, token));
    }
    let metrics = Client::new(&host.ops);
    let done = async || {
        let groups = numbers(&metrics.get("/metrics").await.text, &["tidings_consumer_events_total", "outcome=\"done\""]);
        if groups.len() < 2 { 0.0 } else { groups.into_iter().fold(f64::MAX, f64::min) }
    };
    let (began, committed) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    for (index, (ids, user, token)) in prepared.into_iter().enumerate() {
        let committed = committed.clone();
        at_work.push(spawn(async move {
            let mut connection = Connection::open(&user.base, &token).await;
            let pause = time * BATCH as u32 / each as u32;
            for (n, chunk) in ids.chunks(BATCH).enumerate() {
                let at = began + pause * n as u32 + pause * index as u32 / people as u32;
                tokio::time::sleep_until(at.into()).await;
                let operations: Vec<Value> =
                    chunk.iter().map(|id| json!({"op": "complete", "id": id, "completed": true})).collect();
                let body = json!({"operations": operations}).to_string();
                connection.fire(&Shot { method: "POST", path: "/api/todos/batch".into(), body }).await;
                committed.fetch_add(chunk.len(), Ordering::Relaxed);
            }
        }));
    }
    // How long ago what the slower group does now was committed: when as much was committed as is done now.
    let (total, mut history, mut longest, mut written) = ((each * people) as f64, Vec::new(), Duration::ZERO, None);
    loop {
        let (now, there) = (began.elapsed(), committed.load(Ordering::Relaxed) as f64);
        history.push((now, there));
        let handled = done().await;
        let lag = history.iter().find(|(_, there)| *there > handled).map_or(Duration::ZERO, |(at, _)| now.saturating_sub(*at));
        longest = longest.max(lag);
        written = written.or_else(|| (there >= total).then_some(now));
        if handled >= total {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    for writer in at_work {
        writer.await.expect("a writer");
    }
    println!(
        "{rate} completions/s wanted, {:.0}/s committed; each heard by two groups, at the latest {longest:.1?} after its commit",
        total / written.unwrap_or_default().as_secs_f64()
    );
}

/// What requests feel of a broker that does not answer, or is gone.
async fn away(kafka: &Kafka, options: &Options) {
    let host = Host::start_with(options);
    let user = host.user("bench").await;
    let mut figures = Vec::new();
    for state in ["up", "frozen", "up again", "gone"] {
        match state {
            "frozen" => kafka.freeze().expect("a signal"),
            "up again" => kafka.go_on().expect("a signal"),
            "gone" => kafka.kill(),
            _ => {}
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        let loaded = closed_loop(&user.base, user.token.as_deref().expect("token"), CLIENTS, LOAD, create).await;
        report(&format!("create, broker {state}"), &loaded);
        figures.push(loaded.percentile(0.99).as_secs_f64());
    }
    tokio::task::block_in_place(|| kafka.start_again()).expect("Kafka");
    let up = figures[0].max(figures[2]);
    println!("p99 with the broker frozen / up: {:.2}; gone / up: {:.2}", figures[1] / up, figures[3] / up);
}
