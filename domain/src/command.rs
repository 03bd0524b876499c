//! What can be asked of tasks, as checked values, and what that does to one: pure functions.

use crate::change::{Change, ChangeKind};
use crate::diff::diff;
use crate::error::Error;
use crate::id::TaskId;
use crate::notices;
use crate::preferences::Preferences;
use crate::recurrence::{Frequency, Interval, local, short_form};
use crate::series::{self, Reach};
use crate::task::{
    Description, Notices, Priority, Recurrence, ReminderMinutes, RepeatFrom, Rrule, Tags, Task, Template, TimeZone, Title,
};
use crate::time::Timestamp;

/// How long a deleted task can be brought back, in minutes: 30 days.
const RESTORABLE_MINUTES: i64 = 30 * 24 * 60;

/// A task to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTask {
    pub title: Title,
    pub description: Option<Description>,
    pub priority: Priority,
    pub tags: Tags,
    pub due_date: Option<Timestamp>,
    pub recurrence: Option<RecurrenceInput>,
    /// None: the preference. Some(None): no upcoming reminder.
    pub reminder_minutes: Option<Option<ReminderMinutes>>,
}

/// Fields to change. None: leave it. Some(None): clear it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskPatch {
    pub title: Option<Title>,
    pub description: Option<Option<Description>>,
    pub priority: Option<Priority>,
    pub tags: Option<Tags>,
    pub due_date: Option<Option<Timestamp>>,
    pub recurrence: Option<Option<RecurrenceInput>>,
    pub reminder_minutes: Option<Option<ReminderMinutes>>,
}

/// A rule as clients give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecurrenceInput {
    pub repetition: Repetition,
    /// None: the preference.
    pub time_zone: Option<TimeZone>,
    pub repeat_from: RepeatFrom,
}

/// How it repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repetition {
    Rule(Rrule),
    /// Its rule depends on the due date.
    Short(Frequency, Interval),
}

/// Until when a task is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snooze {
    Minutes(u32),
    Until(Timestamp),
}

/// What is done to a task that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    Change(TaskPatch, Reach),
    /// True: complete it. False: reopen it.
    Complete(bool),
    Snooze(Snooze),
    /// This one alone: it is skipped, and the next of its series takes its place.
    Delete(Reach),
    Restore,
}

/// The versions that a client is willing to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Whichever there is: the last write wins.
    #[default]
    None,
    /// One of these. None of them: no version will do.
    Versions(Vec<u64>),
}

/// One thing to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Create(NewTask),
    Edit { id: TaskId, precondition: Precondition, edit: Edit },
}

impl Precondition {
    fn check(&self, task: &Task) -> Result<(), Error> {
        match self {
            Self::Versions(versions) if !versions.contains(&task.version) => Err(Error::PreconditionFailed),
            _ => Ok(()),
        }
    }
}

impl Command {
    /// Whether what it does depends on the user's preferences.
    pub(crate) fn needs_preferences(&self) -> bool {
        let zoneless = |recurrence: &Option<RecurrenceInput>| recurrence.as_ref().is_some_and(|r| r.time_zone.is_none());
        match self {
            Self::Create(new) => new.reminder_minutes.is_none() || zoneless(&new.recurrence),
            Self::Edit { edit: Edit::Change(patch, _), .. } => patch.recurrence.as_ref().is_some_and(zoneless),
            Self::Edit { .. } => false,
        }
    }
}

impl RecurrenceInput {
    /// The rule that it is for a task due then.
    pub(crate) fn resolve(&self, due: Timestamp, preferences: &Preferences) -> Recurrence {
        let time_zone = self.time_zone.unwrap_or(preferences.time_zone);
        let rrule = match &self.repetition {
            Repetition::Rule(rule) => rule.clone(),
            Repetition::Short(frequency, interval) => {
                short_form(*frequency, *interval, local(due, time_zone).date(), self.repeat_from)
            }
        };
        Recurrence { rrule, time_zone, repeat_from: self.repeat_from }
    }
}

fn needs_due_date() -> Error {
    Error::invalid("recurrence", crate::input::NEEDS_DUE_DATE)
}

/// The change that makes a new task.
pub(crate) fn create(new: &NewTask, id: TaskId, preferences: &Preferences, now: Timestamp) -> Result<Change, Error> {
    let recurrence = match (&new.recurrence, new.due_date) {
        (None, _) => None,
        (Some(rule), Some(due)) => Some(rule.resolve(due, preferences)),
        (Some(_), None) => return Err(needs_due_date()),
    };
    let place = recurrence.as_ref().zip(new.due_date).map(|(rule, due)| series::first_place(rule, due));
    let task = Task {
        id,
        title: new.title.clone(),
        description: new.description.clone(),
        completed_at: None,
        priority: new.priority,
        tags: new.tags.clone(),
        due_date: new.due_date,
        recurrence,
        reminder_minutes: new.reminder_minutes.unwrap_or(preferences.default_reminder_minutes),
        snoozed_until: None,
        parent_task_id: None,
        series_id: place.as_ref().map(|_| id),
        created_at: now,
        updated_at: now,
        deleted_at: None,
        version: 1,
        place,
        notices: Notices::default(),
    };
    Ok(creation(task))
}

