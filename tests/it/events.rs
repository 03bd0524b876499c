//! The events themselves: every kind of change publishes what docs/events.yaml has, whatever it comes through.

use crate::recurrence::successor;
use crate::time::{eventually, traveller};
use it::{Client, documented};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Waits for so many unread notifications.
async fn notified(user: &Client, count: u64) {
    eventually(&format!("{count} unread notifications"), async || {
        let unread = user.get("/api/notifications/unread-count").await.json()["count"].as_u64();
        (unread == Some(count)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_change_publishes_what_is_documented() {
    let (host, user) = traveller("2027-05-01T08:00:00Z").await;
    every_kind_of_change(&host, &user, async || {}).await;
}

/// Changes of every kind; `settled` waits until all of them are where they can be read.
pub async fn every_kind_of_change(host: &it::Host, user: &Client, settled: impl AsyncFn()) {
    let mut stream = user.stream(None).await;
    user.task(&json!({"title": "bare"})).await;
    let task = user
        .task(&json!({
            "title": "Water the plants 🌱", "description": "all\nof them", "tags": ["home", "ü"], "priority": "high",
            "due_date": "2027-05-01T12:00:00Z", "reminder_minutes": 60,
            "recurrence": {"rrule": "FREQ=WEEKLY;BYDAY=SA", "time_zone": "Europe/Berlin"},
        }))
        .await;
    let path = format!("/api/todos/{}", task["id"].as_str().unwrap());
    host.set_clock("2027-05-01T11:00:00Z").await;
    notified(user, 1).await;
    let snoozed = user.post(&format!("{path}/snooze"), &json!({"minutes": 10})).await;
    assert_eq!(snoozed.status, 200, "{}", snoozed.text);
    host.set_clock("2027-05-01T12:00:00Z").await;
    notified(user, 3).await;
    assert_eq!(user.post("/api/notifications/read-all", &json!({})).await.status, 204);
    for change in [
        json!({"title": "x", "description": null, "tags": [], "priority": "low"}),
        json!({"due_date": "2027-05-08T12:00:00Z", "reminder_minutes": null}),
        json!({"due_date": null, "recurrence": null}),
        json!({"due_date": "2027-05-08T12:00:00Z", "recurrence": {"frequency": "monthly", "from": "completion"}}),
    ] {
        let changed = user.patch(&path, &change).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
    }
    for completed in [true, false, true] {
        assert_eq!(user.complete(task["id"].as_str().unwrap(), completed).await.status, 200);
    }
    let next = successor(user, &task).await;
    assert_eq!(user.delete(&path).await.status, 204);
    assert_eq!(user.post(&format!("{path}/restore"), &json!({})).await.status, 200);
    let operations = json!([
        {"op": "create", "task": {"title": "by batch"}}, {"op": "update", "id": next["id"], "changes": {"title": "by batch"}},
        {"op": "complete", "id": next["id"], "completed": true}, {"op": "delete", "id": next["id"]},
    ]);
    let batch = user.post("/api/todos/batch", &json!({"operations": operations})).await;
    assert_eq!(batch.status, 200, "{}", batch.text);
    successor(user, &next).await;

    settled().await;
    let events = host.events(None);
    let published: BTreeSet<String> = events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(published, documented::types().into_iter().collect(), "every documented type was published");
    let ids: BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len(), "an id is one event's");
    // The stream shows what the log has of `task-updates`, and the summary has the number of its change.
    for (number, update) in (1..).zip(host.events(Some("task-updates"))) {
        let shown = stream.event().await;
        assert_eq!((&json!(shown.name), &shown.data), (&update["type"], &update["data"]));
        assert_eq!((shown.id, update["sequence"].as_str()), (number.to_string(), Some(number.to_string().as_str())));
    }
}

/// The event and the history entry of the last change of a task, held against each other.
async fn last_change(host: &it::Host, user: &Client, task: &Value) -> Value {
    let mut events = host.events(Some("task-events"));
    events.retain(|event| event["subject"] == task["id"]);
    let event = events.pop().expect("an event");
    let mut history = user.history(task["id"].as_str().unwrap()).await;
    assert_eq!(history.len(), events.len() + 1, "each change has one event and one entry");
    let entry = history.pop().unwrap();
    for (ours, theirs) in [("id", "id"), ("event_type", "type"), ("time", "time")] {
        assert_eq!(entry[ours], event[theirs], "{ours}");
    }
    assert_eq!(
        (&entry["changed_fields"], &entry["source"]),
        (&event["data"]["changed_fields"], &event["data"]["source"]),
        "the entry and the event say the same"
    );
    let number = event["sequence"].clone();
    let summaries = host.events(Some("task-updates"));
    let of_change = |it: &&Value| it["sequence"] == number && it["partitionkey"] == event["partitionkey"];
    let summary = summaries.iter().find(of_change).expect("a summary");
    assert_eq!(summary["data"]["task_id"], task["id"]);
    json!([entry["event_type"], entry["source"], entry["actor"]["kind"]])
}

/// Failure 5: changes by an agent publish nothing. Whoever changes a task, and through whatever: it is published, and it is in the history.
#[tokio::test(flavor = "multi_thread")]
async fn failure_05_a_change_by_whomever_is_published_and_remembered() {
    let host = it::Host::start();
    let user = host.someone().await;
    let created = user.post("/api/tokens", &json!({"name": "agent", "scopes": ["tasks:write"]})).await;
    let agent = user.with_token(created.json()["token"].as_str().unwrap());

    let task = user.task(&json!({"title": "by its user"})).await;
    assert_eq!(last_change(&host, &user, &task).await, json!(["task.created", "api", "user"]));
    let path = format!("/api/todos/{}", task["id"].as_str().unwrap());
    assert_eq!(agent.patch(&path, &json!({"title": "by a token"})).await.status, 200);
    assert_eq!(last_change(&host, &user, &task).await, json!(["task.updated", "api", "token"]));
    let operations = json!([{"op": "complete", "id": task["id"], "completed": true}]);
    assert_eq!(agent.post("/api/todos/batch", &json!({"operations": operations})).await.status, 200);
    assert_eq!(last_change(&host, &user, &task).await, json!(["task.completed", "api", "token"]));

    let recurring = json!({"title": "daily", "due_date": "2031-03-01T09:00:00Z", "recurrence": {"frequency": "daily"}});
    let recurring = agent.task(&recurring).await;
    assert_eq!(agent.complete(recurring["id"].as_str().unwrap(), true).await.status, 200);
    let next = successor(&user, &recurring).await;
    assert_eq!(last_change(&host, &user, &next).await, json!(["task.created", "recurrence", "system"]));
    let skipped = format!("/api/todos/{}?series=this", next["id"].as_str().unwrap());
    assert_eq!(agent.delete(&skipped).await.status, 204);
    assert_eq!(last_change(&host, &user, &next).await, json!(["task.deleted", "api", "token"]));
    let third = successor(&user, &next).await;
    assert_eq!(last_change(&host, &user, &third).await, json!(["task.created", "api", "token"]));
}
