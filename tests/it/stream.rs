//! The stream: in step, resumable, bounded, and over when its token is.

use it::client::PASSWORD;
use it::{Client, Host, Options};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn titled(client: &Client, title: &str) -> Value {
    client.task(&json!({"title": title})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_change_arrives_as_a_summary_in_order() {
    let host = Host::start();
    let ada = host.user("ada").await;
    let mut stream = ada.stream(None).await;
    let id = titled(&ada, "Water plants").await["id"].as_str().expect("id").to_owned();
    ada.patch(&format!("/api/todos/{id}"), &json!({"title": "Water all plants", "priority": "high"})).await;
    ada.complete(&id, true).await;
    ada.complete(&id, true).await;
    ada.complete(&id, false).await;
    ada.delete(&format!("/api/todos/{id}")).await;
    ada.post(&format!("/api/todos/{id}/restore"), &json!({})).await;
    let kinds = ["created", "updated", "completed", "reopened", "deleted", "restored"];
    for (number, kind) in (1..).zip(kinds) {
        let event = stream.event().await;
        assert_eq!((event.name.as_str(), event.id), ("sync.task-changed", number.to_string()));
        assert_eq!((&event.data["change_type"], &event.data["task_id"]), (&json!(kind), &json!(id)));
        assert!(event.data.get("title").is_none() && event.data.get("task").is_none(), "never the task itself: {}", event.data);
        if kind == "updated" {
            assert_eq!(event.data["changed_fields"], json!(["title", "priority"]));
        }
    }
    assert!(stream.retry.is_some_and(|retry| retry > 0), "a retry with jitter comes first");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hears_another_user() {
    let host = Host::start();
    let (ada, eve) = (host.user("ada").await, host.user("eve").await);
    let mut stream = eve.stream(None).await;
    titled(&ada, "secret").await;
    assert!(stream.silent(Duration::from_millis(500)).await);
    titled(&eve, "own").await;
    assert_eq!(stream.event().await.id, "1", "each user's numbers are their own");
}

/// Failure 14: no resume after a dropped connection; a restart storm.
#[tokio::test(flavor = "multi_thread")]
async fn failure_14_a_dropped_stream_resumes_without_a_gap_also_over_a_restart() {
    let mut host = Host::start();
    let ada = host.user("ada").await;
    let mut stream = ada.stream(None).await;
    titled(&ada, "one").await;
    let last = stream.event().await.id;
    drop(stream);
    for title in ["two", "three"] {
        titled(&ada, title).await;
    }
    host.kill();
    host.restart(&Options::default());
    titled(&ada, "four").await;
    let mut stream = ada.stream(Some(&last)).await;
    for expected in ["2", "3", "4"] {
        assert_eq!(stream.event().await.id, expected);
    }
    titled(&ada, "five").await;
    assert_eq!(stream.event().await.id, "5", "and goes on live");
    let first = stream.retry;
    let mut retries = Vec::new();
    for _ in 0..8 {
        let mut stream = ada.stream(Some("4")).await;
        stream.event().await;
        retries.push(stream.retry);
    }
    assert!(retries.iter().any(|retry| *retry != first), "every client was told to come back at one moment: {retries:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_never_was_is_told_to_reload_and_then_hears_on() {
    let host = Host::start();
    let ada = host.user("ada").await;
    titled(&ada, "one").await;
    for id in ["99", "-1", "1.5", "abc", "18446744073709551616"] {
        let mut stream = ada.stream(Some(id)).await;
        assert_eq!(stream.event().await.name, "resync", "for {id}");
        titled(&ada, "next").await;
        assert_eq!(stream.event().await.name, "sync.task-changed", "for {id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_while_a_client_resumes_has_neither_gap_nor_double() {
    let host = Host::start();
    let ada = host.user("ada").await;
    for n in 0..300 {
        titled(&ada, &format!("before {n}")).await;
    }
    let writer = tokio::spawn({
        let ada = ada.clone();
        async move {
            for n in 0..300 {
                titled(&ada, &format!("meanwhile {n}")).await;
            }
        }
    });
    let mut readers = Vec::new();
    for _ in 0..8 {
        let ada = ada.clone();
        readers.push(tokio::spawn(async move {
            let mut stream = ada.stream(Some("0")).await;
            for expected in 1..=600 {
                assert_eq!(stream.event().await.id, expected.to_string());
            }
        }));
    }
    writer.await.expect("the writer");
    for reader in readers {
        reader.await.expect("a reader");
    }
}

/// Failure 16: a stalled reader grows memory.
#[tokio::test(flavor = "multi_thread")]
async fn failure_16_a_stalled_reader_is_told_to_resync_and_closed() {
    let host = Host::start();
    let ada = host.user("ada").await;
    let address = ada.base.trim_start_matches("http://").to_owned();
    let mut stalled = TcpStream::connect(&address).await.expect("connect");
    let token = ada.token.clone().expect("token");
    let head = format!("GET /api/stream/tasks HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n");
    stalled.write_all(head.as_bytes()).await.expect("write");
    titled(&ada, "first").await;
    let tags: Vec<String> = (0..10).map(|n| format!("{n}{}", "t".repeat(48))).collect();
    let id = titled(&ada, "busy").await["id"].as_str().expect("id").to_owned();
    let operations: Vec<Value> =
        (0..100).map(|n| json!({"op": "update", "id": id, "changes": {"title": format!("{n}"), "tags": tags}})).collect();
    for _ in 0..300 {
        let answer = ada.post("/api/todos/batch", &json!({"operations": operations})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let mut seen = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(40), stalled.read_to_end(&mut seen)).await;
    let seen = String::from_utf8_lossy(&seen);
    assert!(read.is_ok(), "not closed after {} bytes", seen.len());
    assert!(seen.contains("event: resync"), "not told to reload");
    assert!(seen.matches("sync.task-changed").count() < 30_000, "everything was kept for it");
}

/// Failure 17: a stream that outlives its token.
#[tokio::test(flavor = "multi_thread")]
async fn failure_17_a_stream_ends_with_its_token() {
    let host = Host::start();
    let ada = host.user("ada").await;
    let soon = chrono::DateTime::from_timestamp(unix_now() + 2, 0).expect("a time").to_rfc3339();
    let expiring = ada.post("/api/tokens", &json!({"name": "short", "scopes": ["tasks:read"], "expires_at": soon})).await.json();
    let revoked = ada.post("/api/tokens", &json!({"name": "revoked", "scopes": ["tasks:read"]})).await.json();
    let secret = |token: &Value| token["token"].as_str().expect("token").to_owned();
    let mut expiring_stream = ada.with_token(&secret(&expiring)).stream(None).await;
    let mut revoked_stream = ada.with_token(&secret(&revoked)).stream(None).await;
    let mut own_stream = ada.stream(None).await;
    assert!(expiring_stream.ends(Duration::from_secs(10)).await, "expired");
    assert_eq!(ada.delete(&format!("/api/tokens/{}", revoked["id"].as_str().expect("id"))).await.status, 204);
    assert!(revoked_stream.ends(Duration::from_secs(10)).await, "revoked");
    assert!(own_stream.silent(Duration::from_millis(300)).await, "the others go on");
    assert_eq!(ada.post("/api/auth/sign-out", &json!({})).await.status, 204);
    assert!(own_stream.ends(Duration::from_secs(10)).await, "signed out");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_account_ends_its_streams() {
    let host = Host::start();
    let ada = host.user("ada").await;
    let mut stream = ada.stream(None).await;
    let request = ada.request(reqwest::Method::DELETE, "/api/account").json(&json!({"password": PASSWORD}));
    assert_eq!(ada.send(request).await.status, 204);
    assert!(stream.ends(Duration::from_secs(10)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_ends_streams_and_finishes_requests() {
    let mut host = Host::start();
    let ada = host.user("ada").await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(ada.stream(None).await);
    }
    assert!(host.stop(), "{}", host.log());
    for mut stream in streams {
        assert!(stream.ends(Duration::from_secs(1)).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_needs_the_right_to_read_and_no_token_in_its_url() {
    let host = Host::start();
    let ada = host.user("ada").await;
    let nobody = ada.anonymous().open_stream(None).await.expect("an answer");
    assert_eq!(nobody.status(), 401);
    let token = ada.token.clone().expect("token");
    assert_eq!(ada.anonymous().get(&format!("/api/stream/tasks?access_token={token}")).await.status, 401);
    let account = ada.post("/api/tokens", &json!({"name": "account", "scopes": ["account"]})).await.json();
    let response = ada.with_token(account["token"].as_str().expect("token")).open_stream(None).await.expect("an answer");
    assert_eq!(response.status(), 403);
}

#[allow(clippy::disallowed_methods, reason = "a test has no clock port")]
fn unix_now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    now.as_secs().try_into().expect("in range")
}
