//! Tasks as iCalendar to-dos (RFC 5545), for export.

use crate::task::{Priority, Recurrence, RepeatFrom, Task, TimeZone};
use crate::time::Timestamp;
use chrono::{DateTime, Duration, NaiveDateTime, Offset, TimeZone as _, Utc};
use chrono_tz::Tz;

/// What comes before the to-dos.
pub const BEGIN: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Tidings//Tidings//EN\r\n";
/// What comes after the to-dos and the time zones that they name.
pub const END: &str = "END:VCALENDAR\r\n";

/// Where the next occurrence is counted from, for which RFC 5545 has no property; left out where it is the due date.
pub(crate) const REPEAT_FROM: &str = "X-TIDINGS-REPEAT-FROM";
/// Begins the product of a calendar that Tidings wrote.
pub(crate) const PRODUCT: &str = "-//Tidings//";

/// A line has at most so many bytes before its end (RFC 5545 section 3.1).
const MAX_LINE: usize = 75;
/// How far around an export a time zone's changes are told.
const ZONE_YEARS: i64 = 10;

/// One task as a VTODO.
pub fn todo(task: &Task) -> String {
    let mut lines = Lines::default();
    lines.add("BEGIN", "VTODO");
    lines.add("UID", &task.id.to_string());
    lines.add("DTSTAMP", &utc(task.updated_at));
    lines.add("CREATED", &utc(task.created_at));
    lines.add("LAST-MODIFIED", &utc(task.updated_at));
    lines.add("SUMMARY", &escaped(task.title.as_str()));
    if let Some(description) = &task.description {
        lines.add("DESCRIPTION", &escaped(description.as_str()));
    }
    lines.add("PRIORITY", priority(task.priority));
    if !task.tags.is_empty() {
        let tags: Vec<String> = task.tags.iter().map(|tag| escaped(tag.as_str())).collect();
        lines.add("CATEGORIES", &tags.join(","));
    }
    lines.add("STATUS", if task.completed() { "COMPLETED" } else { "NEEDS-ACTION" });
    if let Some(at) = task.completed_at {
        lines.add("COMPLETED", &utc(at));
    }
    if let Some(due) = task.due_date {
        add_due(&mut lines, due, task.recurrence.as_ref());
        if let Some(minutes) = task.reminder_minutes {
            add_alarm(&mut lines, minutes.get(), task.title.as_str());
        }
    }
    lines.add("END", "VTODO");
    lines.0
}

/// A rule counts from `DTSTART`, and in local time: 09:00 stays 09:00.
fn add_due(lines: &mut Lines, due: Timestamp, recurrence: Option<&Recurrence>) {
    let Some(recurrence) = recurrence else {
        lines.add("DUE", &utc(due));
        return;
    };
    let (zone, local) = (recurrence.time_zone, local(due, recurrence.time_zone));
    for name in ["DTSTART", "DUE"] {
        lines.add(&format!("{name};TZID={}", zone.name()), &local);
    }
    lines.add("RRULE", recurrence.rrule.as_str());
    if recurrence.repeat_from == RepeatFrom::Completion {
        lines.add(REPEAT_FROM, recurrence.repeat_from.name());
    }
}

fn add_alarm(lines: &mut Lines, minutes: u32, title: &str) {
    lines.add("BEGIN", "VALARM");
    lines.add("ACTION", "DISPLAY");
    lines.add("DESCRIPTION", &escaped(title));
    lines.add("TRIGGER;RELATED=END", &format!("-PT{minutes}M"));
    lines.add("END", "VALARM");
}

/// RFC 5545 section 3.8.1.9: 1 to 4 is high, 5 medium, 6 to 9 low.
fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::High => "1",
        Priority::Medium => "5",
        Priority::Low => "9",
    }
}

