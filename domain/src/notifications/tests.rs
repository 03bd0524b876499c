use super::*;
use crate::command::{Command, Edit, Precondition, Snooze};
use crate::contract::at;
use crate::fake::{FakeClock, FakeMemory, FakeSession, FakeStore};
use crate::id::UserId;
use crate::input;
use crate::series::Reach;
use crate::todos::Todos;
use futures::executor::block_on;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::time::Duration;

struct World {
    clock: FakeClock,
    store: FakeStore,
    user: UserId,
    session: FakeSession,
}

impl World {
    fn new() -> Self {
        let clock = FakeClock::at(at(0));
        let store = FakeStore::new(clock.clone());
        let user: UserId = "ada".parse().unwrap();
        let session = store.session(&user);
        Self { clock, store, user, session }
    }

    fn run(&self, command: Command) -> Task {
        block_on(Todos { session: &self.session, clock: &self.clock, source: Source::Api }.run(&command)).unwrap()
    }

    fn create(&self, due: i64) -> Task {
        let fields = json!({"title": "Water", "due_date": at(due), "reminder_minutes": 60});
        self.run(Command::Create(input::new_task(fields.to_string().as_bytes()).unwrap()))
    }

    fn edit(&self, task: &Task, edit: Edit) {
        self.run(Command::Edit { id: task.id, precondition: Precondition::None, edit });
    }

    fn date(&self, task: &Task, due: i64) {
        let fields = json!({"due_date": at(due)});
        self.edit(task, Edit::Change(input::task_patch(fields.to_string().as_bytes()).unwrap(), Reach::Following));
    }

    /// Gives notice of what is due at that minute.
    fn tick(&self, minute: i64) {
        self.clock.set(at(minute));
        block_on(crate::reminders::tick(&self.store, &FakeMemory::new(self.clock.clone()), at(minute))).unwrap();
    }

    /// Everything published, as consumers get it.
    fn events(&self) -> Vec<Incoming> {
        let incoming = |event: crate::contract::Published| {
            let body: Value = serde_json::from_str(&event.body).unwrap();
            Incoming {
                id: event.id,
                topic: event.topic,
                kind: event.kind,
                time: Timestamp::parse(body["time"].as_str().unwrap()).unwrap(),
                data_version: 1,
                data: RawValue::from_string(body["data"].to_string()).unwrap(),
            }
        };
        self.store.published(&self.user).into_iter().map(incoming).collect()
    }

    /// The last event of that type.
    fn last(&self, kind: &str) -> Incoming {
        self.events().into_iter().rfind(|event| event.kind == kind).unwrap()
    }

    fn hear(&self, event: &Incoming) -> Disposition {
        block_on(on_event(&self.session, &self.clock, event))
    }

    /// Hears everything from the beginning, all of it acknowledged.
    fn hear_all(&self) {
        for event in self.events() {
            assert_eq!(self.hear(&event), Disposition::Done, "{event:?}");
        }
    }

    fn list(&self, query: &str) -> Page<Notification> {
        block_on(list(&self.session, input::notification_params(query).unwrap())).unwrap()
    }

    fn kinds(&self) -> Vec<&'static str> {
        self.list("").items.iter().map(|it| it.kind.name()).collect()
    }
}

/// Something that is done to a task.
type DynEdit<'a> = &'a dyn Fn(&World, &Task);

#[test]
fn a_reminder_becomes_a_notification_once() {
    let world = World::new();
    let task = world.create(90);
    world.tick(90);
    world.clock.set(at(91));
    for _ in 0..3 {
        world.hear_all();
    }
    assert_eq!(world.kinds().len(), 2);
    let overdue = world.list("").items.into_iter().find(|it| it.kind.name() == "reminder.overdue").unwrap();
    let expected = json!({
        "id": world.last("reminder.overdue").id, "kind": "reminder.overdue", "task_id": task.id, "title": "Water",
        "due_date": at(90), "link": format!("/?task={}", task.id), "read": false, "created_at": at(91),
    });
    assert_eq!(serde_json::to_value(&overdue).unwrap(), expected);
    assert_eq!(world.events().iter().filter(|event| event.kind == "notification.created").count(), 2);
}

