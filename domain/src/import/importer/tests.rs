use super::*;
use crate::account::Scope;
use crate::command::{Command, Edit, Precondition};
use crate::consumer::{Disposition, Incoming};
use crate::contract::Published;
use crate::fake::{FakeClock, FakeSession, FakeStore};
use crate::import::tests::{berlin, now};
use crate::import::{Format, read};
use crate::query::TaskQuery;
use crate::series;
use crate::todos::Todos;
use futures::executor::block_on;
use proptest::prelude::*;
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
        let clock = FakeClock::at(now());
        let store = FakeStore::new(clock.clone());
        let user: UserId = "ada".parse().unwrap();
        let session = store.session(&user);
        Self { store, clock, user, session }
    }

    fn import(&self, text: &str) -> Report {
        self.try_import(text, false).unwrap()
    }

    fn try_import(&self, text: &str, dry_run: bool) -> Result<Report, Error> {
        let import = read(text, Some(Format::TodoTxt), berlin(), self.clock.now()).unwrap();
        block_on(self.importer().run(import, dry_run))
    }

    fn importer(&self) -> Importer<'_, FakeSession, FakeClock> {
        Importer { session: &self.session, clock: &self.clock, owner: &self.user }
    }

    fn edit(&self, task: &Task, edit: Edit) -> Task {
        let todos = Todos { session: &self.session, clock: &self.clock, source: Source::Api };
        block_on(todos.run(&Command::Edit { id: task.id, precondition: Precondition::None, edit })).unwrap()
    }

    /// The newest first, as a list shows them.
    fn tasks(&self) -> Vec<Task> {
        block_on(self.session.list(&TaskQuery::everything(self.clock.now(), 1_000))).unwrap()
    }

    fn titles(&self) -> Vec<String> {
        self.tasks().iter().map(|task| task.title.to_string()).collect()
    }

    /// What the user's commits have published on `task-events`.
    fn task_events(&self) -> Vec<(Published, Value)> {
        let events = self.store.published(&self.user).into_iter().filter(|event| event.topic == "task-events");
        events.map(|event| (serde_json::from_str(&event.body).unwrap(), event)).map(|(body, event)| (event, body)).collect()
    }
}

fn counts(report: &Report) -> (usize, usize, usize) {
    (report.created, report.already, report.refused.len())
}

#[test]
fn a_task_has_its_history_and_its_events_like_any_other() {
    let world = World::new();
    let report = world.import("(A) Call @phone due:2026-12-01\nbad due:x\nx 2026-11-20 2026-11-01 Done");
    let refused = Refused { line: 2, reason: "due: takes a day such as due:2026-05-01, not “x”".to_owned() };
    assert_eq!(report, Report { created: 2, already: 0, refused: vec![refused] });
    let tasks = world.tasks();
    let done = tasks.iter().find(|task| task.completed()).unwrap();
    assert_eq!((done.version, done.completed_at.unwrap().to_string().as_str()), (1, "2026-11-20T11:00:00Z"));
    assert_eq!(done.created_at.to_string(), "2026-11-01T10:59:59.997Z");
    let history = block_on(world.session.history(Some(done.id), None, 10)).unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!((history[0].kind, history[0].source, history[0].time), (ChangeKind::Created, Source::Import, now()));
    let fields = serde_json::to_value(crate::change::ChangedFields(&history[0].changed_fields)).unwrap();
    assert_eq!(fields["completed"], json!({"old": null, "new": true}));
    assert_eq!(fields["completed_at"], json!({"old": null, "new": "2026-11-20T11:00:00Z"}));
    let open = tasks.iter().find(|task| !task.completed()).unwrap();
    assert_eq!(open.reminder_minutes.map(|lead| lead.get()), Some(60), "the preference");
    assert_eq!(open.notices.upcoming.unwrap().to_string(), "2026-12-01T07:00:00Z");
    let events = world.task_events();
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|(event, body)| event.kind == "task.created" && body["data"]["source"] == "import"));
}

#[test]
fn what_is_imported_again_is_there() {
    let world = World::new();
    let text = "milk @shop\nmilk @shop\neggs\nx tea";
    assert_eq!(counts(&world.try_import(text, true).unwrap()), (4, 0, 0));
    assert_eq!(world.tasks(), [], "a dry run changes nothing");
    assert_eq!(counts(&world.import(text)), (4, 0, 0));
    let before = world.store.published(&world.user);
    world.clock.advance_minutes(60);
    assert_eq!(counts(&world.try_import(text, true).unwrap()), (0, 4, 0));
    assert_eq!(counts(&world.import(text)), (0, 4, 0));
    assert_eq!(counts(&world.import(&format!("bread\n{text}"))), (1, 4, 0));
    assert_eq!(world.store.published(&world.user).len(), before.len() + 2);
}

#[test]
fn what_was_changed_stays_as_it_is_and_what_was_deleted_stays_deleted() {
    let world = World::new();
    world.import("milk\neggs");
    let (milk, eggs) = (world.tasks().remove(0), world.tasks().remove(1));
    assert_eq!((milk.title.as_str(), eggs.title.as_str()), ("milk", "eggs"));
    world.edit(&milk, Edit::Complete(true));
    world.edit(&eggs, Edit::Delete(series::Reach::Following));
    assert_eq!(counts(&world.import("milk\neggs")), (0, 2, 0));
    assert_eq!(world.titles(), ["milk"]);
    assert!(world.tasks()[0].completed());
}

