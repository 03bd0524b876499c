//! Bytes of an event stream (the HTML standard, section 9.2).

use crate::store::LoggedEvent;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Duration;

/// A comment, which keeps proxies and clients from taking silence for death.
pub const HEARTBEAT: &[u8] = b":\n\n";

/// One event, ready to be sent to any number of readers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The user's own event number, which is the event's id.
    pub sequence: u64,
    pub bytes: Bytes,
}

/// What the log keeps is a CloudEvent; what a reader is shown is its data.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
}

impl Frame {
    /// `None` where the log's entry has no number, and so no place in the stream; or no data: a fault of ours, logged here.
    pub fn of(event: &LoggedEvent) -> Option<Self> {
        let sequence = event.sequence?;
        match serde_json::from_str::<Envelope<'_>>(event.body.get()) {
            Ok(Envelope { data }) => {
                // JSON text has no raw line break outside of its white space, which a line of data may not hold.
                let data = data.get().replace(['\r', '\n'], " ");
                let text = format!("id: {sequence}\nevent: {}\ndata: {data}\n\n", event.kind);
                Some(Self { sequence, bytes: Bytes::from(text) })
            }
            Err(error) => {
                tracing::error!(position = event.position, %error, "an event of the log has no data");
                None
            }
        }
    }
}

/// How long the client waits before it comes back.
pub fn retry(after: Duration) -> String {
    format!("retry: {}\n\n", after.as_millis())
}

/// Tells the client to load everything anew. With the number that a later resume can start from, if that is known.
pub fn resync(last: Option<u64>) -> String {
    match last {
        Some(last) => format!("id: {last}\nevent: resync\ndata: {{}}\n\n"),
        None => "event: resync\ndata: {}\n\n".to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use domain::time::Timestamp;
    use std::sync::Arc;
    use uuid::Uuid;

    pub fn event(user: &str, sequence: u64) -> LoggedEvent {
        let body = format!("{{\"specversion\":\"1.0\",\n\"data\":{{\"n\":\n{sequence}}}}}");
        LoggedEvent {
            position: i64::try_from(sequence).unwrap(),
            topic: "task-updates".into(),
            user: user.parse().unwrap(),
            sequence: Some(sequence),
            id: Uuid::nil(),
            kind: "sync.task-changed".into(),
            time: Timestamp::MIN,
            body: Arc::from(RawValue::from_string(body).unwrap()),
            headers: None,
        }
    }

    #[test]
    fn an_event_shows_its_data_in_one_line() {
        let frame = Frame::of(&event("u", 7)).unwrap();
        assert_eq!(frame.bytes, "id: 7\nevent: sync.task-changed\ndata: {\"n\": 7}\n\n");
    }

    #[test]
    fn an_event_is_named_by_its_type_and_one_without_a_number_is_not_shown() {
        let created = LoggedEvent { kind: "notification.created".into(), ..event("u", 8) };
        assert_eq!(Frame::of(&created).unwrap().bytes, "id: 8\nevent: notification.created\ndata: {\"n\": 8}\n\n");
        assert_eq!(Frame::of(&LoggedEvent { sequence: None, ..created }), None);
    }
}
