//! What a person likes, and what is theirs.

use super::edit::LEADS;
use super::fields::{choice, line};
use super::import::import;
use super::tokens::tokens;
use crate::dom::{Kids, a, button, div, ev, fieldset, form, h2, input, label, legend, p, section, span};
use crate::model::{Model, Session};
use crate::reactive::*;
use crate::{actions, api, live, reading};
use board::words::say_lead;
use serde_json::json;
use wasm_bindgen_futures::spawn_local;

pub fn settings(model: Model) -> impl Kids {
    // Where accounts are kept elsewhere, so are their passwords.
    let is_ours = model.session.with_untracked(|session| matches!(session, Session::SignedIn(user) if user.email.is_some()));
    let password = is_ours.then(|| password(model));
    (times(model), theme(model), tokens(model), import(model), export(), password, deletion(model))
}

/// A section: what it is about, and its fields.
fn part(id: &'static str, name: &'static str, about: &'static str, fields: impl Kids) -> impl Kids {
    section()
        .class("section")
        .attr("aria-labelledby", id)
        .child((div().child((h2().id(id).child(name), p().child(about))), div().class("fields").child(fields)))
}

fn times(model: Model) -> impl Kids {
    let now = model.preferences.get_untracked();
    let (zone, lead) = (
        RwSignal::new(now.time_zone.clone()),
        RwSignal::new(now.default_reminder_minutes.map_or_else(String::new, |minutes| minutes.to_string())),
    );
    let zones = js_sys::Reflect::get(&js_sys::global(), &"Intl".into())
        .and_then(|intl| js_sys::Reflect::get(&intl, &"supportedValuesOf".into()))
        .and_then(|function| {
            wasm_bindgen::JsCast::unchecked_into::<js_sys::Function>(function)
                .call1(&wasm_bindgen::JsValue::NULL, &"timeZone".into())
        });
    let zones = zones.map(|zones| js_sys::Array::from(&zones)).unwrap_or_default();
    let mut zones: Vec<String> = zones.iter().filter_map(|zone| zone.as_string()).collect();
    if !zones.contains(&now.time_zone) {
        zones.insert(0, now.time_zone.clone());
    }
    let zones = zones.into_iter().map(|zone| (zone.clone(), zone)).collect();
    let mut leads = vec![(String::new(), "None".to_owned())];
    let other = now.default_reminder_minutes.filter(|minutes| !LEADS.contains(minutes));
    leads.extend(LEADS.into_iter().chain(other).map(|minutes| (minutes.to_string(), say_lead(minutes))));
    let mut before = None::<(String, String)>;
    effect(move || {
        let chosen = (zone.get(), lead.get());
        if let Some((old_zone, old_lead)) = before.take() {
            if old_zone != chosen.0 {
                actions::prefer(model, json!({"time_zone": chosen.0}));
            }
            if old_lead != chosen.1 {
                actions::prefer(model, json!({"default_reminder_minutes": chosen.1.parse::<u32>().ok()}));
            }
        }
        before = Some(chosen);
    });
    let fields = (choice("zone", "Time zone", zones, zone), choice("default-reminder", "Default reminder", leads, lead));
    part("s-time", "Time and reminders", "“Today” and “18:00” are meant in this time zone.", fields)
}

fn theme(model: Model) -> impl Kids {
    let one = move |(name, said): (&'static str, &'static str)| {
        let radio = input()
            .attr("type", "radio")
            .attr("name", "theme")
            .flag("checked", move || model.preferences.with(|preferences| preferences.theme == name))
            .on(ev::CHANGE, move |_| actions::prefer(model, json!({"theme": name})));
        label().class("choice").child((radio, span().child(said)))
    };
    let themes = [("system", "As the system"), ("light", "Light"), ("dark", "Dark")].map(one).into_iter().collect::<Vec<_>>();
    let fields = fieldset().child((legend().class("vh").child("Theme"), div().class("segments").child(themes)));
    part("s-look", "Theme", "For this account, on every device.", fields)
}

/// Why the server does not do what a password is asked for.
fn refused(answer: &api::Answer) -> String {
    match answer.status {
        401 => "This is not the current password.".to_owned(),
        429 => "That were too many wrong passwords. Wait a minute, and try again.".to_owned(),
        _ => answer.problem(),
    }
}

fn export() -> impl Kids {
    let link = |path: &'static str, name: &'static str, file: &'static str| {
        a().class("button").attr("href", path).attr("download", file).child(name)
    };
    let links = div().class("buttons").child((
        link("/api/account/export", "Everything, as JSON", "tidings.json"),
        " ",
        link("/api/account/export?format=ics", "Tasks, as iCalendar", "tidings.ics"),
    ));
    part("s-export", "Export", "All of it is yours: tasks, history, notifications.", links)
}

fn password(model: Model) -> impl Kids {
    let (current, new, problem) = (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(None::<String>));
    let change = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let body = json!({"current_password": current.get_untracked(), "new_password": new.get_untracked()});
        problem.set(None);
        spawn_local(async move {
            match api::send("PUT", "/api/account/password", Some(&body), &[]).await {
                Ok(answer) if (200..=299).contains(&answer.status) => {
                    current.set(String::new());
                    new.set(String::new());
                    actions::say(model, "The password is changed. Other devices have to sign in again.".to_owned(), Vec::new());
                }
                Ok(answer) => problem.set(Some(refused(&answer))),
                Err(trouble) => problem.set(Some(actions::told(&trouble))),
            }
        });
    };
    let said = move || problem.get().map(|why| p().class("error-text").attr("role", "alert").child(why));
    let fields = form().class("fields").on(ev::SUBMIT, change).child((
        line("current-password", "password", "Current password", None, current),
        line("new-password", "password", "New password", Some("At least 8 characters."), new),
        said,
        div().class("buttons").child(button().attr("type", "submit").child("Change password")),
    ));
    part("s-password", "Password", "A new password signs every other device out. API tokens stay.", fields)
}

fn deletion(model: Model) -> impl Kids {
    let (password, problem) = (RwSignal::new(String::new()), RwSignal::new(None::<String>));
    let delete = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let body = json!({"password": password.get_untracked()});
        spawn_local(async move {
            match api::send("DELETE", "/api/account", Some(&body), &[]).await {
                Ok(answer) if (200..=299).contains(&answer.status) => {
                    live::tell_signed_out();
                    reading::end(model);
                }
                Ok(answer) => problem.set(Some(refused(&answer))),
                Err(trouble) => problem.set(Some(actions::told(&trouble))),
            }
        });
    };
    let said = move || problem.get().map(|why| p().class("error-text").attr("role", "alert").child(why));
    let fields = form().class("fields").on(ev::SUBMIT, delete).child((
        line("confirm", "password", "Your password", None, password),
        said,
        div().class("buttons").child(button().class("danger").attr("type", "submit").child("Delete account")),
    ));
    div().class("danger-zone").child(part(
        "s-delete",
        "Delete the account",
        "All tasks and their history are deleted. There is no way back.",
        fields,
    ))
}
