//! The list of tasks: what is looked for, and the rows, of which only those in sight exist.

use super::icons::{CHECK, CLOSE, DELETE, SEARCH, SELECT, SUN, WARNING, art, icon};
use super::row::{heading, row};
use super::shell::later;
use crate::dom::{
    Kids, any, button, div, document, each, ev, h2, i, input, label, next_frame, option, p, select, span, ul, value_of,
};
use crate::model::{Model, Reading};
use crate::reactive::*;
use crate::{actions, reading};
use board::outbox::What;
use board::view::{Place, RowKey, Shown, Sort};
use domain::id::TaskId;
use send_wrapper::SendWrapper;
use std::collections::BTreeSet;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlElement;

/// Rows that exist above and below what is in sight.
const AROUND: usize = 10;
/// How high a row is, in pixels, until it is known.
const ROW: f64 = 56.0;
/// How high what is in sight is at least, in pixels: a window that grows is not asked about.
const SIGHT: i32 = 1_200;

pub fn list(model: Model, scroll: RwSignal<i32>, main: HtmlElement) -> impl Kids {
    let spacer = div().class("spacer");
    let (place, sight) = (SendWrapper::new(spacer.html().clone()), SendWrapper::new(main));
    let total = Memo::new(move |_| model.rows.with(Vec::len));
    let height = RwSignal::new(ROW);
    let first = Memo::new(move |_| {
        let above = place.offset_top();
        // Rounded, so that a few pixels change nothing.
        let row = f64::from((scroll.get() - above).max(0)) / height.get_untracked();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a row's number")]
        let row = row as usize;
        (row / 5 * 5).saturating_sub(AROUND).min(total.get())
    });
    let in_sight = Memo::new(move |_| {
        let sight = sight.client_height().max(SIGHT);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of rows")]
        let rows = (f64::from(sight) / height.get_untracked()) as usize + 2 * AROUND + 5;
        model.rows.with(|all| all.iter().skip(first.get()).take(rows).map(board::view::Row::key).collect::<Vec<RowKey>>())
    });
    let child = move |key: RowKey| match key {
        RowKey::Task(task) => {
            let number =
                Memo::new(move |_| in_sight.with(|rows| rows.iter().position(|row| *row == key)).map(|at| first.get() + at + 1));
            row(model, task, number, total)
        }
        RowKey::Overdue => heading(model, None),
        RowKey::Day(day) => heading(model, Some(day)),
    };
    let rows = each(move || in_sight.get(), child);
    let tasks = ul()
        .class("tasks")
        .class_if("selecting", move || model.selected.with(Option::is_some))
        .attr("aria-label", "Tasks")
        .child(rows);
    let tall = spacer
        .style("--total", move || format!("calc({} * var(--row))", total.get()))
        .style("--offset", move || format!("calc({} * var(--row))", first.get()));
    // A person may have made text larger: the row's height is asked of the row.
    effect(move || {
        in_sight.track();
        next_frame(move || {
            let row = document().query_selector(".row").ok().flatten();
            if let Some(row) = row.filter(|row| row.client_height() > 0) {
                height.set(f64::from(row.client_height()) + 1.0);
            }
        });
    });
    let state = Memo::new(move |_| match model.reading.get() {
        Reading::Begun if total.get() == 0 => 0,
        Reading::Failed(_) => 1,
        _ if total.get() == 0 => 2,
        _ => 3,
    });
    let instead = move || match state.get() {
        0 => any(loading()),
        1 => any(failed(model)),
        2 => any(empty(model)),
        _ => any(()),
    };
    (
        toolbar(model),
        move || model.selected.with(Option::is_some).then(|| later(model, |later| (later.selection)(model))),
        instead,
        tall.child(tasks),
    )
}

fn toolbar(model: Model) -> impl Kids {
    let search = input()
        .id("search")
        .attr("type", "search")
        .attr("dir", "auto")
        .attr("placeholder", "Search")
        .value(move || model.view.with(|view| view.search.clone()))
        .on(ev::INPUT, move |event| model.refine(|view| view.search = value_of(&event)));
    let is_free = Memo::new(move |_| model.view.with(|view| view.place.is_free()));
    let shown = move || {
        Shown::ALL.iter().map(|(shown, name, said)| (*name, *said, model.view.with(|view| view.shown == *shown))).collect()
    };
    let sorted =
        move || Sort::ALL.iter().map(|(sort, name, said)| (*name, *said, model.view.with(|view| view.sort == *sort))).collect();
    let choices = move || {
        is_free.get().then(|| {
            (
                choice("Status", shown, move |name| model.refine(|view| view.shown = Shown::of_name(&name))),
                choice("Sort", sorted, move |name| model.refine(|view| view.sort = Sort::of_name(&name))),
            )
        })
    };
    let can_select = Memo::new(move |_| model.selected.with(Option::is_some) || model.rows.with(|rows| !rows.is_empty()));
    let select = button()
        .class("plain")
        .attr("type", "button")
        .attr("aria-pressed", move || model.selected.with(Option::is_some).to_string())
        .on(ev::CLICK, move |_| {
            model.selected.update(|selected| *selected = selected.is_none().then(BTreeSet::new));
        })
        .child((icon(SELECT), "Select"));
    div().class("toolbar").attr("role", "search").attr("aria-label", "Filter tasks").child((
        div().class("search").child((icon(SEARCH), label().class("vh").attr("for", "search").child("Search"), search)),
        choices,
        move || can_select.get().then(|| select.clone()),
    ))
}

