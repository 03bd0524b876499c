//! Reads a file of tasks in the browser: what would come of it, and the parts in which it is sent. A module of its own, which the dashboard
//! fetches when a file is chosen: few ever choose one.

use board::file::{Looked, Refused, Shown};
use domain::command::Repetition;
use domain::import::{self, Format, Import};
use domain::task::TimeZone;
use domain::time::Timestamp;
use wasm_bindgen::prelude::wasm_bindgen;

/// Bytes and tasks of a part: below what a request may have.
const PART: (usize, usize) = (900_000, 1_000);
/// Tasks that are shown before.
const SHOWN: usize = 10;
/// Lines that are named.
const NAMED: usize = 2_000;

fn rule_of(repetition: &Repetition) -> String {
    match repetition {
        Repetition::Rule(rule) => rule.as_str().to_owned(),
        Repetition::Short(frequency, interval) => {
            format!("FREQ={};INTERVAL={}", frequency.name().to_ascii_uppercase(), interval.get())
        }
    }
}

/// Reads a text. `format` is empty where the text shows it; `zone` is a name of the time zone database, `now` milliseconds since 1970.
#[wasm_bindgen]
pub fn read(text: &str, format: &str, zone: &str, now: f64) -> String {
    let zone = TimeZone::new(zone).unwrap_or(TimeZone::UTC);
    #[allow(clippy::cast_possible_truncation, reason = "whole milliseconds, far from the ends")]
    let now = Timestamp::from_millis(now as i64).unwrap_or(Timestamp::MAX);
    let looked = match import::read(text, Format::new(format).ok(), zone, now) {
        Ok(import) => looked(import),
        Err(bad) => Looked { problem: Some(bad.to_string()), ..Looked::default() },
    };
    serde_json::to_string(&looked).unwrap_or_default()
}

fn looked(import: Import) -> Looked {
    let Import { items, mut refused } = import;
    let shown = items.iter().take(SHOWN).map(|item| Shown {
        line: item.line,
        title: item.task.title.as_str().to_owned(),
        due: item.task.due_date,
        rule: item.task.recurrence.as_ref().map(|rule| rule_of(&rule.repetition)),
        tags: item.task.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
    });
    let (refused_count, shown) = (refused.len(), shown.collect());
    refused.truncate(NAMED);
    let refused = refused.into_iter().map(|one| Refused { line: one.line, reason: one.reason }).collect();
    Looked {
        problem: None,
        count: items.len(),
        shown,
        refused,
        refused_count,
        parts: import::pieces(&items, PART.0, PART.1).collect(),
    }
}
