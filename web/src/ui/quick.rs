//! A new task, in one sentence.

use super::icons::{CALENDAR, FLAG, PLUS, REPEAT, icon};
use super::tags;
use crate::actions;
use crate::dom::{Kids, button, div, ev, form, input, label, li, p, ul, value_of};
use crate::later::Later;
use crate::model::Model;
use crate::reactive::*;
use board::tags::{at_end, known, offered};
use board::view::Place;
use board::words;
use serde_json::json;

/// Characters that a title may have.
const LONGEST: usize = 255;
/// Characters that are looked at, as they are typed.
const LOOKED_AT: usize = 2_000;

pub fn quick(model: Model) -> impl Kids {
    let (text, problem) = (RwSignal::new(String::new()), RwSignal::new(None::<&'static str>));
    // Asked for before what reads it has come.
    let is_waiting = RwSignal::new(false);
    let add = move |later: &'static Later| match text.with_untracked(|text| (later.add)(model, text)) {
        Ok(()) => {
            problem.set(None);
            text.set(String::new());
        }
        Err(why) => problem.set(Some(why)),
    };
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        match model.later.get_untracked() {
            Some(later) => add(later),
            None => is_waiting.set(true),
        }
    };
    effect(move || {
        if let Some(later) = model.later.get()
            && is_waiting.get_untracked()
        {
            is_waiting.set(false);
            add(later);
        }
    });
    let field = input()
        .id("new")
        .attr("type", "text")
        .attr("autocomplete", "off")
        .attr("dir", "auto")
        .attr("enterkeyhint", "done")
        .attr("placeholder", "Add a task: water plants fri 18:00 #home")
        .attr("aria-describedby", "new-problem")
        .attr("aria-invalid", move || problem.get().map(|_| "true"))
        .value(text)
        .on(ev::INPUT, move |event| {
            problem.set(None);
            text.set(value_of(&event));
        });
    let line = div().class("line").child((
        icon(PLUS),
        label().class("vh").attr("for", "new").child("New task"),
        field,
        button().class("primary").attr("type", "submit").child("Add"),
    ));
    form().class("quick").attr("novalidate", "").on(ev::SUBMIT, submit).child((
        line,
        move || model.later.get().map(|later| (later.understood)(model, text)),
        p().class("error-text").id("new-problem").attr("role", "alert").child(move || problem.get()),
    ))
}

/// What is understood of the sentence, and tags that may be meant.
pub fn understood(model: Model, text: RwSignal<String>) -> impl Kids {
    let typed = Memo::new(move |_| text.with(|text| text.chars().take(LOOKED_AT).collect::<String>()));
    let read = Memo::new(move |_| {
        let here = model.here();
        typed.with(|text| words::chips(&words::read(text, here), here))
    });
    let found = Memo::new(move |_| {
        let of = |tag: &str| model.meant.with(|tasks| offered(&known(tasks), tag, &[]));
        typed.with(|text| at_end(text).map(of).unwrap_or_default())
    });
    let take = move |tag: &str| {
        text.update(|text| {
            text.truncate(text.rfind('#').unwrap_or_default());
            *text = format!("{text}#{tag} ");
        });
        super::focus("new".to_owned());
    };
    let chip = |chip: words::Chip| {
        let picture = match chip.kind {
            "due" => Some(CALENDAR),
            "repeat" => Some(REPEAT),
            "priority" => Some(FLAG),
            _ => None,
        };
        let class = match chip.kind {
            "due" => "chip due",
            "priority" if chip.text.starts_with("high") => "chip high",
            "priority" if chip.text.starts_with("medium") => "chip medium",
            _ => "chip",
        };
        li().class(class).child((picture.map(icon), chip.text))
    };
    let chips = ul()
        .class("chips")
        .attr("aria-label", "Understood")
        .attr("aria-live", "polite")
        .child(move || read.get().into_iter().map(chip).collect::<Vec<_>>());
    (tags::list(found, take), chips)
}

/// Makes the task that a sentence says; why not, where it does not.
pub fn add(model: Model, text: &str) -> Result<(), &'static str> {
    let here = model.here_now();
    let read = words::read(text, here);
    if read.title.is_empty() {
        return Err("A task needs a title, such as “Water plants”.");
    }
    if read.title.chars().count() > LONGEST {
        return Err("A title has at most 255 characters. Put the rest into the description.");
    }
    let mut fields = words::fields(&read, here);
    // A task that is made where a tag is looked at has that tag.
    if let Place::Tag(tag) = model.view.with_untracked(|view| view.place.clone()) {
        let mut tags: Vec<String> = read.tags.iter().map(|tag| tag.as_str().to_owned()).collect();
        if !tags.contains(&tag) && tags.len() < 10 {
            tags.push(tag);
            fields.insert("tags".to_owned(), json!(tags));
        }
    }
    // And one that is made where today is looked at is due today.
    if model.view.with_untracked(|view| view.place == Place::Today) && read.due.is_none() {
        let today = here.moved_to(None, here.today()).filter(|nine| *nine > here.now);
        let due = today.or_else(|| here.start_of(here.in_days(1)).map(|midnight| midnight.plus_minutes(-1)));
        fields.extend(due.map(|due| ("due_date".to_owned(), json!(due))));
    }
    actions::create(model, fields);
    Ok(())
}
