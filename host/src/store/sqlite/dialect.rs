//! What SQLite does in its own way: statements whose text or plan cannot be shared, numbers that are given out, a turn at the log.
//!
//! Lists of values come as one JSON text. A cross join keeps the order of its sides: the list first, then the table by its index.

use super::sql::commit::{UserNumbers, index};
use super::sql::rows;
use super::{SqliteStore, sql};
use crate::store::{EventLog, StoreError, Turn};
use async_trait::async_trait;
use domain::id::UserId;
use domain::json;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use std::fmt::Write;

/// The n-th parameter of an insert, from 1. Without a number, since SQLite looks for those one by one.
pub(super) fn placeholder(_: usize) -> String {
    "?".to_owned()
}

/// As a value in a statement.
pub(super) fn truth(yes: bool) -> &'static str {
    if yes { "1" } else { "0" }
}

/// Has a table's rows found by this index, and by no other.
pub(super) fn by(index: &str) -> String {
    format!(" INDEXED BY {index}")
}

/// Joins in the order of what stands on the left.
pub(super) const JOIN: &str = "CROSS JOIN";
pub(super) const JOINS_KEEP_ORDER: bool = true;

/// What is selected beside the row's number, to be put in order again: nothing needs to be.
pub(super) fn order_columns(_: &str) -> String {
    String::new()
}

/// The function that finds a text in another, from 1; 0 where it is not.
pub(super) const PLACE_OF: &str = "instr";

/// An entry of the text index, or a search in it. Each gram carries its user's number.
pub(super) type Grams = String;

pub(super) fn grams(user: i64, hashes: &[u32]) -> Grams {
    joined(user, hashes, " ")
}

pub(super) fn sought(user: i64, hashes: &[u32]) -> Grams {
    joined(user, hashes, " AND ")
}

fn joined(user: i64, hashes: &[u32], between: &str) -> String {
    let mut out = String::with_capacity(hashes.len() * (12 + between.len()));
    for hash in hashes {
        if !out.is_empty() {
            out.push_str(between);
        }
        // Writing to a String cannot fail.
        let _ = write!(out, "{user:x}g{hash:x}");
    }
    out
}

pub(super) const WITH_GRAMS: &str = "task_gram g CROSS JOIN task t ON t.number = g.rowid WHERE g.task_gram MATCH ";
pub(super) const PUT_GRAMS: &str = "INSERT INTO task_gram (rowid, grams)";
pub(super) const REMOVE_GRAMS: &str = "DELETE FROM task_gram WHERE rowid IN (SELECT value FROM json_each($1))";
pub(super) const REMOVE_TAGS: &str = "DELETE FROM task_tag WHERE (user_id, tag, task) IN \
     (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1))";
pub(super) const LEAVE_NOTICES: &str = "UPDATE task SET upcoming_at = j.value ->> 1, overdue_at = j.value ->> 2 FROM json_each($1) j \
     WHERE task.number = j.value ->> 0";

// What a group of change sets is based on; each row begins with the place in the list of what it answers.
pub(super) const TASKS: &str = "SELECT j.key, t.number, t.version, t.tags, t.search, t.upcoming_at, t.overdue_at \
     FROM json_each($1) j CROSS JOIN task t ON t.user_id = j.value ->> 0 AND t.id = unhex(j.value ->> 1)";
pub(super) const CLAIMS: &str = "SELECT j.key FROM json_each($1) j CROSS JOIN processed_event p \
     ON p.consumer_group = j.value ->> 0 AND p.key = j.value ->> 1";
pub(super) const ANSWERS: &str = "SELECT j.key FROM json_each($1) j CROSS JOIN kept_answer k \
     ON k.user_id = j.value ->> 0 AND k.key = j.value ->> 1";
pub(super) const NOTIFICATIONS: &str = "SELECT j.key FROM json_each($1) j CROSS JOIN notification n \
     ON n.user_id = j.value ->> 0 AND n.id = unhex(j.value ->> 1, '-')";

// Of a list of users, ids and due dates.
pub(super) const READ_ONE: &str = "UPDATE notification SET read = 1 WHERE number IN (SELECT n.number FROM json_each($1) j \
     CROSS JOIN notification n ON n.user_id = j.value ->> 0 AND n.id = unhex(j.value ->> 1, '-'))";
pub(super) const READ_ALL: &str = "UPDATE notification SET read = 1 WHERE number IN (SELECT n.number FROM json_each($1) j \
     CROSS JOIN notification n INDEXED BY notification_unread ON n.user_id = j.value ->> 0 AND n.read = 0)";
pub(super) const WITHDRAW: &str = "DELETE FROM notification WHERE read = 0 AND number IN (SELECT n.number FROM json_each($1) j \
     CROSS JOIN notification n ON n.user_id = j.value ->> 0 AND n.task_id = unhex(j.value ->> 1, '-') \
     AND n.due_date IS NOT (j.value ->> 2))";

/// The log, narrowed to a list of topics.
pub(super) const OF_TOPICS: &str = "AND topic IN (SELECT value FROM json_each($3))";
/// `sqlite_sequence` remembers positions whose rows are swept away.
pub(super) const LAST_POSITION: &str = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0)";
pub(super) const KEEP_POSITION: &str = "INSERT INTO consumer_position (consumer_group, position) VALUES ($1, $2) \
     ON CONFLICT (consumer_group) DO UPDATE SET position = excluded.position";

