//! Rules, leads and what quick add has understood, in words.

use crate::days::Here;
use crate::task::{Fields, Recurrence, Task};
use chrono::{Datelike, NaiveDate};
use domain::quick_add::{QuickAdd, Says};
use domain::recurrence::{Frequency, Interval, short_form, upcoming};
use domain::task::{RepeatFrom, Rrule, TimeZone};
use domain::time::Timestamp;
use serde_json::{Value, json};

/// How often, as it is chosen: each with its label and the frequency in the rule.
pub const REPEATS: [(&str, Option<Frequency>); 5] = [
    ("Never", None),
    ("Daily", Some(Frequency::Daily)),
    ("Weekly", Some(Frequency::Weekly)),
    ("Monthly", Some(Frequency::Monthly)),
    ("Yearly", Some(Frequency::Yearly)),
];

/// Which of [`REPEATS`] a rule is; none: it says more than these can.
pub fn repeat_of(rule: Option<&Recurrence>, due: Option<Timestamp>) -> Option<(usize, u32)> {
    let Some(rule) = rule else { return Some((0, 1)) };
    let number = part(&rule.rrule, "INTERVAL").map_or(Some(1), |number| number.parse().ok())?;
    let at = REPEATS.iter().position(|(_, frequency)| {
        frequency
            .is_some_and(|frequency| part(&rule.rrule, "FREQ").is_some_and(|name| name.eq_ignore_ascii_case(frequency.name())))
    })?;
    let zone = TimeZone::new(&rule.time_zone).ok()?;
    let day = domain::recurrence::local(due?, zone).date();
    let simple = simple_rule(at, number, day, &rule.from)?;
    (simple.as_str() == rule.rrule).then_some((at, number))
}

/// The rule that a choice makes for a task that is due on this day.
pub fn simple_rule(repeat: usize, number: u32, day: NaiveDate, from: &str) -> Option<Rrule> {
    let frequency = REPEATS.get(repeat)?.1?;
    let from = if from == RepeatFrom::Completion.name() { RepeatFrom::Completion } else { RepeatFrom::DueDate };
    Some(short_form(frequency, Interval::new(number).ok()?, day, from))
}

fn part<'a>(rule: &'a str, name: &str) -> Option<&'a str> {
    rule.split(';').find_map(|part| part.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
}

/// "every 2 weeks"; of a rule that says more, its frequency and that there is more.
pub fn say_rule(rule: &str) -> String {
    let unit = match part(rule, "FREQ") {
        Some("DAILY") => "day",
        Some("WEEKLY") => "week",
        Some("MONTHLY") => "month",
        Some("YEARLY") => "year",
        _ => return "repeats".to_owned(),
    };
    let often = match part(rule, "INTERVAL") {
        None | Some("1") => format!("every {unit}"),
        Some(number) => format!("every {number} {unit}s"),
    };
    match (unit, part(rule, "BYDAY")) {
        ("week", Some(days)) => {
            let days: Vec<&str> = days.split(',').map(day_name).collect();
            format!("{often} on {}", days.join(", "))
        }
        _ => often,
    }
}

fn day_name(short: &str) -> &str {
    match short {
        "MO" => "Mon",
        "TU" => "Tue",
        "WE" => "Wed",
        "TH" => "Thu",
        "FR" => "Fri",
        "SA" => "Sat",
        "SU" => "Sun",
        other => other,
    }
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
        (_, Value::String(text)) => Some(format!("“{text}”")),
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
    let mut fields = Fields::from_iter([("title".to_owned(), json!(read.title))]);
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
    format!("{} {}", day.day(), day.format("%B %Y"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::days::tests::here;
    use crate::task::tests::at;

    #[test]
    fn a_rule_that_was_chosen_is_recognised_and_another_is_left_alone() {
        let due = at("2026-01-31T08:00:00Z");
        let rule = |text: &str| Recurrence {
            rrule: text.to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            from: "due_date".to_owned(),
        };
        assert_eq!(repeat_of(None, None), Some((0, 1)));
        for (at, number) in [(1, 1), (1, 2), (2, 3), (3, 1), (4, 1)] {
            let made = simple_rule(at, number, NaiveDate::from_ymd_opt(2026, 1, 31).unwrap(), "due_date").unwrap();
            assert_eq!(repeat_of(Some(&rule(made.as_str())), Some(due)), Some((at, number)), "{}", made.as_str());
        }
        for other in ["FREQ=WEEKLY;BYDAY=MO,FR", "FREQ=MONTHLY;BYMONTHDAY=1", "FREQ=HOURLY", "FREQ=DAILY;COUNT=3"] {
            assert_eq!(repeat_of(Some(&rule(other)), Some(due)), None, "{other}");
        }
    }

    #[test]
    fn rules_and_leads_are_said_in_words() {
        assert_eq!(say_rule("FREQ=DAILY;INTERVAL=2"), "every 2 days");
        assert_eq!(say_rule("FREQ=WEEKLY;BYDAY=MO,FR"), "every week on Mon, Fri");
        assert_eq!(say_rule("FREQ=YEARLY"), "every year");
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
