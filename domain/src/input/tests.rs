use super::*;
use crate::account::Scope;
use crate::command::{Command, Edit, Repetition, Snooze, TaskPatch};
use crate::error::{Error, Fault};
use crate::id::TaskId;
use crate::query::{SortBy, SortOrder, Status};
use crate::recurrence::{Frequency, Interval};
use crate::series::Reach;
use crate::task::Priority;
use crate::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

fn now() -> Timestamp {
    Timestamp::parse("2026-05-01T09:00:00Z").unwrap()
}

/// Paths of the faults, in the order of the alphabet.
fn paths<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<String> {
    let Err(Error::Invalid(faults)) = result else { panic!("no faults: {result:?}") };
    let mut paths: Vec<String> = faults.into_iter().map(|fault| fault.path).collect();
    paths.sort();
    paths
}

fn body(value: Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[test]
fn a_task_is_read_with_all_its_fields() {
    let task = new_task(&body(json!({
        "title": "  Water the plants ", "description": "all", "priority": "high", "tags": ["home", "home", " green "],
        "due_date": "2026-05-01T11:00:00+02:00", "reminder_minutes": null,
        "recurrence": {"rrule": "FREQ=DAILY", "time_zone": "Europe/Berlin", "from": "completion"},
    })))
    .unwrap();
    assert_eq!(task.title.as_str(), "Water the plants");
    assert_eq!(task.priority, Priority::High);
    assert_eq!(task.tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(), ["home", "green"]);
    assert_eq!(task.due_date, Some(now()));
    assert_eq!(task.reminder_minutes, Some(None));
    assert_eq!(task.recurrence.unwrap().time_zone.unwrap().name(), "Europe/Berlin");
    let least = new_task(&body(json!({"title": "x"}))).unwrap();
    assert_eq!((least.priority, least.reminder_minutes, least.tags.is_empty()), (Priority::Medium, None, true));
}

#[test]
fn every_fault_is_told_with_its_path() {
    let result = new_task(&body(json!({
        "title": 7, "description": "x".repeat(2_001), "priority": "urgent", "tags": ["ok", 5, ""], "due_date": "tomorrow",
        "recurrence": {"rrule": "FREQ=NEVER", "zone": 1}, "reminder_minutes": 43_201, "colour": "red", "completed": true,
        "snoozed_until": null, "id": "x", "version": 3,
    })));
    let expected = [
        "colour",
        "completed",
        "description",
        "due_date",
        "id",
        "priority",
        "recurrence.rrule",
        "recurrence.zone",
        "reminder_minutes",
        "snoozed_until",
        "tags[1]",
        "tags[2]",
        "title",
        "version",
    ];
    assert_eq!(paths(result), expected);
}

#[test]
fn what_is_missing_is_told() {
    assert_eq!(new_task(b"{}"), Err(Error::invalid("title", "is needed")));
    assert_eq!(new_task(br#"{"title":null}"#), Err(Error::invalid("title", "is needed and cannot be null")));
    assert_eq!(paths(new_task(b"[]")), [""]);
    assert!(matches!(new_task(b"{"), Err(Error::Malformed(_))));
    assert!(matches!(new_task(b"{\"title\":\"\xff\"}"), Err(Error::Malformed(_))));
    assert!(matches!(new_task("[".repeat(100_000).as_bytes()), Err(Error::Malformed(_))));
}

#[test]
fn a_rule_needs_a_due_date_and_one_form() {
    let with =
        |recurrence: Value| new_task(&body(json!({"title": "x", "due_date": "2026-05-01T09:00:00Z", "recurrence": recurrence})));
    let short = with(json!({"frequency": "monthly", "interval": 2})).unwrap().recurrence.unwrap();
    assert_eq!(short.repetition, Repetition::Short(Frequency::Monthly, Interval::new(2).unwrap()));
    assert_eq!(short.time_zone, None);
    assert_eq!(
        with(json!({"frequency": "daily"})).unwrap().recurrence.unwrap().repetition,
        Repetition::Short(Frequency::Daily, Interval::ONE)
    );
    assert_eq!(paths(with(json!({"frequency": "hourly", "interval": 0}))), ["recurrence.frequency", "recurrence.interval"]);
    assert_eq!(paths(with(json!({"frequency": "daily", "rrule": "FREQ=DAILY"}))), ["recurrence.frequency"]);
    assert_eq!(paths(with(json!({"rrule": "FREQ=DAILY", "interval": 2}))), ["recurrence.interval"]);
    assert_eq!(paths(with(json!("FREQ=DAILY"))), ["recurrence"]);
    assert_eq!(paths(with(json!({"rrule": null}))), ["recurrence.rrule"]);
    assert_eq!(paths(new_task(&body(json!({"title": "x", "recurrence": {"frequency": "daily"}})))), ["recurrence"]);
}

#[test]
fn the_seeds_name_of_recurrence_is_taken() {
    let due = "2026-05-01T09:00:00Z";
    let task = new_task(&body(json!({"title": "x", "due_date": due, "recurrence_pattern": {"frequency": "daily"}}))).unwrap();
    assert!(task.recurrence.is_some());
    let patch = task_patch(br#"{"recurrence_pattern": null}"#).unwrap();
    assert_eq!(patch.recurrence, Some(None));
    let both = body(json!({"recurrence": {"frequency": "daily"}, "recurrence_pattern": {"frequency": "daily"}}));
    assert_eq!(paths(task_patch(&both)), ["recurrence_pattern"]);
}

#[test]
fn a_patch_tells_left_out_from_null() {
    let patch = task_patch(br#"{"description":null,"due_date":null,"reminder_minutes":0,"priority":null,"tags":null}"#).unwrap();
    assert_eq!(patch.description, Some(None));
    assert_eq!(patch.due_date, Some(None));
    assert_eq!(patch.reminder_minutes.unwrap().unwrap().get(), 0);
    assert_eq!(patch.priority, Some(Priority::Medium));
    assert!(patch.tags.unwrap().is_empty());
    assert_eq!((patch.title, patch.recurrence), (None, None));
    assert_eq!(paths(task_patch(br#"{"title":null}"#)), ["title"]);
    assert_eq!(task_patch(b"{}").unwrap(), TaskPatch::default());
}

#[test]
fn numbers_are_whole_and_in_range() {
    for (minutes, good) in [
        ("0", true),
        ("43200", true),
        ("43201", false),
        ("-1", false),
        ("1.5", false),
        ("1e3", false),
        ("1e99", false),
        ("\"5\"", false),
        ("99999999999999999999", false),
    ] {
        let result = task_patch(format!("{{\"reminder_minutes\":{minutes}}}").as_bytes());
        assert_eq!(result.is_ok(), good, "{minutes}: {result:?}");
    }
}

#[test]
fn a_snooze_has_one_of_two_forms() {
    assert_eq!(snooze(br#"{"minutes":15}"#), Ok(Snooze::Minutes(15)));
    assert_eq!(snooze(br#"{"until":"2026-05-01T09:00:00Z"}"#), Ok(Snooze::Until(now())));
    for (bad, path) in
        [("{}", "minutes"), (r#"{"minutes":1,"until":"2026-05-01T09:00:00Z"}"#, "until"), (r#"{"minutes":1,"x":1}"#, "x")]
    {
        assert_eq!(paths(snooze(bad.as_bytes())), [path]);
    }
    assert_eq!(paths(snooze(br#"{"minutes":0}"#)), ["minutes"]);
    assert_eq!(paths(snooze(br#"{"until":"soon"}"#)), ["until"]);
    assert_eq!(completion(br#"{"completed":false}"#), Ok(false));
    assert_eq!(paths(completion(br#"{"completed":"yes"}"#)), ["completed"]);
}

#[test]
fn a_preview_asks_for_one_to_a_hundred_dates() {
    let with = |fields: Value| {
        let mut all = json!({"recurrence": {"frequency": "daily"}, "due_date": "2026-05-01T09:00:00Z"});
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        preview(&body(all))
    };
    assert_eq!(with(json!({})).unwrap().count, 10);
    assert_eq!(with(json!({"count": 100})).unwrap().count, 100);
    for count in [json!(0), json!(101), json!("5")] {
        assert_eq!(paths(with(json!({"count": count}))), ["count"]);
    }
    assert_eq!(paths(with(json!({"recurrence": {"rrule": "FREQ=SECONDLY"}, "x": 1}))), ["recurrence.rrule", "x"]);
    assert_eq!(paths(preview(br#"{"recurrence": null}"#)), ["due_date", "recurrence"]);
}

#[test]
fn a_batch_names_the_operation_at_fault() {
    let id = Uuid::from_u128(5);
    let good = batch(&body(json!({"operations": [
        {"op": "create", "task": {"title": "x"}}, {"op": "update", "id": id, "changes": {"title": "y"}},
        {"op": "complete", "id": id, "completed": true}, {"op": "delete", "id": id},
    ]})));
    assert!(matches!(good.unwrap()[3], Command::Edit { id: found, edit: Edit::Delete(_), .. } if found == TaskId(id)));

    let fails = |operation: Value| match batch(&body(json!({"operations": [{"op": "delete", "id": id}, operation]}))) {
        Err(Error::InOperation { index: 1, error }) => *error,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        paths(Err::<(), _>(fails(json!({"op": "create", "task": {"title": "", "x": 1}})))),
        ["operations[1].task.title", "operations[1].task.x"]
    );
    assert_eq!(paths(Err::<(), _>(fails(json!({"op": "create"})))), ["operations[1].task"]);
    assert_eq!(paths(Err::<(), _>(fails(json!({"op": "restore", "id": id})))), ["operations[1].op"]);
    assert_eq!(paths(Err::<(), _>(fails(json!({"op": "complete", "id": 7})))), ["operations[1].completed", "operations[1].id"]);
    assert_eq!(paths(Err::<(), _>(fails(json!(3)))), ["operations[1]"]);
    assert_eq!(fails(json!({"op": "delete", "id": "none"})), Error::NotFound);

    let many: Vec<Value> = (0..101).map(|_| json!({"op": "delete", "id": id})).collect();
    assert_eq!(paths(batch(&body(json!({"operations": many})))), ["operations"]);
    assert_eq!(paths(batch(b"{}")), ["operations"]);
}

#[test]
fn parameters_make_a_query() {
    let query =
        list_params("status=open&tag=a&tag=b+c&tag=a&q=caf%C3%A9&sort=due&limit=7&due_before=2026-05-01T09:00:00Z", now())
            .unwrap();
    assert_eq!(query.status, Some(Status::Open));
    assert_eq!(query.tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(), ["a", "b c"]);
    assert_eq!(query.text.as_deref(), Some("café"));
    assert_eq!((query.sort, query.order, query.limit), (SortBy::Due, SortOrder::Ascending, 7));
    let plain = list_params("", now()).unwrap();
    assert_eq!((plain.sort, plain.order, plain.limit), (SortBy::Created, SortOrder::Descending, 50));
}

#[test]
fn a_parameter_at_fault_is_named() {
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("sort=colour", "sort"),
        ("order=up", "order"),
        ("status=done", "status"),
        ("priority=", "priority"),
        ("tag=", "tag"),
        ("due_before=now", "due_before"),
        ("cursor=abc", "cursor"),
        ("page=2", "page"),
        ("=1", ""),
    ] {
        assert_eq!(paths(list_params(query, now())), [name], "{query}");
    }
    assert_eq!(paths(no_params("x=1")), ["x"]);
    assert_eq!(paths(history_params("limit=201&cursor=x", TaskId(Uuid::nil()))), ["cursor", "limit"]);
    let notifications = notification_params("unread_only=yes&limit=0&cursor=x&unread=1");
    assert_eq!(paths(notifications), ["cursor", "limit", "unread", "unread_only"]);
    assert_eq!(notification_params(""), Ok(NotificationParams { unread_only: false, after: None, limit: 50 }));
    let unread = NotificationParams { unread_only: true, after: None, limit: 7 };
    assert_eq!(notification_params("limit=7&unread_only=true"), Ok(unread));
    assert_eq!(paths(export_format("format=xml")), ["format"]);
    assert_eq!(paths(import_params("format=xml&dry_run=1&x=")), ["dry_run", "format", "x"]);
    assert!(import_params("format=todo.txt&dry_run=true").unwrap().dry_run);
    assert_eq!(export_format("format=ics"), Ok(Format::Ics));
    assert_eq!((reach(""), reach("series=this")), (Ok(Reach::Following), Ok(Reach::This)));
    assert_eq!((paths(reach("series=all")), paths(reach("scope=this"))), (vec!["series".to_owned()], vec!["scope".to_owned()]));
}

#[test]
fn accounts_are_checked() {
    let up = sign_up(br#"{"email":" Ada@Example.ORG ","password":"correct horse","name":"Ada"}"#).unwrap();
    assert_eq!((up.email.as_str(), up.name.as_deref()), ("ada@example.org", Some("Ada")));
    assert!(!format!("{up:?}").contains("horse"));
    assert_eq!(
        paths(sign_up(br#"{"email":"ada","password":"short","name":"","admin":true}"#)),
        ["admin", "email", "name", "password"]
    );
    for bad in ["@example.org", "ada@", "ada@-x.org", "a b@example.org", "ada@exa mple.org", "ada@example..org", "ada@b@c.org"] {
        assert_eq!(paths(sign_up(&body(json!({"email": bad, "password": "long enough"})))), ["email"], "{bad}");
    }
    assert!(sign_in(br#"{"email":"nobody","password":"x"}"#).is_ok());
    assert_eq!(paths(sign_in(b"{}")), ["email", "password"]);
    assert_eq!(paths(sign_in(br#"{"email":"a\u0000b","password":"x"}"#)), ["email"]);
}

#[test]
fn a_new_password_is_checked_as_at_sign_up_and_the_current_one_is_not() {
    let change = |current: &str, new: &str| password_change(&body(json!({"current_password": current, "new_password": new})));
    let read = change("x", "long enough").unwrap();
    assert!(!format!("{read:?}").contains("long enough"));
    assert_eq!((read.current.into_inner(), read.new.into_inner()), ("x".to_owned(), "long enough".to_owned()));
    assert!(change("long enough", "long enough").is_ok());
    for (good, bad) in [("8".repeat(8), "7".repeat(7)), ("ü".repeat(1_024), "ü".repeat(1_025))] {
        assert!(change("x", &good).is_ok());
        assert_eq!(paths(change("x", &bad)), ["new_password"], "{bad}");
    }
    assert_eq!(paths(password_change(b"{}")), ["current_password", "new_password"]);
    assert_eq!(
        paths(password_change(br#"{"current_password":1,"new_password":null,"password":"x"}"#)),
        ["current_password", "new_password", "password"]
    );
}

#[test]
fn tokens_are_checked() {
    let token =
        new_token(br#"{"name":"ci","scopes":["tasks:read","account"],"expires_at":"2026-05-02T00:00:00Z"}"#, now()).unwrap();
    assert_eq!(token.scopes, [Scope::TasksRead, Scope::Account]);
    assert_eq!(
        paths(new_token(br#"{"name":"","scopes":[],"expires_at":"2026-05-01T09:00:00Z"}"#, now())),
        ["expires_at", "name", "scopes"]
    );
    assert_eq!(
        paths(new_token(br#"{"name":"x","scopes":["tasks:read","tasks:read","all"]}"#, now())),
        ["scopes[1]", "scopes[2]"]
    );
}

#[test]
fn hostile_bodies_get_bounded_answers() {
    let fields: String = (0..10_000).map(|n| format!("\"field{n}\":1,")).collect();
    let Err(Error::Invalid(faults)) = new_task(format!("{{{fields}\"title\":\"x\"}}").as_bytes()) else { panic!("refused") };
    assert_eq!(faults.len(), MOST_FAULTS);
    let name = "n".repeat(100_000);
    let Err(Error::Invalid(faults)) = new_task(&body(json!({"title": "x", name: 1}))) else { panic!("refused") };
    let [Fault { path, .. }] = faults.as_slice() else { panic!("one fault: {faults:?}") };
    assert!(path.len() < 100);
}

fn any_json() -> impl Strategy<Value = Value> {
    let names = "title|description|priority|tags|due_date|recurrence|rrule|frequency|interval|op|operations|task|id|changes|minutes|[a-z]{0,3}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from("2026-05-01T09:00:00Z")),
        Just(Value::from("daily")),
        Just(Value::from("create")),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(names, inner, 0..6).prop_map(Value::from_iter),
        ]
    })
}

/// The names and values of a merge patch of the description, the due date and the lead time.
fn any_patch() -> impl Strategy<Value = Value> {
    let field = |some: Value| prop::option::of(prop_oneof![Just(Value::Null), Just(some)]);
    (field(json!("text")), field(json!("2026-05-01T09:00:00Z")), field(json!(5))).prop_map(|(a, b, c)| {
        let fields = [("description", a), ("due_date", b), ("reminder_minutes", c)];
        Value::from_iter(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))))
    })
}

proptest! {
    #[test]
    fn no_body_panics(value in any_json()) {
        let body = body(value);
        let _ = (new_task(&body), task_patch(&body), snooze(&body), completion(&body), batch(&body), preferences_patch(&body));
        let _ = (sign_up(&body), sign_in(&body), new_token(&body, now()), account_deletion(&body), preview(&body));
        let _ = password_change(&body);
    }

    #[test]
    fn no_bytes_panic(body: Vec<u8>) {
        let _ = (new_task(&body), task_patch(&body), batch(&body), sign_up(&body));
    }

    #[test]
    fn no_parameters_panic(query in "([a-z_]{0,10}=[ -~é%]{0,10}&?){0,5}|(?s).{0,40}") {
        let _ = (list_params(&query, now()), history_params(&query, TaskId(Uuid::nil())), notification_params(&query));
        let _ = (no_params(&query), export_format(&query), reach(&query));
    }

    #[test]
    fn a_merge_patch_changes_what_it_names(patch in any_patch()) {
        let read = task_patch(&body(patch.clone())).unwrap();
        let given = |name: &str| patch.get(name).map(|value| !value.is_null());
        prop_assert_eq!(read.description.map(|value| value.is_some()), given("description"));
        prop_assert_eq!(read.due_date.map(|value| value.is_some()), given("due_date"));
        prop_assert_eq!(read.reminder_minutes.map(|value| value.is_some()), given("reminder_minutes"));
        prop_assert_eq!((read.title, read.priority, read.tags, read.recurrence), (None, None, None, None));
    }
}
