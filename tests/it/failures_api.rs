//! SPEC section 8, as far as the API can show it: 4, 17, 18, 20.

use crate::fixture::token;
use http::Method;
use it::client::PASSWORD;
use it::{Client, Host, Options, Setup, only, someone};
use serde_json::{Value, json};
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn failure_04_editing_a_due_date_keeps_the_audit_entry() {
    let user = someone().await;
    let task = user.task(&json!({"title": "x", "due_date": "2030-03-31T01:30:00+01:00"})).await;
    let path = format!("/api/todos/{}", task["id"].as_str().unwrap());
    let dates = ["2030-03-31T00:30:00Z", "2031-01-31T23:59:59.999Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"];
    for date in &dates[1..] {
        assert_eq!(user.patch(&path, &json!({"due_date": date})).await.status, 200);
    }
    assert_eq!(user.patch(&path, &json!({"due_date": null})).await.status, 200);
    assert_eq!(user.put(&path, &json!({"due_date": "2030-01-01T12:00:00+05:45"})).await.status, 200);
    let history = user.history(task["id"].as_str().unwrap()).await;
    let seen: Vec<_> = history.iter().map(|entry| entry["changed_fields"]["due_date"].clone()).collect();
    let change = |old: Value, new: Value| json!({"old": old, "new": new});
    let expected = [
        change(Value::Null, json!(dates[0])),
        change(json!(dates[0]), json!(dates[1])),
        change(json!(dates[1]), json!(dates[2])),
        change(json!(dates[2]), json!(dates[3])),
        change(json!(dates[3]), Value::Null),
        change(Value::Null, json!("2030-01-01T06:15:00Z")),
    ];
    assert_eq!(seen, expected);
}