/// The change that a new task is, whether somebody or its series made it: what will be given notice of, is from here on.
pub(crate) fn creation(mut task: Task) -> Change {
    let now = task.created_at;
    notices::rearm(None, &mut task, now);
    Change { kind: ChangeKind::Created, changed_fields: diff(None, &task), task, base_version: None }
}

/// Whether a task that was deleted can still be brought back.
pub(crate) fn is_there(task: &Task, now: Timestamp) -> bool {
    task.deleted_at.is_none_or(|at| at.plus_minutes(RESTORABLE_MINUTES) > now)
}

/// The change that an edit makes; none where there is nothing to change.
///
/// The task may be deleted: then only [`Edit::Restore`] finds it. To restore a task that is there changes nothing, so that
/// an undo can be repeated.
pub(crate) fn edit(
    task: &Task,
    edit: &Edit,
    precondition: &Precondition,
    preferences: &Preferences,
    now: Timestamp,
) -> Result<Option<Change>, Error> {
    if !is_there(task, now) || (task.deleted_at.is_some() && *edit != Edit::Restore) {
        return Err(Error::NotFound);
    }
    precondition.check(task)?;
    let mut after = task.clone();
    let kind = match edit {
        Edit::Change(patch, reach) => {
            patch.apply(&mut after, preferences)?;
            match reach {
                Reach::This => series::changed_alone(task, &mut after)?,
                Reach::Following => series::changed_with_following(task, &mut after, patch),
            }
            ChangeKind::Updated
        }
        Edit::Complete(completed) => complete(&mut after, *completed, now),
        Edit::Snooze(snooze) => {
            after.snoozed_until = Some(snooze.until(now)?);
            ChangeKind::Updated
        }
        Edit::Delete(reach) => {
            if *reach == Reach::This {
                series::needs_series(task)?;
            }
            after.deleted_at = Some(now);
            ChangeKind::Deleted
        }
        Edit::Restore => {
            after.deleted_at = None;
            ChangeKind::Restored
        }
    };
    if after == *task {
        return Ok(None);
    }
    notices::rearm(Some(task), &mut after, now);
    after.updated_at = now;
    after.version += 1;
    Ok(Some(Change { kind, changed_fields: diff(Some(task), &after), task: after, base_version: Some(task.version) }))
}

impl TaskPatch {
    /// The due date first: a rule in its short form depends on it.
    fn apply(&self, task: &mut Task, preferences: &Preferences) -> Result<(), Error> {
        set(&mut task.title, &self.title);
        set(&mut task.description, &self.description);
        set(&mut task.priority, &self.priority);
        set(&mut task.tags, &self.tags);
        set(&mut task.due_date, &self.due_date);
        set(&mut task.reminder_minutes, &self.reminder_minutes);
        match (&self.recurrence, task.due_date) {
            (None, _) => {}
            (Some(None), _) => task.recurrence = None,
            (Some(Some(rule)), Some(due)) => task.recurrence = Some(rule.resolve(due, preferences)),
            (Some(Some(_)), None) => return Err(needs_due_date()),
        }
        if task.recurrence.is_some() && task.due_date.is_none() {
            return Err(Error::invalid("due_date", "cannot be cleared while the task has a recurrence"));
        }
        Ok(())
    }

    /// The same, of what an occurrence hands on.
    pub(crate) fn apply_to_template(&self, template: &mut Template) {
        set(&mut template.title, &self.title);
        set(&mut template.description, &self.description);
        set(&mut template.priority, &self.priority);
        set(&mut template.tags, &self.tags);
        set(&mut template.reminder_minutes, &self.reminder_minutes);
    }
}

fn set<T: Clone>(field: &mut T, change: &Option<T>) {
    if let Some(value) = change {
        field.clone_from(value);
    }
}

/// A task that is done is not silent any more; should it be reopened, it begins afresh.
fn complete(task: &mut Task, completed: bool, now: Timestamp) -> ChangeKind {
    if completed {
        if !task.completed() {
            task.completed_at = Some(now);
            task.snoozed_until = None;
        }
        ChangeKind::Completed
    } else {
        task.completed_at = None;
        ChangeKind::Reopened
    }
}

impl Snooze {
    fn until(self, now: Timestamp) -> Result<Timestamp, Error> {
        match self {
            Self::Minutes(minutes) => Ok(now.plus_minutes(i64::from(minutes))),
            Self::Until(at) if at > now => Ok(at),
            Self::Until(_) => Err(Error::invalid("until", "is a time in the future")),
        }
    }
}
