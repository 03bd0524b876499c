//! The session of the README, as a test.

use it::Host;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_change_on_one_device_appears_on_another() {
    let host = Host::start();
    let ada = host.user("ada").await;
    let mut stream = ada.stream(None).await;
    let task = ada.task(&json!({"title": "Water plants"})).await;
    let event = stream.event().await;
    assert_eq!((event.name.as_str(), event.id.as_str()), ("sync.task-changed", "1"));
    assert_eq!(event.data["task_id"], task["id"]);
    assert_eq!(event.data["change_type"], "created");
}
