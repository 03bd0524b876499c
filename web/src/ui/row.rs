//! One row: a task, or the heading of a day.

use super::icons::{CALENDAR, DELETE, EDIT, FLAG, LATE, REPEAT, SNOOZE, WAITING, icon};
use super::navigation::drop_on;
use super::shell::later;
use crate::actions;
use crate::dom::{El, Kids, button, div, ev, h2, input, is_checked, li, span, time};
use crate::model::{Model, Open};
use crate::reactive::*;
use board::Task;
use board::days::Here;
use board::view::Row;
use board::words::{say_due, say_rule};
use chrono::NaiveDate;
use domain::id::TaskId;
use domain::task::Priority;
use domain::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Tags that a row has room for.
const TAGS: usize = 3;

/// A day's heading; none: that of what is overdue. A task can be dropped on it.
pub fn heading(model: Model, day: Option<NaiveDate>) -> El {
    let over = RwSignal::new(false);
    let said = move || day.map_or_else(|| "Overdue".to_owned(), |day| model.here().say_day(day));
    let to_today = day.is_none().then(|| {
        button().class("plain").attr("type", "button").child("Move to today").on(ev::CLICK, move |_| move_overdue(model))
    });
    li().class("row group")
        .class_if("drop-target", move || over.get())
        .on(ev::DRAG_OVER, move |event| {
            if day.is_some() {
                event.prevent_default();
                over.set(true);
            }
        })
        .on(ev::DRAG_LEAVE, move |_| over.set(false))
        .on(ev::DROP, move |event| {
            over.set(false);
            if let Some(day) = day {
                drop_on(model, &event, day);
            }
        })
        .child((h2().class(if day.is_none() { "late" } else { "" }).child(said), to_today))
}

fn move_overdue(model: Model) {
    let here = model.here_now();
    for row in model.rows.get_untracked() {
        if let Row::Task(task) = row
            && task.due_date.is_some_and(|due| here.day_of(due) < here.today())
        {
            actions::move_to(model, &task, here.today());
        }
    }
}

pub fn row(model: Model, id: TaskId, number: Memo<Option<usize>>, total: Memo<usize>) -> El {
    let task = Memo::new(move |last: Option<&Option<Arc<Task>>>| {
        let now = model.here().now;
        let task = model.tasks.with(|tasks| model.outbox.with(|outbox| tasks.meant_one(id, outbox, now)));
        // While it goes, it stays what it was.
        task.or_else(|| last.cloned().flatten())
    });
    let title = Memo::new(move |_| task.with(|task| task.as_ref().map_or_else(String::new, |task| task.title.clone())));
    let is_done = Memo::new(move |_| task.with(|task| task.as_ref().is_some_and(|task| task.completed)));
    let priority = Memo::new(move |_| task.with(|task| task.as_ref().map_or(Priority::Medium, |task| task.priority)));
    let is_selected =
        Memo::new(move |_| model.selected.with(|selected| selected.as_ref().is_some_and(|selected| selected.contains(&id))));
    let with_task = move |act: fn(Model, &Task)| {
        if let Some(task) = task.get_untracked() {
            act(model, &task);
        }
    };
    let check = input()
        .class("check")
        .class_if("high", move || priority.get() == Priority::High)
        .class_if("low", move || priority.get() == Priority::Low)
        .id(&format!("task-{id}"))
        .attr("type", "checkbox")
        .attr("aria-label", title)
        .flag("checked", move || is_done.get())
        .on(ev::CHANGE, move |event| {
            let completed = is_checked(&event);
            if let Some(task) = task.get_untracked() {
                actions::complete(model, &task, completed);
            }
        });
    let named = move |verb: &'static str| move || format!("{verb} {}", title.get());
    let actions = div().class("actions").child((
        button()
            .class("icon-button")
            .attr("type", "button")
            .attr("aria-label", named("Edit"))
            .child(icon(EDIT))
            .on(ev::CLICK, move |_| with_task(edit)),
        // What is done is silent anyway.
        move || (!is_done.get()).then(|| snooze(model, id, named("Snooze"))),
        button()
            .class("icon-button delete")
            .attr("type", "button")
            .attr("aria-label", named("Delete"))
            .child(icon(DELETE))
            .on(ev::CLICK, move |_| with_task(delete)),
    ));
    let pick = button()
        .class("pick")
        .attr("type", "button")
        .attr("aria-pressed", move || is_selected.get().to_string())
        .attr("aria-label", named("Select"))
        .on(ev::CLICK, move |_| toggle(model, id));
    let text = div()
        .class("text")
        .on(ev::CLICK, move |_| with_task(edit))
        .child((span().class("title").attr("dir", "auto").child(title), move || task.get().map(|task| meta(model, &task))));
    li().class("row")
        .class_if("done", move || is_done.get())
        .class_if("selected", move || is_selected.get())
        .attr("draggable", "true")
        .attr("data-task", id.to_string())
        .attr("aria-posinset", move || number.get().map(|number| number.to_string()))
        .attr("aria-setsize", move || total.get().to_string())
        .on(ev::DRAG_START, move |event| {
            if let Some(data) = event.data_transfer() {
                _ = data.set_data("text/plain", &id.to_string());
            }
        })
        .child((check, text, actions, pick))
}

