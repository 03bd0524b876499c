//! Fields of a form, each with its label.

use leptos::ev;
use leptos::html::{HtmlElement, div, input, label, option, p, select};
use leptos::prelude::*;

type Div = HtmlElement<leptos::html::Div, (), ()>;

/// A field with one line of text, or of another type of input.
pub fn line(id: &'static str, kind: &'static str, name: &'static str, hint: Option<&'static str>, value: RwSignal<String>) -> impl IntoView {
    let hint_id = format!("{id}-hint");
    let field = input()
        .id(id)
        .attr("type", kind)
        .attr("dir", (kind == "text").then_some("auto"))
        .attr("aria-describedby", hint.map(|_| hint_id.clone()))
        .prop("value", value)
        .on(ev::input, move |event| value.set(event_target_value(&event)));
    let hint = hint.map(|hint| p().class("hint").id(hint_id).child(hint));
    field_of().child((label().attr("for", id).child(name), field, hint))
}

/// A field with a choice; `choices` have a value and what it is called.
pub fn choice(id: &'static str, name: &'static str, choices: Vec<(String, String)>, value: RwSignal<String>) -> impl IntoView {
    let one = move |(name, said): (String, String)| {
        let is_chosen = value.get_untracked() == name;
        option().attr("value", name).prop("selected", is_chosen).child(said)
    };
    let field = select().id(id).on(ev::change, move |event| value.set(event_target_value(&event))).child(choices.into_iter().map(one).collect_view());
    field_of().child((label().attr("for", id).child(name), field))
}

fn field_of() -> HtmlElement<leptos::html::Div, impl leptos::tachys::html::attribute::Attribute, ()> {
    let div: Div = div();
    div.class("field")
}
