//! What a person types as a new task, in plain English: a title, and in it when the task is due, how often, its tags and how urgent it is.
//!
//! Words are taken for what they say only where they can hardly mean anything else ("sun cream" is no Sunday). Of two that say the same kind
//! of thing the last counts, and the other stays in the title; `"every day" book` keeps what is quoted in the title.
//! Pure: the moment and the zone are given. What must not live here: how it is shown, and what becomes of it.

mod words;

use crate::recurrence::{Frequency, Interval, local, moment, short_form};
use crate::task::{Priority, RepeatFrom, Rrule, Tag, Tags, TimeZone};
use crate::time::Timestamp;
use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Weekday};
use std::ops::Range;
use words::words;

/// What is due on a day, and at no time that is said, is due at the first of these that is ahead.
const HOURS: [NaiveTime; 3] = [hour(9, 0), hour(18, 0), hour(23, 59)];
/// The longest text that is looked at, in bytes: what is behind is title.
const LONGEST: usize = 4_096;

const fn hour(hour: u32, minute: u32) -> NaiveTime {
    match NaiveTime::from_hms_opt(hour, minute, 0) {
        Some(time) => time,
        None => NaiveTime::MIN,
    }
}

/// What was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuickAdd {
    /// What is left of the text, with one space between words; empty where nothing is. Nobody has looked whether it is a [`crate::task::Title`].
    pub title: String,
    pub due: Option<Timestamp>,
    /// There is a due date with every rule.
    pub rule: Option<Rrule>,
    pub tags: Tags,
    pub priority: Option<Priority>,
    /// Where in the text each of these stands, in order.
    pub pieces: Vec<Piece>,
}

/// A part of the text that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Bytes of the text.
    pub bytes: Range<usize>,
    pub says: Says,
}

/// What a part of the text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    Day(NaiveDate),
    Time(NaiveTime),
    /// So long from now.
    In(TimeDelta),
    InDays(u32),
    InMonths(u32),
    Every(Every),
    Tag(Tag),
    Priority(Priority),
}

/// How often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Every {
    Days(Interval),
    /// On these days; none: that of the due date.
    Weeks(Interval, Vec<Weekday>),
    /// On this day of the month; none: that of the due date.
    Months(Interval, Option<u32>),
    Years(Interval),
}

/// Of each kind, the last one said counts.
#[derive(PartialEq, Eq)]
enum Kind {
    Day,
    Time,
    Every,
    Priority,
}

impl Says {
    /// None: as many as one likes.
    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Day(_) | Self::In(_) | Self::InDays(_) | Self::InMonths(_) => Some(Kind::Day),
            Self::Time(_) => Some(Kind::Time),
            Self::Every(_) => Some(Kind::Every),
            Self::Priority(_) => Some(Kind::Priority),
            Self::Tag(_) => None,
        }
    }
}

/// Reads what was typed, as somebody in this zone means it at this moment.
pub fn read(text: &str, now: Timestamp, zone: TimeZone) -> QuickAdd {
    let here = local(now, zone);
    let looked_at = text.get(..text.floor_char_boundary(LONGEST)).unwrap_or_default();
    let words = words(looked_at);
    let (mut pieces, mut tags, mut at) = (Vec::<Piece>::new(), Tags::default(), 0);
    while let Some(rest @ [first, ..]) = words.get(at..) {
        let Some((used, says)) = words::said(rest, here.date()) else {
            at += 1;
            continue;
        };
        if let Says::Tag(tag) = &says {
            // Those that a task cannot have as well are title.
            match Tags::new(tags.iter().chain([tag]).cloned()) {
                Ok(all) => tags = all,
                Err(_) => {
                    at += 1;
                    continue;
                }
            }
        } else {
            pieces.retain(|piece| piece.says.kind() != says.kind());
        }
        let end = words.get(at + used - 1).map_or(first.bytes.end, |last| last.bytes.end);
        pieces.push(Piece { bytes: first.bytes.start..end, says });
        at += used;
    }
    let is_title = |bytes: &Range<usize>| !pieces.iter().any(|piece| piece.bytes.contains(&bytes.start));
    let mut title: Vec<&str> = words.iter().filter(|word| is_title(&word.bytes)).map(|word| word.text).collect();
    title.extend(text.get(looked_at.len()..).unwrap_or_default().split_whitespace());
    let plan = Plan::of(&pieces);
    let due = plan.due(now, here, zone);
    let rule = plan.every.zip(due).map(|(every, due)| every.rule(local(due, zone).date()));
    QuickAdd { title: title.join(" "), due, rule, tags, priority: plan.priority, pieces }
}

