//! The log, one event a line, to its end or for as long as it grows.

use crate::store::{EventLog, StoreError};
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
                    lines.push_str(event.body.get());
                    lines.push('\n');
                }
                return Ok(Some(lines));
            }
            if !self.wanted.follow || !matches!(self.stop.run_until_cancelled(committed.changed()).await, Some(Ok(()))) {
                return Ok(None);
            }
        }
    }
}
