//! The exports that the host calls beside `wasi:http/handler`, generated from `wit/` on the types of the ports.
#![allow(clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

pub mod consumer {
    wasmtime::component::bindgen!({
        path: ["../wit/ports", "../wit/app", "../wit/worlds.wit"],
        world: "tidings:components/consumer",
        with: {
            "tidings:ports/types": crate::ports::bindings::ports::types,
            "tidings:ports/clock": crate::ports::bindings::ports::clock,
            "tidings:ports/identity": crate::ports::bindings::ports::identity,
            "tidings:ports/ledger": crate::ports::bindings::ports::ledger,
            "tidings:ports/agenda": crate::ports::bindings::ports::agenda,
            "tidings:ports/memory": crate::ports::bindings::ports::memory,
        },
        require_store_data_send: true,
    });

    pub use exports::tidings::app::event_consumer::{Disposition, Event};
}

pub mod scheduled {
    wasmtime::component::bindgen!({
        path: ["../wit/ports", "../wit/app", "../wit/worlds.wit"],
        world: "tidings:components/scheduled",
        with: {
            "tidings:ports/types": crate::ports::bindings::ports::types,
            "tidings:ports/clock": crate::ports::bindings::ports::clock,
            "tidings:ports/identity": crate::ports::bindings::ports::identity,
            "tidings:ports/ledger": crate::ports::bindings::ports::ledger,
            "tidings:ports/agenda": crate::ports::bindings::ports::agenda,
            "tidings:ports/memory": crate::ports::bindings::ports::memory,
        },
        require_store_data_send: true,
    });
}
