//! How a task repeats, as the dialog has it. A rule that says more than this stays as it is.

use crate::days::{WEEKDAYS, weekday};
use crate::task::Recurrence;
use crate::words::{WHICH, day_of, part};
use chrono::{Datelike, NaiveDate};
use domain::recurrence::{Frequency, Interval, local, short_form};
use domain::task::{RepeatFrom, Rrule, TimeZone};
use domain::time::Timestamp;

/// How often, as it is chosen: each with its label and the frequency in the rule.
pub const REPEATS: [(&str, Option<Frequency>); 5] = [
    ("Never", None),
    ("Daily", Some(Frequency::Daily)),
    ("Weekly", Some(Frequency::Weekly)),
    ("Monthly", Some(Frequency::Monthly)),
    ("Yearly", Some(Frequency::Yearly)),
];

/// When in a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InMonth {
    /// On the due date's day of the month.
    #[default]
    Day,
    /// On the due date's weekday, as often into the month as it is.
    Weekday,
    /// On the month's last weekday of that kind.
    LastWeekday,
    LastDay,
}

/// When a series ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ends {
    #[default]
    Never,
    /// After so many dates.
    After(u32),
    /// With this day.
    On(NaiveDate),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// Which of [`REPEATS`]; 0: never.
    pub unit: usize,
    /// Every so many of them.
    pub every: u32,
    /// In a week: on these days, Monday first; on none of them: on the due date's.
    pub days: [bool; 7],
    pub in_month: InMonth,
    pub ends: Ends,
}

impl Default for Repeat {
    fn default() -> Self {
        Self { unit: 0, every: 1, days: [false; 7], in_month: InMonth::Day, ends: Ends::Never }
    }
}

/// "FR".
fn code(day: NaiveDate) -> &'static str {
    weekday(day).0
}

/// What can be chosen in a month for a task that is due on this day: each with what it is called.
pub fn in_month(day: NaiveDate) -> Vec<(InMonth, String)> {
    let (_, _, name) = weekday(day);
    let mut choices = vec![(InMonth::Day, format!("Day {}", day.day()))];
    // A fifth one is not in every month.
    let which = WHICH.get(day.day0() as usize / 7);
    choices.extend(which.map(|which| (InMonth::Weekday, format!("The {which} {name}"))));
    choices.extend([(InMonth::LastWeekday, format!("The last {name}")), (InMonth::LastDay, "The last day".to_owned())]);
    choices
}

impl Repeat {
    /// How a task with this rule repeats; none: in another way than can be said here.
    pub fn of(rule: Option<&Recurrence>, due: Option<Timestamp>) -> Option<Self> {
        let Some(rule) = rule else { return Some(Self::default()) };
        let part = |name| part(&rule.rrule, name);
        let frequency = part("FREQ")?;
        let is_it = |name: &Frequency| name.name().eq_ignore_ascii_case(frequency);
        let unit = REPEATS.iter().position(|(_, frequency)| frequency.as_ref().is_some_and(is_it))?;
        let mut repeat = Self { unit, ..Self::default() };
        if let Some(every) = part("INTERVAL") {
            repeat.every = every.parse().ok()?;
        }
        match (REPEATS.get(unit)?.1?, part("BYDAY"), part("BYMONTHDAY")) {
            (Frequency::Weekly, Some(days), _) => {
                for day in days.split(',') {
                    let at = WEEKDAYS.iter().position(|(code, _, _)| *code == day)?;
                    *repeat.days.get_mut(at)? = true;
                }
            }
            (Frequency::Monthly, Some(day), _) if day.starts_with("-1") => repeat.in_month = InMonth::LastWeekday,
            (Frequency::Monthly, Some(_), _) => repeat.in_month = InMonth::Weekday,
            (Frequency::Monthly, None, Some("-1")) => repeat.in_month = InMonth::LastDay,
            _ => {}
        }
        repeat.ends = match (part("COUNT"), part("UNTIL")) {
            (Some(count), None) => Ends::After(count.parse().ok()?),
            (None, Some(last)) => Ends::On(day_of(last)?),
            (None, None) => Ends::Never,
            (Some(_), Some(_)) => return None,
        };
        // Whatever was overlooked is missing in what this says.
        let day = local(due?, TimeZone::new(&rule.time_zone).ok()?).date();
        let said = repeat.rule(day, &rule.from).ok()??;
        (parts(said.as_str()) == parts(&rule.rrule)).then_some(repeat)
    }

    /// The rule of it, for a task that is due on this day; none: it does not repeat.
    pub fn rule(&self, day: NaiveDate, from: &str) -> Result<Option<Rrule>, &'static str> {
        let Some(frequency) = REPEATS.get(self.unit).and_then(|(_, frequency)| *frequency) else { return Ok(None) };
        let every = Interval::new(self.every).map_err(|_| "How often is a number from 1 to 9,999.")?;
        let from = if from == RepeatFrom::Completion.name() { RepeatFrom::Completion } else { RepeatFrom::DueDate };
        let simple = short_form(frequency, every, day, from);
        // Without what a month's end has in the short form.
        let bare = simple.as_str().split(';').filter(|part| !part.starts_with("BY")).collect::<Vec<_>>().join(";");
        let mut rule = match (frequency, self.in_month) {
            (Frequency::Weekly, _) if self.days.contains(&true) => {
                let days = WEEKDAYS.iter().zip(self.days).filter(|(_, is_on)| *is_on).map(|((code, _, _), _)| *code);
                format!("{bare};BYDAY={}", days.collect::<Vec<_>>().join(","))
            }
            (Frequency::Monthly, InMonth::Weekday) => format!("{bare};BYDAY={}{}", day.day0() / 7 + 1, code(day)),
            (Frequency::Monthly, InMonth::LastWeekday) => format!("{bare};BYDAY=-1{}", code(day)),
            (Frequency::Monthly, InMonth::LastDay) => format!("{bare};BYMONTHDAY=-1"),
            _ => simple.as_str().to_owned(),
        };
        match self.ends {
            Ends::Never => {}
            Ends::After(times) => rule.push_str(&format!(";COUNT={times}")),
            Ends::On(last) if last < day => return Err("The last day is before the due date."),
            Ends::On(last) => rule.push_str(&format!(";UNTIL={:04}{:02}{:02}", last.year(), last.month(), last.day())),
        }
        Rrule::new(&rule).map(Some).map_err(|_| "A series ends after 1 to 9,999 times.")
    }
}

