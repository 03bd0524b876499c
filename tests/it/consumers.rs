//! A component that hears events and misbehaves with some of them, in the real process: what it refuses becomes a dead letter,
//! the rest goes on, and a process that is killed between two steps loses nothing.

use crate::time::eventually;
use it::{Client, Host, Options, Setup};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

fn options(env: &[(&str, &str)]) -> Options {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/consumers.toml");
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Options { args: vec!["--manifest".into(), manifest.display().to_string()], env, ..Options::default() }
}

/// The lines of the log.
fn log(host: &Host, topic: &str) -> Vec<Value> {
    host.events(Some(topic))
}

async fn metric(host: &Host, name: &str, label: &str) -> f64 {
    let metrics = Client::new(&host.ops).get("/metrics").await.text;
    let line = metrics.lines().find(|line| line.starts_with(name) && line.contains(label));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
}

/// How many events the component is done with.
async fn done(host: &Host) -> f64 {
    metric(host, "tidings_consumer_events_total", "outcome=\"done\"").await
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), waiting).await.is_ok(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_becomes_a_dead_letter_and_can_be_sent_again() {
    let host = Host::start_with(&options(&[("TIDINGS_TEST_CLOCK", "system")]));
    let (ada, bob) = (host.user("ada").await, host.user("bob").await);
    for title in ["mark", "trap", "reject", "well"] {
        ada.task(&json!({"title": title})).await;
    }
    for _ in 0..20 {
        bob.task(&json!({"title": "mark"})).await;
    }
    // Through Dapr, one that waits holds up its partition (docs/adr/0013-what-the-dapr-bus-promises.md).
    if Setup::of_this_run() != Setup::Dapr {
        until("others go on while one waits", async || done(&host).await >= 21.0).await;
        assert!(log(&host, "task-events.dlq").is_empty(), "the one that waits is tried again, and those behind it wait");
    }
    until("two dead letters", async || {
        assert_eq!(host.cli(&["clock", "--by", "2s"]).0, 0);
        log(&host, "task-events.dlq").len() == 2
    })
    .await;
    until("the rest is done", async || done(&host).await >= 22.0).await;
    let letters = log(&host, "task-events.dlq");
    for (letter, title, reason, tries) in
        [(&letters[0], "trap", "the component failed", 5), (&letters[1], "reject", "refused on purpose", 1)]
    {
        let headers = &letter["headers"];
        assert_eq!((headers["reason"].as_str(), headers["tries"].as_u64()), (Some(reason), Some(tries)));
        assert_eq!((&headers["group"], &headers["topic"]), (&json!("misbehave-group"), &json!("task-events")));
        assert_eq!(letter["event"]["data"]["task"]["title"], title);
        assert!(log(&host, "task-events").contains(&letter["event"]), "the event is unchanged");
    }
    assert_eq!(metric(&host, "tidings_consumer_dead_letters_total", "misbehave-group").await, 2.0);

    let id = letters[1]["event"]["id"].as_str().expect("an id");
    assert_eq!(host.cli(&["events", "replay", "--id", id]).1, "sent again: 1\n");
    until("it is refused again", async || log(&host, "task-events.dlq").len() == 3).await;
    assert_eq!(log(&host, "task-events.dlq")[2]["event"], letters[1]["event"]);
    assert_eq!(host.cli(&["events", "replay", "--topic", "reminders.dlq"]).1, "sent again: 0\n");
    assert_eq!(host.cli(&["events", "replay", "--topic", "task-events"]).0, 2, "only dead letters are sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_03_killed_between_any_two_steps_the_events_are_done_all_the_same() {
    for point in ["event-taken", "committed:2", "event-done", "position"] {
        let mut host = Host::start_with(&options(&[("TIDINGS_TEST_FAULT", point)]));
        let ada = host.user("ada").await;
        for _ in 0..3 {
            // Whoever is answered has committed; whoever is not may have.
            _ = ada.try_send(ada.request(Method::POST, "/api/todos").json(&json!({"title": "mark"}))).await;
        }
        eventually(&format!("it dies at {point}"), async || host.gone().then_some(())).await;
        host.restart(&options(&[]));
        // On a broker it is there when the relay has put it there.
        until(&format!("what was committed is in the log after {point}"), async || !log(&host, "task-events").is_empty()).await;
        ada.task(&json!({"title": "reject"})).await;
        // One user's events are done in order: when the last one is refused, all before it are done.
        until(&format!("all is done after {point}"), async || !log(&host, "task-events.dlq").is_empty()).await;
        let letters = log(&host, "task-events.dlq");
        assert_eq!(letters.len(), 1, "{point}");
        assert_eq!(letters[0]["event"]["data"]["task"]["title"], "reject", "{point}");
    }
}
