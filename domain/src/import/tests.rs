//! It is Thursday, November 26, 2026, 14:30 in Berlin.

use super::*;
use crate::command::Repetition;
use proptest::prelude::*;

pub(super) fn now() -> Timestamp {
    Timestamp::parse("2026-11-26T13:30:20Z").unwrap()
}

pub(super) fn berlin() -> TimeZone {
    TimeZone::new("Europe/Berlin").unwrap()
}

pub(super) fn import(text: &str, format: Format) -> Import {
    let said = read(text, Some(format), berlin(), now()).unwrap();
    if let Ok(shown) = read(text, None, berlin(), now()) {
        assert_eq!(said, shown);
    }
    said
}

/// An item in one line: title, priority, tags, and where there are such, its date, its rule, and when it was done, in Berlin.
pub(super) fn told(item: &Item) -> String {
    let task = &item.task;
    let tags: Vec<&str> = task.tags.iter().map(|tag| tag.as_str()).collect();
    let mut told =
        format!("{} | {} |{}", task.title, task.priority.name(), tags.iter().map(|tag| format!(" {tag}")).collect::<String>());
    if let Some(due) = task.due_date {
        told += &format!(" | {}", local(due, berlin()).format("%a %F %H:%M"));
    }
    if let Some(rule) = &task.recurrence {
        told += &match &rule.repetition {
            Repetition::Rule(rrule) => format!(" | {}", rrule.as_str()),
            Repetition::Short(frequency, interval) => format!(" | {} {}", frequency.name(), interval.get()),
        };
        told += &format!(" {}", rule.repeat_from.name());
    }
    if let Some(at) = item.completed_at {
        told += &format!(" | done {}", local(at, berlin()).format("%F"));
    }
    told
}

fn shows(text: &str) -> Result<Import, BadFile> {
    read(text, None, berlin(), now())
}

#[test]
fn a_text_shows_what_it_is() {
    for (text, format) in [
        ("TYPE,CONTENT\ntask,a", Format::Todoist),
        ("\u{feff}\"TYPE\";\"CONTENT\";\"DATE\"\n", Format::Todoist),
        ("\n begin:vcalendar\nEND:VCALENDAR", Format::Calendar),
        (" { \"tasks\": [] }", Format::Tidings),
        ("milk\n(A) eggs", Format::TodoTxt),
        ("milk\nx 2026-11-01 eggs", Format::TodoTxt),
        ("milk @shop", Format::TodoTxt),
        ("milk due:2026-11-01", Format::TodoTxt),
    ] {
        assert_eq!(shown_format(text.trim_start_matches('\u{feff}')), Some(format), "{text}");
        assert!(shows(text).is_ok(), "{text}: {:?}", shows(text));
    }
    for text in ["milk\neggs", "Task,Due\nmilk,2026-11-01", "<html>@home", "{draft} (A)", "x marks the spot", "dear @ all"] {
        assert_eq!(shows(text), Err(BadFile::Unknown), "{text}");
    }
    assert_eq!(read("milk\neggs", Some(Format::TodoTxt), berlin(), now()).map(|import| import.items.len()), Ok(2));
}

