//! A record, as it is on a broker, and what it has to be to become an event: whoever has the right can write anything there.

use super::dead::DeadLetter;
use crate::store::LoggedEvent;
use domain::id::UserId;
use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::str::from_utf8;
use std::sync::Arc;
use uuid::Uuid;

/// One record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its topic's own name, without a prefix.
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// As far as they are text.
    headers: Vec<(String, String)>,
}

/// What the host needs to know of an event, and holds its record to.
#[derive(Deserialize)]
struct Envelope<'a> {
    specversion: &'a str,
    id: Uuid,
    #[serde(rename = "type")]
    kind: String,
    time: Timestamp,
    sequence: Option<String>,
    partitionkey: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Owner {
    user_id: String,
}

impl Record {
    /// `topic` is the topic's own name. A record of whose headers nothing is known.
    pub fn new(topic: &str, partition: i32, offset: i64, key: Option<Vec<u8>>, value: Option<Vec<u8>>) -> Self {
        Self { topic: topic.to_owned(), partition, offset, key, value, headers: Vec::new() }
    }

    /// As far as they are text.
    pub(super) fn with_headers(self, headers: Vec<(String, String)>) -> Self {
        Self { headers, ..self }
    }

    /// The event that it is, or why it is none. The reason quotes nothing of it.
    pub fn event(&self) -> Result<LoggedEvent, String> {
        let value = self.value.as_deref().ok_or("it has no value")?;
        let text = from_utf8(value).map_err(|_| "it is no text")?;
        let no_event = |error: serde_json::Error| {
            format!("it is no CloudEvent as docs/events.yaml has it: line {}, column {}", error.line(), error.column())
        };
        let envelope: Envelope<'_> = serde_json::from_str(text).map_err(no_event)?;
        if envelope.specversion != "1.0" {
            return Err("it is no CloudEvent of version 1.0".to_owned());
        }
        let key = self.key.as_deref().ok_or("it has no key")?;
        let user: UserId = from_utf8(key).ok().and_then(|key| key.parse().ok()).ok_or("its key names no user")?;
        if envelope.partitionkey != user.as_str() || envelope.owner().is_some_and(|owner| owner != user.as_str()) {
            return Err("its key names another user than it does itself".to_owned());
        }
        let sequence = envelope.sequence.map(|number| number.parse().map_err(|_| "its sequence is no number")).transpose()?;
        let headers = self.letter().as_ref().map(DeadLetter::headers).transpose().map_err(|error| error.to_string())?;
        Ok(LoggedEvent {
            position: self.offset,
            topic: self.topic.clone(),
            user,
            sequence,
            id: envelope.id,
            kind: envelope.kind,
            time: envelope.time,
            body: Arc::from(serde_json::from_str::<Box<RawValue>>(text).map_err(no_event)?),
            headers: headers.map(Arc::from),
        })
    }

    /// The dead letter that it becomes at once, where it is no event.
    pub fn refused(&self, group: &str, reason: &str, now: Timestamp) -> DeadLetter {
        DeadLetter {
            reason: reason.to_owned(),
            group: group.to_owned(),
            topic: self.topic.clone(),
            partition: Some(self.partition),
            position: self.offset,
            tries: 0,
            time: now,
        }
    }

    /// What it says of itself, if it is a dead letter.
    pub fn letter(&self) -> Option<DeadLetter> {
        let text = |name: &str| self.headers.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let letter = DeadLetter {
            reason: text("reason")?.to_owned(),
            group: text("group")?.to_owned(),
            topic: text("topic")?.to_owned(),
            partition: text("partition").and_then(|number| number.parse().ok()),
            position: text("position")?.parse().ok()?,
            tries: text("tries")?.parse().ok()?,
            time: Timestamp::parse(text("time")?).ok()?,
        };
        (letter.buried_in() == self.topic).then_some(letter)
    }
}

impl Envelope<'_> {
    /// Whose it is by its data, if that says so. What else the data should be is for components to know.
    fn owner(&self) -> Option<String> {
        serde_json::from_str::<Owner>(self.data?.get()).ok().map(|owner| owner.user_id)
    }
}
