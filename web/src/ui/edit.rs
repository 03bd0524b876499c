//! The dialog with every field of a task. What is typed stays as it is, whatever happens to the task meanwhile.

use super::fields::{choice, line};
use super::icons::{WARNING, icon};
use super::{repeat, tags};
use crate::actions;
use crate::api;
use crate::dom::{
    El, Kids, any, button, dialog as dialog_element, div, document, ev, form, h2, h3, label, li, next_frame, ol, p, section,
    span, textarea, ul, value_of,
};
use crate::model::Model;
use crate::reactive::*;
use crate::reading::Page;
use board::Task;
use board::history::Entry;
use board::task::Fields;
use board::words::{direction, next_dates, say_lead};
use serde_json::json;
use std::sync::Arc;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlDialogElement;

/// Leads that can be chosen, in minutes.
pub const LEADS: [u32; 7] = [0, 10, 30, 60, 120, 1_440, 2_880];
/// Dates that are shown of a series.
const DATES: usize = 4;

/// A dialog that is open as long as it is there, and closed by Escape.
pub fn dialog(model: Model, class: &'static str, heading: &'static str, content: impl Kids) -> El {
    let dialog = dialog_element().class(class).id("dialog").attr("aria-labelledby", heading);
    let element: HtmlDialogElement = dialog.node().clone().unchecked_into();
    // Once it is in the page.
    next_frame(move || drop(element.show_modal()));
    dialog.on(ev::CLOSE, move |_| model.open.set(None)).child(content)
}

/// Closes the dialog that is open; the focus goes back to where it was.
pub fn close() {
    let dialog = document().get_element_by_id("dialog").and_then(|dialog| dialog.dyn_into::<HtmlDialogElement>().ok());
    if let Some(dialog) = dialog {
        dialog.close();
    }
}

/// What is typed.
#[derive(Clone, Copy)]
struct Draft {
    title: RwSignal<String>,
    description: RwSignal<String>,
    due: RwSignal<String>,
    reminder: RwSignal<String>,
    priority: RwSignal<String>,
    tags: RwSignal<String>,
    repeat: repeat::Draft,
}

impl Draft {
    fn of(model: Model, task: &Task) -> Self {
        let here = model.here_now();
        Self {
            title: RwSignal::new(task.title.clone()),
            description: RwSignal::new(task.description.clone().unwrap_or_default()),
            due: RwSignal::new(task.due_date.map_or_else(String::new, |due| here.to_input(due))),
            reminder: RwSignal::new(task.reminder_minutes.map_or_else(String::new, |minutes| minutes.to_string())),
            priority: RwSignal::new(task.priority.name().to_owned()),
            tags: RwSignal::new(task.tags.join(", ")),
            repeat: repeat::Draft::of(task),
        }
    }

    /// All fields as they are typed.
    fn fields(self, model: Model, task: &Task) -> Result<Fields, &'static str> {
        let title = self.title.get();
        let title = title.trim();
        if title.is_empty() {
            return Err("A task needs a title.");
        }
        if title.chars().count() > 255 {
            return Err("A title has at most 255 characters.");
        }
        let (description, due) = (self.description.get(), self.due.get());
        if description.chars().count() > 2_000 {
            return Err("A description has at most 2,000 characters.");
        }
        let due_date = match due.as_str() {
            "" => None,
            due => Some(model.here().from_input(due).ok_or("The due date is a day and a time.")?),
        };
        // A due date is typed in minutes: one that was not touched keeps its seconds.
        let is_untouched = task.due_date.is_some_and(|was| model.here().to_input(was) == due);
        let due_date = if is_untouched { task.due_date } else { due_date };
        let tags = self.tags.get();
        let tags: Vec<&str> =
            tags.split(',').map(|tag| tag.trim().trim_start_matches('#')).filter(|tag| !tag.is_empty()).collect();
        if tags.len() > 10 || tags.iter().any(|tag| tag.chars().count() > 50) {
            return Err("A task has at most 10 tags, each of at most 50 characters.");
        }
        let description = Some(description.trim()).filter(|text| !text.is_empty());
        let all = json!({
            "title": title, "description": description, "due_date": due_date, "tags": tags, "priority": self.priority.get(),
            "reminder_minutes": self.reminder.get().parse::<u32>().ok(), "recurrence": self.repeat.rule(model, task, &due)?,
        });
        Ok(all.as_object().cloned().unwrap_or_default())
    }
}

