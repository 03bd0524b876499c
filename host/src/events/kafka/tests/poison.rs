//! Records that are no events, of any shape: they become dead letters, byte for byte, and what stands around them goes on.

use super::*;
use crate::events::Content;
use crate::events::testing::creation;
use serde_json::json;

fn event(user: &str, change: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
    let mut event = json!({
        "specversion": "1.0", "id": uuid::Uuid::now_v7(), "source": "urn:tidings:tasks", "type": "task.created",
        "time": "2027-05-01T08:00:00Z", "dataschema": "urn:tidings:schema:task.created:1", "sequence": "1",
        "partitionkey": user, "data": {"user_id": user},
    });
    change(&mut event);
    event.to_string().into_bytes()
}

/// Key and value of a record.
type KeyAndValue = (Option<Vec<u8>>, Option<Vec<u8>>);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_event_is_a_dead_letter_and_the_rest_goes_on() {
    let Some(world) = World::new().await else { return };
    let host = world.host();
    world.relay(&host);
    host.ready().await;
    let mallory = |change: &dyn Fn(&mut serde_json::Value)| (Some(b"mallory".to_vec()), Some(event("mallory", change)));
    // As much as the broker takes by default.
    let huge = vec![b'x'; 1_048_000];
    let poison: Vec<KeyAndValue> = vec![
        (Some(b"ada".to_vec()), Some(vec![0, 159, 146, 150, 255])),
        (Some(b"ada".to_vec()), None),
        (None, None),
        (None, Some(event("ada", |_| {}))),
        (Some(vec![0, 255]), Some(event("ada", |_| {}))),
        (Some(b"ada".to_vec()), Some(b"{\"hello\": \"world\"}".to_vec())),
        (Some(b"ada".to_vec()), Some(b"[]".to_vec())),
        (Some(b"ada".to_vec()), Some(b"{".repeat(10_000))),
        (Some(b"ada".to_vec()), Some(huge)),
        // Another's event, under one's own key, and the other way round.
        (Some(b"mallory".to_vec()), Some(event("ada", |_| {}))),
        mallory(&|event| event["data"]["user_id"] = json!("ada")),
        mallory(&|event| event["partitionkey"] = json!(null)),
        mallory(&|event| event["id"] = json!("not one of ours")),
        mallory(&|event| event["specversion"] = json!("0.3")),
        mallory(&|event| event["sequence"] = json!("-1")),
        mallory(&|event| event["time"] = json!("noon")),
    ];
    world.add_tasks("ada", 1).await;
    world.relayed().await;
    for (key, value) in &poison {
        world.write(TASK_EVENTS, key.as_deref(), value.as_deref()).await;
    }
    let recorder = Arc::new(Recorder::default());
    host.group("group", recorder.clone());
    for user in ["ada", "bob", "eve", "mallory"] {
        world.store.commit(creation(user)).await.unwrap();
    }
    until("what is good is heard", async || {
        recorder.of("ada") == [1, 2] && ["bob", "eve", "mallory"].iter().all(|user| recorder.of(user) == [1])
    })
    .await;
    until("what is not is buried", async || host.letters().await.len() == poison.len()).await;
    let mut left = poison.clone();
    for letter in host.letters().await {
        let Content::Other { key, value } = letter.content else { panic!("{letter:?}") };
        let at = left.iter().position(|wanted| *wanted == (key.clone(), value.clone())).expect("as it was written");
        left.remove(at);
        let headers: serde_json::Value = serde_json::from_str(letter.headers.unwrap().get()).unwrap();
        assert_eq!((&headers["group"], &headers["tries"]), (&json!("group"), &json!(0)));
        assert!(headers["reason"].as_str().is_some_and(|reason| !reason.contains("ada")), "{headers}");
    }
    assert!(left.is_empty());
    host.stop().await;
    // Nothing of it comes again.
    let host = world.host();
    host.group("group", recorder.clone());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(host.letters().await.len(), poison.len());
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_only_a_component_can_judge_reaches_it() {
    let Some(world) = World::new().await else { return };
    let host = world.host();
    host.ready().await;
    for data in [json!(null), json!("nonsense"), json!({"since": "later"})] {
        world.write(TASK_EVENTS, Some(b"ada"), Some(&event("ada", |event| event["data"] = data.clone()))).await;
    }
    let recorder = Arc::new(Recorder::default());
    host.group("group", recorder.clone());
    until("all are heard", async || recorder.of("ada") == [1, 1, 1]).await;
    assert!(host.letters().await.is_empty());
    host.stop().await;
}
