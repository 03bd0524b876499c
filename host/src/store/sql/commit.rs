//! A group of change sets: read at once what they are based on, decide each in memory, write what stands.
//!
//! The sets are decided in order, each against what those before it left. A set that conflicts leaves nothing behind,
//! not even a gap in its user's numbers, for the numbers are given out only to sets that stand.

use super::record::{Logged, Record, Remembered, UserRow};
use super::rows::{self, TaskRow};
use super::{Counters, DbConnection, dialect, notifications};
use crate::store::text;
use crate::store::{ChangeSet, LoggedEvent, Note, Reminded, Seen, StoreError};
use domain::change::Change;
use domain::event::{Event, EventIds, Origin};
use domain::id::{TaskId, UserId};
use domain::json;
use domain::notification::Notification;
use domain::task::{Description, Notices, Tags, Task};
use domain::time::Timestamp;
use sqlx::Row;
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// A set that must not be written, by its index in the group, and why.
pub type Refusal = (usize, StoreError);

/// Writes those of the sets that stand, within the transaction of the caller; says which do not, and what went into the log.
pub async fn commit_all(
    connection: &mut DbConnection,
    counters: &mut Counters,
    sets: &[(usize, &ChangeSet)],
) -> Result<(Vec<Refusal>, Vec<LoggedEvent>), StoreError> {
    if sets.is_empty() {
        return Ok(Default::default());
    }
    let mut group = Group::default();
    group.load(connection, counters, sets).await?;
    let creations = sets.iter().flat_map(|(_, set)| &set.changes).filter(|change| change.base_version.is_none()).count();
    counters.reserve_tasks(connection, creations).await?;
    let mut refusals = Vec::new();
    for &(index, set) in sets {
        match group.decide(set) {
            Ok(()) => group.admit(set, counters),
            Err(refusal) => refusals.push((index, refusal)),
        }
    }
    let logged = group.write(connection, counters).await?;
    Ok((refusals, logged))
}

/// A task as the store, or a set before this one, has it.
struct Known<'a> {
    number: i64,
    seen: Seen,
    tags: Tags,
    search: String,
    /// What a set of this group made of it.
    put: Option<&'a Task>,
}

/// A user's row.
#[derive(Clone, Copy, Default)]
pub struct UserNumbers {
    pub number: i64,
    /// The last that was given out.
    pub sequence: u64,
    /// Whether this group changed it.
    pub moved: bool,
}

