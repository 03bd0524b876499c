//! Series: the occurrences of a repeating task. Each is a task of its own; when it is done, the next is made from it.
//!
//! An occurrence has one successor at most, whatever is repeated, redelivered or reopened, as the successor's id is made of its own.
//! Which date comes next is [`crate::recurrence`]'s to say.

use crate::change::{Change, Source};
use crate::command::{self, RecurrenceInput, TaskPatch};
use crate::consumer::{Disposition, Incoming};
use crate::error::Error;
use crate::id::{self, TaskId};
use crate::ports::{Clock, Failure, Session, UnitOfWork};
use crate::recurrence::{self, Occurrence};
use crate::task::{Notices, Place, Recurrence, Task, Template, names};
use crate::time::Timestamp;
use crate::todos::MOST_TRIES;
use serde::Serialize;
use uuid::Uuid;

/// What a change of one occurrence, or its deletion, is meant for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// This occurrence alone.
    This,
    /// This one and all that follow.
    #[default]
    Following,
}

names!(Reach, "series", This = "this", Following = "following");

/// A rule of which the next dates are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    pub recurrence: RecurrenceInput,
    pub due_date: Timestamp,
    pub count: u32,
}

/// The dates that follow. Its JSON is the answer of `POST /api/recurrence/preview`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Occurrences {
    pub occurrences: Vec<Timestamp>,
}

/// The due dates after the first where each occurrence is completed on time; fewer than asked for where the series ends.
pub async fn preview<S: Session>(session: &S, asked: &Preview) -> Result<Occurrences, Error> {
    let recurrence = asked.recurrence.resolve(asked.due_date, &session.preferences().await?);
    Ok(Occurrences { occurrences: recurrence::upcoming(&recurrence, asked.due_date, asked.count as usize) })
}

/// Works off one event: the next of a task that was completed is made, once for each event and once for each task. There is
/// nothing to do for a task that is gone, reopened, or does not repeat; one that was deleted after it was completed has its successor.
pub async fn on_event<S: Session, C: Clock>(session: &S, clock: &C, event: &Incoming) -> Disposition {
    if event.kind != "task.completed" {
        return Disposition::Done;
    }
    let task = match event.task_event() {
        Ok(event) => event.task_id,
        Err(reason) => return Disposition::Reject(reason),
    };
    for _ in 0..MOST_TRIES {
        match follow(session, clock, event.id, task).await {
            Ok(()) => return Disposition::Done,
            Err(Failure::Conflict) => {}
            Err(failure) => return failure.into(),
        }
    }
    Failure::Conflict.into()
}

/// Most tasks do not repeat: without an effect there is no mark to be made, and nothing to commit.
async fn follow<S: Session, C: Clock>(session: &S, clock: &C, event: Uuid, id: TaskId) -> Result<(), Failure> {
    let mut work = session.begin(Source::Recurrence).await?;
    let Some(task) = work.get_for_update(id, true).await?.filter(Task::completed) else { return Ok(()) };
    if put_successor(&mut work, &task, clock.now()).await? && work.once(&event.to_string()).await? {
        work.commit().await?;
    }
    Ok(())
}

/// Puts the successor of a task, unless it was made before or there is none; whether it did. A successor that was deleted was made, too.
pub(crate) async fn put_successor<W: UnitOfWork>(work: &mut W, task: &Task, now: Timestamp) -> Result<bool, Failure> {
    let Some(change) = successor(task, now) else { return Ok(false) };
    if work.get_for_update(change.task.id, true).await?.is_some() {
        return Ok(false);
    }
    work.put(change)?;
    Ok(true)
}

