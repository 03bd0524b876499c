use super::*;
use crate::change::Source;
use crate::command::{Command, Edit, Precondition};
use crate::export::Export;
use crate::fake::{FakeClock, FakeStore};
use crate::id::UserId;
use crate::import::tests::{berlin, now};
use crate::import::{Format, Import, Importer, Report};
use crate::input;
use crate::ports::{Clock, Session};
use crate::query::TaskQuery;
use crate::task::Task;
use crate::todos::Todos;
use futures::executor::block_on;
use proptest::prelude::*;
use serde_json::json;

fn import(text: &str) -> Import {
    crate::import::read(text, None, berlin(), now()).unwrap()
}

#[test]
fn an_export_is_read_and_what_is_no_task_in_it_is_refused() {
    let id = "019de2c4-2a80-7faf-a1cf-2f19a7c1129b";
    let export = json!({
        "user": {"id": "ada"}, "history": [{"task_id": id}], "tokens": [],
        "tasks": [
            {
                "id": id, "title": "Water", "description": "all\nof them", "completed": true, "completed_at": "2026-11-20T08:00:00Z",
                "priority": "high", "tags": ["a", "b"], "due_date": "2026-11-20T09:00:00Z", "reminder_minutes": null,
                "recurrence": {"rrule": "FREQ=DAILY", "time_zone": "Europe/Berlin", "from": "completion"},
                "snoozed_until": "2026-11-21T08:00:00Z", "parent_task_id": null, "series_id": id,
                "created_at": "2026-11-01T08:00:00.5Z", "updated_at": "2026-11-20T08:00:00Z", "version": 7,
            },
            {"title": ""},
            {"title": "a", "tags": ["", 1], "colour": "red"},
            {"id": "1", "title": "a"},
            {"title": "a", "completed": "yes"},
            {"title": "a", "completed_at": "yesterday"},
            {"title": "a", "recurrence": {"frequency": "daily"}},
            {"title": "plain", "completed": true},
            "rubbish",
        ],
    });
    let Import { items, refused } = import(&export.to_string());
    assert_eq!(items.iter().map(|item| (item.line, item.task.title.as_str())).collect::<Vec<_>>(), [(1, "Water"), (8, "plain")]);
    assert_eq!(items[0].origin.map(|id| id.to_string()).as_deref(), Some(id));
    assert_eq!(items[0].task.reminder_minutes, Some(None));
    assert_eq!(items[0].created_at.unwrap().to_string(), "2026-11-01T08:00:00.500Z");
    assert_eq!((items[1].completed_at, items[1].created_at, items[1].task.reminder_minutes), (Some(now()), None, None));
    let told: Vec<String> = refused.iter().map(|refused| format!("{} {}", refused.line, refused.reason)).collect();
    assert_eq!(
        told,
        [
            "2 title: a title has 1 to 255 characters, not 0",
            "3 tags[0]: a tag has 1 to 50 characters, not 0; tags[1]: a string is needed, not a number; colour: is no field of this",
            "4 id: is not what Tidings writes there",
            "5 completed: is not what Tidings writes there",
            "6 completed_at: is not what Tidings writes there",
            "7 recurrence: needs a due date to be counted from",
            "9 an object is needed, not a string",
        ]
    );
}

#[test]
fn pieces_are_bounded_and_give_the_same_items() {
    let lines: String =
        (1..=120).map(|n| format!("(B) 2026-11-01 task {n} @home due:2026-12-01 rec:+{n}d\nbad due:x\nx again\n")).collect();
    let whole = crate::import::read(&lines, Some(Format::TodoTxt), berlin(), now()).unwrap();
    let parts: Vec<String> = pieces(&whole.items, 4_000, 50).collect();
    assert!(parts.len() > 5 && parts.iter().all(|part| part.len() <= 4_000));
    assert_eq!(parts.iter().flat_map(|part| import(part).items).collect::<Vec<_>>(), whole.items);
    let alone = |part: &String| import(part).items.len() == 1;
    assert!((300..900).all(|most| pieces(&whole.items, most, 50).all(|part| part.len() <= most || alone(&part))));
    assert_eq!(pieces(&whole.items, usize::MAX, 50).count(), 5);
    assert_eq!(pieces(&whole.items, 0, 50).count(), whole.items.len(), "one at a time");
    assert_eq!(pieces(&[], 4_000, 50).count(), 0);
}

/// A user of a store, and what is done there.
struct World {
    store: FakeStore,
    clock: FakeClock,
}

impl World {
    fn new() -> Self {
        let clock = FakeClock::at(now());
        Self { store: FakeStore::new(clock.clone()), clock }
    }

    fn create(&self, user: &UserId, fields: Value, completed: bool) {
        let session = self.store.session(user);
        let todos = Todos { session: &session, clock: &self.clock, source: Source::Api };
        let new = input::new_task(fields.to_string().as_bytes()).unwrap();
        let task = block_on(todos.run(&Command::Create(new))).unwrap();
        self.clock.advance_minutes(1);
        if completed {
            let edit = Edit::Complete(true);
            block_on(todos.run(&Command::Edit { id: task.id, precondition: Precondition::None, edit })).unwrap();
        }
    }

