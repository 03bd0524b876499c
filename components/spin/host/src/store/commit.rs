//! One change set: read what it is based on, decide, take in what follows from it, write; all in one transaction.

use super::record::Record;
use super::rows;
use super::{ChangeSet, GROUP, Note, Reminded, Seen, effects, erase};
use crate::clock::new_id;
use crate::db::{Connection, Row, StoreError, write};
use domain::change::Change;
use domain::event::{Event, EventIds, Origin};
use domain::id::{TaskId, UserId};
use domain::json;
use domain::task::{Tags, Task};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

/// After so many numbers of a user, the commit that takes the next looks for what is kept no longer.
const SWEPT_AFTER: u64 = 256;

/// Commits all of it or nothing. When it answers `Ok`, it is on the disk.
pub async fn commit(set: &ChangeSet) -> Result<(), StoreError> {
    let numbers = put(set).await?;
    // Nothing here has a schedule of its own: who writes much sweeps.
    if numbers.start / SWEPT_AFTER != numbers.end / SWEPT_AFTER {
        erase::try_sweep(set.now).await;
    }
    Ok(())
}

/// The user's last numbers, before and after.
async fn put(set: &ChangeSet) -> Result<Range<u64>, StoreError> {
    write(async |connection| {
        let mut world = World::load(connection, set).await?;
        let before = world.sequence;
        world.decide(connection, set).await?;
        let mut record = Record::default();
        world.admit(&mut record, set);
        effects::withdraw(&mut record, set);
        for successors in effects::successors(set) {
            let ids: Vec<TaskId> = successors.changes.iter().map(|change| change.task.id).collect();
            world.load_tasks(connection, &ids).await?;
            // One that was made before, deleted meanwhile or not, is the one that there is.
            if ids.iter().all(|id| world.seen(*id).is_none()) {
                world.admit(&mut record, &successors);
            }
        }
        record.write(connection, &world).await?;
        Ok(before..world.sequence)
    })
    .await
}

/// A task as the store has it, or as it shall be.
pub struct Known {
    pub number: i64,
    pub seen: Seen,
    pub tags: Tags,
    /// As it shall be.
    pub put: Option<Task>,
}

/// What a change set is decided against: one user's.
pub struct World {
    pub user: UserId,
    /// The row of the user.
    pub user_number: i64,
    /// The user's last event number.
    pub sequence: u64,
    /// The last row of a task.
    last_task: i64,
    pub tasks: BTreeMap<TaskId, Known>,
    loaded: HashSet<TaskId>,
}

impl World {
    async fn load(connection: &Connection, set: &ChangeSet) -> Result<Self, StoreError> {
        const NUMBERS: &str = "SELECT (SELECT number FROM user_sequence WHERE user_id = ?1), \
             (SELECT sequence FROM user_sequence WHERE user_id = ?1), (SELECT coalesce(max(number), 0) FROM user_sequence), \
             (SELECT coalesce(max(number), 0) FROM task), EXISTS (SELECT 1 FROM departed WHERE user_id = ?1)";
        let read = |row: &Row| {
            if row.truth(4)? {
                return Err(StoreError::Unavailable("this account is being deleted".to_owned()));
            }
            let number = row.maybe_integer(0)?.map_or_else(|| Ok(row.integer(2)? + 1), Ok::<i64, StoreError>)?;
            Ok(Self {
                user: set.user.clone(),
                user_number: number,
                sequence: rows::count(row.maybe_integer(1)?.unwrap_or(0)),
                last_task: row.integer(3)?,
                tasks: BTreeMap::new(),
                loaded: HashSet::new(),
            })
        };
        let mut world = connection.get(NUMBERS, vec![set.user.as_str().into()], read).await?;
        let changed = set.changes.iter().map(|change| change.task.id);
        let read = set.depends_on.iter().map(|(id, _)| *id);
        let reminded = set.reminded.iter().map(|reminded| reminded.task);
        world.load_tasks(connection, &changed.chain(read).chain(reminded).collect::<Vec<_>>()).await?;
        Ok(world)
    }

