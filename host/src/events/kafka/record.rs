//! Records, as the client of Kafka has them.

use crate::events::dead::DeadLetter;
use crate::events::record::Record;
use crate::store::StoreError;
use rdkafka::message::{BorrowedMessage, Header, Headers as _, Message, OwnedHeaders};
use serde_json::Value;
use std::str::from_utf8;

/// What the value of an event's record is.
const CONTENT_TYPE: (&str, &str) = ("content-type", "application/cloudevents+json");

/// `topic` is the topic's own name.
pub(super) fn record_of(message: &BorrowedMessage<'_>, topic: &str) -> Record {
    let text = |header: Header<'_, &[u8]>| Some((header.key.to_owned(), from_utf8(header.value?).ok()?.to_owned()));
    let headers = message.headers().map(|headers| headers.iter().filter_map(text).collect());
    let (key, value) = (message.key().map(<[u8]>::to_vec), message.payload().map(<[u8]>::to_vec));
    Record::new(topic, message.partition(), message.offset(), key, value).with_headers(headers.unwrap_or_default())
}

/// The headers of an event's record.
pub(super) fn event_headers() -> OwnedHeaders {
    let (key, value) = CONTENT_TYPE;
    OwnedHeaders::new().insert(Header { key, value: Some(value) })
}

/// The headers of a dead letter: each member is one.
pub(super) fn letter_headers(letter: &DeadLetter) -> Result<OwnedHeaders, StoreError> {
    let members: serde_json::Map<String, Value> =
        serde_json::from_str(letter.headers()?.get()).map_err(|error| StoreError::Internal(error.into()))?;
    Ok(members.iter().fold(event_headers(), |headers, (key, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        headers.insert(Header { key, value: Some(&text) })
    }))
}
