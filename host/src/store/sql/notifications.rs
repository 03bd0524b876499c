//! Notifications: kept, marked, withdrawn, in the commits that say so; and read.

use super::bulk::{Insert, Values};
use super::rows::{self, NOTIFICATION_COLUMNS};
use super::{Db, DbConnection, Readers, dialect};
use crate::store::{Note, StoreError};
use domain::id::UserId;
use domain::json;
use domain::notification::{Mark, Notification, NotificationPosition};
use domain::time::Timestamp;
use sqlx::QueryBuilder;
use uuid::Uuid;

const PUT: Insert = Insert {
    head: "INSERT INTO notification (user_id, id, kind, task_id, title, due_date, link, read, created_at)",
    columns: 9,
    tail: "",
};
/// The statement that does it, which is given a list of users, ids and due dates. `None`: an insert.
fn statement(note: &Note) -> Option<&'static str> {
    match note {
        Note::Keep(_) => None,
        Note::Read(Mark::One(_)) => Some(dialect::READ_ONE),
        Note::Read(Mark::All) => Some(dialect::READ_ALL),
        Note::Withdraw { .. } => Some(dialect::WITHDRAW),
    }
}

/// Does them in order; what stands together and is of one kind shares a statement.
pub async fn write(connection: &mut DbConnection, notes: &[(&UserId, &Note)]) -> Result<(), StoreError> {
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
pub fn kept(note: &Note) -> Option<&Notification> {
    match note {
        Note::Keep(notification) => Some(notification),
        Note::Read(_) | Note::Withdraw { .. } => None,
    }
}

fn bind((user, notification): &(&UserId, &Notification), values: Values) -> Values {
    values
        .add(user.as_str())
        .add(notification.id)
        .add(notification.kind.name())
        .add(notification.task_id.0)
        .add(notification.title.as_str())
        .add(notification.due_date.millis())
        .add(notification.link.as_str())
        .add(notification.read)
        .add(notification.created_at.millis())
}

pub async fn list(
    readers: &Readers,
    user: &UserId,
    unread_only: bool,
    after: Option<NotificationPosition>,
    limit: u32,
) -> Result<Vec<Notification>, StoreError> {
    let index = if unread_only { "notification_unread" } else { "notification_created" };
    let mut sql = QueryBuilder::<Db>::new(format!(
        "SELECT {NOTIFICATION_COLUMNS} FROM notification{} WHERE user_id = ",
        dialect::by(index)
    ));
    sql.push_bind(user.as_str());
    if unread_only {
        sql.push(format!(" AND read = {}", dialect::truth(false)));
    }
    if let Some(NotificationPosition { created_at, id }) = after {
        sql.push(" AND (created_at, id) < (").push_bind(created_at.millis()).push(", ").push_bind(id).push(")");
    }
    sql.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(i64::from(limit));
    readers.build_all(sql, rows::notification).await
}
