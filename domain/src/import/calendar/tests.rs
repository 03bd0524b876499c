//! It is Thursday, November 26, 2026, 14:30 in Berlin.

use crate::import::tests::{import, told};
use crate::import::{BadFile, Format, Import, read as read_as};
use crate::task::{Description, RepeatFrom};

fn read(text: &str) -> Import {
    import(text, Format::Calendar)
}

/// One to-do with these lines.
fn to_do(lines: &str) -> Import {
    read(&format!("BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:1\nSUMMARY:a\n{lines}\nEND:VTODO\nEND:VCALENDAR\n"))
}

fn first(lines: &str) -> String {
    let found = to_do(lines);
    found.items.first().map_or_else(|| found.refused[0].reason.clone(), told)
}

/// As programs of several makers write them.
const FILE: &str = "BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//Nextcloud Tasks v0.16.1\r
BEGIN:VTIMEZONE\r
TZID:W. Europe Standard Time\r
X-LIC-LOCATION:Europe/Berlin\r
BEGIN:STANDARD\r
DTSTART:16010101T030000\r
TZOFFSETFROM:+0200\r
TZOFFSETTO:+0100\r
END:STANDARD\r
END:VTIMEZONE\r
BEGIN:VEVENT\r
UID:party\r
SUMMARY:No task\r
END:VEVENT\r
BEGIN:VTODO\r
UID:b7c0e6f4-2f6a-4b41-8f0a-1d9a6f3c2e11\r
CREATED:20261101T080000Z\r
SUMMARY:Buy bread\\, milk\\; and\r
  a newspaper\r
DESCRIPTION:At the corner\\nnot too late\r
PRIORITY:1\r
CATEGORIES:home,a\\,b\r
CATEGORIES:shop\r
DUE;TZID=\"W. Europe Standard Time\":20261127T180000\r
BEGIN:VALARM\r
ACTION:DISPLAY\r
DESCRIPTION:no description of the to-do\r
TRIGGER;RELATED=END:-PT15M\r
END:VALARM\r
END:VTODO\r
BEGIN:VTODO\r
UID:20261101-water@example.org\r
SUMMARY:Water plants\r
DTSTART;TZID=Europe/Berlin:20261128T090000\r
RRULE:FREQ=WEEKLY;BYDAY=SA\r
END:VTODO\r
BEGIN:VTODO\r
UID:20261101-tax@example.org\r
SUMMARY:Tax return\r
DUE;VALUE=DATE:20261130\r
STATUS:COMPLETED\r
COMPLETED:20261120T101500Z\r
PRIORITY:9\r
END:VTODO\r
END:VCALENDAR\r
";

#[test]
fn a_calendar_as_programs_write_it() {
    let Import { items, refused } = read(FILE);
    assert_eq!(refused, []);
    assert_eq!(
        items.iter().map(told).collect::<Vec<_>>(),
        [
            "Buy bread, milk; and a newspaper | high | home a,b shop | Fri 2026-11-27 18:00",
            "Water plants | medium | | Sat 2026-11-28 09:00 | FREQ=WEEKLY;BYDAY=SA due_date",
            "Tax return | low | | Mon 2026-11-30 09:00 | done 2026-11-20",
        ]
    );
    let bread = &items[0];
    assert_eq!((bread.line, items[1].line), (17, 33));
    assert_eq!(bread.task.description.as_ref().map(Description::as_str), Some("At the corner\nnot too late"));
    assert_eq!(bread.task.reminder_minutes.map(|lead| lead.map(|lead| lead.get())), Some(Some(15)));
    assert_eq!(bread.origin.map(|id| id.to_string()).as_deref(), Some("b7c0e6f4-2f6a-4b41-8f0a-1d9a6f3c2e11"));
    assert_eq!(bread.created_at.unwrap().to_string(), "2026-11-01T08:00:00Z");
    assert_eq!((items[1].task.reminder_minutes, items[1].origin), (None, None), "no alarm: the preference");
}

