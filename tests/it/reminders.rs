//! Reminders and overdue notices: on the second, each exactly once, whatever was off meanwhile.

use crate::time::{at, eventually, traveller};
use it::Client;
use serde_json::{Value, json};
use std::time::Duration;

/// The user's notifications, oldest first, as kind and title.
async fn notices(user: &Client) -> Vec<(String, String)> {
    let mut all = user.all("/api/notifications?limit=200").await;
    all.reverse();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.iter().map(|it| (text(&it["kind"]).trim_start_matches("reminder.").to_owned(), text(&it["title"]))).collect()
}

/// Waits for so many notifications, and then a little for one too many.
async fn exactly(user: &Client, count: usize) -> Vec<(String, String)> {
    eventually(&format!("{count} notifications"), async || Some(notices(user).await).filter(|all| all.len() >= count)).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let all = notices(user).await;
    assert_eq!(all.len(), count, "{all:?}");
    all
}

fn pair(kind: &str, title: &str) -> (String, String) {
    (kind.to_owned(), title.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_09_reminder_minutes_count_and_each_notice_is_given_once() {
    let (host, user) = traveller("2027-05-01T08:00:00Z").await;
    let mut stream = user.stream(None).await;
    let task = user.task(&json!({"title": "Call", "due_date": "2027-05-01T12:00:00Z", "reminder_minutes": 90})).await;
    let path = format!("/api/todos/{}", task["id"].as_str().unwrap());
    user.task(&json!({"title": "Quiet", "due_date": "2027-05-01T12:00:00Z", "reminder_minutes": null})).await;
    assert_eq!((stream.event().await.id, stream.event().await.id), ("1".to_owned(), "2".to_owned()));
    host.set_clock("2027-05-01T10:29:58Z").await;
    assert!(stream.silent(Duration::from_millis(500)).await, "not before its second");
    host.set_clock("2027-05-01T10:30:00Z").await;
    let event = stream.event().await;
    assert_eq!((event.name.as_str(), event.id.as_str()), ("notification.created", "3"));
    assert_eq!((&event.data["kind"], &event.data["task_id"]), (&json!("reminder.upcoming"), &task["id"]));
    for minute in 31..59 {
        host.set_clock(&format!("2027-05-01T10:{minute}:00Z")).await;
    }
    exactly(&user, 1).await;
    host.set_clock("2027-05-01T12:00:00Z").await;
    let all = exactly(&user, 3).await;
    assert_eq!(all[0], pair("upcoming", "Call"));
    assert!(all[1..].contains(&pair("overdue", "Call")) && all[1..].contains(&pair("overdue", "Quiet")), "{all:?}");
    // A change of something else gives nothing anew.
    user.patch(&path, &json!({"title": "Call Bob"})).await;
    host.set_clock("2027-05-02T12:00:00Z").await;
    exactly(&user, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_says_what_is_due_and_where() {
    let (_host, user) = traveller("2027-05-01T08:00:00Z").await;
    let task = user.task(&json!({"title": "Late already", "due_date": "2027-04-30T12:00:00Z"})).await;
    assert_eq!(exactly(&user, 1).await, [pair("overdue", "Late already")], "one overdue notice of what is past when it is set");
    let page = user.get("/api/notifications").await.json();
    let notification = &page["items"][0];
    assert_eq!((&notification["task_id"], &notification["due_date"]), (&task["id"], &task["due_date"]));
    assert_eq!((&notification["read"], &page["next_cursor"]), (&json!(false), &Value::Null));
    assert!(notification["link"].as_str().unwrap().contains(task["id"].as_str().unwrap()), "{notification}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_no_lead_both_notices_fall_on_the_due_second() {
    let (host, user) = traveller("2027-05-01T08:00:00Z").await;
    user.task(&json!({"title": "Now", "due_date": "2027-05-01T12:00:00Z", "reminder_minutes": 0})).await;
    host.set_clock("2027-05-01T12:00:00Z").await;
    let mut all = exactly(&user, 2).await;
    all.sort();
    assert_eq!(all, [pair("overdue", "Now"), pair("upcoming", "Now")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_has_begun_reminds_at_once_and_new_dates_arm_anew() {
    let (host, user) = traveller("2027-05-01T08:00:00Z").await;
    let task = user.task(&json!({"title": "Soon", "due_date": "2027-05-01T08:30:00Z"})).await;
    let path = format!("/api/todos/{}", task["id"].as_str().unwrap());
    assert_eq!(exactly(&user, 1).await, [pair("upcoming", "Soon")]);
    // The new date withdraws what no longer applies, and reminds anew.
    user.patch(&path, &json!({"due_date": "2027-05-02T08:30:00Z"})).await;
    eventually("a withdrawal", async || notices(&user).await.is_empty().then_some(())).await;
    host.set_clock("2027-05-02T07:30:00Z").await;
    exactly(&user, 1).await;
    user.patch(&path, &json!({"due_date": null})).await;
    host.set_clock("2027-05-03T00:00:00Z").await;
    eventually("a withdrawal", async || notices(&user).await.is_empty().then_some(())).await;
    exactly(&user, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn completed_and_deleted_tasks_never_remind_and_what_is_unread_of_them_goes() {
    let (host, user) = traveller("2027-05-01T08:00:00Z").await;
    let mut paths = Vec::new();
    for title in ["done", "gone"] {
        let task = user.task(&json!({"title": title, "due_date": "2027-05-01T09:30:00Z"})).await;
        paths.push(format!("/api/todos/{}", task["id"].as_str().unwrap()));
    }
    host.set_clock("2027-05-01T08:30:00Z").await;
    exactly(&user, 2).await;
    user.patch(&format!("{}/complete", paths[0]), &json!({"completed": true})).await;
    user.delete(&paths[1]).await;
    eventually("a withdrawal", async || notices(&user).await.is_empty().then_some(())).await;
    host.set_clock("2027-05-01T10:00:00Z").await;
    exactly(&user, 0).await;
    // Back again, and past its due date: one overdue notice.
    assert_eq!(user.post(&format!("{}/restore", paths[1]), &json!({})).await.status, 200);
    assert_eq!(exactly(&user, 1).await, [pair("overdue", "gone")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_10_two_schedulers_give_one_notification() {
    // Many calls of the cron endpoint at the very second at which the host's own clock fires.
    let (host, user) = traveller("2027-05-01T08:00:00Z").await;
    for n in 0..20 {
        user.task(&json!({"title": format!("task {n}"), "due_date": "2027-05-01T12:00:00Z", "reminder_minutes": null})).await;
    }
    let cron = host.as_sidecar();
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let cron = cron.clone();
            tokio::spawn(async move { cron.post("/cron-overdue-check", &json!({})).await.status })
        })
        .collect();
    host.set_clock("2027-05-01T12:00:00Z").await;
    for call in calls {
        assert!(call.await.unwrap().is_success());
    }
    exactly(&user, 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_12_a_snooze_is_silent_until_it_ends_and_then_speaks_once() {
    let (host, user) = traveller("2027-05-01T08:00:00Z").await;
    let task = user.task(&json!({"title": "Snore", "due_date": "2027-05-01T12:00:00Z", "reminder_minutes": 60})).await;
    let path = format!("/api/todos/{}", task["id"].as_str().unwrap());
    host.set_clock("2027-05-01T11:00:00Z").await;
    exactly(&user, 1).await;
    assert_eq!(user.post(&format!("{path}/snooze"), &json!({"minutes": 90})).await.status, 200);
    exactly(&user, 1).await;
    host.set_clock("2027-05-01T12:15:00Z").await;
    exactly(&user, 1).await;
    host.set_clock("2027-05-01T12:30:00Z").await;
    assert_eq!(exactly(&user, 2).await[1], pair("overdue", "Snore"));
    host.set_clock("2027-05-01T18:00:00Z").await;
    exactly(&user, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_23_what_fell_due_while_the_host_was_down_is_reminded_at_start_once() {
    let (mut host, user) = traveller("2027-05-01T08:00:00Z").await;
    for title in ["one", "two"] {
        user.task(&json!({"title": title, "due_date": "2027-05-01T12:00:20Z", "reminder_minutes": null})).await;
    }
    host.kill();
    host.restart(&at("2027-05-01T14:00:00Z"));
    let mut all = exactly(&user, 2).await;
    all.sort();
    assert_eq!(all, [pair("overdue", "one"), pair("overdue", "two")]);
    for _ in 0..3 {
        host.kill();
        host.restart(&at("2027-05-01T14:00:00Z"));
    }
    exactly(&user, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_forward_and_back_repeats_nothing() {
    let (host, user) = traveller("2027-05-01T08:00:00Z").await;
    user.task(&json!({"title": "Jump", "due_date": "2027-05-01T12:00:00Z", "reminder_minutes": 60})).await;
    host.set_clock("2027-06-01T00:00:00Z").await;
    exactly(&user, 2).await;
    host.set_clock("2027-05-01T08:00:00Z").await;
    host.set_clock("2027-05-01T11:00:00Z").await;
    host.set_clock("2027-05-01T12:00:00Z").await;
    exactly(&user, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_lead_time_is_the_preference() {
    let (host, user) = traveller("2027-05-01T08:00:00Z").await;
    assert_eq!(user.put("/api/preferences", &json!({"default_reminder_minutes": 10})).await.status, 200);
    user.task(&json!({"title": "Ten", "due_date": "2027-05-01T12:00:00Z"})).await;
    host.set_clock("2027-05-01T11:49:00Z").await;
    exactly(&user, 0).await;
    host.set_clock("2027-05-01T11:50:00Z").await;
    assert_eq!(exactly(&user, 1).await, [pair("upcoming", "Ten")]);
}
