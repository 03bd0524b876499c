//! One stream a browser: the page that holds a lock listens to the server, and tells the others.

use crate::api::{Trouble, get};
use crate::dom::{has, window};
use crate::later::with_later;
use crate::model::{Model, Open, User};
use crate::reading;
use domain::id::TaskId;
use gloo_timers::future::TimeoutFuture;
use js_sys::Array;
use serde::Deserialize;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{BroadcastChannel, EventSource, MessageEvent, NotificationPermission};

// `web-sys` has these as unstable. They are there only where the page is secure: over TLS, or from this machine.
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["navigator", "locks"], js_name = request, catch)]
    fn request_lock(name: &str, held: &js_sys::Function) -> Result<js_sys::Promise, JsValue>;
    #[wasm_bindgen(js_namespace = ["navigator", "locks"], js_name = query, catch)]
    fn query_locks() -> Result<js_sys::Promise, JsValue>;
}

/// What pages of one person tell each other.
#[derive(Clone, Debug)]
enum Told {
    /// An event of the stream: its name and data.
    Event(String, String),
    Reached(bool),
    /// Events may have been missed.
    ReadAnew,
    SignedOut,
}

impl Told {
    /// As it goes through the channel: a name and a text.
    fn write(&self) -> Array {
        let (name, text) = match self {
            Self::Event(name, data) => (name.as_str(), data.as_str()),
            Self::Reached(true) => ("reached", "yes"),
            Self::Reached(false) => ("reached", "no"),
            Self::ReadAnew => ("read-anew", ""),
            Self::SignedOut => ("signed-out", ""),
        };
        Array::of2(&name.into(), &text.into())
    }

    fn read(message: &JsValue) -> Option<Self> {
        let (name, text) = (Array::from(message).get(0).as_string()?, Array::from(message).get(1).as_string()?);
        Some(match name.as_str() {
            "reached" => Self::Reached(text == "yes"),
            "read-anew" => Self::ReadAnew,
            "signed-out" => Self::SignedOut,
            _ => Self::Event(name, text),
        })
    }
}

/// The summary of a change.
#[derive(Deserialize)]
struct Summary {
    task_id: TaskId,
    change_type: String,
    version: u64,
}

/// Between tries where the stream was refused, in milliseconds.
const AGAIN: u32 = 2_000;

thread_local! {
    static CHANNEL: RefCell<Option<BroadcastChannel>> = const { RefCell::new(None) };
    static STREAM: RefCell<Option<EventSource>> = const { RefCell::new(None) };
    /// Whether this page's stream has been open.
    static HAS_OPENED: Cell<bool> = const { Cell::new(false) };
    /// Which listening is the last: one of a session that has ended goes no further.
    static LAST: Cell<u32> = const { Cell::new(0) };
}

/// Holds a lock as long as the page is open.
pub fn hold_lock(name: &str) {
    let for_ever = Closure::once_into_js(|| js_sys::Promise::new(&mut |_, _| {}));
    _ = request_lock(name, for_ever.unchecked_ref());
}

/// The names of the locks that open pages hold.
pub async fn held_locks() -> Vec<String> {
    let Ok(asked) = query_locks() else { return Vec::new() };
    let Ok(state) = JsFuture::from(asked).await else { return Vec::new() };
    let held = js_sys::Reflect::get(&state, &"held".into()).unwrap_or_default();
    let name = |lock: JsValue| js_sys::Reflect::get(&lock, &"name".into()).ok()?.as_string();
    js_sys::Array::from(&held).iter().filter_map(name).collect()
}

/// Begins to hear of this person's changes.
pub fn listen(model: Model, user: &str) {
    stop();
    let mine = LAST.get();
    if let Ok(channel) = BroadcastChannel::new(&format!("tidings-{user}")) {
        let hear = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
            if let Some(told) = Told::read(&message.data()) {
                heard(model, told);
            }
        });
        channel.set_onmessage(Some(hear.as_ref().unchecked_ref()));
        hear.forget();
        CHANNEL.set(Some(channel));
    }
    // Whoever gets the lock keeps it until the page closes or the session ends: then another page has its turn.
    let held = Closure::once_into_js(move || {
        js_sys::Promise::new(&mut |release, _| {
            if LAST.get() == mine {
                spawn_local(stream(model, mine, Some(release)));
            } else {
                _ = release.call0(&JsValue::NULL);
            }
        })
    });
    if request_lock(&stream_lock(user), held.unchecked_ref()).is_err() {
        spawn_local(stream(model, mine, None));
    }
}

/// Waits until what happens from now on is heard of: here, or by the page that listens for all. Not for long: what a stream that
/// opens late has missed is read anew then.
pub async fn ready(user: &str) {
    let lock = stream_lock(user);
    for _ in 0..50 {
        let is_mine = STREAM.with_borrow(Option::is_some);
        if HAS_OPENED.get() || (!is_mine && held_locks().await.contains(&lock)) {
            return;
        }
        TimeoutFuture::new(20).await;
    }
}

