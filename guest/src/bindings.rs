//! Generated from `wit/`. Components use what the modules beside this one make of it.
#![allow(clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

wit_bindgen::generate!({
    path: ["../wit/ports", "../wit/app", "../wit/worlds.wit"],
    world: "tidings:components/ports",
    generate_all,
});

pub use tidings::ports;

/// The export `event-consumer`, on the types above. A component that does not use the macro exports nothing.
pub mod consumer {
    wit_bindgen::generate!({
        path: ["../wit/ports", "../wit/app", "../wit/worlds.wit"],
        world: "tidings:components/consumer",
        with: {
            "tidings:ports/types@0.1.0": crate::bindings::ports::types,
            "tidings:ports/clock@0.1.0": crate::bindings::ports::clock,
            "tidings:ports/identity@0.1.0": crate::bindings::ports::identity,
            "tidings:ports/ledger@0.1.0": crate::bindings::ports::ledger,
            "tidings:ports/agenda@0.1.0": crate::bindings::ports::agenda,
            "tidings:ports/memory@0.1.0": crate::bindings::ports::memory,
        },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_consumer",
    });

    pub use exports::tidings::app::event_consumer::{Disposition, Event, Guest};
}

/// The export `schedule`, in the same way.
pub mod scheduled {
    wit_bindgen::generate!({
        path: ["../wit/ports", "../wit/app", "../wit/worlds.wit"],
        world: "tidings:components/scheduled",
        with: {
            "tidings:ports/types@0.1.0": crate::bindings::ports::types,
            "tidings:ports/clock@0.1.0": crate::bindings::ports::clock,
            "tidings:ports/identity@0.1.0": crate::bindings::ports::identity,
            "tidings:ports/ledger@0.1.0": crate::bindings::ports::ledger,
            "tidings:ports/agenda@0.1.0": crate::bindings::ports::agenda,
            "tidings:ports/memory@0.1.0": crate::bindings::ports::memory,
        },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_scheduled",
    });

    pub use exports::tidings::app::schedule::Guest;
}
