use super::*;
use crate::change::ChangeKind;
use crate::command::{Command, Edit, Precondition};
use crate::fake::{FakeClock, FakeSession, FakeStore};
use crate::id::UserId;
use crate::input;
use crate::todos::Todos;
use futures::executor::block_on;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A store, a clock, and a session of one user.
struct World {
    store: FakeStore,
    clock: FakeClock,
    session: FakeSession,
    user: UserId,
}

impl World {
    fn at(now: &str) -> Self {
        let clock = FakeClock::at(at(now));
        let (store, user): (FakeStore, UserId) = (FakeStore::new(clock.clone()), "ada".parse().unwrap());
        let session = store.session(&user);
        Self { store, clock, session, user }
    }

    fn run(&self, command: &Command) -> Result<Task, Error> {
        block_on(Todos { session: &self.session, clock: &self.clock, source: Source::Api }.run(command))
    }

    /// A task due when the clock stands, in Berlin, with this rule.
    fn repeating(&self, rrule: &str) -> Task {
        let rule = json!({"rrule": rrule, "time_zone": "Europe/Berlin"});
        self.create(json!({"title": "water", "due_date": self.clock.now().to_string(), "recurrence": rule}))
    }

    fn create(&self, fields: Value) -> Task {
        self.run(&Command::Create(input::new_task(fields.to_string().as_bytes()).unwrap())).unwrap()
    }

    fn edit(&self, task: &Task, edit: Edit) -> Result<Task, Error> {
        self.run(&Command::Edit { id: task.id, precondition: Precondition::None, edit })
    }

    fn patch(&self, task: &Task, reach: Reach, fields: Value) -> Result<Task, Error> {
        self.edit(task, Edit::Change(input::task_patch(fields.to_string().as_bytes()).unwrap(), reach))
    }

    /// The event of a completion arrives.
    fn hear(&self, event: &str, task: &Task) {
        assert_eq!(self.heard(event, task), Disposition::Done);
    }

    /// The id of an event; the same name is the same event.
    fn event(&self, name: &str, task: &Task) -> Uuid {
        crate::id::derived(task.created_at, &[name.as_bytes()])
    }

    /// What becomes of that event.
    fn heard(&self, event: &str, task: &Task) -> Disposition {
        let data = json!({"task_id": task.id, "changed_fields": {}});
        block_on(on_event(&self.session, &self.clock, &completed(self.event(event, task), data)))
    }

    /// Completes a task, and gives the next.
    fn follow(&self, task: &Task) -> Task {
        let done = self.edit(task, Edit::Complete(true)).unwrap();
        self.hear(&format!("{} {}", done.id, done.version), &done);
        self.after(task).expect("a successor")
    }

    fn after(&self, task: &Task) -> Option<Task> {
        let id = successor_id(task.series_id.unwrap_or(task.id), task.id);
        block_on(self.session.get(id, true)).unwrap()
    }

    /// How many tasks there are that are not deleted.
    fn count(&self) -> usize {
        block_on(self.session.list(&input::list_params("", self.clock.now()).unwrap())).unwrap().len()
    }
}

