//! The use case: what a file holds becomes tasks, each with its history and its events like any other.
//!
//! A task has an id that is made of its owner and its key, so that what is imported again finds what is there. The owner is in it for the sake of others: what is made
//! of a task, such as a reminder, has an id made of the task's, and two who import one list must not share those.

use super::{Import, Item, Refused, in_order, reason};
use crate::change::{Change, ChangeKind, Source};
use crate::command;
use crate::diff::diff;
use crate::error::Error;
use crate::id::{self, TaskId, UserId};
use crate::ports::{Clock, Failure, Session, UnitOfWork};
use crate::preferences::Preferences;
use crate::task::Task;
use crate::time::Timestamp;
use crate::todos::MOST_TRIES;
use serde::Serialize;
use std::collections::HashSet;

/// As many tasks are put in one unit of work.
const BATCH: usize = 100;

/// Brings what was read into a user's tasks.
#[derive(Clone, Copy, Debug)]
pub struct Importer<'a, S, C> {
    pub session: &'a S,
    pub clock: &'a C,
    /// The user whose session it is.
    pub owner: &'a UserId,
}

/// What came of an import. Its JSON is the answer of `POST /api/import`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// As many tasks were made, or would be.
    pub created: usize,
    /// As many were there, be it deleted: they are left as they are.
    pub already: usize,
    /// In the order of the file.
    pub refused: Vec<Refused>,
}

/// What is to be done with one entry.
enum Verdict {
    Create(Box<Change>),
    Already,
    Refuse(Refused),
}

impl<S: Session, C: Clock> Importer<'_, S, C> {
    /// Makes a task of each item that is not there yet. Where it fails, what was committed stays, and to run it again does the rest. A
    /// dry run looks at everything, changes nothing, and needs only `tasks:read`.
    ///
    /// A task that was completed is made as it is, completed: its event is `task.created`, of which no successor comes. A task that
    /// was deleted stays so as long as it can be restored; after that nothing is known of it, and it is made anew.
    pub async fn run(&self, import: Import, dry_run: bool) -> Result<Report, Error> {
        let Import { items, refused } = import;
        let preferences = self.session.preferences().await?;
        let mut report = Report { refused, ..Report::default() };
        let mut seen = HashSet::new();
        for items in items.chunks(BATCH) {
            let part = match dry_run {
                true => self.look(items, &preferences, &mut seen).await?,
                false => self.bring(items, &preferences).await?,
            };
            report.created += part.created;
            report.already += part.already;
            report.refused.extend(part.refused);
        }
        report.refused.sort_by_key(|refused| refused.line);
        Ok(report)
    }

    /// What would come of these; `seen` are the tasks that would be there by then.
    async fn look(&self, items: &[Item], preferences: &Preferences, seen: &mut HashSet<TaskId>) -> Result<Report, Error> {
        let mut report = Report::default();
        for item in items {
            let mut there = false;
            for id in self.ids(item) {
                there = there || seen.contains(&id) || self.session.get(id, true).await?.is_some();
            }
            let verdict = self.verdict(item, there, preferences, self.clock.now())?;
            if let Verdict::Create(change) = &verdict {
                seen.insert(change.task.id);
            }
            report.count(verdict);
        }
        Ok(report)
    }

    /// Puts these in one unit of work, and begins again where somebody was faster.
    async fn bring(&self, items: &[Item], preferences: &Preferences) -> Result<Report, Error> {
        for _ in 0..MOST_TRIES {
            match self.attempt(items, preferences).await {
                Err(Error::Failure(Failure::Conflict)) => {}
                result => return result,
            }
        }
        Err(Failure::Conflict.into())
    }

    async fn attempt(&self, items: &[Item], preferences: &Preferences) -> Result<Report, Error> {
        let now = self.clock.now();
        let mut work = self.session.begin(Source::Import).await?;
        let mut report = Report::default();
        for item in items {
            let mut there = false;
            for id in self.ids(item) {
                there = there || work.get_for_update(id, true).await?.is_some();
            }
            if let Some(change) = report.count(self.verdict(item, there, preferences, now)?) {
                work.put(*change)?;
            }
        }
        if report.created > 0 {
            work.commit().await?;
        }
        Ok(report)
    }

    /// The ids that the task may have: the one that it gets, and before it the one that the file gives, should it be the user's own.
    fn ids(&self, item: &Item) -> impl Iterator<Item = TaskId> + use<S, C> {
        item.origin.into_iter().chain([self.new_id(item)])
    }

    fn new_id(&self, item: &Item) -> TaskId {
        TaskId(id::derived(Timestamp::MIN, &[b"import", self.owner.as_str().as_bytes(), item.key.0.as_bytes()]))
    }

    fn verdict(&self, item: &Item, there: bool, preferences: &Preferences, now: Timestamp) -> Result<Verdict, Error> {
        if there {
            return Ok(Verdict::Already);
        }
        match creation(item, self.new_id(item), preferences, now) {
            Ok(change) => Ok(Verdict::Create(Box::new(change))),
            Err(error @ Error::Invalid(_)) => Ok(Verdict::Refuse(Refused { line: item.line, reason: reason(&error) })),
            Err(error) => Err(error),
        }
    }
}

impl Report {
    /// The change that is still to be put.
    fn count(&mut self, verdict: Verdict) -> Option<Box<Change>> {
        match verdict {
            Verdict::Create(change) => {
                self.created += 1;
                return Some(change);
            }
            Verdict::Already => self.already += 1,
            Verdict::Refuse(refused) => self.refused.push(refused),
        }
        None
    }
}

/// The change that makes the task, as it was made and completed elsewhere. Nothing was done later than now.
fn creation(item: &Item, id: TaskId, preferences: &Preferences, now: Timestamp) -> Result<Change, Error> {
    let task = command::create(&item.task, id, preferences, now)?.task;
    let task = Task {
        completed_at: item.completed_at.map(|at| at.min(now)),
        created_at: item.created_at.map_or_else(|| in_order(now, item.line), |at| at.min(now)),
        ..task
    };
    Ok(Change { kind: ChangeKind::Created, changed_fields: diff(None, &task), task, base_version: None })
}

#[cfg(test)]
mod tests;
