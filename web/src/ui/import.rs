//! Tasks from a file: what will happen, then the doing, then what came of it.

use super::fields::choice;
use crate::dom::{
    El, Kids, any, b, button, div, ev, h3, input, label, li, p, progress, section, table, tbody, td, th, thead, tr, ul, window,
};
use crate::model::Model;
use crate::reactive::*;
use crate::{actions, api, reading};
use board::file::{Looked, Refused, Shown};
use board::words::say_rule;
use js_sys::{Function, Promise, Reflect};
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{File, HtmlInputElement};

/// Files larger than this, in bytes, are not read.
const LARGEST: f64 = 64.0 * 1024.0 * 1024.0;
/// Lines that are shown of those that cannot be taken.
const NAMED: usize = 2_000;

/// What a file can be: as the API calls it, and in words.
const FORMATS: [(&str, &str); 5] = [
    ("", "As the file shows"),
    ("todoist", "Todoist (CSV)"),
    ("ics", "iCalendar (VTODO)"),
    ("todo.txt", "todo.txt, or a plain list"),
    ("tidings", "Tidings' own export (JSON)"),
];

/// The answer to one part.
#[derive(Deserialize)]
struct Imported {
    created: usize,
    already: usize,
    refused: Vec<Refused>,
    refused_count: usize,
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Nothing,
    Reading,
    Looked(Looked),
    /// Of so many tasks, so many are there.
    Sending(Looked, usize),
    Done {
        said: String,
        refused: Vec<Refused>,
        refused_count: usize,
    },
    Failed(String),
}

pub fn import(model: Model) -> impl Kids {
    let (state, format) = (RwSignal::new(State::default()), RwSignal::new(String::new()));
    let formats = FORMATS.map(|(name, said)| (name.to_owned(), said.to_owned()));
    let chosen = move |event: web_sys::Event| {
        let field = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        let Some(file) = field.as_ref().and_then(HtmlInputElement::files).and_then(|files| files.get(0)) else { return };
        state.set(State::Reading);
        spawn_local(async move {
            let looked = look(model, &file, &format.get_untracked()).await;
            state.set(match looked {
                Ok(Looked { problem: Some(why), .. }) => State::Failed(why),
                Ok(looked) => State::Looked(looked),
                Err(why) => State::Failed(why),
            });
            // The same file, chosen again, is looked at again.
            if let Some(field) = field {
                field.set_value("");
            }
        });
    };
    let file = div()
        .class("field")
        .child((label().attr("for", "file").child("File"), input().id("file").attr("type", "file").on(ev::CHANGE, chosen)));
    let shown = move || match state.get() {
        State::Nothing => any(()),
        State::Reading => any(p().class("hint").attr("role", "status").child("Reading the file…")),
        State::Looked(looked) => any(preview(model, looked, state)),
        State::Sending(looked, done) => any(sending(&looked, done)),
        State::Done { said, refused, refused_count } => {
            any((p().class("note").attr("role", "status").child(said), named(&refused, refused_count)))
        }
        State::Failed(why) => any(p().class("error-text").attr("role", "alert").child(why)),
    };
    let about = div().child((
        crate::dom::h2().id("s-import").child("Import"),
        p().child("From Todoist, a calendar, todo.txt or Tidings itself. Nothing is written before you have seen what will happen, and to import a file again doubles nothing."),
    ));
    section()
        .class("section")
        .attr("aria-labelledby", "s-import")
        .child((about, div().class("fields").child((choice("file-format", "Format", formats.to_vec(), format), file, shown))))
}

async fn look(model: Model, file: &File, format: &str) -> Result<Looked, String> {
    if file.size() > LARGEST {
        return Err("The file is larger than 64 MiB. Split it, and import its parts.".to_owned());
    }
    let unreadable = |_: JsValue| "The file cannot be read. Choose it again.".to_owned();
    let text = JsFuture::from(file.text()).await.map_err(unreadable)?.as_string().unwrap_or_default();
    let absent = |_: JsValue| "What reads files cannot be fetched just now. Try again in a moment.".to_owned();
    let fetch: Function = Reflect::get(&window(), &"tidingsImporter".into()).map_err(absent)?.unchecked_into();
    let module = fetch.call0(&JsValue::NULL).map_err(absent)?.unchecked_into::<Promise>();
    let module = JsFuture::from(module).await.map_err(absent)?;
    let read: Function = Reflect::get(&module, &"read".into()).map_err(absent)?.unchecked_into();
    let here = model.here_now();
    let given = [
        JsValue::from_str(&text),
        JsValue::from_str(format),
        JsValue::from_str(here.zone.name()),
        JsValue::from_f64({
            #[allow(clippy::cast_precision_loss, reason = "as far as there are years, milliseconds are whole")]
            let now = here.now.millis() as f64;
            now
        }),
    ];
    let said =
        read.apply(&JsValue::NULL, &given.iter().collect()).map_err(|_| "The file could not be read to its end.".to_owned())?;
    serde_json::from_str(&said.as_string().unwrap_or_default()).map_err(|error| error.to_string())
}

