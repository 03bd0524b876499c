//! The page of somebody who is signed in.

use super::icons::mark;
use super::{bell, collision, edit, keys, list, navigation, quick, settings, statistics, toasts};
use crate::model::{Model, Open};
use board::view::Place;
use leptos::ev;
use leptos::html::{a, div, h1, header, main, p};
use leptos::prelude::*;

pub fn shell(model: Model) -> impl IntoView {
    keys::listen(model);
    let brand = a().class("brand").attr("href", "/").on(ev::click, move |event| {
        event.prevent_default();
        model.go_to(Place::All);
    });
    let skip = a().class("skip").attr("href", "#main").child("Skip to the tasks").on(ev::click, |event| {
        event.prevent_default();
        super::focus("main".to_owned());
    });
    div().class("app").child((
        skip,
        p().class("offline").attr("role", "status").child(move || offline(model)),
        header().class("bar").child((brand.child((mark(), "Tidings")), bell::bell(model))),
        navigation::navigation(model),
        body(model),
        toasts::toasts(model),
        move || dialog(model),
    ))
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

fn body(model: Model) -> impl IntoView {
    let place = Memo::new(move |_| model.view.with(|view| view.place.clone()));
    let kind = Memo::new(move |_| match place.get() {
        Place::Statistics => 1,
        Place::Settings => 2,
        _ => 0,
    });
    let scroll = RwSignal::new(0);
    // A new place begins at its top.
    let main_ref = NodeRef::<leptos::html::Main>::new();
    Effect::new(move |_| {
        place.track();
        if let Some(main) = main_ref.get() {
            main.set_scroll_top(0);
        }
        scroll.set(0);
    });
    let day = move || {
        let here = model.here();
        matches!(place.get(), Place::Today).then(|| here.today().format("%A %-d %B").to_string())
    };
    let head = div().class("head").child((h1().child(move || place.get().title()), move || day().map(|day| p().child(day))));
    let content = move || match kind.get() {
        1 => statistics::statistics(model).into_any(),
        2 => settings::settings(model).into_any(),
        _ => (quick::quick(model), list::list(model, scroll, main_ref)).into_any(),
    };
    let scrolled = move |_| {
        if let Some(main) = main_ref.get_untracked() {
            scroll.set(main.scroll_top());
        }
    };
    main().class("scroller").id("main").attr("tabindex", "-1").node_ref(main_ref).on(ev::scroll, scrolled).child((head, content))
}

fn dialog(model: Model) -> AnyView {
    match model.open.get() {
        Some(Open::Edit(task)) => edit::edit(model, task).into_any(),
        Some(Open::Collision(mine, theirs)) => collision::collision(model, mine, theirs).into_any(),
        Some(Open::Help) => keys::help(model).into_any(),
        None => ().into_any(),
    }
}
