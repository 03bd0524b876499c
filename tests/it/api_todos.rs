//! What SPEC section 3 promises of a task and of changes to it.

use it::{Client, someone};
use serde_json::{Value, json};
use uuid::Uuid;

fn path(task: &Value) -> String {
    format!("/api/todos/{}", task["id"].as_str().expect("an id"))
}

const READ_ONLY: [&str; 9] =
    ["id", "completed", "completed_at", "snoozed_until", "parent_task_id", "series_id", "created_at", "updated_at", "version"];

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_says_where_the_task_is_and_what_became_of_it() {
    let user = someone().await;
    let answer = user.post("/api/todos", &json!({"title": "  Water plants \t"})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let task = answer.json();
    let id = Uuid::parse_str(task["id"].as_str().unwrap()).unwrap();
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(answer.header("location"), Some(path(&task).as_str()));
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert_eq!(task["created_at"], task["updated_at"]);
    let mut rest = task.clone();
    for field in ["id", "created_at", "updated_at"] {
        rest.as_object_mut().unwrap().remove(field);
    }
    let expected = json!({
        "title": "Water plants", "description": null, "completed": false, "completed_at": null, "priority": "medium",
        "tags": [], "due_date": null, "recurrence": null, "reminder_minutes": 60, "snoozed_until": null,
        "parent_task_id": null, "series_id": null, "version": 1,
    });
    assert_eq!(rest, expected);
    let there = user.get(&path(&task)).await;
    assert_eq!((there.header("etag"), there.json()), (Some("\"1\""), task));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_keeps_every_field_that_was_set() {
    let user = someone().await;
    let sent = json!({
        "title": "Zähler ablesen 🦀", "description": "a\nb\t\"c\" \\ ünï", "priority": "high", "tags": ["b", "a"],
        "due_date": "2030-06-01T09:00:00.5+02:00", "reminder_minutes": 0,
        "recurrence": {"rrule": "FREQ=WEEKLY;BYDAY=MO", "time_zone": "Europe/Berlin", "from": "completion"},
    });
    let task = user.task(&sent).await;
    for field in ["title", "description", "priority", "tags", "reminder_minutes", "recurrence"] {
        assert_eq!(task[field], sent[field], "{field}");
    }
    assert_eq!(task["due_date"], "2030-06-01T07:00:00.500Z");
    assert_eq!(user.task(&json!({"title": "x", "reminder_minutes": null})).await["reminder_minutes"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_are_counted_in_characters_and_end_where_they_should() {
    let user = someone().await;
    let tags = |count: usize| (0..count).map(|n| format!("t{n}")).collect::<Vec<_>>();
    let longest = json!({
        "title": "🦀".repeat(255), "description": "ü".repeat(2_000), "tags": tags(10), "reminder_minutes": 43_200,
    });
    let task = user.task(&longest).await;
    assert_eq!(task["title"], longest["title"]);
    assert_eq!(task["description"], longest["description"]);
    user.task(&json!({"title": "x", "tags": ["🦀".repeat(50)]})).await;
    for (field, value) in [
        ("title", json!("🦀".repeat(256))),
        ("title", json!("")),
        ("title", json!("   ")),
        ("description", json!("ü".repeat(2_001))),
        ("tags", json!(tags(11))),
        ("tags[0]", json!(["x".repeat(51)])),
        ("tags[1]", json!(["x", " "])),
        ("reminder_minutes", json!(43_201)),
        ("reminder_minutes", json!(-1)),
        ("priority", json!("urgent")),
        ("due_date", json!("tomorrow")),
        ("due_date", json!("2030-06-01T09:00:00")),
    ] {
        let mut body = json!({"title": "x"});
        body[field.split('[').next().unwrap()] = value;
        assert_eq!(user.post("/api/todos", &body).await.faults(422), [field], "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_named_at_once() {
    let user = someone().await;
    let body = json!({"titel": "x", "priority": 3, "tags": ["ok", 1], "recurrence": {"frequency": "hourly"}});
    let mut faults = user.post("/api/todos", &body).await.faults(422);
    faults.sort();
    faults.dedup();
    for field in ["priority", "recurrence.frequency", "tags[1]", "titel", "title"] {
        assert!(faults.iter().any(|fault| fault == field), "{field} is not in {faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_only_is_refused_by_name() {
    let user = someone().await;
    let task = user.task(&json!({"title": "x"})).await;
    for field in READ_ONLY {
        let body = json!({"title": "y", field: task[field]});
        assert_eq!(user.post("/api/todos", &body).await.faults(422), [field]);
        assert_eq!(user.put(&path(&task), &body).await.faults(422), [field]);
        assert_eq!(user.patch(&path(&task), &body).await.faults(422), [field]);
    }
    assert_eq!(user.get(&path(&task)).await.json(), task);
}

#[tokio::test(flavor = "multi_thread")]
async fn put_and_patch_change_what_is_given_and_null_clears() {
    let user = someone().await;
    for patch in [false, true] {
        let full = json!({"title": "x", "description": "d", "priority": "high", "tags": ["a"], "due_date": "2030-01-01T00:00:00Z",
            "recurrence": {"frequency": "daily", "interval": 1}, "reminder_minutes": 5});
        let task = user.task(&full).await;
        let change = async |body: Value| {
            let answer = if patch { user.patch(&path(&task), &body).await } else { user.put(&path(&task), &body).await };
            assert_eq!(answer.status, 200, "{}", answer.text);
            answer
        };
        let answer = change(json!({"title": " y "})).await;
        assert_eq!(answer.header("etag"), Some("\"2\""));
        let changed = answer.json();
        assert!(changed["updated_at"].as_str() >= task["updated_at"].as_str());
        let mut expected = task.clone();
        expected["title"] = json!("y");
        expected["version"] = json!(2);
        expected["updated_at"] = changed["updated_at"].clone();
        assert_eq!(changed, expected);
        let clear = json!({"description": null, "priority": null, "tags": null, "due_date": null, "recurrence": null, "reminder_minutes": null});
        let cleared = change(clear).await.json();
        for field in ["description", "due_date", "recurrence", "reminder_minutes"] {
            assert_eq!(cleared[field], Value::Null, "{field}");
        }
        assert_eq!((&cleared["priority"], &cleared["tags"]), (&json!("medium"), &json!([])));
        assert_eq!(user.get(&path(&task)).await.json(), cleared);
        assert_eq!(user.patch(&path(&task), &json!({"title": null})).await.faults(422), ["title"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_patch_may_say_that_it_is_one() {
    let user = someone().await;
    let task = user.task(&json!({"title": "x"})).await;
    let request = user.request(http::Method::PATCH, &path(&task)).header("content-type", "application/merge-patch+json");
    let answer = user.send(request.body(r#"{"title":"y"}"#)).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["title"]), (200, &json!("y")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_changes_nothing_leaves_no_trace() {
    let user = someone().await;
    let task = user.task(&json!({"title": "x", "tags": ["a"], "due_date": "2030-01-01T00:00:00Z"})).await;
    for body in [json!({}), json!({"title": " x "}), json!({"tags": ["a", "a"], "due_date": "2030-01-01T01:00:00+01:00"})] {
        let answer = user.patch(&path(&task), &body).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, task.clone()), "{body}");
    }
    assert_eq!(user.history(task["id"].as_str().unwrap()).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_needs_a_due_date() {
    let user = someone().await;
    let rule = json!({"rrule": "FREQ=DAILY"});
    let without = json!({"title": "x", "recurrence": rule});
    assert_eq!(user.post("/api/todos", &without).await.faults(422), ["recurrence"]);
    let explicit = json!({"title": "x", "due_date": null, "recurrence": rule});
    assert_eq!(user.post("/api/todos", &explicit).await.status, 422);
    let task = user.task(&json!({"title": "x"})).await;
    assert_eq!(user.patch(&path(&task), &json!({"recurrence": rule})).await.status, 422);
    let both = json!({"recurrence": rule, "due_date": "2030-01-01T00:00:00Z"});
    assert_eq!(user.patch(&path(&task), &both).await.status, 200);
    assert_eq!(user.patch(&path(&task), &json!({"due_date": null})).await.status, 422);
    assert_eq!(user.patch(&path(&task), &json!({"due_date": null, "recurrence": null})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_may_be_short_and_takes_its_zone_from_the_preferences() {
    let user = someone().await;
    let rule = async |field: &str, due: &str, rule: Value| {
        let task = user.task(&json!({"title": "x", "due_date": due, field: rule})).await;
        task["recurrence"].clone()
    };
    let weekly = rule("recurrence", "2030-01-01T00:00:00Z", json!({"frequency": "weekly", "interval": 2})).await;
    assert_eq!(weekly, json!({"rrule": "FREQ=WEEKLY;INTERVAL=2", "time_zone": "UTC", "from": "due_date"}));
    user.put("/api/preferences", &json!({"time_zone": "Europe/Berlin"})).await;
    let daily = rule("recurrence_pattern", "2030-01-01T00:00:00Z", json!({"frequency": "daily", "from": "completion"})).await;
    assert_eq!(daily, json!({"rrule": "FREQ=DAILY", "time_zone": "Europe/Berlin", "from": "completion"}));
    let monthly = rule("recurrence", "2030-01-31T09:00:00+01:00", json!({"frequency": "monthly", "interval": 1})).await;
    assert_eq!(monthly["rrule"], "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1");
    let raw =
        rule("recurrence", "2030-01-31T09:00:00Z", json!({"rrule": "FREQ=MONTHLY;COUNT=3", "time_zone": "Asia/Tokyo"})).await;
    assert_eq!(raw, json!({"rrule": "FREQ=MONTHLY;COUNT=3", "time_zone": "Asia/Tokyo", "from": "due_date"}));
    for (bad, path) in [
        (json!({"rrule": "FREQ=SOMETIMES"}), "recurrence.rrule"),
        (json!({"rrule": "FREQ=DAILY", "time_zone": "Mars/Base"}), "recurrence.time_zone"),
        (json!({"frequency": "daily", "interval": 0}), "recurrence.interval"),
        (json!({"frequency": "daily", "from": "now"}), "recurrence.from"),
        (json!({"frequency": "daily", "every": 2}), "recurrence.every"),
    ] {
        let body = json!({"title": "x", "due_date": "2030-01-01T00:00:00Z", "recurrence": bad});
        assert_eq!(user.post("/api/todos", &body).await.faults(422), [path], "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_time_left_out_is_the_preferences() {
    let user = someone().await;
    let lead = async |body: Value| user.task(&body).await["reminder_minutes"].clone();
    assert_eq!(lead(json!({"title": "x"})).await, 60);
    user.put("/api/preferences", &json!({"default_reminder_minutes": 15})).await;
    assert_eq!(lead(json!({"title": "x"})).await, 15);
    assert_eq!(lead(json!({"title": "x", "reminder_minutes": 0})).await, 0);
    user.put("/api/preferences", &json!({"default_reminder_minutes": null})).await;
    assert_eq!(lead(json!({"title": "x"})).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_version_is_a_412_and_nothing_happens() {
    let user = someone().await;
    let task = user.task(&json!({"title": "x"})).await;
    let conditional = async |etag: &str, body: Value| {
        user.send(user.request(http::Method::PATCH, &path(&task)).header("If-Match", etag).json(&body)).await
    };
    let first = conditional("\"1\"", json!({"title": "one"})).await;
    assert_eq!((first.status.as_u16(), first.header("etag")), (200, Some("\"2\"")));
    conditional("\"1\"", json!({"title": "two"})).await.problem(412);
    assert_eq!(user.get(&path(&task)).await.json()["title"], "one");
    assert_eq!(conditional("\"1\", \"2\"", json!({"title": "three"})).await.status, 200);
    assert_eq!(conditional("*", json!({"title": "four"})).await.status, 200);
    let delete = |etag: &'static str| user.request(http::Method::DELETE, &path(&task)).header("If-Match", etag);
    user.send(delete("\"1\"")).await.problem(412);
    assert_eq!(user.send(delete("\"4\"")).await.status, 204);
    assert_eq!(user.history(task["id"].as_str().unwrap()).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_writers_with_one_version_one_wins() {
    let user = someone().await;
    let task = user.task(&json!({"title": "x"})).await;
    let write = |n: usize| {
        let request = user.request(http::Method::PUT, &path(&task)).header("If-Match", "\"1\"");
        user.send(request.json(&json!({"title": format!("writer {n}")})))
    };
    let answers = futures::future::join_all((0..16).map(write)).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    let lost = answers.iter().filter(|answer| answer.status == 412).count();
    assert_eq!((won, lost), (1, 15));
    assert_eq!(user.history(task["id"].as_str().unwrap()).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_version_every_write_is_in_the_history() {
    let user = someone().await;
    let task = user.task(&json!({"title": "x"})).await;
    let bodies: Vec<_> = (0..16).map(|n| json!({"title": format!("writer {n}")})).collect();
    let there = path(&task);
    let answers = futures::future::join_all(bodies.iter().map(|body| user.patch(&there, body))).await;
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let history = user.history(task["id"].as_str().unwrap()).await;
    assert_eq!(history.len(), 17);
    for pair in history[1..].windows(2) {
        let [before, after] = [&pair[0], &pair[1]].map(|entry| &entry["changed_fields"]["title"]);
        assert_eq!(before["new"], after["old"]);
    }
    let now = user.get(&there).await.json();
    assert_eq!((&now["title"], now["version"].as_u64()), (&history[16]["changed_fields"]["title"]["new"], Some(17)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_of_the_client_comes_back() {
    let user: Client = someone().await;
    let request = user.request(http::Method::GET, "/api/todos/nothing").header("x-request-id", "my-id-1");
    assert_eq!(user.send(request).await.problem(404)["request_id"], "my-id-1");
}