/// The parts of a rule, in an order of their own.
fn parts(rule: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = rule.split(';').filter(|part| *part != "INTERVAL=1").collect();
    parts.sort_unstable();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::tests::at;
    use proptest::prelude::*;

    fn of(rrule: &str, from: &str, due: &str) -> Option<Repeat> {
        let rule = Recurrence { rrule: rrule.to_owned(), time_zone: "Europe/Berlin".to_owned(), from: from.to_owned() };
        Repeat::of(Some(&rule), Some(at(due)))
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn rules_that_can_be_chosen_are_recognised_and_others_are_left_alone() {
        let due = "2026-11-27T08:00:00Z";
        assert_eq!(Repeat::of(None, None), Some(Repeat::default()));
        let weekly = Repeat { unit: 2, every: 2, days: [true, false, false, false, true, false, false], ..Repeat::default() };
        assert_eq!(of("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", "due_date", due), Some(weekly));
        let fourth = Repeat { unit: 3, in_month: InMonth::Weekday, ends: Ends::After(4), ..Repeat::default() };
        assert_eq!(of("FREQ=MONTHLY;COUNT=4;BYDAY=4FR", "due_date", due), Some(fourth), "in whatever order");
        let last = Repeat { unit: 3, in_month: InMonth::LastDay, ends: Ends::On(day("2027-12-31")), ..Repeat::default() };
        assert_eq!(of("FREQ=MONTHLY;BYMONTHDAY=-1;UNTIL=20271231", "due_date", due), Some(last));
        for other in [
            "FREQ=MONTHLY;BYMONTHDAY=1",
            "FREQ=HOURLY",
            "FREQ=MONTHLY;BYDAY=1MO",
            "FREQ=MONTHLY;BYDAY=MO,FR",
            "FREQ=WEEKLY;BYDAY=1MO",
            "FREQ=DAILY;BYMONTH=1",
            "FREQ=DAILY;UNTIL=20271231T120000Z",
            "FREQ=YEARLY;BYWEEKNO=20",
        ] {
            assert_eq!(of(other, "due_date", due), None, "{other}");
        }
    }

    #[test]
    fn what_a_month_offers_depends_on_the_day() {
        let offered = |text: &str| in_month(day(text)).into_iter().map(|(_, said)| said).collect::<Vec<_>>();
        assert_eq!(offered("2026-11-13"), ["Day 13", "The second Friday", "The last Friday", "The last day"]);
        assert_eq!(offered("2026-11-30"), ["Day 30", "The last Monday", "The last day"]);
    }

    #[test]
    fn what_cannot_be_is_said() {
        let (friday, never) = (day("2026-11-27"), Repeat::default());
        assert_eq!(never.rule(friday, "due_date"), Ok(None));
        let daily = Repeat { unit: 1, ..Repeat::default() };
        assert!(Repeat { every: 0, ..daily.clone() }.rule(friday, "due_date").is_err());
        assert!(Repeat { ends: Ends::After(0), ..daily.clone() }.rule(friday, "due_date").is_err());
        assert!(Repeat { ends: Ends::On(day("2026-11-26")), ..daily }.rule(friday, "due_date").is_err());
    }

    fn repeats() -> impl Strategy<Value = Repeat> {
        let in_month =
            prop_oneof![Just(InMonth::Day), Just(InMonth::Weekday), Just(InMonth::LastWeekday), Just(InMonth::LastDay)];
        let ends = prop_oneof![
            Just(Ends::Never),
            (1..=9_999_u32).prop_map(Ends::After),
            (0..9_000_u64).prop_map(|days| Ends::On(day("2030-01-01") + chrono::Days::new(days))),
        ];
        (1..5_usize, 1..=9_999_u32, any::<[bool; 7]>(), in_month, ends).prop_map(|(unit, every, days, in_month, ends)| {
            let days = if unit == 2 { days } else { [false; 7] };
            Repeat { unit, every, days, in_month: if unit == 3 { in_month } else { InMonth::Day }, ends }
        })
    }

    proptest! {
        #[test]
        fn what_is_chosen_comes_back(repeat in repeats(), days in 0..1_000_u64, from in prop_oneof![Just("due_date"), Just("completion")]) {
            let due = day("2026-01-01") + chrono::Days::new(days);
            // A fifth weekday is offered by nobody.
            prop_assume!(repeat.in_month != InMonth::Weekday || due.day() <= 28);
            let rule = repeat.rule(due, from).unwrap().unwrap();
            prop_assert_eq!(of(rule.as_str(), from, &format!("{due}T11:00:00Z")), Some(repeat), "{}", rule.as_str());
        }
    }
}
