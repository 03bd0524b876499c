//! A unit of work, natively: a buffer that becomes one [`ChangeSet`], or nothing.

use super::session::{checked_key, storable};
use super::{Session, failure};
use crate::faultpoint;
use crate::identity::Principal;
use crate::store::{ChangeSet, Note, Reminded, Seen};
use domain::change::{Change, ChangeKind, Source};
use domain::id::TaskId;
use domain::notification::{Mark, Notification, Reminder};
use domain::ports::{Failure, KeptAnswer, UnitOfWork};
use domain::preferences::Preferences;
use domain::task::{Notices, Task};
use domain::time::Timestamp;
use std::collections::BTreeMap;

/// What one unit of work can put, give notice of, keep, and claim.
const MOST_ENTRIES: usize = 1_000;
/// Bytes that a change's fields, or a kept answer, can have.
const LARGEST_ENTRY: usize = 4 * 1024 * 1024;
/// Bytes of a link.
const LONGEST_LINK: usize = 2_048;
/// Bytes that all of it can have.
const LARGEST_WORK: usize = 16 * 1024 * 1024;

/// Changes that happen together or not at all. Nothing is written before `commit`; dropping it forgets everything.
pub struct Work {
    session: Session,
    source: Source,
    /// What was first read of each task; none: there was no such task.
    seen: BTreeMap<TaskId, Option<Seen>>,
    /// What this work has made of a task.
    put: BTreeMap<TaskId, Task>,
    changes: Vec<Change>,
    reminded: Vec<Reminded>,
    notes: Vec<Note>,
    preferences: Option<Preferences>,
    kept_answer: Option<(String, KeptAnswer)>,
    once: Vec<(String, String)>,
    bytes: usize,
}

fn invalid<T>(why: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Invalid(why.into()))
}

impl Work {
    pub(super) fn new(session: Session, source: Source) -> Self {
        Self {
            session,
            source,
            seen: BTreeMap::new(),
            put: BTreeMap::new(),
            changes: Vec::new(),
            reminded: Vec::new(),
            notes: Vec::new(),
            preferences: None,
            kept_answer: None,
            once: Vec::new(),
            bytes: 0,
        }
    }

    /// Takes room for so many bytes more.
    fn take_room(&mut self, bytes: usize) -> Result<(), Failure> {
        let all = self.bytes.saturating_add(bytes);
        if bytes > LARGEST_ENTRY || all > LARGEST_WORK {
            return invalid(format!("a unit of work holds {LARGEST_WORK} bytes, an entry {LARGEST_ENTRY}"));
        }
        self.bytes = all;
        Ok(())
    }

    /// Whether the change follows from what this work knows of its task.
    fn follows(&self, change: &Change) -> Result<(), Failure> {
        if (change.kind == ChangeKind::Created) != change.base_version.is_none() {
            return invalid("a creation has no base version, and every other change has one");
        }
        if change.task.version.checked_sub(1) != Some(change.base_version.unwrap_or(0)) {
            return invalid("a change's version is one more than its base version");
        }
        let known = match self.put.get(&change.task.id) {
            Some(task) => Some(Some(task.version)),
            None => self.seen.get(&change.task.id).map(|seen| seen.map(|seen| seen.version)),
        };
        match known {
            Some(version) if version != change.base_version => invalid("the base version is not the one that was read or put"),
            _ => Ok(()),
        }
    }

    fn is_empty(&self) -> bool {
        let writes = self.changes.len() + self.reminded.len() + self.notes.len() + self.once.len();
        writes == 0 && self.preferences.is_none() && self.kept_answer.is_none()
    }

    fn into_change_set(self) -> ChangeSet {
        let Principal { user, actor, .. } = self.session.principal();
        let actor = actor.clone().through(self.source);
        ChangeSet {
            traceparent: self.session.traceparent().map(str::to_owned),
            changes: self.changes,
            depends_on: self.seen.into_iter().collect(),
            reminded: self.reminded,
            notes: self.notes,
            preferences: self.preferences,
            kept_answer: self.kept_answer,
            once: self.once,
            ..ChangeSet::new(user.clone(), actor, self.source, self.session.clock().now())
        }
    }

    /// Takes in what is done to a notification.
    fn note(&mut self, note: Note) -> Result<(), Failure> {
        if self.notes.len() >= MOST_ENTRIES {
            return invalid(format!("a unit of work touches notifications at most {MOST_ENTRIES} times"));
        }
        self.notes.push(note);
        Ok(())
    }
}

