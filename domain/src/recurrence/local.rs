//! Local time and moments. Which moment a local time is, where the clocks change, is decided here and nowhere else.

use crate::task::TimeZone;
use crate::time::Timestamp;
use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone as _};

/// As many hours as clocks were ever put forward, and some: Samoa left out a whole day.
const LONGEST_GAP_HOURS: i64 = 26;

/// The date and time that clocks show at a moment.
pub fn local(at: Timestamp, zone: TimeZone) -> NaiveDateTime {
    DateTime::from_timestamp_millis(at.millis()).unwrap_or_default().with_timezone(&zone.tz()).naive_local()
}

/// The moment at which clocks show a date and time. Where they show it twice, the first; where they leave it out, as much
/// later as they are put forward: 02:30 becomes 03:30. None outside of the years 1 to 9999.
pub fn moment(local: NaiveDateTime, zone: TimeZone) -> Option<Timestamp> {
    let tz = zone.tz();
    let before_gap = || {
        let earlier = (1..=LONGEST_GAP_HOURS).filter_map(|hours| local.checked_sub_signed(TimeDelta::hours(hours)));
        earlier.map(|time| tz.offset_from_local_datetime(&time)).find_map(|offset| offset.latest())
    };
    let offset = tz.offset_from_local_datetime(&local).earliest().or_else(before_gap)?;
    let utc = local.checked_sub_offset(offset.fix())?;
    Timestamp::from_millis(utc.and_utc().timestamp_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_time_that_is_left_out_moves_forward_and_one_that_comes_twice_is_the_first() {
        for (zone, time, at) in [
            ("Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T00:59:59Z"),
            ("Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00Z"),
            ("Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),
            ("America/New_York", "2026-03-08T02:30:00", "2026-03-08T07:30:00Z"),
            ("America/New_York", "2026-11-01T01:30:00", "2026-11-01T05:30:00Z"),
            ("Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:45:00Z"),
            ("Pacific/Apia", "2011-12-30T09:00:00", "2011-12-30T19:00:00Z"),
            ("America/Santiago", "2026-09-06T00:00:00", "2026-09-06T04:00:00Z"),
        ] {
            let zone = TimeZone::new(zone).unwrap();
            assert_eq!(moment(time.parse().unwrap(), zone).unwrap().to_string(), at, "{} {time}", zone.name());
        }
        assert_eq!(moment("9999-12-31T23:30:00".parse().unwrap(), TimeZone::new("America/New_York").unwrap()), None);
    }

    proptest! {
        #[test]
        fn a_moment_is_what_clocks_show_then_or_comes_twice(
            millis in Timestamp::MIN.millis()..=Timestamp::MAX.millis(), zone in 0..chrono_tz::TZ_VARIANTS.len(),
        ) {
            let at = Timestamp::from_millis(millis).unwrap();
            let zone = TimeZone::new(chrono_tz::TZ_VARIANTS[zone].name()).unwrap();
            let back = moment(local(at, zone), zone).unwrap();
            prop_assert!(back <= at);
            prop_assert_eq!(local(back, zone), local(at, zone));
        }
    }
}
