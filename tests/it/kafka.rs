//! The application with its events on a real Kafka: everything that events bring about comes about, a broker that is away costs
//! nobody anything but time, and operators see what goes on.

use crate::events::every_kind_of_change;
use crate::recurrence::successor;
use crate::time::{eventually, lasting};
use it::{Client, FIRST, Host, Options, host, only};
use parts::{Kafka, present};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A host whose bus is this broker, with topics of its own.
fn on(kafka: &Kafka, env: &[(&str, &str)]) -> Options {
    let prefix = format!("it-{}.", uuid::Uuid::now_v7().simple());
    let brokers = kafka.brokers();
    let bus = [("TIDINGS_BUS", "kafka"), ("TIDINGS_KAFKA_BROKERS", brokers.as_str()), ("TIDINGS_KAFKA_PREFIX", prefix.as_str())];
    let env = bus.iter().chain(env).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Options { env, ..Options::default() }
}

/// The same host, that ends at a point.
fn dying_at(options: &Options, point: &str) -> Options {
    let mut options = options.clone();
    options.env.push(("TIDINGS_TEST_FAULT".to_owned(), point.to_owned()));
    options
}

async fn shared() -> Option<Arc<Kafka>> {
    let there = only(FIRST, "a Kafka for hosts of its own") && present("Kafka", Kafka::present());
    tokio::task::block_in_place(|| there.then(|| Kafka::shared().expect("Kafka")))
}

async fn alone() -> Option<Kafka> {
    let there = only(FIRST, "a Kafka to stop") && present("Kafka", Kafka::present());
    tokio::task::block_in_place(|| there.then(|| Kafka::start().expect("Kafka")))
}

/// Waits until everything that is committed is on the broker.
async fn relayed(host: &Host) {
    eventually("all is relayed", async || {
        let sql = "SELECT coalesce((SELECT max(position) FROM outbox), 0) - \
                   coalesce((SELECT position FROM consumer_position WHERE consumer_group = 'relay to kafka'), 0)";
        (host.place().number(sql).await <= 0).then_some(())
    })
    .await;
}

/// As [`eventually`], within a minute: brokers take their time to come back.
async fn in_the_end<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < until, "{what}: not within a minute");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn daily(title: &str) -> Value {
    json!({"title": title, "due_date": "2031-03-01T09:00:00Z", "reminder_minutes": null, "recurrence": {"frequency": "daily"}})
}

async fn complete(user: &Client, task: &Value) {
    assert_eq!(user.complete(task["id"].as_str().unwrap(), true).await.status, 200);
}

