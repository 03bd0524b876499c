//! Short messages, and what undoes what they say.

use super::icons::{CLOSE, icon};
use crate::actions;
use crate::dom::{Kids, button, div, each, ev, span};
use crate::model::{Model, Toast};

pub fn toasts(model: Model) -> impl Kids {
    let one = move |number: u32| {
        let toast = model.toasts.with_untracked(|toasts| toasts.iter().find(|toast| toast.number == number).cloned());
        let toast = toast.unwrap_or(Toast { number, text: String::new(), undo: Vec::new() });
        let can_undo = !toast.undo.is_empty();
        let text = toast.text.clone();
        let undo = move || {
            button()
                .attr("type", "button")
                .on(ev::CLICK, {
                    let toast = toast.clone();
                    move |_| actions::undo(model, &toast)
                })
                .child("Undo")
        };
        div().class("toast").child((
            span().attr("dir", "auto").child(text),
            can_undo.then(undo),
            button()
                .class("icon-button")
                .attr("type", "button")
                .attr("aria-label", "Dismiss")
                .on(ev::CLICK, move |_| actions::dismiss(model, number))
                .child(icon(CLOSE)),
        ))
    };
    let numbers = move || model.toasts.with(|toasts| toasts.iter().map(|toast| toast.number).collect());
    let all = each(numbers, one);
    div().class("toasts").attr("aria-live", "polite").child(all)
}
