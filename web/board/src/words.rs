//! Rules, leads and what quick add has understood, in words.

use crate::days::{Here, WEEKDAYS};
use crate::task::{Fields, Task, field};
use chrono::{Datelike, NaiveDate};
use domain::quick_add::{QuickAdd, Says};
use domain::recurrence::upcoming;
use domain::task::{RepeatFrom, Rrule, TimeZone};
use domain::time::Timestamp;
use serde_json::{Value, json};

/// "every 2 weeks on Mon, Fri, 5 times"; of a rule that says more than that, what of it can be said.
pub fn say_rule(rule: &str) -> String {
    let unit = match part(rule, "FREQ") {
        Some("DAILY") => "day",
        Some("WEEKLY") => "week",
        Some("MONTHLY") => "month",
        Some("YEARLY") => "year",
        _ => return "repeats".to_owned(),
    };
    let mut said = match part(rule, "INTERVAL") {
        None | Some("1") => format!("every {unit}"),
        Some(number) => format!("every {number} {unit}s"),
    };
    match (unit, part(rule, "BYDAY"), part(rule, "BYMONTHDAY")) {
        ("week", Some(days), _) => {
            let days: Vec<&str> = days.split(',').map(day_name).collect();
            said = format!("{said} on {}", days.join(", "));
        }
        ("month", Some(day), None) => {
            if let Some((which, day)) = nth(day) {
                said = format!("{said} on the {which} {day}");
            }
        }
        ("month", None, Some("-1")) => said.push_str(" on the last day"),
        _ => {}
    }
    if let Some(times) = part(rule, "COUNT") {
        said = format!("{said}, {times} times");
    } else if let Some(last) = part(rule, "UNTIL").and_then(day_of) {
        said = format!("{said}, until {}", say_date(last));
    }
    said
}

/// Of the same weekdays of a month.
pub(crate) const WHICH: [&str; 4] = ["first", "second", "third", "fourth"];

/// "second" and "Fri" of `2FR`.
fn nth(day: &str) -> Option<(&'static str, &str)> {
    let (number, day) = day.split_at_checked(day.len().checked_sub(2)?)?;
    let which = if number == "-1" { "last" } else { WHICH.get(number.parse::<usize>().ok()?.checked_sub(1)?)? };
    Some((which, day_name(day)))
}

/// The day of an UNTIL.
pub(crate) fn day_of(until: &str) -> Option<NaiveDate> {
    let number = |range: std::ops::Range<usize>| until.get(range)?.parse::<u32>().ok();
    NaiveDate::from_ymd_opt(i32::try_from(number(0..4)?).ok()?, number(4..6)?, number(6..8)?)
}

/// The value of one part of a rule.
pub(crate) fn part<'a>(rule: &'a str, name: &str) -> Option<&'a str> {
    rule.split(';').find_map(|part| part.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
}

fn day_name(code: &str) -> &str {
    WEEKDAYS.iter().find(|(known, _, _)| *known == code).map_or(code, |(_, short, _)| short)
}

/// The zone, as the time zone database has it.
fn zone_of(here: Here) -> TimeZone {
    TimeZone::new(here.zone.name()).unwrap_or(TimeZone::UTC)
}

/// Reads a sentence.
pub fn read(text: &str, here: Here) -> QuickAdd {
    domain::quick_add::read(text, here.now, zone_of(here))
}

/// The dates that follow, at most so many.
pub fn next_dates(rrule: &str, from: &str, due: Timestamp, here: Here, count: usize) -> Vec<String> {
    let repeat_from = RepeatFrom::new(from).unwrap_or_default();
    let Ok(rrule) = Rrule::new(rrule) else { return Vec::new() };
    let rule = domain::task::Recurrence { rrule, time_zone: zone_of(here), repeat_from };
    upcoming(&rule, due, count).into_iter().map(|due| here.say(due)).collect()
}

/// "1 hour before".
pub fn say_lead(minutes: u32) -> String {
    let some = |number: u32, unit: &str| format!("{number} {unit}{} before", if number == 1 { "" } else { "s" });
    match minutes {
        0 => "When it is due".to_owned(),
        minutes if minutes % 1_440 == 0 => some(minutes / 1_440, "day"),
        minutes if minutes % 60 == 0 => some(minutes / 60, "hour"),
        minutes => some(minutes, "minute"),
    }
}

/// What a person has written, in a sentence of ours. It is set apart: what is written from right to left, or turns the direction, turns
/// nothing around it (Unicode's isolates).
pub fn quoted(text: &str) -> String {
    format!("“\u{2068}{text}\u{2069}”")
}

/// Which way a text is written, by its first letter: `ltr` or `rtl`. A browser finds out by itself, and takes minutes for what is very long.
pub fn direction(text: &str) -> &'static str {
    let first = text.chars().find(|character| character.is_alphabetic());
    let is_leftwards = |letter: char| matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}');
    if first.is_some_and(is_leftwards) { "rtl" } else { "ltr" }
}

/// The value of a field, as JSON has it, in words; none: there is none.
pub fn say_value(field: &str, value: &Value, here: Here) -> Option<String> {
    match (field, value) {
        (_, Value::Null) => None,
        ("due_date" | "snoozed_until", Value::String(at)) => Some(Timestamp::parse(at).map_or(at.clone(), |at| here.say(at))),
        ("recurrence", rule) => Some(say_rule(rule.get("rrule")?.as_str()?)),
        ("reminder_minutes", minutes) => Some(say_lead(u32::try_from(minutes.as_u64()?).ok()?)),
        ("tags", Value::Array(tags)) => {
            let tags: Vec<String> = tags.iter().filter_map(Value::as_str).map(|tag| format!("#{tag}")).collect();
            (!tags.is_empty()).then(|| tags.join(" "))
        }
        (_, Value::String(text)) => Some(quoted(text)),
        (_, other) => Some(other.to_string()),
    }
}

