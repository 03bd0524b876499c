//! Listeners: every one hears everything, whatever happens to the broker. Failure 13 of the specification.

use super::*;

async fn heard(tail: &mut Tail, count: u64) {
    let mut next = 1;
    while next <= count {
        let event = tokio::time::timeout(Duration::from_secs(60), tail.next()).await.expect("an event").expect("it goes on");
        assert_eq!(event.topic, TASK_UPDATES);
        // Some may come twice.
        assert!(event.sequence.unwrap() <= next, "{:?} instead of {next}", event.sequence);
        next = next.max(event.sequence.unwrap() + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_13_every_host_hears_everything() {
    let Some(world) = World::new().await else { return };
    let hosts = [world.host(), world.host(), world.host()];
    world.relay(&hosts[0]);
    let mut tails = hosts.each_ref().map(|host| host.bus.tail(&[TASK_UPDATES]));
    world.add_tasks("ada", 300).await;
    for tail in &mut tails {
        heard(tail, 300).await;
    }
    for host in hosts {
        host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_before_the_broker_is_there_is_heard_when_it_is() {
    let Some(world) = World::alone().await else { return };
    world.kafka.kill();
    let host = world.host();
    world.relay(&host);
    let mut tail = host.bus.tail(&[TASK_UPDATES]);
    world.add_tasks("ada", 5).await;
    until("it is said why", async || host.bus.away().is_some_and(|reason| reason.contains("TIDINGS_KAFKA_BROKERS"))).await;
    tokio::task::block_in_place(|| world.kafka.start_again()).unwrap();
    heard(&mut tail, 5).await;
    // And once more, with a listener that has heard something.
    world.kafka.kill();
    world.add_tasks("ada", 5).await;
    tokio::task::block_in_place(|| world.kafka.start_again()).unwrap();
    let mut next = 6;
    while next <= 10 {
        let event = tokio::time::timeout(Duration::from_secs(60), tail.next()).await.expect("an event").expect("it goes on");
        assert!(event.sequence.unwrap() <= next);
        next = next.max(event.sequence.unwrap() + 1);
    }
    host.stop().await;
}
