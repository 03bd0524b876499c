//! Leptos's reactive graph, as far as this page uses it.

pub use reactive_graph::computed::Memo;
pub use reactive_graph::effect::Effect;
pub use reactive_graph::graph::untrack;
pub use reactive_graph::owner::StoredValue;
pub use reactive_graph::signal::RwSignal;
pub use reactive_graph::traits::*;
