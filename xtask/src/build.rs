//! From sources to the one binary: components, their bundle, the host, the bundle with precompiled components, the host again.
//!
//! The second link only compiles `main.rs`, and only where a component or the host has changed.

use crate::{WASM, cargo, ensure_target, native, root, run, system, target, web};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Components that are made for tests and are not part of the application.
const FIXTURES: [&str; 2] = ["completions", "misbehave"];

/// The packages of the components that `spin.toml` names for the host.
pub fn components() -> Result<Vec<String>> {
    named(false)
}

/// Those of the stock Spin CLI alone.
pub fn for_spin() -> Result<Vec<String>> {
    named(true)
}

fn named(for_spin: bool) -> Result<Vec<String>> {
    let manifest = fs::read_to_string(root().join("spin.toml")).context("cannot read spin.toml")?;
    let is_for_spin = |name: &&str| manifest.contains(&format!("[component.{name}.tool.tidings]\nhost = \"spin\""));
    Ok(manifest
        .lines()
        .filter_map(|line| line.strip_prefix("[component.")?.strip_suffix(']'))
        .filter(|name| !name.contains('.') && is_for_spin(name) == for_spin)
        .map(str::to_owned)
        .collect())
}

/// Builds everything; the path of the binary.
pub fn build() -> Result<PathBuf> {
    let names = components()?;
    web::build()?;
    wasm(&names)?;
    let bundle = target().join("bundle/components.tar");
    let fresh = entries(&names)?;
    let binary = target().join("release/tidings");
    if stale(&bundle, &fresh)? {
        write(&bundle, &fresh)?;
        host()?;
        let whole = bundle.with_extension("whole.tar");
        run(Command::new(&binary).arg("precompile").arg(&bundle).arg(&whole))?;
        fs::rename(&whole, &bundle)?;
    }
    host()?;
    Ok(binary)
}

/// Builds the components that the program does not carry: those that only tests use, and those of the stock Spin CLI.
pub fn fixtures() -> Result<()> {
    wasm(&[for_spin()?, FIXTURES.map(str::to_owned).to_vec()].concat())
}

fn wasm(names: &[String]) -> Result<()> {
    ensure_target(WASM)?;
    let mut command = cargo(&["build", "--release", "--target", WASM]);
    run(command.args(names.iter().flat_map(|name| ["--package", name])))
}

fn host() -> Result<()> {
    system::for_the_build()?;
    run(&mut native(&["build", "--release", "--bin", "tidings"]))
}

type Entries = BTreeMap<String, Vec<u8>>;

/// What goes into the bundle before anything is precompiled. `Cargo.lock` stands for the wasmtime that compiles.
fn entries(names: &[String]) -> Result<Entries> {
    let mut entries = Entries::new();
    for (name, path) in [("spin.toml", "spin.toml"), ("Cargo.lock", "Cargo.lock")] {
        entries.insert(name.to_owned(), read(&root().join(path))?);
    }
    for name in names {
        entries.insert(format!("{name}.wasm"), read(&target().join(WASM).join("release").join(format!("{name}.wasm")))?);
    }
    Ok(entries)
}

/// Whether the bundle lacks an entry, has it otherwise, or has a component that is not precompiled.
fn stale(bundle: &Path, fresh: &Entries) -> Result<bool> {
    let Ok(file) = fs::File::open(bundle) else { return Ok(true) };
    let mut old = Entries::new();
    for entry in tar::Archive::new(file).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.display().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        old.insert(name, bytes);
    }
    let compiled = |name: &str| name.strip_suffix(".wasm").is_none_or(|stem| old.contains_key(&format!("{stem}.cwasm")));
    Ok(!fresh.iter().all(|(name, bytes)| old.get(name) == Some(bytes) && compiled(name)))
}

fn write(bundle: &Path, entries: &Entries) -> Result<()> {
    if let Some(folder) = bundle.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut tar = tar::Builder::new(fs::File::create(bundle)?);
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes.as_slice())?;
    }
    tar.finish()?;
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