fn stream_lock(user: &str) -> String {
    format!("tidings-stream-{user}")
}

/// Hears no more.
pub fn stop() {
    HAS_OPENED.set(false);
    LAST.set(LAST.get() + 1);
    if let Some(stream) = STREAM.take() {
        stream.close();
    }
    if let Some(channel) = CHANNEL.take() {
        channel.close();
    }
}

/// Tells the other pages that the session has ended.
pub fn tell_signed_out() {
    tell(&Told::SignedOut);
}

fn tell(told: &Told) {
    CHANNEL.with_borrow(|channel| channel.as_ref().map(|channel| channel.post_message(&told.write())));
}

/// Here and on the other pages.
fn tell_all(model: Model, told: Told) {
    tell(&told);
    heard(model, told);
}

fn heard(model: Model, told: Told) {
    match told {
        Told::Event(name, data) => match name.as_str() {
            "sync.task-changed" => {
                let Ok(Summary { task_id, change_type, version }) = serde_json::from_str(&data) else { return };
                if change_type == "deleted" {
                    model.tasks.update(|tasks| tasks.forget(task_id, version));
                } else {
                    reading::changed(model, task_id, version);
                }
            }
            "notification.created" => with_later(model, |later| (later.announce)(model)),
            _ => spawn_local(reading::everything(model)),
        },
        Told::Reached(reached) => {
            if model.reached.get_untracked() != reached {
                model.reached.set(reached);
            }
            if reached {
                with_later(model, |later| (later.send)(model));
            }
        }
        Told::ReadAnew => {
            spawn_local(reading::everything(model));
            with_later(model, |later| (later.bell)(model));
        }
        Told::SignedOut => reading::ended(model),
    }
}

/// Whether the browser may say something outside of the page; none: it cannot.
pub fn may_notify() -> Option<NotificationPermission> {
    has(&window(), "Notification").then(web_sys::Notification::permission)
}

/// Shows the bell, and where the person has allowed it, says what is new there.
pub async fn announce(model: Model) {
    let news = reading::bell(model).await;
    // One page of those that are open says so.
    if STREAM.with_borrow(Option::is_none) || may_notify() != Some(NotificationPermission::Granted) {
        return;
    }
    for new in news {
        let options = web_sys::NotificationOptions::new();
        options.set_tag(&new.id);
        options.set_body(&model.here_now().say(new.due_date));
        let Ok(said) = web_sys::Notification::new_with_options(&new.title, &options) else { continue };
        let open = Closure::once_into_js(move || {
            _ = window().focus();
            if let Some(task) = model.task(new.task_id).filter(|_| model.open.with_untracked(Option::is_none)) {
                model.open.set(Some(Open::Edit(task)));
            }
        });
        said.set_onclick(Some(open.unchecked_ref()));
    }
}

/// Listens to the server until the session ends, then gives up the lock, where there is one.
async fn stream(model: Model, mine: u32, release: Option<js_sys::Function>) {
    while LAST.get() == mine {
        if let Ok(source) = EventSource::new("/api/stream/tasks") {
            attend(model, &source);
            STREAM.set(Some(source.clone()));
            // The browser opens a stream that breaks off again by itself, from where it was; one that is refused it gives up.
            while LAST.get() == mine && source.ready_state() != EventSource::CLOSED {
                TimeoutFuture::new(500).await;
            }
            source.close();
        }
        if LAST.get() != mine {
            break;
        }
        match get::<User>("/api/auth/me").await {
            Err(Trouble::SignedOut) => tell_all(model, Told::SignedOut),
            Err(Trouble::Away) => tell_all(model, Told::Reached(false)),
            _ => {}
        }
        TimeoutFuture::new(AGAIN).await;
    }
    _ = release.map(|release| release.call0(&JsValue::NULL));
}

fn attend(model: Model, source: &EventSource) {
    let has_id = Rc::new(Cell::new(false));
    let on = |name: &'static str, act: Box<dyn Fn(MessageEvent)>| {
        let act = Closure::<dyn Fn(MessageEvent)>::wrap(act);
        _ = source.add_event_listener_with_callback(name, act.as_ref().unchecked_ref());
        // A stream lives about as long as its page.
        act.forget();
    };
    for name in ["sync.task-changed", "notification.created", "resync"] {
        let has_id = Rc::clone(&has_id);
        on(
            name,
            Box::new(move |message| {
                has_id.set(has_id.get() || !message.last_event_id().is_empty());
                tell_all(model, Told::Event(name.to_owned(), message.data().as_string().unwrap_or_default()));
            }),
        );
    }
    on(
        "open",
        Box::new(move |_| {
            tell_all(model, Told::Reached(true));
            HAS_OPENED.set(true);
            // A stream goes on from the last event that it brought. Where it has brought none, it begins now, and what happened before
            // is read.
            if !has_id.get() && reading::has_begun() {
                tell_all(model, Told::ReadAnew);
            }
        }),
    );
    on("error", Box::new(move |_| tell_all(model, Told::Reached(false))));
}
