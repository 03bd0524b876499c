//! The session of the README, as a test.

use it::{Host, Options};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_the_readme() {
    let mut host = Host::start();
    let ada = host.user("ada").await;
    let mut stream = ada.stream(None).await;
    let task = ada.task(&json!({"title": "Water plants", "due_date": "2026-12-01T18:00:00Z", "tags": ["home"]})).await;
    let path = format!("/api/todos/{}", task["id"].as_str().expect("id"));
    assert_eq!(ada.patch(&path, &json!({"priority": "high"})).await.json()["version"], 2);
    assert_eq!(ada.patch(&format!("{path}/complete"), &json!({"completed": true})).await.json()["version"], 3);
    assert_eq!(ada.delete(&path).await.status, 204);
    for (id, change) in [("1", "created"), ("2", "updated"), ("3", "completed"), ("4", "deleted")] {
        let event = stream.event().await;
        assert_eq!((event.id.as_str(), &event.data["change_type"]), (id, &json!(change)));
    }
    let history = ada.get(&format!("{path}/history")).await.json();
    assert_eq!(history["items"][1]["changed_fields"], json!({"priority": {"old": "medium", "new": "high"}}));
    host.kill();
    host.restart(&Options::default());
    let mut stream = ada.stream(Some("2")).await;
    assert_eq!((stream.event().await.id, stream.event().await.id), ("3".to_owned(), "4".to_owned()));
    assert_eq!(ada.post(&format!("{path}/restore"), &json!({})).await.status, 200);
    assert_eq!(stream.event().await.data["change_type"], "restored");
}
