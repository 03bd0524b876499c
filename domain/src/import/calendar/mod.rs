//! To-dos of iCalendar (RFC 5545). Events and journals are left out where there are to-dos.
//!
//! PRIORITY 1 to 4 is high, 5 medium, 6 to 9 low. A to-do that repeats is counted from DUE, or from DTSTART where it has none. A day is due when
//! quick add says that it is; a time without a zone is the reader's. What was cancelled, and a series with exceptions (RDATE, EXDATE), is refused.

mod lines;

use super::{Found, Item, Key, said, shown};
use crate::command::{NewTask, RecurrenceInput, Repetition};
use crate::ical;
use crate::id::TaskId;
use crate::input::NEEDS_DUE_DATE;
use crate::recurrence::moment;
use crate::task::{Description, Priority, ReminderMinutes, RepeatFrom, Rrule, Tag, Tags, TimeZone, Title};
use crate::time::Timestamp;
use chrono::{NaiveDate, NaiveDateTime};
use lines::Property;
use std::collections::HashMap;
use uuid::Uuid;

/// What a property can stand in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Component {
    Calendar,
    ToDo,
    Alarm,
    Other,
}

pub(super) fn read(text: &str, found: &mut Found) -> Result<(), String> {
    let mut reader = Reader { zones: zones(text), ..Reader::default() };
    let mut last = 0;
    for (number, line) in lines::unfolded(text) {
        last = number;
        match Property::of(&line) {
            Some(property) => reader.take(number, &property, found),
            None => reader.no_property(number),
        }
    }
    if !reader.begun {
        return Err("it does not begin with BEGIN:VCALENDAR; export it anew".to_owned());
    }
    if reader.to_dos == 0 && reader.others > 0 {
        return Err(format!(
            "of {} entries none is a to-do (VTODO), and events are no tasks; export a list of tasks",
            reader.others
        ));
    }
    if let Some(cut) = reader.to_do.take() {
        found.refuse(cut.line, "the file ends within this to-do: it was cut off, export it anew");
    } else if !reader.inside.is_empty() {
        found.refuse(last, "the file ends before END:VCALENDAR: it was cut off, and what is behind is missing");
    }
    Ok(())
}

/// Zones that a calendar names in its own way, and says the usual name of. They may stand behind the to-dos.
fn zones(text: &str) -> HashMap<String, TimeZone> {
    let (mut zones, mut id) = (HashMap::new(), None);
    for (_, line) in lines::unfolded(text) {
        let Some(property) = Property::of(&line).filter(|property| matches!(property.name.as_str(), "TZID" | "X-LIC-LOCATION"))
        else {
            continue;
        };
        match (property.name.as_str(), TimeZone::new(property.value.trim())) {
            ("TZID", _) => id = Some(property.value.trim().to_owned()),
            (_, Ok(zone)) => zones.extend(id.take().map(|id| (id, zone))),
            _ => {}
        }
    }
    zones
}

#[derive(Default)]
struct Reader {
    zones: HashMap<String, TimeZone>,
    inside: Vec<Component>,
    /// A to-do that has begun.
    to_do: Option<ToDo>,
    /// Tidings wrote it.
    ours: bool,
    begun: bool,
    to_dos: usize,
    /// Events and journals.
    others: usize,
}

/// What is known of a to-do.
#[derive(Default)]
struct ToDo {
    line: usize,
    /// In how many components it stands.
    depth: usize,
    /// All of its lines, for one that has no id.
    content: Vec<String>,
    uid: Option<String>,
    recurrence_id: String,
    summary: String,
    description: Option<String>,
    priority: Option<String>,
    categories: Vec<String>,
    due: Option<Moment>,
    start: Option<Moment>,
    duration: Option<i64>,
    rule: Option<String>,
    repeat_from: Option<String>,
    status: String,
    completed: Option<Moment>,
    created: Option<Moment>,
    done: bool,
    /// Seconds before the due date.
    lead: Option<i64>,
    /// Why it cannot be a task.
    fault: Option<String>,
}

/// A DATE or DATE-TIME as it stands, and its zone.
struct Moment {
    value: String,
    zone: Option<String>,
}

impl Moment {
    fn of(property: &Property<'_>) -> Self {
        Self { value: property.value.trim().to_owned(), zone: property.param("TZID").map(str::to_owned) }
    }
}

impl Reader {
    fn take(&mut self, number: usize, property: &Property<'_>, found: &mut Found) {
        match property.name.as_str() {
            "BEGIN" => self.begin(number, property.value.trim(), found),
            "END" => self.end(number, property.value.trim(), found),
            "PRODID" if self.inside.last() == Some(&Component::Calendar) => self.ours = property.value.starts_with(ical::PRODUCT),
            _ => match (self.inside.last(), &mut self.to_do) {
                (Some(Component::ToDo), Some(to_do)) => to_do.take(property),
                (Some(Component::Alarm), Some(to_do)) if property.name == "TRIGGER" => to_do.alarm(property),
                _ => {}
            },
        }
    }

