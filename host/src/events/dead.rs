//! Dead letters: events that a group could not be brought to act on. They are kept beside their topic, with the reason, until
//! an operator sends them again or they are as old as events become.

use crate::store::{EventLog, LoggedEvent, StoreError};
use domain::event::TOPICS;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use std::collections::HashSet;
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

/// Letters that are read at one time.
const PAGE: u32 = 100;

/// Writes dead letters to the topics where they came from, behind all that is there: same id, key and body. Whoever has acted on
/// one already knows it by its id. What becomes a dead letter meanwhile, by being refused again, is left for another time.
/// Answers how many.
pub async fn replay(log: &dyn EventLog, wanted: &Replay, now: Timestamp) -> Result<u64, StoreError> {
    let topics: Vec<String> = match &wanted.topic {
        Some(topic) => vec![topic.clone()],
        None => TOPICS.iter().map(|topic| format!("{topic}{DEAD_LETTERS}")).collect(),
    };
    let up_to = log.last_position().await?;
    let mut sent = HashSet::new();
    for topic in topics {
        replay_topic(log, &topic, wanted.id, up_to, now, &mut sent).await?;
    }
    Ok(sent.len() as u64)
}

/// An event that was buried more than once is sent once.
async fn replay_topic(
    log: &dyn EventLog,
    topic: &str,
    id: Option<Uuid>,
    up_to: i64,
    now: Timestamp,
    sent: &mut HashSet<(String, Uuid)>,
) -> Result<(), StoreError> {
    // How far operators have come is kept as it is for a consumer group.
    let group = format!("replay of {topic}");
    let mut position = match id {
        None => log.group_position(&group).await?.unwrap_or(0),
        Some(_) => 0,
    };
    loop {
        let mut letters = log.events_after(&[topic], position, PAGE).await?;
        letters.retain(|event| event.position <= up_to);
        let Some(last) = letters.last() else { return Ok(()) };
        position = last.position;
        for event in letters.iter().filter(|event| id.is_none_or(|id| event.id == id)) {
            let Some(letter) = DeadLetter::of(event) else { continue };
            let key = (letter.topic, event.id);
            if !sent.contains(&key) && log.write_again(event.position, &key.0, None, now).await?.is_some() {
                sent.insert(key);
            }
        }
        if id.is_none() {
            log.set_group_position(&group, position).await?;
        }
    }
}
