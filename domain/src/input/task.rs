//! Tasks, their changes, and preferences.

use super::fields::{Faults, Given, Object, Path, boolean, count, document, items, needed, text};
use crate::command::{NewTask, RecurrenceInput, Repetition, Snooze, TaskPatch};
use crate::error::Error;
use crate::preferences::{Preferences, Theme};
use crate::recurrence::{Frequency, Interval};
use crate::series::Preview;
use crate::task::{Description, Priority, ReminderMinutes, RepeatFrom, Rrule, Tag, Tags, TimeZone, Title};
use crate::time::Timestamp;
use serde_json::Value;

/// The fields of a task that a client reads and never writes, and where they come from.
const READ_ONLY: &[(&str, &str)] = &[
    ("id", "is read-only"),
    ("completed", "is read-only: PATCH /api/todos/{id}/complete changes it"),
    ("completed_at", "is read-only"),
    ("snoozed_until", "is read-only: POST /api/todos/{id}/snooze changes it"),
    ("parent_task_id", "is read-only"),
    ("series_id", "is read-only"),
    ("created_at", "is read-only"),
    ("updated_at", "is read-only"),
    ("deleted_at", "is read-only"),
    ("version", "is read-only: If-Match names the version to change"),
];

/// The longest snooze: a year of minutes.
const LONGEST_SNOOZE: u32 = 366 * 24 * 60;

/// The body of `POST /api/todos`.
pub fn new_task(body: &[u8]) -> Result<NewTask, Error> {
    document(body, read_new_task)
}

/// A task to be, out of a larger document.
pub(crate) fn new_task_of(value: Value) -> Result<NewTask, Error> {
    let mut faults = Faults::default();
    let read = read_new_task(value, Path::Root, &mut faults);
    faults.or(read)
}

/// The body of `PUT` and `PATCH /api/todos/{id}`: a merge patch (RFC 7396).
pub fn task_patch(body: &[u8]) -> Result<TaskPatch, Error> {
    document(body, read_task_patch)
}

/// The body of `PATCH /api/todos/{id}/complete`.
pub fn completion(body: &[u8]) -> Result<bool, Error> {
    document(body, |value, at, faults| {
        let mut fields = Object::new(value, at, faults)?;
        let completed = fields.require("completed", boolean);
        fields.end(&[]);
        completed
    })
}

/// The body of `POST /api/todos/{id}/snooze`.
pub fn snooze(body: &[u8]) -> Result<Snooze, Error> {
    document(body, |value, at, faults| {
        let mut fields = Object::new(value, at, faults)?;
        let (short, long) = (fields.gives("minutes"), fields.gives("until"));
        let minutes = fields.take("minutes", |value| match count(value)? {
            minutes @ 1..=LONGEST_SNOOZE => Ok(Snooze::Minutes(minutes)),
            _ => Err(format!("minutes is 1 to {LONGEST_SNOOZE}")),
        });
        let until = fields.take("until", text(Timestamp::parse)).value().map(Snooze::Until);
        let snooze = match (short, long) {
            (true, true) => fields.fault("until", "cannot be given together with minutes"),
            (false, false) => fields.fault("minutes", "is needed, or else until"),
            _ => minutes.value().or(until),
        };
        fields.end(&[]);
        snooze
    })
}

/// The most dates, and those where no number is given, of a preview.
const MOST_PREVIEWED: u32 = 100;
const PREVIEWED: u32 = 10;

/// The body of `POST /api/recurrence/preview`.
pub fn preview(body: &[u8]) -> Result<Preview, Error> {
    document(body, |value, at, faults| {
        let mut fields = Object::new(value, at, faults)?;
        let recurrence = fields.require_deep("recurrence", read_recurrence);
        let due_date = fields.require("due_date", text(Timestamp::parse));
        let count = fields.take("count", |value| match count(value)? {
            count @ 1..=MOST_PREVIEWED => Ok(count),
            _ => Err(format!("count is 1 to {MOST_PREVIEWED}")),
        });
        fields.end(&[]);
        Some(Preview { recurrence: recurrence?, due_date: due_date?, count: count.value().unwrap_or(PREVIEWED) })
    })
}

/// What a `PUT /api/preferences` changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreferencesPatch {
    pub time_zone: Option<TimeZone>,
    pub default_reminder_minutes: Option<Option<ReminderMinutes>>,
    pub theme: Option<Theme>,
}

/// The body of `PUT /api/preferences`. Null gives the default back, where a preference cannot be empty.
pub fn preferences_patch(body: &[u8]) -> Result<PreferencesPatch, Error> {
    document(body, |value, at, faults| {
        let defaults = Preferences::default();
        let mut fields = Object::new(value, at, faults)?;
        let patch = PreferencesPatch {
            time_zone: fields.take("time_zone", text(TimeZone::new)).change_or(defaults.time_zone),
            default_reminder_minutes: fields.take("default_reminder_minutes", reminder_minutes).change(),
            theme: fields.take("theme", text(Theme::new)).change_or(defaults.theme),
        };
        fields.end(&[]);
        Some(patch)
    })
}

