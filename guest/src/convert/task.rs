//! Tasks, and what belongs to one.

use super::super::bindings::ports::types;
use super::{task_id, time, times};
use chrono::{DateTime, NaiveDateTime};
use domain::task::{
    BadValue, Description, Notices, Place, Recurrence, ReminderMinutes, Rrule, Tag, Tags, Task, Template, TimeZone, Title,
};
use domain::time::Timestamp;

fn tags(names: &[String]) -> Result<Tags, BadValue> {
    let tags: Vec<Tag> = names.iter().map(|name| Tag::new(name)).collect::<Result<_, _>>()?;
    Tags::new(tags)
}

fn names(tags: &Tags) -> Vec<String> {
    tags.iter().map(|tag| tag.as_str().to_owned()).collect()
}

/// A local time, in milliseconds as if its zone were UTC.
fn local(millis: i64) -> Result<NaiveDateTime, BadValue> {
    let at = DateTime::from_timestamp_millis(millis).map(|at| at.naive_utc());
    at.ok_or_else(|| BadValue("an anchor is a date that there is".to_owned()))
}

impl TryFrom<types::Recurrence> for Recurrence {
    type Error = BadValue;

    fn try_from(value: types::Recurrence) -> Result<Self, BadValue> {
        Ok(Self {
            rrule: Rrule::new(&value.rrule)?,
            time_zone: TimeZone::new(&value.time_zone)?,
            repeat_from: value.repeat_from.into(),
        })
    }
}

impl From<Recurrence> for types::Recurrence {
    fn from(value: Recurrence) -> Self {
        Self {
            rrule: value.rrule.as_str().to_owned(),
            time_zone: value.time_zone.name().to_owned(),
            repeat_from: value.repeat_from.into(),
        }
    }
}

impl TryFrom<types::Template> for Template {
    type Error = BadValue;

    fn try_from(value: types::Template) -> Result<Self, BadValue> {
        Ok(Self {
            title: Title::new(&value.title)?,
            description: value.description.as_deref().map(Description::new).transpose()?,
            priority: value.priority.into(),
            tags: tags(&value.tags)?,
            reminder_minutes: value.reminder_minutes.map(ReminderMinutes::new).transpose()?,
        })
    }
}

impl From<Template> for types::Template {
    fn from(value: Template) -> Self {
        Self {
            title: value.title.as_str().to_owned(),
            description: value.description.map(|text| text.as_str().to_owned()),
            priority: value.priority.into(),
            tags: names(&value.tags),
            reminder_minutes: value.reminder_minutes.map(ReminderMinutes::get),
        }
    }
}

impl TryFrom<types::Place> for Place {
    type Error = BadValue;

    fn try_from(value: types::Place) -> Result<Self, BadValue> {
        let template = value.template.map(Template::try_from).transpose()?.map(Box::new);
        Ok(Self { number: value.number, anchor: local(value.anchor)?, template })
    }
}

impl From<Place> for types::Place {
    fn from(value: Place) -> Self {
        let anchor = value.anchor.and_utc().timestamp_millis();
        Self { number: value.number, anchor, template: value.template.map(|template| (*template).into()) }
    }
}

impl TryFrom<types::Notices> for Notices {
    type Error = BadValue;

    fn try_from(value: types::Notices) -> Result<Self, BadValue> {
        Ok(Self { upcoming: times(value.upcoming)?, overdue: times(value.overdue)? })
    }
}

impl From<Notices> for types::Notices {
    fn from(value: Notices) -> Self {
        Self { upcoming: value.upcoming.map(Timestamp::millis), overdue: value.overdue.map(Timestamp::millis) }
    }
}

impl TryFrom<types::Task> for Task {
    type Error = BadValue;

    fn try_from(task: types::Task) -> Result<Self, BadValue> {
        Ok(Self {
            id: task_id(&task.id)?,
            title: Title::new(&task.title)?,
            description: task.description.as_deref().map(Description::new).transpose()?,
            completed_at: times(task.completed_at)?,
            priority: task.priority.into(),
            tags: tags(&task.tags)?,
            due_date: times(task.due_date)?,
            recurrence: task.recurrence.map(Recurrence::try_from).transpose()?,
            reminder_minutes: task.reminder_minutes.map(ReminderMinutes::new).transpose()?,
            snoozed_until: times(task.snoozed_until)?,
            parent_task_id: task.parent_task_id.as_deref().map(task_id).transpose()?,
            series_id: task.series_id.as_deref().map(task_id).transpose()?,
            created_at: time(task.created_at)?,
            updated_at: time(task.updated_at)?,
            deleted_at: times(task.deleted_at)?,
            version: task.version,
            place: task.place.map(Place::try_from).transpose()?,
            notices: task.notices.try_into()?,
        })
    }
}

impl From<Task> for types::Task {
    fn from(task: Task) -> Self {
        Self {
            id: task.id.to_string(),
            title: task.title.as_str().to_owned(),
            description: task.description.map(|text| text.as_str().to_owned()),
            completed_at: task.completed_at.map(Timestamp::millis),
            priority: task.priority.into(),
            tags: names(&task.tags),
            due_date: task.due_date.map(Timestamp::millis),
            recurrence: task.recurrence.map(Into::into),
            reminder_minutes: task.reminder_minutes.map(ReminderMinutes::get),
            snoozed_until: task.snoozed_until.map(Timestamp::millis),
            parent_task_id: task.parent_task_id.map(|id| id.to_string()),
            series_id: task.series_id.map(|id| id.to_string()),
            created_at: task.created_at.millis(),
            updated_at: task.updated_at.millis(),
            deleted_at: task.deleted_at.map(Timestamp::millis),
            version: task.version,
            place: task.place.map(Into::into),
            notices: task.notices.into(),
        }
    }
}
