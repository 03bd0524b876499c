//! The page of somebody who is signed in.

use super::icons::mark;
use super::{bell, list, navigation, quick};
use crate::actions;
use crate::dom::{Any, Kids, a, any, div, ev, h1, header, main, p, window};
use crate::later::Later;
use crate::model::{Model, Open, Reading};
use crate::reactive::*;
use board::view::{Place, linked};

pub fn shell(model: Model) -> impl Kids {
    follow_link(model);
    let brand = a().class("brand").attr("href", "/").on(ev::CLICK, move |event| {
        event.prevent_default();
        model.go_to(Place::All);
    });
    let skip = a().class("skip").attr("href", "#main").child("Skip to the tasks").on(ev::CLICK, |event| {
        event.prevent_default();
        super::focus("main".to_owned());
    });
    div().class("app").child((
        skip,
        div().class("notes").child((
            p().class("offline").attr("role", "status").child(move || offline(model)),
            p().class("offline").attr("role", "status").child(move || unkept(model)),
            p().class("offline").attr("role", "status").child(move || {
                model
                    .lacks
                    .get()
                    .then_some("A part of the page has not come. It is asked for again; if it does not come, reload the page.")
            }),
        )),
        header().class("bar").child((brand.child((mark(), "Tidings")), bell::bell(model))),
        navigation::navigation(model),
        body(model),
        move || model.later.get().map(|later| (later.toasts)(model)),
        move || dialog(model),
        // Keys are listened to as long as the page is there.
        move || model.later.get().map_or((), |later| (later.listen)(model)),
    ))
}

/// A notice's link opens its task, once the tasks are there.
fn follow_link(model: Model) {
    let Some(id) = linked(&window().location().search().unwrap_or_default()) else { return };
    let has_followed = RwSignal::new(false);
    effect(move || {
        if model.reading.get() != Reading::Done || has_followed.get_untracked() {
            return;
        }
        has_followed.set(true);
        match model.task(id) {
            Some(task) => model.open.set(Some(Open::Edit(task))),
            None => actions::say(model, "The task is no longer there.".to_owned(), Vec::new()),
        }
        // What is left of the address says where one is.
        model.refine(|_| {});
    });
}

fn offline(model: Model) -> String {
    if model.reached.get() {
        return String::new();
    }
    match model.outbox.with(board::outbox::Outbox::len) {
        0 => "Offline. The server does not answer just now; you can go on.".to_owned(),
        1 => "Offline. 1 change waits and is sent when the server is back.".to_owned(),
        waiting => format!("Offline. {waiting} changes wait and are sent when the server is back."),
    }
}

fn unkept(model: Model) -> Option<&'static str> {
    let is_lost = !model.keeps.get() && model.outbox.with(|outbox| !outbox.is_empty());
    is_lost.then_some("This browser keeps nothing just now: leave the page open until what you did is sent.")
}

fn body(model: Model) -> impl Kids {
    let place = Memo::new(move |_| model.view.with(|view| view.place.clone()));
    let kind = Memo::new(move |_| match place.get() {
        Place::Statistics => 1,
        Place::Settings => 2,
        _ => 0,
    });
    let scroll = RwSignal::new(0);
    // A new place begins at its top.
    let main = main().class("scroller").id("main").attr("tabindex", "-1");
    let element = main.html().clone();
    let mut before = None;
    effect(move || {
        let place = place.get();
        // To ask a page that is not laid out yet for its scrolling would have it laid out.
        if before.replace(place.clone()).is_some_and(|before| before != place) {
            element.set_scroll_top(0);
            scroll.set(0);
        }
    });
    let sight = main.html().clone();
    let scrolled = main.html().clone();
    let day = move || {
        let here = model.here();
        matches!(place.get(), Place::Today).then(|| here.say_today())
    };
    let head = div().class("head").child((h1().child(move || place.get().title()), move || day().map(|day| p().child(day))));
    let content = move || match kind.get() {
        1 => later(model, |later| (later.statistics)(model)),
        2 => later(model, |later| (later.settings)(model)),
        _ => any((quick::quick(model), list::list(model, scroll, sight.clone()))),
    };
    main.on(ev::SCROLL, move |_| scroll.set(scrolled.scroll_top())).child((head, content))
}

/// What has come later, or a word until then.
pub fn later(model: Model, make: impl FnOnce(&'static Later) -> Any) -> Any {
    match model.later.get() {
        Some(later) => make(later),
        None => any(p().class("hint").attr("role", "status").child("One moment…")),
    }
}

fn dialog(model: Model) -> Any {
    let (Some(open), Some(later)) = (model.open.get(), model.later.get()) else { return any(()) };
    match open {
        Open::Edit(task) => (later.edit)(model, task),
        Open::Collision(mine, theirs) => (later.collision)(model, mine, theirs),
        Open::Help => (later.help)(model),
    }
}