/// Keeps others from writing in the name of a user, or of the owners of tasks, and from changing an account: there is only one writer.
pub(super) const HOLD_USER: &[&str] = &[];
pub(super) const HOLD_OWNERS: &[&str] = &[];
pub(super) const HOLD_ACCOUNT: &[&str] = &[];
/// No other host is to be told.
pub(super) const TELL_ENDED: &[&str] = &[];

/// Removes tasks with all that hangs on them: of a list of row numbers, those that were deleted before a moment.
pub(super) const REMOVE_TASKS: [&str; 5] = [
    "DELETE FROM task_event WHERE (user_id, sequence) IN \
     (SELECT e.user_id, e.sequence FROM json_each($1) j CROSS JOIN task t \
      ON t.number = j.value AND t.deleted_at < $2 \
      CROSS JOIN task_event e ON e.user_id = t.user_id AND e.task_id = t.id)",
    "DELETE FROM task_tag WHERE (user_id, tag, task) IN \
     (SELECT t.user_id, g.value, t.number FROM json_each($1) j CROSS JOIN task t \
      ON t.number = j.value AND t.deleted_at < $2, json_each(t.tags) g)",
    "DELETE FROM task_gram WHERE rowid IN (SELECT t.number FROM json_each($1) j CROSS JOIN task t \
     ON t.number = j.value AND t.deleted_at < $2)",
    "DELETE FROM notification WHERE number IN \
     (SELECT n.number FROM json_each($1) j CROSS JOIN task t ON t.number = j.value AND t.deleted_at < $2 \
      CROSS JOIN notification n ON n.user_id = t.user_id AND n.task_id = t.id)",
    "DELETE FROM task WHERE number IN (SELECT value FROM json_each($1)) AND deleted_at < $2",
];

/// The numbers last given out. Only the writer gives any out, so it keeps them in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counters {
    /// In the log.
    pub position: i64,
    task: i64,
    user: i64,
}

impl Counters {
    pub async fn load(connection: &mut SqliteConnection) -> Result<Self, StoreError> {
        let sql = format!(
            "SELECT ({LAST_POSITION}), coalesce((SELECT max(number) FROM task), 0), \
                    coalesce((SELECT max(number) FROM user_sequence), 0)"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(connection).await?;
        Ok(Self { position: row.try_get(0)?, task: row.try_get(1)?, user: row.try_get(2)? })
    }

    /// Makes so many numbers of tasks ready: they are in memory.
    pub async fn reserve_tasks(&mut self, _: &mut SqliteConnection, _: usize) -> Result<(), StoreError> {
        Ok(())
    }

    /// The number of a new task.
    pub fn next_task(&mut self) -> i64 {
        self.task += 1;
        self.task
    }

    /// So many positions in a row at the end of the log; answers the first.
    pub async fn take_positions(&mut self, _: &mut SqliteConnection, count: usize) -> Result<i64, StoreError> {
        let first = self.position + 1;
        self.position += i64::try_from(count).unwrap_or(i64::MAX);
        Ok(first)
    }
}

/// The row of each user, and which of them, by their places, have an account that is being deleted.
pub(super) async fn users(
    connection: &mut SqliteConnection,
    counters: &mut Counters,
    users: &[&UserId],
) -> Result<(Vec<UserNumbers>, Vec<usize>), StoreError> {
    const SQL: &str = "SELECT j.key, u.number, u.sequence, d.user_id IS NOT NULL FROM json_each($1) j \
         LEFT JOIN user_sequence u ON u.user_id = j.value LEFT JOIN departed d ON d.user_id = j.value";
    let mut numbers = vec![UserNumbers::default(); users.len()];
    let mut departed = Vec::new();
    for row in sqlx::query(SQL).bind(json::text(users)).fetch_all(connection).await? {
        let at = index(row.try_get(0)?);
        let Some(user) = numbers.get_mut(at) else { continue };
        user.number = row.try_get::<Option<i64>, _>(1)?.unwrap_or_else(|| {
            counters.user += 1;
            counters.user
        });
        user.sequence = rows::count(row.try_get::<Option<i64>, _>(2)?.unwrap_or(0));
        if row.try_get(3)? {
            departed.push(at);
        }
    }
    Ok((numbers, departed))
}

impl SqliteStore {
    /// There is no other host: the data folder is this process's.
    pub(super) async fn take_turn(&self, group: &str) -> Result<Option<Box<dyn Turn>>, StoreError> {
        let position = self.group_position(group).await?.unwrap_or(0);
        Ok(Some(Box::new(OwnTurn { writer: self.writer.clone(), group: group.to_owned(), position })))
    }
}

/// The turn of the only host.
struct OwnTurn {
    writer: super::writer::Writer,
    group: String,
    position: i64,
}

#[async_trait]
impl Turn for OwnTurn {
    fn position(&self) -> i64 {
        self.position
    }

    async fn keep(self: Box<Self>, position: i64) -> Result<(), StoreError> {
        let values = sql::bulk::Values::default().add(self.group.as_str()).add(position).finish()?;
        self.writer.write(vec![(KEEP_POSITION, values)]).await.map(drop)
    }
}
