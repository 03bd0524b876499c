//! Isolation as a property: what is another user's cannot be told from what does not exist.

use crate::document::{EXAMPLE_ID, Listener, Operation};
use crate::fixture::{Fixture, Request, document, send, token};
use http::Method;
use it::{Answer, Client, Host};
use serde_json::{Value, json};
use std::time::Duration;

const UNKNOWN: &str = "01890a5d-ac96-774b-bcce-b302099a0000";

/// What an answer says, without what names the request: status, header names, body.
fn told(answer: &Answer) -> (u16, Vec<String>, Value) {
    let mut body = if answer.text.is_empty() { Value::Null } else { answer.json() };
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
        body.remove("instance");
    }
    let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
    names.sort();
    (answer.status.as_u16(), names, body)
}

/// Every good request of the operation, with every id of the document's examples replaced by this one.
fn requests(operation: &Operation, id: &str) -> Vec<Request> {
    let examples = operation.examples(id).into_iter();
    let mut requests: Vec<_> = examples.map(|(_, media, value)| Request::json(&media, &value)).collect();
    if requests.is_empty() {
        requests.push(Request::default());
    }
    let current = |request: &Request| request.clone().with_header("If-Match", "\"1\"");
    let with: Vec<_> = requests.iter().map(current).collect();
    requests.into_iter().chain(with).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_users_id_answers_like_one_that_does_not_exist() {
    let (host, document) = (it::shared(), document());
    let mut seen = 0;
    for operation in document.operations() {
        let in_body = operation.body.as_ref().is_some_and(|body| body.to_string().contains(EXAMPLE_ID));
        if !operation.path.contains("{id}") && !in_body {
            continue;
        }
        let owner = Fixture::of(&host, &operation).await;
        let before = everything(&owner.client).await;
        let other = host.someone().await;
        let pairs = requests(&operation, &owner.task).into_iter().zip(requests(&operation, UNKNOWN));
        for (theirs, nobodys) in pairs {
            if in_body && theirs.body == nobodys.body {
                continue;
            }
            let answer = send(&other, owner.build(&operation, &owner.id, &theirs, &other)).await;
            let stranger = send(&other, owner.build(&operation, UNKNOWN, &nobodys, &other)).await;
            assert_eq!(answer.status, 404, "{} {theirs:?}: {}", operation.id, answer.text);
            assert_eq!(told(&answer), told(&stranger), "{} {theirs:?}", operation.id);
            seen += 1;
        }
        assert_eq!(everything(&owner.client).await, before, "{} changed something of another's", operation.id);
    }
    assert!(seen > 10, "{seen}");
}

/// What the export says, without the moments at which tokens were used.
async fn everything(client: &Client) -> Value {
    let mut export = client.get("/api/account/export").await.json();
    for token in export["tokens"].as_array_mut().into_iter().flatten() {
        token["last_used_at"] = Value::Null;
    }
    export
}

/// A user who has written a marker into everything that can be written.
async fn owner_of_a_secret(host: &Host) -> (Client, Vec<String>) {
    let owner = host.someone().await;
    let task = owner.task(&json!({"title": "sesame-title", "description": "sesame-words", "tags": ["sesame-tag"]})).await;
    let id = task["id"].as_str().expect("an id").to_owned();
    owner.put(&format!("/api/todos/{id}"), &json!({"title": "sesame-later"})).await;
    owner.put("/api/preferences", &json!({"time_zone": "Pacific/Chatham"})).await;
    let answer = owner.post("/api/tokens", &json!({"name": "sesame-token", "scopes": ["tasks:read"]})).await;
    assert_eq!(answer.status, 201);
    let marks = ["sesame".to_owned(), id, owner.user_id.clone(), owner.email.clone(), "Pacific/Chatham".to_owned()];
    (owner, marks.to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_user_reads_holds_nothing_of_anothers() {
    let (host, document) = (it::shared(), document());
    let (owner, marks) = owner_of_a_secret(&host).await;
    let other = host.someone().await;
    other.task(&json!({"title": "mine"})).await;
    let mut read = 0;
    for operation in document.operations() {
        if operation.method != Method::GET || operation.listener != Listener::Public || operation.path.contains("{id}") {
            continue;
        }
        let (fixture, other) = (Fixture { client: other.clone(), id: String::new(), task: String::new() }, &other);
        let mut requests: Vec<_> = fixture.requests(&operation).into_iter().map(|(_, request)| request).collect();
        if operation.id == "listTasks" {
            let queries = [("q", "sesame"), ("tag", "sesame-tag"), ("sort", "title"), ("limit", "200"), ("status", "open")];
            requests.extend(queries.map(|(name, value)| Request::default().with_query(name, value)));
        }
        for request in requests {
            let answer = fixture.send(&operation, &request, other).await;
            assert!(answer.status.is_success(), "{} {request:?}: {}", operation.id, answer.text);
            for mark in &marks {
                assert!(!answer.text.contains(mark), "{} {request:?} shows {mark}: {}", operation.id, answer.text);
            }
            read += 1;
        }
    }
    assert!(read > 10, "{read}");
    let mine = owner.get("/api/todos?q=SESAME").await;
    assert!(mine.text.contains("sesame-later"), "{}", mine.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_shows_nothing_of_anothers() {
    let host = it::shared();
    let (owner, _) = owner_of_a_secret(&host).await;
    let other = host.someone().await;
    let (mut fresh, mut resumed) = (other.stream(None).await, other.stream(Some("0")).await);
    owner.task(&json!({"title": "a secret"})).await;
    assert!(fresh.silent(Duration::from_millis(300)).await, "a new stream");
    assert!(resumed.silent(Duration::from_millis(300)).await, "a resumed stream");
    let mine = other.task(&json!({"title": "mine"})).await;
    for stream in [&mut fresh, &mut resumed] {
        let event = stream.event().await;
        assert_eq!((event.id.as_str(), &event.data["task_id"]), ("1", &mine["id"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_cursor_leads_nowhere_near_their_tasks() {
    let host = it::shared();
    let (owner, other) = (host.someone().await, host.someone().await);
    for n in 0..4 {
        owner.task(&json!({"title": format!("owner {n}")})).await;
        other.task(&json!({"title": format!("other {n}")})).await;
    }
    for sort in ["created", "due", "priority", "title"] {
        let page = owner.get(&format!("/api/todos?sort={sort}&limit=2")).await.json();
        let cursor = page["next_cursor"].as_str().expect("a cursor");
        let answer = other.get(&format!("/api/todos?sort={sort}&limit=200&cursor={cursor}")).await;
        assert!(!answer.text.contains("owner"), "{sort}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_is_its_users_own() {
    let host = it::shared();
    let (one, other) = (host.someone().await, host.someone().await);
    let create = async |client: &Client| {
        let request = client.request(Method::POST, "/api/todos").header("Idempotency-Key", "the same");
        client.send(request.json(&json!({"title": "mine"}))).await
    };
    let (first, second) = (create(&one).await, create(&other).await);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    assert_ne!(first.json()["id"], second.json()["id"]);
    assert_eq!(one.all("/api/todos?limit=200").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_users_token_lists_and_revokes_only_their_own() {
    let host = it::shared();
    let (owner, other) = (host.someone().await, host.someone().await);
    let (id, secret) = token(&owner, &["tasks:read"]).await;
    assert_eq!(other.delete(&format!("/api/tokens/{id}")).await.status, 404);
    assert_eq!(owner.with_token(&secret).get("/api/todos").await.status, 200);
    assert_eq!(other.get("/api/tokens").await.json()["items"], json!([]));
}
