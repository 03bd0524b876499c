//! Two have changed the same fields of a task: the person sees both, and neither is lost before they have decided.

use super::edit::{close, dialog};
use crate::dom::{Kids, b, button, div, ev, fieldset, form, h2, input, label, legend, p, span};
use crate::model::Model;
use crate::reactive::*;
use crate::{actions, kept};
use board::Task;
use board::days::Here;
use board::outbox::{Op, What};
use board::task::Fields;
use board::words::say_value;
use serde_json::Value;
use std::sync::Arc;
use wasm_bindgen_futures::spawn_local;

/// One field, and whether mine is chosen.
#[derive(Clone)]
struct Field {
    name: String,
    mine: Value,
    theirs: Value,
    is_mine: RwSignal<bool>,
}

pub fn collision(model: Model, mine: Op, theirs: Arc<Task>) -> impl Kids {
    let fields = differing(&mine, &theirs);
    let shown = fields.clone().into_iter().map(|field| versus(model.here_now(), field)).collect::<Vec<_>>();
    let heading = h2().id("collision-heading").child("This task was changed meanwhile");
    let text = p()
        .class("muted")
        .id("collision-text")
        .child("You and somebody else, or another device of yours, changed the same fields. Choose what to keep of each.");
    let save = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let What::Update { changes, .. } = &mine.what else { return close() };
        // What collided and is given up is left out; the rest goes on top of theirs.
        let given_up = |name: &String| fields.iter().any(|field| field.name == *name && !field.is_mine.get_untracked());
        let changes: Fields =
            changes.iter().filter(|(name, _)| !given_up(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
        settle(&mine);
        if !changes.is_empty() {
            actions::change(model, &theirs, changes);
        }
        close();
    };
    let end = div().class("end").child(button().class("primary").attr("type", "submit").child("Save"));
    let form =
        form().on(ev::SUBMIT, save).child((div().class("top").child(heading), div().class("body").child((text, shown)), end));
    dialog(model, "dialog", "collision-heading", form)
}

/// It is decided: what was mine need not be kept any longer.
fn settle(mine: &Op) {
    let key = mine.key.clone();
    spawn_local(kept::drop(key));
}

fn differing(mine: &Op, theirs: &Task) -> Vec<Field> {
    let What::Update { changes, .. } = &mine.what else { return Vec::new() };
    let all = serde_json::to_value(theirs).unwrap_or_default();
    let field = |name: String| {
        let (mine, theirs) = (changes.get(&name).cloned().unwrap_or_default(), all.get(&name).cloned().unwrap_or_default());
        Field { name, mine, theirs, is_mine: RwSignal::new(true) }
    };
    mine.conflicts(theirs).into_iter().map(field).collect()
}

fn versus(here: Here, field: Field) -> impl Kids {
    let Field { name, mine, theirs, is_mine } = field;
    let group = format!("choice-{name}");
    let option = |said: &'static str, value: &Value, wants_mine: bool| {
        let radio = input()
            .attr("type", "radio")
            .attr("name", group.clone())
            .flag("checked", move || is_mine.get() == wants_mine)
            .on(ev::CHANGE, move |_| is_mine.set(wants_mine));
        let text = say_value(&name, value, here).unwrap_or_else(|| "Empty".to_owned());
        label().class("choice").child((radio, span().child((b().child(said), " ", span().attr("dir", "auto").child(text)))))
    };
    let choices = div().child((option("Yours", &mine, true), option("Theirs", &theirs, false)));
    fieldset().class("versus").child((legend().child(called(&name)), choices))
}

fn called(field: &str) -> &'static str {
    match field {
        "title" => "Title",
        "description" => "Description",
        "due_date" => "Due",
        "priority" => "Priority",
        "tags" => "Tags",
        "recurrence" => "Repeat",
        "reminder_minutes" => "Reminder",
        _ => "Another field",
    }
}
