//! The component of `examples/`: Python, with nothing of ours but `wit/`. It runs beside ours, and promises what they do.

use crate::fixture::manifest;
use crate::time::eventually;
use it::{Client, FIRST, Host, Options, only};
use parts::present;
use reqwest::Method;
use serde_json::json;
use std::path::Path;

const OPEN: &str = "/api/todos?status=open&tag=following-up&sort=due&order=asc";

/// Makes a task and completes it. The host may end before it answers; it has committed then.
async fn complete(client: &Client, title: &str, tags: &[&str]) {
    let task = client.task(&json!({"title": title, "priority": "high", "tags": tags})).await;
    let path = format!("/api/todos/{}/complete", task["id"].as_str().unwrap());
    _ = client.try_send(client.request(Method::PATCH, &path).json(&json!({"completed": true}))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_in_another_language_runs_beside_ours() {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/examples/follow-up.wasm");
    if !only(FIRST, "a component as large as Python to compile") || !present("a component in Python", built.exists()) {
        return;
    }
    // The compiler takes as long as it takes; other tests go first.
    let under = ["nice", "-n", "5"].map(str::to_owned).to_vec();
    let options = Options { under, ..manifest("../../examples/follow-up/spin.toml") };
    let fault = ("TIDINGS_TEST_FAULT".to_owned(), "event-done".to_owned());
    let mut host = Host::start_with(&Options { env: vec![fault], ..options.clone() });
    let (ada, bob) = (host.user("ada").await, host.user("bob").await);
    complete(&ada, "Ask for the offer", &["work", "follow-up"]).await;
    eventually("it ends, with the event handled and not acknowledged", async || host.gone().then_some(())).await;
    host.restart(&options);

    // One user's events are handled in order: with the last one, the first was there again.
    complete(&ada, "Read the offer", &["work"]).await;
    complete(&ada, "Call Bob", &["follow-up"]).await;
    let two = async || Some(ada.all(OPEN).await).filter(|items| items.len() >= 2);
    let items = eventually("two follow-ups", two).await;
    let titles: Vec<_> = items.iter().map(|item| &item["title"]).collect();
    assert_eq!(titles, ["Follow up: Ask for the offer", "Follow up: Call Bob"], "each of them once");

    let (first, id) = (&items[0], items[0]["id"].as_str().unwrap());
    assert_eq!((&first["tags"], &first["priority"]), (&json!(["work", "following-up"]), &json!("high")));
    assert_eq!(first["reminder_minutes"], 60, "as everyone's tasks have it");
    let history = ada.history(id).await;
    assert_eq!((history.len(), &history[0]["actor"]["kind"]), (1, &json!("system")), "{history:?}");
    // Each is held against docs/events.yaml.
    let events = host.events(Some("task-events"));
    assert!(events.iter().any(|event| event["type"] == "task.created" && event["subject"] == id), "{events:?}");
    assert!(host.events(Some("task-events.dlq")).is_empty());
    assert!(bob.all(OPEN).await.is_empty(), "what is ada's is ada's");
}
