//! The contract that every store keeps, on this one, through its own sessions; and what is this one's alone.

use crate::agenda::Agenda;
use crate::db::{self, Connection};
use crate::identity::{Origin, Principal};
use crate::session::Session;
use crate::{clock, store};
use domain::account::Scope;
use domain::change::{Actor, ActorKind, Change, ChangeKind, FieldChange, Source};
use domain::contract::{Harness, Published, at, creation, task};
use domain::id::UserId;
use domain::ports::{Session as _, UnitOfWork};
use domain::task::{Notices, Place, Recurrence, RepeatFrom, Rrule, Task, TimeZone};
use domain::time::Timestamp;
use serde_json::Value;
use std::future::Future;

domain::contract_tests!(run);

/// A database of the test's own.
struct Fixture;

fn run(test: impl AsyncFnOnce(&Fixture)) {
    within(async { test(&Fixture).await });
}

/// Runs a test with a database of its own, at the beginning of its time.
pub fn within(test: impl Future<Output = ()>) {
    let folder = tempfile::tempdir().unwrap();
    db::testing::begin(folder.path());
    clock::NOW.set(at(0));
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

pub fn principal(user: &UserId) -> Principal {
    Principal {
        user: user.clone(),
        actor: Actor { kind: ActorKind::User, id: user.to_string() },
        scopes: vec![Scope::TasksWrite],
        origin: Origin::Component,
        expires_at: None,
    }
}

impl Harness for Fixture {
    type Session = Session;
    type Agenda = Agenda;

    async fn session(&self, user: &UserId) -> Session {
        Session::new(principal(user))
    }

    async fn agenda(&self) -> Agenda {
        Agenda
    }

    async fn published(&self, user: &UserId) -> Vec<Published> {
        let sql = "SELECT topic, id, kind, sequence, body FROM outbox WHERE user_id = ? ORDER BY position";
        let read = |row: &db::Row| {
            Ok(Published {
                topic: row.text(0)?.to_owned(),
                id: row.uuid(1)?,
                kind: row.text(2)?.to_owned(),
                sequence: row.maybe_integer(3)?.map(|number| number.try_into().unwrap()),
                body: row.text(4)?.to_owned(),
            })
        };
        Connection::open().await.unwrap().all(sql, vec![user.as_str().into()], read).await.unwrap()
    }
}

fn ada() -> (UserId, Session) {
    let user: UserId = "ada".parse().unwrap();
    (user.clone(), Session::new(principal(&user)))
}

async fn put(session: &Session, change: Change) {
    let mut work = session.begin(Source::Api).await.unwrap();
    work.put(change).unwrap();
    work.commit().await.unwrap();
}

/// Changed as `kind` says, at the test's time.
fn changed(task: &Task, kind: ChangeKind, change: impl FnOnce(&mut Task)) -> Change {
    let mut after = task.clone();
    change(&mut after);
    after.version += 1;
    let field = |name: &str| FieldChange { field: name.to_owned(), old: Value::Null, new: Value::Null };
    let fields = if after.due_date == task.due_date { Vec::new() } else { vec![field("due_date")] };
    Change { kind, task: after, base_version: Some(task.version), changed_fields: fields }
}

/// Due at minute 60, every day.
fn daily() -> Task {
    let zone = TimeZone::new("UTC").unwrap();
    Task {
        due_date: Some(at(60)),
        recurrence: Some(Recurrence {
            rrule: Rrule::new("FREQ=DAILY").unwrap(),
            time_zone: zone,
            repeat_from: RepeatFrom::DueDate,
        }),
        place: Some(Place {
            number: 1,
            anchor: chrono::DateTime::from_timestamp_millis(at(60).millis()).unwrap().naive_utc(),
            template: None,
        }),
        notices: Notices { upcoming: Some(at(30)), overdue: Some(at(60)) },
        ..task("every day")
    }
}

async fn all(session: &Session) -> Vec<Task> {
    session.list(&domain::query::TaskQuery::everything(clock::now(), 1_000)).await.unwrap()
}

#[test]
fn failure_6_complete_reopen_complete_makes_one_successor_in_the_same_commit() {
    within(async {
        let (_, session) = ada();
        let task = daily();
        put(&session, creation(task.clone())).await;
        let completed = changed(&task, ChangeKind::Completed, |task| task.completed_at = Some(at(1)));
        put(&session, completed.clone()).await;
        let tasks = all(&session).await;
        assert_eq!(tasks.len(), 2);
        let next = tasks.iter().find(|next| next.id != task.id).unwrap();
        assert_eq!((next.due_date, next.parent_task_id), (Some(at(60 + 24 * 60)), Some(task.id)));
        let history = session.history(Some(next.id), None, 10).await.unwrap();
        assert_eq!((history.len(), history[0].sequence, history[0].source), (1, 3, Source::Recurrence));
        assert_eq!((history[0].actor.kind, history[0].actor.id.as_str()), (ActorKind::System, "recurrence"));

        let reopened = changed(&completed.task, ChangeKind::Reopened, |task| task.completed_at = None);
        put(&session, reopened.clone()).await;
        put(&session, changed(&reopened.task, ChangeKind::Completed, |task| task.completed_at = Some(at(2)))).await;
        assert_eq!(all(&session).await.len(), 2);
    });
}

#[test]
fn what_is_reopened_in_the_same_commit_has_no_successor() {
    within(async {
        let (_, session) = ada();
        let task = daily();
        put(&session, creation(task.clone())).await;
        let completed = changed(&task, ChangeKind::Completed, |task| task.completed_at = Some(at(1)));
        let reopened = changed(&completed.task, ChangeKind::Reopened, |task| task.completed_at = None);
        let mut work = session.begin(Source::Api).await.unwrap();
        work.put(completed).unwrap();
        work.put(reopened).unwrap();
        work.commit().await.unwrap();
        assert_eq!(all(&session).await.len(), 1);
    });
}

#[test]
fn what_is_due_is_given_once_however_many_look() {
    within(async {
        let (user, session) = ada();
        put(&session, creation(daily())).await;
        assert_eq!(session.unread_count(None).await.unwrap(), 0);
        clock::NOW.set(at(61));
        let looks = (0..8).map(|_| session.notifications(false, None, 10));
        for found in futures::future::join_all(looks).await {
            assert_eq!(found.unwrap().len(), 2, "the lead time and the due date");
        }
        assert_eq!(session.unread_count(None).await.unwrap(), 2);
        let published = Fixture.published(&user).await;
        let kinds: Vec<&str> = published.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds.iter().filter(|kind| kind.starts_with("reminder.")).count(), 2, "{kinds:?}");
        assert_eq!(kinds.iter().filter(|kind| **kind == "notification.created").count(), 2, "{kinds:?}");
        let sequences: Vec<u64> =
            published.iter().filter(|event| event.topic == "task-updates").filter_map(|event| event.sequence).collect();
        assert_eq!(sequences, [1, 2, 3], "without a gap");
    });
}

