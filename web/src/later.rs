//! What the first picture does not need: dialogs, settings, statistics, the bell, keys, what reads a sentence, what keeps and sends. It is a
//! part of the module that is fetched when the first picture is there; `cargo xtask build` cuts where `wasm_split` says so. Everything in it
//! is reached through [`Later`], so that nothing else has to wait.

use crate::dom::{Any, any};
use crate::model::Model;
use crate::reactive::RwSignal;
use crate::ui::{bell, collision, edit, keys, list, quick, row, settings, statistics, toasts};
use crate::{kept, live, reading, sending};
use board::Task;
use board::outbox::Op;
use domain::id::TaskId;
use gloo_timers::future::TimeoutFuture;
use std::sync::Arc;
use wasm_bindgen_futures::spawn_local;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

/// How long until it is asked for again, in milliseconds.
const PAUSE: u32 = 3_000;

/// What has come later.
pub struct Later {
    pub edit: fn(Model, Arc<Task>) -> Any,
    pub collision: fn(Model, Op, Arc<Task>) -> Any,
    pub help: fn(Model) -> Any,
    pub notices: fn(Model) -> Any,
    pub toasts: fn(Model) -> Any,
    pub settings: fn(Model) -> Any,
    pub statistics: fn(Model) -> Any,
    /// What is understood of a sentence, and making a task of it.
    pub understood: fn(Model, RwSignal<String>) -> Any,
    pub add: fn(Model, &str) -> Result<(), &'static str>,
    pub selection: fn(Model) -> Any,
    pub snoozes: fn(Model, TaskId) -> Any,
    /// Listens to keys.
    pub listen: fn(Model),
    /// Begins with what waits to be sent, and with the bell.
    pub begin: fn(Model),
    pub keep: fn(Model, Op),
    pub send: fn(Model),
    pub bell: fn(Model),
    pub announce: fn(Model),
}

#[wasm_split(later, fallible)]
fn later() -> Result<&'static Later, SplitLoaderError> {
    Ok(&Later {
        edit: |model, task| any(edit::edit(model, task)),
        collision: |model, mine, theirs| any(collision::collision(model, mine, theirs)),
        help: |model| any(keys::help(model)),
        toasts: |model| any(toasts::toasts(model)),
        notices: |model| any(bell::notices(model)),
        settings: |model| any(settings::settings(model)),
        statistics: |model| any(statistics::statistics(model)),
        understood: |model, text| any(quick::understood(model, text)),
        add: quick::add,
        selection: |model| any(list::selection(model)),
        snoozes: |model, id| any(row::snoozes(model, id)),
        listen: keys::listen,
        begin: |model| spawn_local(kept::begin(model)),
        keep: |model, op| spawn_local(kept::keep_until_sent(model, op)),
        send: sending::kick,
        bell: |model| {
            spawn_local(async move {
                reading::bell(model).await;
            });
        },
        announce: |model| spawn_local(live::announce(model)),
    })
}

/// Does something with it, where it has come: what it has not come for yet, it begins with when it comes.
pub fn with_later(model: Model, act: impl FnOnce(&'static Later)) {
    if let Some(later) = model.later.get_untracked() {
        act(later);
    }
}

/// Fetches it; the page goes on meanwhile.
pub fn fetch(model: Model) {
    if model.later.with_untracked(Option::is_some) {
        return;
    }
    spawn_local(async move {
        loop {
            match later().await {
                Ok(later) => {
                    model.lacks.set(false);
                    model.later.set(Some(later));
                    // Nobody, where nobody is signed in.
                    return (later.begin)(model);
                }
                Err(_) => model.lacks.set(true),
            }
            TimeoutFuture::new(PAUSE).await;
        }
    });
}
