//! The places to go to.

use super::icons::{ALL, COMPLETED, KEYBOARD, MENU, SETTINGS, SIGN_OUT, STATISTICS, TAG, TODAY, UPCOMING, icon};
use crate::actions;
use crate::dom::{Kids, a, button, div, ev, h2, li, nav, span, ul};
use crate::model::{Model, Open};
use crate::reactive::*;
use board::tags::known;
use board::view::{Place, View, counts};
use chrono::NaiveDate;
use wasm_bindgen_futures::spawn_local;

/// A day that a task is dropped on.
const DROPS: [(Place, u64); 2] = [(Place::Today, 0), (Place::Upcoming, 1)];

pub fn navigation(model: Model) -> impl Kids {
    let counted = Memo::new(move |_| model.meant.with(|tasks| counts(tasks, model.here())));
    let tagged = Memo::new(move |_| model.meant.with(|tasks| known(tasks)));
    let is_wide = RwSignal::new(false);
    let views = Place::LISTS.into_iter().enumerate().map(|(index, place)| {
        // What is completed asks for nothing.
        let count = move || counted.with(|places| places.get(index).copied()).filter(|count| *count > 0);
        li().child(link(model, place, count))
    });
    let tags = Memo::new(move |_| tagged.with(|tags| tags.keys().cloned().collect::<Vec<_>>()));
    let tag = move |tag: String| {
        let name = tag.clone();
        let count = move || tagged.with(|tags| tags.get(&name).copied()).filter(|count| *count > 0);
        li().child(link(model, Place::Tag(tag), count))
    };
    let tags = move || {
        let tags = tags.get();
        (!tags.is_empty()).then(|| (h2().child("Tags"), ul().child(tags.into_iter().map(tag).collect::<Vec<_>>())))
    };
    let foot = ul().class("foot").child((
        li().child(link(model, Place::Statistics, || None)),
        li().child(link(model, Place::Settings, || None)),
        li().child(
            button()
                .attr("type", "button")
                .attr("aria-haspopup", "dialog")
                .on(ev::CLICK, move |_| model.open.set(Some(Open::Help)))
                .child((icon(KEYBOARD), "Keyboard shortcuts")),
        ),
        li().child(
            button()
                .attr("type", "button")
                .on(ev::CLICK, move |_| spawn_local(actions::sign_out(model)))
                .child((icon(SIGN_OUT), "Sign out")),
        ),
        li().class("who").child(move || actions::who(model)),
    ));
    let more = button()
        .class("more-button")
        .attr("type", "button")
        .attr("aria-controls", "more")
        .attr("aria-expanded", move || is_wide.get().to_string())
        .on(ev::CLICK, move |_| is_wide.update(|wide| *wide = !*wide))
        .child((icon(MENU), "More"));
    // What was opened to go somewhere closes when one is there.
    effect(move || {
        model.view.track();
        is_wide.set(false);
    });
    nav().class("side").attr("aria-label", "Main").child((
        ul().class("views").child(views.collect::<Vec<_>>()),
        more,
        // What is led to may be where one is, or a dialog.
        div().class("more").id("more").on(ev::CLICK, move |_| is_wide.set(false)).child((tags, foot)),
    ))
}

fn picture(place: &Place) -> &'static str {
    match place {
        Place::All => ALL,
        Place::Today => TODAY,
        Place::Upcoming => UPCOMING,
        Place::Completed => COMPLETED,
        Place::Tag(_) => TAG,
        Place::Statistics => STATISTICS,
        Place::Settings => SETTINGS,
    }
}

fn link(model: Model, place: Place, count: impl Fn() -> Option<usize> + Send + Clone + 'static) -> impl Kids {
    let (path, path_icon) = (View::at(place.clone()).url(), picture(&place));
    let name = match &place {
        Place::Tag(tag) => tag.clone(),
        Place::All => "All".to_owned(),
        other => other.title(),
    };
    let is_today = place == Place::Today;
    let is_overdue = |task: &board::Task, now| !task.completed && task.due_date.is_some_and(|due| due < now);
    let is_late = move || is_today && model.meant.with(|tasks| tasks.iter().any(|task| is_overdue(task, model.here().now)));
    let (here, there) = (place.clone(), place.clone());
    let drop_day = move || DROPS.iter().find(|(drops, _)| *drops == place).map(|(_, ahead)| model.here_now().in_days(*ahead));
    let over = RwSignal::new(false);
    let can_drop = drop_day().is_some();
    let drag = move |event: web_sys::DragEvent| {
        if can_drop {
            event.prevent_default();
            over.set(true);
        }
    };
    let dropped = move |event: web_sys::DragEvent| {
        over.set(false);
        if let Some(day) = drop_day() {
            drop_on(model, &event, day);
        }
    };
    a().attr("href", path)
        .attr("aria-current", move || (model.view.with(|view| view.place == here)).then_some("page"))
        .class_if("drop-target", move || over.get())
        .on(ev::CLICK, move |event| {
            // A new tab is the browser's to open.
            if !event.ctrl_key() && !event.meta_key() && !event.shift_key() {
                event.prevent_default();
                model.go_to(there.clone());
            }
        })
        .on(ev::DRAG_OVER, drag)
        .on(ev::DRAG_LEAVE, move |_| over.set(false))
        .on(ev::DROP, dropped)
        .child((icon(path_icon), span().class("name").attr("dir", "auto").child(name), move || {
            count().map(|count| span().class("count").class_if("late", is_late).child(count))
        }))
}

/// A task was dropped on a day.
pub fn drop_on(model: Model, event: &web_sys::DragEvent, day: NaiveDate) {
    event.prevent_default();
    let dropped = event.data_transfer().and_then(|data| data.get_data("text/plain").ok());
    if let Some(task) = dropped.and_then(|id| id.parse().ok()).and_then(|id| model.task(id)) {
        actions::move_to(model, &task, day);
        actions::say(model, format!("Moved to {}", model.here_now().say_day(day)), Vec::new());
    }
}
