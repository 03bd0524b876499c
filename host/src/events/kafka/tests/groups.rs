//! Groups: what each hears, that hosts share the work, and that a part is one host's at a time. Failures 2, 3, 16 and 21 of the
//! specification.

use super::*;
use crate::events::testing::retry;
use crate::events::{Content, Handled, Trouble};
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn failure_21_two_groups_each_get_every_event_in_its_order() {
    let Some(world) = World::new().await else { return };
    let host = world.host();
    world.relay(&host);
    world.add_tasks("ada", 30).await;
    let (first, second) = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
    host.group("one", first.clone());
    host.group("two", second.clone());
    world.add_tasks("ada", 20).await;
    world.add_tasks("bob", 10).await;
    until("both hear all", async || {
        [&first, &second].iter().all(|it| it.of("ada") == numbers(50) && it.of("bob") == numbers(10))
    })
    .await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_goes_on_where_it_was() {
    let Some(world) = World::new().await else { return };
    let recorder = Arc::new(Recorder::default());
    for round in 1..=3_u64 {
        let host = world.host();
        world.relay(&host);
        host.group("group", recorder.clone());
        world.add_tasks("ada", 10).await;
        until("it hears what is new", async || recorder.of("ada").len() as u64 >= 10 * round).await;
        host.stop().await;
    }
    assert_eq!(recorder.of("ada"), numbers(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_16_what_is_refused_is_not_acknowledged() {
    let Some(world) = World::new().await else { return };
    let recorder = Arc::new(Recorder::default()).troubled("ada", 2, vec![retry(), Trouble::Busy]);
    let host = world.host();
    world.relay(&host);
    world.add_tasks("ada", 3).await;
    host.group("group", recorder.clone());
    until("it is refused", async || recorder.of("ada") == [1, 2]).await;
    host.stop().await;
    let host = world.host();
    host.group("group", recorder.clone());
    until("it comes again", async || recorder.of("ada").ends_with(&[2, 2, 3])).await;
    host.stop().await;
    assert_eq!(recorder.of("ada"), [1, 2, 2, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rejected_is_a_dead_letter_and_the_rest_goes_on() {
    let Some(world) = World::new().await else { return };
    let rejected = vec![Trouble::Reject("unknown version".to_owned())];
    let recorder = Arc::new(Recorder::default()).troubled("ada", 2, rejected);
    let host = world.host();
    world.relay(&host);
    world.add_tasks("ada", 3).await;
    host.group("group", recorder.clone());
    until("the rest goes on", async || recorder.of("ada") == [1, 2, 3]).await;
    let letters = host.letters().await;
    let [Entry { headers: Some(headers), content: Content::Event(body) }] = letters.as_slice() else { panic!("{letters:?}") };
    let of_log = world.store.events_after(&[TASK_EVENTS], 0, 10).await.unwrap();
    assert_eq!(body.get(), of_log[1].body.get(), "the event is unchanged");
    let headers: serde_json::Value = serde_json::from_str(headers.get()).unwrap();
    assert_eq!(
        (&headers["reason"], &headers["group"], &headers["topic"]),
        (&"unknown version".into(), &"group".into(), &TASK_EVENTS.into())
    );
    assert_eq!((&headers["tries"], headers["partition"].is_i64(), headers["position"].is_i64()), (&1.into(), true, true));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_more_than_a_lane_holds_is_read_again_in_order() {
    let Some(world) = World::new().await else { return };
    let recorder = Arc::new(Recorder::default()).troubled("ada", 1, vec![retry(), retry()]);
    let host = world.host();
    world.relay(&host);
    world.add_tasks("ada", 150).await;
    host.group("group", recorder.clone());
    until("all are heard", async || recorder.of("ada").len() >= 152).await;
    host.stop().await;
    assert_eq!(recorder.of("ada"), [1, 1].into_iter().chain(1..=150).collect::<Vec<u64>>());
}

/// Takes its time, and sees whether somebody else is at the same user's events.
struct Slow {
    name: &'static str,
    world: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    at_work: Mutex<BTreeSet<String>>,
    /// By user: who handled which number.
    seen: Mutex<BTreeMap<String, Vec<(u64, &'static str)>>>,
    overlaps: AtomicUsize,
}

#[async_trait]
impl Handler for Slow {
    async fn handle(&self, events: &[LoggedEvent]) -> Handled {
        let user = events[0].user.to_string();
        if !self.world.at_work.lock().unwrap().insert(user.clone()) {
            self.world.overlaps.fetch_add(1, Ordering::Relaxed);
        }
        for event in events {
            tokio::time::sleep(Duration::from_millis(2)).await;
            self.world.seen.lock().unwrap().entry(user.clone()).or_default().push((event.sequence.unwrap(), self.name));
        }
        self.world.at_work.lock().unwrap().remove(&user);
        Handled { done: events.len(), trouble: None }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_of_a_group_share_its_parts_and_a_part_changes_hands_between_two_events() {
    let Some(world) = World::new().await else { return };
    let shared = Arc::new(Shared::default());
    let users: Vec<String> = (0..24).map(|n| format!("user{n}")).collect();
    let first = world.host();
    world.relay(&first);
    first.group("group", Arc::new(Slow { name: "first", world: shared.clone() }));
    // There is work at every moment of the changes.
    let enough = CancellationToken::new();
    let writing = {
        let (store, users, enough) = (world.store.clone(), users.clone(), enough.clone());
        first.tasks.spawn("writing", async move {
            let mut rounds = 0;
            while !enough.is_cancelled() {
                for user in &users {
                    store.commit(creation(user)).await.unwrap();
                }
                rounds += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            rounds
        })
    };
    let by = |name| shared.seen.lock().unwrap().values().flatten().filter(|(_, who)| *who == name).count();
    until("the first is at work", async || by("first") > 200).await;
    let second = world.host();
    second.group("group", Arc::new(Slow { name: "second", world: shared.clone() }));
    until("the second is at work, too", async || by("second") > 200).await;
    // And back again: the second goes in the middle of its work.
    second.stop().await;
    let before = by("first");
    until("the first goes on", async || by("first") > before + 200).await;
    enough.cancel();
    let last: u64 = writing.await.unwrap();
    let ended = |seen: &Vec<(u64, &str)>| seen.iter().any(|(number, _)| *number == last);
    until("all is done", async || shared.seen.lock().unwrap().values().filter(|seen| ended(seen)).count() == users.len()).await;
    first.stop().await;
    assert_eq!(shared.overlaps.load(Ordering::Relaxed), 0, "never two hosts at one user's events");
    let seen = shared.seen.lock().unwrap();
    for user in &users {
        let heard: Vec<u64> = seen[user].iter().map(|(number, _)| *number).collect();
        assert_eq!(heard, numbers(last), "{user}: a part changes hands with all that was begun at its end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_of_ten_thousand_is_worked_off() {
    let Some(world) = World::new().await else { return };
    let host = world.host();
    for batch in 0..100 {
        let user = format!("user{}", batch % 50);
        for _ in 0..2 {
            let mut set = creation(&user);
            let change = set.changes[0].clone();
            set.changes =
                (0..25).map(|_| domain::contract::creation(domain::contract::task(change.task.title.as_str()))).collect();
            world.store.commit(set).await.unwrap();
        }
    }
    let count = world.store.last_position().await.unwrap();
    assert_eq!(count, 10_000);
    let began = std::time::Instant::now();
    world.relay(&host);
    let recorder = Arc::new(Recorder::default());
    host.group("group", recorder.clone());
    until("all are heard", async || recorder.seen.lock().unwrap().len() >= 5_000).await;
    println!("10,000 events relayed and 5,000 of them handled in {:.2} s", began.elapsed().as_secs_f64());
    host.stop().await;
    for user in 0..50 {
        assert_eq!(recorder.of(&format!("user{user}")), numbers(100));
    }
}
