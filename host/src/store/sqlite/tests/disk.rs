//! A disk that is full.

use super::{Fixture, creation, set, task, user, write_one};
use crate::store::{EventLog, Ledger, Store, StoreError};
use futures::future::join_all;

#[tokio::test]
async fn a_full_disk_is_said_writes_nothing_and_passes() {
    let fixture = Fixture::new().await;
    let ada = user("ada");
    fixture.store.commit(set(&ada, vec![creation(task("before"))])).await.unwrap();
    write_one(&fixture.store, "PRAGMA max_page_count = 1", |v| v).await.unwrap();
    // It may still use what its pages have left; then it must say so.
    let mut written = 1;
    let refused = loop {
        let sets = (0..8).map(|_| set(&ada, vec![creation(task(&"long ".repeat(40)))]));
        let answers = join_all(sets.map(|set| fixture.store.commit(set))).await;
        written += answers.iter().filter(|answer| answer.is_ok()).count();
        if let Some(error) = answers.into_iter().find_map(Result::err) {
            break error;
        }
    };
    assert!(matches!(&refused, StoreError::Unavailable(reason) if reason == "the disk is full"), "{refused:?}");
    let counts = |list: usize, log: usize| assert_eq!((list, log), (written, written * 2));
    counts(
        fixture.store.history(&ada, None, None, 1_000).await.unwrap().len(),
        fixture.store.events_after(&[], 0, 10_000).await.unwrap().len(),
    );
    write_one(&fixture.store, "PRAGMA max_page_count = 1000000", |v| v).await.unwrap();
    fixture.store.check().await.unwrap();
    fixture.store.commit(set(&ada, vec![creation(task("after"))])).await.unwrap();
    let bounds = fixture.store.stream_bounds(&ada).await.unwrap();
    assert_eq!(bounds, (written as u64 + 1, Some(1)));
}
