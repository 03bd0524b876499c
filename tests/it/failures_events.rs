//! Failures of section 8 that events and time could bring: what comes again or out of order, what no component knows, a state
//! store that is down, groups that take each other's events.

use crate::recurrence::successor;
use crate::time::{at, eventually, traveller};
use it::{Client, Host, LOCAL_BUS, Setup, only};
use serde_json::{Value, json};
use uuid::Uuid;

const NOON: &str = "2027-05-01T12:00:00Z";

async fn unread(user: &Client) -> u64 {
    user.get("/api/notifications/unread-count").await.json()["count"].as_u64().unwrap()
}

async fn notified(user: &Client, count: u64) {
    eventually(&format!("{count} unread notifications"), async || (unread(user).await == count).then_some(())).await;
}

fn path(task: &Value) -> String {
    format!("/api/todos/{}", task["id"].as_str().unwrap())
}

/// Waits until every group has come to the end of its topics.
async fn all_heard(host: &Host) {
    eventually("every group at the end of the log", async || {
        let behind = "SELECT count(*) FROM (SELECT 'recurring-handler-group' AS name UNION SELECT 'notification-svc-group') g \
                      LEFT JOIN consumer_position ON consumer_group = name \
                      WHERE coalesce(position, 0) < (SELECT max(position) FROM outbox WHERE topic = 'task-events')";
        (host.place().number(behind).await == 0).then_some(())
    })
    .await;
}

/// All that a user has, and all that was ever published.
async fn state(host: &Host, user: &Client) -> Value {
    let published = host.place().number("SELECT count(DISTINCT id) FROM outbox").await;
    let export = user.get("/api/account/export").await.json();
    json!({"published": published, "tasks": export["tasks"], "notifications": export["notifications"], "history": export["history"]})
}

/// A user with everything that events bring about: notices, one that was withdrawn, successors, a task done, reopened, deleted.
async fn full_life(host: &Host, user: &Client) {
    let due = json!({"title": "due", "due_date": NOON, "reminder_minutes": 0});
    let (kept, moved) = (user.task(&due).await, user.task(&due).await);
    let daily = json!({"title": "daily", "due_date": "2031-03-01T09:00:00Z", "recurrence": {"frequency": "daily"}});
    let (done, skipped) = (user.task(&daily).await, user.task(&daily).await);
    host.set_clock(NOON).await;
    notified(user, 4).await;
    assert_eq!(user.patch(&path(&moved), &json!({"due_date": "2027-05-02T12:00:00Z"})).await.status, 200);
    notified(user, 2).await;
    for task in [&done, &skipped] {
        assert_eq!(user.complete(task["id"].as_str().unwrap(), true).await.status, 200);
    }
    let (next, _) = (successor(user, &done).await, successor(user, &skipped).await);
    assert_eq!(user.delete(&path(&next)).await.status, 204);
    assert_eq!(user.complete(done["id"].as_str().unwrap(), false).await.status, 200);
    assert_eq!(user.patch(&path(&kept), &json!({"title": "still due"})).await.status, 200);
    all_heard(host).await;
}

/// Failure 2: an acknowledgement lost, events doubled.
#[tokio::test(flavor = "multi_thread")]
async fn failure_02_events_that_come_again_or_out_of_order_change_nothing() {
    if !only(LOCAL_BUS, "the positions of groups in the database") {
        return;
    }
    let (mut host, user) = traveller("2027-05-01T08:00:00Z").await;
    full_life(&host, &user).await;
    let before = state(&host, &user).await;
    let next = host.place().next_position();
    let columns = |order: &str| {
        format!(
            "INSERT INTO outbox (position, topic, user_id, sequence, id, kind, time, body) \
             SELECT {next}, topic, user_id, NULL, id, kind, time, body FROM (SELECT * FROM outbox \
             WHERE topic IN ('task-events', 'reminders') ORDER BY position {order}) o;"
        )
    };
    // Backwards and then forwards again; then all of that from the oldest, as nobody knew how far they were; then as though
    // what was done were not remembered either.
    let twice = columns("DESC") + &columns("ASC");
    let forgotten = "DELETE FROM consumer_position; DELETE FROM processed_event;";
    for sql in [twice.as_str(), "DELETE FROM consumer_position;", forgotten] {
        host.kill();
        host.place().execute(sql).await;
        host.restart(&at(NOON));
        all_heard(&host).await;
        assert_eq!(state(&host, &user).await, before, "after {sql}");
        assert!(host.events(Some("task-events.dlq")).is_empty() && host.events(Some("reminders.dlq")).is_empty());
    }
    // And it goes on.
    let task = user.task(&json!({"title": "late", "due_date": "2027-05-01T09:00:00Z"})).await;
    notified(&user, 3).await;
    assert_eq!(user.complete(task["id"].as_str().unwrap(), true).await.status, 200);
    notified(&user, 2).await;
}

