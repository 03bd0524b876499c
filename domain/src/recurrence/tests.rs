use super::*;
use crate::task::TimeZone;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn rule(text: &str, zone: &str, repeat_from: RepeatFrom) -> Recurrence {
    Recurrence { rrule: Rrule::new(text).unwrap(), time_zone: TimeZone::new(zone).unwrap(), repeat_from }
}

fn texts(moments: &[Timestamp]) -> Vec<String> {
    moments.iter().map(Timestamp::to_string).collect()
}

/// The dates after `due`, as dates in UTC.
fn days(text: &str, due: &str, count: usize) -> Vec<String> {
    let dates = upcoming(&rule(text, "UTC", RepeatFrom::DueDate), at(due), count);
    texts(&dates).into_iter().map(|date| date[..10].to_owned()).collect()
}

/// How the table was made stands in `testdata/rules.py`.
#[test]
fn dates_are_those_of_an_independent_implementation() {
    let table: Vec<&str> = include_str!("testdata/rules.tsv").lines().collect();
    assert!(table.len() >= 200);
    for row in table {
        let [zone, due, text, dates] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let expected: Vec<&str> = dates.split(',').filter(|date| !date.is_empty()).collect();
        let found = upcoming(&rule(text, zone, RepeatFrom::DueDate), at(due), 8);
        assert_eq!(texts(&found), expected, "{zone} {due} {text}");
    }
}

#[test]
fn the_letter_of_the_rfc_where_implementations_differ() {
    // A weekday without a number beside one with: all Mondays, and the last Friday.
    let dates = days("FREQ=MONTHLY;BYDAY=MO,-1FR", "2026-05-04T09:00:00Z", 5);
    assert_eq!(dates, ["2026-05-11", "2026-05-18", "2026-05-25", "2026-05-29", "2026-06-01"]);
    let dates = days("FREQ=YEARLY;BYMONTH=5;BYDAY=MO,-1FR", "2026-05-18T09:00:00Z", 3);
    assert_eq!(dates, ["2026-05-25", "2026-05-29", "2027-05-03"]);
    // A week without a day is the start's weekday in it, not seven days.
    let dates = days("FREQ=YEARLY;BYWEEKNO=20", "2026-05-12T09:00:00Z", 3);
    assert_eq!(dates, ["2027-05-18", "2028-05-16", "2029-05-15"]);
    // There are no leap seconds here.
    let dates = upcoming(&rule("FREQ=DAILY;BYSECOND=60", "UTC", RepeatFrom::DueDate), at("2026-05-01T09:00:59Z"), 1);
    assert_eq!(texts(&dates), ["2026-05-02T09:00:59Z"]);
}

#[test]
fn the_31st_comes_back_after_short_months() {
    let due = at("2026-01-31T09:00:00Z");
    let short = short_form(Frequency::Monthly, Interval::ONE, local(due, TimeZone::UTC).date(), RepeatFrom::DueDate);
    let dates = days(short.as_str(), "2026-01-31T09:00:00Z", 12);
    let expected = [
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
        "2026-06-30",
        "2026-07-31",
        "2026-08-31",
        "2026-09-30",
        "2026-10-31",
        "2026-11-30",
        "2026-12-31",
        "2027-01-31",
    ];
    assert_eq!(dates, expected);
}

#[test]
fn the_start_is_the_first_occurrence_even_where_the_rule_does_not_give_it() {
    // A Wednesday; the rule is of Mondays.
    assert_eq!(days("FREQ=WEEKLY;BYDAY=MO;COUNT=3", "2026-05-06T09:00:00Z", 9), ["2026-05-11", "2026-05-18"]);
}

#[test]
fn what_was_missed_is_stepped_over_and_counted() {
    let weekly = rule("FREQ=WEEKLY;COUNT=5", "Europe/Berlin", RepeatFrom::DueDate);
    let first = Occurrence::first(at("2026-05-01T07:00:00Z"), weekly.time_zone);
    let late = at("2026-05-19T12:00:00Z");
    let after = next(&weekly, first, late, late).unwrap();
    assert_eq!((after.number, after.due(weekly.time_zone)), (4, Some(at("2026-05-22T07:00:00Z"))));
    let too_late = at("2026-05-29T07:00:00Z");
    assert_eq!(next(&weekly, first, too_late, too_late), None);
    // Done early, it is still the next date; done at the very second of one, that one is over.
    assert_eq!(next(&weekly, first, at("2026-04-01T00:00:00Z"), at("2026-04-01T00:00:00Z")).unwrap().number, 2);
    assert_eq!(next(&weekly, first, at("2026-05-08T07:00:00Z"), at("2026-05-08T07:00:00Z")).unwrap().number, 3);
}

