use super::*;
use crate::command::{Command, Edit, Precondition, Snooze};
use crate::contract::{Published, at};
use crate::fake::{FakeClock, FakeMemory, FakeStore};
use crate::id::UserId;
use crate::input;
use crate::ports::Clock;
use crate::series::Reach;
use crate::todos::Todos;
use futures::executor::block_on;
use futures::future::join_all;
use serde_json::{Value, json};

struct World {
    clock: FakeClock,
    store: FakeStore,
    memory: FakeMemory,
    user: UserId,
}

impl World {
    fn new() -> Self {
        let clock = FakeClock::at(at(0));
        let (store, memory) = (FakeStore::new(clock.clone()), FakeMemory::new(clock.clone()));
        Self { clock, store, memory, user: "ada".parse().unwrap() }
    }

    fn run(&self, command: Command) -> Task {
        let session = self.store.session(&self.user);
        block_on(Todos { session: &session, clock: &self.clock, source: Source::Api }.run(&command)).unwrap()
    }

    fn create(&self, due: i64, lead: Option<u32>) -> Task {
        let fields = json!({"title": "x", "due_date": at(due), "reminder_minutes": lead});
        self.run(Command::Create(input::new_task(fields.to_string().as_bytes()).unwrap()))
    }

    fn edit(&self, task: &Task, edit: Edit) -> Task {
        self.run(Command::Edit { id: task.id, precondition: Precondition::None, edit })
    }

    /// A tick at that minute.
    fn tick(&self, minute: i64) -> Result<Option<Timestamp>, Failure> {
        self.clock.set(at(minute));
        block_on(tick(&self.store, &self.memory, self.clock.now()))
    }

    fn given(&self) -> Vec<Published> {
        self.store.published(&self.user).into_iter().filter(|event| event.topic == "reminders").collect()
    }

    fn kinds(&self) -> Vec<String> {
        self.given().into_iter().map(|event| event.kind).collect()
    }
}

#[test]
fn a_tick_gives_what_is_due_and_names_the_next_moment() {
    let world = World::new();
    assert_eq!(world.tick(0), Ok(None));
    let task = world.create(90, Some(60));
    assert_eq!(world.tick(0), Ok(Some(at(30))));
    assert_eq!(world.kinds(), [""; 0]);
    assert_eq!(world.tick(30), Ok(Some(at(90))));
    assert_eq!(world.tick(90), Ok(None));
    assert_eq!(world.kinds(), ["reminder.upcoming", "reminder.overdue"]);
    let body: Value = serde_json::from_str(&world.given()[0].body).unwrap();
    let data = json!({
        "reminder_type": "upcoming", "task_id": task.id, "user_id": "ada", "title": "x", "due_date": at(90),
        "link": format!("/?task={}", task.id),
    });
    assert_eq!(body["data"], data);
}

/// Failures 9 and 10: overlapping ticks, two hosts, an outside call beside the schedule.
#[test]
fn ticks_at_the_same_time_give_each_notice_once() {
    let world = World::new();
    for _ in 0..50 {
        world.create(90, Some(0));
    }
    world.clock.set(at(90));
    let memories: Vec<FakeMemory> = (0..4).map(|_| FakeMemory::new(world.clock.clone())).collect();
    block_on(join_all(memories.iter().map(|memory| tick(&world.store, memory, at(90)))));
    for _ in 0..12 {
        assert_eq!(world.tick(91), Ok(None));
    }
    assert_eq!(world.given().len(), 100);
}

/// Failure 11.
#[test]
fn a_memory_that_forgets_or_fails_makes_no_duplicate_and_no_loss() {
    let world = World::new();
    world.create(90, Some(60));
    world.memory.fail(true);
    world.tick(30).unwrap();
    world.tick(31).unwrap();
    world.memory.fail(false);
    world.tick(90).unwrap();
    world.memory.forget();
    world.tick(91).unwrap();
    assert_eq!(world.kinds(), ["reminder.upcoming", "reminder.overdue"]);
}