    fn export(&self, user: &UserId, ics: bool) -> String {
        let (session, nothing) = (self.store.session(user), || json::raw(&Value::Null));
        let mut export = match ics {
            true => Export::calendar(session, self.clock.now()),
            false => Export::json(session, self.clock.now(), nothing(), nothing()),
        };
        let mut text = String::new();
        while let Some(piece) = block_on(export.next()).unwrap() {
            text += &piece;
        }
        text
    }

    fn import(&self, user: &UserId, text: &str) -> Report {
        let import = crate::import::read(text, None, berlin(), self.clock.now()).unwrap();
        assert_eq!(import.refused, []);
        let session = self.store.session(user);
        block_on(Importer { session: &session, clock: &self.clock, owner: user }.run(import, false)).unwrap()
    }

    fn tasks(&self, user: &UserId) -> Vec<Task> {
        block_on(self.store.session(user).list(&TaskQuery::everything(self.clock.now(), 1_000))).unwrap()
    }
}

/// What an import brings of a task, as JSON; `ics`: what iCalendar can say.
fn brought(task: &Task, ics: bool) -> Value {
    let mut shown = json::value(task);
    for name in LEFT_OUT.iter().chain(&["id"]) {
        shown.as_object_mut().unwrap().remove(*name);
    }
    if ics {
        let whole = |at: Timestamp| Timestamp::from_millis(at.millis().div_euclid(1_000) * 1_000).unwrap();
        shown["created_at"] = json::value(&whole(task.created_at));
        shown["completed_at"] = json::value(&task.completed_at.map(whole));
        shown["due_date"] = json::value(&task.due_date.map(whole));
        if task.due_date.is_none() {
            shown["reminder_minutes"] = Value::Null;
        }
        let text = shown["description"].as_str().map(|text| text.replace("\r\n", "\n").replace('\r', "\n"));
        shown["description"] = json::value(&text.filter(|text| !text.is_empty()));
    }
    shown
}

fn fields() -> impl Strategy<Value = (Value, bool)> {
    let title = "[^\\p{C}\\s]([^\\p{C}]{0,80}[^\\p{C}\\s])?";
    let description = prop::option::of("([^\\p{C}]|\n|\r\n|\t|\\\\|,|;){0,60}");
    let tags = prop::collection::vec("[^\\p{C}\\s]([a, ;\\\\]{0,5}[b-d])?", 0..4);
    let due = prop::option::of(-4_000_000_i64..4_000_000);
    let rule = prop::option::of((
        "FREQ=(DAILY|WEEKLY;BYDAY=MO,FR|YEARLY;COUNT=9|MONTHLY;UNTIL=20301231T000000Z)",
        "due_date|completion",
    ));
    let rest = ("low|medium|high", prop::option::of(0_u32..43_200), any::<bool>(), any::<bool>());
    (title, description, tags, due, rule, rest).prop_map(|(title, description, tags, due, rule, rest)| {
        let (priority, lead, completed, preferred) = rest;
        let mut fields = json!({"title": title, "description": description, "priority": priority, "tags": tags});
        if let Some(minutes) = due {
            fields["due_date"] = json::value(&now().plus_minutes(minutes));
            if let Some((rrule, from)) = rule {
                fields["recurrence"] = json!({"rrule": rrule, "time_zone": "America/New_York", "from": from});
            }
        }
        if !preferred {
            fields["reminder_minutes"] = json!(lead);
        }
        (fields, completed)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What one exports another can import, and has the same; whoever exported it has it already.
    #[test]
    fn what_is_exported_and_imported_is_equal(tasks in prop::collection::vec(fields(), 1..12), ics: bool) {
        let world = World::new();
        let (ada, bob): (UserId, UserId) = ("ada".parse().unwrap(), "bob".parse().unwrap());
        for (fields, completed) in tasks {
            world.create(&ada, fields, completed);
        }
        let export = world.export(&ada, ics);
        let count = world.tasks(&ada).len();
        prop_assert_eq!(world.import(&ada, &export), Report { already: count, ..Report::default() });
        prop_assert_eq!(world.import(&bob, &export), Report { created: count, ..Report::default() });
        prop_assert_eq!(world.import(&bob, &world.export(&ada, !ics)), Report { already: count, ..Report::default() });
        let mut hers: Vec<Value> = world.tasks(&ada).iter().map(|task| brought(task, ics)).collect();
        let mut his: Vec<Value> = world.tasks(&bob).iter().map(|task| brought(task, ics)).collect();
        if ics {
            // In one second, the calendar does not know which was first.
            hers.sort_by_key(Value::to_string);
            his.sort_by_key(Value::to_string);
        }
        prop_assert_eq!(hers, his);
        prop_assert!(world.tasks(&bob).iter().all(|task| world.tasks(&ada).iter().all(|other| other.id != task.id)));
    }
}
