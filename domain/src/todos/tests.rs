use super::*;
use crate::account::Scope;
use crate::change::{ChangeKind, ChangedFields};
use crate::command::{NewTask, Precondition, Snooze};
use crate::fake::{FakeClock, FakeSession, FakeStore};
use crate::id::UserId;
use crate::input;
use crate::task::TimeZone;
use futures::executor::block_on;
use serde_json::{Value, json};

/// A store, a clock, and a session of one user.
struct World {
    store: FakeStore,
    clock: FakeClock,
    user: UserId,
    session: FakeSession,
}

impl World {
    fn new() -> Self {
        let clock = FakeClock::at(Timestamp::parse("2026-05-01T09:00:00Z").unwrap());
        let store = FakeStore::new(clock.clone());
        let user: UserId = "ada".parse().unwrap();
        let session = store.session(&user);
        Self { store, clock, user, session }
    }

    fn todos(&self) -> Todos<'_, FakeSession, FakeClock> {
        Todos { session: &self.session, clock: &self.clock, source: Source::Api }
    }

    fn create(&self, fields: Value) -> Task {
        block_on(self.todos().run(&Command::Create(new(fields)))).unwrap()
    }

    fn edit(&self, task: &Task, edit: Edit) -> Result<Task, Error> {
        block_on(self.todos().run(&Command::Edit { id: task.id, precondition: Precondition::None, edit }))
    }

    fn patch(&self, task: &Task, fields: Value) -> Result<Task, Error> {
        self.edit(task, change(fields))
    }

    /// Kind and changed fields of each entry of the task's history.
    fn history(&self, task: &Task) -> Vec<(ChangeKind, Value)> {
        let entries = block_on(self.session.history(Some(task.id), None, 100)).unwrap();
        entries.iter().map(|entry| (entry.kind, serde_json::to_value(ChangedFields(&entry.changed_fields)).unwrap())).collect()
    }

    fn events(&self) -> usize {
        self.store.published(&self.user).len()
    }
}

fn new(fields: Value) -> NewTask {
    input::new_task(fields.to_string().as_bytes()).unwrap()
}

fn change(fields: Value) -> Edit {
    Edit::Change(input::task_patch(fields.to_string().as_bytes()).unwrap(), Reach::Following)
}

fn paths<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<String> {
    match result {
        Err(Error::Invalid(faults)) => faults.into_iter().map(|fault| fault.path).collect(),
        other => panic!("no faults: {other:?}"),
    }
}

#[test]
fn a_creation_lists_each_field_that_was_set() {
    let world = World::new();
    let task = world.create(json!({"title": "x", "tags": ["a"]}));
    assert_eq!((task.version, task.created_at, task.updated_at), (1, world.clock.now(), world.clock.now()));
    let fields = json!({
        "title": {"old": null, "new": "x"}, "priority": {"old": null, "new": "medium"},
        "tags": {"old": null, "new": ["a"]}, "reminder_minutes": {"old": null, "new": 60},
    });
    assert_eq!(world.history(&task), [(ChangeKind::Created, fields)]);
}