/// Failure 3: where the work fails, so does the mark that it was done.
#[test]
fn an_event_whose_commit_failed_comes_again_and_has_its_effect() {
    let world = World::new();
    world.create(90);
    world.tick(90);
    let event = world.last("reminder.overdue");
    world.store.fail_commits([Failure::Unavailable("full".to_owned())]);
    assert_eq!(world.hear(&event), Disposition::Retry(Duration::from_secs(1)));
    assert_eq!(world.kinds(), [""; 0]);
    world.store.fail_commits([Failure::Conflict, Failure::Conflict]);
    assert_eq!(world.hear(&event), Disposition::Done);
    assert_eq!(world.kinds(), ["reminder.overdue"]);
    world.store.fail_commits(vec![Failure::Conflict; 10]);
    let again = Incoming { id: Uuid::from_u128(1), ..event.clone() };
    assert!(matches!(world.hear(&again), Disposition::Retry(_)));
    world.store.fail_commits([Failure::Ended]);
    assert_eq!(world.hear(&again), Disposition::Done, "there is nobody to tell");
}

#[test]
fn an_event_that_comes_again_changes_nothing() {
    let world = World::new();
    let task = world.create(90);
    world.tick(90);
    world.hear_all();
    world.edit(&task, Edit::Complete(true));
    world.hear_all();
    world.edit(&task, Edit::Complete(false));
    world.hear_all();
    assert_eq!(world.kinds(), [""; 0], "they were withdrawn");
}

/// The mark of a consumed event is not kept for ever; an event may be sent again much later.
#[test]
fn an_event_without_its_mark_makes_no_second_notification() {
    let world = World::new();
    world.create(90);
    world.tick(90);
    world.hear_all();
    let kept = world.list("").items;
    let event = world.last("reminder.overdue");
    block_on(async {
        let mut work = world.session.begin(Source::Api).await.unwrap();
        let reminder = event.reminder().unwrap();
        assert!(!work.once(&event.id.to_string()).await.unwrap());
        drop(work);
        let result = attempt(&world.session, at(95), Uuid::from_u128(1), &Wanted::Keep(reminder)).await;
        assert_eq!(result, Ok(()));
    });
    assert_eq!(world.list("").items, kept);
}

#[test]
fn a_reminder_that_is_not_true_any_more_is_not_kept() {
    let edits: [DynEdit<'_>; 4] = [
        &|world, task| world.edit(task, Edit::Complete(true)),
        &|world, task| world.edit(task, Edit::Delete(Reach::Following)),
        &|world, task| world.date(task, 200),
        &|world, task| world.edit(task, Edit::Snooze(Snooze::Minutes(10))),
    ];
    for edit in edits {
        let world = World::new();
        let task = world.create(90);
        world.tick(90);
        edit(&world, &task);
        world.hear_all();
        assert_eq!(world.kinds(), [""; 0]);
    }
    let world = World::new();
    let (task, other) = (world.create(90), "bob".parse().unwrap());
    world.tick(90);
    let strangers = world.store.session(&other);
    assert_eq!(block_on(on_event(&strangers, &world.clock, &world.last("reminder.overdue"))), Disposition::Done);
    assert_eq!(block_on(unread_count(&strangers)), Ok(0), "{task:?} is not bob's");
}

#[test]
fn what_no_longer_applies_is_withdrawn_unless_it_was_read() {
    let edits: [DynEdit<'_>; 3] = [
        &|world, task| world.edit(task, Edit::Complete(true)),
        &|world, task| world.edit(task, Edit::Delete(Reach::Following)),
        &|world, task| world.date(task, 200),
    ];
    for edit in edits {
        let world = World::new();
        let (task, other) = (world.create(90), world.create(90));
        world.tick(90);
        world.hear_all();
        let of = |id| world.list("").items.into_iter().filter(|it| it.task_id == id).collect::<Vec<_>>();
        let read = block_on(mark_read(&world.session, of(task.id)[0].id)).unwrap();
        edit(&world, &task);
        world.hear_all();
        assert_eq!(of(task.id), [read]);
        assert_eq!(of(other.id).len(), 2);
    }
}

