//! The native session on the real store: the contract of `domain`, and what the session adds to it.

use super::{Agenda, Backing, Session};
use crate::clock::Clock;
use crate::identity::{Identity, IdentityConfig, Origin, Principal, Scope, Scopes, SigningKey};
use crate::store::EventLog;
use crate::store::sqlite::SqliteStore;
use crate::task::Tasks;
use domain::change::{Actor, ActorKind, Change, ChangeKind, Source};
use domain::contract::{self, Harness, Published, creation};
use domain::id::UserId;
use domain::notification::{Mark, NoticeKind, Notification, Reminder};
use domain::ports::{Agenda as _, Failure, KeptAnswer, Session as _, UnitOfWork as _};
use domain::query::{SortOrder, TaskQuery};
use domain::task::{Notices, Task};
use domain::time::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;

domain::contract_tests!(run);

struct Fixture {
    store: Arc<SqliteStore>,
    clock: Arc<MovedClock>,
    _folder: TempDir,
}

/// Stands still until it is moved.
struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

const START: i64 = 1_777_626_000_000;

fn run(test: impl AsyncFnOnce(&Fixture)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
        test(&Fixture { store, clock: Arc::new(MovedClock(AtomicI64::new(START))), _folder: folder }).await;
    });
}

impl Fixture {
    fn session_with(&self, scopes: &[Scope]) -> Session {
        let principal = Principal {
            user: "ada".parse().unwrap(),
            actor: Actor { kind: ActorKind::User, id: "ada".to_owned() },
            scopes: scopes.iter().copied().collect(),
            origin: Origin::External,
            expires_at: Some(Timestamp::from_millis(START + 1_000).unwrap()),
        };
        Session::new(self.store.clone(), self.clock.clone(), principal, "todos".into(), None)
    }
}

impl Harness for Fixture {
    type Session = Session;
    type Agenda = Agenda;

    async fn agenda(&self) -> Agenda {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let key = SigningKey::from_bytes(&[7; 32]);
        let identity = Identity::new(store.clone(), clock.clone(), &Tasks::default(), key, IdentityConfig::default()).unwrap();
        let backing = Backing { memory: store.clone(), store, clock, identity: Arc::new(identity) };
        Agenda { backing, component: "reminders".into(), traceparent: None }
    }

    async fn session(&self, user: &UserId) -> Session {
        let principal = Principal {
            user: user.clone(),
            actor: Actor { kind: ActorKind::User, id: user.to_string() },
            scopes: Scopes::all(),
            origin: Origin::External,
            expires_at: None,
        };
        Session::new(self.store.clone(), self.clock.clone(), principal, "todos".into(), None)
    }

    async fn published(&self, user: &UserId) -> Vec<Published> {
        let all = self.store.events_after(&[], 0, 100_000).await.unwrap();
        let theirs = all.into_iter().filter(|event| event.user == *user);
        let published = theirs.map(|event| Published {
            topic: event.topic,
            id: event.id,
            kind: event.kind,
            sequence: event.sequence,
            body: event.body.get().to_owned(),
        });
        published.collect()
    }
}

fn task() -> Task {
    let at = Timestamp::from_millis(START).unwrap();
    Task { created_at: at, updated_at: at, ..contract::task("a task") }
}

fn query(limit: u32) -> TaskQuery {
    TaskQuery { order: SortOrder::Ascending, ..TaskQuery::everything(Timestamp::from_millis(START).unwrap(), limit) }
}

fn forbidden<T>(scope: Scope) -> Result<T, Failure> {
    Err(Failure::Forbidden(scope.name().to_owned()))
}

