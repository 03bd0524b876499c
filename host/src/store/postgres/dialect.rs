//! What PostgreSQL does in its own way: statements whose text cannot be shared, locks, numbers that are given out.
//!
//! Lists of values come as one JSON text. The planner knows how many rows there are, and is told no order of joins.

use super::sql::commit::{UserNumbers, index};
use super::sql::rows;
use super::wake::CHANNEL;
use crate::store::StoreError;
use domain::id::UserId;
use sqlx::Row;
use sqlx::postgres::PgConnection;
use std::collections::VecDeque;

/// The n-th parameter of an insert, from 1.
pub(super) fn placeholder(n: usize) -> String {
    format!("${n}")
}

/// As a value in a statement.
pub(super) fn truth(yes: bool) -> &'static str {
    if yes { "TRUE" } else { "FALSE" }
}

/// The planner finds the index by itself.
pub(super) fn by(_: &str) -> String {
    String::new()
}

pub(super) const JOIN: &str = "JOIN";
pub(super) const JOINS_KEEP_ORDER: bool = false;

/// What is selected beside the row's number, to be put in order again.
pub(super) fn order_columns(key: &str) -> String {
    format!(", {key} AS k, t.id AS i")
}

/// The function that finds a text in another, from 1; 0 where it is not.
pub(super) const PLACE_OF: &str = "strpos";

/// An entry of the text index, or a search in it. Each gram has its user's number in its upper half.
pub(super) type Grams = Vec<i64>;

pub(super) fn grams(user: i64, hashes: &[u32]) -> Grams {
    hashes.iter().map(|hash| (user << 32) | i64::from(*hash)).collect()
}

pub(super) fn sought(user: i64, hashes: &[u32]) -> Grams {
    grams(user, hashes)
}

pub(super) const WITH_GRAMS: &str = "task_gram g JOIN task t ON t.number = g.task WHERE g.grams @> ";
pub(super) const PUT_GRAMS: &str = "INSERT INTO task_gram (task, grams)";
pub(super) const REMOVE_GRAMS: &str =
    "DELETE FROM task_gram WHERE task IN (SELECT j.value::bigint FROM json_array_elements_text($1::json) j (value))";
pub(super) const REMOVE_TAGS: &str = "DELETE FROM task_tag g USING json_array_elements($1::json) j (value) \
     WHERE g.user_id = j.value ->> 0 AND g.tag = j.value ->> 1 AND g.task = (j.value ->> 2)::bigint";
pub(super) const LEAVE_NOTICES: &str = "UPDATE task t SET upcoming_at = (j.value ->> 1)::bigint, overdue_at = (j.value ->> 2)::bigint \
     FROM json_array_elements($1::json) j (value) WHERE t.number = (j.value ->> 0)::bigint";

// What a group of change sets is based on; each row begins with the place in the list of what it answers.
pub(super) const TASKS: &str = "SELECT j.place - 1, t.number, t.version, t.tags, t.search, t.upcoming_at, t.overdue_at \
     FROM json_array_elements($1::json) WITH ORDINALITY j (value, place) \
     JOIN task t ON t.user_id = j.value ->> 0 AND t.id = (j.value ->> 1)::uuid";
pub(super) const CLAIMS: &str = "SELECT j.place - 1 FROM json_array_elements($1::json) WITH ORDINALITY j (value, place) \
     JOIN processed_event p ON p.consumer_group = j.value ->> 0 AND p.key = j.value ->> 1";
pub(super) const ANSWERS: &str = "SELECT j.place - 1 FROM json_array_elements($1::json) WITH ORDINALITY j (value, place) \
     JOIN kept_answer k ON k.user_id = j.value ->> 0 AND k.key = j.value ->> 1";
pub(super) const NOTIFICATIONS: &str = "SELECT j.place - 1 FROM json_array_elements($1::json) WITH ORDINALITY j (value, place) \
     JOIN notification n ON n.user_id = j.value ->> 0 AND n.id = (j.value ->> 1)::uuid";

