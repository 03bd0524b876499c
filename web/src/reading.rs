//! Reads what the server knows: who is here, all tasks, the bell, and single tasks that have changed.

use crate::api::{self, Trouble, get};
use crate::later::with_later;
use crate::live;
use crate::model::{Bell, Model, Notification, Reading, Session, User};
use board::Task;
use domain::id::TaskId;
use gloo_timers::future::TimeoutFuture;
use serde::Deserialize;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use wasm_bindgen_futures::spawn_local;

/// More changed tasks than this at one time: everything is read anew.
const MANY: usize = 40;
/// How long changes are collected, in milliseconds.
const GATHER: u32 = 20;

/// A page of anything.
#[derive(Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

thread_local! {
    static HAS_BEGUN: Cell<bool> = const { Cell::new(false) };
    /// Which session it is: what one has begun, the next does not take in.
    static SESSION: Cell<u32> = const { Cell::new(0) };
    /// The session whose tasks are being read, and whether they are to be read once more.
    static READING: Cell<Option<u32>> = const { Cell::new(None) };
    static AGAIN: Cell<bool> = const { Cell::new(false) };
    /// Tasks that have changed, and in which version.
    static CHANGED: RefCell<BTreeMap<TaskId, u64>> = const { RefCell::new(BTreeMap::new()) };
}

/// Asks who is here, and begins to show their tasks.
pub async fn begin(model: Model) {
    let mut pause = 1_000;
    loop {
        let answer = api::send("GET", "/api/auth/me", None, &[]).await;
        if let Ok(Some(date)) = answer.as_ref().map(|answer| answer.date) {
            // A header says whole seconds: only a clock that is wrong by more than that is put right.
            let ahead = date - js_sys::Date::now();
            model.ahead.set(if ahead.abs() > 5_000.0 { ahead } else { 0.0 });
            model.tick();
        }
        match answer.and_then(|answer| answer.read::<User>()) {
            Ok(user) => return signed_in(model, user).await,
            Err(Trouble::Away) => model.reached.set(false),
            Err(_) => {
                model.reached.set(true);
                model.session.set(Session::SignedOut);
                return;
            }
        }
        TimeoutFuture::new(pause).await;
        pause = (pause * 2).min(10_000);
    }
}

/// Somebody is here.
pub async fn signed_in(model: Model, user: User) {
    let id = user.id.clone();
    SESSION.set(SESSION.get() + 1);
    model.reached.set(true);
    model.was_ended.set(false);
    model.session.set(Session::SignedIn(user));
    live::listen(model, &id);
    spawn_local(async move {
        if let Ok(preferences) = get("/api/preferences").await {
            model.preferences.set(preferences);
        }
    });
    with_later(model, |later| (later.begin)(model));
    live::ready(&id).await;
    everything(model).await;
}

/// Whether all tasks have begun to be read.
pub fn has_begun() -> bool {
    HAS_BEGUN.get()
}

/// Reads all tasks; what is known already stays until they are there. Asked for while it is under way, it is done once more behind it: a
/// burst of changes restarts nothing.
pub async fn everything(model: Model) {
    HAS_BEGUN.set(true);
    let session = SESSION.get();
    if READING.get() == Some(session) {
        return AGAIN.set(true);
    }
    READING.set(Some(session));
    loop {
        AGAIN.set(false);
        read_to_the_end(model, session).await;
        if !AGAIN.get() || SESSION.get() != session {
            break;
        }
    }
    if READING.get() == Some(session) {
        READING.set(None);
    }
}

async fn read_to_the_end(model: Model, session: u32) {
    let mut pause = 1_000;
    while let Err(trouble) = read_through(model, session).await {
        if SESSION.get() != session {
            return;
        }
        match trouble {
            Trouble::SignedOut => return ended(model),
            Trouble::Away => model.reached.set(false),
            Trouble::Refused(why) => return model.reading.set(Reading::Failed(why)),
        }
        TimeoutFuture::new(pause).await;
        pause = (pause * 2).min(10_000);
    }
    if SESSION.get() == session {
        model.reached.set(true);
        model.reading.set(Reading::Done);
    }
}

async fn read_through(model: Model, session: u32) -> Result<(), Trouble> {
    model.tasks.update(board::store::Tasks::begin_reading);
    let mut path = "/api/todos?limit=200".to_owned();
    loop {
        let page: Page<Task> = get(&path).await?;
        if SESSION.get() != session {
            return Ok(());
        }
        model.tasks.update(|tasks| page.items.into_iter().for_each(|task| tasks.hear(task)));
        match page.next_cursor {
            Some(cursor) => path = format!("/api/todos?limit=200&cursor={cursor}"),
            None => break,
        }
    }
    model.tasks.update(board::store::Tasks::end_reading);
    Ok(())
}

/// A task has changed elsewhere. Changes that come together are read together.
pub fn changed(model: Model, id: TaskId, version: u64) {
    let is_first = CHANGED.with_borrow_mut(|changed| {
        let is_first = changed.is_empty();
        let newest = changed.entry(id).or_default();
        *newest = version.max(*newest);
        is_first
    });
    if is_first {
        spawn_local(gather(model));
    }
}

async fn gather(model: Model) {
    TimeoutFuture::new(GATHER).await;
    let changed = CHANGED.take();
    let news = |(id, version): &(TaskId, u64)| model.tasks.with_untracked(|tasks| tasks.is_news(*id, *version));
    let changed: Vec<(TaskId, u64)> = changed.into_iter().filter(news).collect();
    if changed.len() > MANY {
        return everything(model).await;
    }
    for (id, version) in changed {
        spawn_local(one(model, id, version));
    }
}

async fn one(model: Model, id: TaskId, version: u64) {
    let Ok(answer) = api::send("GET", &format!("/api/todos/{id}"), None, &[]).await else { return };
    if answer.status == 404 {
        return model.tasks.update(|tasks| tasks.forget(id, version));
    }
    match answer.read::<Task>() {
        Ok(task) => model.tasks.update(|tasks| tasks.hear(task)),
        Err(Trouble::SignedOut) => ended(model),
        // The stream will say so again, or everything is read when the server is back.
        Err(_) => {}
    }
}

/// Reads the bell; what has come since it was last read, and is unread.
pub async fn bell(model: Model) -> Vec<Notification> {
    #[derive(Deserialize)]
    struct Unread {
        count: u64,
    }
    let unread = get::<Unread>("/api/notifications/unread-count").await;
    let page = get::<Page<Notification>>("/api/notifications?limit=50").await;
    let (Ok(unread), Ok(page)) = (unread, page) else { return Vec::new() };
    let is_new =
        |item: &&Notification| !item.read && model.bell.with_untracked(|bell| bell.items.iter().all(|known| known.id != item.id));
    let news = page.items.iter().filter(is_new).cloned().collect();
    model.bell.set(Bell { unread: unread.count, items: page.items });
    news
}

/// The session has ended elsewhere: that is said.
pub fn ended(model: Model) {
    model.was_ended.set(true);
    end(model);
}

/// The session has ended.
pub fn end(model: Model) {
    HAS_BEGUN.set(false);
    SESSION.set(SESSION.get() + 1);
    live::stop();
    model.forget();
    model.session.set(Session::SignedOut);
}
