//! It is Thursday, November 26, 2026, 14:30 in Berlin.

use super::*;
use crate::task::Title;
use proptest::prelude::*;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-26T13:30:20Z").unwrap()
}

fn berlin() -> TimeZone {
    TimeZone::new("Europe/Berlin").unwrap()
}

fn understood(text: &str) -> QuickAdd {
    read(text, now(), berlin())
}

/// Title, and the local due date, and the rule; each empty where there is none.
fn told(text: &str) -> (String, String, String) {
    let QuickAdd { title, due, rule, .. } = understood(text);
    let due = due.map(|due| local(due, berlin()).format("%a %F %H:%M").to_string());
    (title, due.unwrap_or_default(), rule.map(|rule| rule.as_str().to_owned()).unwrap_or_default())
}

fn is(text: &str, title: &str, due: &str, rule: &str) {
    assert_eq!(told(text), (title.to_owned(), due.to_owned(), rule.to_owned()), "{text}");
}

#[test]
fn the_sentence_of_the_first_minute() {
    let text = "Water plants every 2 days 18:00 #home !high";
    is(text, "Water plants", "Thu 2026-11-26 18:00", "FREQ=DAILY;INTERVAL=2");
    let QuickAdd { tags, priority, pieces, .. } = understood(text);
    assert_eq!((tags, priority), (Tags::new([Tag::new("home").unwrap()]).unwrap(), Some(Priority::High)));
    let parts: Vec<&str> = pieces.iter().map(|piece| &text[piece.bytes.clone()]).collect();
    assert_eq!(parts, ["every 2 days", "18:00", "#home", "!high"]);
}

#[test]
fn days() {
    for (text, due) in [
        ("x today", "Thu 2026-11-26 18:00"),
        ("x Tomorrow", "Fri 2026-11-27 09:00"),
        ("x on thursday", "Thu 2026-12-03 09:00"),
        ("x friday", "Fri 2026-11-27 09:00"),
        ("x by fri", "Fri 2026-11-27 09:00"),
        ("x fri 18:00", "Fri 2026-11-27 18:00"),
        ("x sat at 7pm", "Sat 2026-11-28 19:00"),
        ("x on mon, at noon", "Mon 2026-11-30 12:00"),
        ("x by Monday at noon", "Mon 2026-11-30 12:00"),
        ("x next week", "Mon 2026-11-30 09:00"),
        ("x next fri", "Fri 2026-12-04 09:00"),
        ("x next month", "Tue 2026-12-01 09:00"),
        ("x this sunday", "Sun 2026-11-29 09:00"),
        ("x in 3 days", "Sun 2026-11-29 09:00"),
        ("x in a week at 8:15", "Thu 2026-12-03 08:15"),
        ("x in 3 months", "Fri 2027-02-26 09:00"),
        ("x in 90 minutes", "Thu 2026-11-26 16:00"),
        ("x in an hour", "Thu 2026-11-26 15:30"),
        ("x 2026-12-24", "Thu 2026-12-24 09:00"),
        ("x 24 dec", "Thu 2026-12-24 09:00"),
        ("x December 24th", "Thu 2026-12-24 09:00"),
        ("x due 1st february 18:00", "Mon 2027-02-01 18:00"),
        ("x 29 feb", "Tue 2028-02-29 09:00"),
        ("x 1 dec 2030 6pm", "Sun 2030-12-01 18:00"),
    ] {
        assert_eq!(told(text).1, due, "{text}");
        assert!(due.is_empty() || told(text).0 == "x", "{text}: {}", told(text).0);
    }
}

#[test]
fn times() {
    for (text, due) in [
        ("x 18:00", "Thu 2026-11-26 18:00"),
        ("x 9:05", "Fri 2026-11-27 09:05"),
        ("x at 6", "Fri 2026-11-27 06:00"),
        ("x at 18", "Thu 2026-11-26 18:00"),
        ("x 6pm", "Thu 2026-11-26 18:00"),
        ("x at 6:30 pm", "Thu 2026-11-26 18:30"),
        ("x at 6 pm", "Thu 2026-11-26 18:00"),
        ("x 12am", "Fri 2026-11-27 00:00"),
        ("x 12pm tomorrow", "Fri 2026-11-27 12:00"),
        ("x midnight", "Fri 2026-11-27 00:00"),
        ("x 24:00", ""),
        ("x 13pm", ""),
        ("x 6", ""),
        ("x 1:2", ""),
    ] {
        assert_eq!(told(text).1, due, "{text}");
    }
    let late = Timestamp::parse("2026-11-26T22:30:00Z").unwrap();
    assert_eq!(read("x today", late, berlin()).due.unwrap().to_string(), "2026-11-26T22:59:00Z");
    // The clocks leave 02:30 out.
    assert_eq!(told("x 28 march 2027 2:30").1, "Sun 2027-03-28 03:30");
}