pub(super) fn read_new_task(value: Value, at: Path<'_>, faults: &mut Faults) -> Option<NewTask> {
    let mut fields = Object::new(value, at, faults)?;
    let title = fields.require("title", text(Title::new));
    let description = fields.take("description", text(Description::new)).value();
    let priority = fields.take("priority", text(Priority::new)).value().unwrap_or_default();
    let tags = fields.take_deep("tags", tags).value().unwrap_or_default();
    let without_due_date = !fields.has("due_date");
    let due_date = fields.take("due_date", text(Timestamp::parse)).value();
    let recurrence = recurrence(&mut fields).value();
    if recurrence.is_some() && without_due_date {
        fields.fault::<()>("recurrence", NEEDS_DUE_DATE);
    }
    let reminder_minutes = fields.take("reminder_minutes", reminder_minutes).change();
    fields.end(READ_ONLY);
    Some(NewTask { title: title?, description, priority, tags, due_date, recurrence, reminder_minutes })
}

/// Why a rule without a due date is refused.
pub(crate) const NEEDS_DUE_DATE: &str = "needs a due date to be counted from";

pub(super) fn read_task_patch(value: Value, at: Path<'_>, faults: &mut Faults) -> Option<TaskPatch> {
    let mut fields = Object::new(value, at, faults)?;
    let title = match fields.take("title", text(Title::new)) {
        Given::Null => fields.fault("title", "cannot be null"),
        given => given.value(),
    };
    let patch = TaskPatch {
        title,
        description: fields.take("description", text(Description::new)).change(),
        priority: fields.take("priority", text(Priority::new)).change_or(Priority::default()),
        tags: fields.take_deep("tags", tags).change_or(Tags::default()),
        due_date: fields.take("due_date", text(Timestamp::parse)).change(),
        recurrence: recurrence(&mut fields).change(),
        reminder_minutes: fields.take("reminder_minutes", reminder_minutes).change(),
    };
    fields.end(READ_ONLY);
    Some(patch)
}

fn reminder_minutes(value: Value) -> Result<ReminderMinutes, String> {
    ReminderMinutes::new(count(value)?).map_err(|why| why.to_string())
}

fn tags(value: Value, at: Path<'_>, faults: &mut Faults) -> Option<Tags> {
    let tags = items(value, at, faults, |value, at, faults| text(Tag::new)(value).map_err(|why| faults.add(at, why)).ok())?;
    Tags::new(tags).map_err(|why| faults.add(at, why.to_string())).ok()
}

/// Under its name, or the seed's; under both is a fault.
fn recurrence(fields: &mut Object<'_>) -> Given<RecurrenceInput> {
    if fields.has("recurrence") && fields.has("recurrence_pattern") {
        fields.fault::<()>("recurrence_pattern", "is another name of recurrence, which is given, too");
    }
    match fields.take_deep("recurrence_pattern", read_recurrence) {
        Given::Absent => fields.take_deep("recurrence", read_recurrence),
        given => {
            // Its faults count, its value is refused above.
            fields.take_deep("recurrence", read_recurrence);
            given
        }
    }
}

fn read_recurrence(value: Value, at: Path<'_>, faults: &mut Faults) -> Option<RecurrenceInput> {
    if !value.is_object() {
        faults.add(at, needed("an object {rrule, time_zone, from} or {frequency, interval}", &value));
        return None;
    }
    let mut fields = Object::new(value, at, faults)?;
    let (long, short) = (fields.gives("rrule"), fields.gives("frequency"));
    let rrule = fields.take("rrule", text(Rrule::new)).value();
    let frequency = fields.take("frequency", text(Frequency::new)).value();
    let interval = fields.take("interval", |value| Interval::new(count(value)?).map_err(|why| why.to_string())).value();
    if interval.is_some() && !short {
        fields.fault::<()>("interval", "goes with frequency; a rule has INTERVAL");
    }
    let time_zone = fields.take("time_zone", text(TimeZone::new)).value();
    let repeat_from = fields.take("from", text(RepeatFrom::new)).value().unwrap_or_default();
    let repetition = match (rrule, frequency) {
        _ if long && short => fields.fault("frequency", "cannot be given together with rrule"),
        (Some(rrule), _) => Some(Repetition::Rule(rrule)),
        (_, Some(frequency)) => Some(Repetition::Short(frequency, interval.unwrap_or(Interval::ONE))),
        (None, None) if long || short => None,
        (None, None) => fields.fault("rrule", "is needed, or else frequency"),
    };
    fields.end(&[]);
    Some(RecurrenceInput { repetition: repetition?, time_zone, repeat_from })
}
