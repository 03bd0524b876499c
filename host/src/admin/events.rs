//! The log, one event a line, to its end or for as long as it grows.

use crate::http::body::{Body, BodyError};
use crate::store::EventLog;
use bytes::Bytes;
use http_body::Frame;
use http_body_util::StreamBody;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Events that are read at one time.
const PAGE: u32 = 500;

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub topic: Option<String>,
    pub follow: bool,
}

impl Wanted {
    /// As `tidings events` says it.
    pub fn to_query(&self) -> String {
        let topic = self.topic.as_deref().map(|topic| format!("topic={topic}"));
        let follow = self.follow.then(|| "follow".to_owned());
        topic.into_iter().chain(follow).collect::<Vec<_>>().join("&")
    }

    pub fn from_query(query: &str) -> Self {
        query.split('&').fold(Self::default(), |wanted, part| match part.split_once('=') {
            Some(("topic", topic)) => Self { topic: Some(topic.to_owned()), ..wanted },
            None if part == "follow" => Self { follow: true, ..wanted },
            _ => wanted,
        })
    }
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
    let frames = futures::stream::unfold(Some(reading), |reading| async move {
        let mut reading = reading?;
        match reading.next().await {
            Ok(Some(bytes)) => Some((Ok(Frame::data(bytes)), Some(reading))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    });
    Body::new(StreamBody::new(frames))
}

impl Reading {
    /// The next lines; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
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
                return Ok(Some(Bytes::from(lines)));
            }
            if !self.wanted.follow || !matches!(self.stop.run_until_cancelled(committed.changed()).await, Some(Ok(()))) {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_comes_back_as_it_went() {
        for (topic, follow) in [(None, false), (Some("task-events"), false), (None, true), (Some("task-updates"), true)] {
            let wanted = Wanted { topic: topic.map(str::to_owned), follow };
            assert_eq!(Wanted::from_query(&wanted.to_query()), wanted);
        }
    }
}
