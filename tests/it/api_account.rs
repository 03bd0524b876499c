//! What SPEC section 3 promises of preferences, of taking everything along, and of leaving.

use crate::fixture::token;
use http::Method;
use it::client::PASSWORD;
use it::{Answer, Client, Host, someone};
use serde_json::{Value, json};
use std::time::Duration;

async fn leave(user: &Client, password: &str) -> Answer {
    user.send(user.request(Method::DELETE, "/api/account").json(&json!({"password": password}))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn preferences_have_defaults_and_take_the_fields_to_change() {
    let user = someone().await;
    let get = async || user.get("/api/preferences").await.json();
    assert_eq!(get().await, json!({"time_zone": "UTC", "default_reminder_minutes": 60, "theme": "system"}));
    let answer = user.put("/api/preferences", &json!({"time_zone": "Europe/Berlin"})).await;
    let expected = json!({"time_zone": "Europe/Berlin", "default_reminder_minutes": 60, "theme": "system"});
    assert_eq!((answer.status.as_u16(), answer.json()), (200, expected.clone()));
    assert_eq!(get().await, expected);
    user.put("/api/preferences", &json!({"theme": "dark", "default_reminder_minutes": null})).await;
    let expected = json!({"time_zone": "Europe/Berlin", "default_reminder_minutes": null, "theme": "dark"});
    assert_eq!(get().await, expected);
    for (field, value) in [
        ("time_zone", json!("Mars/Base")),
        ("time_zone", json!(1)),
        ("default_reminder_minutes", json!(43_201)),
        ("theme", json!("pink")),
        ("language", json!("de")),
    ] {
        assert_eq!(user.put("/api/preferences", &json!({ field: value })).await.faults(422), [field]);
    }
    assert_eq!(get().await, expected, "nothing of a refused change is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_export_has_all_of_it_as_json() {
    let user = someone().await;
    let task = user.task(&json!({"title": "x", "due_date": "2030-01-01T00:00:00Z"})).await;
    let id = task["id"].as_str().unwrap();
    let done = user.complete(id, true).await.json();
    let doomed = user.task(&json!({"title": "doomed"})).await;
    user.delete(&format!("/api/todos/{}", doomed["id"].as_str().unwrap())).await;
    user.put("/api/preferences", &json!({"theme": "dark"})).await;
    let (token_id, _) = token(&user, &["tasks:read"]).await;
    // More than one page of anything.
    let operations: Vec<_> = (0..100).map(|n| json!({"op": "create", "task": {"title": format!("{n}")}})).collect();
    for _ in 0..11 {
        assert_eq!(user.post("/api/todos/batch", &json!({"operations": operations})).await.status, 200);
    }
    let answer = user.get("/api/account/export").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let export = answer.json();
    assert_eq!(export["user"]["email"].as_str(), Some(user.email.as_str()));
    assert_eq!(export["preferences"]["theme"], "dark");
    let tasks = export["tasks"].as_array().unwrap();
    assert!(tasks.contains(&done), "{}", tasks[0]);
    assert!(tasks.len() >= 1_101);
    let history = export["history"].as_array().unwrap();
    assert_eq!(history.len(), 1_104);
    let of = |task: &Value| history.iter().filter(|entry| entry["task_id"] == task["id"]).count();
    assert_eq!((of(&task), of(&doomed)), (2, 2));
    assert_eq!(export["tokens"][0]["id"].as_str(), Some(token_id.as_str()));
    assert_eq!(user.get("/api/account/export?format=json").await.json()["history"], export["history"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_export_has_the_tasks_as_icalendar() {
    let user = someone().await;
    let due = "2030-01-01T09:00:00Z";
    let body = json!({"title": "Eggs, milk; 100\\% of it", "description": "two\nlines", "priority": "high", "tags": ["a,b", "c"],
        "due_date": due, "recurrence": {"rrule": "FREQ=DAILY", "time_zone": "Europe/Berlin"}});
    let task = user.task(&body).await;
    let long = user.task(&json!({"title": "🦀".repeat(255)})).await;
    user.complete(long["id"].as_str().unwrap(), true).await;
    let answer = user.get("/api/account/export?format=ics").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.header("content-type").unwrap().starts_with("text/calendar"));
    let text = &answer.text;
    assert!(text.starts_with("BEGIN:VCALENDAR\r\n") && text.ends_with("END:VCALENDAR\r\n"), "{text}");
    assert!(!text.replace("\r\n", "").contains(['\n', '\r']), "lines end in CRLF");
    assert!(text.split("\r\n").all(|line| line.len() <= 75), "lines are folded at 75 octets");
    let unfolded = text.replace("\r\n ", "");
    let lines: Vec<_> = unfolded.split("\r\n").collect();
    assert_eq!(lines.iter().filter(|line| **line == "BEGIN:VTODO").count(), 2);
    for line in [
        "VERSION:2.0",
        &format!("UID:{}", task["id"].as_str().unwrap()),
        "SUMMARY:Eggs\\, milk\\; 100\\\\% of it",
        "DESCRIPTION:two\\nlines",
        "CATEGORIES:a\\,b,c",
        "STATUS:COMPLETED",
        &format!("SUMMARY:{}", "🦀".repeat(255)),
    ] {
        assert!(lines.contains(&line), "{line} is not in {unfolded}");
    }
    assert!(lines.iter().any(|line| line.starts_with("RRULE:FREQ=DAILY")), "{unfolded}");
    assert!(lines.iter().any(|line| line.starts_with("DUE")), "{unfolded}");
    assert_eq!(user.get("/api/account/export?format=pdf").await.faults(422), ["format"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_deleted_with_its_password_only() {
    let user = someone().await;
    user.task(&json!({"title": "x"})).await;
    leave(&user, "wrong").await.problem(401);
    assert_eq!(user.send(user.request(Method::DELETE, "/api/account").json(&json!({}))).await.faults(422), ["password"]);
    let (_, secret) = token(&user, &["tasks:write"]).await;
    leave(&user.with_token(&secret), PASSWORD).await.problem(403);
    assert_eq!(user.all("/api/todos?limit=50").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_leaves_nothing_and_its_address_is_free() {
    let mut host = Host::start();
    let user = host.user("ada").await;
    let task = user.task(&json!({"title": "sesame"})).await;
    let (_, secret) = token(&user, &["tasks:read"]).await;
    let program = user.with_token(&secret);
    let (mut stream, mut programs) = (user.stream(None).await, program.stream(None).await);
    let answer = leave(&user, PASSWORD).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    assert!(stream.ends(Duration::from_secs(5)).await && programs.ends(Duration::from_secs(5)).await);
    user.get("/api/todos").await.problem(401);
    program.get("/api/todos").await.problem(401);
    let body = json!({"email": user.email, "password": PASSWORD});
    user.anonymous().post("/api/auth/sign-in", &body).await.problem(401);
    let again = host.user("ada").await;
    assert_ne!(again.user_id, user.user_id);
    assert_eq!(again.all("/api/todos?limit=50").await, Vec::<Value>::new());
    again.get(&format!("/api/todos/{}/history", task["id"].as_str().unwrap())).await.problem(404);
    user.get("/api/todos").await.problem(401);
    let mut fresh = again.stream(Some("0")).await;
    assert!(fresh.silent(Duration::from_millis(300)).await, "nothing of the old account's events");
    assert!(host.stop());
    host.restart(&it::Options::default());
    user.get("/api/todos").await.problem(401);
    assert_eq!(again.get("/api/todos").await.status, 200);
}
