//! It is Thursday, November 26, 2026, 14:30 in Berlin.

use crate::import::tests::{import, told};
use crate::import::{Format, Import};
use crate::task::{Description, Priority};

fn read(text: &str) -> Import {
    import(text, Format::Todoist)
}

/// As Todoist writes a project: a mark of the byte order, empty rows, quoted line breaks.
const FILE: &str = "\u{feff}TYPE,CONTENT,DESCRIPTION,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE,DURATION,DURATION_UNIT,DEADLINE,DEADLINE_LANG
meta,view_style=list,,,,,,,,,,,,
task,Call the plumber @phone,,1,1,Ann (14781400),,27 Nov 2026 18:00,en,Europe/Berlin,,None,,
task,\"Book flights, and a hotel\",\"Two rooms.
By the sea, \"\"if possible\"\".\",2,1,Ann (14781400),,2026-12-24,en,,,None,,
note,Mum likes the \"Seeblick\",,,,Ann (14781400),,,,,,,,
,,,,,,,,,,,,,
section,Routines,,,,,,,,,,,,
task,Water plants @home,,4,1,Ann (14781400),Ben (99),every 2 days at 9am,en,America/New_York,15,minute,,
task,Clean the filter,,3,2,Ann (14781400),,every! month,en,Europe/Berlin,,None,,
task,Tax return,,4,1,Ann (14781400),,,en,,,None,2027-07-31,en
";

#[test]
fn a_project_as_todoist_writes_it() {
    let Import { items, refused } = read(FILE);
    assert_eq!(refused, []);
    assert_eq!(
        items.iter().map(told).collect::<Vec<_>>(),
        [
            "Call the plumber | high | phone | Fri 2026-11-27 18:00",
            "Book flights, and a hotel | medium | | Thu 2026-12-24 09:00",
            "Water plants | low | home Routines | Thu 2026-11-26 15:00 | daily 2 due_date",
            "Clean the filter | low | Routines | Fri 2026-11-27 09:00 | monthly 1 completion",
            "Tax return | low | Routines | Sat 2027-07-31 09:00",
        ]
    );
    let lines: Vec<usize> = items.iter().map(|item| item.line).collect();
    assert_eq!(lines, [3, 4, 9, 10, 11]);
    let description = items[1].task.description.as_ref().map(Description::as_str);
    assert_eq!(description, Some("Two rooms.\nBy the sea, \"if possible\".\n\nMum likes the \"Seeblick\""));
    let zone = items[2].task.recurrence.as_ref().and_then(|rule| rule.time_zone);
    assert_eq!(zone.map(|zone| zone.name()), Some("America/New_York"));
}

#[test]
fn dates() {
    let due = |date: &str| {
        let found = read(&format!("TYPE,CONTENT,DATE\ntask,a,\"{date}\""));
        found.items.first().map_or_else(|| found.refused[0].reason.clone(), told)
    };
    for (date, is) in [
        ("2026-12-01", "Tue 2026-12-01 09:00"),
        ("2026-12-01 18:30", "Tue 2026-12-01 18:30"),
        ("2026-12-01T18:30:00", "Tue 2026-12-01 18:30"),
        ("2026-12-01T18:30:00Z", "Tue 2026-12-01 19:30"),
        ("1 Dec", "Tue 2026-12-01 09:00"),
        ("Dec 1 2027", "Wed 2027-12-01 09:00"),
        ("today", "Thu 2026-11-26 18:00"),
        ("fri", "Fri 2026-11-27 09:00"),
        ("tomorrow at 10:00", "Fri 2026-11-27 10:00"),
        ("every day", "Fri 2026-11-27 09:00 | daily 1 due_date"),
        ("Every Mon, Fri at 8", "Fri 2026-11-27 08:00 | FREQ=WEEKLY;BYDAY=MO,FR due_date"),
        ("ev 15th", "Tue 2026-12-15 09:00 | FREQ=MONTHLY;BYMONTHDAY=15 due_date"),
        ("every 2 weeks starting 2026-12-01", "Tue 2026-12-01 09:00 | weekly 2 due_date"),
        ("every! 10 days", "Fri 2026-11-27 09:00 | daily 10 completion"),
        ("monthly", "Fri 2026-11-27 09:00 | monthly 1 due_date"),
        ("every weekday", "Fri 2026-11-27 09:00 | FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR due_date"),
    ] {
        assert_eq!(due(date), format!("a | medium | | {is}"));
    }
    for date in ["jeden Tag", "every full moon", "friday monday", "2026-13-01", "today #home", "!1 today", "18:00 \"\"x\"\""] {
        assert!(due(date).starts_with("the date “") && due(date).contains("in English"), "{date}: {}", due(date));
    }
}

#[test]
fn priorities_keep_their_order_and_none_is_the_default() {
    let rows = "TYPE,CONTENT,PRIORITY\ntask,a,1\ntask,b,2\ntask,c,3\ntask,d,4\ntask,e,\ntask,f,p1";
    let Import { items, refused } = read(rows);
    let priorities: Vec<Priority> = items.iter().map(|item| item.task.priority).collect();
    assert_eq!(priorities, [Priority::High, Priority::Medium, Priority::Low, Priority::Low, Priority::Medium]);
    assert_eq!((refused[0].line, refused[0].reason.as_str()), (7, "PRIORITY is 1, the highest, to 4, not “p1”"));
}

#[test]
fn rows_that_cannot_be_are_refused_and_the_rest_comes() {
    let long = "s".repeat(51);
    let file = format!(
        "type;content;description;date;timezone\n\
         note;for the project;;;\n\
         \n\
         task;@home;;;\n\
         note;of a refused task;;;\n\
         section;{long};;;\n\
         task;a;;tomorrow;Mars/Base\n\
         rubbish\n\
         task;b;{};;\n\
         task;c;{};;\n\
         note;one more;;;\n\
         task;d",
        "d".repeat(2_001),
        "d".repeat(2_000),
    );
    let Import { items, refused } = read(&file);
    assert_eq!(items.iter().map(|item| item.task.title.as_str()).collect::<Vec<_>>(), ["c", "d"]);
    let told: Vec<String> = refused.iter().map(|refused| format!("{} {}", refused.line, refused.reason)).collect();
    assert_eq!(
        told,
        [
            "2 the comment has no task above it",
            "4 a title has 1 to 255 characters, not 0",
            "5 the task of this comment was refused",
            "6 a section becomes a tag, and a tag has 1 to 50 characters, not 51; its tasks come without",
            "7 a time zone is an IANA name, such as Europe/Berlin",
            "8 TYPE is task, section or note, not “rubbish”",
            "9 a description has at most 2,000 characters, not 2001",
            "11 a comment is added to its task's description, and a description has at most 2,000 characters, not 2010; the task comes without it",
        ]
    );
}

#[test]
fn equal_rows_are_several_tasks_and_a_section_makes_another() {
    let file = "TYPE,CONTENT\ntask,review\ntask,review\nsection,B\ntask,review";
    let keys: Vec<_> = read(file).items.iter().map(|item| item.key).collect();
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    assert_eq!(
        keys,
        read(&format!("\u{feff}{}", file.replace('\n', "\r\n"))).items.iter().map(|item| item.key).collect::<Vec<_>>()
    );
}
