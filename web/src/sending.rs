//! Sends what was done, one after the other, until all of it has arrived.

use crate::api::{self, Answer, Trouble};
use crate::model::Model;
use crate::reading;
use crate::{actions, kept};
use board::Task;
use board::outbox::{Op, Outcome, What};
use board::words::quoted;
use gloo_timers::future::TimeoutFuture;
use std::cell::Cell;
use std::sync::Arc;
use wasm_bindgen_futures::spawn_local;

/// Between tries, in milliseconds: the first, and the longest.
const PAUSE: (u32, u32) = (500, 5_000);

thread_local! {
    static IS_SENDING: Cell<bool> = const { Cell::new(false) };
}

/// Begins to send, unless that is under way.
pub fn kick(model: Model) {
    if !IS_SENDING.with(|sending| sending.replace(true)) {
        spawn_local(async move {
            send_all(model).await;
            IS_SENDING.with(|sending| sending.set(false));
        });
    }
}

async fn send_all(model: Model) {
    let mut pause = PAUSE.0;
    while let Some(op) = model.outbox.with_untracked(|outbox| outbox.first().cloned()) {
        if model.user().as_ref() != Some(&op.user) {
            return;
        }
        if matches!(op.what, What::Create(_)) {
            model.tasks.with_untracked(|tasks| model.outbox.update(|outbox| outbox.send(tasks.iter())));
        }
        let request = op.request();
        let mut headers = Vec::new();
        headers.extend(request.if_match.map(|version| ("if-match", format!("\"{version}\""))));
        headers.extend(request.idempotency_key.map(|key| ("idempotency-key", key)));
        match api::send(request.method, &request.path, request.body.as_ref(), &headers).await {
            Ok(answer) => match op.outcome(answer.status) {
                Outcome::Later => {}
                outcome => {
                    model.reached.set(true);
                    pause = PAUSE.0;
                    settle(model, &op, outcome, &answer).await;
                    continue;
                }
            },
            Err(Trouble::SignedOut | Trouble::Refused(_) | Trouble::Away) => {}
        }
        model.reached.set(false);
        TimeoutFuture::new(pause).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

async fn settle(model: Model, op: &Op, outcome: Outcome, answer: &Answer) {
    match outcome {
        Outcome::Done => done(model, op, answer),
        Outcome::SignedOut => reading::ended(model),
        Outcome::Collision => collided(model, op).await,
        Outcome::Refused => refused(model, op, &answer.problem()),
        Outcome::Later => {}
    }
}

fn done(model: Model, op: &Op, answer: &Answer) {
    let task = answer.read::<Task>().ok();
    let made = task.as_ref().map(|task| task.id);
    model.tasks.update(|tasks| match task {
        Some(task) => tasks.hear(task),
        None if op.what == What::Delete => {
            let version = tasks.get(op.task).map_or(0, |task| task.version);
            tasks.forget(op.task, version + 1);
        }
        None => {}
    });
    finish(model, &op.key, made);
}

/// It no longer waits.
fn finish(model: Model, key: &str, made: Option<domain::id::TaskId>) {
    let mut renamed = Vec::new();
    model.outbox.update(|outbox| renamed = outbox.finish(key, made));
    spawn_local(kept::drop(key.to_owned()));
    for op in renamed {
        spawn_local(async move {
            kept::keep(op).await;
        });
    }
}

/// Somebody else was faster. Where both can stand, mine is sent again on top of theirs; else the person decides.
async fn collided(model: Model, op: &Op) {
    let answer = match api::send("GET", &format!("/api/todos/{}", op.task), None, &[]).await {
        Ok(answer) if answer.status == 404 => return refused(model, op, "The task was deleted meanwhile."),
        Ok(answer) => answer.read::<Task>(),
        Err(trouble) => Err(trouble),
    };
    // Without the task there is nothing to compare: it is tried again.
    let Ok(theirs) = answer else { return TimeoutFuture::new(PAUSE.1).await };
    model.tasks.update(|tasks| tasks.hear(theirs.clone()));
    if op.is_done_in(&theirs) {
        return finish(model, &op.key, None);
    }
    if !matches!(op.what, What::Update { .. }) {
        return finish(model, &op.key, None);
    }
    if let Some(again) = op.on_top_of(&theirs) {
        model.outbox.update(|outbox| outbox.replace(again.clone()));
        kept::keep(again).await;
        return;
    }
    // What is mine stays kept until it is decided: the page may close meanwhile.
    model.outbox.update(|outbox| drop(outbox.finish(&op.key, None)));
    actions::collide(model, op.clone(), Arc::new(theirs));
}

fn refused(model: Model, op: &Op, why: &str) {
    let title = model.task(op.task).map_or_else(String::new, |task| task.title.clone());
    let mut given_up = Vec::new();
    model.outbox.update(|outbox| given_up = outbox.give_up(&op.key));
    for op in given_up {
        spawn_local(kept::drop(op.key));
    }
    actions::say(model, format!("{} could not be saved. {why}", quoted(&actions::short(&title))), Vec::new());
}