#[test]
fn a_scope_allows_what_it_names() {
    run(async |fixture| {
        let reader = fixture.session_with(&[Scope::TasksRead]);
        assert_eq!(reader.list(&query(1)).await, Ok(Vec::new()));
        assert_eq!(reader.begin(Source::Api).await.map(|_| ()), forbidden(Scope::TasksWrite));
        assert_eq!(reader.kept_answer("key").await, forbidden(Scope::TasksWrite));
        assert_eq!(reader.unread_count(None).await, Ok(0));

        let writer = fixture.session_with(&[Scope::TasksWrite]);
        assert_eq!(writer.list(&query(1)).await, Ok(Vec::new()));
        assert!(writer.begin(Source::Api).await.is_ok());

        let neither = fixture.session_with(&[Scope::Account]);
        assert_eq!(neither.list(&query(1)).await, forbidden(Scope::TasksRead));
        assert_eq!(neither.get(task().id, true).await, forbidden(Scope::TasksRead));
        assert_eq!(neither.history(None, None, 1).await, forbidden(Scope::TasksRead));
        assert_eq!(neither.preferences().await, forbidden(Scope::TasksRead));
        assert_eq!(neither.notifications(false, None, 1).await, forbidden(Scope::TasksRead));
        assert_eq!(neither.notification(task().id.0).await, forbidden(Scope::TasksRead));
        assert_eq!(neither.unread_count(None).await, forbidden(Scope::TasksRead));
    });
}

#[test]
fn an_expired_session_does_nothing_not_even_commit() {
    run(async |fixture| {
        let session = fixture.session_with(&[Scope::TasksWrite]);
        let mut work = session.begin(Source::Api).await.unwrap();
        work.put(creation(task())).unwrap();
        fixture.clock.0.store(START + 1_000, Ordering::Relaxed);
        assert_eq!(work.commit().await, Err(Failure::Ended));
        assert_eq!(session.list(&query(1)).await, Err(Failure::Ended));
        fixture.clock.0.store(START, Ordering::Relaxed);
        assert_eq!(session.list(&query(1)).await, Ok(Vec::new()));
    });
}

#[test]
fn what_does_not_follow_is_refused() {
    run(async |fixture| {
        let session = fixture.session_with(&[Scope::TasksWrite]);
        let mut work = session.begin(Source::Api).await.unwrap();
        let task = task();
        let refused = |result| assert!(matches!(result, Err(Failure::Invalid(_))), "{result:?}");
        refused(work.put(Change { kind: ChangeKind::Updated, ..creation(task.clone()) }));
        refused(work.put(Change { base_version: Some(1), ..creation(task.clone()) }));
        refused(work.put(creation(Task { version: 2, ..task.clone() })));
        refused(work.put(creation(Task { version: 0, ..task.clone() })));
        work.put(creation(task.clone())).unwrap();
        refused(work.put(creation(task.clone())));
        let update = |base| Change {
            kind: ChangeKind::Updated,
            base_version: Some(base),
            ..creation(Task { version: base + 1, ..task.clone() })
        };
        refused(work.put(update(2)));
        work.put(update(1)).unwrap();
        work.commit().await.unwrap();
        assert_eq!(session.get(task.id, false).await.unwrap().map(|task| task.version), Some(2));
    });
}

#[test]
fn a_unit_of_work_is_bounded() {
    run(async |fixture| {
        let session = fixture.session_with(&[Scope::TasksWrite]);
        let mut work = session.begin(Source::Api).await.unwrap();
        for _ in 0..1_000 {
            work.put(creation(task())).unwrap();
        }
        assert!(matches!(work.put(creation(task())), Err(Failure::Invalid(_))));

        let mut work = session.begin(Source::Api).await.unwrap();
        let mut large = creation(task());
        large.changed_fields[0].new = Value::from("x".repeat(5 << 20));
        assert!(matches!(work.put(large), Err(Failure::Invalid(_))));
        let answer = KeptAnswer { fingerprint: String::new(), status: 200, headers: Vec::new(), body: "x".repeat(5 << 20) };
        assert!(matches!(work.keep_answer("key", answer), Err(Failure::Invalid(_))));
        assert!(matches!(work.once(&"k".repeat(1_025)).await, Err(Failure::Invalid(_))));
        assert!(matches!(work.once("k\0").await, Err(Failure::Invalid(_))));
        let answer = KeptAnswer { fingerprint: String::new(), status: 200, headers: Vec::new(), body: "\0".to_owned() };
        assert!(matches!(work.keep_answer("key", answer), Err(Failure::Invalid(_))));
        assert!(matches!(session.list(&query(0)).await, Err(Failure::Invalid(_))));
        assert!(matches!(session.list(&query(1_001)).await, Err(Failure::Invalid(_))));
        assert!(matches!(session.history(None, None, 1_001).await, Err(Failure::Invalid(_))));
        assert!(matches!(session.notifications(false, None, 1_001).await, Err(Failure::Invalid(_))));
    });
}

