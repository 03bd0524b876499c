//! Rules of repetition, as far as a task's field needs them: what is a rule, and what the short form means.
//!
//! The grammar is that of RFC 5545, section 3.3.10, with bounds. Which days a rule gives is not decided here.

use crate::task::{BadValue, Rrule, TimeZone, names};
use crate::time::Timestamp;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};

/// The longest rule, in characters.
const LONGEST: usize = 500;
/// The largest INTERVAL and COUNT.
const LARGEST: u32 = 9_999;

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
}

/// The rule that the short form means for a task due at `due`: where the day does not exist in every month (or year),
/// the last day that does, without losing the day itself: of January 31 comes February 28, then March 31.
pub fn short_form(frequency: Frequency, interval: Interval, due: Timestamp, zone: TimeZone) -> Rrule {
    let day = DateTime::from_timestamp_millis(due.millis()).unwrap_or_default().with_timezone(&zone.tz()).date_naive();
    let every = if interval.0 == 1 { String::new() } else { format!(";INTERVAL={}", interval.0) };
    let rule = match (frequency, day.month(), day.day()) {
        (Frequency::Daily, ..) => format!("FREQ=DAILY{every}"),
        (Frequency::Weekly, ..) => format!("FREQ=WEEKLY{every}"),
        (Frequency::Monthly, _, 29) => format!("FREQ=MONTHLY{every};BYMONTHDAY=28,29;BYSETPOS=-1"),
        (Frequency::Monthly, _, 30) => format!("FREQ=MONTHLY{every};BYMONTHDAY=28,29,30;BYSETPOS=-1"),
        (Frequency::Monthly, _, 31) => format!("FREQ=MONTHLY{every};BYMONTHDAY=28,29,30,31;BYSETPOS=-1"),
        (Frequency::Monthly, ..) => format!("FREQ=MONTHLY{every}"),
        (Frequency::Yearly, 2, 29) => format!("FREQ=YEARLY{every};BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1"),
        (Frequency::Yearly, ..) => format!("FREQ=YEARLY{every}"),
    };
    Rrule::trusted(rule)
}

/// The rule in capitals (RFC 5545 reads both alike), where each of its parts is good and they go together.
pub fn check_rrule(text: &str) -> Result<String, BadValue> {
    if text.chars().count() > LONGEST {
        return bad(format!("a rule has at most {LONGEST} characters"));
    }
    if !text.is_ascii() {
        return bad("a rule is plain ASCII, such as FREQ=WEEKLY;BYDAY=MO");
    }
    let rule = text.to_ascii_uppercase();
    let mut parts = Parts::default();
    for part in rule.split(';') {
        let Some((name, value)) = part.split_once('=') else {
            return bad(format!("a rule is made of NAME=VALUE parts with ';' between them, and {part:?} is none"));
        };
        parts.add(name, value)?;
    }
    parts.check_together()?;
    Ok(rule)
}

fn bad<T>(why: impl Into<String>) -> Result<T, BadValue> {
    Err(BadValue(why.into()))
}

/// The parts seen so far, by name.
#[derive(Default)]
struct Parts<'a> {
    seen: Vec<(&'a str, &'a str)>,
}

impl<'a> Parts<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.seen.iter().find(|(seen, _)| *seen == name).map(|(_, value)| *value)
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
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
        let numbered = self.get("BYDAY").is_some_and(|days| days.contains(|c: char| c.is_ascii_digit()));
        if numbered && (!matches!(frequency, "MONTHLY" | "YEARLY") || self.has("BYWEEKNO")) {
            return bad("BYDAY has numbers only in a MONTHLY rule, or in a YEARLY one without BYWEEKNO");
        }
        if frequency == "WEEKLY" && self.has("BYMONTHDAY") {
            return bad("BYMONTHDAY does not go with WEEKLY");
        }
        for part in ["BYYEARDAY", "BYWEEKNO"] {
            if frequency != "YEARLY" && self.has(part) {
                return bad(format!("{part} goes with YEARLY only"));
            }
        }
        let other = |(name, _): &(&str, &str)| name.starts_with("BY") && *name != "BYSETPOS";
        if self.has("BYSETPOS") && !self.seen.iter().any(other) {
            return bad("BYSETPOS needs another BY part to choose from");
        }
        Ok(())
    }
}

