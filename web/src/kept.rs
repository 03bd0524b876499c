//! What is not sent yet outlives the page: it lies in the browser's database until it is done. A page takes over what a page that is
//! gone has left.

use crate::live::{held_locks, hold_lock};
use crate::model::Model;
use crate::{actions, reading, sending};
use board::outbox::Op;
use idb::{Database, DatabaseEvent as _, Factory, KeyPath, ObjectStoreParams, TransactionMode};
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

const STORE: &str = "outbox";

/// One thing that waits, and whose page it is.
#[derive(Serialize, Deserialize)]
struct Kept {
    page: String,
    /// In milliseconds since 1970; what was done first is sent first.
    at: f64,
    op: Op,
}

thread_local! {
    /// This page's own name.
    static PAGE: OnceCell<String> = const { OnceCell::new() };
}

fn page() -> String {
    PAGE.with(|page| page.get_or_init(|| format!("tidings-page-{}", uuid::Uuid::now_v7())).clone())
}

async fn database() -> Result<Database, idb::Error> {
    let mut request = Factory::new()?.open("tidings", Some(1))?;
    request.on_upgrade_needed(|event| {
        if let Ok(database) = event.database() {
            let mut params = ObjectStoreParams::new();
            params.key_path(Some(KeyPath::new_single("key")));
            _ = database.create_object_store(STORE, params);
        }
    });
    request.await
}

/// Keeps it. Where the browser keeps nothing (its disk is full, or it is a private window), it is still sent as long as the page is open.
pub async fn keep(op: Op) -> bool {
    let key = op.key.clone();
    let kept = Kept { page: page(), at: js_sys::Date::now(), op };
    let Ok(text) = serde_json::to_string(&kept) else { return false };
    let put = async {
        let transaction = database().await?.transaction(&[STORE], TransactionMode::ReadWrite)?;
        let row = js_sys::Object::new();
        _ = js_sys::Reflect::set(&row, &"key".into(), &JsValue::from_str(&key));
        _ = js_sys::Reflect::set(&row, &"text".into(), &JsValue::from_str(&text));
        transaction.object_store(STORE)?.put(&row, None)?.await?;
        transaction.commit()?.await
    };
    // A full disk may show only when all of it is written: what was put is taken back then.
    put.await.is_ok_and(|end| end.is_committed())
}

/// Keeps what was done until it is sent, and says so where that cannot be.
pub async fn keep_until_sent(model: Model, op: Op) {
    let waits = || model.outbox.with_untracked(|outbox| outbox.has(&op.key));
    let was_waiting = waits();
    model.keeps.set(keep(op.clone()).await);
    // Sent meanwhile, it need not be kept.
    if was_waiting && !waits() && !actions::has_collided(&op) {
        drop(op.key).await;
    }
}

/// Keeps what was done before this was here, takes over what waits, and sends all of it.
pub async fn begin(model: Model) {
    let Some(user) = model.user() else { return };
    for op in model.outbox.with_untracked(board::outbox::Outbox::all) {
        spawn_local(keep_until_sent(model, op));
    }
    adopt(model, &user).await;
    sending::kick(model);
    reading::bell(model).await;
}

/// It is done.
pub async fn drop(key: String) {
    let delete = async {
        let transaction = database().await?.transaction(&[STORE], TransactionMode::ReadWrite)?;
        transaction.object_store(STORE)?.delete(JsValue::from_str(&key))?.await?;
        transaction.commit()?.await
    };
    _ = delete.await;
}

/// Takes over what waits of this person and is no open page's.
async fn adopt(model: Model, user: &str) {
    hold_lock(&page());
    let open = held_locks().await;
    let all = async {
        let transaction = database().await?.transaction(&[STORE], TransactionMode::ReadOnly)?;
        transaction.object_store(STORE)?.get_all(None, None)?.await
    };
    let rows = all.await.unwrap_or_default();
    let text = |row: JsValue| js_sys::Reflect::get(&row, &"text".into()).ok()?.as_string();
    let mut left: Vec<Kept> = rows.into_iter().filter_map(text).filter_map(|text| serde_json::from_str(&text).ok()).collect();
    left.retain(|kept| kept.op.user == user && (kept.page == page() || !open.contains(&kept.page)));
    left.sort_by(|one, other| one.at.total_cmp(&other.at));
    model.outbox.update(|outbox| outbox.adopt(left.into_iter().map(|kept| kept.op)));
}