type Choices = Vec<(&'static str, &'static str, bool)>;

fn choice(name: &'static str, choices: impl Fn() -> Choices + Send + 'static, chosen: impl Fn(String) + 'static) -> impl Kids {
    let one = |(name, said, is_chosen): (&'static str, &'static str, bool)| {
        option().attr("value", name).flag("selected", move || is_chosen).child(said)
    };
    let select = select().on(ev::CHANGE, move |event| chosen(value_of(&event)));
    label().class("inline").child((
        span().child(name),
        " ",
        select.child(move || choices().into_iter().map(one).collect::<Vec<_>>()),
    ))
}

/// What is done to all that is selected.
pub fn selection(model: Model) -> impl Kids {
    let count = move || model.selected.with(|selected| selected.as_ref().map_or(0, BTreeSet::len));
    let act = move |name: &'static str, picture: &'static str, what: What| {
        let button = button().attr("type", "button").flag("disabled", move || count() == 0);
        button.on(ev::CLICK, move |_| actions::with_selected(model, what.clone())).child((icon(picture), name))
    };
    let all = move |_| {
        let rows = model.rows.get_untracked();
        let mut tasks = BTreeSet::<TaskId>::new();
        for task in rows.iter().filter_map(board::view::Row::task) {
            tasks.insert(task.id);
        }
        model.selected.set(Some(tasks));
    };
    div().class("selection").attr("role", "group").attr("aria-label", "Selected tasks").child((
        span().attr("aria-live", "polite").child(move || format!("{} selected", count())),
        button().attr("type", "button").on(ev::CLICK, all).child("All"),
        button().attr("type", "button").on(ev::CLICK, move |_| model.selected.set(None)).child((icon(CLOSE), "Clear")),
        act("Complete", CHECK, What::Complete(true)),
        snooze_selected(model),
        act("Delete", DELETE, What::Delete),
    ))
}

fn snooze_selected(model: Model) -> impl Kids {
    let until = move || {
        let here = model.here_now();
        here.moved_to(None, here.in_days(1))
    };
    button()
        .attr("type", "button")
        .on(ev::CLICK, move |_| {
            if let Some(until) = until() {
                actions::with_selected(model, What::Snooze(until));
            }
        })
        .child((icon(super::icons::SNOOZE), "Snooze until tomorrow"))
}

fn loading() -> impl Kids {
    let row = |_| div().class("skeleton").attr("aria-hidden", "true").child(i());
    div()
        .class("skeletons")
        .attr("aria-busy", "true")
        .child((p().class("vh").child("Loading the tasks…"), (0..6).map(row).collect::<Vec<_>>()))
}

fn failed(model: Model) -> impl Kids {
    let why = move || if let Reading::Failed(why) = model.reading.get() { why } else { String::new() };
    let again = button().class("primary").attr("type", "button").child("Try again").on(ev::CLICK, move |_| {
        model.reading.set(Reading::Begun);
        spawn_local(reading::everything(model));
    });
    div().class("blank failed").attr("role", "alert").child((
        art(WARNING),
        h2().child("The tasks could not be loaded"),
        p().child(move || format!("{} What you have written is safe.", why())),
        div().class("buttons").child(again),
    ))
}

fn empty(model: Model) -> impl Kids {
    let (is_search, place) = (
        move || model.view.with(|view| !view.search.is_empty() || view.shown != Shown::All),
        move || model.view.with(|view| view.place.clone()),
    );
    let said = move || match place() {
        _ if is_search() => ("Nothing is found", "No task here has what you look for. Search for less, or among all tasks."),
        Place::Today => (
            "Nothing is due today",
            "Enjoy the day, or write down what is on your mind: type it above and give it a time, such as “18:00”.",
        ),
        Place::Upcoming => ("Nothing is coming up", "Give a task a day, such as “fri 18:00”, and it stands here until then."),
        Place::Completed => ("Nothing is completed yet", "What you complete is kept here, with its history."),
        Place::Tag(_) => ("No task has this tag", "Type “#” and its name in a new task."),
        _ => {
            ("No tasks yet", "Type your first one above. “Water plants every 2 days 18:00 #home !high” is understood as a whole.")
        }
    };
    div().class("blank").child((art(SUN), h2().child(move || said().0), p().child(move || said().1)))
}