pub fn edit(model: Model, task: &Task) {
    model.open.set(Some(Open::Edit(Arc::new(task.clone()))));
}

/// Deletes a task; the focus goes to the one that takes its place.
pub fn delete(model: Model, task: &Task) {
    let rows = model.rows.get_untracked();
    let tasks: Vec<TaskId> = rows.iter().filter_map(Row::task).map(|task| task.id).collect();
    let at = tasks.iter().position(|id| *id == task.id);
    let next = at.and_then(|at| tasks.get(at + 1).or_else(|| tasks.get(at.checked_sub(1)?)));
    let next = next.map_or_else(|| "new".to_owned(), |next| format!("task-{next}"));
    actions::delete(model, task);
    super::focus(next);
}

pub fn toggle(model: Model, id: TaskId) {
    model.selected.update(|selected| {
        let selected = selected.get_or_insert_with(BTreeSet::new);
        if !selected.remove(&id) {
            selected.insert(id);
        }
    });
}

/// When a snooze can end: what it is called, and the moment.
pub fn moments(here: Here) -> Vec<(&'static str, Timestamp)> {
    let nine = |days| here.moved_to(None, here.in_days(days));
    let evening = here.from_input(&format!("{}T18:00", here.today())).filter(|evening| *evening > here.now);
    let all = [
        ("In an hour", Some(here.now.plus_minutes(60))),
        ("This evening", evening),
        ("Tomorrow", nine(1)),
        ("Next week", nine(7)),
    ];
    all.into_iter().filter_map(|(name, at)| Some((name, at?))).collect()
}

/// The menu of them.
pub fn snoozes(model: Model, id: TaskId) -> impl Kids {
    let here = model.here_now();
    let choice = |(name, until): (&'static str, Timestamp)| {
        button().attr("type", "button").on(ev::CLICK, move |_| actions::snooze(model, id, until)).child((
            name,
            " ",
            span().class("hint").child(here.say(until).trim_start_matches(name).trim().to_owned()),
        ))
    };
    moments(here).into_iter().map(choice).collect::<Vec<_>>()
}

fn snooze(model: Model, id: TaskId, name: impl Fn() -> String + Send + 'static) -> impl Kids {
    let is_open = RwSignal::new(false);
    let menu = format!("snooze-{id}");
    let choices = move || is_open.get().then(|| later(model, |later| (later.snoozes)(model, id)));
    let toggled = move |event: web_sys::Event| {
        let state = js_sys::Reflect::get(&event, &"newState".into()).ok().and_then(|state| state.as_string());
        is_open.set(state.as_deref() == Some("open"));
    };
    let opener = button()
        .class("icon-button")
        .attr("type", "button")
        .attr("aria-label", name)
        .attr("popovertarget", menu.clone())
        .child(icon(SNOOZE));
    let menu = div().class("menu").id(&menu);
    let element = menu.html().clone();
    let menu = menu
        .attr("popover", "")
        .attr("role", "group")
        .attr("aria-label", "Snooze")
        .on(ev::BEFORE_TOGGLE, toggled)
        .on(ev::CLICK, move |_| {
            _ = element.hide_popover();
        })
        .child(choices);
    (opener, menu)
}

/// What stands under the title.
fn meta(model: Model, task: &Task) -> impl Kids + use<> {
    let here = model.here();
    let due = say_due(task, here).map(|(said, is_overdue)| {
        let is_today = task.due_date.is_some_and(|due| here.day_of(due) == here.today());
        let class = if is_overdue {
            "due overdue"
        } else if is_today {
            "due today"
        } else {
            "due"
        };
        let picture = icon(if is_overdue { LATE } else { CALENDAR });
        let at = task.due_date.map(|due| due.to_string());
        span().class(class).child((
            picture,
            span().class("vh").child(if is_overdue { "Overdue: " } else { "Due " }),
            time().attr("datetime", at).child(said),
        ))
    });
    let snoozed = task.snoozed_until.filter(|_| task.is_snoozed(here.now) && !task.completed);
    let snoozed = snoozed.map(|until| span().class("due").child((icon(SNOOZE), format!("snoozed until {}", here.say(until)))));
    let repeat = task
        .recurrence
        .as_ref()
        .map(|rule| span().class("repeat").child((icon(REPEAT), span().class("vh").child("Repeats "), say_rule(&rule.rrule))));
    let priority = match task.priority {
        Priority::High => Some(("prio high", "High")),
        Priority::Low => Some(("prio low", "Low")),
        Priority::Medium => None,
    };
    let priority =
        priority.map(|(class, name)| span().class(class).child((icon(FLAG), name, span().class("vh").child(" priority"))));
    let tags = task
        .tags
        .iter()
        .take(TAGS)
        .map(|tag| span().class("tag").attr("dir", "auto").child(format!("#{tag}")))
        .collect::<Vec<_>>();
    let waiting = (task.version == 0).then(|| span().class("waiting").child((icon(WAITING), "not sent yet")));
    span().class("meta").child((due, snoozed, repeat, priority, tags, waiting))
}
