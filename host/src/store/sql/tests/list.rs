//! Lists beyond what the contract draws.

use super::{Fixture, creation, set, task, user};
use crate::store::Ledger;
use domain::query::{Position, SortBy, SortKey, SortOrder, TaskQuery};
use domain::task::{Priority, Task};

#[tokio::test]
async fn a_cursor_behind_the_only_priority_wanted_gives_an_empty_page() {
    let (fixture, ada) = (Fixture::new().await, user("ada"));
    let low = Task { priority: Priority::Low, ..task("low") };
    fixture.store.commit(set(&ada, vec![creation(low.clone())])).await.unwrap();
    let query = TaskQuery {
        status: None,
        priority: Some(Priority::Low),
        tags: Vec::new(),
        text: None,
        due_before: None,
        due_after: None,
        now: super::at(0),
        sort: SortBy::Priority,
        order: SortOrder::Ascending,
        after: Some(Position { key: SortKey::Priority(Priority::High), id: low.id }),
        limit: 10,
    };
    assert_eq!(fixture.store.tasks(&ada, &query).await.unwrap(), []);
    let first = TaskQuery { after: None, text: Some("l\u{1f}o".to_owned()), ..query };
    assert_eq!(fixture.store.tasks(&ada, &first).await.unwrap(), []);
}
