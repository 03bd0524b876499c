//! What events on a Kafka cost, and that requests do not feel it. Each measure has a broker of its own.

use crate::events::{backlog, numbers, successors, users};
use crate::load::{Connection, Shot, closed_loop, spawn};
use crate::measures::{CLIENTS, LOAD, create, report};
use it::{Client, Host, Options};
use parts::Kafka;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Tasks that a batch makes.
const BATCH: usize = 100;

pub async fn measure(name: &str) {
    if !tokio::task::block_in_place(Kafka::present) {
        return;
    }
    let kafka = tokio::task::block_in_place(Kafka::start).expect("Kafka");
    match name {
        "kafka-events" => events(&kafka).await,
        "kafka-backlog" => backlog(&on(&kafka, "backlog.")).await,
        _ => away(&kafka).await,
    }
}

fn on(kafka: &Kafka, prefix: &str) -> Options {
    let brokers = kafka.brokers();
    let env = [("TIDINGS_BUS", "kafka"), ("TIDINGS_KAFKA_BROKERS", brokers.as_str()), ("TIDINGS_KAFKA_PREFIX", prefix)];
    Options { env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(), ..Options::default() }
}

/// From commit to effect: how long at a moderate rate, and how much at the highest.
async fn events(kafka: &Kafka) {
    successors(&on(kafka, "moderate.")).await;
    for rate in [1_000_usize, 2_500, 5_000] {
        sustained(kafka, rate).await;
    }
}

/// So many completions a second, for ten seconds, each of which two groups act on: how far they stay behind.
async fn sustained(kafka: &Kafka, rate: usize) {
    let host = Host::start_with(&on(kafka, &format!("sustained-{rate}.")));
    let (people, time) = (8, Duration::from_secs(10));
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
    let began = Instant::now();
    for (ids, user, token) in prepared {
        at_work.push(spawn(async move {
            let mut connection = Connection::open(&user.base, &token).await;
            let pause = time * BATCH as u32 / each as u32;
            for (n, chunk) in ids.chunks(BATCH).enumerate() {
                tokio::time::sleep_until((began + pause * n as u32).into()).await;
                let operations: Vec<Value> =
                    chunk.iter().map(|id| json!({"op": "complete", "id": id, "completed": true})).collect();
                let body = json!({"operations": operations}).to_string();
                connection.fire(&Shot { method: "POST", path: "/api/todos/batch".into(), body }).await;
            }
        }));
    }
    for writer in at_work {
        writer.await.expect("a writer");
    }
    let (total, written) = ((each * people) as f64, began.elapsed());
    let behind = total - done().await;
    while done().await < total {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let late = began.elapsed() - written;
    println!(
        "{rate} completions/s wanted, {:.0}/s committed: at the end {behind:.0} behind, worked off {late:.2?} later",
        total / written.as_secs_f64()
    );
}

/// What requests feel of a broker that does not answer, or is gone.
async fn away(kafka: &Kafka) {
    let host = Host::start_with(&on(kafka, "away."));
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
    let up = figures[0].max(figures[2]);
    println!("p99 with the broker frozen / up: {:.2}; gone / up: {:.2}", figures[1] / up, figures[3] / up);
}
