//! The database away, standing still, restarted: reads and writes say so within seconds, nothing is lost, and all goes on by itself.

use super::{config, creation, set, task, user};
use crate::store::postgres::PostgresStore;
use crate::store::{EventLog, Ledger, Store, StoreError};
use parts::Postgres;
use std::time::{Duration, Instant};

/// Waits until it serves again; by itself.
async fn serves(store: &PostgresStore) {
    let begun = Instant::now();
    while store.check().await.is_err() || store.commit(set(&user("ada"), vec![creation(task("after"))])).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Each kind of call says that it cannot be served, and soon.
async fn says_no(store: &PostgresStore, within: Duration) {
    let begun = Instant::now();
    let (ada, event) = (user("ada"), set(&user("ada"), vec![creation(task("lost"))]));
    let (read, written, checked, turn) =
        tokio::join!(store.preferences(&ada), store.commit(event), store.check(), store.turn("group"),);
    let errors = [read.err(), written.err(), checked.err(), turn.err()];
    assert!(errors.iter().all(|error| matches!(error, Some(StoreError::Unavailable(_)))), "{errors:?}");
    assert!(begun.elapsed() < within, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_killed_stands_still_or_is_restarted_is_waited_for_by_nobody() {
    let mut server = Postgres::start().unwrap();
    let url = server.database().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = PostgresStore::open(folder.path(), &config(&url, 8)).await.unwrap();
    let mut committed = store.committed();
    let mut acknowledged = 0;
    for _ in 0..10 {
        store.commit(set(&user("ada"), vec![creation(task("before"))])).await.unwrap();
        acknowledged += 1;
    }

    server.kill();
    says_no(&store, Duration::from_secs(5)).await;
    server.restart().unwrap();
    serves(&store).await;
    acknowledged += 1;
    assert_eq!(store.stream_bounds(&user("ada")).await.unwrap().0, acknowledged, "what was acknowledged is there, and no more");

    // It stands still: the sockets are there, and nothing comes.
    let pid = server.process().pid().to_string();
    signal_all(&pid, "STOP");
    says_no(&store, Duration::from_secs(12)).await;
    signal_all(&pid, "CONT");
    serves(&store).await;

    // Sessions are ended under it.
    for _ in 0..3 {
        server.sql(&url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidings'").unwrap();
        serves(&store).await;
    }
    // Another host's commits are heard again.
    committed.mark_unchanged();
    let folder = tempfile::tempdir().unwrap();
    let other = PostgresStore::open(folder.path(), &config(&url, 8)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    other.commit(set(&user("bob"), vec![creation(task("told"))])).await.unwrap();
    let last = other.last_position().await.unwrap();
    tokio::time::timeout(Duration::from_secs(1), committed.wait_for(|position| *position >= last)).await.unwrap().unwrap();
}

/// A signal for the server and all its processes.
fn signal_all(pid: &str, name: &str) {
    let children = std::process::Command::new("pgrep").args(["-P", pid]).output().unwrap();
    let children = String::from_utf8_lossy(&children.stdout).into_owned();
    for pid in children.split_whitespace().chain([pid]) {
        std::process::Command::new("kill").args([&format!("-{name}"), pid]).status().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_hold_too_long_is_said_to_be_busy() {
    let fixture = super::Fixture::new().await;
    let ada = user("ada");
    fixture.store.commit(set(&ada, vec![creation(task("one"))])).await.unwrap();
    // Somebody stands still in the middle of a transaction.
    let url = fixture.url.clone();
    let server = fixture.server.clone();
    let holder = tokio::task::spawn_blocking(move || {
        server.sql(&url, "BEGIN; SELECT 1 FROM user_sequence FOR UPDATE; SELECT pg_sleep(4); COMMIT").unwrap();
    });
    while fixture.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()",
    ) == "0"
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let refused = fixture.store.commit(set(&ada, vec![creation(task("two"))])).await;
    assert!(matches!(&refused, Err(StoreError::Unavailable(reason)) if reason.contains("busy")), "{refused:?}");
    holder.await.unwrap();
    fixture.store.commit(set(&ada, vec![creation(task("two"))])).await.unwrap();
    assert_eq!(fixture.store.stream_bounds(&ada).await.unwrap(), (2, Some(1)));
}
