//! A broker that stops answering, is killed, and comes back: nothing is lost, nobody restarts anything. Failure 2 of the specification.

use super::*;
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn failure_02_a_broker_that_is_away_for_a_while_loses_and_reorders_nothing() {
    let Some(world) = World::alone().await else { return };
    let recorder = Arc::new(Recorder::default());
    let host = world.host();
    world.relay(&host);
    host.group("group", recorder.clone());
    world.add_tasks("ada", 20).await;
    until("it goes", async || recorder.of("ada").len() == 20).await;
    let mut count = 20;
    for outage in ["frozen", "killed", "stopped", "frozen for long"] {
        match outage {
            "killed" => world.kafka.kill(),
            "stopped" => tokio::task::block_in_place(|| world.kafka.stop()),
            _ => world.kafka.freeze().unwrap(),
        }
        for _ in 0..10 {
            world.add_tasks("ada", 3).await;
            tokio::time::sleep(Duration::from_millis(if outage == "frozen for long" { 1_300 } else { 200 })).await;
        }
        count += 30;
        match outage {
            "killed" | "stopped" => tokio::task::block_in_place(|| world.kafka.start_again()).unwrap(),
            _ => world.kafka.go_on().unwrap(),
        }
        world.add_tasks("ada", 5).await;
        count += 5;
        until(outage, async || recorder.of("ada").contains(&count)).await;
    }
    host.stop().await;
    let heard = recorder.of("ada");
    let mut next = 1;
    for number in &heard {
        assert!(*number <= next, "{number} before {next}");
        next = next.max(number + 1);
    }
    assert_eq!(heard.iter().collect::<BTreeSet<_>>().len() as u64, count, "all are there");
    println!("{count} events over four outages, {} of them heard again", heard.len() as u64 - count);
}

/// The broker has written them, and what it says of that is lost: they are written again, with the same ids.
#[tokio::test(flavor = "multi_thread")]
async fn failure_02_a_lost_acknowledgement_is_an_event_that_is_known_by_its_id() {
    let Some(world) = World::new().await else { return };
    let host = world.host();
    host.ready().await;
    world.add_tasks("ada", 5).await;
    let publisher = host.bus.publisher();
    let events = world.store.events_after(&[TASK_EVENTS], 0, 10).await.unwrap();
    for _ in 0..2 {
        assert_eq!(publisher.publish(&events).await, crate::events::relay::Published { delivered: 5, trouble: None });
    }
    let recorder = Arc::new(Recorder::default());
    host.group("group", recorder.clone());
    until("all are heard", async || recorder.of("ada").len() == 10).await;
    assert_eq!(recorder.of("ada"), [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
    let ids: BTreeSet<String> = host
        .list(TASK_EVENTS)
        .await
        .iter()
        .map(|entry| match &entry.content {
            crate::events::Content::Event(body) => serde_json::from_str::<serde_json::Value>(body.get()).unwrap()["id"].to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids.len(), 5);
    host.stop().await;
}
