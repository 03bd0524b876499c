//! The words of a text, and what the first of several says.

use super::{Every, Says};
use crate::recurrence::Interval;
use crate::task::{Priority, Tag};
use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Weekday};
use std::ops::Range;
use std::str::FromStr;

/// One word, or what stands in quotes.
pub(super) struct Word<'a> {
    /// As it goes into a title.
    pub text: &'a str,
    /// Where it stands, with its quotes.
    pub bytes: Range<usize>,
    /// As it is compared; empty where it was quoted, and says nothing.
    plain: String,
}

/// The words of a text. A quote that is not closed is a character like any other.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let start = text.len() - rest.len();
        let quoted = rest.strip_prefix('"').and_then(|inside| Some((inside, inside.find('"').filter(|length| *length > 0)?)));
        let quoted = quoted.filter(|(inside, length)| inside.get(length + 1..).is_some_and(ends_a_word));
        let (word, length, plain) = match quoted {
            Some((inside, length)) => (inside.get(..length).unwrap_or_default(), length + 2, String::new()),
            None => {
                let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let word = rest.get(..length).unwrap_or_default();
                (word, length, word.trim_end_matches([',', '.', ';']).to_lowercase())
            }
        };
        words.push(Word { text: word, bytes: start..start + length, plain });
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    words
}

fn ends_a_word(rest: &str) -> bool {
    rest.chars().next().is_none_or(char::is_whitespace)
}

