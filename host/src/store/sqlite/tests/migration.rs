//! A database of an earlier version, brought up to date with what is in it.

use super::{creation, set, task, user};
use crate::store::migrate;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::open::MIGRATIONS;
use crate::store::{EventLog, Ledger, Store};
use domain::id::TaskId;
use domain::task::{Notices, Place, Task};
use domain::time::Timestamp;
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use uuid::Uuid;

/// Far enough in the future for any clock.
fn far(minute: i64) -> Timestamp {
    Timestamp::parse("2990-07-01T07:00:00Z").unwrap().plus_minutes(minute)
}

fn past(minute: i64) -> Timestamp {
    Timestamp::parse("2020-07-01T07:00:00Z").unwrap().plus_minutes(minute)
}

struct Old {
    id: u128,
    due: Option<Timestamp>,
    lead: Option<i64>,
    snoozed: Option<Timestamp>,
    rrule: Option<&'static str>,
    completed: bool,
}

const PLAIN: Old = Old { id: 0, due: None, lead: None, snoozed: None, rrule: None, completed: false };

async fn insert(connection: &mut SqliteConnection, old: &Old) {
    let sql = "INSERT INTO task (id, user_id, title, completed, completed_at, priority, tags, due_date, rrule, rrule_zone, \
        repeat_from, reminder_minutes, snoozed_until, created_at, updated_at, version, title_key, search) \
        VALUES (?, 'ada', 'old', ?, ?, 1, '[]', ?, ?, 'Europe/Berlin', 'due_date', ?, ?, 0, 0, 4, 'old', 'old' || char(31))";
    sqlx::query(sql)
        .bind(Uuid::from_u128(old.id).as_bytes().to_vec())
        .bind(old.completed)
        .bind(old.completed.then_some(0))
        .bind(old.due.map(Timestamp::millis))
        .bind(old.rrule)
        .bind(old.lead)
        .bind(old.snoozed.map(Timestamp::millis))
        .execute(connection)
        .await
        .unwrap();
}

/// A folder as the version before events left it.
async fn old_folder(tasks: &[Old]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new().filename(folder.path().join("tidings.db")).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    migrate::run(&mut connection, &MIGRATIONS[..2]).await.unwrap();
    for task in tasks {
        insert(&mut connection, task).await;
    }
    let rows = [
        "INSERT INTO user_sequence (number, user_id, sequence) VALUES (1, 'ada', 5)",
        // The first four are swept away, and the last, whose position must not come again.
        "INSERT INTO outbox (position, topic, user_id, sequence, id, kind, time, body) VALUES \
         (7, 'task-events', 'ada', 4, x'00000000000000000000000000000001', 'task.updated', 0, '{\"data\":1}'), \
         (8, 'task-updates', 'ada', 4, x'00000000000000000000000000000002', 'sync.task-changed', 0, '{\"data\":2}'), \
         (10, 'task-updates', 'ada', 5, x'00000000000000000000000000000003', 'sync.task-changed', 0, '{\"data\":3}')",
        "DELETE FROM outbox WHERE position = 10",
    ];
    for sql in rows {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }
    sqlx::Connection::close(connection).await.unwrap();
    folder
}

async fn found(store: &SqliteStore, id: u128) -> Task {
    store.task(&user("ada"), TaskId(Uuid::from_u128(id)), true).await.unwrap().unwrap()
}

#[tokio::test]
async fn notices_are_armed_for_what_is_still_to_come() {
    let cases = [
        (Old { due: Some(far(0)), lead: Some(60), ..PLAIN }, Some(far(-60)), Some(far(0))),
        (Old { due: Some(far(0)), ..PLAIN }, None, Some(far(0))),
        (Old { due: Some(past(0)), lead: Some(60), ..PLAIN }, None, None),
        (Old { lead: Some(60), ..PLAIN }, None, None),
        (Old { due: Some(far(0)), lead: Some(60), completed: true, ..PLAIN }, Some(far(-60)), Some(far(0))),
        // Snoozed: one notice at the end of it, of the kind that is then true.
        (Old { due: Some(far(0)), lead: Some(60), snoozed: Some(far(-5)), ..PLAIN }, Some(far(-5)), Some(far(0))),
        (Old { due: Some(past(0)), lead: Some(60), snoozed: Some(far(-5)), ..PLAIN }, None, Some(far(-5))),
        (Old { due: Some(far(0)), lead: Some(60), snoozed: Some(past(0)), ..PLAIN }, Some(far(-60)), Some(far(0))),
        (Old { snoozed: Some(far(0)), ..PLAIN }, None, None),
    ];
    let tasks: Vec<Old> = cases.iter().enumerate().map(|(n, (old, ..))| Old { id: n as u128, ..*old }).collect();
    let folder = old_folder(&tasks).await;
    let store = SqliteStore::open(folder.path()).await.unwrap();
    for (n, (_, upcoming, overdue)) in cases.into_iter().enumerate() {
        assert_eq!(found(&store, n as u128).await.notices, Notices { upcoming, overdue }, "case {n}");
    }
}

#[tokio::test]
async fn what_recurs_is_the_first_of_its_series_and_its_due_date_the_anchor() {
    let tasks =
        [Old { id: 1, due: Some(past(0)), rrule: Some("FREQ=DAILY"), ..PLAIN }, Old { id: 2, due: Some(far(0)), ..PLAIN }];
    let folder = old_folder(&tasks).await;
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let recurring = found(&store, 1).await;
    let anchor = "2020-07-01T09:00:00".parse().unwrap();
    assert_eq!(recurring.place, Some(Place { number: 1, anchor, template: None }), "nine o'clock in Berlin");
    assert_eq!((recurring.series_id, recurring.version), (Some(recurring.id), 4));
    let once = found(&store, 2).await;
    assert_eq!((once.place, once.series_id), (None, None));
}

#[tokio::test]
async fn the_log_goes_on_where_it_was() {
    let folder = old_folder(&[]).await;
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let log = store.events_after(&[], 0, 10).await.unwrap();
    let shown: Vec<_> = log.iter().map(|e| (e.position, e.topic.as_str(), e.sequence, e.body.get())).collect();
    assert_eq!(shown, [(7, "task-events", Some(4), "{\"data\":1}"), (8, "task-updates", Some(4), "{\"data\":2}")]);
    assert!(log.iter().all(|event| event.headers.is_none()));
    assert_eq!(store.last_position().await.unwrap(), 10);
    store.commit(set(&user("ada"), vec![creation(task("new"))])).await.unwrap();
    let new = store.events_after(&[], 8, 10).await.unwrap();
    assert_eq!(new.iter().map(|e| (e.position, e.sequence)).collect::<Vec<_>>(), [(11, Some(6)), (12, Some(6))]);
    store.close().await;
}
