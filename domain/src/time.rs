//! Moments. Times are RFC 3339 in JSON and whole milliseconds UTC inside.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z, within the years 0001 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Neither RFC 3339 nor within the years 0001 to 9999.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a time is RFC 3339 with an offset, such as 2026-05-01T09:00:00Z, between the years 0001 and 9999")]
pub struct BadTimestamp;

impl Timestamp {
    /// 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self(-62_135_596_800_000);
    /// 9999-12-31T23:59:59.999Z.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// From milliseconds since the epoch.
    pub fn from_millis(millis: i64) -> Result<Self, BadTimestamp> {
        let at = Self(millis);
        if at < Self::MIN || at > Self::MAX { Err(BadTimestamp) } else { Ok(at) }
    }

    /// Milliseconds since the epoch.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Parses RFC 3339; finer parts of a second are cut off.
    pub fn parse(text: &str) -> Result<Self, BadTimestamp> {
        let at = DateTime::parse_from_rfc3339(text).map_err(|_| BadTimestamp)?;
        Self::from_millis(at.timestamp_millis())
    }

    /// The moment so many minutes later, or the last one there is.
    pub fn plus_minutes(self, minutes: i64) -> Self {
        let moved = self.0.saturating_add(minutes.saturating_mul(60_000));
        Self(moved.clamp(Self::MIN.0, Self::MAX.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at: DateTime<Utc> = DateTime::from_timestamp_millis(self.0).unwrap_or_default();
        f.write_str(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