/// One thing that quick add has understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// `due`, `repeat`, `tag` or `priority`.
    pub kind: &'static str,
    pub text: String,
}

/// What quick add has understood, as short words.
pub fn chips(read: &QuickAdd, here: Here) -> Vec<Chip> {
    let mut chips = Vec::new();
    if let Some(due) = read.due {
        chips.push(Chip { kind: "due", text: here.say(due) });
    }
    for piece in &read.pieces {
        match &piece.says {
            Says::Every(_) => {
                let rule = read.rule.as_ref().map(|rule| say_rule(rule.as_str()));
                chips.extend(rule.map(|text| Chip { kind: "repeat", text }));
            }
            Says::Tag(tag) => chips.push(Chip { kind: "tag", text: format!("#{}", tag.as_str()) }),
            Says::Priority(priority) => chips.push(Chip { kind: "priority", text: format!("{} priority", priority.name()) }),
            Says::Day(_) | Says::Time(_) | Says::In(_) | Says::InDays(_) | Says::InMonths(_) => {}
        }
    }
    chips
}

/// The fields of the task that quick add makes.
pub fn fields(read: &QuickAdd, here: Here) -> Fields {
    let mut fields = field("title", json!(read.title));
    let mut set = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    if let Some(due) = read.due {
        set("due_date", json!(due));
    }
    if let Some(rule) = &read.rule {
        set("recurrence", json!({"rrule": rule.as_str(), "time_zone": here.zone.name(), "from": RepeatFrom::default().name()}));
    }
    if !read.tags.is_empty() {
        set("tags", json!(read.tags));
    }
    if let Some(priority) = read.priority {
        set("priority", json!(priority));
    }
    fields
}

/// What stands under a task's title, for those who do not see its icons.
pub fn say_due(task: &Task, here: Here) -> Option<(String, bool)> {
    let due = task.due_date?;
    let is_overdue = !task.completed && due < here.now;
    Some((here.say(due), is_overdue))
}

/// The day of the month with its name, for what is drawn.
pub fn say_date(day: NaiveDate) -> String {
    format!("{} {} {}", day.day(), crate::days::month(day), day.year())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::days::tests::here;
    use crate::task::tests::at;

    #[test]
    fn the_first_letter_says_which_way_a_text_is_written() {
        for (text, way) in
            [("", "ltr"), ("12:00", "ltr"), ("Brot", "ltr"), ("1. חלב (tea)", "rtl"), ("حليب", "rtl"), ("tea חלב", "ltr")]
        {
            assert_eq!(direction(text), way, "{text}");
        }
    }

    #[test]
    fn rules_and_leads_are_said_in_words() {
        assert_eq!(say_rule("FREQ=DAILY;INTERVAL=2"), "every 2 days");
        assert_eq!(say_rule("FREQ=WEEKLY;BYDAY=MO,FR"), "every week on Mon, Fri");
        for (rule, said) in [
            ("FREQ=YEARLY", "every year"),
            ("FREQ=MONTHLY;BYDAY=2FR", "every month on the second Fri"),
            ("FREQ=MONTHLY;INTERVAL=3;BYDAY=-1SU;COUNT=4", "every 3 months on the last Sun, 4 times"),
            ("FREQ=MONTHLY;BYMONTHDAY=-1;UNTIL=20261231", "every month on the last day, until 31 December 2026"),
            ("FREQ=MONTHLY;BYDAY=1MO,3MO", "every month"),
            ("FREQ=MONTHLY;BYDAY=é", "every month"),
            ("FREQ=DAILY;UNTIL=soon", "every day"),
        ] {
            assert_eq!(say_rule(rule), said);
        }
        assert_eq!(
            (say_lead(0).as_str(), say_lead(60).as_str(), say_lead(2_880).as_str()),
            ("When it is due", "1 hour before", "2 days before")
        );
        assert_eq!(say_lead(90), "90 minutes before");
    }

    #[test]
    fn the_sentence_of_the_readme_is_understood() {
        let here = here("2026-05-01T09:00:00Z");
        let read = read("Water plants every 2 days 18:00 #home !high", here);
        let said: Vec<String> = chips(&read, here).into_iter().map(|chip| chip.text).collect();
        assert_eq!(said, ["Today 18:00", "every 2 days", "#home", "high priority"]);
        let fields = fields(&read, here);
        assert_eq!(fields["title"], "Water plants");
        assert_eq!(fields["due_date"], "2026-05-01T16:00:00Z");
        assert_eq!(fields["recurrence"]["rrule"], "FREQ=DAILY;INTERVAL=2");
        assert_eq!(fields["recurrence"]["time_zone"], "Europe/Berlin");
    }

    #[test]
    fn the_dates_that_follow_keep_their_time_of_day() {
        let here = here("2026-03-27T09:00:00Z");
        let dates = next_dates("FREQ=DAILY", "due_date", at("2026-03-28T08:00:00Z"), here, 2);
        assert_eq!(dates, ["Sun 29 Mar 09:00", "Mon 30 Mar 09:00"]);
        assert!(next_dates("FREQ=NEVER", "due_date", at("2026-03-28T08:00:00Z"), here, 2).is_empty());
    }
}
