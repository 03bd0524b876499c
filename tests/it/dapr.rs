//! The real thing: hosts beside real sidecars (daprd, with mTLS), Kafka and Redis.

use crate::mcp;
use crate::time::{eventually, lasting};
use it::{Client, Cluster, FIRST, Host, Place, Pod, only};
use parts::{postgres_programs, present};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// None where this is tested with another set-up, or a part is missing.
fn cluster(scoped: bool) -> Option<Cluster> {
    Some(()).filter(|()| only(FIRST, "sidecars")).and_then(|()| Cluster::start(scoped))
}

/// The first replica of an app.
fn pair(cluster: &Cluster, app: &str, roles: &str) -> Pod {
    cluster.pod(app, 1, roles, &[], None)
}

/// Publishes bytes as whoever has the sidecar's token could.
async fn publish(cluster: &Cluster, pod: &Pod, topic: &str, bytes: &'static [u8]) {
    let url = format!("http://127.0.0.1:{}/v1.0/publish/pubsub/{topic}?metadata.rawPayload=true", pod.sidecar.http_port());
    let sent = reqwest::Client::new().post(url).header("dapr-api-token", &cluster.mesh.api_token).body(bytes).send().await;
    assert!(sent.expect("an answer").status().is_success());
}

/// What the application listener answers to a call without a body.
async fn call(host: &Host, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = reqwest::Client::new().post(format!("{}{path}", host.app)).body("{}");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

fn daily(title: &str) -> Value {
    json!({"title": title, "due_date": "2031-03-01T09:00:00Z", "recurrence": {"frequency": "daily"}})
}

async fn completed(user: &Client, title: &str) -> Value {
    let task = user.task(&daily(title)).await;
    assert_eq!(user.complete(task["id"].as_str().unwrap(), true).await.status, 200);
    task
}

async fn successors(user: &Client, task: &Value) -> usize {
    user.all("/api/todos?limit=200").await.iter().filter(|other| other["parent_task_id"] == task["id"]).count()
}

/// Waits up to a minute: a group is joined, a broker comes back.
async fn within_a_minute(what: &str, mut look: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if look().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}: not within a minute");
}