#[test]
fn other_changes_withdraw_nothing() {
    let world = World::new();
    let task = world.create(90);
    world.tick(90);
    world.hear_all();
    let title = input::task_patch(br#"{"title":"other"}"#).unwrap();
    world.edit(&task, Edit::Change(title, Reach::Following));
    world.edit(&task, Edit::Snooze(Snooze::Minutes(5)));
    world.hear_all();
    assert_eq!(world.kinds().len(), 2);
}

/// A commit for each completion would be most of what a backlog costs.
#[test]
fn where_nothing_waits_to_be_read_nothing_is_committed() {
    let world = World::new();
    let (task, other) = (world.create(90), world.create(90));
    world.tick(90);
    world.edit(&task, Edit::Complete(true));
    let nothing_waits = world.last("task.completed");
    world.hear_all();
    world.edit(&other, Edit::Complete(true));
    world.store.fail_commits([Failure::Unavailable("full".to_owned())]);
    assert_eq!(world.hear(&nothing_waits), Disposition::Done);
    assert_eq!(world.hear(&world.last("task.completed")), Disposition::Retry(Duration::from_secs(1)));
}

/// Events of two topics come in any order, and any of them late: what a later event has kept, an earlier one does not withdraw.
#[test]
fn a_late_event_withdraws_no_newer_notification() {
    let world = World::new();
    let task = world.create(90);
    world.date(&task, 200);
    let dated = world.last("task.updated");
    world.edit(&task, Edit::Complete(true));
    let completed = world.last("task.completed");
    world.edit(&task, Edit::Complete(false));
    world.tick(200);
    let (upcoming, overdue) = (world.last("reminder.upcoming"), world.last("reminder.overdue"));
    for event in [overdue, dated, upcoming, completed] {
        assert_eq!(world.hear(&event), Disposition::Done);
    }
    assert_eq!(world.kinds().len(), 2);
}

#[test]
fn what_cannot_be_read_is_rejected_with_the_reason_and_what_is_of_no_concern_is_done() {
    let world = World::new();
    world.create(90);
    world.tick(90);
    let event = world.last("reminder.overdue");
    let future = Incoming { data_version: 2, ..event.clone() };
    assert_eq!(world.hear(&future), Disposition::Reject("reminder.overdue has data of version 2; known is 1".to_owned()));
    let broken = Incoming { data: RawValue::from_string("{}".to_owned()).unwrap(), ..event.clone() };
    let Disposition::Reject(reason) = world.hear(&broken) else { panic!("it has no data") };
    assert!(reason.contains("missing field"), "{reason}");
    let foreign = Incoming { kind: "task.painted".to_owned(), ..future };
    assert_eq!(world.hear(&foreign), Disposition::Done);
    assert_eq!(world.kinds(), [""; 0]);
}

#[test]
fn notifications_are_listed_in_pages_and_read() {
    let world = World::new();
    for due in [90, 91, 92] {
        world.create(due);
    }
    for minute in [30, 31, 32, 90, 91] {
        world.tick(minute);
        world.hear_all();
    }
    let mut seen = Vec::new();
    let mut page = world.list("limit=2");
    while let Some(cursor) = &page.next_cursor {
        let next = world.list(&format!("limit=2&cursor={cursor}"));
        seen.extend(std::mem::replace(&mut page, next).items);
    }
    seen.extend(page.items);
    assert_eq!(seen, world.list("").items);
    assert!(seen.len() == 5 && seen.iter().rev().is_sorted_by_key(|it| it.created_at));

    let read = block_on(mark_read(&world.session, seen[1].id)).unwrap();
    assert_eq!(read, Notification { read: true, ..seen[1].clone() });
    world.store.fail_commits([Failure::Conflict]);
    assert_eq!(block_on(mark_read(&world.session, seen[1].id)), Ok(read), "again: nothing is written");
    assert_eq!(block_on(mark_read(&world.session, Uuid::from_u128(1))), Err(Error::NotFound));
    assert_eq!(block_on(mark_all_read(&world.session)), Err(Failure::Conflict.into()));
    assert_eq!((world.list("unread_only=true").items.len(), block_on(unread_count(&world.session))), (4, Ok(4)));
    block_on(mark_all_read(&world.session)).unwrap();
    assert_eq!((world.list("unread_only=true").items.len(), block_on(unread_count(&world.session))), (0, Ok(0)));
    assert_eq!(world.list("unread_only=false").items.len(), 5);
}

#[test]
fn a_page_is_as_documented() {
    let world = World::new();
    world.create(90);
    world.tick(90);
    world.hear_all();
    let api: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap();
    let schema = json!({"$ref": "#/components/schemas/NotificationPage", "components": api["components"]});
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let page = serde_json::to_value(world.list("limit=1")).unwrap();
    assert!(page["next_cursor"].is_string());
    assert_eq!(validator.iter_errors(&page).map(|error| error.to_string()).collect::<Vec<_>>(), [""; 0]);
}

/// As for tasks: see `todos`.
#[test]
fn use_cases_can_move_between_threads() {
    fn moves(_: impl Send) {}
    let world = World::new();
    world.create(90);
    let event = world.last("task.created");
    moves(on_event(&world.session, &world.clock, &event));
    moves(list(&world.session, input::notification_params("").unwrap()));
    moves(mark_read(&world.session, Uuid::nil()));
    moves(mark_all_read(&world.session));
    moves(unread_count(&world.session));
}