pub fn edit(model: Model, task: Arc<Task>) -> impl Kids {
    let draft = Draft::of(model, &task);
    let problem = RwSignal::new(None::<&'static str>);
    let save = {
        let task = Arc::clone(&task);
        move |event: web_sys::SubmitEvent| {
            event.prevent_default();
            match untrack(|| draft.fields(model, &task)) {
                Ok(all) => {
                    let changes: Fields = all
                        .into_iter()
                        .filter(|(name, value)| !task.has(&Fields::from_iter([(name.clone(), value.clone())])))
                        .collect();
                    if !changes.is_empty() {
                        actions::change(model, &task, changes);
                    }
                    close();
                }
                Err(why) => problem.set(Some(why)),
            }
        }
    };
    let said =
        move || problem.get().map(|why| p().class("error-text").attr("role", "alert").child((icon(WARNING), span().child(why))));
    let end = div().class("end").child((
        button().attr("type", "button").on(ev::CLICK, |_| close()).child("Cancel"),
        " ",
        button().class("primary").attr("type", "submit").child("Save"),
    ));
    let body = div().class("body").child((fields(model, &task, draft, said), aside(model, task, draft)));
    let form = form().attr("novalidate", "").on(ev::SUBMIT, save).child((
        div().class("top").child(h2().id("edit-heading").child("Edit task")),
        body,
        end,
    ));
    dialog(model, "dialog wide", "edit-heading", form)
}

fn fields(model: Model, task: &Task, draft: Draft, said: impl Kids) -> El {
    let description = textarea()
        .id("description")
        .attr("dir", move || draft.description.with(|text| direction(text)))
        .value(draft.description)
        .on(ev::INPUT, move |event| draft.description.set(value_of(&event)));
    let mut leads = vec![(String::new(), "None".to_owned())];
    let known = task.reminder_minutes.filter(|minutes| !LEADS.contains(minutes));
    leads.extend(LEADS.into_iter().chain(known).map(|minutes| (minutes.to_string(), say_lead(minutes))));
    let priorities =
        [("low", "Low"), ("medium", "Medium"), ("high", "High")].map(|(name, said)| (name.to_owned(), said.to_owned()));
    let pair = |one: El, other: El| div().class("pair").child((one, other));
    div().class("fields").child((
        line("title", "text", "Title", None, draft.title),
        div().class("field").child((label().attr("for", "description").child("Description"), description)),
        pair(line("due", "datetime-local", "Due", None, draft.due), choice("reminder", "Reminder", leads, draft.reminder)),
        pair(choice("priority", "Priority", priorities.to_vec(), draft.priority), tags::field(model, draft.tags)),
        repeat::repeat(model, task, draft.repeat, draft.due),
        said,
    ))
}

fn aside(model: Model, task: Arc<Task>, draft: Draft) -> impl Kids {
    let of = Arc::clone(&task);
    let dates = Memo::new(move |_| {
        let here = model.here();
        let due = here.from_input(&draft.due.get())?;
        let rule = draft.repeat.rule(model, &of, &draft.due.get()).ok()??;
        let (rrule, from) = (rule.get("rrule")?.as_str()?, rule.get("from")?.as_str()?);
        Some(next_dates(rrule, from, due, here, DATES)).filter(|dates| !dates.is_empty())
    });
    let next = move || {
        dates.get().map(|dates| {
            let dates = dates.into_iter().map(|date| li().class("chip").child(date)).collect::<Vec<_>>();
            section().attr("aria-labelledby", "next-heading").child((
                h3().id("next-heading").child("Next dates"),
                ul().class("chips").attr("aria-label", "Next dates").child(dates),
            ))
        })
    };
    let history = RwSignal::new(None::<Result<Vec<Entry>, String>>);
    if task.version > 0 {
        let path = format!("/api/todos/{}/history?limit=200", task.id);
        spawn_local(async move {
            let page = api::get::<Page<Entry>>(&path).await;
            history.set(Some(page.map(|page| page.items).map_err(|trouble| actions::told(&trouble))));
        });
    }
    let entries = move || match history.get() {
        None => any(p().class("hint").child("…")),
        Some(Err(why)) => any(p().class("hint").child(why)),
        Some(Ok(entries)) => {
            let here = model.here();
            let one = |entry: Entry| {
                let what = entry.what(here).into_iter().map(|what| p().attr("dir", "auto").child(what)).collect::<Vec<_>>();
                li().child((what, p().class("hint").child(entry.by(here))))
            };
            // What happened last is looked for first.
            any(ol().class("timeline").child(entries.into_iter().rev().map(one).collect::<Vec<_>>()))
        }
    };
    div().class("aside").child((
        next,
        section().attr("aria-labelledby", "history-heading").child((h3().id("history-heading").child("History"), entries)),
    ))
}