/// What the first of these words say, and how many of them say it.
pub(super) fn said(words: &[Word<'_>], today: NaiveDate) -> Option<(usize, Says)> {
    let first = words.first()?;
    if let Some(name) = first.text.strip_prefix('#').filter(|_| !first.plain.is_empty()) {
        let name = name.trim_end_matches([',', '.', ';']);
        return Some((1, Says::Tag(Tag::new(name).ok().filter(|_| name.starts_with(char::is_alphabetic))?)));
    }
    let plain: Vec<&str> = words.iter().map(|word| word.plain.as_str()).take(LONGEST).collect();
    let priority = match plain.first()?.strip_prefix('!') {
        Some("high" | "1") => Some(Priority::High),
        Some("medium" | "2") => Some(Priority::Medium),
        Some("low" | "3") => Some(Priority::Low),
        _ => None,
    };
    if let Some(priority) = priority {
        return Some((1, Says::Priority(priority)));
    }
    every(&plain)
        .map(|(used, every)| (used, Says::Every(every)))
        .or_else(|| later(&plain))
        .or_else(|| {
            introduced(&plain, &["on", "due", "by"], |plain| day(plain, today))
                .or_else(|| on_a_short_day(&plain, today))
                .map(|(used, day)| (used, Says::Day(day)))
        })
        .or_else(|| {
            at_an_hour(&plain)
                .or_else(|| introduced(&plain, &["at", "by", "due"], time))
                .map(|(used, time)| (used, Says::Time(time)))
        })
}

/// As many words as anything may need.
const LONGEST: usize = 24;

/// With one of these words before it, or with none.
fn introduced<T>(words: &[&str], before: &[&str], read: impl Fn(&[&str]) -> Option<(usize, T)>) -> Option<(usize, T)> {
    match words {
        [first, rest @ ..] if before.contains(first) => read(rest).map(|(used, said)| (used + 1, said)),
        _ => read(words),
    }
}

/// `every 2 days`, `every other week`, `every monday and friday`, `every weekday`, `every month on the 15th`, `every 1st`.
fn every(words: &[&str]) -> Option<(usize, Every)> {
    let ["every", rest @ ..] = words else { return None };
    let two = Interval::new(2).ok()?;
    let (used, number, rest) = match rest {
        ["other", rest @ ..] => (2, two, rest),
        [number, rest @ ..] if number.bytes().all(|byte| byte.is_ascii_digit()) && !number.is_empty() => {
            (2, interval(number)?, rest)
        }
        _ => (1, Interval::ONE, rest),
    };
    match rest {
        ["day" | "days", ..] => Some((used + 1, Every::Days(number))),
        ["week" | "weeks", "on", rest @ ..] if !weekdays(rest).1.is_empty() => {
            let (named, days) = weekdays(rest);
            Some((used + 2 + named, Every::Weeks(number, days)))
        }
        ["week" | "weeks", ..] => Some((used + 1, Every::Weeks(number, Vec::new()))),
        ["month" | "months", "on", "the", day, ..] if ordinal(day).is_some() => {
            Some((used + 4, Every::Months(number, ordinal(day))))
        }
        ["month" | "months", ..] => Some((used + 1, Every::Months(number, None))),
        ["year" | "years", ..] => Some((used + 1, Every::Years(number))),
        ["weekday" | "workday", ..] if used == 1 => {
            let days = vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
            Some((used + 1, Every::Weeks(Interval::ONE, days)))
        }
        ["weekend", ..] if used == 1 => Some((used + 1, Every::Weeks(Interval::ONE, vec![Weekday::Sat, Weekday::Sun]))),
        [day, ..] if used == 1 && ordinal(day).is_some() => Some((used + 1, Every::Months(Interval::ONE, ordinal(day)))),
        _ => {
            let (named, days) = weekdays(rest);
            (!days.is_empty() && [Interval::ONE, two].contains(&number)).then_some((used + named, Every::Weeks(number, days)))
        }
    }
}

/// As a number, within the bounds of a rule.
fn interval(text: &str) -> Option<Interval> {
    Interval::new(text.parse().ok()?).ok()
}

/// `monday`, `mon, wed and fri`: in the order of the week.
fn weekdays(words: &[&str]) -> (usize, Vec<Weekday>) {
    let (mut used, mut days) = (0, Vec::new());
    loop {
        let rest = words.get(used..).unwrap_or_default();
        let (skipped, day) = match rest {
            ["and" | "&", day, ..] if used > 0 => (1, weekday(day)),
            [day, ..] => (0, weekday(day)),
            [] => (0, None),
        };
        let Some(day) = day else { break };
        used += skipped + 1;
        if !days.contains(&day) {
            days.push(day);
        }
    }
    days.sort_by_key(Weekday::num_days_from_monday);
    (used, days)
}

/// `in 2 hours`, `in a week`, `in 3 months`.
fn later(words: &[&str]) -> Option<(usize, Says)> {
    let ["in", number, unit, ..] = words else { return None };
    let number: u32 = match *number {
        "a" | "an" | "one" => 1,
        number => number.parse().ok().filter(|number| Interval::new(*number).is_ok())?,
    };
    let says = match *unit {
        "minute" | "minutes" | "min" | "mins" => Says::In(TimeDelta::minutes(number.into())),
        "hour" | "hours" => Says::In(TimeDelta::hours(number.into())),
        "day" | "days" => Says::InDays(number),
        "week" | "weeks" => Says::InDays(number * 7),
        "month" | "months" => Says::InMonths(number),
        _ => return None,
    };
    Some((3, says))
}

/// A day: of a name, a weekday ahead, or a date. Without a year, a date is the next one.
fn day(words: &[&str], today: NaiveDate) -> Option<(usize, NaiveDate)> {
    match words {
        ["today", ..] => Some((1, today)),
        ["tomorrow", ..] => Some((1, today.succ_opt()?)),
        ["next", "week", ..] => Some((2, ahead(today, Weekday::Mon)?)),
        ["next", "month", ..] => Some((2, today.with_day(1)?.checked_add_months(Months::new(1))?)),
        ["next", name, ..] => {
            // That of the week that begins next Monday.
            let monday = ahead(today, Weekday::Mon)?;
            Some((2, monday.checked_add_days(Days::new(weekday(name)?.num_days_from_monday().into()))?))
        }
        ["this", name, ..] => Some((2, ahead(today, weekday(name)?)?)),
        [name, ..] if name.len() > 3 && weekday(name).is_some() => Some((1, ahead(today, weekday(name)?)?)),
        [date, ..] if date.len() == 10 => Some((1, NaiveDate::from_str(date).ok()?)),
        [day, name, rest @ ..] if number(day).is_some() && month(name).is_some() => {
            dated(number(day)?, month(name)?, rest, today)
        }
        [name, day, rest @ ..] if number(day).is_some() && month(name).is_some() => {
            dated(number(day)?, month(name)?, rest, today)
        }
        _ => None,
    }
}

/// `on fri`, `fri 18:00`: of a weekday's three letters only where a word goes before that makes it one, or a time comes after. Those of
/// the weekend are words as well ("sat on the sun").
fn on_a_short_day(words: &[&str], today: NaiveDate) -> Option<(usize, NaiveDate)> {
    if let [name, rest @ ..] = words
        && name.len() == 3
        && (time(rest.strip_prefix(&["at"]).unwrap_or(rest)).is_some() || at_an_hour(rest).is_some())
        && let Some(day) = weekday(name)
    {
        return Some((1, ahead(today, day)?));
    }
    let ["on" | "due" | "by", "mon" | "tue" | "wed" | "thu" | "fri", ..] = words else { return None };
    Some((2, ahead(today, weekday(words.get(1)?)?)?))
}

/// The next day of this name, not today.
fn ahead(today: NaiveDate, day: Weekday) -> Option<NaiveDate> {
    let between = (7 + day.num_days_from_monday() - today.weekday().num_days_from_monday() - 1) % 7 + 1;
    today.checked_add_days(Days::new(between.into()))
}

/// A day of a month, and its year where that follows; else the next time that there is this day.
fn dated(day: u32, month: u32, rest: &[&str], today: NaiveDate) -> Option<(usize, NaiveDate)> {
    let year = rest
        .first()
        .filter(|text| text.len() == 4)
        .and_then(|text| text.parse().ok())
        .filter(|year| (1_900..=9_999).contains(year));
    if let Some(date) = year.and_then(|year| NaiveDate::from_ymd_opt(year, month, day)) {
        return Some((3, date));
    }
    let mut years = (0..=8).filter_map(|later| NaiveDate::from_ymd_opt(today.year() + later, month, day));
    years.find(|date| *date >= today).map(|date| (2, date))
}

/// `18:00`, `6pm`, `6:30 pm`, `noon`.
fn time(words: &[&str]) -> Option<(usize, NaiveTime)> {
    let first = *words.first()?;
    match first {
        "noon" | "midday" => return Some((1, NaiveTime::from_hms_opt(12, 0, 0)?)),
        "midnight" => return Some((1, NaiveTime::from_hms_opt(0, 0, 0)?)),
        _ => {}
    }
    let (clock, half, used) = match (first.strip_suffix("am"), first.strip_suffix("pm"), words.get(1)) {
        (Some(clock), _, _) => (clock, Some(0), 1),
        (_, Some(clock), _) => (clock, Some(12), 1),
        (_, _, Some(&"am")) => (first, Some(0), 2),
        (_, _, Some(&"pm")) => (first, Some(12), 2),
        _ => (first, None, 1),
    };
    let (hour, minute) = match clock.split_once(':') {
        Some((hour, minute)) if minute.len() == 2 => (two_digits(hour)?, two_digits(minute)?),
        Some(_) => return None,
        // A number alone is no time.
        None => (two_digits(clock)?, half.map(|_| 0)?),
    };
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    Some((used, NaiveTime::from_hms_opt(hour, minute, 0)?))
}

/// `at 18`: with that word before it, a number is the hour.
fn at_an_hour(words: &[&str]) -> Option<(usize, NaiveTime)> {
    let ["at", hour, rest @ ..] = words else { return None };
    if matches!(rest.first(), Some(&("am" | "pm"))) {
        return None;
    }
    Some((2, NaiveTime::from_hms_opt(two_digits(hour)?, 0, 0)?))
}

fn two_digits(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A day of a month, such as `1`, `1st`.
fn number(text: &str) -> Option<u32> {
    two_digits(text).filter(|day| (1..=31).contains(day)).or_else(|| ordinal(text))
}

/// A day of a month, such as `1st`.
fn ordinal(text: &str) -> Option<u32> {
    let digits = ["st", "nd", "rd", "th"].iter().find_map(|ending| text.strip_suffix(ending))?;
    two_digits(digits).filter(|day| (1..=31).contains(day))
}

/// By its English name, or the first three letters of it.
fn weekday(text: &str) -> Option<Weekday> {
    Weekday::from_str(text.strip_suffix('s').filter(|text| text.ends_with("day")).unwrap_or(text)).ok()
}

fn month(text: &str) -> Option<u32> {
    chrono::Month::from_str(text).ok().map(|month| month.number_from_month())
}
