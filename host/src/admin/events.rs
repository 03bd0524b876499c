//! The log, one entry a line, to its end or for as long as it grows.

use crate::events::{Entries, Entry};
use axum::body::Body;
use futures::StreamExt;

/// Lines of CloudEvents.
pub fn body(entries: Entries) -> Body {
    Body::from_stream(entries.map(|page| page.map(|page| lines(&page))))
}

fn lines(page: &[Entry]) -> String {
    let mut lines = String::new();
    page.iter().for_each(|entry| entry.push_line(&mut lines));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::events::{Bus, LocalBus, Wanted};
    use crate::store::sqlite::SqliteStore;
    use crate::store::{ChangeSet, EventLog, Ledger};
    use crate::task::Tasks;
    use domain::change::{Actor, ActorKind, Source};
    use domain::contract::{at, creation, task};
    use domain::json;
    use serde_json::{Value, json};
    use std::sync::Arc;

    #[tokio::test]
    async fn a_dead_letter_is_shown_with_its_headers() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
        let actor = Actor { kind: ActorKind::User, id: "ada".to_owned() };
        let none = ChangeSet::new("ada".parse().unwrap(), actor, Source::Api, at(0));
        store.commit(ChangeSet { changes: vec![creation(task("poison"))], ..none }).await.unwrap();
        let headers = json::raw(&json!({ "reason": "no" }));
        store.write_again(1, "task-events.dlq", Some(&headers), at(1)).await.unwrap();
        let bus = LocalBus::new(store.clone(), Arc::new(SystemClock), Tasks::default());
        let lines = async |topic: &str| {
            let wanted = Wanted { topic: Some(topic.to_owned()), follow: false };
            let bytes = axum::body::to_bytes(body(bus.list(wanted)), 1 << 20).await.unwrap();
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
        };
        let alive = lines("task-events").await;
        assert_eq!((alive.len(), &alive[0]["type"]), (1, &json!("task.created")));
        assert_eq!(lines("task-events.dlq").await, [json!({ "headers": { "reason": "no" }, "event": alive[0] })]);
    }
}
