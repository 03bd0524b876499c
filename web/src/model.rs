//! What the page shows, as signals. Everything that is drawn follows from these.

use crate::dom::window;
use crate::later::Later;
use crate::reactive::*;
use board::Task;
use board::days::Here;
use board::outbox::{Op, Outbox};
use board::store::Tasks;
use board::view::{Place, Row, View};
use domain::id::TaskId;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Who is at the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Session {
    /// Not asked yet.
    Unknown,
    SignedOut,
    SignedIn(User),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct User {
    pub id: String,
    /// None: accounts are kept elsewhere.
    pub email: Option<String>,
}

/// How far the tasks are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// For the first time.
    Begun,
    Done,
    Failed(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    pub time_zone: String,
    pub default_reminder_minutes: Option<u32>,
    pub theme: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Notification {
    pub id: String,
    pub kind: String,
    pub task_id: TaskId,
    pub title: String,
    pub due_date: Timestamp,
    pub read: bool,
    pub created_at: Timestamp,
}

/// The bell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bell {
    pub unread: u64,
    pub items: Vec<Notification>,
}

/// A short message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    pub number: u32,
    pub text: String,
    pub undo: Vec<Undo>,
}

/// What undoes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    Restore(TaskId),
    Complete(TaskId, bool),
}

/// The dialog that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Open {
    Edit(Arc<Task>),
    /// What is mine, and the task as it is now.
    Collision(Op, Arc<Task>),
    Help,
}

#[derive(Clone, Copy)]
pub struct Model {
    pub session: RwSignal<Session>,
    pub tasks: RwSignal<Tasks>,
    pub outbox: RwSignal<Outbox>,
    pub reading: RwSignal<Reading>,
    /// Whether the server answers.
    pub reached: RwSignal<bool>,
    /// Whether the browser keeps what waits.
    pub keeps: RwSignal<bool>,
    pub view: RwSignal<View>,
    pub preferences: RwSignal<Preferences>,
    now: RwSignal<Timestamp>,
    /// Milliseconds that the server's clock is ahead of this machine's.
    pub ahead: RwSignal<f64>,
    pub bell: RwSignal<Bell>,
    pub toasts: RwSignal<Vec<Toast>>,
    pub open: RwSignal<Option<Open>>,
    /// None: tasks are not selected just now.
    pub selected: RwSignal<Option<BTreeSet<TaskId>>>,
    /// Whether the session has ended without this page's doing.
    pub was_ended: RwSignal<bool>,
    /// Whether the later part could not be fetched just now.
    pub lacks: RwSignal<bool>,
    /// None: it has not come yet.
    pub later: RwSignal<Option<&'static Later>>,
    pub meant: Memo<Vec<Arc<Task>>>,
    pub rows: Memo<Vec<Row>>,
}

impl Model {
    pub fn new() -> Self {
        let location = window().location();
        let (path, query) = (location.pathname().unwrap_or_default(), location.search().unwrap_or_default());
        let view = RwSignal::new(View::of_url(&path, &query));
        let (tasks, outbox) = (RwSignal::new(Tasks::default()), RwSignal::new(Outbox::default()));
        let preferences = RwSignal::new(Preferences {
            time_zone: "UTC".to_owned(),
            default_reminder_minutes: Some(60),
            theme: "system".to_owned(),
        });
        let now = RwSignal::new(clock(0.0));
        let meant = Memo::new(move |_| tasks.with(|tasks| outbox.with(|outbox| tasks.meant(outbox, now.get()))));
        let rows = Memo::new(move |_| meant.with(|meant| view.with(|view| view.rows(meant, here(now, preferences)))));
        Self {
            session: RwSignal::new(Session::Unknown),
            tasks,
            outbox,
            reading: RwSignal::new(Reading::Begun),
            reached: RwSignal::new(true),
            keeps: RwSignal::new(true),
            view,
            preferences,
            now,
            ahead: RwSignal::new(0.0),
            bell: RwSignal::new(Bell::default()),
            toasts: RwSignal::new(Vec::new()),
            open: RwSignal::new(None),
            selected: RwSignal::new(None),
            was_ended: RwSignal::new(false),
            lacks: RwSignal::new(false),
            later: RwSignal::new(None),
            meant,
            rows,
        }
    }

    /// This moment, in the person's zone, to the minute; what reads it is drawn anew as time goes by.
    pub fn here(self) -> Here {
        here(self.now, self.preferences)
    }

    /// The same, without being drawn anew.
    pub fn here_now(self) -> Here {
        untrack(|| self.here()).at(clock(self.ahead.get_untracked()))
    }

    /// Time has gone by.
    pub fn tick(self) {
        self.now.set(clock(self.ahead.get_untracked()));
    }

    /// Forgets everything of whoever was here.
    pub fn forget(self) {
        self.tasks.set(Tasks::default());
        self.outbox.set(Outbox::default());
        self.reading.set(Reading::Begun);
        self.bell.set(Bell::default());
        self.toasts.set(Vec::new());
        self.open.set(None);
        self.selected.set(None);
    }

    /// The id of whoever is signed in.
    pub fn user(self) -> Option<String> {
        match self.session.get_untracked() {
            Session::SignedIn(user) => Some(user.id),
            Session::Unknown | Session::SignedOut => None,
        }
    }

    pub fn task(self, id: TaskId) -> Option<Arc<Task>> {
        let now = self.now.get_untracked();
        self.tasks.with_untracked(|tasks| self.outbox.with_untracked(|outbox| tasks.meant_one(id, outbox, now)))
    }

    /// Goes to another view, as a step that the browser can take back.
    pub fn go(self, view: View) {
        push_address(&view.url());
        self.selected.set(None);
        self.view.set(view);
    }

    /// Changes what is looked for, where one is.
    pub fn refine(self, change: impl FnOnce(&mut View)) {
        self.view.update(change);
        let url = self.view.with_untracked(View::url);
        if let Ok(history) = window().history() {
            _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&url));
        }
    }

    pub fn go_to(self, place: Place) {
        self.go(View::at(place));
    }
}

fn push_address(url: &str) {
    if let Ok(history) = window().history() {
        _ = history.push_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(url));
    }
}

fn here(now: RwSignal<Timestamp>, preferences: RwSignal<Preferences>) -> Here {
    let zone = preferences.with(|preferences| crate::zone::named(&preferences.time_zone));
    Here { now: now.get(), zone, lower }
}

fn lower(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { js_sys::JsString::from(text).to_lower_case().into() }
}

/// The server's time, as far as is known.
fn clock(ahead: f64) -> Timestamp {
    #[allow(clippy::cast_possible_truncation, reason = "whole milliseconds, far from the ends")]
    Timestamp::from_millis((js_sys::Date::now() + ahead) as i64).unwrap_or(Timestamp::MAX)
}