#[test]
fn a_lead_time_left_out_is_the_preference_and_null_is_none() {
    let world = World::new();
    let patch = input::preferences_patch(br#"{"default_reminder_minutes":5,"time_zone":"Europe/Berlin"}"#).unwrap();
    let preferences = block_on(change_preferences(&world.session, &patch, Source::Api)).unwrap();
    assert_eq!(preferences.time_zone, TimeZone::new("Europe/Berlin").unwrap());
    let minutes = |task: Task| task.reminder_minutes.map(|minutes| minutes.get());
    assert_eq!(minutes(world.create(json!({"title": "x"}))), Some(5));
    assert_eq!(minutes(world.create(json!({"title": "x", "reminder_minutes": null}))), None);
    assert_eq!(minutes(world.create(json!({"title": "x", "reminder_minutes": 0}))), Some(0));
    let due = "2026-01-31T23:30:00Z";
    let task = world.create(json!({"title": "x", "due_date": due, "recurrence": {"frequency": "monthly", "interval": 1}}));
    let rule = task.recurrence.unwrap();
    assert_eq!((rule.rrule.as_str(), rule.time_zone.name()), ("FREQ=MONTHLY", "Europe/Berlin"), "February 1 there");
}

#[test]
fn a_change_tells_old_and_new_of_what_differs_only() {
    let world = World::new();
    let task = world.create(json!({"title": "x", "due_date": "2026-06-01T00:00:00Z"}));
    world.clock.advance_minutes(5);
    let changed = world.patch(&task, json!({"title": "x", "due_date": "2026-06-02T00:00:00Z", "description": null})).unwrap();
    assert_eq!((changed.version, changed.updated_at, changed.created_at), (2, world.clock.now(), task.created_at));
    let fields = json!({"due_date": {"old": "2026-06-01T00:00:00Z", "new": "2026-06-02T00:00:00Z"}});
    assert_eq!(world.history(&task)[1], (ChangeKind::Updated, fields));
}

#[test]
fn what_changes_nothing_is_no_event() {
    let world = World::new();
    let task = world.create(json!({"title": "x"}));
    let events = world.events();
    for edit in [change(json!({})), change(json!({"title": " x "})), Edit::Complete(false), Edit::Restore] {
        assert_eq!(world.edit(&task, edit).unwrap(), task);
    }
    assert_eq!(world.events(), events);
}

#[test]
fn completing_and_reopening_can_be_repeated() {
    let world = World::new();
    let task = world.create(json!({"title": "x"}));
    world.edit(&task, Edit::Snooze(Snooze::Minutes(30))).unwrap();
    world.clock.advance_minutes(1);
    let done = world.edit(&task, Edit::Complete(true)).unwrap();
    assert_eq!((done.completed_at, done.snoozed_until), (Some(world.clock.now()), None));
    world.clock.advance_minutes(1);
    assert_eq!(world.edit(&task, Edit::Complete(true)).unwrap(), done);
    let open = world.edit(&task, Edit::Complete(false)).unwrap();
    assert_eq!(open.completed_at, None);
    let kinds: Vec<ChangeKind> = world.history(&task).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [ChangeKind::Created, ChangeKind::Updated, ChangeKind::Completed, ChangeKind::Reopened]);
    let fields = &world.history(&task)[2].1;
    assert_eq!(fields["completed"], json!({"old": false, "new": true}));
    assert_eq!(fields["snoozed_until"]["new"], Value::Null);
}

#[test]
fn a_snooze_ends_in_the_future() {
    let world = World::new();
    let task = world.create(json!({"title": "x"}));
    let snoozed = world.edit(&task, Edit::Snooze(Snooze::Minutes(90))).unwrap();
    assert_eq!(snoozed.snoozed_until, Some(world.clock.now().plus_minutes(90)));
    assert_eq!(paths(world.edit(&task, Edit::Snooze(Snooze::Until(world.clock.now())))), ["until"]);
}

#[test]
fn a_rule_and_its_due_date_go_together() {
    let world = World::new();
    let plain = world.create(json!({"title": "x"}));
    assert_eq!(paths(world.patch(&plain, json!({"recurrence": {"frequency": "daily"}}))), ["recurrence"]);
    let rule = json!({"due_date": "2026-01-31T09:00:00Z", "recurrence": {"frequency": "monthly"}});
    let repeating = world.patch(&plain, rule).unwrap();
    assert_eq!(repeating.recurrence.as_ref().unwrap().rrule.as_str(), "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1");
    assert_eq!(paths(world.patch(&plain, json!({"due_date": null}))), ["due_date"]);
    let cleared = world.patch(&plain, json!({"due_date": null, "recurrence": null})).unwrap();
    assert_eq!((cleared.recurrence, cleared.due_date), (None, None));
}

