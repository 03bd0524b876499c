//! The bell: what is due and overdue, and what of it is not read.

use super::icons::{BELL, LATE, icon};
use super::shell::later;
use crate::api;
use crate::dom::{Kids, a, any, button, div, ev, h2, header, li, p, span, ul};
use crate::model::{Model, Notification, Open};
use crate::reactive::*;
use crate::{actions, live, reading};
use serde_json::Value;
use wasm_bindgen_futures::spawn_local;

pub fn bell(model: Model) -> impl Kids {
    let unread = Memo::new(move |_| model.bell.with(|bell| bell.unread));
    let number = move || (unread.get() > 0).then(|| (" ", span().class("badge").child(unread)));
    let opener = button()
        .class("icon-button")
        .attr("type", "button")
        .attr("popovertarget", "notifications")
        .attr("aria-haspopup", "dialog")
        .child((icon(BELL), span().class("vh").child("Notifications"), number));
    let panel = div()
        .class("panel")
        .id("notifications")
        .attr("popover", "")
        .attr("role", "dialog")
        .attr("aria-label", "Notifications")
        .child(move || later(model, |later| (later.notices)(model)));
    (opener, panel)
}

/// What the bell opens.
pub fn notices(model: Model) -> impl Kids {
    let read_all = button().class("plain").attr("type", "button").child("Mark all read").on(ev::CLICK, move |_| {
        mark(model, "POST", "/api/notifications/read-all".to_owned());
    });
    let list = move || {
        let items = model.bell.with(|bell| bell.items.clone());
        if items.is_empty() {
            any(p().class("hint").child("Nothing yet. What is due soon or overdue is said here."))
        } else {
            any(ul().child(items.into_iter().map(|item| notice(model, item)).collect::<Vec<_>>()))
        }
    };
    let allow = button()
        .class("plain")
        .attr("type", "button")
        .child("Also tell me outside of this page")
        .on(ev::CLICK, move |_| spawn_local(ask(model)));
    let can_ask = move || {
        model.bell.track();
        live::may_notify() == Some(web_sys::NotificationPermission::Default)
    };
    (header().class("top").child((h2().child("Notifications"), read_all)), list, move || {
        can_ask().then(|| p().child(allow.clone()))
    })
}

async fn ask(model: Model) {
    if let Ok(asked) = web_sys::Notification::request_permission() {
        _ = wasm_bindgen_futures::JsFuture::from(asked).await;
        model.bell.update(|_| {});
    }
}

fn mark(model: Model, method: &'static str, path: String) {
    spawn_local(async move {
        match api::write::<Value>(method, &path, &Value::Object(serde_json::Map::new())).await {
            Err(trouble @ (api::Trouble::Away | api::Trouble::SignedOut)) => {
                actions::say(model, actions::told(&trouble), Vec::new())
            }
            // An answer without a body is an answer.
            _ => {
                reading::bell(model).await;
            }
        }
    });
}

fn notice(model: Model, item: Notification) -> impl Kids {
    let here = model.here();
    let is_late = item.kind == "reminder.overdue";
    let said =
        if is_late { format!("Overdue since {}", here.say(item.due_date)) } else { format!("Due {}", here.say(item.due_date)) };
    let (id, task, is_read) = (item.id, item.task_id, item.read);
    let open = move |event: web_sys::MouseEvent| {
        event.prevent_default();
        if !is_read {
            mark(model, "PATCH", format!("/api/notifications/{id}/read"));
        }
        match model.task(task) {
            Some(task) => model.open.set(Some(Open::Edit(task))),
            None => actions::say(model, "The task is no longer there.".to_owned(), Vec::new()),
        }
    };
    li().class("notice").class_if("late", move || is_late).class_if("read", move || is_read).child((
        icon(if is_late { LATE } else { BELL }),
        div().child((
            a().attr("href", format!("/?task={task}")).attr("dir", "auto").on(ev::CLICK, open).child(item.title),
            p().child(format!("{said} · {}", here.ago(item.created_at))),
        )),
        (!is_read).then(|| (span().class("dot"), span().class("vh").child("Unread"))),
    ))
}