fn completed(id: Uuid, data: Value) -> Incoming {
    let (topic, kind) = ("task-events".to_owned(), "task.completed".to_owned());
    Incoming {
        id,
        topic,
        kind,
        time: at("2026-05-01T09:00:00Z"),
        data_version: 1,
        data: serde_json::value::to_raw_value(&data).unwrap(),
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn due(task: &Task) -> String {
    task.due_date.unwrap().to_string()
}

fn path(result: Result<Task, Error>) -> String {
    match result {
        Err(Error::Invalid(faults)) => faults.into_iter().map(|fault| fault.path).collect(),
        other => panic!("no fault: {other:?}"),
    }
}

#[test]
fn the_next_inherits_what_was_set_and_nothing_that_happened() {
    let world = World::at("2026-03-28T08:00:00Z");
    let task = world.create(json!({
        "title": "water", "description": "all", "priority": "high", "tags": ["home"], "reminder_minutes": 5,
        "due_date": "2026-03-28T08:00:00Z", "recurrence": {"frequency": "daily", "time_zone": "Europe/Berlin"},
    }));
    assert_eq!(task.series_id, Some(task.id));
    world.clock.advance_minutes(30);
    let next = world.follow(&task);
    assert_eq!(due(&next), "2026-03-29T07:00:00Z", "nine o'clock there, where the clocks were put forward");
    let inherited = |task: &Task| (Template::of(task), task.recurrence.clone(), task.series_id);
    assert_eq!(inherited(&next), inherited(&task));
    assert_eq!((next.parent_task_id, next.completed_at, next.version), (Some(task.id), None, 1));
    assert_eq!((next.created_at, next.updated_at), (world.clock.now(), world.clock.now()));
    assert_eq!((next.id.0.get_version_num(), next.id.0.as_u128() >> 80), (7, task.id.0.as_u128() >> 80));
    let entries = block_on(world.session.history(Some(next.id), None, 9)).unwrap();
    assert_eq!((entries.len(), entries[0].kind, entries[0].source), (1, ChangeKind::Created, Source::Recurrence));
}

#[test]
fn a_monthly_task_of_the_31st_comes_back_to_it() {
    let world = World::at("2026-01-31T09:00:00Z");
    let mut task = world.create(json!({
        "title": "rent", "due_date": "2026-01-31T09:00:00Z", "recurrence": {"frequency": "monthly", "interval": 1},
    }));
    let mut days = Vec::new();
    for _ in 0..12 {
        task = world.follow(&task);
        days.push(due(&task)[5..10].to_owned());
    }
    let expected = "02-28 03-31 04-30 05-31 06-30 07-31 08-31 09-30 10-31 11-30 12-31 01-31";
    assert_eq!(days.join(" "), expected);
}

#[test]
fn an_occurrence_has_one_successor_whatever_happens() {
    let world = World::at("2026-05-01T09:00:00Z");
    let task = world.repeating("FREQ=DAILY");
    let done = world.edit(&task, Edit::Complete(true)).unwrap();
    world.hear("first", &done);
    world.hear("first", &done);
    world.clock.advance_minutes(3 * 24 * 60);
    world.hear("the same again under another id", &done);
    let next = world.after(&task).unwrap();
    assert_eq!((world.count(), due(&next)), (2, "2026-05-02T09:00:00Z".to_owned()));
    world.edit(&task, Edit::Complete(false)).unwrap();
    world.edit(&task, Edit::Complete(true)).unwrap();
    world.hear("second", &task);
    world.edit(&next, Edit::Delete(Reach::Following)).unwrap();
    world.hear("third", &task);
    assert_eq!((world.count(), world.after(&next)), (1, None), "a successor that was deleted is not made again");
}

#[test]
fn what_does_not_repeat_or_was_reopened_or_is_gone_has_no_successor() {
    let world = World::at("2026-05-01T09:00:00Z");
    let plain = world.create(json!({"title": "x"}));
    world.edit(&plain, Edit::Complete(true)).unwrap();
    let reopened = world.repeating("FREQ=DAILY");
    let deleted = world.repeating("FREQ=DAILY");
    world.edit(&deleted, Edit::Delete(Reach::Following)).unwrap();
    let nowhere = Task { id: TaskId(uuid::Uuid::nil()), ..plain.clone() };
    for (event, task) in [("1", &plain), ("2", &reopened), ("3", &deleted), ("4", &nowhere)] {
        world.hear(event, task);
        assert_eq!(world.after(task), None);
    }
    // Completed first and deleted then: it was done, and the next is due.
    let done = world.repeating("FREQ=DAILY");
    world.edit(&done, Edit::Complete(true)).unwrap();
    world.edit(&done, Edit::Delete(Reach::Following)).unwrap();
    world.hear("5", &done);
    assert!(world.after(&done).is_some());
}

#[test]
fn the_mark_of_an_event_and_its_effect_commit_together() {
    let world = World::at("2026-05-01T09:00:00Z");
    let task = world.repeating("FREQ=DAILY");
    world.edit(&task, Edit::Complete(true)).unwrap();
    world.store.fail_commits([Failure::Unavailable("full".to_owned())]);
    assert!(matches!(world.heard("event", &task), Disposition::Retry(_)));
    let taken = || {
        let mut work = block_on(world.session.begin(Source::Recurrence)).unwrap();
        !block_on(work.once(&world.event("event", &task).to_string())).unwrap()
    };
    assert_eq!((world.after(&task), taken()), (None, false));
    world.store.fail_commits([Failure::Conflict, Failure::Conflict]);
    world.hear("event", &task);
    assert!(world.after(&task).is_some() && taken());
}

#[test]
fn a_late_completion_gives_a_date_in_the_future() {
    let world = World::at("2026-05-01T09:00:00Z");
    let task = world.repeating("FREQ=DAILY;COUNT=10");
    world.clock.advance_minutes(4 * 24 * 60 + 1);
    let next = world.follow(&task);
    assert_eq!((due(&next).as_str(), next.place.as_ref().unwrap().number), ("2026-05-06T09:00:00Z", 6));
    world.clock.advance_minutes(10 * 24 * 60);
    let done = world.edit(&next, Edit::Complete(true)).unwrap();
    assert_eq!(successor(&done, world.clock.now()), None, "the tenth is past");
}

#[test]
fn count_and_until_end_a_series() {
    let world = World::at("2026-05-01T09:00:00Z");
    for rule in ["FREQ=DAILY;COUNT=2", "FREQ=DAILY;UNTIL=20260502T090000Z", "FREQ=DAILY;UNTIL=20260502"] {
        let first = world.repeating(rule);
        let last = world.follow(&first);
        let done = world.edit(&last, Edit::Complete(true)).unwrap();
        world.hear(rule, &done);
        assert_eq!(world.after(&last), None, "{rule}");
    }
}

#[test]
fn a_time_that_the_clocks_leave_out_once_comes_back() {
    let world = World::at("2026-03-28T01:30:00Z");
    let moved = world.follow(&world.repeating("FREQ=DAILY"));
    assert_eq!(due(&moved), "2026-03-29T01:30:00Z", "half past two is half past three there on that day");
    world.clock.advance_minutes(24 * 60);
    assert_eq!(due(&world.follow(&moved)), "2026-03-30T00:30:00Z");
}

#[test]
fn a_change_of_this_one_alone_is_not_handed_on() {
    let world = World::at("2026-05-01T09:00:00Z");
    let task = world.repeating("FREQ=WEEKLY");
    let fields = json!({"title": "water twice", "priority": "high", "due_date": "2026-05-02T18:00:00Z"});
    let changed = world.patch(&task, Reach::This, fields).unwrap();
    assert_eq!((changed.title.as_str(), due(&changed)), ("water twice", "2026-05-02T18:00:00Z".to_owned()));
    world.patch(&task, Reach::This, json!({"title": "water thrice"})).unwrap();
    let next = world.follow(&changed);
    assert_eq!((next.title.as_str(), next.priority, due(&next).as_str()), ("water", task.priority, "2026-05-08T09:00:00Z"));
    assert_eq!(next.place.unwrap().template, None);
}

#[test]
fn a_change_for_all_that_follow_reaches_them_field_by_field() {
    let world = World::at("2026-05-01T09:00:00Z");
    let task = world.repeating("FREQ=WEEKLY");
    world.patch(&task, Reach::This, json!({"title": "once", "description": "once"})).unwrap();
    let changed = world.patch(&task, Reach::Following, json!({"title": "for ever", "tags": ["home"]})).unwrap();
    let next = world.follow(&changed);
    let words = (next.title.as_str(), next.description.as_ref(), next.tags.iter().count());
    assert_eq!(words, ("for ever", None, 1));
}

#[test]
fn a_due_date_or_rule_for_all_that_follow_begins_the_count_anew() {
    let world = World::at("2026-05-01T09:00:00Z");
    let next = world.follow(&world.repeating("FREQ=DAILY;COUNT=3"));
    let titled = world.patch(&next, Reach::Following, json!({"title": "x"})).unwrap();
    assert_eq!(titled.place.as_ref().unwrap().number, 2);
    let moved = world.patch(&next, Reach::Following, json!({"due_date": "2026-05-02T12:30:00Z"})).unwrap();
    assert_eq!(moved.place.as_ref().unwrap().number, 1);
    assert_eq!(due(&world.follow(&moved)), "2026-05-03T12:30:00Z");

    let plain = world.create(json!({"title": "x"}));
    assert_eq!((plain.series_id, &plain.place), (None, &None));
    let fields = json!({"due_date": "2026-05-01T09:00:00Z", "recurrence": {"frequency": "daily"}});
    let repeating = world.patch(&plain, Reach::Following, fields).unwrap();
    assert_eq!((repeating.series_id, repeating.place.unwrap().number), (Some(plain.id), 1));
    let cleared = world.patch(&plain, Reach::Following, json!({"recurrence": null})).unwrap();
    assert_eq!((cleared.series_id, cleared.place), (Some(plain.id), None));
}

#[test]
fn this_one_alone_is_only_for_what_repeats_and_not_for_the_rule() {
    let world = World::at("2026-05-01T09:00:00Z");
    let plain = world.create(json!({"title": "x"}));
    assert_eq!(path(world.patch(&plain, Reach::This, json!({"title": "y"}))), "series");
    assert_eq!(path(world.edit(&plain, Edit::Delete(Reach::This))), "series");
    let task = world.repeating("FREQ=DAILY");
    assert_eq!(path(world.patch(&task, Reach::This, json!({"recurrence": null}))), "recurrence");
    assert_eq!(path(world.patch(&task, Reach::This, json!({"recurrence": {"frequency": "weekly"}}))), "recurrence");
    let events = world.store.published(&world.user).len();
    assert_eq!(world.patch(&task, Reach::This, json!({"title": "water"})).unwrap(), task);
    assert_eq!(world.store.published(&world.user).len(), events, "it changes nothing");
}

#[test]
fn deleting_this_one_skips_it_and_deleting_the_following_ends_the_series() {
    let world = World::at("2026-05-01T09:00:00Z");
    let task = world.repeating("FREQ=DAILY");
    let events = world.store.published(&world.user).len();
    world.edit(&task, Edit::Delete(Reach::This)).unwrap();
    let next = world.after(&task).expect("it goes on");
    assert_eq!((due(&next), world.count()), ("2026-05-02T09:00:00Z".to_owned(), 1));
    assert_eq!(world.store.published(&world.user).len(), events + 4, "in one unit of work");

    world.edit(&task, Edit::Restore).unwrap();
    world.follow(&task);
    assert_eq!(world.count(), 2, "the successor is left alone, and is the only one");

    world.edit(&next, Edit::Delete(Reach::Following)).unwrap();
    assert_eq!((world.after(&next), world.count()), (None, 1));
}

#[test]
fn skipping_one_that_is_counted_from_completion_is_not_to_meet_it_again() {
    let world = World::at("2026-05-01T09:00:00Z");
    let rule = json!({"frequency": "daily", "interval": 2, "from": "completion"});
    let task = world.create(json!({"title": "x", "due_date": "2026-05-03T18:00:00Z", "recurrence": rule}));
    assert_eq!(task.recurrence.as_ref().unwrap().rrule.as_str(), "FREQ=DAILY;INTERVAL=2");
    world.edit(&task, Edit::Delete(Reach::This)).unwrap();
    assert_eq!(due(&world.after(&task).unwrap()), "2026-05-05T18:00:00Z");
}

#[test]
fn a_task_kept_without_a_place_begins_its_series() {
    let world = World::at("2026-05-01T09:00:00Z");
    let task = world.repeating("FREQ=DAILY;COUNT=2");
    let kept = Task { place: None, series_id: None, completed_at: Some(world.clock.now()), ..task };
    let next = successor(&kept, world.clock.now()).unwrap().task;
    assert_eq!((due(&next).as_str(), next.series_id, next.place.unwrap().number), ("2026-05-02T09:00:00Z", Some(kept.id), 2));
}

#[test]
fn a_preview_is_in_the_zone_of_the_preferences() {
    let world = World::at("2026-05-01T09:00:00Z");
    let patch = input::preferences_patch(br#"{"time_zone":"Europe/Berlin"}"#).unwrap();
    block_on(crate::todos::change_preferences(&world.session, &patch, Source::Api)).unwrap();
    let asked = br#"{"recurrence":{"frequency":"weekly"},"due_date":"2026-03-22T08:00:00Z","count":2}"#;
    let dates = block_on(preview(&world.session, &input::preview(asked).unwrap())).unwrap();
    let expected = json!({"occurrences": ["2026-03-29T07:00:00Z", "2026-04-05T07:00:00Z"]});
    assert_eq!(serde_json::to_value(dates).unwrap(), expected);
    let session = world.store.session_within(&world.user, &[]);
    assert!(block_on(preview(&session, &input::preview(asked).unwrap())).is_err());
}

proptest! {
    /// However often, and in whichever order, the events of a series come: each occurrence once.
    #[test]
    fn events_may_come_as_they_like(steps in prop::collection::vec((0_usize..4, 0..5_000_i64, any::<bool>()), 1..20)) {
        let world = World::at("2026-05-01T09:00:00Z");
        let mut chain = vec![world.repeating("FREQ=DAILY")];
        for (index, (back, minutes, fresh)) in steps.into_iter().enumerate() {
            let task = chain[chain.len().saturating_sub(back + 1)].clone();
            world.clock.advance_minutes(minutes);
            world.edit(&task, Edit::Complete(true)).unwrap();
            world.hear(&if fresh { format!("{index}") } else { task.id.to_string() }, &task);
            if let Some(next) = world.after(chain.last().unwrap()) {
                chain.push(next);
            }
            prop_assert_eq!(world.count(), chain.len());
        }
        prop_assert!(chain.is_sorted_by(|one, other| one.due_date < other.due_date));
    }
}

#[test]
fn an_event_that_cannot_be_read_is_refused_and_one_of_no_concern_is_done() {
    let world = World::at("2026-05-01T09:00:00Z");
    let event = completed(Uuid::from_u128(1), json!({"task_id": 7}));
    let hear = |event: &Incoming| block_on(on_event(&world.session, &world.clock, event));
    assert!(matches!(hear(&event), Disposition::Reject(_)));
    let future =
        Incoming { data_version: 2, ..completed(Uuid::from_u128(2), json!({"task_id": Uuid::nil(), "changed_fields": {}})) };
    assert!(matches!(hear(&future), Disposition::Reject(_)), "a version from the future waits for its replay");
    assert_eq!(hear(&Incoming { kind: "task.created".to_owned(), ..event }), Disposition::Done);
}