/// A time zone as a VTIMEZONE: what it was and will be for ten years around a moment.
pub fn time_zone(zone: TimeZone, now: Timestamp) -> String {
    let around = moment(now);
    let (from, until) = (around - Duration::days(366 * ZONE_YEARS), around + Duration::days(366 * ZONE_YEARS));
    let mut lines = Lines::default();
    lines.add("BEGIN", "VTIMEZONE");
    lines.add("TZID", zone.name());
    let mut before = offset(zone.tz(), from);
    add_observance(&mut lines, from.naive_utc() + before, before, before);
    let mut day = from;
    while day < until {
        let next = day + Duration::days(1);
        let after = offset(zone.tz(), next);
        if after != before {
            let onset = change_between(zone.tz(), day, next, before);
            add_observance(&mut lines, onset.naive_utc() + before, before, after);
            before = after;
        }
        day = next;
    }
    lines.add("END", "VTIMEZONE");
    lines.0
}

/// The second from which on the offset is no longer what it was.
fn change_between(zone: Tz, mut before: DateTime<Utc>, mut after: DateTime<Utc>, was: Duration) -> DateTime<Utc> {
    while after - before > Duration::seconds(1) {
        let middle = before + Duration::seconds((after - before).num_seconds() / 2);
        if offset(zone, middle) == was { before = middle } else { after = middle }
    }
    after
}

/// `onset` is the local time before the change (RFC 5545 section 3.6.5).
fn add_observance(lines: &mut Lines, onset: NaiveDateTime, from: Duration, to: Duration) {
    let kind = if to > from { "DAYLIGHT" } else { "STANDARD" };
    lines.add("BEGIN", kind);
    lines.add("DTSTART", &onset.format("%Y%m%dT%H%M%S").to_string());
    lines.add("TZOFFSETFROM", &utc_offset(from));
    lines.add("TZOFFSETTO", &utc_offset(to));
    lines.add("END", kind);
}

fn offset(zone: Tz, at: DateTime<Utc>) -> Duration {
    Duration::seconds(i64::from(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()))
}

fn utc_offset(offset: Duration) -> String {
    let (sign, seconds) = (if offset < Duration::zero() { '-' } else { '+' }, offset.num_seconds().abs());
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if seconds == 0 { format!("{sign}{hours:02}{minutes:02}") } else { format!("{sign}{hours:02}{minutes:02}{seconds:02}") }
}

fn moment(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.millis()).unwrap_or_default()
}

fn utc(at: Timestamp) -> String {
    moment(at).format("%Y%m%dT%H%M%SZ").to_string()
}

fn local(at: Timestamp, zone: TimeZone) -> String {
    moment(at).with_timezone(&zone.tz()).format("%Y%m%dT%H%M%S").to_string()
}

/// TEXT of RFC 5545 section 3.3.11. Other control characters than line ends and tabs cannot be said in it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' | '\r' => out.push_str("\\n"),
            c if c.is_control() && c != '\t' => {}
            c => out.push(c),
        }
    }
    out
}

