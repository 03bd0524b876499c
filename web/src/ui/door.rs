//! Where one signs in, or up.

use super::icons::{WARNING, icon, mark};
use crate::actions;
use crate::dom::{Kids, button, div, ev, form, h1, input, label, main, p, section, span, value_of};
use crate::model::Model;
use crate::reactive::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::SubmitEvent;

pub fn door(model: Model) -> impl Kids {
    let (email, password) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let (problem, is_busy) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let enter = move |path: &'static str| {
        if email.with(|email| email.trim().is_empty()) || password.with(String::is_empty) {
            problem.set(Some("Enter an e-mail address and a password.".to_owned()));
            return;
        }
        is_busy.set(true);
        spawn_local(async move {
            let entered = actions::sign_in(model, path, email.get_untracked(), password.get_untracked()).await;
            // Nothing of this form is left once somebody is in.
            if let Err(why) = entered {
                is_busy.set(false);
                problem.set(Some(why));
                super::focus("password".to_owned());
            }
        });
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        enter("/api/auth/sign-in");
    };
    let text =
        move |id: &'static str, kind: &'static str, name: &'static str, complete: &'static str, value: RwSignal<String>| {
            let field = input().id(id).attr("type", kind).attr("autocomplete", complete).value(value);
            let field = field.attr("aria-invalid", move || problem.with(Option::is_some).then_some("true"));
            let field = field.on(ev::INPUT, move |event| value.set(value_of(&event)));
            div().class("field").child((label().attr("for", id).child(name), field))
        };
    let said =
        move || problem.get().map(|why| p().class("error-text").attr("role", "alert").child((icon(WARNING), span().child(why))));
    let buttons = div().class("buttons").child((
        button().class("primary").attr("type", "submit").flag("disabled", move || is_busy.get()).child("Sign in"),
        button()
            .attr("type", "button")
            .flag("disabled", move || is_busy.get())
            .on(ev::CLICK, move |_| enter("/api/auth/sign-up"))
            .child("Sign up"),
    ));
    let fields = form().class("fields").attr("novalidate", "").on(ev::SUBMIT, submit).child((
        text("email", "email", "E-mail", "username", email),
        text("password", "password", "Password", "current-password", password),
        said,
        buttons,
    ));
    let card = section().class("card").attr("aria-labelledby", "door-heading").child((
        p().class("brand").child((mark(), "Tidings")),
        h1().id("door-heading").child("Sign in"),
        p().class("hint").attr("role", "status").child(move || {
            let why =
                "You are signed out here: the session has ended. What is not sent yet is kept, and goes on when you are back.";
            model.was_ended.get().then_some(why)
        }),
        fields,
        p().class("hint").child("New here? Enter an e-mail address and a password of your own, then “Sign up”."),
    ));
    main().class("door").child(card)
}
