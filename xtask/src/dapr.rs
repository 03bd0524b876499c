//! Dapr for tests and `cargo xtask cluster`: its sidecar and its authority, built from their sources where the machine has none.

use crate::system::answers;
use crate::{root, run, target};
use anyhow::{Context, Result};
use std::fs;
use std::process::Command;

/// What is built, as packages of Go.
const PROGRAMS: [&str; 2] = ["github.com/dapr/dapr/cmd/daprd", "github.com/dapr/dapr/cmd/sentry"];

/// `daprd` and `sentry`: those on PATH, or those that were built before from this `go.sum`, or new ones. That takes some minutes, once.
pub fn programs() -> Result<()> {
    if answers("daprd", &["--version"]) && answers("sentry", &["--help"]) {
        return Ok(());
    }
    let (source, folder) = (root().join("tools/daprd"), target().join("parts/dapr"));
    let (wanted, built) = (fs::read(source.join("go.sum"))?, folder.join("go.sum"));
    if fs::read(&built).is_ok_and(|built| built == wanted) {
        return Ok(());
    }
    if !answers("go", &["version"]) {
        println!("no Dapr for the tests: it needs a daprd and a sentry on PATH, or Go to build them with");
        return Ok(());
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    println!("building daprd and sentry, once; this takes some minutes");
    let mut go = Command::new("go");
    // The tag names the components that Dapr calls stable; with none, it has no components at all, and says so by a panic.
    go.current_dir(source).args(["build", "-tags", "stablecomponents", "-ldflags", "-s -w", "-o"]).arg(&folder).args(PROGRAMS);
    run(go.env("CGO_ENABLED", "0"))?;
    Ok(fs::write(built, wanted)?)
}