fn checked_link(link: &str) -> Result<(), Failure> {
    if link.len() > LONGEST_LINK {
        return invalid(format!("a link has at most {LONGEST_LINK} bytes, not {}", link.len()));
    }
    storable("a link", link)
}

/// What a change takes beside the task, whose fields are bounded by their types.
fn size(change: &Change) -> usize {
    let json = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string().len(), str::len);
    change.changed_fields.iter().map(|field| field.field.len() + json(&field.old) + json(&field.new)).sum()
}

impl UnitOfWork for Work {
    async fn get_for_update(&mut self, id: TaskId, with_deleted: bool) -> Result<Option<Task>, Failure> {
        self.session.allow(None)?;
        let task = match self.put.get(&id) {
            Some(task) => Some(task.clone()),
            None => {
                if self.seen.len() >= MOST_ENTRIES && !self.seen.contains_key(&id) {
                    return invalid(format!("a unit of work reads at most {MOST_ENTRIES} tasks"));
                }
                let task = self.session.store().task(self.session.user(), id, true).await.map_err(failure)?;
                self.seen.entry(id).or_insert(task.as_ref().map(Seen::from));
                task
            }
        };
        Ok(task.filter(|task| with_deleted || task.deleted_at.is_none()))
    }

    fn put(&mut self, change: Change) -> Result<(), Failure> {
        if self.changes.len() >= MOST_ENTRIES {
            return invalid(format!("a unit of work puts at most {MOST_ENTRIES} changes"));
        }
        self.follows(&change)?;
        self.take_room(size(&change))?;
        self.put.insert(change.task.id, change.task.clone());
        self.changes.push(change);
        Ok(())
    }

    fn remind(&mut self, task: &Task, were: Notices, given: Vec<Reminder>) -> Result<(), Failure> {
        let all = self.reminded.iter().map(|reminded| reminded.given.len().max(1)).sum::<usize>() + given.len().max(1);
        if all > MOST_ENTRIES {
            return invalid(format!("a unit of work gives at most {MOST_ENTRIES} notices"));
        }
        if given.iter().any(|reminder| reminder.task_id != task.id) {
            return invalid("a notice is one of its task");
        }
        for reminder in &given {
            checked_link(&reminder.link)?;
        }
        let seen = Seen { version: task.version, notices: were };
        self.reminded.push(Reminded { task: task.id, seen, left: task.notices, given });
        Ok(())
    }

    fn notify(&mut self, notification: Notification) -> Result<(), Failure> {
        checked_link(&notification.link)?;
        self.note(Note::Keep(notification))
    }

    fn mark_read(&mut self, mark: Mark) -> Result<(), Failure> {
        self.note(Note::Read(mark))
    }

    fn withdraw(&mut self, task: TaskId, keep: Option<Timestamp>) -> Result<(), Failure> {
        self.note(Note::Withdraw { task, keep })
    }

    fn put_preferences(&mut self, preferences: Preferences) -> Result<(), Failure> {
        self.preferences = Some(preferences);
        Ok(())
    }

    fn keep_answer(&mut self, key: &str, answer: KeptAnswer) -> Result<(), Failure> {
        checked_key(key)?;
        if self.kept_answer.is_some() {
            return invalid("a unit of work keeps one answer");
        }
        storable("a fingerprint", &answer.fingerprint)?;
        storable("an answer", &answer.body)?;
        let headers: usize = answer.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.take_room(answer.fingerprint.len() + answer.body.len() + headers)?;
        self.kept_answer = Some((key.to_owned(), answer));
        Ok(())
    }

    async fn once(&mut self, key: &str) -> Result<bool, Failure> {
        self.session.allow(None)?;
        checked_key(key)?;
        let claim = (self.session.group().to_owned(), key.to_owned());
        if self.once.contains(&claim) {
            return Ok(true);
        }
        if self.once.len() >= MOST_ENTRIES {
            return invalid(format!("a unit of work claims at most {MOST_ENTRIES} keys"));
        }
        if self.session.store().claimed(&claim.0, &claim.1).await.map_err(failure)? {
            return Ok(false);
        }
        self.once.push(claim);
        Ok(true)
    }

    async fn commit(self) -> Result<(), Failure> {
        self.session.allow(None)?;
        if self.is_empty() {
            return Ok(());
        }
        let session = self.session.clone();
        faultpoint::pass(faultpoint::COMMIT_ASKED);
        let committed = session.store().commit(self.into_change_set()).await;
        faultpoint::pass(faultpoint::COMMITTED);
        committed.map_err(failure)
    }
}
