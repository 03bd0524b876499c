//! `/api/notifications`.

use crate::time::eventually;
use it::{Client, someone};
use serde_json::{Value, json};

/// A user with so many overdue tasks, once each has its notification.
async fn notified(count: usize) -> (Client, Vec<Value>) {
    let user = someone().await;
    for n in 0..count {
        user.task(&json!({"title": format!("task {n}"), "due_date": "2020-01-01T00:00:00Z"})).await;
    }
    let all =
        eventually("notifications", async || Some(user.all("/api/notifications?limit=3").await).filter(|all| all.len() == count));
    let all = all.await;
    (user, all)
}

#[tokio::test(flavor = "multi_thread")]
async fn they_come_newest_first_in_pages() {
    let (user, all) = notified(7).await;
    let mut sorted = all.clone();
    sorted.sort_by_key(|it| std::cmp::Reverse((it["created_at"].to_string(), it["id"].to_string())));
    assert_eq!(all, sorted);
    assert_eq!(user.get("/api/notifications/unread-count").await.json(), json!({"count": 7}));
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_marked_as_read_one_by_one_and_all_at_once() {
    let (user, all) = notified(3).await;
    let path = format!("/api/notifications/{}/read", all[1]["id"].as_str().unwrap());
    for _ in 0..2 {
        let answer = user.patch(&path, &json!({})).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["read"]), (200, &json!(true)), "{}", answer.text);
    }
    assert_eq!(user.get("/api/notifications/unread-count").await.json(), json!({"count": 2}));
    assert_eq!(user.all("/api/notifications?unread_only=true").await, [all[0].clone(), all[2].clone()]);
    let answer = user.post("/api/notifications/read-all", &json!({})).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    assert_eq!(user.get("/api/notifications/unread-count").await.json(), json!({"count": 0}));
    assert_eq!(user.all("/api/notifications?limit=1").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_notification_of_yours_is_not_found_and_bad_parameters_are_named() {
    let (user, all) = notified(1).await;
    let stranger = someone().await;
    let id = all[0]["id"].as_str().unwrap();
    stranger.patch(&format!("/api/notifications/{id}/read"), &json!({})).await.problem(404);
    stranger.patch("/api/notifications/x/read", &json!({})).await.problem(404);
    assert_eq!(stranger.all("/api/notifications?limit=50").await, Vec::<Value>::new());
    for (query, path) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("unread_only=perhaps", "unread_only"),
        ("cursor=x", "cursor"),
        ("page=2", "page"),
    ] {
        assert_eq!(user.get(&format!("/api/notifications?{query}")).await.faults(422), [path], "{query}");
    }
    user.anonymous().get("/api/notifications").await.problem(401);
    let (_, export) = (0, user.get("/api/account/export").await.json());
    assert_eq!(export["notifications"].as_array().map(Vec::len), Some(1));
}