    fn begin(&mut self, number: usize, name: &str, found: &mut Found) {
        let component = match name.to_ascii_uppercase().as_str() {
            "VCALENDAR" => Component::Calendar,
            "VTODO" => Component::ToDo,
            "VALARM" => Component::Alarm,
            _ => Component::Other,
        };
        match component {
            Component::Calendar => self.begun = true,
            Component::ToDo => {
                self.leave_open(found);
                self.to_dos += 1;
                self.to_do = Some(ToDo { line: number, depth: self.inside.len(), ..ToDo::default() });
            }
            Component::Other if matches!(name.to_ascii_uppercase().as_str(), "VEVENT" | "VJOURNAL") => self.others += 1,
            _ => {}
        }
        self.inside.push(component);
    }

    fn end(&mut self, number: usize, name: &str, found: &mut Found) {
        match &mut self.to_do {
            Some(to_do) if name.eq_ignore_ascii_case("VTODO") => {
                self.inside.truncate(to_do.depth);
                if let Some(to_do) = self.to_do.take() {
                    let line = to_do.line;
                    let entry = self.item(to_do, found);
                    found.add(line, entry);
                }
                return;
            }
            Some(_) if name.eq_ignore_ascii_case("VCALENDAR") => self.leave_open(found),
            Some(to_do) if self.inside.len() == to_do.depth + 1 => {
                to_do.fault.get_or_insert_with(|| format!("line {number} ends what has not begun"));
                return;
            }
            _ => {}
        }
        self.inside.pop();
    }

    /// Refuses a to-do that another begins in, or that its calendar ends in.
    fn leave_open(&mut self, found: &mut Found) {
        if let Some(to_do) = self.to_do.take() {
            self.inside.truncate(to_do.depth);
            found.refuse(to_do.line, "END:VTODO is missing");
        }
    }

    fn no_property(&mut self, number: usize) {
        if let Some(to_do) = &mut self.to_do {
            to_do.fault.get_or_insert_with(|| format!("line {number} is no property: a name and a colon are missing"));
        }
    }

    fn zone(&self, name: &str) -> Result<TimeZone, String> {
        // Some write the zone behind a path of their own: /example.org/20260101/Europe/Berlin.
        let end = |parts: usize| name.rmatch_indices('/').nth(parts - 1).and_then(|(at, _)| name.get(at + 1..));
        let known = [Some(name), end(2), end(3)].into_iter().flatten().find_map(|name| TimeZone::new(name).ok());
        let unknown = || format!("the time zone {} is not known: an IANA name is needed, such as Europe/Berlin", shown(name));
        known.or_else(|| self.zones.get(name).copied()).ok_or_else(unknown)
    }

    /// The moment, and the zone in which its days are days.
    fn moment(&self, what: &str, said: &Moment, found: &Found) -> Result<(Timestamp, TimeZone), String> {
        let zone = said.zone.as_deref().map_or(Ok(found.zone), |name| self.zone(name))?;
        let unclear = || format!("{what} is a date such as 20260501 or 20260501T090000Z, not {}", shown(&said.value));
        if said.value.len() == 8 {
            let day = NaiveDate::parse_from_str(&said.value, "%Y%m%d").map_err(|_| unclear())?;
            return Ok((found.due_on(day, zone)?, zone));
        }
        let (value, zone) = match said.value.strip_suffix('Z') {
            Some(value) => (value, TimeZone::UTC),
            None => (said.value.as_str(), zone),
        };
        let time = NaiveDateTime::parse_from_str(value, "%Y%m%dT%H%M%S").map_err(|_| unclear())?;
        Ok((moment(time, zone).ok_or_else(unclear)?, zone))
    }