/// What is known of the group's world, and what is to be written.
#[derive(Default)]
struct Group<'a> {
    tasks: HashMap<(&'a UserId, TaskId), Known<'a>>,
    users: HashMap<&'a UserId, UserNumbers>,
    departed: HashSet<&'a UserId>,
    taken_claims: HashSet<(&'a str, &'a str)>,
    taken_answers: HashSet<(&'a UserId, &'a str)>,
    kept_notifications: HashSet<(&'a UserId, Uuid)>,
    record: Record<'a>,
}

impl<'a> Group<'a> {
    async fn load(
        &mut self,
        connection: &mut DbConnection,
        counters: &mut Counters,
        sets: &[(usize, &'a ChangeSet)],
    ) -> Result<(), StoreError> {
        // In one order for all, for what is locked.
        let users: BTreeSet<&'a UserId> = sets.iter().map(|(_, set)| &set.user).collect();
        let users: Vec<&'a UserId> = users.into_iter().collect();
        let (numbers, departed) = dialect::users(connection, counters, &users).await?;
        self.users = users.iter().copied().zip(numbers).collect();
        self.departed = departed.into_iter().filter_map(|at| users.get(at).copied()).collect();
        let mut tasks: HashSet<(&'a UserId, TaskId)> = HashSet::new();
        let mut claims = Vec::new();
        let mut answers = Vec::new();
        let mut notes = Vec::new();
        for (_, set) in sets {
            tasks.extend(set.changes.iter().map(|change| (&set.user, change.task.id)));
            tasks.extend(set.depends_on.iter().map(|(id, _)| (&set.user, *id)));
            tasks.extend(set.reminded.iter().map(|reminded| (&set.user, reminded.task)));
            notes.extend(set.notes.iter().filter_map(notifications::kept).map(|kept| (&set.user, kept.id)));
            claims.extend(set.once.iter().map(|(group, key)| (group.as_str(), key.as_str())));
            answers.extend(set.kept_answer.iter().map(|(key, _)| (&set.user, key.as_str())));
        }
        self.load_tasks(connection, &tasks.into_iter().collect::<Vec<_>>()).await?;
        self.taken_claims = present(connection, dialect::CLAIMS, &claims).await?;
        self.taken_answers = present(connection, dialect::ANSWERS, &answers).await?;
        self.kept_notifications = present(connection, dialect::NOTIFICATIONS, &notes).await?;
        Ok(())
    }

    async fn load_tasks(&mut self, connection: &mut DbConnection, tasks: &[(&'a UserId, TaskId)]) -> Result<(), StoreError> {
        if tasks.is_empty() {
            return Ok(());
        }
        let keys: Vec<(&UserId, String)> = tasks.iter().map(|(user, id)| (*user, id.0.simple().to_string())).collect();
        for row in sqlx::query(dialect::TASKS).bind(json::text(&keys)).fetch_all(connection).await? {
            let Some(key) = tasks.get(index(row.try_get(0)?)) else { continue };
            let known = Known {
                number: row.try_get(1)?,
                seen: Seen { version: rows::count(row.try_get(2)?), notices: rows::notices(&row, 5)? },
                tags: rows::tags(row.try_get(3)?)?,
                search: row.try_get(4)?,
                put: None,
            };
            self.tasks.insert(*key, known);
        }
        Ok(())
    }

    /// Whether all that the set is based on still stands.
    fn decide(&self, set: &ChangeSet) -> Result<(), StoreError> {
        if self.departed.contains(&set.user) {
            return Err(StoreError::Unavailable("this account is being deleted".to_owned()));
        }
        let known = |id: TaskId| self.tasks.get(&(&set.user, id)).map(|known| known.seen);
        let moved = set.depends_on.iter().any(|(id, seen)| known(*id) != *seen);
        let mut own: HashMap<TaskId, Seen> = HashMap::new();
        for Change { task, base_version, .. } in &set.changes {
            let stands = own.get(&task.id).copied().or_else(|| known(task.id));
            if stands.map(|stands| stands.version) != *base_version {
                return Err(StoreError::Conflict);
            }
            own.insert(task.id, Seen::from(task));
        }
        for Reminded { task, seen, left, .. } in &set.reminded {
            let stands = own.get(task).copied().or_else(|| known(*task));
            if stands != Some(*seen) {
                return Err(StoreError::Conflict);
            }
            own.insert(*task, Seen { notices: *left, ..*seen });
        }
        let mut kept = HashSet::new();
        let known = |id: Uuid| self.kept_notifications.contains(&(&set.user, id));
        let noted = set.notes.iter().filter_map(notifications::kept).any(|new| known(new.id) || !kept.insert(new.id));
        let claimed = set.once.iter().any(|(group, key)| self.taken_claims.contains(&(group.as_str(), key.as_str())));
        let answered = set.kept_answer.as_ref().is_some_and(|(key, _)| self.taken_answers.contains(&(&set.user, key.as_str())));
        if moved || noted || claimed || answered { Err(StoreError::Conflict) } else { Ok(()) }
    }

    /// Takes the set in: from here on it is part of what the sets behind it are decided against.
    fn admit(&mut self, set: &'a ChangeSet, counters: &mut Counters) {
        for change in &set.changes {
            self.admit_change(set, change, counters);
        }
        for reminded in &set.reminded {
            self.admit_reminded(set, reminded);
        }
        for note in &set.notes {
            self.record.notes.push((&set.user, note));
            if let Note::Keep(notification) = note {
                self.kept_notifications.insert((&set.user, notification.id));
                self.announce(set, notification);
            }
        }
        for (group, key) in &set.once {
            if self.taken_claims.insert((group, key)) {
                self.record.claims.push((group, key, set.now));
            }
        }
        if let Some((key, answer)) = &set.kept_answer {
            self.taken_answers.insert((&set.user, key));
            self.record.answers.push((set, key, answer));
        }
        if let Some(preferences) = &set.preferences {
            self.record.preferences.insert(&set.user, preferences);
        }
    }

    fn admit_change(&mut self, set: &'a ChangeSet, change: &'a Change, counters: &mut Counters) {
        let UserNumbers { number: user, sequence, .. } = self.next_number(&set.user);
        self.admit_task(&set.user, user, &change.task, counters);
        let ids = EventIds { task_event: event_id(set.now), task_update: event_id(set.now) };
        self.record.history.push(Remembered { set, change, id: ids.task_event, sequence });
        self.log(set, origin(set).events(sequence, ids, change));
    }

    /// Of the task, only the mark is written.
    fn admit_reminded(&mut self, set: &'a ChangeSet, reminded: &'a Reminded) {
        if let Some(known) = self.tasks.get_mut(&(&set.user, reminded.task)) {
            known.seen.notices = reminded.left;
            self.record.notices.insert(known.number, reminded.left);
        }
        self.log(set, reminded.given.iter().map(|reminder| origin(set).reminder_event(reminder)));
    }

    fn announce(&mut self, set: &'a ChangeSet, notification: &'a Notification) {
        let sequence = self.next_number(&set.user).sequence;
        self.log(set, [origin(set).notification_event(sequence, event_id(set.now), notification)]);
    }

    /// The user's row, with the next sequence number.
    fn next_number(&mut self, user: &'a UserId) -> UserNumbers {
        // Every user of the group was loaded.
        let numbers = self.users.entry(user).or_default();
        numbers.sequence += 1;
        numbers.moved = true;
        *numbers
    }

    fn log(&mut self, set: &'a ChangeSet, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.record.log.push(Logged { user: &set.user, time: set.now, event });
        }
    }

    fn admit_task(&mut self, user: &'a UserId, user_number: i64, task: &'a Task, counters: &mut Counters) {
        let known = self.tasks.entry((user, task.id)).or_insert_with(|| Known {
            number: counters.next_task(),
            seen: Seen { version: 0, notices: Notices::default() },
            tags: Tags::default(),
            search: String::new(),
            put: None,
        });
        let search = text::fold(task.title.as_str(), task.description.as_ref().map(Description::as_str));
        if search != known.search {
            if known.seen.version > 0 {
                self.record.stale_grams.push(known.number);
            }
            self.record.grams.insert(known.number, dialect::grams(user_number, &text::grams(&search)));
            known.search = search;
        }
        if task.tags != known.tags {
            for tag in known.tags.iter() {
                self.record.tags.insert((user, tag.clone(), known.number), false);
            }
            for tag in task.tags.iter() {
                self.record.tags.insert((user, tag.clone(), known.number), true);
            }
            known.tags = task.tags.clone();
        }
        // The put brings notices of its own.
        self.record.notices.remove(&known.number);
        known.seen = Seen::from(task);
        known.put = Some(task);
    }

    async fn write(&self, connection: &mut DbConnection, counters: &mut Counters) -> Result<Vec<LoggedEvent>, StoreError> {
        let mut tasks: Vec<TaskRow<'_>> = Vec::new();
        for (&(user, _), known) in &self.tasks {
            tasks.extend(known.put.map(|task| TaskRow { number: known.number, user, task, search: &known.search }));
        }
        tasks.sort_unstable_by_key(|row| row.number);
        let moved = self.users.iter().filter(|(_, numbers)| numbers.moved);
        let mut users: Vec<UserRow<'_>> = moved.map(|(user, numbers)| (numbers.number, *user, numbers.sequence)).collect();
        users.sort_unstable();
        self.record.write(connection, counters, &tasks, &users).await
    }
}

fn origin(set: &ChangeSet) -> Origin<'_> {
    Origin { user: &set.user, actor: &set.actor, source: set.source, time: set.now, traceparent: set.traceparent.as_deref() }
}

/// Which of the keys are in a table, by the indexes that the query answers with.
async fn present<A, B>(connection: &mut DbConnection, sql: &'static str, keys: &[(A, B)]) -> Result<HashSet<(A, B)>, StoreError>
where
    A: Copy + Eq + std::hash::Hash + serde::Serialize,
    B: Copy + Eq + std::hash::Hash + serde::Serialize,
{
    if keys.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<i64> = sqlx::query_scalar(sql).bind(json::text(keys)).fetch_all(connection).await?;
    Ok(found.into_iter().filter_map(|at| keys.get(index(at)).copied()).collect())
}

pub fn index(key: i64) -> usize {
    usize::try_from(key).unwrap_or(usize::MAX)
}

/// A UUID of version 7 with the time of the event.
fn event_id(time: Timestamp) -> Uuid {
    let millis = u64::try_from(time.millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid()
}
