//! The dashboard: a page that draws what [`board`] knows and carries what is done to the API.
//!
//! Markup is made element by element, never of text: the page's policy forbids the rest. What must not live here: which task stands where,
//! what a rule means, what an answer means; that is `board` and `domain`.

mod actions;
mod api;
mod dom;
mod kept;
mod later;
mod live;
mod model;
mod reactive;
mod reading;
mod sending;
mod ui;
mod zone;

use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page's one script.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|panic| ui::failed(&panic.to_string())));
    // Called twice, it is there already.
    _ = any_spawner::Executor::init_wasm_bindgen();
    dom::mount(|| dom::any(ui::app(model::Model::new())));
}