#[test]
fn from_completion_the_day_is_new_and_the_time_stays() {
    let from = |text: &str, due: &str, done: &str| {
        let rule = rule(text, "America/New_York", RepeatFrom::Completion);
        let first = Occurrence::first(at(due), rule.time_zone);
        next(&rule, first, at(done), at(done)).map(|next| (next.number, next.due(rule.time_zone).unwrap().to_string()))
    };
    let due = "2026-05-01T13:00:00Z";
    // Late in the evening there it is the next day in UTC, and the day is the one there.
    assert_eq!(from("FREQ=DAILY;INTERVAL=3", due, "2026-05-08T03:30:00Z"), Some((2, "2026-05-10T13:00:00Z".to_owned())));
    assert_eq!(from("FREQ=WEEKLY;BYDAY=MO", due, "2026-05-20T13:00:00Z"), Some((2, "2026-05-25T13:00:00Z".to_owned())));
    assert_eq!(from("FREQ=MONTHLY", due, "2026-01-31T13:00:00Z"), Some((2, "2026-02-28T14:00:00Z".to_owned())));
    assert_eq!(from("FREQ=MONTHLY;INTERVAL=3", due, "2026-08-31T13:00:00Z"), Some((2, "2026-11-30T14:00:00Z".to_owned())));
    assert_eq!(from("FREQ=YEARLY", due, "2028-02-29T14:00:00Z"), Some((2, "2029-02-28T14:00:00Z".to_owned())));
    // The letter, where the rule names a day.
    assert_eq!(from("FREQ=MONTHLY;BYMONTHDAY=31", due, "2026-01-31T13:00:00Z"), Some((2, "2026-03-31T13:00:00Z".to_owned())));
    assert_eq!(from("FREQ=DAILY;COUNT=1", due, "2026-05-08T03:30:00Z"), None);
    assert_eq!(from("FREQ=DAILY;UNTIL=20260508", due, "2026-05-08T13:00:00Z"), None);
}

#[test]
fn a_time_of_day_outlasts_the_clocks() {
    let daily = rule("FREQ=DAILY", "Europe/Berlin", RepeatFrom::DueDate);
    let dates = upcoming(&daily, at("2026-03-28T01:30:00.250Z"), 3);
    let expected = ["2026-03-29T01:30:00.250Z", "2026-03-30T00:30:00.250Z", "2026-03-31T00:30:00.250Z"];
    assert_eq!(texts(&dates), expected, "02:30, once 03:30, and 02:30 again");
}

#[test]
fn a_series_ends_with_the_year_9999_or_where_no_date_comes() {
    assert_eq!(days("FREQ=YEARLY", "9997-05-01T09:00:00Z", 9), ["9998-05-01", "9999-05-01"]);
    for never in ["FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31", "FREQ=YEARLY;BYMONTH=1;BYDAY=6MO"]
    {
        assert_eq!(days(never, "2026-05-01T09:00:00Z", 1), Vec::<String>::new(), "{never}");
    }
    let often =
        rule("FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23", "UTC", RepeatFrom::DueDate);
    let first = Occurrence::first(at("1970-01-01T00:00:00Z"), TimeZone::UTC);
    let now = at("2026-01-01T00:00:00Z");
    assert_eq!(next(&often, first, now, now), None, "half a million dates are not gone through");
}

#[test]
fn the_short_form_keeps_the_day_of_the_month() {
    let rule = |frequency, interval, day: &str, from| {
        let rule = short_form(frequency, Interval::new(interval).unwrap(), day.parse().unwrap(), from);
        assert_eq!(check_rrule(rule.as_str()).as_deref(), Ok(rule.as_str()));
        rule.as_str().to_owned()
    };
    use Frequency::{Daily, Monthly, Weekly, Yearly};
    use RepeatFrom::{Completion, DueDate};
    assert_eq!(rule(Daily, 1, "2026-01-31", DueDate), "FREQ=DAILY");
    assert_eq!(rule(Weekly, 2, "2026-01-31", DueDate), "FREQ=WEEKLY;INTERVAL=2");
    assert_eq!(rule(Monthly, 1, "2026-01-28", DueDate), "FREQ=MONTHLY");
    assert_eq!(rule(Monthly, 1, "2026-01-29", DueDate), "FREQ=MONTHLY;BYMONTHDAY=28,29;BYSETPOS=-1");
    assert_eq!(rule(Monthly, 1, "2026-01-30", DueDate), "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1");
    assert_eq!(rule(Monthly, 3, "2026-01-31", DueDate), "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=28,29,30,31;BYSETPOS=-1");
    assert_eq!(rule(Yearly, 1, "2028-02-29", DueDate), "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1");
    assert_eq!(rule(Yearly, 4, "2028-03-29", DueDate), "FREQ=YEARLY;INTERVAL=4");
    assert_eq!(rule(Monthly, 1, "2026-01-31", Completion), "FREQ=MONTHLY");
    assert_eq!(rule(Yearly, 2, "2028-02-29", Completion), "FREQ=YEARLY;INTERVAL=2");
}

