//! Fields of a form, each with its label.

use crate::dom::{El, div, ev, input, label, option, p, select, value_of};
use crate::reactive::*;

/// A field with one line of text, or of another type of input.
pub fn line(id: &'static str, kind: &'static str, name: &'static str, hint: Option<&'static str>, value: RwSignal<String>) -> El {
    let hint_id = format!("{id}-hint");
    let complete = match (kind, id) {
        ("password", "new-password") => "new-password",
        ("password", _) => "current-password",
        _ => "off",
    };
    let field = input()
        .id(id)
        .attr("type", kind)
        .attr("dir", (kind == "text").then_some("auto"))
        .attr("autocomplete", complete)
        .attr("aria-describedby", hint.map(|_| hint_id.clone()))
        .value(value)
        .on(ev::INPUT, move |event| value.set(value_of(&event)));
    let hint = hint.map(|hint| p().class("hint").id(&hint_id).child(hint));
    div().class("field").child((label().attr("for", id).child(name), field, hint))
}

/// A field with a choice; `choices` have a value and what it is called.
pub fn choice(id: &'static str, name: &'static str, choices: Vec<(String, String)>, value: RwSignal<String>) -> El {
    let one = move |(name, said): (String, String)| {
        let is_chosen = value.get_untracked() == name;
        option().attr("value", name).flag("selected", move || is_chosen).child(said)
    };
    let field = select()
        .id(id)
        .on(ev::CHANGE, move |event| value.set(value_of(&event)))
        .child(choices.into_iter().map(one).collect::<Vec<_>>());
    div().class("field").child((label().attr("for", id).child(name), field))
}
