//! What a person does. It is shown at once, kept, and sent.

use crate::api::{self, Trouble};
use crate::later::with_later;
use crate::model::{Model, Open, Session, Toast, Undo, User};
use crate::{live, reading};
use board::Task;
use board::outbox::{Op, What};
use board::task::{Fields, field};
use board::words::quoted;
use chrono::NaiveDate;
use domain::id::TaskId;
use domain::time::Timestamp;
use gloo_timers::future::TimeoutFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use uuid::Uuid;
use wasm_bindgen_futures::spawn_local;

/// How long a message stays, in milliseconds.
const TOAST: u32 = 8_000;
/// How long what is to be shown waits for what is open, in milliseconds.
const MOMENT: u32 = 50;

thread_local! {
    /// What has collided on this page, and is shown or will be.
    static COLLIDED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Whether this has collided: it is kept until the person has decided.
pub fn has_collided(op: &Op) -> bool {
    COLLIDED.with_borrow(|collided| collided.contains(&op.key))
}

/// Does something to a task.
pub fn act(model: Model, task: TaskId, what: What) {
    let Some(user) = model.user() else { return };
    let task = model.outbox.with_untracked(|outbox| outbox.real(task));
    let op = Op { key: Uuid::now_v7().to_string(), user, task, what };
    model.outbox.update(|outbox| outbox.push(op.clone()));
    // What keeps and sends begins with all that waits when it has come.
    with_later(model, |later| {
        (later.keep)(model, op);
        (later.send)(model);
    });
}

pub fn create(model: Model, fields: Fields) {
    act(model, TaskId(Uuid::now_v7()), What::Create(fields));
}

/// Changes fields of a task that the person has seen in this state.
pub fn change(model: Model, seen: &Task, changes: Fields) {
    let Some(mut was) = seen.fields() else { return };
    was.retain(|name, _| changes.contains_key(name));
    // The server has not seen a task that is not sent yet in any version.
    let version = (seen.version > 0).then_some(seen.version);
    let what = What::Update { changes, was, seen: version };
    let newer = model.tasks.with_untracked(|tasks| tasks.get(seen.id).filter(|task| task.version > seen.version).cloned());
    let (Some(theirs), Some(user)) = (newer, model.user()) else { return act(model, seen.id, what) };
    // Somebody else was faster, and it is known already.
    let mine = Op { key: Uuid::now_v7().to_string(), user, task: seen.id, what };
    if let Some(again) = mine.on_top_of(&theirs) {
        return act(model, seen.id, again.what);
    }
    with_later(model, |later| (later.keep)(model, mine.clone()));
    collide(model, mine, theirs);
}

/// Shows what is mine and what is theirs, as soon as no dialog is open: what is being typed in one is not taken away.
pub fn collide(model: Model, mine: Op, theirs: Arc<Task>) {
    COLLIDED.with_borrow_mut(|collided| collided.push(mine.key.clone()));
    spawn_local(async move {
        TimeoutFuture::new(MOMENT).await;
        while model.open.with_untracked(Option::is_some) {
            TimeoutFuture::new(MOMENT).await;
        }
        // Kept as it is, it is shown to whom it belongs when they are back.
        if model.user().as_ref() == Some(&mine.user) {
            model.open.set(Some(Open::Collision(mine, theirs)));
        }
    });
}

pub fn complete(model: Model, task: &Task, completed: bool) {
    act(model, task.id, What::Complete(completed));
    if completed {
        say(model, format!("Completed {}", quoted(&short(&task.title))), vec![Undo::Complete(task.id, false)]);
    }
}

pub fn delete(model: Model, task: &Task) {
    act(model, task.id, What::Delete);
    say(model, format!("Deleted {}", quoted(&short(&task.title))), vec![Undo::Restore(task.id)]);
}

pub fn snooze(model: Model, task: TaskId, until: Timestamp) {
    act(model, task, What::Snooze(until));
    say(model, format!("Snoozed until {}", model.here_now().say(until)), Vec::new());
}

/// Moves a task to another day, at the same time of day.
pub fn move_to(model: Model, task: &Task, day: NaiveDate) {
    if let Some(due) = model.here_now().moved_to(task.due_date, day) {
        change(model, task, field("due_date", json!(due)));
    }
}

/// Does one thing to all that are selected, and ends the selection.
pub fn with_selected(model: Model, what: What) {
    let selected = model.selected.get_untracked().unwrap_or_default();
    for task in &selected {
        act(model, *task, what.clone());
    }
    let some = if selected.len() == 1 { "1 task".to_owned() } else { format!("{} tasks", selected.len()) };
    match what {
        What::Delete => say(model, format!("Deleted {some}"), selected.into_iter().map(Undo::Restore).collect()),
        What::Complete(done) => {
            say(model, format!("Completed {some}"), selected.into_iter().map(|task| Undo::Complete(task, !done)).collect());
        }
        _ => {}
    }
    model.selected.set(None);
}

pub fn undo(model: Model, toast: &Toast) {
    for undo in &toast.undo {
        match *undo {
            Undo::Restore(task) => act(model, task, What::Restore),
            Undo::Complete(task, completed) => act(model, task, What::Complete(completed)),
        }
    }
    dismiss(model, toast.number);
}

/// Says something for a while.
pub fn say(model: Model, text: String, undo: Vec<Undo>) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    model.toasts.update(|toasts| {
        // One is enough to look at, and "Undo" is of the last.
        toasts.clear();
        toasts.push(Toast { number, text, undo });
    });
    spawn_local(async move {
        TimeoutFuture::new(TOAST).await;
        dismiss(model, number);
    });
}