/// When something is due that is due on a day, where clocks show `here` now.
pub(crate) fn on_a_day(day: NaiveDate, here: NaiveDateTime) -> NaiveDateTime {
    let ahead = HOURS.into_iter().find(|hour| day.and_time(*hour) > here);
    day.and_time(ahead.filter(|_| day == here.date()).unwrap_or(HOURS[0]))
}

/// What the pieces say together.
#[derive(Default)]
struct Plan<'a> {
    day: Option<&'a Says>,
    time: Option<NaiveTime>,
    every: Option<&'a Every>,
    priority: Option<Priority>,
}

impl<'a> Plan<'a> {
    fn of(pieces: &'a [Piece]) -> Self {
        let mut plan = Self::default();
        for piece in pieces {
            match &piece.says {
                Says::Time(time) => plan.time = Some(*time),
                Says::Every(every) => plan.every = Some(every),
                Says::Priority(priority) => plan.priority = Some(*priority),
                Says::Tag(_) => {}
                day => plan.day = Some(day),
            }
        }
        plan
    }

    /// None where nothing says when, or it is beyond the years that there are.
    fn due(&self, now: Timestamp, here: NaiveDateTime, zone: TimeZone) -> Option<Timestamp> {
        let today = here.date();
        let day = match self.day {
            Some(Says::In(time)) => {
                let then = now.plus_minutes(time.num_minutes()).millis();
                return Timestamp::from_millis(then - then.rem_euclid(60_000)).ok();
            }
            Some(Says::Day(day)) => Some(*day),
            Some(Says::InDays(days)) => Some(today.checked_add_days(Days::new((*days).into()))?),
            Some(Says::InMonths(months)) => Some(today.checked_add_months(Months::new(*months))?),
            _ => None,
        };
        let date = match (day, self.time, self.every) {
            (Some(day), Some(time), _) => day.and_time(time),
            (Some(day), None, _) => on_a_day(day, here),
            (None, time, Some(every)) => {
                let time = time.unwrap_or(HOURS[0]);
                // A month that ends before its 31st has its last day: within two months there is one.
                let days = today.iter_days().take(62).filter(|day| every.falls_on(*day));
                days.map(|day| day.and_time(time)).find(|date| *date > here)?
            }
            (None, Some(time), None) => {
                let date = today.and_time(time);
                if date > here { date } else { date.checked_add_days(Days::new(1))? }
            }
            (None, None, None) => return None,
        };
        moment(date, zone)
    }
}

impl Every {
    /// Whether a series may begin on this day.
    fn falls_on(&self, day: NaiveDate) -> bool {
        match self {
            Self::Weeks(_, days) if !days.is_empty() => days.contains(&day.weekday()),
            Self::Months(_, Some(wanted)) => {
                let last = day.succ_opt().is_none_or(|next| next.day() == 1);
                day.day() == *wanted || last && day.day() < *wanted
            }
            _ => true,
        }
    }

    /// The rule of a task that is due on this day.
    fn rule(&self, day: NaiveDate) -> Rrule {
        let short = |frequency, number: &Interval, day| short_form(frequency, *number, day, RepeatFrom::DueDate);
        match self {
            Self::Days(number) => short(Frequency::Daily, number, day),
            Self::Weeks(number, days) => {
                let rule = short(Frequency::Weekly, number, day);
                if days.is_empty() {
                    return rule;
                }
                let names = days.iter().map(|day| day.to_string().to_ascii_uppercase());
                let names: Vec<String> = names.map(|name| name.chars().take(2).collect()).collect();
                Rrule::trusted(format!("{};BYDAY={}", rule.as_str(), names.join(",")))
            }
            Self::Months(number, wanted) => {
                // January has every day that a month can have.
                let day = wanted.and_then(|wanted| NaiveDate::from_ymd_opt(day.year(), 1, wanted)).unwrap_or(day);
                let rule = short(Frequency::Monthly, number, day);
                match wanted {
                    // The first date may be another day's. From the 29th on, the short form says the day itself.
                    Some(wanted) if *wanted < 29 => Rrule::trusted(format!("{};BYMONTHDAY={wanted}", rule.as_str())),
                    _ => rule,
                }
            }
            Self::Years(number) => short(Frequency::Yearly, number, day),
        }
    }
}

#[cfg(test)]
mod tests;
