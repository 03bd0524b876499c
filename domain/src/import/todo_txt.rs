//! todo.txt: a task a line. `(A)` is high, `(B)` medium, any letter behind them low; `+project` and `@context` are tags.
//!
//! `due:2026-05-01` is when it is due. `rec:1w` repeats it from its completion, `rec:+1w` from its due date; the units are `d`, `w`, `m`, `y`, and
//! `rec:1b` is every weekday. Other words with a colon stay in the title.

use super::{Found, Item, in_order, said, shown};
use crate::command::{NewTask, RecurrenceInput, Repetition};
use crate::input::NEEDS_DUE_DATE;
use crate::recurrence::{Frequency, Interval, moment};
use crate::task::{Priority, RepeatFrom, Rrule, Tag, Tags, Title};
use crate::time::Timestamp;
use chrono::{NaiveDate, NaiveTime};

pub(super) fn read(text: &str, found: &mut Found) -> Result<(), String> {
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if !line.is_empty() {
            let entry = item(line, number, found);
            found.add(number, entry);
        }
    }
    Ok(())
}

/// Whether a line has something that only todo.txt has, and means it.
pub(super) fn is_one(line: &str) -> bool {
    let head = Head::of(line.trim());
    let meant = |word: &str| is_tag(word) || word.strip_prefix("due:").is_some_and(|value| day(value).is_some());
    head.priority.is_some() || !head.dates.is_empty() || head.rest.split_whitespace().any(meant)
}

fn is_tag(word: &str) -> bool {
    word.strip_prefix(['+', '@']).is_some_and(|name| name.starts_with(char::is_alphabetic))
}

/// What stands before the words of a line.
struct Head<'a> {
    done: bool,
    priority: Option<Priority>,
    /// Of a line that is done: completion, creation. Otherwise: creation.
    dates: Vec<NaiveDate>,
    rest: &'a str,
}

impl<'a> Head<'a> {
    fn of(line: &'a str) -> Self {
        let rest = line.strip_prefix("x ");
        let mut head = Self { done: rest.is_some(), priority: None, dates: Vec::new(), rest: rest.unwrap_or(line).trim_start() };
        let most_dates = if head.done { 2 } else { 1 };
        while let Some((word, rest)) = head.rest.split_once(' ') {
            let letter = word.strip_prefix('(').and_then(|word| word.strip_suffix(')')).and_then(priority);
            match (letter, day(word)) {
                (Some(priority), _) if head.priority.is_none() => head.priority = Some(priority),
                (None, Some(day)) if head.dates.len() < most_dates => head.dates.push(day),
                _ => break,
            }
            head.rest = rest.trim_start();
        }
        head
    }
}

fn item(line: &str, number: usize, found: &mut Found) -> Result<Item, String> {
    let key = found.key(&[b"todo.txt", line.as_bytes()]);
    let head = Head::of(line);
    let (mut title, mut tags) = (Vec::new(), Vec::new());
    let (mut due, mut rule, mut late_priority) = (None, None, None);
    for word in head.rest.split_whitespace() {
        match word.split_once(':').filter(|(_, value)| !value.is_empty()) {
            Some(("due", value)) => {
                let day = day(value).ok_or_else(|| format!("due: takes a day such as due:2026-05-01, not {}", shown(value)))?;
                due = Some(found.due_on(day, found.zone)?);
            }
            Some(("rec", value)) => rule = Some(repetition(value)?),
            Some(("pri", value)) if priority(value).is_some() => late_priority = priority(value),
            _ => match word.strip_prefix(['+', '@']).filter(|name| !name.is_empty()) {
                Some(name) => tags.push(said(Tag::new(name))?),
                None => title.push(word),
            },
        }
    }
    if rule.is_some() && due.is_none() {
        return Err(format!("rec: {NEEDS_DUE_DATE}, such as due:2026-05-01"));
    }
    let recurrence =
        rule.map(|(repetition, repeat_from)| RecurrenceInput { repetition, time_zone: Some(found.zone), repeat_from });
    let task = NewTask {
        title: said(Title::new(&title.join(" ")))?,
        description: None,
        priority: head.priority.or(late_priority).unwrap_or_default(),
        tags: said(Tags::new(tags))?,
        due_date: due,
        recurrence,
        reminder_minutes: None,
    };
    let mut dates = head.dates.into_iter().map(|day| noon(day, found));
    let completed_at = if head.done { Some(dates.next().flatten().unwrap_or(found.now)) } else { None };
    let created_at = dates.next().flatten().map(|at| in_order(at, number));
    Ok(Item { line: number, key, origin: None, task, completed_at, created_at })
}

/// A day stands for its noon, which is on that day wherever the reader lives; today, if that is still to come, for now.
fn noon(day: NaiveDate, found: &Found) -> Option<Timestamp> {
    let noon = NaiveTime::from_hms_opt(12, 0, 0)?;
    moment(day.and_time(noon), found.zone).map(|at| at.min(found.now))
}

fn day(text: &str) -> Option<NaiveDate> {
    if text.len() == 10 { NaiveDate::parse_from_str(text, "%Y-%m-%d").ok() } else { None }
}

fn priority(letter: &str) -> Option<Priority> {
    match letter.as_bytes() {
        b"A" => Some(Priority::High),
        b"B" => Some(Priority::Medium),
        [b'C'..=b'Z'] => Some(Priority::Low),
        _ => None,
    }
}

/// `1w`, `+2m`: with a plus, from the due date.
fn repetition(value: &str) -> Result<(Repetition, RepeatFrom), String> {
    let (value, from) = match value.strip_prefix('+') {
        Some(value) => (value, RepeatFrom::DueDate),
        None => (value, RepeatFrom::Completion),
    };
    let unclear = || format!("rec: takes a number and one of d, w, m, y, such as rec:1w, not {}", shown(value));
    let (number, unit) = value.split_at_checked(value.len().saturating_sub(1)).ok_or_else(unclear)?;
    let number = if number.is_empty() { 1 } else { number.parse().map_err(|_| unclear())? };
    let interval = said(Interval::new(number))?;
    let frequency = match unit {
        "d" => Frequency::Daily,
        "w" => Frequency::Weekly,
        "m" => Frequency::Monthly,
        "y" => Frequency::Yearly,
        "b" if interval == Interval::ONE => {
            return Ok((Repetition::Rule(said(Rrule::new("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"))?), from));
        }
        _ => return Err(unclear()),
    };
    Ok((Repetition::Short(frequency, interval), from))
}

#[cfg(test)]
mod tests;
