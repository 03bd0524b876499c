//! Turns at the log.

use super::Fixture;
use crate::store::{EventLog, Turn};

async fn turn(fixture: &Fixture) -> Box<dyn Turn> {
    fixture.store.turn("group").await.unwrap().expect("nobody else has it")
}

#[tokio::test]
async fn a_turn_goes_on_where_the_last_was_kept_and_not_where_it_was_dropped() {
    let fixture = Fixture::new().await;
    let first = turn(&fixture).await;
    assert_eq!(first.position(), 0);
    first.keep(7).await.unwrap();
    drop(turn(&fixture).await);
    // What is dropped is let go of a moment later.
    let again = loop {
        if let Some(turn) = fixture.store.turn("group").await.unwrap() {
            break turn;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(again.position(), 7);
    again.keep(9).await.unwrap();
    assert_eq!(fixture.store.group_position("group").await.unwrap(), Some(9));
    assert_eq!(fixture.store.group_position("other").await.unwrap(), None);
}
