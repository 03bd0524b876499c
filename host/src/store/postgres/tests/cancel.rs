//! Clients that go away by the thousand: no connection is left in a transaction, and everything works as before.

use super::{Fixture, creation, open, set, task, user};
use crate::store::{EventLog, Ledger, Memory, Store};
use domain::query::TaskQuery;
use domain::time::Timestamp;
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::Duration;

const ROUNDS: usize = 100;
const AT_ONCE: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_go_away_by_the_thousand_leave_nothing_behind() {
    let fixture = Fixture::new().await;
    // One writer and three readers, one of which listens.
    let (store, _folder) = open(&fixture.url, 4).await;
    let (ada, everything) = (user("ada"), TaskQuery::everything(Timestamp::MIN, 100));
    let mut dice = StdRng::seed_from_u64(7);
    let mut gone = 0;
    for _ in 0..ROUNDS {
        let (store, ada, everything) = (&store, &ada, &everything);
        let calls = (0..AT_ONCE).map(|n| {
            let moment = Duration::from_micros(dice.random_range(0..4_000));
            let call = async move {
                match n % 6 {
                    0 => drop(store.tasks(ada, everything).await.unwrap()),
                    1 => store.commit(set(ada, vec![creation(task("perhaps"))])).await.unwrap(),
                    2 => drop(store.claim("key", Timestamp::MIN, Timestamp::MAX).await.unwrap()),
                    3 => drop(store.events_after(&[], 0, 100).await.unwrap()),
                    4 => drop(store.turn("group").await.unwrap()),
                    _ => store.check().await.unwrap(),
                }
            };
            tokio::time::timeout(moment, call)
        });
        gone += join_all(calls).await.iter().filter(|answer| answer.is_err()).count();
    }
    assert!(gone > 1_000, "only {gone} went away");
    let all = async {
        for _ in 0..20 {
            store.commit(set(&ada, vec![creation(task("certainly"))])).await.unwrap();
            store.tasks(&ada, &everything).await.unwrap();
            drop(store.turn("group").await.unwrap());
        }
        // What was dropped last is let go of a moment later.
        while fixture.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'")
            != "0"
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("everything works as before");
    let (last, _) = store.stream_bounds(&ada).await.unwrap();
    assert_eq!(fixture.sql("SELECT count(*) FROM task_event"), last.to_string(), "all or nothing of each");
    store.close().await;
}
