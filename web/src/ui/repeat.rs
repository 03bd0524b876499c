//! How a task repeats, as fields of the dialog.

use super::fields::{choice, line};
use crate::dom::{Kids, any, div, ev, fieldset, input, is_checked, label, legend, span};
use crate::model::Model;
use crate::reactive::*;
use board::Task;
use board::days::WEEKDAYS;
use board::repeat::{Ends, InMonth, REPEATS, Repeat, in_month};
use board::words::say_rule;
use chrono::NaiveDate;
use serde_json::{Value, json};

/// The rule is one that these fields cannot say: it stays.
const OTHER: &str = "other";
const IN_MONTH: [(InMonth, &str); 4] = [
    (InMonth::Day, "day"),
    (InMonth::Weekday, "weekday"),
    (InMonth::LastWeekday, "last-weekday"),
    (InMonth::LastDay, "last-day"),
];

/// What is chosen and typed.
#[derive(Clone, Copy)]
pub struct Draft {
    unit: RwSignal<String>,
    every: RwSignal<String>,
    days: RwSignal<[bool; 7]>,
    month: RwSignal<String>,
    ends: RwSignal<String>,
    times: RwSignal<String>,
    last: RwSignal<String>,
    from: RwSignal<String>,
}

impl Draft {
    pub fn of(task: &Task) -> Self {
        let known = Repeat::of(task.recurrence.as_ref(), task.due_date);
        let unit = known.as_ref().map_or_else(|| OTHER.to_owned(), |repeat| repeat.unit.to_string());
        let Repeat { every, days, in_month, ends, .. } = known.unwrap_or_default();
        let month = IN_MONTH.iter().find(|(kind, _)| *kind == in_month).map_or("day", |(_, name)| name);
        let (ends, times, last) = match ends {
            Ends::Never => ("never", 10, None),
            Ends::After(times) => ("after", times, None),
            Ends::On(last) => ("on", 10, Some(last)),
        };
        let from = task.recurrence.as_ref().map_or_else(|| "due_date".to_owned(), |rule| rule.from.clone());
        Self {
            unit: RwSignal::new(unit),
            every: RwSignal::new(every.to_string()),
            days: RwSignal::new(days),
            month: RwSignal::new(month.to_owned()),
            ends: RwSignal::new(ends.to_owned()),
            times: RwSignal::new(times.to_string()),
            last: RwSignal::new(last.map_or_else(String::new, |last| last.to_string())),
            from: RwSignal::new(from),
        }
    }

    fn repeat(self) -> Result<Repeat, &'static str> {
        let month = self.month.get();
        let ends = match self.ends.get().as_str() {
            "after" => Ends::After(self.times.get().trim().parse().map_err(|_| "How many times is a whole number, such as 10.")?),
            "on" => Ends::On(day(&self.last.get()).ok_or("Choose the last day of the series.")?),
            _ => Ends::Never,
        };
        Ok(Repeat {
            unit: self.unit.get().parse().unwrap_or_default(),
            every: self.every.get().trim().parse().map_err(|_| "How often is a whole number, such as 2.")?,
            days: self.days.get(),
            in_month: IN_MONTH.iter().find(|(_, name)| *name == month).map(|(kind, _)| *kind).unwrap_or_default(),
            ends,
        })
    }

    /// The rule that is chosen, as JSON; none: there is none. `due` is the due date as it is typed.
    pub fn rule(self, model: Model, task: &Task, due: &str) -> Result<Option<Value>, &'static str> {
        let (unit, from) = (self.unit.get(), self.from.get());
        if unit == OTHER {
            let kept = |rule: &board::task::Recurrence| json!({"rrule": rule.rrule, "time_zone": rule.time_zone, "from": from});
            return Ok(task.recurrence.as_ref().map(kept));
        }
        if unit == "0" {
            return Ok(None);
        }
        let here = model.here();
        let due = here.from_input(due).ok_or("A task that repeats needs a due date.")?;
        let rule = self.repeat()?.rule(here.day_of(due), &from)?;
        let zone = task.recurrence.as_ref().map_or(here.zone.name(), |rule| rule.time_zone.as_str());
        Ok(rule.map(|rule| json!({"rrule": rule.as_str(), "time_zone": zone, "from": from})))
    }
}