/// Uses everything that is secret, well and badly; every secret that was used.
async fn use_every_secret(host: &Host) -> Vec<String> {
    let ada = host.user("ada").await;
    let (id, api_token) = token(&ada, &["tasks:write", "account"]).await;
    let program = ada.with_token(&api_token);
    program.task(&json!({"title": "x"})).await;
    let body = json!({"email": ada.email, "password": PASSWORD});
    let signed_in = ada.anonymous().post("/api/auth/sign-in", &body).await;
    let cookie = signed_in.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let second = signed_in.json()["access_token"].as_str().unwrap().to_owned();
    let nobody = ada.anonymous();
    for path in ["/api/todos", "/api/stream/tasks", "/nothing", "/api/auth/me"] {
        for secret in [&api_token, &second] {
            nobody.get(&format!("{path}?access_token={secret}")).await;
            nobody.get(&format!("{path}/{secret}")).await;
        }
        let response = nobody.request(Method::GET, path).header("Cookie", &cookie).send().await.unwrap();
        drop(response);
    }
    let guess = "a-guess-at-a-password";
    nobody.post("/api/auth/sign-in", &json!({"email": ada.email, "password": guess})).await.problem(401);
    nobody.post("/api/auth/sign-in", &json!({"email": ada.email, "password": guess, "colour": "red"})).await.problem(422);
    let broken = format!("{{\"email\":\"{}\",\"password\":\"{guess}\"", ada.email);
    let request = nobody.request(Method::POST, "/api/auth/sign-in").header("content-type", "application/json");
    nobody.send(request.body(broken)).await.problem(400);
    let half = &second[..second.len() - 4];
    for wrong in [format!("Bearer {half}"), format!("Basic {second}"), second.clone()] {
        nobody.send(nobody.request(Method::GET, "/api/todos").header("Authorization", wrong)).await.problem(401);
    }
    ada.delete(&format!("/api/tokens/{id}")).await;
    program.get("/api/todos").await.problem(401);
    ada.send(ada.request(Method::DELETE, "/api/account").json(&json!({"password": guess}))).await.problem(401);
    let another = "another-password-altogether";
    for (current, status) in [(guess, 401_u16), (PASSWORD, 204)] {
        let change = json!({"current_password": current, "new_password": another});
        assert_eq!(ada.put("/api/account/password", &change).await.status, status);
    }
    let first = ada.token.clone().unwrap();
    ada.send(ada.request(Method::DELETE, "/api/account").json(&json!({"password": another}))).await;
    vec![PASSWORD.to_owned(), guess.to_owned(), another.to_owned(), api_token, half.to_owned(), first]
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_17_no_token_in_url_or_log() {
    for log in ["info", "trace"] {
        let mut host = Host::start_with(&Options { env: vec![("TIDINGS_LOG".into(), log.into())], ..Options::default() });
        let secrets = use_every_secret(&host).await;
        let metrics = Client::new(&host.ops).get("/metrics").await.text;
        assert!(host.stop(), "{}", host.log());
        let log = host.log();
        assert!(!log.is_empty());
        for secret in &secrets {
            for (what, text) in [("the log", &log), ("the metrics", &metrics)] {
                let line = text.lines().find(|line| line.contains(secret.as_str()));
                assert_eq!(line, None, "{what} shows {secret}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_17_no_answer_repeats_a_secret() {
    let user = someone().await;
    let secret = token(&user, &["tasks:read"]).await.1;
    let nobody = user.anonymous();
    for answer in [
        nobody.get(&format!("/api/todos?access_token={secret}")).await,
        user.get(&format!("/api/todos?cursor={secret}")).await,
        user.with_token(&format!("{secret}x")).get("/api/todos").await,
        nobody.post("/api/auth/sign-in", &json!({"email": user.email, "password": [secret]})).await,
        nobody.post("/api/auth/sign-up", &json!({"email": user.email, "password": secret})).await,
    ] {
        assert!(answer.status.is_client_error() && !answer.text.contains(&secret), "{}", answer.text);
    }
}

/// Caps how large a file the host may make; none: no cap.
fn cap_files(host: &Host, bytes: Option<u64>) {
    let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
    let set = Command::new("prlimit").args(["--pid", &host.pid().to_string(), &format!("--fsize={limit}:")]).status();
    assert!(set.is_ok_and(|status| status.success()), "prlimit");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_18_an_error_behind_the_engine_is_an_error_in_front() {
    if !only(&[Setup::Embedded], "a database among the host's own files") {
        return;
    }
    // A write beyond the cap is then an error and not a signal.
    let under = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"].map(str::to_owned).to_vec();
    let host = Host::start_with(&Options { under, ..Options::default() });
    let user = host.someone().await;
    let task = user.task(&json!({"title": "before"})).await;
    let path = format!("/api/todos/{}", task["id"].as_str().unwrap());
    cap_files(&host, Some(0));
    let failed = [
        user.post("/api/todos", &json!({"title": "lost"})).await,
        user.patch(&path, &json!({"title": "lost"})).await,
        user.complete(task["id"].as_str().unwrap(), true).await,
        user.delete(&path).await,
        user.post("/api/todos/batch", &json!({"operations": [{"op": "create", "task": {"title": "lost"}}]})).await,
        user.put("/api/preferences", &json!({"theme": "dark"})).await,
        user.post("/api/tokens", &json!({"name": "x", "scopes": ["account"]})).await,
        user.put("/api/account/password", &json!({"current_password": PASSWORD, "new_password": "another horse"})).await,
        user.post("/api/auth/sign-up", &json!({"email": "new@example.org", "password": PASSWORD})).await,
    ];
    for answer in &failed {
        let problem = answer.problem(503);
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{problem}");
    }
    assert_eq!(
        user.all("/api/todos?limit=50").await,
        std::slice::from_ref(&task),
        "what is there can be read, and nothing was half done"
    );
    assert_eq!(Client::new(&host.ops).get("/healthz").await.status, 200);
    cap_files(&host, None);
    assert_eq!(user.patch(&path, &json!({"title": "after"})).await.status, 200, "without a restart:\n{}", host.log());
    assert_eq!(user.history(task["id"].as_str().unwrap()).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_20_pagination_sort_direction_lost_updates() {
    let user = someone().await;
    let mut expected = Vec::new();
    for n in 0..7 {
        expected.push(user.task(&json!({"title": format!("{n}")})).await["id"].clone());
    }
    let ids = async |query: &str| {
        let items = user.all(&format!("/api/todos?{query}")).await;
        items.iter().map(|task| task["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids("sort=title&order=asc&limit=3").await, expected);
    expected.reverse();
    assert_eq!(ids("sort=title&order=desc&limit=3").await, expected);
    let path = format!("/api/todos/{}", expected[0].as_str().unwrap());
    let etag = user.get(&path).await.header("etag").unwrap().to_owned();
    let write = |title: &'static str| user.request(Method::PUT, &path).header("If-Match", &etag).json(&json!({"title": title}));
    assert_eq!(user.send(write("one device")).await.status, 200);
    user.send(write("another device")).await.problem(412);
    assert_eq!(user.get(&path).await.json()["title"], "one device");
}