    fn item(&self, to_do: ToDo, found: &mut Found) -> Result<Item, String> {
        let origin = to_do.uid.as_deref().and_then(|uid| Uuid::try_parse(uid).ok()).map(TaskId);
        let key = match (origin, &to_do.uid) {
            (Some(id), _) if to_do.recurrence_id.is_empty() => Key::of_id(id),
            (_, Some(uid)) => Key::of(&[b"uid", uid.as_bytes(), to_do.recurrence_id.as_bytes()]),
            (_, None) => found.key(&to_do.content.iter().map(String::as_bytes).collect::<Vec<_>>()),
        };
        if let Some(fault) = to_do.fault {
            return Err(fault);
        }
        if to_do.status == "CANCELLED" {
            return Err("it was cancelled".to_owned());
        }
        let moment_of = |what, said: &Option<Moment>| said.as_ref().map(|said| self.moment(what, said, found)).transpose();
        let due = match (moment_of("DUE", &to_do.due)?, moment_of("DTSTART", &to_do.start)?) {
            (Some(due), _) => Some(due),
            (None, Some((start, zone))) if to_do.duration.is_some() || to_do.rule.is_some() => {
                let end = start.millis().saturating_add(to_do.duration.unwrap_or(0).saturating_mul(1_000));
                Some((said(Timestamp::from_millis(end))?, zone))
            }
            _ => None,
        };
        let recurrence = match (&to_do.rule, due) {
            (None, _) => None,
            (Some(_), None) => return Err(format!("RRULE: {NEEDS_DUE_DATE}")),
            (Some(rule), Some((_, zone))) => {
                let repeat_from = said(to_do.repeat_from.as_deref().map_or(Ok(RepeatFrom::DueDate), RepeatFrom::new))?;
                let repetition = Repetition::Rule(said(Rrule::new(rule))?);
                Some(RecurrenceInput { repetition, time_zone: Some(zone), repeat_from })
            }
        };
        let reminder_minutes = match (to_do.lead.map(|seconds| u32::try_from(seconds / 60)), due) {
            (Some(Ok(minutes)), Some(_)) => Some(Some(said(ReminderMinutes::new(minutes))?)),
            // Tidings writes an alarm wherever there is to be one.
            (None, Some(_)) if self.ours => Some(None),
            _ => None,
        };
        let tags = to_do.categories.iter().filter(|name| !name.trim().is_empty()).map(|name| Tag::new(name));
        let task = NewTask {
            title: said(Title::new(&to_do.summary.replace('\n', " ")))?,
            description: to_do.description.map(|text| said(Description::new(&text))).transpose()?,
            priority: priority(to_do.priority.as_deref())?,
            tags: said(Tags::new(said(tags.collect::<Result<Vec<_>, _>>())?))?,
            due_date: due.map(|(due, _)| due),
            recurrence,
            reminder_minutes,
        };
        let completed = moment_of("COMPLETED", &to_do.completed)?.map(|(at, _)| at);
        let done = to_do.done || to_do.status == "COMPLETED";
        let completed_at = completed.or(done.then_some(found.now));
        let created_at = moment_of("CREATED", &to_do.created)?.map(|(at, _)| at);
        Ok(Item { line: to_do.line, key, origin, task, completed_at, created_at })
    }
}

impl ToDo {
    fn take(&mut self, property: &Property<'_>) {
        let value = property.value;
        match property.name.as_str() {
            "UID" if !value.trim().is_empty() => self.uid = Some(value.trim().to_owned()),
            "RECURRENCE-ID" => value.trim().clone_into(&mut self.recurrence_id),
            "SUMMARY" => self.summary = lines::text(value),
            "DESCRIPTION" => self.description = Some(lines::text(value)).filter(|text| !text.is_empty()),
            "PRIORITY" => self.priority = Some(value.trim().to_owned()),
            "CATEGORIES" => self.categories.extend(lines::list(value)),
            "DUE" => self.due = Some(Moment::of(property)),
            "DTSTART" => self.start = Some(Moment::of(property)),
            "DURATION" => match lines::seconds(value.trim()) {
                Some(seconds) => self.duration = Some(seconds),
                None => self.fault = Some(format!("DURATION is one such as PT1H, not {}", shown(value))),
            },
            "RRULE" if self.rule.is_some() => self.fault = Some("a to-do has one RRULE".to_owned()),
            "RRULE" => self.rule = Some(value.trim().to_owned()),
            ical::REPEAT_FROM => self.repeat_from = Some(value.trim().to_owned()),
            "STATUS" => self.status = value.trim().to_ascii_uppercase(),
            "PERCENT-COMPLETE" => self.done |= value.trim() == "100",
            "COMPLETED" => self.completed = Some(Moment::of(property)),
            "CREATED" => self.created = Some(Moment::of(property)),
            name @ ("RDATE" | "EXDATE" | "EXRULE") => {
                self.fault = Some(format!("a series without exceptions is needed, and it has {name}"))
            }
            _ => {}
        }
        if self.uid.is_none() {
            self.content.push(format!("{}:{value}", property.name));
        }
    }

    /// The first alarm that has a lead before the due date is the reminder.
    fn alarm(&mut self, property: &Property<'_>) {
        let to_end = property.param("RELATED").is_some_and(|related| related.eq_ignore_ascii_case("END"));
        let start_is_due = self.start.as_ref().is_none_or(|start| self.due.as_ref().is_none_or(|due| due.value == start.value));
        let lead = lines::seconds(property.value.trim()).filter(|seconds| *seconds <= 0 && (to_end || start_is_due));
        self.lead = self.lead.or(lead.map(|seconds| -seconds));
    }
}

fn priority(value: Option<&str>) -> Result<Priority, String> {
    match value {
        Some("1" | "2" | "3" | "4") => Ok(Priority::High),
        Some("6" | "7" | "8" | "9") => Ok(Priority::Low),
        None | Some("" | "0" | "5") => Ok(Priority::Medium),
        Some(other) => Err(format!("PRIORITY is 0 to 9, not {}", shown(other))),
    }
}

#[cfg(test)]
mod tests;