/// From an input for a date.
fn day(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split('-').map(|part| part.parse::<u32>().ok());
    let mut part = || parts.next().flatten();
    NaiveDate::from_ymd_opt(i32::try_from(part()?).ok()?, part()?, part()?)
}

pub fn repeat(model: Model, task: &Task, draft: Draft, due: RwSignal<String>) -> impl Kids {
    let mut units: Vec<(String, String)> =
        REPEATS.iter().enumerate().map(|(at, (name, _))| (at.to_string(), (*name).to_owned())).collect();
    let other = task.recurrence.as_ref().filter(|_| draft.unit.get_untracked() == OTHER);
    units.extend(other.map(|rule| (OTHER.to_owned(), format!("As it is: {}", say_rule(&rule.rrule)))));
    let unit = Memo::new(move |_| draft.unit.get());
    let more = move || match unit.get().as_str() {
        "1" => any(details(draft, "Every so many days", ())),
        "2" => any(details(draft, "Every so many weeks", weekdays(draft))),
        "3" => any(details(draft, "Every so many months", move || month(model, draft, due))),
        "4" => any(details(draft, "Every so many years", ())),
        _ => any(()),
    };
    (choice("repeat", "Repeat", units, draft.unit), more)
}

fn named(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(name, said)| ((*name).to_owned(), (*said).to_owned())).collect()
}

fn details(draft: Draft, every: &'static str, when: impl Kids) -> impl Kids {
    let froms = named(&[("due_date", "the due date"), ("completion", "completion")]);
    let ends = named(&[("never", "Never"), ("after", "After so many times"), ("on", "On a day")]);
    let end = Memo::new(move |_| draft.ends.get());
    let more = move || match end.get().as_str() {
        "after" => any(line("times", "number", "Times", None, draft.times)),
        "on" => any(line("last", "date", "Last day", None, draft.last)),
        _ => any(()),
    };
    (
        div()
            .class("pair")
            .child((line("every", "number", every, None, draft.every), choice("from", "Counted from", froms, draft.from))),
        when,
        div().class("pair").child((choice("ends", "Ends", ends, draft.ends), more)),
    )
}

fn weekdays(draft: Draft) -> impl Kids {
    let one = move |(at, (_, short, name)): (usize, (&'static str, &'static str, &'static str))| {
        let check = input()
            .attr("type", "checkbox")
            .attr("aria-label", name)
            .flag("checked", move || draft.days.with(|days| days.get(at).copied().unwrap_or_default()))
            .on(ev::CHANGE, move |event| {
                draft.days.update(|days| {
                    if let Some(day) = days.get_mut(at) {
                        *day = is_checked(&event);
                    }
                });
            });
        label().class("choice").child((check, span().child(short)))
    };
    let days = WEEKDAYS.into_iter().enumerate().map(one).collect::<Vec<_>>();
    fieldset().child((legend().class("label").child("On"), div().class("segments").child(days)))
}

/// What a month offers depends on the due date.
fn month(model: Model, draft: Draft, due: RwSignal<String>) -> impl Kids {
    let here = model.here();
    let day = here.from_input(&due.get()).map(|due| here.day_of(due));
    day.map(|day| {
        let offered = in_month(day);
        let name = |kind: &InMonth| IN_MONTH.iter().find(|(known, _)| known == kind).map_or("day", |(_, name)| name).to_owned();
        let offered: Vec<(String, String)> = offered.iter().map(|(kind, said)| (name(kind), said.clone())).collect();
        // A fifth weekday is not offered: what was chosen for another day is not left standing unseen.
        if !offered.iter().any(|(name, _)| draft.month.with_untracked(|month| month == name)) {
            draft.month.set("day".to_owned());
        }
        choice("in-month", "On", offered, draft.month)
    })
}