#[test]
fn notices_are_bounded_and_of_their_task() {
    run(async |fixture| {
        let session = fixture.session_with(&[Scope::TasksWrite]);
        let (task, now) = (task(), Timestamp::from_millis(START).unwrap());
        let reminder = Reminder {
            id: task.id.0,
            kind: NoticeKind::Overdue,
            task_id: task.id,
            title: task.title.clone(),
            due_date: now,
            link: "/".to_owned(),
        };
        let refused = |result| assert!(matches!(result, Err(Failure::Invalid(_))), "{result:?}");
        let mut work = session.begin(Source::Api).await.unwrap();
        refused(work.remind(&task, task.notices, vec![reminder.clone(); 1_001]));
        refused(work.remind(&task, task.notices, vec![Reminder { link: "x".repeat(2_049), ..reminder.clone() }]));
        refused(work.remind(&contract::task("another"), task.notices, vec![reminder.clone()]));
        for _ in 0..500 {
            work.remind(&task, task.notices, vec![reminder.clone()]).unwrap();
            work.remind(&task, task.notices, Vec::new()).unwrap();
        }
        refused(work.remind(&task, task.notices, Vec::new()));

        let Reminder { id, kind, task_id, title, due_date, link } = reminder;
        let kept = Notification { id, kind, task_id, title, due_date, link, read: false, created_at: now };
        refused(work.notify(Notification { link: "x".repeat(2_049), ..kept.clone() }));
        for _ in 0..250 {
            work.notify(kept.clone()).unwrap();
            work.mark_read(Mark::All).unwrap();
            work.withdraw(task.id, None).unwrap();
            work.withdraw(task.id, Some(now)).unwrap();
        }
        refused(work.notify(kept));
        refused(work.mark_read(Mark::All));
        refused(work.withdraw(task.id, None));
    });
}

#[test]
fn the_agenda_gives_the_right_to_act_for_each_owner_and_says_where_it_ended() {
    run(async |fixture| {
        let now = Timestamp::from_millis(START).unwrap();
        let agenda = fixture.agenda().await;
        let mut owners = Vec::new();
        for name in ["ada", "bob", "cid"] {
            let user: UserId = name.parse().unwrap();
            let session = fixture.session(&user).await;
            let due = Task { due_date: Some(now), notices: Notices { upcoming: None, overdue: Some(now) }, ..task() };
            let mut work = session.begin(Source::Api).await.unwrap();
            work.put(creation(due)).unwrap();
            work.commit().await.unwrap();
            owners.push(user);
        }
        let page = agenda.due(now, None, 2).await.unwrap();
        let rest = agenda.due(now, page.next.as_deref(), 2).await.unwrap();
        assert_eq!((page.items.len(), rest.items.len(), rest.next), (2, 1, None));
        for (item, owner) in page.items.iter().chain(&rest.items).zip(&owners) {
            let Principal { user, actor, scopes, .. } = item.session.principal();
            assert_eq!((user, actor.kind, actor.id.as_str()), (owner, ActorKind::System, "reminders"));
            assert!(scopes.allow(Scope::TasksWrite) && !scopes.allow(Scope::Account));
        }
        assert!(matches!(agenda.due(now, Some("x"), 2).await, Err(Failure::Invalid(_))));
        assert!(matches!(agenda.due(now, None, 1_001).await, Err(Failure::Invalid(_))));
    });
}