#[test]
fn dates_zones_and_rules() {
    for (lines, is) in [
        ("DUE:20261201T170000Z", "Tue 2026-12-01 18:00"),
        ("DUE:20261201T170000", "Tue 2026-12-01 17:00"),
        ("DUE;VALUE=DATE:20261201", "Tue 2026-12-01 09:00"),
        ("DUE;TZID=America/New_York:20261201T170000", "Tue 2026-12-01 23:00"),
        ("DUE;TZID=/freeassociation.sourceforge.net/Europe/London:20261201T170000", "Tue 2026-12-01 18:00"),
        ("DTSTART:20261201T170000Z\nDURATION:PT90M", "Tue 2026-12-01 19:30"),
        (
            "DUE:20261201T170000\nRRULE:FREQ=DAILY\nX-TIDINGS-REPEAT-FROM:completion",
            "Tue 2026-12-01 17:00 | FREQ=DAILY completion",
        ),
    ] {
        assert_eq!(first(lines), format!("a | medium | | {is}"), "{lines}");
    }
    assert_eq!(first("DTSTART:20261201T170000Z"), "a | medium |", "a start is no due date");
    assert_eq!(first("PERCENT-COMPLETE:100"), "a | medium | | done 2026-11-26");
    let rule = to_do("DUE:20261201T170000Z\nRRULE:FREQ=DAILY").items[0].task.recurrence.clone().unwrap();
    assert_eq!((rule.time_zone.unwrap().name(), rule.repeat_from), ("UTC", RepeatFrom::DueDate));
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    for (lines, reason) in [
        ("DUE:tomorrow", "DUE is a date such as 20260501 or 20260501T090000Z, not “tomorrow”"),
        ("DUE:20261301", "DUE is a date such as 20260501 or 20260501T090000Z, not “20261301”"),
        ("DUE;TZID=Mars:20261201T170000", "the time zone “Mars” is not known: an IANA name is needed, such as Europe/Berlin"),
        ("RRULE:FREQ=DAILY", "RRULE: needs a due date to be counted from"),
        ("DUE:20261201\nRRULE:FREQ=HOURLY", "FREQ"),
        ("DUE:20261201\nRRULE:FREQ=DAILY\nEXDATE:20261202", "a series without exceptions is needed, and it has EXDATE"),
        ("DUE:20261201\nRRULE:FREQ=DAILY\nRRULE:FREQ=DAILY", "a to-do has one RRULE"),
        ("STATUS:CANCELLED", "it was cancelled"),
        ("PRIORITY:high", "PRIORITY is 0 to 9, not “high”"),
        ("SUMMARY:", "a title has 1 to 255 characters, not 0"),
        ("DURATION:1h", "DURATION is one such as PT1H, not “1h”"),
        ("broken by hand", "line 5 is no property: a name and a colon are missing"),
        ("END:VALARM", "line 5 ends what has not begun"),
        ("BEGIN:VTODO\nSUMMARY:b", "END:VTODO is missing"),
    ] {
        let found = to_do(lines);
        let refused = &found.refused[0];
        assert!(refused.line == 2 && refused.reason.contains(reason), "{lines}: {refused:?}");
    }
}

#[test]
fn what_was_cut_off_says_so() {
    let cut = |at: &str| {
        let found = read(FILE.split_at(FILE.find(at).unwrap()).0);
        (found.items.len(), found.refused[0].line, found.refused[0].reason.split(':').next().unwrap().to_owned())
    };
    assert_eq!(cut("STATUS:COMPLETED"), (2, 39, "the file ends within this to-do".to_owned()));
    assert_eq!(cut("END:VCALENDAR"), (3, 46, "the file ends before END".to_owned()));
    let events = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR";
    let refused = read_as(events, None, crate::task::TimeZone::UTC, super::super::tests::now());
    assert!(matches!(refused, Err(BadFile::Broken { why, .. }) if why.contains("export a list of tasks")));
    assert_eq!(read("BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR"), Import::default(), "an empty list is one");
}

#[test]
fn an_id_is_the_key_and_without_one_all_that_it_says() {
    let keys = |text: &str| read(text).items.iter().map(|item| item.key).collect::<Vec<_>>();
    let two = |first: &str, second: &str| {
        let to_do = |lines| format!("BEGIN:VTODO\nSUMMARY:a\n{lines}\nEND:VTODO\n");
        let keys = keys(&format!("BEGIN:VCALENDAR\n{}{}END:VCALENDAR", to_do(first), to_do(second)));
        keys[0] == keys[1]
    };
    assert!(two("UID:1\nPRIORITY:1", "UID:1\nPRIORITY:2"), "the same to-do, changed");
    assert!(!two("UID:1", "UID:2"));
    assert!(!two("UID:1", "UID:1\nRECURRENCE-ID:20261201T170000Z"), "one date of a series");
    assert!(!two("PRIORITY:1", "PRIORITY:1"), "two that are alike");
    let file = "BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY:a\nEND:VTODO\nBEGIN:VTODO\nSUMMARY:a\nEND:VTODO\nEND:VCALENDAR";
    assert_eq!(keys(file), keys(file));
}
