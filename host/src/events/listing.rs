//! What operators are shown of the log, whatever the bus: one line an entry.

use super::dead::DeadLetter;
use crate::store::{LoggedEvent, StoreError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::json;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Which entries.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Wanted {
    /// Of this topic; none: of all.
    pub topic: Option<String>,
    /// Go on as they are written, until the host stops.
    pub follow: bool,
}

/// Entries as they are read, some at a time; oldest first within a topic, or within its part.
pub type Entries = BoxStream<'static, Result<Vec<Entry>, StoreError>>;

/// One entry of the log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// A JSON object: what a dead letter says of itself.
    pub headers: Option<Arc<RawValue>>,
    pub content: Content,
}

/// What an entry is about.
#[derive(Clone, Debug)]
pub enum Content {
    /// A CloudEvent.
    Event(Arc<RawValue>),
    /// Bytes that are none: whoever has the right can write anything to a broker.
    Other { key: Option<Vec<u8>>, value: Option<Vec<u8>> },
}

impl From<LoggedEvent> for Entry {
    fn from(event: LoggedEvent) -> Self {
        Self { headers: event.headers, content: Content::Event(event.body) }
    }
}

impl Entry {
    /// Bytes that are no event, and why they were refused, where that is known.
    pub(super) fn other(letter: Option<&DeadLetter>, key: Option<Vec<u8>>, value: Option<Vec<u8>>) -> Self {
        Self { headers: letter.map(|letter| Arc::from(json::raw(letter))), content: Content::Other { key, value } }
    }

    /// Its line: the CloudEvent; with headers, `{"headers": …, "event": …}`; what is no event, with `key` and `value` in base64 in place
    /// of the event.
    pub fn push_line(&self, lines: &mut String) {
        match (&self.headers, &self.content) {
            (None, Content::Event(body)) => lines.push_str(body.get()),
            (Some(headers), Content::Event(body)) => {
                lines.extend(["{\"headers\":", headers.get(), ",\"event\":", body.get(), "}"]);
            }
            (headers, Content::Other { key, value }) => {
                let text = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| STANDARD.encode(bytes));
                let line = json!({"headers": headers.as_deref().map(json::value), "key": text(key), "value": text(value)});
                lines.push_str(&line.to_string());
            }
        }
        lines.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_event_is_shown_as_what_it_is() {
        let mut lines = String::new();
        Entry::other(None, None, Some(vec![0, 255])).push_line(&mut lines);
        assert_eq!(lines, "{\"headers\":null,\"key\":null,\"value\":\"AP8=\"}\n");
    }
}
