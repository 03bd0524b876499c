//! Rules of repetition: what is a rule (`grammar`), which dates it gives (`rule`), which moments those are (`local`), and which of
//! them is next.
//!
//! What must not live here: tasks. How a task becomes the next one is [`crate::series`].

mod grammar;
mod local;
mod rule;

pub(crate) use grammar::check_rrule;
pub use local::{Offsets, local, moment};

use crate::task::{BadValue, Recurrence, RepeatFrom, Rrule, TimeZone, names};
use crate::time::Timestamp;
use chrono::{Datelike, NaiveDate, NaiveDateTime};
use rule::Rule;

/// The largest INTERVAL and COUNT.
const LARGEST: u32 = 9_999;
/// As many dates of a rule are looked at for one that is in the future.
const MOST_DATES: usize = 100_000;

/// How often the short form repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

names!(Frequency, "a frequency", Daily = "daily", Weekly = "weekly", Monthly = "monthly", Yearly = "yearly");

/// Every so many days, weeks, months or years: 1 to 9,999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval(u32);

impl Interval {
    pub const ONE: Self = Self(1);

    pub fn new(number: u32) -> Result<Self, BadValue> {
        if (1..=LARGEST).contains(&number) {
            Ok(Self(number))
        } else {
            Err(BadValue(format!("an interval is 1 to {LARGEST}, not {number}")))
        }
    }

    pub fn get(self) -> u32 {
        self.0
    }
}

/// The rule that the short form means for a task due on `day`: where that day does not exist in every month (or year), the last
/// day that does, without losing the day itself: of January 31 comes February 28, then March 31.
///
/// Counted from completion there is no such day, and the rule says none: [`next`] takes the day of completion, and the last
/// day of a month that has no such day.
pub fn short_form(frequency: Frequency, interval: Interval, day: NaiveDate, from: RepeatFrom) -> Rrule {
    let every = if interval.0 == 1 { String::new() } else { format!(";INTERVAL={}", interval.0) };
    let days = match (from, frequency, day.month(), day.day()) {
        (RepeatFrom::DueDate, Frequency::Monthly, _, 29) => ";BYMONTHDAY=28,29;BYSETPOS=-1",
        (RepeatFrom::DueDate, Frequency::Monthly, _, 30) => ";BYMONTHDAY=28,29,30;BYSETPOS=-1",
        (RepeatFrom::DueDate, Frequency::Monthly, _, 31) => ";BYMONTHDAY=28,29,30,31;BYSETPOS=-1",
        (RepeatFrom::DueDate, Frequency::Yearly, 2, 29) => ";BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1",
        _ => "",
    };
    Rrule::trusted(format!("FREQ={}{every}{days}", frequency.name().to_ascii_uppercase()))
}

/// One date of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occurrence {
    /// Which date of the rule it is, from 1: what COUNT counts.
    pub(crate) number: u32,
    /// The rule's own local date and time. Where the clocks leave it out, the moment is another, but the next is counted from this.
    pub(crate) anchor: NaiveDateTime,
}

impl Occurrence {
    /// The first, whether or not it is a date of the rule; then the rule's own follow.
    pub(crate) fn first(due: Timestamp, zone: TimeZone) -> Self {
        Self { number: 1, anchor: local(due, zone) }
    }

    /// Its moment; none after the year 9999.
    pub(crate) fn due(self, zone: TimeZone) -> Option<Timestamp> {
        moment(self.anchor, zone)
    }
}

/// The occurrence after one that was done at `done`: the first that is after it, after `done` and after `now`. None: the series has
/// ended, by COUNT or UNTIL, with the year 9999, or because no such date was among the next 100,000 of the rule.
///
/// From the due date, dates of the rule that are stepped over count as occurrences. From completion, the rule starts anew on the
/// local date of `done` with the time of day of the occurrence, and what comes next is the next occurrence.
pub(crate) fn next(recurrence: &Recurrence, occurrence: Occurrence, done: Timestamp, now: Timestamp) -> Option<Occurrence> {
    let Recurrence { rrule, time_zone, repeat_from } = recurrence;
    let Occurrence { number, anchor } = occurrence;
    let rule = Rule::read(rrule)?;
    let (rule, start) = match repeat_from {
        RepeatFrom::DueDate => (rule, anchor),
        RepeatFrom::Completion => {
            let day = local(done, *time_zone).date();
            (rule.clamped(day), day.and_time(anchor.time()))
        }
    };
    let least = moment(start, *time_zone)?.max(done).max(now);
    for (stepped, anchor) in (1..).zip(rule.dates(start).take(MOST_DATES)) {
        let step = if *repeat_from == RepeatFrom::DueDate { stepped } else { 1 };
        let next = Occurrence { number: number.saturating_add(step), anchor };
        let due = next.due(*time_zone)?;
        if rule.ended_before(next.number, anchor, due) {
            return None;
        }
        if due > least {
            return Some(next);
        }
    }
    None
}

/// As many of the dates that follow `due` where each occurrence is completed on time; fewer where the series ends.
pub fn upcoming(recurrence: &Recurrence, due: Timestamp, count: usize) -> Vec<Timestamp> {
    let on_time = |&(occurrence, due): &(Occurrence, Timestamp)| {
        let next = next(recurrence, occurrence, due, due)?;
        Some((next, next.due(recurrence.time_zone)?))
    };
    let first = (Occurrence::first(due, recurrence.time_zone), due);
    std::iter::successors(Some(first), on_time).skip(1).take(count).map(|(_, due)| due).collect()
}

#[cfg(test)]
mod tests;
