//! Dead letters: events that a group could not be brought to act on. They are kept beside their topic, with the reason, until
//! an operator sends them again or they are as old as events become.

use crate::store::{LoggedEvent, StoreError};
use domain::event::TOPICS;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

/// Behind a topic's name, names the topic of its dead letters.
pub const DEAD_LETTERS: &str = ".dlq";

/// What a dead letter says of itself, in its headers. The event itself is unchanged: id, type, key and body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    pub reason: String,
    /// The group that refused it.
    pub group: String,
    /// Where it was read.
    pub topic: String,
    /// Which part of the topic, where it has parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// In the topic, or in its part.
    pub position: i64,
    /// How often it was tried.
    pub tries: u32,
    /// When it was given up.
    pub time: Timestamp,
}

impl DeadLetter {
    /// The topic that it is written to.
    pub fn buried_in(&self) -> String {
        format!("{}{DEAD_LETTERS}", self.topic)
    }

    /// As headers.
    pub fn headers(&self) -> Result<Box<RawValue>, StoreError> {
        to_raw_value(self).map_err(|error| StoreError::Internal(error.into()))
    }

    /// What the headers of an event say, if it is a dead letter.
    pub fn of(event: &LoggedEvent) -> Option<Self> {
        let headers = event.headers.as_ref()?;
        serde_json::from_str(headers.get()).ok().filter(|letter: &Self| letter.buried_in() == event.topic)
    }
}

/// Which dead letters are sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Of this topic of dead letters; none: of all.
    pub topic: Option<String>,
    /// Only the event of this id, however often it was sent again before; none: all that were not.
    pub id: Option<Uuid>,
}

impl Replay {
    /// The topics of dead letters that are meant.
    pub fn topics(&self) -> Vec<String> {
        match &self.topic {
            Some(topic) => vec![topic.clone()],
            None => TOPICS.iter().map(|topic| format!("{topic}{DEAD_LETTERS}")).collect(),
        }
    }
}

/// In whose name it is kept how far operators have come with a topic of dead letters, as it is for a consumer group.
pub(super) fn replay_group(topic: &str) -> String {
    format!("replay of {topic}")
}
