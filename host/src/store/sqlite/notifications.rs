//! Notifications: kept, marked, withdrawn, in the commits that say so; and read.

use super::bulk::{Insert, Values};
use super::rows::{self, NOTIFICATION_COLUMNS};
use crate::store::{Note, StoreError};
use domain::id::UserId;
use domain::json;
use domain::notification::{Mark, Notification, NotificationPosition};
use domain::time::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{QueryBuilder, Sqlite};
use uuid::Uuid;

const PUT: Insert = Insert {
    head: "INSERT INTO notification (user_id, id, kind, task_id, title, due_date, link, read, created_at)",
    columns: 9,
    tail: "",
};
// What these bind is a list of users, ids and due dates.
const READ_ONE: &str = "UPDATE notification SET read = 1 WHERE number IN (SELECT n.number FROM json_each(?) j \
     CROSS JOIN notification n ON n.user_id = j.value ->> 0 AND n.id = unhex(j.value ->> 1, '-'))";
const READ_ALL: &str = "UPDATE notification SET read = 1 WHERE number IN (SELECT n.number FROM json_each(?) j \
     CROSS JOIN notification n INDEXED BY notification_unread ON n.user_id = j.value ->> 0 AND n.read = 0)";
const WITHDRAW: &str = "DELETE FROM notification WHERE read = 0 AND number IN (SELECT n.number FROM json_each(?) j \
     CROSS JOIN notification n ON n.user_id = j.value ->> 0 AND n.task_id = unhex(j.value ->> 1, '-') \
     AND n.due_date IS NOT (j.value ->> 2))";

/// The statement that does it. `None`: an insert.
fn statement(note: &Note) -> Option<&'static str> {
    match note {
        Note::Keep(_) => None,
        Note::Read(Mark::One(_)) => Some(READ_ONE),
        Note::Read(Mark::All) => Some(READ_ALL),
        Note::Withdraw { .. } => Some(WITHDRAW),
    }
}

/// Does them in order; what stands together and is of one kind shares a statement.
pub(super) async fn write(connection: &mut SqliteConnection, notes: &[(&UserId, &Note)]) -> Result<(), StoreError> {
    for run in notes.chunk_by(|(_, one), (_, next)| statement(one) == statement(next)) {
        match run.first().and_then(|(_, note)| statement(note)) {
            Some(sql) => {
                let keys: Vec<_> = run.iter().map(|(user, note)| (user, id(note), keep(note))).collect();
                sqlx::query(sql).bind(json::text(&keys)).execute(&mut *connection).await?;
            }
            None => {
                let kept: Vec<(&UserId, &Notification)> =
                    run.iter().filter_map(|(user, note)| Some((*user, kept(note)?))).collect();
                PUT.run(connection, &kept, bind).await?;
            }
        }
    }
    Ok(())
}

fn id(note: &Note) -> Option<Uuid> {
    match note {
        Note::Read(Mark::One(id)) => Some(*id),
        Note::Withdraw { task, .. } => Some(task.0),
        Note::Keep(_) | Note::Read(Mark::All) => None,
    }
}

fn keep(note: &Note) -> Option<i64> {
    match note {
        Note::Withdraw { keep, .. } => keep.map(Timestamp::millis),
        Note::Keep(_) | Note::Read(_) => None,
    }
}

/// What a note keeps.
pub(super) fn kept(note: &Note) -> Option<&Notification> {
    match note {
        Note::Keep(notification) => Some(notification),
        Note::Read(_) | Note::Withdraw { .. } => None,
    }
}

fn bind((user, notification): &(&UserId, &Notification), values: Values) -> Values {
    values
        .add(user.as_str())
        .add(notification.id.as_bytes().as_slice())
        .add(notification.kind.name())
        .add(notification.task_id.0.as_bytes().as_slice())
        .add(notification.title.as_str())
        .add(notification.due_date.millis())
        .add(notification.link.as_str())
        .add(notification.read)
        .add(notification.created_at.millis())
}

pub(super) async fn list(
    readers: &SqlitePool,
    user: &UserId,
    unread_only: bool,
    after: Option<NotificationPosition>,
    limit: u32,
) -> Result<Vec<Notification>, StoreError> {
    let (index, unread) = if unread_only { ("notification_unread", " AND read = 0") } else { ("notification_created", "") };
    let mut sql = QueryBuilder::<Sqlite>::new(format!(
        "SELECT {NOTIFICATION_COLUMNS} FROM notification INDEXED BY {index} WHERE user_id = "
    ));
    sql.push_bind(user.as_str()).push(unread);
    if let Some(NotificationPosition { created_at, id }) = after {
        sql.push(" AND (created_at, id) < (")
            .push_bind(created_at.millis())
            .push(", ")
            .push_bind(id.as_bytes().to_vec())
            .push(")");
    }
    sql.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(limit);
    let found = sql.build().fetch_all(readers).await?;
    found.iter().map(rows::notification).collect()
}
