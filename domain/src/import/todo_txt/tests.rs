//! It is Thursday, November 26, 2026, 14:30 in Berlin.

use crate::import::tests::{berlin, import, now, told};
use crate::import::{Format, Import};
use crate::task::{Priority, RepeatFrom};

fn read(text: &str) -> Import {
    import(text, Format::TodoTxt)
}

/// What a program of todo.txt keeps: open ones first, then what is done.
const FILE: &str = "\
(A) 2026-11-20 Call the plumber about the boiler @phone +House due:2026-11-27
(B) Write the minutes +Club
Water the plants @home due:2026-12-01 rec:1w
Pay the rent due:2026-12-01 rec:+1m h:1

x 2026-11-25 2026-11-02 Renew the passport +Papers pri:A
x Return the books
";

#[test]
fn a_file_as_its_programs_write_it() {
    let Import { items, refused } = read(FILE);
    assert_eq!(refused, []);
    let lines: Vec<usize> = items.iter().map(|item| item.line).collect();
    assert_eq!(lines, [1, 2, 3, 4, 6, 7]);
    assert_eq!(
        items.iter().map(told).collect::<Vec<_>>(),
        [
            "Call the plumber about the boiler | high | phone House | Fri 2026-11-27 09:00",
            "Write the minutes | medium | Club",
            "Water the plants | medium | home | Tue 2026-12-01 09:00 | weekly 1 completion",
            "Pay the rent h:1 | medium | | Tue 2026-12-01 09:00 | monthly 1 due_date",
            "Renew the passport | high | Papers | done 2026-11-25",
            "Return the books | medium | | done 2026-11-26",
        ]
    );
    let created = |item: usize| items[item].created_at.map(|at| at.to_string());
    assert_eq!(created(0).as_deref(), Some("2026-11-20T10:59:59.999Z"), "noon in Berlin, less a millisecond for line 1");
    assert_eq!(created(1), None);
    assert_eq!(items[5].completed_at, Some(now()), "a completion without a day is now");
    assert_eq!(items[3].task.recurrence.as_ref().unwrap().time_zone, Some(berlin()));
}

#[test]
fn what_is_like_a_mark_and_is_none_is_title() {
    for (line, title) in [
        ("xylophone lesson", "xylophone lesson"),
        ("X 2026-11-25 no small x", "X 2026-11-25 no small x"),
        ("(a) small letter", "(a) small letter"),
        ("(AB) two letters", "(AB) two letters"),
        ("mail ann@example.org, 3 + 4 @ noon", "mail ann@example.org, 3 + 4 @ noon"),
        ("read https://example.org:8080/a due:", "read https://example.org:8080/a due:"),
        ("2026-1-5 no date", "2026-1-5 no date"),
        ("pri:x t:2026-01-01", "pri:x t:2026-01-01"),
    ] {
        assert_eq!(read(line).items[0].task.title.as_str(), title);
    }
    assert_eq!(read("(C) later").items[0].task.priority, Priority::Low);
    let today = read("a due:2026-11-26").items[0].task.due_date;
    assert_eq!(today.unwrap().to_string(), "2026-11-26T17:00:00Z", "9:00 has passed, 18:00 is ahead");
}

#[test]
fn what_cannot_be_is_refused_with_its_line_and_a_reason() {
    let long = "y".repeat(256);
    let many: String = (0..11).map(|n| format!(" +t{n}")).collect();
    for (line, reason) in [
        ("Call due:tomorrow", "due: takes a day such as due:2026-05-01, not “tomorrow”"),
        ("Call due:2026-02-30", "due: takes a day such as due:2026-05-01, not “2026-02-30”"),
        ("Call due:2026-12-01 rec:2x", "rec: takes a number and one of d, w, m, y, such as rec:1w, not “2x”"),
        ("Call due:2026-12-01 rec:ü", "rec: takes a number and one of d, w, m, y, such as rec:1w, not “ü”"),
        ("Call due:2026-12-01 rec:0d", "an interval is 1 to 9999, not 0"),
        ("Call rec:1w", "rec: needs a due date to be counted from, such as due:2026-05-01"),
        ("+House @home", "a title has 1 to 255 characters, not 0"),
        (&long, "a title has 1 to 255 characters, not 256"),
        (&format!("a{many}"), "a task has at most 10 tags, not 11"),
        (&format!("a +{long}"), "a tag has 1 to 50 characters, not 256"),
    ] {
        let found = read(&format!("first\n{line}\nlast"));
        assert_eq!(found.items.len(), 2);
        assert_eq!((found.refused[0].line, found.refused[0].reason.as_str()), (2, reason));
    }
}

#[test]
fn equal_lines_are_several_tasks_and_stay_known() {
    let (first, again) = (read("milk\nmilk\neggs"), read("eggs\nmilk\nbread\nmilk"));
    let keys = |import: &Import| import.items.iter().map(|item| item.key).collect::<Vec<_>>();
    let (first, again) = (keys(&first), keys(&again));
    assert_ne!(first[0], first[1]);
    assert_eq!([again[1], again[3], again[0]], [first[0], first[1], first[2]], "wherever they stand");
}

#[test]
fn rules() {
    let rule = |text: &str| read(&format!("a due:2026-12-01 {text}")).items[0].task.recurrence.clone().unwrap();
    assert_eq!(told(&read("a due:2026-12-01 rec:3d").items[0]), "a | medium | | Tue 2026-12-01 09:00 | daily 3 completion");
    assert_eq!(told(&read("a due:2026-12-01 rec:+y").items[0]), "a | medium | | Tue 2026-12-01 09:00 | yearly 1 due_date");
    assert_eq!(rule("rec:1b").repeat_from, RepeatFrom::Completion);
    assert!(told(&read("a due:2026-12-01 rec:+1b").items[0]).ends_with("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR due_date"));
}
