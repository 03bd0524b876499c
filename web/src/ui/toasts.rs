//! Short messages, and what undoes what they say.

use super::icons::{CLOSE, icon};
use crate::actions;
use crate::model::{Model, Toast};
use leptos::ev;
use leptos::html::{button, div, span};
use leptos::prelude::*;

pub fn toasts(model: Model) -> impl IntoView {
    let one = move |toast: Toast| {
        let number = toast.number;
        let can_undo = !toast.undo.is_empty();
        let text = toast.text.clone();
        let undo = move || button().attr("type", "button").on(ev::click, {
            let toast = toast.clone();
            move |_| actions::undo(model, &toast)
        }).child("Undo");
        div().class("toast").child((
            span().attr("dir", "auto").child(text),
            can_undo.then(undo),
            button()
                .class("icon-button")
                .attr("type", "button")
                .attr("aria-label", "Dismiss")
                .on(ev::click, move |_| actions::dismiss(model, number))
                .child(icon(CLOSE)),
        ))
    };
    let all = For(ForProps::builder().each(move || model.toasts.get()).key(|toast| toast.number).children(one).build());
    div().class("toasts").attr("aria-live", "polite").child(all)
}
