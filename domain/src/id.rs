//! Identifiers. A value of one of these types is well formed.

use crate::time::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// A task's id: a UUID, version 7 where Tidings makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub Uuid);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for TaskId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// Who owns a task: the id of a built-in account, or the `sub` of an external issuer. 1 to 255 bytes, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct UserId(String);

/// The text cannot be a [`UserId`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a user id has 1 to 255 bytes and no control characters")]
pub struct BadUserId;

impl UserId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserId {
    type Err = BadUserId;
    fn from_str(text: &str) -> Result<Self, BadUserId> {
        if text.is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
            return Err(BadUserId);
        }
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of what is made from something else: the same however often it is made. It has the form of version 7, with `at` for its
/// time; the other 74 bits are of a SHA-256 over the pieces.
pub fn derived(at: Timestamp, pieces: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update((piece.len() as u64).to_be_bytes());
        hash.update(piece);
    }
    let mut tail = [0; 10];
    tail.iter_mut().zip(hash.finalize()).for_each(|(byte, hashed)| *byte = hashed);
    uuid::Builder::from_unix_timestamp_millis(at.millis().max(0).unsigned_abs(), &tail).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_id_is_the_same_for_the_same_and_of_version_7() {
        let at = Timestamp::parse("2026-05-01T09:00:00Z").unwrap();
        let id = derived(at, &[b"a", b"bc"]);
        assert_eq!(id, derived(at, &[b"a", b"bc"]));
        assert_eq!(id.to_string(), "019de2c4-2a80-7faf-a1cf-2f19a7c1129b");
        assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
        assert_ne!(id, derived(at, &[b"ab", b"c"]), "where a piece ends counts");
        assert_ne!(id, derived(at.plus_minutes(1), &[b"a", b"bc"]));
        assert_eq!(derived(Timestamp::MIN, &[]).get_version_num(), 7);
    }
}
