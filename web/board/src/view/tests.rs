use super::*;
use crate::days::tests::here;
use crate::task::tests::{at, task};
use domain::task::Priority;
use proptest::prelude::*;

fn due(number: u128, title: &str, due: &str) -> Task {
    Task { due_date: Some(at(due)), ..task(number, title) }
}

fn rows(view: &View, tasks: &[Task]) -> Vec<String> {
    let tasks: Vec<Arc<Task>> = tasks.iter().cloned().map(Arc::new).collect();
    let here = here("2026-05-02T09:00:00Z");
    let said = |row: Row| match row {
        Row::Heading(Group::Overdue) => "(overdue)".to_owned(),
        Row::Heading(Group::Day(day)) => format!("({})", here.say_day(day)),
        Row::Task(task) => task.title.clone(),
    };
    view.rows(&tasks, here).into_iter().map(said).collect()
}

#[test]
fn each_place_shows_what_belongs_there() {
    let done = Task { completed: true, completed_at: Some(at("2026-05-01T10:00:00Z")), ..task(5, "done") };
    let snoozed = Task { snoozed_until: Some(at("2026-05-02T12:00:00Z")), ..due(6, "asleep", "2026-05-01T09:00:00Z") };
    let tasks = [
        due(1, "late", "2026-04-30T09:00:00Z"),
        due(2, "tonight", "2026-05-02T20:00:00Z"),
        due(3, "after midnight here", "2026-05-02T22:30:00Z"),
        Task { tags: vec!["home".to_owned()], ..task(4, "some day") },
        done,
        snoozed,
    ];
    let shown = |place| rows(&View::at(place), &tasks);
    assert_eq!(shown(Place::Today), ["(overdue)", "late", "(Today)", "tonight"]);
    assert_eq!(shown(Place::Upcoming), ["(Tomorrow)", "after midnight here"]);
    assert_eq!(shown(Place::Completed), ["done"]);
    assert_eq!(shown(Place::Tag("home".to_owned())), ["some day"]);
    assert_eq!(shown(Place::All).last().unwrap(), "done", "what is done stands last");
    assert_eq!(shown(Place::All).len(), 6);
    assert!(shown(Place::Settings).is_empty());
}

#[test]
fn what_is_looked_for_stands_in_title_description_or_tags() {
    let tasks = [
        task(1, "Straße fegen"),
        Task { description: Some("In the STREET".to_owned()), ..task(2, "b") },
        Task { tags: vec!["Street".to_owned()], ..task(3, "c") },
    ];
    let search = |text: &str| rows(&View { search: text.to_owned(), ..View::default() }, &tasks);
    assert_eq!(search("  STRASSE ").len(), 0);
    assert_eq!(search("straße"), ["Straße fegen"]);
    assert_eq!(search("street"), ["b"]);
    assert_eq!(search("#street"), ["c"]);
}

#[test]
fn kinds_and_orders_are_chosen_where_they_can_be() {
    let tasks = [
        Task { priority: Priority::High, ..task(1, "b") },
        task(2, "a"),
        due(3, "c", "2026-05-03T09:00:00Z"),
        Task { completed: true, ..task(4, "z") },
    ];
    let sorted = |sort| rows(&View { sort, shown: Shown::Open, ..View::default() }, &tasks);
    assert_eq!(sorted(Sort::Newest), ["c", "a", "b"]);
    assert_eq!(sorted(Sort::Due), ["c", "a", "b"]);
    assert_eq!(sorted(Sort::Priority), ["b", "c", "a"]);
    assert_eq!(sorted(Sort::Title), ["a", "b", "c"]);
    let completed = View { shown: Shown::Completed, ..View::default() };
    assert_eq!(rows(&completed, &tasks), ["z"]);
    let today = View { place: Place::Today, shown: Shown::Completed, ..View::default() };
    assert!(rows(&today, &tasks).is_empty(), "today has a kind of its own");
}

#[test]
fn a_notices_link_leads_to_its_task() {
    let id = task(7, "x").id;
    assert_eq!(linked(&format!("?task={id}")), Some(id));
    assert_eq!((linked("?q=task"), linked("task=7"), linked("")), (None, None, None));
}

#[test]
fn counts_are_of_what_is_open() {
    let tasks = [due(1, "late", "2026-04-30T09:00:00Z"), Task { tags: vec!["x".to_owned()], completed: true, ..task(2, "done") }];
    let tasks: Vec<Arc<Task>> = tasks.into_iter().map(Arc::new).collect();
    assert_eq!(counts(&tasks, here("2026-05-02T09:00:00Z")), [1, 1, 0, 0]);
}

proptest! {
    #[test]
    fn an_address_says_all_there_is_to_a_view(tag in ".{1,20}", search in ".{0,20}", place in 0..7_usize, shown in 0..3_usize, sort in 0..4_usize) {
        let place = [Place::All, Place::Today, Place::Upcoming, Place::Completed, Place::Tag(tag), Place::Statistics, Place::Settings][place].clone();
        let view = View { place, search, shown: Shown::ALL[shown].0, sort: Sort::ALL[sort].0 };
        let url = view.url();
        let (path, query) = url.split_once('?').unwrap_or((&url, ""));
        prop_assert_eq!(View::of_url(path, query), view);
    }

    #[test]
    fn any_address_is_some_view(path in "/.{0,30}", query in ".{0,30}") {
        View::of_url(&path, &query);
    }
}
