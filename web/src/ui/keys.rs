//! Everything by keyboard, and the sheet that says how.

use super::edit::dialog;
use super::icons::{CLOSE, icon};
use super::row;
use crate::actions;
use crate::dom::{Kids, button, dd, div, dl, document, dt, ev, h2, h3, kbd, on_window, section};
use crate::model::{Model, Open};
use crate::reactive::*;
use board::Task;
use board::view::{Place, Row};
use domain::id::TaskId;
use std::sync::Arc;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

/// What it is called, and the keys.
type Line = (&'static str, &'static [&'static str]);

/// What each key does, by section.
const SHEET: [(&str, &[Line]); 4] = [
    (
        "Go to",
        &[
            ("All", &["g", "a"]),
            ("Today", &["g", "t"]),
            ("Upcoming", &["g", "u"]),
            ("Completed", &["g", "c"]),
            ("Statistics", &["g", "s"]),
        ],
    ),
    (
        "Tasks",
        &[
            ("New task", &["n"]),
            ("Search", &["/"]),
            ("Next, previous", &["j", "k"]),
            ("Complete", &["c"]),
            ("Edit", &["e"]),
            ("Snooze until tomorrow", &["s"]),
            ("Due today, tomorrow", &["t", "m"]),
            ("Select", &["x"]),
            ("Delete", &["Del"]),
        ],
    ),
    ("Everywhere", &[("Undo", &["z"]), ("This sheet", &["?"]), ("Close", &["Esc"])]),
    (
        "Writing a task",
        &[
            ("A day", &["fri"]),
            ("A time", &["18:00"]),
            ("How often", &["every 2 days"]),
            ("A tag", &["#home"]),
            ("How urgent", &["!high"]),
        ],
    ),
];

/// Listens to keys as long as somebody is signed in.
pub fn listen(model: Model) {
    let goes = RwSignal::new(false);
    on_window(ev::KEY_DOWN, move |event| {
        if event.ctrl_key()
            || event.meta_key()
            || event.alt_key()
            || model.open.with_untracked(Option::is_some)
            || is_writing(&event)
        {
            return;
        }
        let key = event.key();
        let was_going = goes.get_untracked();
        goes.set(key == "g" && !was_going);
        if if was_going { go(model, &key) } else { press(model, &key) } {
            event.prevent_default();
        }
    });
}

fn is_writing(event: &KeyboardEvent) -> bool {
    let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return false };
    let is_check = target.get_attribute("type").is_some_and(|kind| kind == "checkbox" || kind == "radio");
    matches!(target.tag_name().as_str(), "TEXTAREA" | "SELECT") || (target.tag_name() == "INPUT" && !is_check)
}

fn go(model: Model, key: &str) -> bool {
    let place = match key {
        "a" => Place::All,
        "t" => Place::Today,
        "u" => Place::Upcoming,
        "c" => Place::Completed,
        "s" => Place::Statistics,
        _ => return false,
    };
    model.go_to(place);
    true
}

/// Whether the key does something.
fn press(model: Model, key: &str) -> bool {
    match key {
        "?" => model.open.set(Some(Open::Help)),
        "n" => super::focus("new".to_owned()),
        "/" => super::focus("search".to_owned()),
        "j" | "ArrowDown" => step(model, true),
        "k" | "ArrowUp" => step(model, false),
        "z" => undo(model),
        // What is open over the page is the browser's to close.
        "Escape" if model.selected.with_untracked(Option::is_some) => model.selected.set(None),
        _ => return with_current(model, key),
    }
    true
}

fn undo(model: Model) {
    let last = model.toasts.with_untracked(|toasts| toasts.iter().rev().find(|toast| !toast.undo.is_empty()).cloned());
    if let Some(toast) = last {
        actions::undo(model, &toast);
    }
}

fn with_current(model: Model, key: &str) -> bool {
    let Some(task) = current().and_then(|id| model.task(id)) else { return false };
    let here = model.here_now();
    match key {
        "c" => actions::complete(model, &task, !task.completed),
        "e" => row::edit(model, &task),
        "s" => {
            if let Some(until) = here.moved_to(None, here.in_days(1)) {
                actions::snooze(model, task.id, until);
            }
        }
        "t" => actions::move_to(model, &task, here.today()),
        "m" => actions::move_to(model, &task, here.in_days(1)),
        "x" => row::toggle(model, task.id),
        "Delete" | "Backspace" => row::delete(model, &task),
        _ => return false,
    }
    true
}

/// The task whose row has the focus.
fn current() -> Option<TaskId> {
    let row = document().active_element()?.closest("[data-task]").ok()??;
    row.get_attribute("data-task")?.parse().ok()
}

/// The focus goes to the next row, or the one before.
fn step(model: Model, is_down: bool) {
    let rows = model.rows.get_untracked();
    let tasks: Vec<&Arc<Task>> = rows.iter().filter_map(Row::task).collect();
    let at = current().and_then(|id| tasks.iter().position(|task| task.id == id));
    let next = match (at, is_down) {
        (None, _) => Some(0),
        (Some(at), true) => at.checked_add(1),
        (Some(at), false) => at.checked_sub(1),
    };
    let Some(task) = next.and_then(|next| tasks.get(next)) else { return };
    super::focus(format!("task-{}", task.id));
}

pub fn help(model: Model) -> impl Kids {
    let part = |(name, keys): (&'static str, &'static [Line])| {
        let line = |(what, keys): &Line| {
            let keys = keys.iter().map(|key| (kbd().child(*key), " ")).collect::<Vec<_>>();
            div().child((dt().child(*what), dd().child(keys)))
        };
        section().child((h3().child(name), dl().child(keys.iter().map(line).collect::<Vec<_>>())))
    };
    let close = button()
        .class("icon-button")
        .attr("type", "button")
        .attr("aria-label", "Close")
        .child(icon(CLOSE))
        .on(ev::CLICK, move |_| super::edit::close());
    dialog(
        model,
        "dialog",
        "help-heading",
        (
            div().class("top").child((h2().id("help-heading").child("Keyboard shortcuts"), close)),
            div()
                .class("body")
                .attr("tabindex", "0")
                .attr("role", "group")
                .attr("aria-label", "Shortcuts")
                .child(div().class("keys").child(SHEET.into_iter().map(part).collect::<Vec<_>>())),
        ),
    )
}