// Of a list of users, ids and due dates.
pub(super) const READ_ONE: &str = "UPDATE notification n SET read = TRUE FROM json_array_elements($1::json) j (value) \
     WHERE n.user_id = j.value ->> 0 AND n.id = (j.value ->> 1)::uuid";
pub(super) const READ_ALL: &str = "UPDATE notification n SET read = TRUE FROM json_array_elements($1::json) j (value) \
     WHERE n.user_id = j.value ->> 0 AND NOT n.read";
pub(super) const WITHDRAW: &str = "DELETE FROM notification n USING json_array_elements($1::json) j (value) \
     WHERE NOT n.read AND n.user_id = j.value ->> 0 AND n.task_id = (j.value ->> 1)::uuid \
     AND n.due_date IS DISTINCT FROM (j.value ->> 2)::bigint";

/// The log, narrowed to a list of topics.
pub(super) const OF_TOPICS: &str = "AND topic = ANY (ARRAY(SELECT json_array_elements_text($3::json)))";
/// Not what the sequence has given out: some of that may not be committed yet.
pub(super) const LAST_POSITION: &str = "SELECT coalesce(max(position), 0) FROM outbox";
/// Of two hosts, the one that is behind moves nothing back.
pub(super) const KEEP_POSITION: &str = "INSERT INTO consumer_position (consumer_group, position) VALUES ($1, $2) \
     ON CONFLICT (consumer_group) DO UPDATE SET position = greatest(consumer_position.position, excluded.position)";

/// Keeps others from writing in the name of a user, until the end of the transaction.
pub(super) const HOLD_USER: &[&str] = &["INSERT INTO user_sequence (user_id, sequence) VALUES ($1, 0) \
     ON CONFLICT (user_id) DO UPDATE SET sequence = user_sequence.sequence"];
/// And in the names of the owners of tasks.
pub(super) const HOLD_OWNERS: &[&str] = &["SELECT 1 FROM user_sequence WHERE user_id IN \
     (SELECT t.user_id FROM json_array_elements_text($1::json) j (value) JOIN task t ON t.number = j.value::bigint) \
     ORDER BY user_id FOR UPDATE"];
/// Keeps an account as it is, until the end of the transaction: a new password, or the end of the account, misses no sign-in that is
/// being written.
pub(super) const HOLD_ACCOUNT: &[&str] = &["SELECT 1 FROM account WHERE id = $1 FOR SHARE"];
/// Tells every host what has ended, when that is committed.
pub(super) const TELL_ENDED: &[&str] = &["SELECT pg_notify('tidings_ended', $1)"];

/// Removes tasks with all that hangs on them: of a list of row numbers, those that were deleted before a moment.
pub(super) const REMOVE_TASKS: [&str; 5] = [
    "DELETE FROM task_event e USING json_array_elements_text($1::json) j (value) \
     JOIN task t ON t.number = j.value::bigint AND t.deleted_at < $2 \
     WHERE e.user_id = t.user_id AND e.task_id = t.id",
    "DELETE FROM task_tag g USING json_array_elements_text($1::json) j (value) \
     JOIN task t ON t.number = j.value::bigint AND t.deleted_at < $2 \
     CROSS JOIN LATERAL json_array_elements_text(t.tags::json) a (tag) \
     WHERE g.user_id = t.user_id AND g.tag = a.tag AND g.task = t.number",
    "DELETE FROM task_gram g USING json_array_elements_text($1::json) j (value) \
     JOIN task t ON t.number = j.value::bigint AND t.deleted_at < $2 WHERE g.task = t.number",
    "DELETE FROM notification n USING json_array_elements_text($1::json) j (value) \
     JOIN task t ON t.number = j.value::bigint AND t.deleted_at < $2 \
     WHERE n.user_id = t.user_id AND n.task_id = t.id",
    "DELETE FROM task t USING json_array_elements_text($1::json) j (value) \
     WHERE t.number = j.value::bigint AND t.deleted_at < $2",
];

/// So many numbers of tasks are taken ahead.
const AHEAD: usize = 64;
/// The advisory lock of the log's end: "tidings" in ASCII.
const LOG: i64 = 0x74_69_64_69_6e_67_73;