#[test]
fn an_unread_notice_goes_with_its_due_date() {
    within(async {
        let (_, session) = ada();
        let task = daily();
        put(&session, creation(task.clone())).await;
        clock::NOW.set(at(31));
        assert_eq!(session.unread_count(None).await.unwrap(), 1);
        let given = session.get(task.id, false).await.unwrap().unwrap();
        let renamed = changed(&given, ChangeKind::Updated, |_| {});
        put(&session, renamed.clone()).await;
        assert_eq!(session.unread_count(None).await.unwrap(), 1);
        let moved = changed(&renamed.task, ChangeKind::Updated, |task| {
            task.due_date = Some(at(600));
            task.notices = Notices { upcoming: None, overdue: Some(at(600)) };
        });
        put(&session, moved).await;
        assert_eq!(session.unread_count(None).await.unwrap(), 0);
    });
}

#[test]
fn a_backlog_is_given_in_full() {
    within(async {
        let (_, session) = ada();
        let mut work = session.begin(Source::Api).await.unwrap();
        for n in 0..450 {
            let notices = Notices { upcoming: None, overdue: Some(at(1)) };
            work.put(creation(Task { due_date: Some(at(1)), notices, ..task(&format!("task {n}")) })).unwrap();
        }
        work.commit().await.unwrap();
        clock::NOW.set(at(2));
        assert_eq!(session.unread_count(None).await.unwrap(), 450);
    });
}

#[test]
fn a_session_ends_with_its_sign_in() {
    within(async {
        let (user, _) = ada();
        let session = Session::new(Principal { expires_at: Some(at(1)), ..principal(&user) });
        assert!(session.preferences().await.is_ok());
        clock::NOW.set(at(1));
        assert_eq!(session.preferences().await, Err(domain::ports::Failure::Ended));
    });
}

#[test]
fn the_stream_sees_what_was_committed_and_what_is_due() {
    within(async {
        let (user, session) = ada();
        put(&session, creation(daily())).await;
        let pulse = store::log::pulse(&user, uuid::Uuid::nil(), clock::now()).await.unwrap();
        assert_eq!((pulse.last, pulse.due, pulse.valid), (1, false, false));
        assert!(store::log::pulse(&user, uuid::Uuid::nil(), at(30)).await.unwrap().due);
        let seen = store::log::after(&user, 0, 10).await.unwrap();
        assert_eq!((seen.len(), seen[0].kind.as_str(), seen[0].sequence), (1, "sync.task-changed", 1));
        assert_eq!(store::log::oldest(&user).await.unwrap(), Some(1));
    });
}

#[test]
fn a_sweep_removes_what_is_old_and_nothing_else() {
    within(async {
        let (user, session) = ada();
        let (old, new) = (task("old"), task("new"));
        put(&session, creation(old.clone())).await;
        put(&session, creation(new.clone())).await;
        put(&session, changed(&old, ChangeKind::Deleted, |task| task.deleted_at = Some(at(0)))).await;
        let later: Timestamp = at(31 * 24 * 60);
        store::erase::sweep(later).await.unwrap();
        assert_eq!(session.get(old.id, true).await.unwrap(), None);
        assert_eq!(session.get(new.id, true).await.unwrap(), Some(new));
        assert_eq!(session.history(None, None, 10).await.unwrap().len(), 1);
        assert!(Fixture.published(&user).await.is_empty(), "events are kept for seven days");
        assert_eq!(store::log::pulse(&user, uuid::Uuid::nil(), later).await.unwrap().last, 3, "numbers go on");
    });
}