/// The creation of the occurrence after `task`; none where it does not repeat, or its series ends with it.
///
/// The next date is after `now`, and after the completion. A task that is not completed is skipped: it counts as done on
/// its date, or now where that is later.
pub fn successor(task: &Task, now: Timestamp) -> Option<Change> {
    let recurrence = task.recurrence.as_ref()?;
    let Place { number, anchor, template } = place_of(task)?;
    let this = Occurrence { number, anchor };
    let done = match task.completed_at {
        Some(at) => at,
        None => this.due(recurrence.time_zone)?.max(now),
    };
    let next = recurrence::next(recurrence, this, done, now)?;
    let series_id = task.series_id.unwrap_or(task.id);
    let Template { title, description, priority, tags, reminder_minutes } = template.map_or_else(|| Template::of(task), |it| *it);
    Some(command::creation(Task {
        id: successor_id(series_id, task.id),
        title,
        description,
        completed_at: None,
        priority,
        tags,
        due_date: Some(next.due(recurrence.time_zone)?),
        recurrence: Some(recurrence.clone()),
        reminder_minutes,
        snoozed_until: None,
        parent_task_id: Some(task.id),
        series_id: Some(series_id),
        created_at: now,
        updated_at: now,
        deleted_at: None,
        version: 1,
        place: Some(Place { number: next.number, anchor: next.anchor, template: None }),
        notices: Notices::default(),
    }))
}

/// It has the time of the series' own id, and is made of series and predecessor.
fn successor_id(series: TaskId, predecessor: TaskId) -> TaskId {
    let millis = (series.0.as_u128() >> 80) as i64;
    let at = Timestamp::from_millis(millis).unwrap_or(Timestamp::MAX);
    TaskId(id::derived(at, &[b"successor", series.0.as_bytes(), predecessor.0.as_bytes()]))
}

/// Where a task stands that begins a series.
pub(crate) fn first_place(recurrence: &Recurrence, due: Timestamp) -> Place {
    let Occurrence { number, anchor } = Occurrence::first(due, recurrence.time_zone);
    Place { number, anchor, template: None }
}

/// Where a task stands; one that was kept without a place begins a series.
fn place_of(task: &Task) -> Option<Place> {
    task.place.clone().or_else(|| Some(first_place(task.recurrence.as_ref()?, task.due_date?)))
}

/// Refuses to tell one occurrence from its series where there is no series.
pub(crate) fn needs_series(task: &Task) -> Result<(), Error> {
    match task.recurrence {
        Some(_) => Ok(()),
        None => Err(Error::invalid("series", "is this only for a task that repeats")),
    }
}

/// After a change of this occurrence alone: what follows gets what it had before, and is counted from where it stood.
pub(crate) fn changed_alone(before: &Task, after: &mut Task) -> Result<(), Error> {
    needs_series(before)?;
    if after.recurrence != before.recurrence {
        return Err(Error::invalid("recurrence", "is the whole series' and cannot be changed for this occurrence alone"));
    }
    after.place = place_of(before);
    let had = Template::of(before);
    let alike = had == Template::of(after);
    if let Some(place) = after.place.as_mut().filter(|_| !alike) {
        place.template.get_or_insert_with(|| Box::new(had));
    }
    Ok(())
}

/// After a change of this occurrence and all that follow: those get each changed field, and are counted anew from here where
/// the rule or the due date is another.
pub(crate) fn changed_with_following(before: &Task, after: &mut Task, patch: &TaskPatch) {
    if before.recurrence != after.recurrence || before.due_date != after.due_date {
        let first = after.recurrence.as_ref().zip(after.due_date).map(|(rule, due)| first_place(rule, due));
        let template = after.place.take().and_then(|place| place.template);
        after.place = first.map(|first| Place { template, ..first });
    }
    if after.place.is_some() {
        after.series_id.get_or_insert(after.id);
    }
    if let Some(template) = after.place.as_mut().and_then(|place| place.template.as_mut()) {
        patch.apply_to_template(template);
    }
}

impl Template {
    /// What a task hands on of its own.
    fn of(task: &Task) -> Self {
        Self {
            title: task.title.clone(),
            description: task.description.clone(),
            priority: task.priority,
            tags: task.tags.clone(),
            reminder_minutes: task.reminder_minutes,
        }
    }
}

#[cfg(test)]
mod tests;