/// Numbers that this writer has taken. They come from the database, and what a transaction that fails has taken stays a gap.
#[derive(Default)]
pub(super) struct Counters {
    /// The last in the log that it took.
    pub position: i64,
    tasks: VecDeque<i64>,
}

impl Counters {
    /// Makes so many numbers of tasks ready.
    pub async fn reserve_tasks(&mut self, connection: &mut PgConnection, count: usize) -> Result<(), StoreError> {
        if self.tasks.len() < count {
            const TAKE: &str = "SELECT nextval('task_number') FROM generate_series(1, $1)";
            let missing = i64::try_from(count.max(AHEAD)).unwrap_or(i64::MAX);
            self.tasks.extend(sqlx::query_scalar::<_, i64>(TAKE).bind(missing).fetch_all(connection).await?);
        }
        Ok(())
    }

    /// The number of a new task: the lowest of those that were made ready.
    pub fn next_task(&mut self) -> i64 {
        self.tasks.pop_front().unwrap_or_default()
    }

    /// So many positions in a row at the end of the log; answers the first. Nobody else takes any before this transaction has
    /// ended, and its end is told to every host.
    pub async fn take_positions(&mut self, connection: &mut PgConnection, count: usize) -> Result<i64, StoreError> {
        const TAKE: &str = "WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock($1)), \
             taken AS MATERIALIZED (SELECT setval('outbox_position', nextval('outbox_position') + $2 - 1) AS last FROM held) \
             SELECT last, pg_notify($3, last::text) FROM taken";
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let row = sqlx::query(TAKE).bind(LOG).bind(count).bind(CHANNEL).fetch_one(connection).await?;
        self.position = row.try_get(0)?;
        Ok(self.position - count + 1)
    }
}

/// The row of each user, locked, and which of them, by their places, have an account that is being deleted. The users are sorted.
pub(super) async fn users(
    connection: &mut PgConnection,
    _: &mut Counters,
    users: &[&UserId],
) -> Result<(Vec<UserNumbers>, Vec<usize>), StoreError> {
    const MAKE: &str = "INSERT INTO user_sequence (user_id, sequence) SELECT u.id, 0 FROM unnest($1::text[]) u (id) \
         ORDER BY u.id COLLATE \"C\" ON CONFLICT (user_id) DO NOTHING";
    const DEPARTED: &str = "SELECT user_id FROM departed WHERE user_id = ANY ($1)";
    let names: Vec<&str> = users.iter().map(|user| user.as_str()).collect();
    let place = |user: &str| names.binary_search(&user).ok();
    let mut numbers = vec![None; users.len()];
    loop {
        lock(connection, &names, &mut numbers).await?;
        let missing: Vec<&str> = names.iter().zip(&numbers).filter(|(_, row)| row.is_none()).map(|(name, _)| *name).collect();
        if missing.is_empty() {
            break;
        }
        sqlx::query(MAKE).bind(missing).execute(&mut *connection).await?;
    }
    // Behind the locks: who deletes an account has held its user's row.
    let found: Vec<String> = sqlx::query_scalar(DEPARTED).bind(&names).fetch_all(connection).await?;
    let departed = found.iter().filter_map(|user| place(user)).collect();
    Ok((numbers.into_iter().flatten().collect(), departed))
}

/// Locks the rows that there are, in order, and reads them.
async fn lock(connection: &mut PgConnection, names: &[&str], numbers: &mut [Option<UserNumbers>]) -> Result<(), StoreError> {
    const LOCK: &str = "SELECT array_position($1, user_id) - 1, number, sequence FROM user_sequence \
         WHERE user_id = ANY ($1) ORDER BY user_id FOR UPDATE";
    for row in sqlx::query(LOCK).bind(names).fetch_all(connection).await? {
        let place = index(row.try_get::<i32, _>(0)?.into());
        if let Some(user) = numbers.get_mut(place) {
            let sequence = rows::count(row.try_get(2)?);
            *user = Some(UserNumbers { number: row.try_get(1)?, sequence, moved: false });
        }
    }
    Ok(())
}
