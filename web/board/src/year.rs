//! Two pictures: a year of what was completed, and the week ahead.

use crate::Task;
use crate::days::Here;
use chrono::{Datelike, Days, NaiveDate};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Columns of the year, one a week; the last is this week.
pub const WEEKS: u64 = 53;

/// One day of the year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    pub date: NaiveDate,
    /// Column, from 0, and row, from Monday.
    pub week: u64,
    pub weekday: u32,
    pub completed: usize,
    /// 0 for none, up to 4 for the most.
    pub level: u8,
}

/// What was completed on each day of the last 53 weeks, by the person's own days.
pub fn completed(tasks: &[Arc<Task>], here: Here) -> Vec<Day> {
    let mut of_day = BTreeMap::<NaiveDate, usize>::new();
    for at in tasks.iter().filter_map(|task| task.completed_at.filter(|_| task.completed)) {
        *of_day.entry(here.day_of(at)).or_default() += 1;
    }
    let today = here.today();
    let back = u64::from(today.weekday().num_days_from_monday()) + (WEEKS - 1) * 7;
    let Some(first) = today.checked_sub_days(Days::new(back)) else { return Vec::new() };
    let days = first.iter_days().take_while(|day| *day <= today);
    let days: Vec<(NaiveDate, usize)> = days.map(|day| (day, of_day.get(&day).copied().unwrap_or_default())).collect();
    let most = days.iter().map(|(_, completed)| *completed).max().unwrap_or_default();
    (0_u64..)
        .zip(days)
        .map(|(at, (date, completed))| Day {
            date,
            week: at / 7,
            weekday: date.weekday().num_days_from_monday(),
            completed,
            level: level(completed, most),
        })
        .collect()
}

fn level(completed: usize, most: usize) -> u8 {
    match completed {
        0 => 0,
        some => u8::try_from((some * 4).div_ceil(most.max(4))).unwrap_or(4).clamp(1, 4),
    }
}

/// How many open tasks are due on each of the next seven days, today first; what is overdue counts for today.
pub fn week(tasks: &[Arc<Task>], here: Here) -> Vec<(NaiveDate, usize)> {
    let mut days: Vec<(NaiveDate, usize)> = (0..7).map(|ahead| (here.in_days(ahead), 0)).collect();
    for due in tasks.iter().filter(|task| !task.completed).filter_map(|task| task.due_date) {
        let day = here.day_of(due).max(here.today());
        if let Some((_, count)) = days.iter_mut().find(|(date, _)| *date == day) {
            *count += 1;
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::days::tests::here;
    use crate::task::tests::{at, task};

    #[test]
    fn a_year_ends_today_and_counts_by_local_days() {
        let here = here("2026-05-06T12:00:00Z");
        let done = |number, time| Task { completed: true, completed_at: Some(at(time)), ..task(number, "x") };
        let tasks: Vec<Arc<Task>> =
            [done(1, "2026-05-05T23:00:00Z"), done(2, "2026-05-06T08:00:00Z"), done(3, "2020-01-01T00:00:00Z")]
                .map(Arc::new)
                .into();
        let days = completed(&tasks, here);
        assert_eq!(days.len(), 52 * 7 + 3, "a Wednesday");
        let last = days.last().unwrap();
        assert_eq!((last.date.to_string().as_str(), last.completed, last.week, last.weekday), ("2026-05-06", 2, 52, 2));
        assert_eq!(days[0].weekday, 0);
        assert_eq!(days.iter().map(|day| day.completed).sum::<usize>(), 2);
    }

    #[test]
    fn levels_are_relative_and_one_is_never_none() {
        assert_eq!([0, 1, 2, 4].map(|some| level(some, 4)), [0, 1, 2, 4]);
        assert_eq!([1, 25, 50, 100].map(|some| level(some, 100)), [1, 1, 2, 4]);
        assert_eq!(level(1, 1), 1);
    }

    #[test]
    fn the_week_begins_with_today_and_what_is_late() {
        let here = here("2026-05-06T12:00:00Z");
        let due = |number, time| Task { due_date: Some(at(time)), ..task(number, "x") };
        let tasks: Vec<Arc<Task>> =
            [due(1, "2026-05-01T09:00:00Z"), due(2, "2026-05-12T09:00:00Z"), due(3, "2026-05-13T09:00:00Z")].map(Arc::new).into();
        let counts: Vec<usize> = week(&tasks, here).into_iter().map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 0, 0, 0, 0, 0, 1]);
    }
}