fn check_part(name: &str, value: &str) -> Result<(), BadValue> {
    match name {
        "FREQ" if matches!(value, "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY") => Ok(()),
        "FREQ" => bad("FREQ is DAILY, WEEKLY, MONTHLY or YEARLY"),
        "INTERVAL" | "COUNT" => match number(value) {
            Some(number) if (1..=i64::from(LARGEST)).contains(&number) => Ok(()),
            _ => bad(format!("{name} is 1 to {LARGEST}")),
        },
        "UNTIL" if is_until(value) => Ok(()),
        "UNTIL" => bad("UNTIL is a date such as 20261231, or a time in UTC such as 20261231T225959Z"),
        "WKST" if is_weekday(value) => Ok(()),
        "WKST" => bad("WKST is a weekday: MO, TU, WE, TH, FR, SA or SU"),
        "BYDAY" if value.split(',').all(is_day) => Ok(()),
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

fn is_weekday(text: &str) -> bool {
    matches!(text, "MO" | "TU" | "WE" | "TH" | "FR" | "SA" | "SU")
}

/// A weekday, with or without a number: `MO`, `2MO`, `-1FR`.
fn is_day(text: &str) -> bool {
    let Some((count, day)) = text.len().checked_sub(2).and_then(|at| text.split_at_checked(at)) else { return false };
    let count = count.strip_prefix(['-', '+']).map_or((count, count.is_empty()), |digits| (digits, false));
    is_weekday(day) && (count.1 || number(count.0).is_some_and(|n| (1..=53).contains(&n)))
}

fn is_until(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('T') {
        None => text.len() == 8 && digits(text) && NaiveDate::parse_from_str(text, "%Y%m%d").is_ok(),
        Some((date, time)) => {
            let shape = date.len() == 8 && digits(date) && time.len() == 7 && time.strip_suffix('Z').is_some_and(digits);
            shape && NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").is_ok()
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

    #[test]
    fn the_short_form_keeps_the_day_of_the_month() {
        let rule = |frequency, interval, due, zone| {
            let due = Timestamp::parse(due).unwrap();
            let rule = short_form(frequency, Interval::new(interval).unwrap(), due, TimeZone::new(zone).unwrap());
            assert_eq!(check_rrule(rule.as_str()).as_deref(), Ok(rule.as_str()));
            rule.as_str().to_owned()
        };
        use Frequency::{Daily, Monthly, Weekly, Yearly};
        assert_eq!(rule(Daily, 1, "2026-01-31T09:00:00Z", "UTC"), "FREQ=DAILY");
        assert_eq!(rule(Weekly, 2, "2026-01-31T09:00:00Z", "UTC"), "FREQ=WEEKLY;INTERVAL=2");
        assert_eq!(rule(Monthly, 1, "2026-01-28T09:00:00Z", "UTC"), "FREQ=MONTHLY");
        assert_eq!(rule(Monthly, 1, "2026-01-29T09:00:00Z", "UTC"), "FREQ=MONTHLY;BYMONTHDAY=28,29;BYSETPOS=-1");
        assert_eq!(rule(Monthly, 1, "2026-01-30T09:00:00Z", "UTC"), "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1");
        assert_eq!(rule(Monthly, 1, "2026-01-31T09:00:00Z", "UTC"), "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1");
        assert_eq!(rule(Yearly, 1, "2028-02-29T09:00:00Z", "UTC"), "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1");
        assert_eq!(rule(Yearly, 4, "2028-03-29T09:00:00Z", "UTC"), "FREQ=YEARLY;INTERVAL=4");
        // The day is the day in the zone: still January 31 in New York.
        assert_eq!(
            rule(Monthly, 3, "2026-02-01T01:00:00Z", "America/New_York"),
            "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=28,29,30,31;BYSETPOS=-1"
        );
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
