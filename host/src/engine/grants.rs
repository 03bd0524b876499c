//! What a component can import: WASI that reaches nothing beyond the request at hand, and the ports that its manifest grants.

use super::instance::InstanceState;
use crate::ports::{self, Port};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Result};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi_http::{WasiHttp, WasiHttpView as _};

/// Interfaces of WASI that every component has. No files, no sockets, no requests of its own.
const HARMLESS: [&str; 5] = ["wasi:cli/", "wasi:clocks/", "wasi:io/", "wasi:random/", "wasi:http/types"];
const PORTS: &str = "tidings:ports/";

/// A linker with exactly what is granted.
pub(super) fn linker(engine: &Engine, granted: &[Port]) -> Result<Linker<InstanceState>> {
    use wasmtime_wasi::p2::bindings::{cli, random};
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    // WASI 0.2 is what Rust's own library stands on; 0.3 is what spin-sdk speaks.
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(l)?;
    cli::environment::add_to_linker::<_, WasiCli>(l, InstanceState::cli)?;
    cli::exit::add_to_linker::<_, WasiCli>(l, InstanceState::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(l, InstanceState::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(l, InstanceState::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, InstanceState::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, InstanceState::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, InstanceState::cli)?;
    random::insecure::add_to_linker::<InstanceState, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<InstanceState, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    wasmtime_wasi::p3::cli::add_to_linker(l)?;
    wasmtime_wasi::p3::clocks::add_to_linker(l)?;
    wasmtime_wasi::p3::random::add_to_linker(l)?;
    wasmtime_wasi_http::p3::bindings::http::types::add_to_linker::<_, WasiHttp>(l, InstanceState::http)?;
    ports::add_to_linker(l, granted, InstanceState::ports)?;
    Ok(linker)
}

/// Names what a component imports and was not granted, one line each.
pub(super) fn refused(engine: &Engine, name: &str, component: &Component, granted: &[Port]) -> Vec<String> {
    let imports = component.component_type();
    imports.imports(engine).filter_map(|(import, _)| refusal(name, import, granted)).collect()
}

fn refusal(name: &str, import: &str, granted: &[Port]) -> Option<String> {
    let interface = import.split('@').next().unwrap_or(import);
    if let Some(port) = interface.strip_prefix(PORTS) {
        if port == "types" || granted.iter().any(|granted| granted.name() == port) {
            return None;
        }
        return Some(format!(
            "component {name:?} imports {import}, which it is not granted: add {port:?} to its ports in spin.toml, or do without"
        ));
    }
    if HARMLESS.iter().any(|prefix| interface.starts_with(prefix)) {
        return None;
    }
    Some(format!("component {name:?} imports {import}, which no component is given: it must do without"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_granted() {
        let refused = |import| refusal("x", import, &[Port::Ledger]).is_some();
        assert!(!refused("tidings:ports/ledger@0.1.0"));
        assert!(!refused("tidings:ports/types@0.1.0"));
        assert!(!refused("wasi:cli/environment@0.2.0"));
        assert!(!refused("wasi:http/types@0.3.0"));
        for import in [
            "tidings:ports/identity@0.1.0",
            "tidings:ports/ledgers@0.1.0",
            "wasi:filesystem/types@0.2.0",
            "wasi:sockets/tcp@0.2.0",
            "wasi:http/client@0.3.0",
            "spin:sqlite/sqlite@3.0.0",
        ] {
            assert!(refused(import), "{import}");
        }
    }

    #[test]
    fn every_linker_can_be_made() {
        let engine = super::super::runtime::compiler().unwrap();
        linker(&engine, &[]).unwrap();
        linker(&engine, &Port::ALL).unwrap();
    }
}
