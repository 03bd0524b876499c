//! Generated from `wit/spin.wit`.
#![allow(clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs, dead_code)]

wit_bindgen::generate!({
    path: ["../../../wit/ports", "../../../wit/spin.wit"],
    world: "tidings:spin/adapter",
    generate_all,
});

pub use exports::tidings::ports;
