//! Generated from `wit/`. Components use what the modules beside this one make of it.
#![allow(clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

wit_bindgen::generate!({
    path: ["../wit/ports", "../wit/worlds.wit"],
    world: "tidings:components/ports",
    generate_all,
});

pub use tidings::ports;
