//! What operators see and do.

use super::*;
use crate::events::{Content, Trouble};

#[tokio::test(flavor = "multi_thread")]
async fn the_topics_are_read_from_their_beginning_and_followed() {
    let Some(world) = World::new().await else { return };
    let host = world.host();
    world.relay(&host);
    world.add_tasks("ada", 300).await;
    world.relayed().await;
    let bodies = |entries: Vec<Entry>| -> Vec<String> {
        let body = |entry: Entry| match entry.content {
            Content::Event(body) => body.get().to_owned(),
            Content::Other { .. } => panic!("{entry:?}"),
        };
        entries.into_iter().map(body).collect()
    };
    let of_log = async |topics: &[&str]| -> Vec<String> {
        let events = world.store.events_after(topics, 0, 10_000).await.unwrap();
        events.into_iter().map(|event| event.body.get().to_owned()).collect()
    };
    assert_eq!(bodies(host.list(TASK_EVENTS).await), of_log(&[TASK_EVENTS]).await, "one user's, in their order");
    let mut all = bodies(host.bus.list(Wanted::default()).map(|page| page.unwrap()).concat().await);
    let mut expected = of_log(&[]).await;
    all.sort();
    expected.sort();
    assert_eq!(all, expected);
    let mut following = host.bus.list(Wanted { topic: Some(TASK_EVENTS.to_owned()), follow: true });
    let mut seen = 0;
    while seen < 300 {
        seen += following.next().await.unwrap().unwrap().len();
    }
    world.add_tasks("ada", 2).await;
    while seen < 302 {
        seen += tokio::time::timeout(Duration::from_secs(20), following.next()).await.unwrap().unwrap().unwrap().len();
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_sent_again_to_where_they_came_from() {
    let Some(world) = World::new().await else { return };
    let reject = || Trouble::Reject("not of today".to_owned());
    let recorder = Arc::new(Recorder::default()).troubled("ada", 1, vec![reject(), reject()]);
    let host = world.host();
    world.relay(&host);
    world.add_tasks("ada", 2).await;
    host.group("group", recorder.clone());
    until("it is buried", async || recorder.of("ada") == [1, 2] && host.letters().await.len() == 1).await;
    let sent = async |wanted: Replay| host.bus.replay(&wanted).await.unwrap();
    assert_eq!(sent(Replay::default()).await, 1);
    until("it is buried again", async || recorder.of("ada") == [1, 2, 1] && host.letters().await.len() == 2).await;
    assert_eq!(sent(Replay { topic: Some("reminders.dlq".to_owned()), id: None }).await, 0);
    assert_eq!(sent(Replay::default()).await, 1, "the second letter");
    until("it is done", async || recorder.of("ada") == [1, 2, 1, 1]).await;
    assert_eq!(sent(Replay::default()).await, 0, "they were sent again before");
    let events = host.list(TASK_EVENTS).await;
    let Content::Event(first) = &events[0].content else { panic!("{events:?}") };
    let id = serde_json::from_str::<serde_json::Value>(first.get()).unwrap()["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(sent(Replay { topic: None, id: Some(id) }).await, 1, "unless it is wanted by its id, and once though it was buried twice");
    until("it comes again", async || recorder.of("ada") == [1, 2, 1, 1, 1]).await;
    let again = host.list(TASK_EVENTS).await;
    let same = again.iter().filter(|entry| matches!(&entry.content, Content::Event(body) if body.get() == first.get()));
    assert_eq!(same.count(), 4, "byte for byte");
    assert!(again.iter().all(|entry| entry.headers.is_none()));
    host.stop().await;
}