/// Waits until each of these has its successor; each has one.
async fn succeeded(user: &Client, tasks: &[Value]) {
    let parents = in_the_end("a successor of each", async || {
        let all = user.all("/api/todos?limit=200").await;
        let parents = all.iter().filter_map(|task| Some(task["parent_task_id"].as_str()?.to_owned()));
        let parents: Vec<String> = parents.collect();
        (parents.len() >= tasks.len()).then_some(parents)
    })
    .await;
    let ids: BTreeSet<String> = tasks.iter().map(|task| task["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((parents.len(), parents.into_iter().collect::<BTreeSet<_>>()), (tasks.len(), ids));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_change_is_on_the_broker_as_documented() {
    let Some(kafka) = shared().await else { return };
    let host = Host::start_with(&on(&kafka, &[("TIDINGS_TEST_CLOCK", "2027-05-01T08:00:00Z")]));
    let user = lasting(host.someone().await).await;
    every_kind_of_change(&host, &user, async || relayed(&host).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_01_killed_around_the_publishing_loses_and_doubles_nothing() {
    let Some(kafka) = shared().await else { return };
    let options = on(&kafka, &[]);
    let mut host = Host::start_with(&options);
    let user = lasting(host.someone().await).await;
    let mut tasks = Vec::new();
    for point in tidings::faultpoint::RELAY_POINTS {
        for pass in 1..=3 {
            host.kill();
            // It may end before it is ready, with what was not published before.
            if let Err(log) = host.try_restart(&dying_at(&options, &format!("{point}:{pass}"))) {
                assert!(log.contains("signal: 6"), "it ended otherwise than at {point}: {log}");
            }
            while !host.gone() {
                // Whoever is answered has committed; whoever is not may have.
                let create = user.request(reqwest::Method::POST, "/api/todos").json(&daily("task"));
                let Ok(created) = user.try_send(create).await else { continue };
                let task = created.json();
                let path = format!("/api/todos/{}/complete", task["id"].as_str().unwrap());
                _ = user.try_send(user.request(reqwest::Method::PATCH, &path).json(&json!({"completed": true}))).await;
            }
        }
    }
    host.restart(&options);
    for task in user.all("/api/todos?limit=200").await {
        if task["parent_task_id"].is_null() {
            complete(&user, &task).await;
            tasks.push(task);
        }
    }
    succeeded(&user, &tasks).await;
    relayed(&host).await;
    let committed = host.place().number("SELECT count(*) FROM outbox").await;
    let mut times = BTreeMap::<String, usize>::new();
    for event in host.events(None) {
        *times.entry(event["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(times.len() as i64, committed, "each event is there, and no other");
    println!("{} events, {} of them published more than once", times.len(), times.values().filter(|times| **times > 1).count());
    let mut stream = user.stream(Some("0")).await;
    for number in 1..=(committed / 2) {
        assert_eq!(stream.event().await.id, number.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_02_a_broker_that_is_away_is_not_felt_by_requests_and_nothing_is_lost() {
    let Some(kafka) = alone().await else { return };
    let host = Host::start_with(&on(&kafka, &[]));
    let user = host.someone().await;
    let mut stream = user.stream(None).await;
    let (mut tasks, mut number) = (Vec::new(), 0);
    for outage in ["none", "frozen", "killed"] {
        match outage {
            "frozen" => kafka.freeze().unwrap(),
            "killed" => kafka.kill(),
            _ => {}
        }
        let began = Instant::now();
        for n in 0..10 {
            let task = user.task(&daily(&format!("{outage} {n}"))).await;
            complete(&user, &task).await;
            tasks.push(task);
        }
        println!("20 requests while the broker is {outage}: {:?}", began.elapsed());
        if outage == "killed" {
            let ready = in_the_end("it is said why", async || {
                let ready = Client::new(&host.ops).get("/readyz").await;
                assert_eq!(ready.status, 200, "{}", ready.text);
                ready.json()["away"][0].as_str().map(str::to_owned)
            })
            .await;
            assert!(ready.contains("broker") && ready.contains("TIDINGS_KAFKA_BROKERS"), "{ready}");
            tokio::task::block_in_place(|| kafka.start_again()).unwrap();
        } else if outage == "frozen" {
            tokio::time::sleep(Duration::from_secs(3)).await;
            kafka.go_on().unwrap();
        }
        succeeded(&user, &tasks).await;
        // The stream goes on, without a gap: what was created, what was completed, and what follows.
        for _ in 0..30 {
            number += 1;
            let event =
                tokio::time::timeout(Duration::from_secs(60), stream.next()).await.expect("an event").expect("it goes on");
            assert_eq!(event.id, number.to_string());
        }
    }
    in_the_end("all is well again", async || Client::new(&host.ops).get("/readyz").await.json()["away"].is_null().then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_broker_a_host_serves_and_waits_and_whoever_checks_is_told() {
    let Some(kafka) = alone().await else { return };
    kafka.kill();
    let options = on(&kafka, &[]);
    let host = Host::start_with(&options);
    let user = host.someone().await;
    let task = user.task(&daily("waits")).await;
    complete(&user, &task).await;
    in_the_end("it is said why nothing can be read", async || {
        let (status, _, error) = host.cli(&["events"]);
        assert_eq!(status, 1, "{error}");
        error.contains("TIDINGS_KAFKA_BROKERS").then_some(())
    })
    .await;
    let command = |name: &str| {
        let mut command = std::process::Command::new(host::binary());
        command.arg(name).args(["--data", &host.data().with_file_name("other").display().to_string()]).envs(options.env.clone());
        let out = tokio::task::block_in_place(|| command.output()).expect("it runs");
        (out.status.success(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
    };
    let (good, said) = command("check");
    assert!(!good && said.contains("the broker: ") && said.contains("TIDINGS_KAFKA_BROKERS"), "{said}");
    tokio::task::block_in_place(|| kafka.start_again()).unwrap();
    let (good, said) = command("migrate");
    assert!(good && said.contains("the topics on"), "{said}");
    let (good, said) = command("check");
    assert!(good && said.contains("topics all there"), "{said}");
    succeeded(&user, &[task]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_becomes_a_dead_letter_and_can_be_sent_again() {
    let Some(kafka) = shared().await else { return };
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/consumers.toml");
    let args = vec!["--manifest".into(), manifest.display().to_string()];
    let host = Host::start_with(&Options { args, ..on(&kafka, &[]) });
    let (ada, bob) = (host.user("ada").await, host.user("bob").await);
    for title in ["reject", "well"] {
        ada.task(&json!({"title": title})).await;
    }
    for _ in 0..20 {
        bob.task(&json!({"title": "mark"})).await;
    }
    let letters = async |count: usize| {
        in_the_end("dead letters", async || Some(host.events(Some("task-events.dlq"))).filter(|letters| letters.len() >= count))
            .await
    };
    let letter = letters(1).await.remove(0);
    assert_eq!(
        (&letter["headers"]["reason"], &letter["headers"]["group"]),
        (&json!("refused on purpose"), &json!("misbehave-group"))
    );
    assert!(host.events(Some("task-events")).contains(&letter["event"]), "the event is unchanged");
    assert_eq!(host.cli(&["events", "replay"]).1, "sent again: 1\n");
    assert_eq!(letters(2).await[1]["event"], letter["event"]);
    in_the_end("the rest is done, and the numbers say so", async || {
        let metrics = Client::new(&host.ops).get("/metrics").await.text;
        let has = |name: &str, value: &str| metrics.lines().any(|line| line.starts_with(name) && line.ends_with(value));
        let all = has("tidings_consumer_events_total{group=\"misbehave-group\",outcome=\"done\"}", " 21")
            && has("tidings_consumer_dead_letters_total{group=\"misbehave-group\"}", " 2")
            && has("tidings_consumer_lag_events{group=\"misbehave-group\"", " 0")
            && has("tidings_relay_depth", " 0")
            && has("tidings_relay_events_total", " 44");
        all.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_is_made_within_a_moment() {
    let Some(kafka) = shared().await else { return };
    let host = Host::start_with(&on(&kafka, &[]));
    let user = host.someone().await;
    let task = user.task(&daily("first")).await;
    complete(&user, &task).await;
    let next = successor(&user, &task).await;
    complete(&user, &next).await;
    successor(&user, &next).await;
}