/// Rules of every kind that is taken, sensible or not.
fn any_rule() -> impl Strategy<Value = String> {
    let sometimes = |pattern: &str| prop::option::weighted(0.3, prop::string::string_regex(pattern).unwrap());
    let part = |name: &str, item: &str| sometimes(&format!("{name}=({item})(,({item})){{0,2}}"));
    let signed = "[-+]?[1-9]|[-+]?[12][0-9]";
    let head = (
        "FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)",
        sometimes("INTERVAL=[1-9][0-9]{0,3}"),
        sometimes("COUNT=[1-9][0-9]{0,2}|UNTIL=20[2-9][0-9]0[1-9]1[0-9](T120000Z)?"),
        sometimes("WKST=(MO|SU|TH)"),
    );
    let by = (
        part("BYMONTH", "[1-9]|1[0-2]"),
        part("BYMONTHDAY", &format!("{signed}|[-+]?3[01]")),
        part("BYDAY", "([-+]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)"),
        part("BYWEEKNO", &format!("{signed}|[-+]?5[0-3]")),
        part("BYYEARDAY", &format!("{signed}|[-+]?36[0-6]")),
        part("BYHOUR", "[0-9]|1[0-9]|2[0-3]"),
        part("BYSECOND", "[1-5]?[0-9]|60"),
        part("BYSETPOS", "[-+]?[1-9]|366"),
    );
    (head, by).prop_filter_map("no rule", |((freq, a, b, c), (d, e, f, g, h, i, j, k))| {
        let parts = [Some(freq), a, b, c, d, e, f, g, h, i, j, k];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join(";");
        check_rrule(&text).ok()
    })
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    let years = at("1950-01-01T00:00:00Z").millis()..at("2100-01-01T00:00:00Z").millis();
    years.prop_map(|millis| Timestamp::from_millis(millis).unwrap())
}

fn any_recurrence() -> impl Strategy<Value = Recurrence> {
    let zone = (0..chrono_tz::TZ_VARIANTS.len()).prop_map(|index| chrono_tz::TZ_VARIANTS[index].name());
    (any_rule(), zone, any::<bool>()).prop_map(|(text, zone, completion)| {
        rule(&text, zone, if completion { RepeatFrom::Completion } else { RepeatFrom::DueDate })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn dates_rise_and_are_in_the_future(recurrence in any_recurrence(), due in any_time(), late_minutes in 0..6_000_000_i64) {
        let now = due.plus_minutes(late_minutes);
        let first = Occurrence::first(due, recurrence.time_zone);
        if let Some(after) = next(&recurrence, first, now, now) {
            prop_assert!(after.due(recurrence.time_zone).unwrap() > now);
            prop_assert!(after.number > 1);
        }
        let dates = upcoming(&recurrence, due, 4);
        prop_assert!(dates.first().is_none_or(|date| *date > due));
        prop_assert!(dates.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn clocks_show_the_same_time_but_where_they_leave_it_out(recurrence in any_recurrence(), due in any_time()) {
        let zone = recurrence.time_zone;
        let mut occurrence = Occurrence::first(due, zone);
        for _ in 0..4 {
            let moment = occurrence.due(zone).unwrap();
            let Some(after) = next(&recurrence, occurrence, moment, moment) else { break };
            if !recurrence.rrule.as_str().contains("BYHOUR") && !recurrence.rrule.as_str().contains("BYSECOND") {
                prop_assert_eq!(after.anchor.time(), local(due, zone).time());
            }
            // What is shown is later only where the rule's own time is shown by no moment.
            let shown = local(after.due(zone).unwrap(), zone);
            prop_assert!(shown == after.anchor || (shown > after.anchor && skipped(after.anchor, zone)));
            occurrence = after;
        }
    }

    /// From whichever occurrence it goes on, the rule gives the same dates: nothing drifts.
    #[test]
    fn a_chain_is_the_rule_itself(text in any_rule(), due in any_time()) {
        let recurrence = rule(&text, "UTC", RepeatFrom::DueDate);
        let start = local(due, TimeZone::UTC);
        let whole: Vec<_> = Rule::read(&recurrence.rrule).unwrap().dates(start).take(5).collect();
        let chain: Vec<_> = upcoming(&recurrence, due, 5).into_iter().map(|at| local(at, TimeZone::UTC)).collect();
        prop_assert_eq!(&whole[..chain.len()], &chain[..]);
    }
}

/// Whether clocks never show it.
fn skipped(time: NaiveDateTime, zone: TimeZone) -> bool {
    use chrono::TimeZone as _;
    zone.tz().offset_from_local_datetime(&time).earliest().is_none()
}
