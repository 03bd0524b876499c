//! What SPEC section 3 promises of API tokens.

use crate::fixture::token;
use http::Method;
use it::{Client, Host, someone};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

async fn scoped(user: &Client, scopes: &[&str]) -> Client {
    user.with_token(&token(user, scopes).await.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_and_never_again() {
    let user = someone().await;
    let body = json!({"name": " laptop ", "scopes": ["tasks:read", "account"], "expires_at": "2040-01-01T00:00:00Z"});
    let answer = user.post("/api/tokens", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let created = answer.json();
    let secret = created["token"].as_str().unwrap();
    assert_eq!(
        (&created["name"], &created["scopes"], &created["expires_at"]),
        (&json!("laptop"), &body["scopes"], &body["expires_at"])
    );
    assert_eq!(user.with_token(secret).get("/api/todos").await.status, 200);
    let listed = user.get("/api/tokens").await;
    assert!(!listed.text.contains(secret), "{}", listed.text);
    let items = listed.json()["items"].as_array().unwrap().clone();
    assert_eq!(items.len(), 1);
    for field in ["id", "name", "scopes", "expires_at"] {
        assert_eq!(items[0][field], created[field], "{field}");
    }
    assert_eq!(user.get("/api/account/export").await.text.matches(secret).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_folder_holds_no_secret() {
    let mut host = Host::start();
    let user = host.someone().await;
    let secret = token(&user, &["tasks:read"]).await.1;
    let bearer = user.token.clone().unwrap();
    assert!(host.stop(), "{}", host.log());
    for text in [secret.as_str(), it::client::PASSWORD, bearer.as_str()] {
        assert_eq!(files_with(host.data(), text.as_bytes()), Vec::<String>::new(), "{text}");
    }
}

fn files_with(folder: &Path, text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the data folder").map_while(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes.windows(text.len()).any(|window| window == text)
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_say_what_a_token_may_do() {
    let user = someone().await;
    let task = user.task(&json!({"title": "x"})).await;
    let path = format!("/api/todos/{}", task["id"].as_str().unwrap());
    let attempts = async |client: &Client| {
        let read = client.get(&path).await.status.as_u16();
        let write = client.patch(&path, &json!({"priority": "high"})).await.status.as_u16();
        let account = client.get("/api/tokens").await.status.as_u16();
        let me = client.get("/api/auth/me").await.status.as_u16();
        (read, write, account, me)
    };
    assert_eq!(attempts(&scoped(&user, &["tasks:read"]).await).await, (200, 403, 403, 200));
    assert_eq!(attempts(&scoped(&user, &["tasks:write"]).await).await, (200, 200, 403, 200), "write implies read");
    assert_eq!(attempts(&scoped(&user, &["account"]).await).await, (403, 403, 200, 200));
    assert_eq!(attempts(&user).await, (200, 200, 200, 200), "a sign-in may do everything");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_gives_no_more_than_it_has() {
    let user = someone().await;
    let program = scoped(&user, &["account", "tasks:read"]).await;
    let body = |scopes: &[&str]| json!({"name": "x", "scopes": scopes});
    assert_eq!(program.post("/api/tokens", &body(&["tasks:read"])).await.status, 201);
    program.post("/api/tokens", &body(&["tasks:write"])).await.problem(403);
    program.post("/api/tokens", &body(&["tasks:read", "tasks:write"])).await.problem(403);
    scoped(&user, &["tasks:write"]).await.post("/api/tokens", &body(&["tasks:read"])).await.problem(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_a_401_and_its_stream_ends() {
    let user = someone().await;
    let (id, secret) = token(&user, &["tasks:read"]).await;
    let program = user.with_token(&secret);
    let mut stream = program.stream(None).await;
    let mut own = user.stream(None).await;
    let revoked = user.delete(&format!("/api/tokens/{id}")).await;
    assert_eq!((revoked.status.as_u16(), revoked.text.as_str()), (204, ""));
    program.get("/api/todos").await.problem(401);
    assert!(stream.ends(Duration::from_secs(5)).await, "the stream outlives its token");
    assert!(own.silent(Duration::from_millis(100)).await, "the user's own stream goes on");
    user.delete(&format!("/api/tokens/{id}")).await.problem(404);
    assert_eq!(user.get("/api/tokens").await.json()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_a_401_and_its_stream_ends() {
    let user = someone().await;
    let now = domain::time::Timestamp::parse(user.task(&json!({"title": "x"})).await["created_at"].as_str().unwrap()).unwrap();
    let soon = domain::time::Timestamp::from_millis(now.millis() + 1_500).unwrap();
    let body = json!({"name": "x", "scopes": ["tasks:read"], "expires_at": soon.to_string()});
    let created = user.post("/api/tokens", &body).await.json();
    let program = user.with_token(created["token"].as_str().unwrap());
    let mut stream = program.stream(None).await;
    assert_eq!(program.get("/api/todos").await.status, 200);
    assert!(stream.ends(Duration::from_secs(5)).await, "the stream outlives its token");
    program.get("/api/todos").await.problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_names_what_is_wrong() {
    let user = someone().await;
    for (field, value) in [
        ("name", json!("")),
        ("name", json!(5)),
        ("scopes", json!([])),
        ("scopes", json!("tasks:read")),
        ("scopes[1]", json!(["tasks:read", "everything"])),
        ("expires_at", json!("tomorrow")),
        ("expires_at", json!("2020-01-01T00:00:00Z")),
        ("user_id", json!("somebody")),
    ] {
        let mut body = json!({"name": "x", "scopes": ["tasks:read"]});
        body[field.split('[').next().unwrap()] = value;
        assert_eq!(user.post("/api/tokens", &body).await.faults(422), [field], "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_accepted_in_its_header_only() {
    let user = someone().await;
    let (_, secret) = token(&user, &["tasks:read"]).await;
    let nobody = user.anonymous();
    for name in ["access_token", "token", "authorization", "bearer"] {
        let answer = nobody.get(&format!("/api/todos?{name}={secret}")).await;
        assert!([401, 422].contains(&answer.status.as_u16()), "{name}: {}", answer.text);
        let answer = nobody.get(&format!("/api/stream/tasks?{name}={secret}")).await;
        assert!([401, 422].contains(&answer.status.as_u16()), "{name}: {}", answer.text);
    }
    let in_body = nobody.post("/api/todos", &json!({"title": "x", "access_token": secret})).await;
    in_body.problem(401);
    let header = nobody.send(nobody.request(Method::GET, "/api/todos").header("X-Api-Key", &secret)).await;
    header.problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_with_a_token_revokes_it() {
    let user = someone().await;
    let program = scoped(&user, &["tasks:read"]).await;
    assert_eq!(program.send(program.request(Method::POST, "/api/auth/sign-out")).await.status, 204);
    program.get("/api/todos").await.problem(401);
    assert_eq!(user.get("/api/todos").await.status, 200);
    assert_eq!(user.get("/api/tokens").await.json()["items"].as_array().map(Vec::len), Some(0));
    assert_eq!(user.get("/api/auth/me").await.json()["email"].as_str().map(str::to_owned), Some(user.email.clone()));
    assert_ne!(user.get("/api/auth/me").await.json(), Value::Null);
}
