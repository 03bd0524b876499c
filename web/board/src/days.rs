//! Moments in the words of the person's own days.

use chrono::{Datelike, Days, Month, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use domain::recurrence::{Offsets, local, moment};
use domain::task::TimeZone;
use domain::time::Timestamp;

/// The person's time zone. In a page the browser knows where its clocks are, so that the time zone database need not be sent.
pub trait Zone: Offsets + Sync {
    /// A name of the time zone database.
    fn name(&self) -> &str;
}

impl Zone for TimeZone {
    fn name(&self) -> &str {
        TimeZone::name(*self)
    }
}

/// This moment, in the person's time zone.
#[derive(Clone, Copy)]
pub struct Here {
    pub now: Timestamp,
    pub zone: &'static dyn Zone,
    /// A text in small letters. The browser has a table of them, too.
    pub lower: fn(&str) -> String,
}

// What chrono has for these reads patterns, and is larger than all of this.
/// The days of a week, as rules name them and as people do.
pub const WEEKDAYS: [(&str, &str, &str); 7] = [
    ("MO", "Mon", "Monday"),
    ("TU", "Tue", "Tuesday"),
    ("WE", "Wed", "Wednesday"),
    ("TH", "Thu", "Thursday"),
    ("FR", "Fri", "Friday"),
    ("SA", "Sat", "Saturday"),
    ("SU", "Sun", "Sunday"),
];

/// Which of them a day is.
pub fn weekday(day: NaiveDate) -> (&'static str, &'static str, &'static str) {
    WEEKDAYS.get(day.weekday().num_days_from_monday() as usize).copied().unwrap_or_default()
}

/// "November".
pub fn month(day: NaiveDate) -> &'static str {
    u8::try_from(day.month()).ok().and_then(|month| Month::try_from(month).ok()).map_or("", |month| month.name())
}

fn short_month(day: NaiveDate) -> &'static str {
    let name = month(day);
    name.get(..3).unwrap_or(name)
}

impl Here {
    /// The same place at another moment.
    pub fn at(self, now: Timestamp) -> Self {
        Self { now, ..self }
    }

    pub fn today(self) -> NaiveDate {
        self.day_of(self.now)
    }

    pub fn local(self, at: Timestamp) -> NaiveDateTime {
        local(at, Shown(self.zone))
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
        moment(day.and_time(NaiveTime::MIN), Shown(self.zone))
    }

    /// The same time of day on another day; nine o'clock where there is none yet.
    pub fn moved_to(self, due: Option<Timestamp>, day: NaiveDate) -> Option<Timestamp> {
        let nine = NaiveTime::from_hms_opt(9, 0, 0).unwrap_or_default();
        moment(day.and_time(due.map_or(nine, |due| self.local(due).time())), Shown(self.zone))
    }

    /// "Today", "Tomorrow", "Yesterday", "Fri 27 Nov", and with the year where it is another.
    pub fn say_day(self, day: NaiveDate) -> String {
        match day.signed_duration_since(self.today()).num_days() {
            0 => "Today".to_owned(),
            1 => "Tomorrow".to_owned(),
            -1 => "Yesterday".to_owned(),
            _ if day.year() == self.today().year() => format!("{} {} {}", day.weekday(), day.day(), short_month(day)),
            _ => format!("{} {} {}", day.day(), short_month(day), day.year()),
        }
    }

    /// "Thursday 26 November".
    pub fn say_today(self) -> String {
        let today = self.today();
        let (_, _, name) = weekday(today);
        format!("{name} {} {}", today.day(), month(today))
    }

    /// The day, and the time of day.
    pub fn say(self, at: Timestamp) -> String {
        let local = self.local(at);
        format!("{} {:02}:{:02}", self.say_day(local.date()), local.hour(), local.minute())
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
        let local = self.local(at);
        format!("{}T{:02}:{:02}", local.date(), local.hour(), local.minute())
    }

    /// From such an input; none: it holds no moment.
    pub fn from_input(self, text: &str) -> Option<Timestamp> {
        let mut parts = text.get(..16)?.split(['-', 'T', ':']).map(|part| part.parse::<u32>().ok());
        let mut part = || parts.next().flatten();
        let (year, month, day, hour, minute) = (part()?, part()?, part()?, part()?, part()?);
        let day = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
        moment(day.and_hms_opt(hour, minute, 0)?, Shown(self.zone))
    }
}

/// Seconds ahead of UTC, in what a browser says of a moment: "11/26/2026, GMT+05:30"; of what it says otherwise, none.
pub fn offset(said: &str) -> i32 {
    let Some((_, said)) = said.rsplit_once("GMT") else { return 0 };
    let sign = if said.starts_with(['-', '\u{2212}']) { -1 } else { 1 };
    let parts = said.trim_start_matches(['+', '-', '\u{2212}']).split(':');
    let seconds = parts.zip([3_600, 60, 1]).map(|(part, unit)| part.parse::<i32>().unwrap_or_default() * unit);
    sign * seconds.sum::<i32>()
}

/// What `domain` asks of a zone, asked of one that is lent.
struct Shown(&'static dyn Zone);

impl Offsets for Shown {
    fn seconds(&self, at: Timestamp) -> i32 {
        self.0.seconds(at)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::task::tests::at;

    pub(crate) fn here(now: &str) -> Here {
        Here { now: at(now), zone: Box::leak(Box::new(TimeZone::new("Europe/Berlin").unwrap())), lower: str::to_lowercase }
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
    fn an_offset_is_read_as_browsers_say_it() {
        for (said, seconds) in [
            ("11/26/2026, GMT+01:00", 3_600),
            ("11/26/2026, GMT", 0),
            ("1/1/1900, GMT+00:53:28", 3_208),
            ("7/4/2026, GMT-03:30", -12_600),
            ("7/4/2026, GMT\u{2212}03:30", -12_600),
            ("7/4/2026", 0),
            ("", 0),
        ] {
            assert_eq!(offset(said), seconds, "{said}");
        }
    }

    #[test]
    fn an_input_gives_back_what_it_was_given() {
        let here = here("2026-05-01T09:00:00Z");
        let due = at("2026-05-03T16:00:00Z");
        assert_eq!(here.to_input(due), "2026-05-03T18:00");
        assert_eq!(here.from_input("2026-05-03T18:00"), Some(due));
        assert_eq!(here.from_input("2026-05-03T18:00:00"), Some(due));
        assert_eq!(here.say_today(), "Friday 1 May");
        for bad in [
            "",
            "2026-05-03",
            "2026-13-03T18:00",
            "2026-05-03T24:00",
            "2026-05-03T18-60",
            "tomorrow at six o'clock",
            "äääääääääääääääää",
        ] {
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