    async fn load_tasks(&mut self, connection: &Connection, ids: &[TaskId]) -> Result<(), StoreError> {
        const TASKS: &str = "SELECT t.id, t.number, t.version, t.tags, t.upcoming_at, t.overdue_at \
             FROM json_each(?) j CROSS JOIN task t ON t.user_id = ? AND t.id = unhex(j.value)";
        let ids: HashSet<TaskId> = ids.iter().copied().filter(|id| self.loaded.insert(*id)).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let keys: Vec<String> = ids.iter().map(|id| id.0.simple().to_string()).collect();
        let read = |row: &Row| {
            let seen = Seen { version: rows::count(row.integer(2)?), notices: rows::notices(row, 4)? };
            let known = Known { number: row.integer(1)?, seen, tags: rows::tags(row.text(3)?)?, put: None };
            Ok((TaskId(row.uuid(0)?), known))
        };
        let values = vec![json::text(&keys).into(), self.user.as_str().into()];
        self.tasks.extend(connection.all(TASKS, values, read).await?);
        Ok(())
    }

    fn seen(&self, id: TaskId) -> Option<Seen> {
        self.tasks.get(&id).map(|known| known.seen)
    }

    /// Whether all that the set is based on still stands.
    async fn decide(&self, connection: &Connection, set: &ChangeSet) -> Result<(), StoreError> {
        let moved = set.depends_on.iter().any(|(id, seen)| self.seen(*id) != *seen);
        let mut own: HashMap<TaskId, Seen> = HashMap::new();
        for Change { task, base_version, .. } in &set.changes {
            let stands = own.get(&task.id).copied().or_else(|| self.seen(task.id));
            if stands.map(|stands| stands.version) != *base_version {
                return Err(StoreError::Conflict);
            }
            own.insert(task.id, Seen::from(task));
        }
        for Reminded { task, seen, left, .. } in &set.reminded {
            let stands = own.get(task).copied().or_else(|| self.seen(*task));
            if stands != Some(*seen) {
                return Err(StoreError::Conflict);
            }
            own.insert(*task, Seen { notices: *left, ..*seen });
        }
        if moved || self.is_taken(connection, set).await? { Err(StoreError::Conflict) } else { Ok(()) }
    }

    /// Whether somebody has a claim, a key or a notification that the set would have. What the set itself has twice, or what its user has
    /// already, the table refuses.
    async fn is_taken(&self, connection: &Connection, set: &ChangeSet) -> Result<bool, StoreError> {
        const CLAIMED: &str = "SELECT EXISTS (SELECT 1 FROM json_each(?) j CROSS JOIN processed_event p \
             ON p.consumer_group = ? AND p.key = j.value)";
        if set.once.is_empty() {
            return Ok(false);
        }
        connection.get(CLAIMED, vec![json::text(&set.once).into(), GROUP.into()], |row| row.truth(0)).await
    }

    /// Takes the set in.
    fn admit(&mut self, record: &mut Record, set: &ChangeSet) {
        let origin = Origin { user: &set.user, actor: &set.actor, source: set.source, time: set.now, traceparent: None };
        for change in &set.changes {
            let sequence = self.next_number();
            self.admit_task(record, &change.task);
            let ids = EventIds { task_event: new_id(set.now), task_update: new_id(set.now) };
            record.history(&origin.history_entry(sequence, ids.task_event, change), &set.user);
            self.log(record, set, origin.events(sequence, ids, change));
        }
        for reminded in &set.reminded {
            if let Some(known) = self.tasks.get_mut(&reminded.task) {
                known.seen.notices = reminded.left;
                record.notices.insert(known.number, reminded.left);
            }
            self.log(record, set, reminded.given.iter().map(|reminder| origin.reminder_event(reminder)));
        }
        for note in &set.notes {
            if let Note::Keep(notification) = note {
                let event = origin.notification_event(self.next_number(), new_id(set.now), notification);
                self.log(record, set, [event]);
            }
            record.notes.push(note.clone());
        }
        record.marks(set);
    }

    fn next_number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    fn log(&self, record: &mut Record, set: &ChangeSet, events: impl IntoIterator<Item = Event>) {
        events.into_iter().for_each(|event| record.event(&event, &set.user, set.now));
    }

    fn admit_task(&mut self, record: &mut Record, task: &Task) {
        let last = &mut self.last_task;
        let known = self.tasks.entry(task.id).or_insert_with(|| {
            *last += 1;
            Known { number: *last, seen: Seen::from(task), tags: Tags::default(), put: None }
        });
        if task.tags != known.tags {
            known.tags.iter().for_each(|tag| _ = record.tags.insert((tag.clone(), known.number), false));
            task.tags.iter().for_each(|tag| _ = record.tags.insert((tag.clone(), known.number), true));
            known.tags = task.tags.clone();
        }
        // The put brings notices of its own.
        record.notices.remove(&known.number);
        known.seen = Seen::from(task);
        known.put = Some(task.clone());
    }
}
