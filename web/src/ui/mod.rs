//! What is drawn. Each file is a part of the page; what must not live here: what a task means, or how it is sent.

pub mod bell;
pub mod collision;
mod door;
pub mod edit;
mod fields;
mod icons;
mod import;
pub mod keys;
pub mod list;
mod navigation;
pub mod quick;
mod repeat;
pub mod row;
pub mod settings;
mod shell;
pub mod statistics;
mod tags;
pub mod toasts;
mod tokens;

use crate::dom::{Kids, any, document, ev, main, next_frame, on_window, p, window};
use crate::later::{fetch, with_later};
use crate::model::{Model, Session};
use crate::reactive::*;
use crate::reading;
use board::view::View;
use gloo_timers::callback::Interval;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;

/// How often time goes by, in milliseconds.
const MINUTE: u32 = 20_000;

/// The whole page.
pub fn app(model: Model) -> impl Kids {
    if let Some(note) = document().get_element_by_id("start") {
        note.remove();
    }
    spawn_local(reading::begin(model));
    Interval::new(MINUTE, move || model.tick()).forget();
    on_window(ev::POP_STATE, move |_| {
        let location = window().location();
        model.view.set(View::of_url(&location.pathname().unwrap_or_default(), &location.search().unwrap_or_default()));
    });
    on_window(ev::ONLINE, move |_| with_later(model, |later| (later.send)(model)));
    effect(move || {
        let theme = model.preferences.with(|preferences| preferences.theme.clone());
        if let Some(root) = document().document_element() {
            _ = if theme == "system" { root.remove_attribute("data-theme") } else { root.set_attribute("data-theme", &theme) };
        }
    });
    effect(move || {
        let is_in = model.session.with(|session| matches!(session, Session::SignedIn(_)));
        let title = model.view.with(|view| view.place.title());
        document().set_title(&if is_in { format!("{title} · Tidings") } else { "Tidings".to_owned() });
    });
    // Who it is may change without the page being drawn anew.
    let state = Memo::new(move |_| {
        model.session.with(|session| match session {
            Session::Unknown => 0,
            Session::SignedOut => 1,
            Session::SignedIn(_) => 2,
        })
    });
    // It comes when the first picture is there.
    effect(move || {
        if state.get() != 0 {
            next_frame(move || fetch(model));
        }
    });
    move || match state.get() {
        0 => any(main().class("starting").child(p().attr("role", "status").child(move || starting(model)))),
        1 => any(door::door(model)),
        _ => any(shell::shell(model)),
    }
}

fn starting(model: Model) -> &'static str {
    if model.reached.get() {
        "Loading your tasks…"
    } else {
        "Offline. The server does not answer; the page goes on when it does."
    }
}

/// Something that must not happen has happened: what the person wrote is kept, and a new page goes on.
pub fn failed(why: &str) {
    web_sys::console::error_1(&why.into());
    let Some(body) = document().body() else { return };
    let note = document().create_element("p");
    if let Ok(note) = note {
        note.set_class_name("failed-page");
        _ = note.set_attribute("role", "alert");
        note.set_text_content(Some("The page has made a mistake and stopped. What you did is kept: reload the page to go on."));
        _ = body.prepend_with_node_1(&note);
    }
}

/// The focus goes to the element with this id, once it is there.
fn focus(id: String) {
    if !has_focused(&id) {
        next_frame(move || {
            has_focused(&id);
        });
    }
}

fn has_focused(id: &str) -> bool {
    let element = document().get_element_by_id(id).and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok());
    element.is_some_and(|element| element.focus().is_ok())
}