fn tasks(number: usize) -> String {
    if number == 1 { "1 task".to_owned() } else { format!("{number} tasks") }
}

fn preview(model: Model, looked: Looked, state: RwSignal<State>) -> impl Kids {
    let here = model.here_now();
    let head = ["Line", "Title", "Due", "Repeat", "Tags"]
        .map(|name| th().attr("scope", "col").child(name))
        .into_iter()
        .collect::<Vec<_>>();
    let row = |task: &Shown| {
        tr().child((
            td().class("number").child(task.line),
            td().attr("dir", "auto").child(task.title.clone()),
            td().class("nowrap").child(task.due.map(|due| here.say(due))),
            td().class("nowrap").child(task.rule.as_deref().map(say_rule)),
            td().child(task.tags.join(", ")),
        ))
    };
    let rows = looked.shown.iter().map(row).collect::<Vec<_>>();
    let more = looked.count.checked_sub(looked.shown.len()).filter(|more| *more > 0);
    let shown = (looked.count > 0).then(|| {
        div()
            .class("table-wrap")
            .attr("tabindex", "0")
            .attr("role", "region")
            .attr("aria-label", "Preview of the import")
            .child(table().child((thead().child(tr().child(head)), tbody().child(rows))))
    });
    let refused = named(&looked.refused, looked.refused_count);
    let count = looked.count;
    let said = match count {
        0 => "No line of this file can be taken.".to_owned(),
        count => format!("{} can be taken, as it seems; those that are there already stay as they are.", tasks(count)),
    };
    let start = move |_| {
        let looked = looked.clone();
        spawn_local(async move { send(model, looked, state).await });
    };
    let buttons = div().class("buttons").child((
        (count > 0).then(|| {
            button().class("primary").attr("type", "button").on(ev::CLICK, start).child(format!("Import {}", tasks(count)))
        }),
        " ",
        button().attr("type", "button").on(ev::CLICK, move |_| state.set(State::Nothing)).child("Cancel"),
    ));
    (
        p().attr("role", "status").child(said),
        shown,
        more.map(|more| p().class("hint").child(format!("and {more} more"))),
        buttons,
        refused,
    )
}

fn sending(looked: &Looked, done: usize) -> El {
    let count = looked.count;
    div().class("field").child((
        label().attr("for", "progress").child(format!("{done} of {count} sent")),
        progress().id("progress").attr("value", done).attr("max", count),
    ))
}

/// Sends part after part. What was sent is there, whatever becomes of the rest; to import the file again does the rest.
async fn send(model: Model, looked: Looked, state: RwSignal<State>) {
    let (mut created, mut already, mut refused, mut refused_count) = (0, 0, looked.refused.clone(), looked.refused_count);
    let mut done = 0;
    for part in &looked.parts {
        state.set(State::Sending(looked.clone(), done));
        let answer =
            api::send_text("POST", "/api/import?format=tidings", part.clone()).await.and_then(|answer| answer.read::<Imported>());
        match answer {
            Ok(answer) => {
                created += answer.created;
                already += answer.already;
                refused.extend(answer.refused);
                refused_count += answer.refused_count;
                done += answer.created + answer.already + answer.refused_count;
            }
            Err(trouble) => {
                let why = actions::told(&trouble);
                return state
                    .set(State::Failed(format!("{why} {} came over; import the file again for the rest.", tasks(created))));
            }
        }
    }
    let said = format!("{} imported; {already} were there already.", tasks(created));
    state.set(State::Done { said, refused, refused_count });
    reading::everything(model).await;
}

fn named(refused: &[Refused], count: usize) -> Option<El> {
    let line = |refused: &Refused| li().child((b().child(format!("Line {}:", refused.line)), " ", refused.reason.clone()));
    let lines = refused.iter().take(NAMED).map(line).collect::<Vec<_>>();
    let heading = if count == 1 { "1 line cannot be taken".to_owned() } else { format!("{count} lines cannot be taken") };
    let more = count.checked_sub(lines.len()).filter(|more| *more > 0);
    (count > 0).then(|| {
        div().child((
            h3().child(heading),
            ul().class("refused").attr("aria-label", "Refused lines").attr("tabindex", "0").child(lines),
            more.map(|more| p().class("hint").child(format!("and {more} more"))),
        ))
    })
}
