//! The log, one event a line, to its end or for as long as it grows. What has headers, a dead letter, is shown with them:
//! `{"headers": …, "event": …}`.

use crate::store::{EventLog, LoggedEvent, StoreError};
use axum::body::Body;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Events that are read at one time.
const PAGE: u32 = 500;

/// Which events.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Wanted {
    pub topic: Option<String>,
    pub follow: bool,
}

struct Reading {
    log: Arc<dyn EventLog>,
    wanted: Wanted,
    stop: CancellationToken,
    position: i64,
}

/// Lines of CloudEvents.
pub fn body(log: Arc<dyn EventLog>, wanted: Wanted, stop: CancellationToken) -> Body {
    let reading = Reading { log, wanted, stop, position: 0 };
    Body::from_stream(futures::stream::try_unfold(reading, async |mut reading| {
        Ok::<_, StoreError>(reading.next().await?.map(|lines| (lines, reading)))
    }))
}

impl Reading {
    /// The next lines; `None` at the end.
    async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let topics: Vec<&str> = self.wanted.topic.as_deref().into_iter().collect();
        let mut committed = self.log.committed();
        loop {
            committed.borrow_and_update();
            let events = self.log.events_after(&topics, self.position, PAGE).await?;
            if let Some(last) = events.last() {
                self.position = last.position;
                let mut lines = String::new();
                for event in &events {
                    push_line(&mut lines, event);
                }
                return Ok(Some(lines));
            }
            if !self.wanted.follow || !matches!(self.stop.run_until_cancelled(committed.changed()).await, Some(Ok(()))) {
                return Ok(None);
            }
        }
    }
}

fn push_line(lines: &mut String, event: &LoggedEvent) {
    let body = event.body.get();
    match &event.headers {
        Some(headers) => lines.extend(["{\"headers\":", headers.get(), ",\"event\":", body, "}\n"]),
        None => lines.extend([body, "\n"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::SqliteStore;
    use crate::store::{ChangeSet, Ledger};
    use domain::change::{Actor, ActorKind, Source};
    use domain::contract::{at, creation, task};
    use domain::json;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn a_dead_letter_is_shown_with_its_headers() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
        let actor = Actor { kind: ActorKind::User, id: "ada".to_owned() };
        let none = ChangeSet::new("ada".parse().unwrap(), actor, Source::Api, at(0));
        store.commit(ChangeSet { changes: vec![creation(task("poison"))], ..none }).await.unwrap();
        let headers = json::raw(&json!({ "reason": "no" }));
        store.write_again(1, "task-events.dlq", Some(&headers), at(1)).await.unwrap();
        let lines = async |topic: &str| {
            let wanted = Wanted { topic: Some(topic.to_owned()), follow: false };
            let bytes = axum::body::to_bytes(body(store.clone(), wanted, CancellationToken::new()), 1 << 20).await.unwrap();
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
        };
        let alive = lines("task-events").await;
        assert_eq!((alive.len(), &alive[0]["type"]), (1, &json!("task.created")));
        assert_eq!(lines("task-events.dlq").await, [json!({ "headers": { "reason": "no" }, "event": alive[0] })]);
    }
}