#[test]
fn a_deleted_task_is_gone_until_it_is_restored_within_30_days() {
    let world = World::new();
    let task = world.create(json!({"title": "x"}));
    world.edit(&task, Edit::Delete(Reach::Following)).unwrap();
    assert_eq!(block_on(world.todos().get(task.id)), Err(Error::NotFound));
    for edit in
        [Edit::Delete(Reach::Following), Edit::Complete(true), change(json!({"title": "y"})), Edit::Snooze(Snooze::Minutes(1))]
    {
        assert_eq!(world.edit(&task, edit), Err(Error::NotFound));
    }
    world.clock.advance_minutes(30 * 24 * 60 - 1);
    let first = HistoryParams { after: None, limit: 20 };
    assert_eq!(block_on(world.todos().history(task.id, first)).unwrap().items.len(), 2);
    let back = world.edit(&task, Edit::Restore).unwrap();
    assert_eq!((back.deleted_at, back.version, back.title.as_str()), (None, 3, "x"));
    assert_eq!(world.history(&task)[2], (ChangeKind::Restored, json!({})));

    world.edit(&task, Edit::Delete(Reach::Following)).unwrap();
    world.clock.advance_minutes(30 * 24 * 60);
    assert_eq!(world.edit(&task, Edit::Restore), Err(Error::NotFound));
    assert_eq!(block_on(world.todos().history(task.id, first)).unwrap_err(), Error::NotFound);
}

#[test]
fn if_match_refuses_a_lost_update_and_without_it_the_last_write_wins() {
    let world = World::new();
    let task = world.create(json!({"title": "x"}));
    world.patch(&task, json!({"title": "y"})).unwrap();
    let command = |versions: Vec<u64>| Command::Edit {
        id: task.id,
        precondition: Precondition::Versions(versions),
        edit: change(json!({"title": "z"})),
    };
    assert_eq!(block_on(world.todos().run(&command(vec![1]))), Err(Error::PreconditionFailed));
    assert_eq!(block_on(world.todos().run(&command(vec![]))), Err(Error::PreconditionFailed));
    assert_eq!(block_on(world.todos().run(&command(vec![1, 2]))).unwrap().version, 3);
    assert_eq!(world.patch(&task, json!({"title": "last"})).unwrap().version, 4);
    assert_eq!(world.history(&task).len(), 4);
}

#[test]
fn who_loses_the_race_begins_again_and_gives_up_at_last() {
    let world = World::new();
    let task = world.create(json!({"title": "x"}));
    world.store.fail_commits(vec![Failure::Conflict; 99]);
    assert_eq!(world.patch(&task, json!({"title": "y"})).unwrap().version, 2);
    world.store.fail_commits(vec![Failure::Conflict; 100]);
    assert_eq!(world.patch(&task, json!({"title": "z"})), Err(Failure::Conflict.into()));
    world.store.fail_commits([Failure::Unavailable("full".to_owned())]);
    assert_eq!(world.patch(&task, json!({"title": "z"})), Err(Failure::Unavailable("full".to_owned()).into()));
    assert_eq!(world.history(&task).len(), 2);
}

#[test]
fn a_batch_happens_whole_or_not_at_all() {
    let world = World::new();
    let task = world.create(json!({"title": "x"}));
    let (events, edit) = (world.events(), |edit| Command::Edit { id: task.id, precondition: Precondition::None, edit });
    let good = [Command::Create(new(json!({"title": "new"}))), edit(Edit::Complete(true)), edit(Edit::Delete(Reach::Following))];
    let bad = [&good[..], &[edit(Edit::Complete(false))]].concat();
    let result = block_on(world.todos().batch(&bad, None));
    assert_eq!(result, Err(Error::InOperation { index: 3, error: Box::new(Error::NotFound) }));
    assert_eq!(world.events(), events);

    let Ok(Answer::Fresh(tasks)) = block_on(world.todos().batch(&good, None)) else { panic!("it is good") };
    assert_eq!(
        tasks.iter().map(|task| (task.version, task.deleted_at.is_some())).collect::<Vec<_>>(),
        [(1, false), (2, false), (3, true)]
    );
    assert_eq!(world.events(), events + 6);

    let rule = edit(change(json!({"recurrence": {"frequency": "daily"}})));
    let other = world.create(json!({"title": "no date"}));
    let rule = match rule {
        Command::Edit { precondition, edit, .. } => Command::Edit { id: other.id, precondition, edit },
        create => create,
    };
    let Err(Error::InOperation { index: 0, error }) = block_on(world.todos().batch(&[rule], None)) else {
        panic!("a rule without a date")
    };
    assert_eq!(paths(Err::<(), _>(*error)), ["operations[0].changes.recurrence"]);
    assert_eq!(block_on(world.todos().batch(&[], None)), Ok(Answer::Fresh(vec![])));
}

