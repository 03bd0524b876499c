//! A unit of work, natively: a buffer that becomes one [`ChangeSet`], or nothing.

use super::session::checked_key;
use super::{Session, failure};
use crate::store::ChangeSet;
use domain::change::{Change, ChangeKind, Source};
use domain::id::TaskId;
use domain::ports::{Failure, KeptAnswer, UnitOfWork};
use domain::preferences::Preferences;
use domain::task::Task;
use std::collections::BTreeMap;

/// What one unit of work can put, and claim.
const MOST_ENTRIES: usize = 1_000;
/// Bytes that a change's fields, or a kept answer, can have.
const LARGEST_ENTRY: usize = 4 * 1024 * 1024;
/// Bytes that all of it can have.
const LARGEST_WORK: usize = 16 * 1024 * 1024;

/// Changes that happen together or not at all. Nothing is written before `commit`; dropping it forgets everything.
pub struct Work {
    session: Session,
    source: Source,
    /// The version that was first read of each task; none: there was no such task.
    seen: BTreeMap<TaskId, Option<u64>>,
    /// What this work has made of a task.
    put: BTreeMap<TaskId, Task>,
    changes: Vec<Change>,
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
            None => self.seen.get(&change.task.id).copied(),
        };
        match known {
            Some(version) if version != change.base_version => invalid("the base version is not the one that was read or put"),
            _ => Ok(()),
        }
    }

    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.preferences.is_none() && self.kept_answer.is_none() && self.once.is_empty()
    }

    fn into_change_set(self) -> ChangeSet {
        let depends_on = self.seen.into_iter().filter(|(id, _)| !self.put.contains_key(id)).collect();
        ChangeSet {
            user: self.session.user().clone(),
            actor: self.session.principal().actor.clone(),
            source: self.source,
            now: self.session.clock().now(),
            traceparent: self.session.traceparent().map(str::to_owned),
            changes: self.changes,
            depends_on,
            preferences: self.preferences,
            kept_answer: self.kept_answer,
            once: self.once,
        }
    }
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
                self.seen.entry(id).or_insert(task.as_ref().map(|task| task.version));
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

    fn put_preferences(&mut self, preferences: Preferences) -> Result<(), Failure> {
        self.preferences = Some(preferences);
        Ok(())
    }

    fn keep_answer(&mut self, key: &str, answer: KeptAnswer) -> Result<(), Failure> {
        checked_key(key)?;
        if self.kept_answer.is_some() {
            return invalid("a unit of work keeps one answer");
        }
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
        session.store().commit(self.into_change_set()).await.map_err(failure)
    }
}