/// Puts events into the log, as a newer host would have published them: topic and type of each.
async fn publish<const N: usize>(host: &mut Host, events: [(&str, &str); N], task: &Value, user: &Client) -> [Uuid; N] {
    host.kill();
    let ids = [(); N].map(|()| Uuid::now_v7());
    for (id, (topic, kind)) in ids.iter().zip(events) {
        let body = json!({
            "specversion": "1.0", "id": id, "source": "urn:tidings:tasks", "type": kind, "subject": task["id"], "time": NOON,
            "datacontenttype": "application/json", "dataschema": format!("urn:tidings:schema:{kind}:2"),
            "partitionkey": user.user_id, "data": {"since_later": true},
        });
        let (position, owner, key) = (host.place().next_position(), &user.user_id, host.place().id(*id));
        let insert = "INSERT INTO outbox (position, topic, user_id, id, kind, time, body)";
        host.place().execute(&format!("{insert} VALUES ({position}, '{topic}', '{owner}', {key}, '{kind}', 0, '{body}')")).await;
    }
    host.restart(&at("2027-05-01T08:00:00Z"));
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_from_the_future_waits_among_the_dead_letters_and_holds_up_nothing() {
    let (mut host, user) = traveller("2027-05-01T08:00:00Z").await;
    let daily = json!({"title": "daily", "due_date": "2031-03-01T09:00:00Z", "recurrence": {"frequency": "daily"}});
    let task = user.task(&daily).await;
    let newer = [("task-events", "task.completed"), ("reminders", "reminder.overdue")];
    let [completed, overdue] = publish(&mut host, newer, &task, &user).await;
    // Behind them in the user's order.
    assert_eq!(user.complete(task["id"].as_str().unwrap(), true).await.status, 200);
    successor(&user, &task).await;
    let letters = async |topic: &str, count: usize| {
        eventually("dead letters", async || Some(host.events(Some(topic))).filter(|letters| letters.len() >= count)).await
    };
    let groups = |letters: &[Value], id: Uuid| {
        let mut groups = Vec::new();
        for letter in letters {
            let headers = &letter["headers"];
            assert_eq!((&letter["event"]["id"], &headers["tries"]), (&json!(id), &json!(1)));
            assert!(headers["reason"].as_str().unwrap().contains("version 2"), "{headers}");
            groups.push(headers["group"].as_str().unwrap().to_owned());
        }
        groups.sort();
        groups
    };
    // Each group that hears the type has refused it.
    let (changes, notices) = (letters("task-events.dlq", 2).await, letters("reminders.dlq", 1).await);
    assert_eq!(groups(&changes, completed), ["notification-svc-group", "recurring-handler-group"]);
    assert_eq!(groups(&notices, overdue), ["notification-svc-group"]);
    // Sent again, they are refused again, as long as nobody knows the version.
    assert_eq!(host.cli(&["events", "replay", "--topic", "reminders.dlq"]).1, "sent again: 1\n");
    assert_eq!(groups(&letters("reminders.dlq", 2).await, overdue).len(), 2);
    assert_eq!(unread(&user).await, 0);
}

/// Failure 11: with the state store down, notices come twice. It may be empty, or not there at all.
#[tokio::test(flavor = "multi_thread")]
async fn failure_11_a_state_store_that_forgets_or_is_down_doubles_and_loses_no_notice() {
    // With sidecars, `dapr::fr_019_and_failure_11…` takes a Redis away.
    if !only(&[Setup::Embedded, Setup::Kafka], "a memory in the database") {
        return;
    }
    let (mut host, user) = traveller("2027-05-01T08:00:00Z").await;
    for n in 0..10 {
        for due in [NOON, "2027-05-01T14:00:00Z", "2027-05-01T16:00:00Z"] {
            user.task(&json!({"title": format!("task {n}"), "due_date": due, "reminder_minutes": 30})).await;
        }
    }
    let given = async |host: &Host, count: u64| {
        let cron = host.as_sidecar();
        for _ in 0..5 {
            assert!(cron.post("/cron-overdue-check", &json!({})).await.status.is_success());
        }
        notified(&user, count).await;
        assert_eq!(host.events(Some("reminders")).len() as u64, count);
    };
    host.set_clock(NOON).await;
    given(&host, 20).await;
    let place = host.place().clone();
    assert_eq!(place.number("SELECT count(*) FROM memory WHERE key LIKE '9:reminders:%'").await, 20, "it is asked at all");
    place.execute("DELETE FROM memory").await;
    given(&host, 20).await;

    place.execute("ALTER TABLE memory RENAME TO memory_is_down").await;
    given(&host, 20).await;
    host.set_clock("2027-05-01T14:00:00Z").await;
    given(&host, 40).await;
    host.kill();
    host.restart(&at("2027-05-01T14:00:01Z"));
    given(&host, 40).await;

    place.execute("ALTER TABLE memory_is_down RENAME TO memory; DELETE FROM memory;").await;
    given(&host, 40).await;
    host.set_clock("2027-05-01T16:00:00Z").await;
    given(&host, 60).await;
    assert_eq!(place.number("SELECT count(*) FROM memory WHERE key LIKE '9:reminders:%'").await, 20, "it is asked again");
}

/// Failure 21: consumers in one group steal each other's events. Here two groups act on each completion.
#[tokio::test(flavor = "multi_thread")]
async fn failure_21_each_group_gets_every_event() {
    let (host, user) = traveller("2027-05-01T08:00:00Z").await;
    let mut tasks = Vec::new();
    for n in 0..20 {
        let rule = json!({"frequency": "yearly"});
        let task = json!({"title": format!("task {n}"), "due_date": NOON, "reminder_minutes": null, "recurrence": rule});
        tasks.push(user.task(&task).await);
    }
    host.set_clock(NOON).await;
    notified(&user, 20).await;
    for task in &tasks {
        assert_eq!(user.complete(task["id"].as_str().unwrap(), true).await.status, 200);
    }
    notified(&user, 0).await;
    for task in &tasks {
        successor(&user, task).await;
    }
    assert_eq!(user.all("/api/todos?limit=200").await.len(), 40);
}