#[test]
fn a_file_that_is_not_what_it_is_said_to_be_is_one_error_that_says_what_to_do() {
    let said = |text: &str, format| read(text, Some(format), berlin(), now()).unwrap_err().to_string();
    for (text, format, error) in [
        (" \n", Format::TodoTxt, "there is nothing in this file: choose the one that was exported"),
        ("a\0b\0", Format::Todoist, "this is no text in UTF-8: export it again, or save it as text in UTF-8"),
        (
            "BEGIN:VCALENDAR\nEND:VCALENDAR",
            Format::Todoist,
            "this should be a CSV export of Todoist and is an iCalendar file: say so, or choose another file",
        ),
        (
            "Name,Due\nmilk,",
            Format::Todoist,
            "this cannot be read as a CSV export of Todoist: its first line does not name the columns TYPE and CONTENT; export the project anew",
        ),
        (
            "milk",
            Format::Calendar,
            "this cannot be read as an iCalendar file: it does not begin with BEGIN:VCALENDAR; export it anew",
        ),
        (
            "<!DOCTYPE html>",
            Format::TodoTxt,
            "this cannot be read as a todo.txt file: it is a web page, or other markup; choose the file that was exported",
        ),
        (
            "[1]",
            Format::Tidings,
            "this cannot be read as a JSON export of Tidings: it is no JSON object; export the account anew",
        ),
        (
            "{\"items\":[]}",
            Format::Tidings,
            "this cannot be read as a JSON export of Tidings: it has no list `tasks`; choose the file that GET /api/account/export gave",
        ),
    ] {
        assert_eq!(said(text, format), error);
    }
    let cut = said("{\"tasks\":[{\"title\":\"a\"}", Format::Tidings);
    assert!(cut.contains("EOF while parsing") && cut.ends_with("export the account anew"), "{cut}");
}

#[test]
fn what_a_reason_quotes_is_short_and_plain() {
    assert_eq!(shown(" a\u{1b}b\n"), "“ab…”");
    assert_eq!(shown(&"ü".repeat(99)), format!("“{}…”", "ü".repeat(64)));
}

const FORMATS: [Option<Format>; 5] =
    [None, Some(Format::Todoist), Some(Format::Calendar), Some(Format::TodoTxt), Some(Format::Tidings)];

fn never_panics(text: &str) {
    for format in FORMATS {
        let first = read(text, format, berlin(), now());
        assert_eq!(first, read(text, format, berlin(), now()));
        if let Ok(Import { items, .. }) = first {
            // What can be read can be sent in pieces.
            let pieces: Vec<String> = pieces(&items, 300, 7).collect();
            let again = pieces.iter().flat_map(|piece| shows(piece).unwrap().items).collect::<Vec<_>>();
            assert_eq!(again, items);
        }
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "(?s).{0,200}") {
        never_panics(&text);
    }

    #[test]
    fn no_text_like_a_project_panics(cells in "(\n(task|note|section|meta|)|,|;|\"|\r|every |day|fri|26 nov|@a|[1-5]|9999-12-31|18:00|Europe/Berlin|é){0,60}") {
        never_panics(&format!("TYPE,CONTENT,DATE,PRIORITY,TIMEZONE,DESCRIPTION{cells}"));
    }

    #[test]
    fn no_text_like_a_calendar_panics(
        lines in "(\n(BEGIN|END):V(TODO|ALARM|EVENT|CALENDAR|TIMEZONE)|\r?\n(SUMMARY:|DUE|DTSTART|;TZID=|:2026050[1-9]|T090000|Z|UID:|RRULE:FREQ=DAILY|TRIGGER:-PT5M|DURATION:P|CATEGORIES:|PRIORITY:|STATUS:COMPLETED)|[ -~]| |\t|\\\\|é){0,80}",
    ) {
        never_panics(&format!("BEGIN:VCALENDAR{lines}"));
    }

    #[test]
    fn no_text_like_todo_txt_panics(text in "(x |\\([A-Z]\\) |\n| |\\+a|@b|due:|rec:|pri:A|\\+?[0-9]{1,5}|[dwmyb]|-|2026-11-26|9999-12-31|0001-01-01|é|\u{85}){0,40}") {
        never_panics(&text);
    }

    #[test]
    fn no_text_like_an_export_panics(
        text in "(\"(id|key|line|title|tags|completed|completed_at|due_date|recurrence|reminder_minutes)\":|\\{|\\}|\\[|\\]|,|null|true|-?[0-9.e]{1,4}|\"a\"|\"2026-05-01T09:00:00Z\"|\"\\\\ud800\"){0,30}",
    ) {
        never_panics(&format!("{{\"tasks\":[{{{text}}}]}}"));
        never_panics(&format!("{{\"tasks\":{text}"));
    }
}
