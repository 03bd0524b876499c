//! The grammar of a rule: that of RFC 5545, section 3.3.10, with bounds on what a rule may cost.

use crate::task::BadValue;
use chrono::{NaiveDate, NaiveDateTime, Weekday};
use std::str::FromStr;

/// The longest rule, in characters.
const LONGEST: usize = 500;
/// As many times a day as a rule may give.
const MOST_TIMES: usize = 24;

/// The rule in capitals (RFC 5545 reads both alike), where each of its parts is good and they go together.
pub(crate) fn check_rrule(text: &str) -> Result<String, BadValue> {
    if text.chars().count() > LONGEST {
        return bad(format!("a rule has at most {LONGEST} characters"));
    }
    if !text.is_ascii() {
        return bad("a rule is plain ASCII, such as FREQ=WEEKLY;BYDAY=MO");
    }
    let rule = text.to_ascii_uppercase();
    Parts::read(&rule)?;
    Ok(rule)
}

fn bad<T>(why: impl Into<String>) -> Result<T, BadValue> {
    Err(BadValue(why.into()))
}

/// The parts of a rule, by name; each is good, and they go together.
#[derive(Default)]
pub(super) struct Parts<'a> {
    seen: Vec<(&'a str, &'a str)>,
}

/// The last date of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// A day where the rule is at home, the whole of it.
    Day(NaiveDate),
    /// A moment, in UTC.
    Moment(NaiveDateTime),
}