fn kept(tasks: &[Task]) -> KeptAnswer {
    let body = tasks.iter().map(|task| task.id.to_string()).collect();
    KeptAnswer { fingerprint: String::new(), status: 201, headers: vec![], body }
}

#[test]
fn an_idempotency_key_makes_a_retry_safe() {
    let world = World::new();
    let command = Command::Create(new(json!({"title": "x"})));
    let send = |key: &str, body: &[u8]| {
        let idempotency = Idempotency::new(key, &[b"POST", body], &kept).unwrap();
        block_on(world.todos().run_once(&command, Some(&idempotency)))
    };
    let Ok(Answer::Fresh(task)) = send("k", b"body") else { panic!("the first is fresh") };
    let Ok(Answer::Kept(again)) = send("k", b"body") else { panic!("the second is kept") };
    assert_eq!((again.status, again.body), (201, task.id.to_string()));
    assert_eq!(send("k", b"other"), Err(Error::KeyReused));
    assert!(matches!(send("l", b"body"), Ok(Answer::Fresh(_))));
    assert_eq!(world.events(), 4);
    for bad in ["", "ä", "a\nb", &"k".repeat(256)] {
        assert!(Idempotency::new(bad, &[], &kept).is_err());
    }
}

#[test]
fn lists_are_paged_by_cursor() {
    let world = World::new();
    for n in 0..5 {
        world.create(json!({"title": format!("{n}")}));
    }
    let mut titles = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let params = cursor.map_or("sort=title&limit=2".to_owned(), |cursor| format!("sort=title&limit=2&cursor={cursor}"));
        let page = block_on(world.todos().list(input::list_params(&params, world.clock.now()).unwrap())).unwrap();
        titles.extend(page.items.iter().map(|task| task.title.as_str().to_owned()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(titles, ["0", "1", "2", "3", "4"]);
}

#[test]
fn a_history_is_paged_by_cursor() {
    let world = World::new();
    let task = world.create(json!({"title": "0"}));
    for n in 1..4 {
        world.patch(&task, json!({"title": format!("{n}")})).unwrap();
    }
    let page = |query: &str| {
        let params = input::history_params(query, task.id).unwrap();
        block_on(world.todos().history(task.id, params)).unwrap()
    };
    let first = page("limit=2");
    let second = page(&format!("limit=2&cursor={}", first.next_cursor.unwrap()));
    assert_eq!((first.items.len(), second.items.len(), second.next_cursor), (2, 2, None));
    assert_eq!(second.items[0].changed_fields[0].new, "2");
    let json = serde_json::to_value(&second.items[0]).unwrap();
    assert_eq!(json["event_type"], "task.updated");
    assert_eq!(json["actor"], json!({"kind": "user", "id": "ada"}));
    assert_eq!(json["changed_fields"], json!({"title": {"old": "1", "new": "2"}}));
}

#[test]
fn a_session_without_the_scope_does_nothing() {
    let world = World::new();
    let session = world.store.session_within(&world.user, &[Scope::TasksRead]);
    let todos = Todos { session: &session, clock: &world.clock, source: Source::Api };
    let refused = block_on(todos.run(&Command::Create(new(json!({"title": "x"})))));
    assert_eq!(refused, Err(Failure::Forbidden("tasks:write".to_owned()).into()));
    assert_eq!(world.events(), 0);
}

/// A native server moves a request between threads: over a session that can be moved, so can every use case.
#[test]
fn use_cases_can_move_between_threads() {
    fn moves(_: impl Send) {}
    let world = World::new();
    let todos = world.todos();
    let command = Command::Create(new(json!({"title": "x"})));
    let idempotency = Idempotency::new("k", &[], &kept).unwrap();
    let id = TaskId(uuid::Uuid::nil());
    moves(todos.get(id));
    moves(todos.list(input::list_params("", world.clock.now()).unwrap()));
    moves(todos.history(id, HistoryParams { after: None, limit: 1 }));
    moves(todos.run_once(&command, Some(&idempotency)));
    moves(todos.batch(&[], None));
}
