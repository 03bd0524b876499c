//! What SPEC section 3 promises of completing, snoozing, deleting, restoring, and of the history of all of it.

use crate::fixture::token;
use it::{Client, someone};
use serde_json::{Value, json};

fn id(task: &Value) -> &str {
    task["id"].as_str().expect("an id")
}

fn types(history: &[Value]) -> Vec<&str> {
    history.iter().map(|entry| entry["event_type"].as_str().expect("a type")).collect()
}

async fn snooze(user: &Client, task: &Value, body: Value) -> it::Answer {
    user.post(&format!("/api/todos/{}/snooze", id(task)), &body).await
}

async fn restore(user: &Client, task: &Value) -> it::Answer {
    user.send(user.request(http::Method::POST, &format!("/api/todos/{}/restore", id(task)))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_and_three_updates_are_four_entries_in_order() {
    let user = someone().await;
    let task = user.task(&json!({"title": "one", "priority": "low"})).await;
    for title in ["two", "three", "four"] {
        user.put(&format!("/api/todos/{}", id(&task)), &json!({"title": title})).await;
    }
    let history = user.history(id(&task)).await;
    assert_eq!(types(&history), ["task.created", "task.updated", "task.updated", "task.updated"]);
    for entry in &history {
        assert_eq!(entry["actor"], json!({"kind": "user", "id": user.user_id}));
        assert_eq!(entry["source"], "api");
    }
    let created = &history[0]["changed_fields"];
    assert_eq!(created["title"], json!({"old": null, "new": "one"}));
    assert_eq!(created["priority"], json!({"old": null, "new": "low"}));
    assert!(created.get("description").is_none(), "a creation lists the fields that were set: {created}");
    let changes: Vec<_> = history[1..].iter().map(|entry| entry["changed_fields"].clone()).collect();
    let title = |old: &str, new: &str| json!({"title": {"old": old, "new": new}});
    assert_eq!(changes, [title("one", "two"), title("two", "three"), title("three", "four")]);
    let times: Vec<_> = history.iter().map(|entry| entry["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_comes_in_pages_oldest_first() {
    let user = someone().await;
    let task = user.task(&json!({"title": "0"})).await;
    for n in 1..45 {
        user.put(&format!("/api/todos/{}", id(&task)), &json!({"title": format!("{n}")})).await;
    }
    let path = format!("/api/todos/{}/history", id(&task));
    let first = user.get(&path).await.json();
    assert_eq!(first["items"].as_array().unwrap().len(), 20, "the default");
    let whole = user.history(id(&task)).await;
    assert_eq!(whole.len(), 45);
    for limit in [1, 7, 44, 45, 200] {
        assert_eq!(user.all(&format!("{path}?limit={limit}")).await, whole, "by {limit}");
    }
    let other = user.task(&json!({"title": "other"})).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(user.get(&format!("/api/todos/{}/history?cursor={cursor}", id(&other))).await.faults(422), ["cursor"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn completing_and_reopening_say_so_and_repeating_changes_nothing() {
    let user = someone().await;
    let task = user.task(&json!({"title": "x"})).await;
    let done = user.complete(id(&task), true).await;
    assert_eq!((done.status.as_u16(), done.header("etag")), (200, Some("\"2\"")));
    let done = done.json();
    assert_eq!(done["completed"], true);
    assert_eq!(done["completed_at"], done["updated_at"]);
    assert_eq!(user.complete(id(&task), true).await.json(), done, "a repetition");
    let open = user.complete(id(&task), false).await.json();
    assert_eq!((&open["completed"], &open["completed_at"], &open["version"]), (&json!(false), &Value::Null, &json!(3)));
    assert_eq!(user.complete(id(&task), false).await.json(), open, "a repetition");
    let history = user.history(id(&task)).await;
    assert_eq!(types(&history), ["task.created", "task.completed", "task.reopened"]);
    assert_eq!(history[1]["changed_fields"]["completed"], json!({"old": false, "new": true}));
    assert_eq!(history[2]["changed_fields"]["completed"], json!({"old": true, "new": false}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snooze_lasts_minutes_or_until() {
    let user = someone().await;
    let task = user.task(&json!({"title": "x", "due_date": "2030-01-01T00:00:00Z"})).await;
    let until = snooze(&user, &task, json!({"until": "2030-01-01T01:00:00+01:00"})).await;
    assert_eq!((until.status.as_u16(), &until.json()["snoozed_until"]), (200, &json!("2030-01-01T00:00:00Z")));
    let minutes = snooze(&user, &task, json!({"minutes": 10})).await.json();
    let at = |field: &str| domain::time::Timestamp::parse(minutes[field].as_str().unwrap()).unwrap();
    assert_eq!(at("snoozed_until"), at("updated_at").plus_minutes(10));
    let history = user.history(id(&task)).await;
    assert_eq!(types(&history), ["task.created", "task.updated", "task.updated"]);
    assert_eq!(history[2]["changed_fields"]["snoozed_until"]["old"], "2030-01-01T00:00:00Z");
    for (body, field) in [
        (json!({}), "minutes"),
        (json!({"minutes": 0}), "minutes"),
        (json!({"minutes": -5}), "minutes"),
        (json!({"minutes": 5, "until": "2030-01-01T00:00:00Z"}), "until"),
        (json!({"until": "soon"}), "until"),
        (json!({"hours": 1, "minutes": 5}), "hours"),
    ] {
        assert_eq!(snooze(&user, &task, body.clone()).await.faults(422), [field], "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_task_is_gone_and_comes_back_as_it_was() {
    let user = someone().await;
    let task = user.task(&json!({"title": "x", "tags": ["a"], "due_date": "2030-01-01T00:00:00Z"})).await;
    let path = format!("/api/todos/{}", id(&task));
    let gone = user.delete(&path).await;
    assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""));
    user.get(&path).await.problem(404);
    user.put(&path, &json!({"title": "y"})).await.problem(404);
    user.patch(&path, &json!({"title": "y"})).await.problem(404);
    user.delete(&path).await.problem(404);
    user.complete(id(&task), true).await.problem(404);
    snooze(&user, &task, json!({"minutes": 5})).await.problem(404);
    assert_eq!(user.all("/api/todos?limit=50").await, Vec::<Value>::new());
    assert_eq!(types(&user.history(id(&task)).await), ["task.created", "task.deleted"], "its owner still reads its history");
    let back = restore(&user, &task).await;
    assert_eq!(back.status, 200, "{}", back.text);
    let mut expected = task.clone();
    expected["version"] = json!(3);
    expected["updated_at"] = back.json()["updated_at"].clone();
    assert_eq!(back.json(), expected);
    assert_eq!(user.get(&path).await.json(), expected);
    assert_eq!(types(&user.history(id(&task)).await), ["task.created", "task.deleted", "task.restored"]);
    assert_eq!(user.all("/api/todos?limit=50").await, [expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn restoring_what_is_not_deleted_changes_nothing() {
    let user = someone().await;
    let task = user.task(&json!({"title": "x"})).await;
    let answer = restore(&user, &task).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, task.clone()));
    assert_eq!(user.history(id(&task)).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_names_the_token_that_acted() {
    let user = someone().await;
    let (token_id, secret) = token(&user, &["tasks:write"]).await;
    let program = user.with_token(&secret);
    let task = program.task(&json!({"title": "x"})).await;
    let history = user.history(id(&task)).await;
    assert_eq!(history[0]["actor"], json!({"kind": "token", "id": token_id}));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_an_event_with_the_users_next_number() {
    let user = someone().await;
    let mut stream = user.stream(None).await;
    let task = user.task(&json!({"title": "x"})).await;
    let path = format!("/api/todos/{}", id(&task));
    user.put(&path, &json!({"title": "y", "priority": "high"})).await;
    user.put(&path, &json!({"title": "y"})).await;
    user.complete(id(&task), true).await;
    user.complete(id(&task), true).await;
    user.complete(id(&task), false).await;
    snooze(&user, &task, json!({"minutes": 5})).await;
    user.delete(&path).await;
    restore(&user, &task).await;
    let kinds = ["created", "updated", "completed", "reopened", "updated", "deleted", "restored"];
    for (number, kind) in kinds.iter().enumerate() {
        let event = stream.event().await;
        assert_eq!((event.name.as_str(), event.id), ("sync.task-changed", (number + 1).to_string()));
        assert_eq!((&event.data["task_id"], event.data["change_type"].as_str()), (&task["id"], Some(*kind)));
        assert_eq!(event.data["version"], number + 1);
        if number == 1 {
            let mut names: Vec<_> = event.data["changed_fields"].as_array().unwrap().iter().collect();
            names.sort_by_key(|name| name.to_string());
            assert_eq!(names, ["priority", "title"]);
        }
        let fields: Vec<_> = event.data.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields.len(), 5, "never the task: {fields:?}");
    }
}