#[test]
fn the_memory_knows_what_was_given_by_the_key_of_its_window() {
    let world = World::new();
    let task = world.create(90, Some(60));
    world.tick(30).unwrap();
    world.tick(90).unwrap();
    let window = at(30).millis() / 300_000;
    let keys = [format!("overdue:{}:2026-05-01", task.id), format!("reminder:{}:{window}", task.id)];
    assert_eq!(world.memory.keys(&world.user), keys);
}

/// A memory that remembers more than the store, as after a store was set back to an older state: no duplicate, and no busy loop.
#[test]
fn what_the_memory_knows_as_given_is_not_given() {
    let (world, restored) = (World::new(), World::new());
    world.create(90, None);
    restored.create(90, None);
    world.tick(90).unwrap();
    restored.clock.set(at(90));
    assert_eq!(block_on(tick(&restored.store, &world.memory, at(90))), Err(Failure::Conflict));
    assert_eq!(restored.kinds(), [""; 0]);
}

/// Failure 23: downtime loses none, and two in one window are two.
#[test]
fn what_fell_due_while_nobody_looked_is_given_once() {
    let world = World::new();
    for due in [60, 60, 61, 62] {
        world.create(due, None);
    }
    let task = world.create(63, Some(1));
    assert_eq!(world.tick(1_000), Ok(None));
    assert_eq!(world.given().len(), 6);
    assert_eq!(world.tick(1_001), Ok(None));
    assert_eq!(world.given().len(), 6);

    for due in [900, 901, 902] {
        let fields = json!({"due_date": at(due)});
        world.edit(&task, Edit::Change(input::task_patch(fields.to_string().as_bytes()).unwrap(), Reach::Following));
        world.tick(1_001).unwrap();
    }
    assert_eq!(world.given().len(), 9, "three due dates within one day and one window");
}

#[test]
fn a_snoozed_a_completed_and_a_deleted_task_stay_silent() {
    let world = World::new();
    let [snoozed, completed, deleted] = [0; 3].map(|_| world.create(90, Some(60)));
    world.edit(&snoozed, Edit::Snooze(Snooze::Until(at(200))));
    world.edit(&completed, Edit::Complete(true));
    world.edit(&deleted, Edit::Delete(Reach::Following));
    assert_eq!(world.tick(100), Ok(Some(at(200))));
    assert_eq!(world.kinds(), [""; 0]);
    assert_eq!(world.tick(200), Ok(None));
    assert_eq!(world.kinds(), ["reminder.overdue"]);
}

#[test]
fn a_tick_is_bounded_and_the_next_follows_at_once() {
    let world = World::new();
    for _ in 0..MOST_TASKS + 7 {
        world.create(90, None);
    }
    assert_eq!(world.tick(100), Ok(Some(at(100))));
    assert_eq!(world.given().len(), MOST_TASKS);
    assert_eq!(world.tick(100), Ok(None));
    assert_eq!(world.given().len(), MOST_TASKS + 7);
}

#[test]
fn a_task_that_fails_stops_no_other_and_is_given_by_the_next_tick() {
    let world = World::new();
    for due in 80..90 {
        world.create(due, None);
    }
    let failures = [Failure::Conflict, Failure::Unavailable("full".to_owned()), Failure::Ended];
    world.store.fail_commits(failures);
    assert_eq!(world.tick(90), Ok(Some(at(80))), "not in the future: at once");
    assert_eq!(world.given().len(), 7);
    assert_eq!(world.tick(90), Ok(None));
    assert_eq!(world.given().len(), 10);
}

#[test]
fn where_nothing_can_be_given_the_tick_fails() {
    let world = World::new();
    world.create(80, None);
    world.store.fail_commits([Failure::Unavailable("full".to_owned())]);
    assert_eq!(world.tick(90), Err(Failure::Unavailable("full".to_owned())));
    assert_eq!(world.tick(90), Ok(None));
    assert_eq!(world.kinds(), ["reminder.overdue"]);
}

/// A native server moves a tick between threads: over ports that can be moved, so can the use case.
#[test]
fn a_tick_can_move_between_threads() {
    fn moves(_: impl Send) {}
    let world = World::new();
    moves(tick(&world.store, &world.memory, at(0)));
}