pub fn dismiss(model: Model, number: u32) {
    model.toasts.update(|toasts| toasts.retain(|toast| toast.number != number));
}

/// A title as a message can have it.
pub fn short(title: &str) -> String {
    match title.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", title.get(..at).unwrap_or_default()),
        None => title.to_owned(),
    }
}

/// Signs in, or up; why not, where it does not.
pub async fn sign_in(model: Model, path: &str, email: String, password: String) -> Result<(), String> {
    #[derive(Deserialize)]
    struct SignedIn {
        user: User,
    }
    let body = json!({"email": email, "password": password});
    let answer = api::send("POST", path, Some(&body), &[]).await;
    match answer
        .and_then(|answer| if answer.status == 401 { Err(Trouble::Refused(answer.problem())) } else { answer.read::<SignedIn>() })
    {
        Ok(SignedIn { user }) => {
            model.forget();
            let is_new = path.ends_with("sign-up");
            spawn_local(async move {
                if is_new {
                    propose_zone(model).await;
                }
                reading::signed_in(model, user).await;
            });
            Ok(())
        }
        Err(Trouble::Refused(why)) => Err(why),
        Err(_) => Err("The server is away just now. Try again in a moment.".to_owned()),
    }
}

/// The zone of a new person is that of their browser.
async fn propose_zone(model: Model) {
    if let Some(zone) = crate::zone::of_browser()
        && let Ok(preferences) = api::write("PUT", "/api/preferences", &json!({"time_zone": zone})).await
    {
        model.preferences.set(preferences);
    }
}

pub async fn sign_out(model: Model) {
    if model.outbox.with_untracked(|outbox| !outbox.is_empty()) && !model.reached.get_untracked() {
        return say(model, "What you did is not sent yet. Sign out when the server is back.".to_owned(), Vec::new());
    }
    match api::send("POST", "/api/auth/sign-out", None, &[]).await.and_then(|answer| answer.done()) {
        Ok(()) | Err(Trouble::SignedOut) => {
            live::tell_signed_out();
            reading::end(model);
        }
        Err(_) => say(model, "The server is away: you are still signed in.".to_owned(), Vec::new()),
    }
}

/// Changes a preference here at once, and on the server.
pub fn prefer(model: Model, change: Value) {
    let Ok(Value::Object(mut all)) = serde_json::to_value(model.preferences.get_untracked()) else { return };
    let Value::Object(fields) = &change else { return };
    all.extend(fields.clone());
    let before = model.preferences.get_untracked();
    if let Ok(meant) = serde_json::from_value(Value::Object(all)) {
        model.preferences.set(meant);
    }
    spawn_local(async move {
        match api::write("PUT", "/api/preferences", &change).await {
            Ok(preferences) => model.preferences.set(preferences),
            Err(trouble) => {
                model.preferences.set(before);
                say(model, told(&trouble), Vec::new());
            }
        }
    });
}

/// A trouble in words.
pub fn told(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Away => "The server is away just now. Try again in a moment.".to_owned(),
        Trouble::SignedOut => "You are signed out.".to_owned(),
        Trouble::Refused(why) => why.clone(),
    }
}

/// Whoever is shown in the navigation.
pub fn who(model: Model) -> String {
    model.session.with(|session| match session {
        Session::SignedIn(user) => user.email.clone().unwrap_or_else(|| user.id.clone()),
        Session::Unknown | Session::SignedOut => String::new(),
    })
}