impl<'a> Parts<'a> {
    /// Of a rule in capitals.
    pub(super) fn read(rule: &'a str) -> Result<Self, BadValue> {
        let mut parts = Self::default();
        for part in rule.split(';') {
            let Some((name, value)) = part.split_once('=') else {
                return bad(format!("a rule is made of NAME=VALUE parts with ';' between them, and {part:?} is none"));
            };
            parts.add(name, value)?;
        }
        parts.check_together()?;
        Ok(parts)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.seen.iter().find(|(seen, _)| *seen == name).map(|(_, value)| *value)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether dates are chosen by more than FREQ and INTERVAL.
    pub(super) fn has_by_parts(&self) -> bool {
        self.seen.iter().any(|(name, _)| name.starts_with("BY"))
    }

    /// The numbers of a list; none where the part is not there.
    pub(super) fn numbers<T: FromStr>(&self, name: &str) -> Vec<T> {
        self.get(name).into_iter().flat_map(|list| list.split(',')).filter_map(|number| number.parse().ok()).collect()
    }

    /// BYDAY: weekdays, each with its number where it has one.
    pub(super) fn days(&self) -> Vec<(Option<i16>, Weekday)> {
        self.get("BYDAY").into_iter().flat_map(|list| list.split(',')).filter_map(day).collect()
    }

    fn add(&mut self, name: &'a str, value: &'a str) -> Result<(), BadValue> {
        if self.has(name) {
            return bad(format!("{name} stands in a rule once"));
        }
        check_part(name, value)?;
        self.seen.push((name, value));
        Ok(())
    }

    /// The conditions between parts, in the RFC's order.
    fn check_together(&self) -> Result<(), BadValue> {
        let Some(frequency) = self.get("FREQ") else { return bad("FREQ is missing") };
        if self.has("COUNT") && self.has("UNTIL") {
            return bad("COUNT and UNTIL exclude each other");
        }
        self.check_day_numbers(frequency)?;
        if frequency == "WEEKLY" && self.has("BYMONTHDAY") {
            return bad("BYMONTHDAY does not go with WEEKLY");
        }
        for part in ["BYYEARDAY", "BYWEEKNO"] {
            if frequency != "YEARLY" && self.has(part) {
                return bad(format!("{part} goes with YEARLY only"));
            }
        }
        self.check_positions(frequency)?;
        let times: usize = ["BYHOUR", "BYMINUTE", "BYSECOND"].map(|part| self.numbers::<u8>(part).len().max(1)).iter().product();
        if times > MOST_TIMES {
            return bad(format!("BYHOUR, BYMINUTE and BYSECOND give at most {MOST_TIMES} times a day together, not {times}"));
        }
        Ok(())
    }

    /// The bounds are those of the library that finds the dates: five of a weekday in a month, but not the fifth from its end.
    fn check_day_numbers(&self, frequency: &str) -> Result<(), BadValue> {
        let numbers: Vec<i16> = self.days().into_iter().filter_map(|(number, _)| number).collect();
        let bounds = match frequency {
            _ if numbers.is_empty() => return Ok(()),
            "MONTHLY" => -4..=5,
            "YEARLY" if !self.has("BYWEEKNO") => -52..=53,
            _ => return bad("BYDAY has numbers only in a MONTHLY rule, or in a YEARLY one without BYWEEKNO"),
        };
        if numbers.iter().all(|number| bounds.contains(number)) {
            return Ok(());
        }
        bad(format!("BYDAY has numbers from {} to {} in a {frequency} rule", bounds.start(), bounds.end()))
    }

    fn check_positions(&self, frequency: &str) -> Result<(), BadValue> {
        let other = |(name, _): &(&str, &str)| name.starts_with("BY") && *name != "BYSETPOS";
        if self.has("BYSETPOS") && !self.seen.iter().any(other) {
            return bad("BYSETPOS needs another BY part to choose from");
        }
        let most = match frequency {
            "MONTHLY" => 31,
            "WEEKLY" => 53,
            _ => 366,
        };
        if self.numbers::<i32>("BYSETPOS").iter().any(|position| position.abs() > most) {
            return bad(format!("BYSETPOS is at most {most} in a {frequency} rule"));
        }
        Ok(())
    }
}

fn check_part(name: &str, value: &str) -> Result<(), BadValue> {
    match name {
        "FREQ" if matches!(value, "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY") => Ok(()),
        "FREQ" => bad("FREQ is DAILY, WEEKLY, MONTHLY or YEARLY"),
        "INTERVAL" | "COUNT" => match number(value) {
            Some(number) if (1..=i64::from(super::LARGEST)).contains(&number) => Ok(()),
            _ => bad(format!("{name} is 1 to {}", super::LARGEST)),
        },
        "UNTIL" if until(value).is_some() => Ok(()),
        "UNTIL" => bad("UNTIL is a date such as 20261231, or a time in UTC such as 20261231T225959Z"),
        "WKST" if weekday(value).is_some() => Ok(()),
        "WKST" => bad("WKST is a weekday: MO, TU, WE, TH, FR, SA or SU"),
        "BYDAY" if value.split(',').all(|item| day(item).is_some()) => Ok(()),
        "BYDAY" => bad("BYDAY is a list of weekdays such as MO,TU, or with numbers from -53 to 53 such as -1FR"),
        "BYSECOND" => list(name, value, 0, 60, false),
        "BYMINUTE" => list(name, value, 0, 59, false),
        "BYHOUR" => list(name, value, 0, 23, false),
        "BYMONTH" => list(name, value, 1, 12, false),
        "BYMONTHDAY" => list(name, value, 1, 31, true),
        "BYWEEKNO" => list(name, value, 1, 53, true),
        "BYYEARDAY" | "BYSETPOS" => list(name, value, 1, 366, true),
        _ if name.contains(':') => bad("a rule is given without the name RRULE, such as FREQ=WEEKLY;BYDAY=MO"),
        _ => bad(format!("a rule has no part {name:?}")),
    }
}

/// A list of numbers within the bounds; of either sign where `signed`.
fn list(name: &str, value: &str, least: i64, most: i64, signed: bool) -> Result<(), BadValue> {
    let good = |item: &str| match item.strip_prefix(['-', '+']) {
        Some(digits) if signed => number(digits).is_some_and(|n| (least..=most).contains(&n)),
        Some(_) => false,
        None => number(item).is_some_and(|n| (least..=most).contains(&n)),
    };
    if value.split(',').all(good) {
        return Ok(());
    }
    let or_negative = if signed { format!(" or -{most} to -{least}") } else { String::new() };
    bad(format!("{name} is a list of numbers from {least} to {most}{or_negative}"))
}

/// One to four digits.
fn number(text: &str) -> Option<i64> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

pub(super) fn weekday(text: &str) -> Option<Weekday> {
    match text {
        "MO" => Some(Weekday::Mon),
        "TU" => Some(Weekday::Tue),
        "WE" => Some(Weekday::Wed),
        "TH" => Some(Weekday::Thu),
        "FR" => Some(Weekday::Fri),
        "SA" => Some(Weekday::Sat),
        "SU" => Some(Weekday::Sun),
        _ => None,
    }
}

/// A weekday, with or without a number: `MO`, `2MO`, `-1FR`.
fn day(text: &str) -> Option<(Option<i16>, Weekday)> {
    let (count, name) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let weekday = weekday(name)?;
    if count.is_empty() {
        return Some((None, weekday));
    }
    let good = number(count.strip_prefix(['-', '+']).unwrap_or(count)).is_some_and(|n| (1..=53).contains(&n));
    if good { Some((Some(count.parse().ok()?), weekday)) } else { None }
}

pub(super) fn until(text: &str) -> Option<Until> {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('T') {
        None if text.len() == 8 && digits(text) => NaiveDate::parse_from_str(text, "%Y%m%d").ok().map(Until::Day),
        None => None,
        Some((date, time)) => {
            let shape = date.len() == 8 && digits(date) && time.len() == 7 && time.strip_suffix('Z').is_some_and(digits);
            let at = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").ok();
            at.filter(|_| shape).map(Until::Moment)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rules_of_the_rfc_are_taken() {
        for rule in [
            "FREQ=DAILY;COUNT=10",
            "FREQ=DAILY;UNTIL=19971224T000000Z",
            "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224;WKST=SU;BYDAY=MO,WE,FR",
            "FREQ=MONTHLY;BYDAY=1FR,-1SU,+2MO",
            "FREQ=MONTHLY;BYMONTHDAY=2,15,-1;BYSETPOS=-1",
            "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,-200",
            "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
            "FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=2,3,4,5,6,7,8;BYDAY=TU;BYHOUR=9;BYMINUTE=30;BYSECOND=0",
        ] {
            assert_eq!(check_rrule(rule).as_deref(), Ok(rule));
        }
        assert_eq!(check_rrule("freq=weekly;byday=mo").as_deref(), Ok("FREQ=WEEKLY;BYDAY=MO"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (rule, name) in [
            ("", "NAME=VALUE"),
            ("FREQ=DAILY;", "NAME=VALUE"),
            ("INTERVAL=2", "FREQ"),
            ("FREQ=HOURLY", "FREQ"),
            ("FREQ=DAILY;FREQ=DAILY", "FREQ"),
            ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
            ("FREQ=DAILY;INTERVAL=10000", "INTERVAL"),
            ("FREQ=DAILY;COUNT=-1", "COUNT"),
            ("FREQ=DAILY;COUNT=2;UNTIL=20261231", "COUNT and UNTIL"),
            ("FREQ=DAILY;UNTIL=20261331", "UNTIL"),
            ("FREQ=DAILY;UNTIL=20261231T000000", "UNTIL"),
            ("FREQ=WEEKLY;BYDAY=", "BYDAY"),
            ("FREQ=WEEKLY;BYDAY=XX", "BYDAY"),
            ("FREQ=WEEKLY;BYDAY=-MO", "BYDAY"),
            ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY"),
            ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "BYDAY"),
            ("FREQ=MONTHLY;BYDAY=54MO", "BYDAY"),
            ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"),
            ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY"),
            ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
            ("FREQ=MONTHLY;BYYEARDAY=1", "BYYEARDAY"),
            ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO"),
            ("FREQ=YEARLY;BYMONTH=-1", "BYMONTH"),
            ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS"),
            ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=32", "BYSETPOS"),
            ("FREQ=MONTHLY;BYDAY=-5MO", "BYDAY"),
            ("FREQ=YEARLY;BYDAY=-53MO", "BYDAY"),
            ("FREQ=DAILY;BYHOUR=1,2,3,4,5;BYMINUTE=0,10,20,30,40", "BYMINUTE"),
            ("FREQ=SECONDLY", "FREQ"),
            ("FREQ=DAILY;COUNT=1000000000", "COUNT"),
            ("FREQ=DAILY;BYHOUR=24", "BYHOUR"),
            ("FREQ=DAILY;X-PART=1", "X-PART"),
            ("RRULE:FREQ=DAILY", "RRULE"),
            ("FREQ=DAILY;WKST=1", "WKST"),
            ("FREQ=DÄILY", "ASCII"),
        ] {
            let BadValue(why) = check_rrule(rule).expect_err(rule);
            assert!(why.contains(name), "{rule}: {why}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(?s).{0,60}") {
            let _ = check_rrule(&text);
        }

        #[test]
        fn no_text_like_a_rule_panics(text in "(FREQ|BYDAY|UNTIL|COUNT|BYSETPOS|=|;|,|[-+]|DAILY|T|Z|MO|é|[0-9]){0,30}") {
            let _ = check_rrule(&text);
        }
    }
}
