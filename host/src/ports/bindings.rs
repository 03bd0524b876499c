//! Generated from `wit/`, as the host sees it. The modules beside this one implement it.
#![allow(clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

wasmtime::component::bindgen!({
    path: ["../wit/ports", "../wit/app", "../wit/worlds.wit"],
    world: "tidings:components/ports",
    imports: { default: trappable },
    with: {
        "tidings:ports/ledger.session": crate::ports::ledger::OpenSession,
        "tidings:ports/ledger.unit-of-work": crate::ports::ledger::OpenWork,
    },
    require_store_data_send: true,
});

pub use tidings::ports;