#[test]
fn a_completed_task_that_repeats_gets_no_successor() {
    let world = World::new();
    world.import("x 2026-11-20 Water due:2026-11-20 rec:1w\nWater due:2026-11-27 rec:1w");
    let before = world.tasks();
    let done = before.iter().find(|task| task.completed()).unwrap().clone();
    assert!(done.recurrence.is_some() && done.series_id == Some(done.id));
    let hear = |kind: &str, (event, body): (Published, Value)| {
        let data = crate::json::raw(&body["data"]);
        let (kind, topic) = (kind.to_owned(), event.topic);
        let event = Incoming { id: event.id, topic, kind, time: now(), data_version: 1, data };
        assert_eq!(block_on(series::on_event(&world.session, &world.clock, &event)), Disposition::Done);
    };
    for (event, body) in world.task_events() {
        hear(&event.kind.clone(), (event, body));
    }
    assert_eq!(world.tasks(), before);
    let open = before.iter().find(|task| !task.completed()).unwrap();
    world.edit(open, Edit::Complete(true));
    hear("task.completed", world.task_events().pop().unwrap());
    assert_eq!(world.tasks().len(), 3, "from now on it goes on");
}

#[test]
fn a_list_that_is_shown_newest_first_has_the_order_of_the_file() {
    let world = World::new();
    let lines: Vec<String> = (0..250).map(|number| format!("task {number}")).collect();
    world.import(&lines.join("\n"));
    assert_eq!(world.titles(), lines);
    let dated: Vec<String> = (0..9).map(|number| format!("2026-11-26 same day {number}")).collect();
    let other = World::new();
    other.import(&dated.join("\n"));
    assert_eq!(other.titles(), (0..9).map(|number| format!("same day {number}")).collect::<Vec<_>>());
}

#[test]
fn two_who_import_one_list_share_no_id() {
    let world = World::new();
    let other: UserId = "bob".parse().unwrap();
    let session = world.store.session(&other);
    world.import("milk");
    let import = read("milk", Some(Format::TodoTxt), berlin(), now()).unwrap();
    let importer = Importer { session: &session, clock: &world.clock, owner: &other };
    assert_eq!(counts(&block_on(importer.run(import, false)).unwrap()), (1, 0, 0));
    let bobs = block_on(session.list(&TaskQuery::everything(now(), 10))).unwrap();
    assert_ne!(bobs[0].id, world.tasks()[0].id);
    assert_eq!(bobs[0].id.0.get_version_num(), 7);
}

#[test]
fn who_is_faster_is_waited_for_and_after_a_failure_the_rest_is_done() {
    let world = World::new();
    let text = (0..250).map(|number| format!("task {number}\n")).collect::<String>();
    world.store.fail_commits([Failure::Conflict, Failure::Conflict]);
    assert_eq!(counts(&world.import("task 3")), (1, 0, 0));
    let away = Failure::Unavailable("the store is away".to_owned());
    world.store.fail_commits([away.clone()]);
    assert_eq!(world.try_import(&text, false), Err(Error::Failure(away)));
    assert_eq!(counts(&world.import(&text)), (249, 1, 0));
    assert_eq!(world.tasks().len(), 250);
}

#[test]
fn an_item_that_breaks_a_rule_is_refused_and_the_rest_comes() {
    let world = World::new();
    let mut import = read("a due:2026-12-01 rec:1w\nb", Some(Format::TodoTxt), berlin(), now()).unwrap();
    import.items[0].task.due_date = None;
    for dry_run in [true, false] {
        let report = block_on(world.importer().run(import.clone(), dry_run)).unwrap();
        assert_eq!(counts(&report), (1, 0, 1));
        assert_eq!(report.refused[0].reason, "recurrence: needs a due date to be counted from");
    }
}

#[test]
fn scopes_are_those_of_the_ports() {
    let world = World::new();
    let reader = World { session: world.store.session_within(&world.user, &[Scope::TasksRead]), ..World::new() };
    let forbidden = |scope: &str| Err(Error::Failure(Failure::Forbidden(scope.to_owned())));
    assert_eq!(counts(&reader.try_import("a @b", true).unwrap()), (1, 0, 0));
    assert_eq!(reader.try_import("a @b", false), forbidden("tasks:write"));
    let nobody = World { session: world.store.session_within(&world.user, &[]), ..World::new() };
    assert_eq!(nobody.try_import("a @b", true), forbidden("tasks:read"));
}

proptest! {
    /// Whatever is imported twice, and in two parts, is there once.
    #[test]
    fn twice_is_once(text in "((x |\\(A\\) |2026-11-0[12] )?(milk|eggs)( @shop| due:2026-12-0[12]| due:x| rec:1w)?\n){0,30}", at in 0_usize..30) {
        let world = World::new();
        if text.is_empty() {
            return Ok(());
        }
        let dry = world.try_import(&text, true).unwrap();
        let first = world.import(&text);
        prop_assert_eq!(&dry, &first);
        let (tasks, events) = (world.tasks(), world.store.published(&world.user).len());
        prop_assert_eq!(tasks.len(), first.created);
        world.clock.advance_minutes(1_440);
        let lines: Vec<&str> = text.lines().collect();
        let half = lines[at.min(lines.len() - 1)..].join("\n");
        let part = world.import(&half);
        prop_assert_eq!(part.created, 0);
        let again = world.import(&text);
        prop_assert_eq!((again.created, again.already, again.refused), (0, first.created, first.refused));
        prop_assert_eq!(world.store.published(&world.user).len(), events);
        prop_assert_eq!(world.tasks(), tasks);
    }
}
