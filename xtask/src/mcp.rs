//! The clients of `tests/mcp`, which nobody here wrote: the official SDKs, the conformance tool, the inspector.

use crate::system::{has_node, has_python};
use crate::{root, run, target};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where they are put. The tests are told of it.
pub fn folder() -> PathBuf {
    target().join("mcp")
}

/// Fetches them, where what is wanted has changed.
pub fn clients() -> Result<()> {
    let wanted = root().join("tests/mcp");
    fs::create_dir_all(folder()).with_context(|| format!("cannot make {}", folder().display()))?;
    if has_node() {
        typescript(&wanted)?;
    } else {
        println!("no MCP clients in TypeScript for the tests: they need Node.js and npm (Debian: nodejs, npm)");
    }
    if has_python() {
        python(&wanted)?;
    } else {
        println!("no MCP client in Python for the tests: it needs Python 3.10 or later, with pip (Debian: python3-pip)");
    }
    Ok(())
}

/// The packages of npm. With them comes a Node.js for those that want a newer one than some systems have.
fn typescript(wanted: &Path) -> Result<()> {
    // It stands among them once they are there.
    let (lock, fetched) = (wanted.join("package-lock.json"), folder().join("node_modules/fetched.json"));
    if same(&lock, &fetched) {
        return Ok(());
    }
    for name in ["package.json", "package-lock.json", ".npmrc"] {
        copy(&wanted.join(name), &folder().join(name))?;
    }
    println!("fetching the MCP clients in TypeScript");
    let mut npm = Command::new("npm");
    // Those of the packages that would run something when they are installed need it not.
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).current_dir(folder());
    run(&mut npm)?;
    copy(&lock, &fetched)
}

/// The packages of PyPI, in a folder of their own.
fn python(wanted: &Path) -> Result<()> {
    let (list, into) = (wanted.join("requirements.txt"), folder().join("python"));
    let fetched = into.join("requirements.txt");
    if same(&list, &fetched) {
        return Ok(());
    }
    if into.exists() {
        fs::remove_dir_all(&into).with_context(|| format!("cannot remove {}", into.display()))?;
    }
    println!("fetching the MCP client in Python");
    let mut pip = Command::new("python3");
    pip.args(["-B", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore", "--no-deps"]);
    run(pip.arg("--requirement").arg(&list).arg("--target").arg(&into))?;
    copy(&list, &fetched)
}

fn same(one: &Path, other: &Path) -> bool {
    fs::read(one).is_ok_and(|wanted| fs::read(other).is_ok_and(|there| there == wanted))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}