#[test]
fn rules() {
    for (text, due, rule) in [
        ("x every day", "Fri 2026-11-27 09:00", "FREQ=DAILY"),
        ("x every other day at 20:00", "Thu 2026-11-26 20:00", "FREQ=DAILY;INTERVAL=2"),
        ("x every week", "Fri 2026-11-27 09:00", "FREQ=WEEKLY"),
        ("x every monday", "Mon 2026-11-30 09:00", "FREQ=WEEKLY;BYDAY=MO"),
        ("x every fri and mon, 8am", "Fri 2026-11-27 08:00", "FREQ=WEEKLY;BYDAY=MO,FR"),
        ("x every other tuesday", "Tue 2026-12-01 09:00", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"),
        ("x every 3 weeks on thursday 15:00", "Thu 2026-11-26 15:00", "FREQ=WEEKLY;INTERVAL=3;BYDAY=TH"),
        ("x every weekday", "Fri 2026-11-27 09:00", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
        ("x every weekend", "Sat 2026-11-28 09:00", "FREQ=WEEKLY;BYDAY=SA,SU"),
        ("x every month", "Fri 2026-11-27 09:00", "FREQ=MONTHLY"),
        ("x every month on the 15th", "Tue 2026-12-15 09:00", "FREQ=MONTHLY;BYMONTHDAY=15"),
        ("x every 31st", "Mon 2026-11-30 09:00", "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1"),
        ("x every year 24 dec", "Thu 2026-12-24 09:00", "FREQ=YEARLY"),
        ("x every 3 months 31 jan", "Sun 2027-01-31 09:00", "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=28,29,30,31;BYSETPOS=-1"),
        ("x every 0 days", "", ""),
        ("x every 10000 days", "", ""),
    ] {
        let (_, found, found_rule) = told(text);
        assert_eq!((found.as_str(), found_rule.as_str()), (due, rule), "{text}");
        assert!(rule.is_empty() || Rrule::new(rule).is_ok(), "{rule}");
    }
}

#[test]
fn what_may_mean_anything_else_stays_in_the_title() {
    for title in [
        "Buy sun cream",
        "Nap on sun deck",
        "Read Friday's paper",
        "Weekly report",
        "Fix #1 and #",
        "Call 555 1234",
        "May the fourth",
        "Meet at the station",
        "On time delivery",
        "In 2 minds about it",
        "every so often",
        "!important",
        "second-hand",
        "1.5 litres of milk",
        "Ratio 3:1",
    ] {
        is(title, title, "", "");
    }
    is("Say \"every day\" today", "Say every day", "Thu 2026-11-26 18:00", "");
    is("a \" b", "a \" b", "", "");
    is("", "", "", "");
}

#[test]
fn of_two_that_say_the_same_the_last_counts() {
    is("Move monday to tuesday", "Move monday to", "Tue 2026-12-01 09:00", "");
    is("x today in an hour", "x today", "Thu 2026-11-26 15:30", "");
    let QuickAdd { title, priority, tags, .. } = understood("x !low !high #a #b #a");
    assert_eq!((title.as_str(), priority, tags.iter().count()), ("x !low", Some(Priority::High), 2));
    let many: Vec<String> = (0..12).map(|n| format!("#t{n}")).collect();
    assert_eq!(understood(&many.join(" ")).title, "#t10 #t11");
}

/// Words that say something, and some that do not.
fn word() -> impl Strategy<Value = String> {
    let known = "every other in next this on at by due the and day days week month year monday fri today tomorrow noon am pm 1 2 15th 31st 99 \
                 18:00 6pm 2026-12-31 dec may #home #1 !high !2 \" \"every day\" ä 😀 a";
    let known: Vec<String> = known.split(' ').map(str::to_owned).collect();
    prop_oneof![4 => proptest::sample::select(known), 1 => "\\PC{0,6}"]
}

proptest! {
    #[test]
    fn anything_is_read_and_nothing_is_lost(words in proptest::collection::vec(word(), 0..12), spaces in "[ \t]{1,3}", millis in 0i64..4_102_444_800_000) {
        let text = words.join(&spaces);
        let now = Timestamp::from_millis(millis).unwrap();
        let read = read(&text, now, berlin());
        let mut end = 0;
        let mut rest = String::new();
        for Piece { bytes, .. } in &read.pieces {
            prop_assert!(bytes.start >= end && bytes.end <= text.len() && !bytes.is_empty());
            rest.push_str(text.get(end..bytes.start).unwrap());
            prop_assert!(text.get(bytes.clone()).is_some_and(|piece| piece == piece.trim()));
            end = bytes.end;
        }
        rest.push_str(text.get(end..).unwrap());
        let letters = |text: &str| text.replace('"', "").split_whitespace().collect::<String>();
        prop_assert_eq!(letters(&read.title), letters(&rest), "each word is a title's or a piece's");
        prop_assert!(read.rule.is_none() || read.due.is_some());
        prop_assert!(read.rule.iter().all(|rule| Rrule::new(rule.as_str()).is_ok()));
        let said_when = read.pieces.iter().any(|piece| matches!(piece.says, Says::Day(_) | Says::In(_)));
        prop_assert!(said_when || read.due.is_none_or(|due| due > now), "{:?}", read.due);
    }

    #[test]
    fn what_is_quoted_is_the_title(words in proptest::collection::vec(word(), 1..6)) {
        let title = words.join(" ").replace('"', "");
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assume!(!title.is_empty());
        let read = understood(&format!("\"{title}\""));
        prop_assert_eq!(&read.title, &title);
        prop_assert!(read.pieces.is_empty());
    }

    #[test]
    fn the_order_of_pieces_says_nothing(pieces in Just(vec!["every monday", "at 7:30", "#home", "!low", "Wash up"]).prop_shuffle()) {
        let read = understood(&pieces.join(" "));
        prop_assert_eq!(Title::new(&read.title), Title::new("Wash up"));
        prop_assert_eq!(local(read.due.unwrap(), berlin()).to_string(), "2026-11-30 07:30:00");
        prop_assert_eq!((read.priority, read.tags.iter().count(), read.rule.is_some()), (Some(Priority::Low), 1, true));
    }

    #[test]
    fn a_long_text_is_read_as_fast_as_it_is_long(text in "( |every |in 2 |#a |\"){0,3000}") {
        let read = understood(&text);
        prop_assert!(read.title.len() <= text.len());
    }
}
