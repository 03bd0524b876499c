//! Every port of `wit/ports` as the stock Spin CLI has them. `spin.toml` composes this component with each of the others, which then
//! cannot tell it from the host. It converts, and decides nothing; what it stands on is `spin_host`.

mod agenda;
mod bindings;
// The boundary is described once, on the types of whichever generator compiles it; see the folder's own words.
#[path = "../../../../guest/src/convert/mod.rs"]
mod convert;
mod identity;
mod ledger;
mod memory;

use domain::ports::Failure as Refused;
use domain::task::BadValue;
use spin_host::clock;

/// All ports.
struct Adapter;

impl bindings::ports::clock::Guest for Adapter {
    fn now() -> i64 {
        clock::now().millis()
    }
}

/// A bad argument is the component's fault.
fn good<T>(value: Result<T, BadValue>) -> Result<T, Refused> {
    value.map_err(|bad| Refused::Invalid(bad.0))
}

bindings::export!(Adapter with_types_in bindings);
