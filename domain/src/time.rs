//! Moments. Times are RFC 3339 in JSON and whole milliseconds UTC inside.

use chrono::DateTime;
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

impl Timestamp {
    /// Gives its RFC 3339 form in UTC, with milliseconds only where there are some. Lists are made of these: nothing is allocated.
    fn with_text<R>(self, read: impl FnOnce(&str) -> R) -> R {
        let (days, rest) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let (year, month, day) = civil(days);
        let ([a, b], [c, d]) = (digits(year / 100), digits(year % 100));
        let ([e, f], [g, h]) = (digits(month), digits(day));
        let ([i, j], [k, l], [m, n]) = (digits(rest / 3_600_000), digits(rest / 60_000 % 60), digits(rest / 1_000 % 60));
        let ([_, o], [p, q]) = (digits(rest % 1_000 / 100), digits(rest % 100));
        let text = [a, b, c, d, b'-', e, f, b'-', g, h, b'T', i, j, b':', k, l, b':', m, n];
        let mut buffer = [b'Z'; 24];
        let (seconds, tail) = buffer.split_at_mut(text.len());
        seconds.copy_from_slice(&text);
        let length = if rest % 1_000 == 0 {
            20
        } else {
            tail.copy_from_slice(&[b'.', o, p, q, b'Z']);
            24
        };
        read(buffer.get(..length).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default())
    }
}

/// The last two decimal digits.
fn digits(number: i64) -> [u8; 2] {
    let digit = |number: i64| b'0' + (number % 10) as u8;
    [digit(number / 10), digit(number)]
}

/// Year, month and day of a day since 1970-01-01 (<https://howardhinnant.github.io/date_algorithms.html#civil_from_days>).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [
            "",
            "now",
            "2026-05-01",
            "2026-05-01T09:00:00",
            "2026-02-30T00:00:00Z",
            "0000-12-31T23:59:59Z",
            "9999-12-31T23:59:59-01:00",
        ] {
            assert_eq!(Timestamp::parse(bad), Err(BadTimestamp), "{bad}");
        }
        assert_eq!(Timestamp::parse("2026-05-01T11:00:00.1239+02:00").unwrap().to_string(), "2026-05-01T09:00:00.123Z");
    }

    proptest! {
        #[test]
        fn its_text_is_chronos(millis in Timestamp::MIN.millis()..=Timestamp::MAX.millis(), whole: bool) {
            let at = Timestamp::from_millis(if whole { millis.div_euclid(1_000) * 1_000 } else { millis }).unwrap();
            let chronos = DateTime::from_timestamp_millis(at.millis()).unwrap().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
            prop_assert_eq!(at.to_string(), chronos);
            prop_assert_eq!(Timestamp::parse(&at.to_string()), Ok(at));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = Timestamp::parse(&text);
        }
    }
}
