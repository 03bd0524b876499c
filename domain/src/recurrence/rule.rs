//! Which dates a rule gives. The crate `rrule` finds them, in floating time: local times are handed to it as if they were UTC, so
//! that the clocks of no zone come into it.
//!
//! Where the crate differs from RFC 5545, the rule is put to it in other words; see [`weekdays`] and [`Rule::dates`]. One difference
//! remains: of a year that begins on a Friday or Saturday, BYWEEKNO=52 leaves out, and BYWEEKNO=53 has, the days that belong to
//! the last week of the year before.

use super::grammar::{Parts, Until, until, weekday};
use crate::task::Rrule;
use crate::time::Timestamp;
use chrono::{Datelike, Month, NaiveDate, NaiveDateTime, TimeZone as _, Timelike, Weekday};
use rrule::{Frequency, NWeekday, RRule, Tz, Unvalidated};

/// A rule, ready to be asked for its dates. Its end is kept beside it: it is not for the crate to apply.
pub(super) struct Rule {
    rule: RRule<Unvalidated>,
    /// There is no BY part.
    plain: bool,
    /// BYWEEKNO names weeks, and nothing says which of their days.
    bare_weeks: bool,
    count: Option<u32>,
    until: Option<Until>,
}

impl Rule {
    /// None only for what is no rule.
    pub(super) fn read(text: &Rrule) -> Option<Self> {
        let parts = Parts::read(text.as_str()).ok()?;
        let frequency = match parts.get("FREQ")? {
            "DAILY" => Frequency::Daily,
            "WEEKLY" => Frequency::Weekly,
            "MONTHLY" => Frequency::Monthly,
            _ => Frequency::Yearly,
        };
        let months: Vec<Month> = parts.numbers::<u8>("BYMONTH").into_iter().filter_map(|n| Month::try_from(n).ok()).collect();
        // Without leap seconds, second 60 is second 59 (RFC 5545, section 3.3.12).
        let seconds = parts.numbers::<u8>("BYSECOND").into_iter().map(|second| second.min(59)).collect();
        let rule = RRule::new(frequency)
            .interval(parts.numbers("INTERVAL").first().copied().unwrap_or(1))
            .week_start(parts.get("WKST").and_then(weekday).unwrap_or(Weekday::Mon))
            .by_month(&months)
            .by_week_no(parts.numbers("BYWEEKNO"))
            .by_year_day(parts.numbers("BYYEARDAY"))
            .by_month_day(parts.numbers("BYMONTHDAY"))
            .by_weekday(weekdays(&parts, frequency))
            .by_hour(parts.numbers("BYHOUR"))
            .by_minute(parts.numbers("BYMINUTE"))
            .by_second(seconds)
            .by_set_pos(parts.numbers("BYSETPOS"));
        let says_which_days = ["BYYEARDAY", "BYMONTHDAY", "BYDAY"].iter().any(|part| parts.has(part));
        Some(Self {
            rule,
            plain: !parts.has_by_parts(),
            bare_weeks: parts.has("BYWEEKNO") && !says_which_days,
            count: parts.numbers("COUNT").first().copied(),
            until: parts.get("UNTIL").and_then(until),
        })
    }

    /// The same rule, but a plain monthly or yearly one that starts on a day which not every month or year has gives the last
    /// day that there is instead.
    pub(super) fn clamped(mut self, start: NaiveDate) -> Self {
        let days = match (self.rule.get_freq(), start.month(), start.day()) {
            (Frequency::Monthly, _, 29) | (Frequency::Yearly, 2, 29) => vec![28, 29],
            (Frequency::Monthly, _, 30) => vec![28, 29, 30],
            (Frequency::Monthly, _, 31) => vec![28, 29, 30, 31],
            _ => return self,
        };
        if self.plain {
            let month: &[Month] = if self.rule.get_freq() == Frequency::Yearly { &[Month::February] } else { &[] };
            self.rule = self.rule.by_month(month).by_month_day(days).by_set_pos(vec![-1]);
        }
        self
    }

    /// The dates after a start, which gives the rule what it does not say itself: the day, the time, and which weeks, months or
    /// years are meant where INTERVAL leaves some out. In order. It ends in the year 9999, or where 100,000 days, weeks, months
    /// or years in a row have no date.
    pub(super) fn dates(&self, start: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> {
        let whole = start.with_nanosecond(0).unwrap_or(start);
        let mut rule = self.rule.clone();
        if self.bare_weeks {
            // The crate would take every day of the week.
            rule = rule.by_weekday(vec![NWeekday::Every(start.weekday())]);
        }
        let dates = rule.build(Tz::UTC.from_utc_datetime(&whole)).ok().map(|set| (&set.limit()).into_iter());
        let dates = dates.into_iter().flatten().map(move |date| date.naive_utc() + (start - whole));
        dates.skip_while(move |date| *date <= start)
    }

    /// Whether the rule has ended before the date that is its `number`th, `local` where it is at home.
    pub(super) fn ended_before(&self, number: u32, local: NaiveDateTime, at: Timestamp) -> bool {
        let until = match self.until {
            None => false,
            Some(Until::Day(day)) => local.date() > day,
            Some(Until::Moment(last)) => at.millis() > last.and_utc().timestamp_millis(),
        };
        until || self.count.is_some_and(|count| number > count)
    }
}

/// The crate wants a day to be one of those without a number and also one of those with; the RFC wants it to be one of all. So,
/// where there are both, a weekday without a number becomes all its numbers.
fn weekdays(parts: &Parts<'_>, frequency: Frequency) -> Vec<NWeekday> {
    let days = parts.days();
    let numbered = days.iter().any(|(number, _)| number.is_some());
    let most = if frequency == Frequency::Monthly || parts.has("BYMONTH") { 5 } else { 53 };
    let worded = |(number, day)| match number {
        Some(number) => vec![NWeekday::Nth(number, day)],
        None if numbered => (1..=most).map(|number| NWeekday::Nth(number, day)).collect(),
        None => vec![NWeekday::Every(day)],
    };
    days.into_iter().flat_map(worded).collect()
}