/// Content lines, folded.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, value: &str) {
        let mut room = MAX_LINE;
        for c in name.chars().chain([':']).chain(value.chars()) {
            if c.len_utf8() > room {
                self.0.push_str("\r\n ");
                room = MAX_LINE - 1;
            }
            room -= c.len_utf8();
            self.0.push(c);
        }
        self.0.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TaskId;
    use crate::task::{Description, ReminderMinutes, Rrule, Tag, Tags, Title};
    use proptest::prelude::*;
    use uuid::Uuid;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn task(title: &str) -> Task {
        let (created_at, updated_at) = (at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00.5Z"));
        Task { id: TaskId(Uuid::from_u128(1)), created_at, updated_at, ..crate::contract::task(title) }
    }

    #[test]
    fn a_plain_task() {
        let plain = "BEGIN:VTODO\r\nUID:00000000-0000-0000-0000-000000000001\r\nDTSTAMP:20260102T000000Z\r\n\
                     CREATED:20260101T000000Z\r\nLAST-MODIFIED:20260102T000000Z\r\nSUMMARY:Milk\r\nPRIORITY:5\r\n\
                     STATUS:NEEDS-ACTION\r\nEND:VTODO\r\n";
        assert_eq!(todo(&task("Milk")), plain);
    }

    #[test]
    fn a_task_with_everything() {
        let mut full = task("Bins, out; \\now\\");
        full.description = Some(Description::new("one\r\ntwo\nthree").unwrap());
        full.priority = Priority::High;
        full.tags = Tags::new([Tag::new("a,b").unwrap(), Tag::new("home").unwrap()]).unwrap();
        full.completed_at = Some(at("2026-03-01T12:00:00Z"));
        full.due_date = Some(at("2026-03-02T08:00:00Z"));
        full.reminder_minutes = Some(ReminderMinutes::new(90).unwrap());
        full.recurrence = Some(Recurrence {
            rrule: Rrule::new("FREQ=WEEKLY;BYDAY=MO").unwrap(),
            time_zone: TimeZone::new("Europe/Berlin").unwrap(),
            repeat_from: RepeatFrom::DueDate,
        });
        let shown = todo(&full);
        for line in [
            "SUMMARY:Bins\\, out\\; \\\\now\\\\",
            "DESCRIPTION:one\\ntwo\\nthree",
            "PRIORITY:1",
            "CATEGORIES:a\\,b,home",
            "STATUS:COMPLETED",
            "COMPLETED:20260301T120000Z",
            "DTSTART;TZID=Europe/Berlin:20260302T090000",
            "DUE;TZID=Europe/Berlin:20260302T090000",
            "RRULE:FREQ=WEEKLY;BYDAY=MO",
            "TRIGGER;RELATED=END:-PT90M",
        ] {
            assert!(shown.contains(&format!("\r\n{line}\r\n")), "{line} is not in {shown}");
        }
    }

    #[test]
    fn a_time_zone_tells_when_its_clocks_change() {
        let zone = time_zone(TimeZone::new("Europe/Berlin").unwrap(), at("2026-06-01T00:00:00Z"));
        let spring = "BEGIN:DAYLIGHT\r\nDTSTART:20260329T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:DAYLIGHT\r\n";
        let autumn = "BEGIN:STANDARD\r\nDTSTART:20261025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\n";
        assert!(zone.contains(spring) && zone.contains(autumn), "{zone}");
        let still = time_zone(TimeZone::UTC, at("2026-06-01T00:00:00Z"));
        assert_eq!(still.matches("TZOFFSETTO:+0000").count(), 1, "{still}");
    }

    #[test]
    fn offsets_have_seconds_only_where_they_need_them() {
        assert_eq!(utc_offset(Duration::seconds(-12_600)), "-0330");
        assert_eq!(utc_offset(Duration::seconds(3_208)), "+005328");
    }

    fn unfolded(text: &str) -> Vec<String> {
        text.replace("\r\n ", "").split("\r\n").map(str::to_owned).collect()
    }

    proptest! {
        /// Whatever stands in a title and description: lines stay within 75 bytes, and no text gets out of its property.
        #[test]
        fn lines_are_short_and_text_stays_text(title in "\\PC{0,80}[a-z]", description in "(?s).{0,300}") {
            let (Ok(title), Ok(description)) = (Title::new(&title), Description::new(&description)) else { return Ok(()) };
            let shown = todo(&Task { title, description: Some(description), ..task("x") });
            prop_assert!(shown.split("\r\n").all(|line| line.len() <= MAX_LINE && !line.contains(['\r', '\n'])));
            let lines = unfolded(&shown);
            prop_assert_eq!(lines.iter().filter(|line| line.starts_with("SUMMARY:")).count(), 1);
            prop_assert_eq!(lines.iter().filter(|line| line.starts_with("BEGIN:")).count(), 1);
            prop_assert_eq!(lines.len(), 11);
        }
    }
}
