//! What a person likes, and what is theirs.

use super::edit::LEADS;
use super::fields::{choice, line};
use super::import::import;
use super::tokens::tokens;
use crate::dom::{Kids, a, button, div, ev, fieldset, form, h2, input, label, legend, p, section, span};
use crate::model::Model;
use crate::reactive::*;
use crate::{actions, api, live, reading};
use board::words::say_lead;
use serde_json::json;
use wasm_bindgen_futures::spawn_local;

pub fn settings(model: Model) -> impl Kids {
    (times(model), theme(model), tokens(model), import(model), export(), deletion(model))
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
    Effect::new(move |before: Option<(String, String)>| {
        let chosen = (zone.get(), lead.get());
        if let Some((old_zone, old_lead)) = before {
            if old_zone != chosen.0 {
                actions::prefer(model, json!({"time_zone": chosen.0}));
            }
            if old_lead != chosen.1 {
                actions::prefer(model, json!({"default_reminder_minutes": chosen.1.parse::<u32>().ok()}));
            }
        }
        chosen
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
                Ok(answer) => problem.set(Some(answer.problem())),
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
