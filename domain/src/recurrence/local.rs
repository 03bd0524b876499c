//! Local time and moments. Which moment a local time is, where the clocks change, is decided here and nowhere else.

use crate::task::TimeZone;
use crate::time::Timestamp;
use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone as _};

/// More than any zone has ever been away from UTC, in hours: Manila was 15:56 behind.
const FARTHEST: i64 = 17;

/// How far clocks are ahead of UTC. The time zone database knows; so does every browser.
pub trait Offsets {
    /// In seconds, at a moment.
    fn seconds(&self, at: Timestamp) -> i32;
}

impl Offsets for TimeZone {
    fn seconds(&self, at: Timestamp) -> i32 {
        self.tz().offset_from_utc_datetime(&utc(at)).fix().local_minus_utc()
    }
}

fn utc(at: Timestamp) -> NaiveDateTime {
    DateTime::from_timestamp_millis(at.millis()).unwrap_or_default().naive_utc()
}

/// The date and time that clocks show at a moment.
pub fn local(at: Timestamp, clocks: impl Offsets) -> NaiveDateTime {
    let utc = utc(at);
    utc.checked_add_signed(TimeDelta::seconds(clocks.seconds(at).into())).unwrap_or(utc)
}

/// The moment at which clocks show a date and time. Where they show it twice, the first; where they leave it out, as much
/// later as they are put forward: 02:30 becomes 03:30. None outside of the years 1 to 9999.
pub fn moment(local: NaiveDateTime, clocks: impl Offsets) -> Option<Timestamp> {
    let millis = local.and_utc().timestamp_millis();
    let at = |millis: i64| Timestamp::from_millis(millis).ok();
    let by = |seconds: i32| at(millis - i64::from(seconds) * 1_000);
    // Clocks change once around a day, so that the offset is the one before or the one after.
    let around = |hours: i64| {
        let millis = millis.saturating_add(hours * 3_600_000);
        clocks.seconds(at(millis.clamp(Timestamp::MIN.millis(), Timestamp::MAX.millis())).unwrap_or(Timestamp::MAX))
    };
    let (before, after) = (around(-FARTHEST), around(FARTHEST));
    let shown = |seconds: &i32| by(*seconds).is_some_and(|at| clocks.seconds(at) == *seconds);
    by([before.max(after), before.min(after)].into_iter().find(shown).unwrap_or(before))
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

        /// The time zone database has its own way to say which moment a local time is: it must be the same, in every zone.
        #[test]
        fn a_moment_is_the_one_that_the_database_says(
            seconds in -2_208_988_800_i64..4_102_444_800, zone in 0..chrono_tz::TZ_VARIANTS.len(),
        ) {
            let tz = chrono_tz::TZ_VARIANTS[zone];
            // At a change of the clocks, where there is one in the year that follows.
            let mut at = seconds;
            let offset = |at: i64| tz.offset_from_utc_datetime(&DateTime::from_timestamp(at, 0).unwrap().naive_utc()).fix();
            for _ in 0..365 {
                if offset(at) != offset(at + 86_400) {
                    break;
                }
                at += 86_400;
            }
            for minutes in (-1_440..2 * 1_440).step_by(15) {
                let shown = DateTime::from_timestamp(at + i64::from(minutes) * 60, 0).unwrap().naive_utc();
                let by = tz.offset_from_local_datetime(&shown).earliest().or_else(|| {
                    let earlier = (1..=26).map(|hours| shown - TimeDelta::hours(hours));
                    earlier.map(|time| tz.offset_from_local_datetime(&time)).find_map(|offset| offset.latest())
                });
                let said = shown.checked_sub_offset(by.unwrap().fix()).unwrap().and_utc().timestamp_millis();
                prop_assert_eq!(moment(shown, TimeZone::new(tz.name()).unwrap()).unwrap().millis(), said, "{} {}", tz, shown);
            }
        }
    }
}
