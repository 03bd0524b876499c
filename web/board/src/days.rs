//! Moments in the words of the person's own days.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use domain::recurrence::{local, moment};
use domain::task::TimeZone;
use domain::time::Timestamp;

/// This moment, in the person's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Here {
    pub now: Timestamp,
    pub zone: TimeZone,
}

/// What a date-and-time input holds.
const INPUT: &str = "%Y-%m-%dT%H:%M";

impl Here {
    /// The same place at another moment.
    pub fn at(self, now: Timestamp) -> Self {
        Self { now, ..self }
    }

    pub fn today(self) -> NaiveDate {
        self.day_of(self.now)
    }

    pub fn local(self, at: Timestamp) -> NaiveDateTime {
        local(at, self.zone)
    }

    pub fn day_of(self, at: Timestamp) -> NaiveDate {
        self.local(at).date()
    }

    /// The day so many days from today.
    pub fn in_days(self, days: u64) -> NaiveDate {
        self.today().checked_add_days(Days::new(days)).unwrap_or(NaiveDate::MAX)
    }

    /// When a day begins; none outside of the years that there are.
    pub fn start_of(self, day: NaiveDate) -> Option<Timestamp> {
        moment(day.and_time(NaiveTime::MIN), self.zone)
    }

    /// The same time of day on another day; nine o'clock where there is none yet.
    pub fn moved_to(self, due: Option<Timestamp>, day: NaiveDate) -> Option<Timestamp> {
        let nine = NaiveTime::from_hms_opt(9, 0, 0).unwrap_or_default();
        moment(day.and_time(due.map_or(nine, |due| self.local(due).time())), self.zone)
    }

    /// "Today", "Tomorrow", "Yesterday", "Fri 27 Nov", and with the year where it is another.
    pub fn say_day(self, day: NaiveDate) -> String {
        match day.signed_duration_since(self.today()).num_days() {
            0 => "Today".to_owned(),
            1 => "Tomorrow".to_owned(),
            -1 => "Yesterday".to_owned(),
            _ if day.year() == self.today().year() => day.format("%a %-d %b").to_string(),
            _ => day.format("%-d %b %Y").to_string(),
        }
    }

    /// The day, and the time of day.
    pub fn say(self, at: Timestamp) -> String {
        let local = self.local(at);
        format!("{} {}", self.say_day(local.date()), local.format("%H:%M"))
    }

    /// How long ago, roughly; a clock that is wrong makes nobody live in the future.
    pub fn ago(self, at: Timestamp) -> String {
        let minutes = TimeDelta::milliseconds(self.now.millis() - at.millis()).num_minutes();
        let some = |number: i64, unit: &str| format!("{number} {unit}{} ago", if number == 1 { "" } else { "s" });
        match minutes {
            ..1 => "just now".to_owned(),
            1..60 => some(minutes, "minute"),
            60..1_440 => some(minutes / 60, "hour"),
            1_440..10_080 => some(minutes / 1_440, "day"),
            _ => self.say(at),
        }
    }

    /// As an input for date and time holds it.
    pub fn to_input(self, at: Timestamp) -> String {
        self.local(at).format(INPUT).to_string()
    }

    /// From such an input; none: it holds no moment.
    pub fn from_input(self, text: &str) -> Option<Timestamp> {
        let local = NaiveDateTime::parse_from_str(text.get(..16)?, INPUT).ok()?;
        moment(local, self.zone)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::task::tests::at;

    pub(crate) fn here(now: &str) -> Here {
        Here { now: at(now), zone: TimeZone::new("Europe/Berlin").unwrap() }
    }

    #[test]
    fn days_are_the_persons_own() {
        let here = here("2026-11-26T23:30:00Z");
        assert_eq!(here.today().to_string(), "2026-11-27", "in Berlin it is after midnight");
        for (moment, said) in [
            ("2026-11-27T17:00:00Z", "Today 18:00"),
            ("2026-11-28T08:00:00Z", "Tomorrow 09:00"),
            ("2026-11-26T08:00:00Z", "Yesterday 09:00"),
            ("2026-12-04T08:05:00Z", "Fri 4 Dec 09:05"),
            ("2027-01-04T08:00:00Z", "4 Jan 2027 09:00"),
        ] {
            assert_eq!(here.say(at(moment)), said);
        }
    }

    #[test]
    fn an_input_gives_back_what_it_was_given() {
        let here = here("2026-05-01T09:00:00Z");
        let due = at("2026-05-03T16:00:00Z");
        assert_eq!(here.to_input(due), "2026-05-03T18:00");
        assert_eq!(here.from_input("2026-05-03T18:00"), Some(due));
        assert_eq!(here.from_input("2026-05-03T18:00:00"), Some(due));
        for bad in ["", "2026-05-03", "2026-13-03T18:00", "tomorrow at six o'clock", "äääääääääääääääää"] {
            assert_eq!(here.from_input(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_task_moved_to_another_day_keeps_its_time_of_day() {
        let here = here("2026-03-20T09:00:00Z");
        let after_the_clocks_change = NaiveDate::from_ymd_opt(2026, 3, 30).unwrap();
        let moved = here.moved_to(Some(at("2026-03-21T17:00:00Z")), after_the_clocks_change);
        assert_eq!(moved, Some(at("2026-03-30T16:00:00Z")));
        assert_eq!(here.moved_to(None, after_the_clocks_change), Some(at("2026-03-30T07:00:00Z")));
    }

    #[test]
    fn how_long_ago_is_said_roughly() {
        let here = here("2026-05-10T12:00:00Z");
        for (moment, said) in [
            ("2026-05-10T13:00:00Z", "just now"),
            ("2026-05-10T11:59:00Z", "1 minute ago"),
            ("2026-05-10T10:00:00Z", "2 hours ago"),
            ("2026-05-07T10:00:00Z", "3 days ago"),
            ("2026-05-01T10:00:00Z", "Fri 1 May 12:00"),
        ] {
            assert_eq!(here.ago(at(moment)), said);
        }
    }
}