/// Exactly one successor.
async fn succeeded(user: &Client, task: &Value) {
    within_a_minute("a successor", async || successors(user, task).await > 0).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(successors(user, task).await, 1, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn fr_019_and_failure_11_events_state_and_time_come_through_the_sidecar_and_nothing_is_lost_with_any_part_away() {
    let Some(mut parts) = cluster(false) else { return };
    let mut pair = pair(&parts, "backend-api", "all");
    let user = lasting(pair.host.someone().await).await;
    let mut stream = user.stream(None).await;
    let first = completed(&user, "Water the plants").await;
    succeeded(&user, &first).await;
    let changes = [stream.event().await, stream.event().await, stream.event().await];
    assert_eq!(changes.map(|event| event.data["change_type"].clone()), [json!("created"), json!("completed"), json!("created")]);

    // What is on the broker is the contract's, byte for byte what the log had.
    let topic = pair.host.events(Some("task-events"));
    assert_eq!(topic.iter().filter(|event| event["partitionkey"] == json!(user.user_id)).count(), 3, "{topic:?}");

    // Failure 11: the state store is away, and a notice is given all the same, once; the cron binding fires every second.
    parts.redis.process().kill();
    user.task(&json!({"title": "Late", "due_date": "2026-01-01T00:00:00Z"})).await;
    let unread = async || user.get("/api/notifications/unread-count").await.json()["count"].as_u64();
    eventually("a notification", async || unread().await.filter(|count| *count > 0)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(unread().await, Some(1));
    parts.redis.start_again().expect("Redis");

    // The broker answers nobody for a while.
    parts.kafka.freeze().expect("a signal");
    let frozen = completed(&user, "Feed the cat").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    parts.kafka.go_on().expect("a signal");
    succeeded(&user, &frozen).await;

    // The sidecar is gone for a while, then the host.
    pair.sidecar.process().kill();
    let alone = completed(&user, "Walk the dog").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    pair.sidecar.start_again().expect("a sidecar");
    succeeded(&user, &alone).await;
    let before = completed(&user, "Call Bob").await;
    pair.host.kill();
    let options = pair.options.clone();
    pair.host.restart(&options);
    succeeded(&user, &before).await;
    for task in [&first, &frozen, &alone] {
        assert_eq!(successors(&user, task).await, 1);
    }
}

/// A sidecar gives its subscriptions up where the host does not answer its probes, and begins them anew when it does.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_stood_still_with_an_event_under_way_hears_again() {
    let Some(parts) = cluster(false) else { return };
    let pair = pair(&parts, "backend-api", "all");
    let user = lasting(pair.host.someone().await).await;
    let first = completed(&user, "Water the plants").await;
    succeeded(&user, &first).await;
    pair.host.freeze();
    for _ in 0..8 {
        publish(&parts, &pair, "task-events", b"null").await;
    }
    within_a_minute("the sidecar notices", async || pair.sidecar.log().contains("un-healthy")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    pair.host.go_on();
    let second = completed(&user, "Feed the cat").await;
    succeeded(&user, &second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fr_020_and_failure_19_forged_calls_are_refused_and_what_is_no_event_becomes_a_dead_letter() {
    let Some(parts) = cluster(false) else { return };
    let pair = pair(&parts, "backend-api", "all");
    let user = lasting(pair.host.someone().await).await;
    let (token, bearer) = (parts.mesh.app_token.as_str(), format!("Bearer {}", user.token.as_deref().unwrap()));

    // Failure 19: nobody but the sidecar is heard, and the public listener has none of it.
    for path in ["/events/task", "/events/reminder", "/events/task-updates", "/cron-overdue-check"] {
        for headers in [&[][..], &[("authorization", &*bearer)], &[("dapr-api-token", "guessed")]] {
            assert_eq!(call(&pair.host, path, headers).await.0, 403, "{path}");
        }
        let neighbour = [("dapr-api-token", token), ("dapr-caller-app-id", "frontend")];
        assert_eq!(call(&pair.host, path, &neighbour).await.0, 403, "{path}");
        assert_eq!(user.request(Method::POST, path).send().await.unwrap().status(), 404, "{path}");
    }

    // Failure 10: two schedulers, and the cron binding between them, give one notice.
    user.task(&json!({"title": "Late", "due_date": "2026-01-01T00:00:00Z"})).await;
    let cron = [("dapr-api-token", token)];
    let (one, two) = tokio::join!(call(&pair.host, "/cron-overdue-check", &cron), call(&pair.host, "/cron-overdue-check", &cron));
    assert_eq!((one.0, two.0), (200, 200));
    let unread = async || user.get("/api/notifications/unread-count").await.json()["count"].as_u64();
    eventually("a notification", async || unread().await.filter(|count| *count > 0)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(unread().await, Some(1));

    // Poison of any shape is buried with its reason, as it came, and the rest goes on.
    for poison in
        [&b"\x00\xff garbage"[..], b"{\"specversion\":\"1.0\",\"id\":\"x\",\"type\":\"t\",\"traceparent\":5}", b"[]", b"null"]
    {
        publish(&parts, &pair, "task-events", poison).await;
    }
    let task = completed(&user, "Water the plants").await;
    succeeded(&user, &task).await;
    let letters = async || Some(pair.host.log_of(Some("task-events.dlq"))).filter(|letters| letters.len() >= 12);
    let letters = eventually("dead letters of three groups", letters).await;
    let of = |letter: &&Value| letter["headers"]["group"] == "recurring-handler-group";
    let values: Vec<&str> = letters.iter().filter(of).filter_map(|letter| letter["value"].as_str()).collect();
    assert!(values.contains(&"AP8gZ2FyYmFnZQ=="), "{letters:?}");
    assert!(letters.iter().all(|letter| letter["headers"]["reason"].is_string() && letter["headers"]["topic"] == "task-events"));
    assert!(!pair.sidecar.log().contains("panic"), "the sidecar looks into no record");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_18_what_another_role_answers_is_the_answer_and_its_absence_is_no_success() {
    let Some(parts) = cluster(true) else { return };
    let mut behind = pair(&parts, "notification-svc", "notifications");
    let front = pair(&parts, "backend-api", "api,web");
    // Each has a data folder of its own here, so that what is behind knows nobody who is in front.
    let user = front.host.someone().await;
    let answer = user.get("/api/notifications").await;
    assert_eq!((answer.status.as_u16(), answer.json()["type"].as_str()), (401, Some("urn:tidings:problem:unauthorized")));
    assert!(answer.headers.contains_key("www-authenticate"), "{:?}", answer.headers);
    let direct = behind.host.client().get("/api/todos").await;
    assert_eq!(direct.status, 404, "it has its own role only");

    // No path and no header of a client leads anywhere else.
    for path in ["/api/notifications/%2e%2e/%2e%2e/events/task", "/api/notifications/..%2f..%2fevents/task"] {
        let answer = user.request(Method::POST, path).header("dapr-app-id", "backend-api").body("{}").send().await.unwrap();
        assert!(answer.status().is_client_error() || answer.status() == 503, "{path}: {}", answer.status());
        assert_ne!(answer.status(), 200, "{path}");
    }

    behind.host.kill();
    let answer = user.get("/api/notifications").await;
    assert_eq!((answer.status.as_u16(), answer.headers.get("retry-after").is_some()), (503, true), "{}", answer.text);
    behind.sidecar.process().kill();
    let answer = user.get("/api/notifications/unread-count").await;
    assert_eq!((answer.status.as_u16(), answer.headers.get("retry-after").is_some()), (503, true), "{}", answer.text);
    assert_eq!(user.get("/api/todos").await.status, 200, "the rest is served");
    let stream = user.open_stream(None).await.unwrap();
    assert_eq!(stream.status(), 503, "there is no host with streams");
}

/// A cluster: each role is a process of its own, two of them have two replicas, and whoever comes to either is served by all.
#[tokio::test(flavor = "multi_thread")]
async fn failure_13_a_change_through_one_replica_is_on_the_streams_that_the_other_hands_on() {
    let Some(parts) = cluster(true).filter(|_| present("PostgreSQL", postgres_programs().is_some())) else { return };
    let place = Place::database(None);
    let pod = |app, replica, roles| parts.pod(app, replica, roles, &[], Some(place.clone()));
    let [one, two] = [1, 2].map(|replica| pod("backend-api", replica, "api"));
    let _notifications = pod("notification-svc", 1, "notifications");
    let gateways = [1, 2].map(|replica| pod("sse-gateway", replica, "sse"));
    let _web = pod("frontend", 1, "web");
    let _mcp = pod("mcp-server", 1, "mcp");

    let user = lasting(one.host.someone().await).await;
    let there = user.at(&two.host.public);
    // Through either, and at each gateway itself.
    let mut streams = vec![user.stream(None).await, there.stream(None).await];
    for gateway in &gateways {
        streams.push(user.at(&gateway.host.public).stream(None).await);
    }
    let late = json!({"title": "Late", "due_date": "2026-01-01T00:00:00Z"});
    let (first, _) = (user.task(&late).await, there.task(&json!({"title": "Water the plants"})).await);
    for stream in &mut streams {
        let mut titles = Vec::new();
        while titles.len() < 2 {
            let event = stream.event().await;
            titles.extend(event.data["change_type"].as_str().map(str::to_owned));
        }
        assert_eq!(titles, ["created", "created"]);
    }

    // What another role serves is served by whoever is asked, and each notice was given once.
    let unread = async || there.get("/api/notifications/unread-count").await.json()["count"].as_u64().filter(|count| *count > 0);
    assert_eq!(eventually("a notification", unread).await, 1);
    let listed = user.get("/api/notifications").await;
    assert_eq!((listed.status.as_u16(), &listed.json()["items"][0]["task_id"]), (200, &first["id"]), "{}", listed.text);
    let read =
        there.patch(&format!("/api/notifications/{}/read", listed.json()["items"][0]["id"].as_str().unwrap()), &json!({})).await;
    assert!(read.status.is_success(), "{}", read.text);
    assert_eq!(user.get("/api/notifications/unread-count").await.json()["count"], 0);
    let page = there.anonymous().get("/upcoming").await;
    assert_eq!(page.status, 200, "a view of the dashboard: {}", page.text);
    let style = page.text.split('"').find(|piece| piece.starts_with("/assets/style.")).expect("a style sheet");
    assert_eq!(there.anonymous().get(style).await.status, 200, "{style}");

    // An agent that asks either is served by the role that is its.
    let added = mcp::done(&there, "add_task", json!({"title": "Feed the cat, said the agent"})).await;
    let known = async || {
        let items = mcp::done(&user, "recent_changes", json!({})).await["items"].clone();
        items.as_array().unwrap().iter().any(|item| item["task_id"] == added["id"]).then_some(items)
    };
    eventually("what was changed lately", known).await;

    // One replica of each is gone, and clients of the other feel nothing.
    let [mut gone, left] = gateways;
    gone.host.kill();
    gone.sidecar.process().kill();
    let mut stream = user.at(&left.host.public).stream(None).await;
    let task = completed(&there, "Feed the cat").await;
    succeeded(&user, &task).await;
    assert_eq!(stream.event().await.data["change_type"], "created");
}
