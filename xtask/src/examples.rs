//! The component of `examples/`, which has nothing of ours but `wit/`: Python, and what makes a component of it.

use crate::system::has_python;
use crate::{root, run, target};
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tests it and builds it, where anything that it is made of has changed.
pub fn build() -> Result<()> {
    if !has_python() {
        println!("no component in Python for the tests: it needs Python 3.10 or later, with pip (Debian: python3-pip)");
        return Ok(());
    }
    let (source, built) = (root().join("examples/follow-up"), target().join("examples"));
    fs::create_dir_all(&built).with_context(|| format!("cannot make {}", built.display()))?;
    let (component, stamp) = (built.join("follow-up.wasm"), built.join("follow-up.made-of"));
    let wanted = digest(&[&source, &root().join("wit")])?;
    if component.exists() && fs::read_to_string(&stamp).is_ok_and(|made_of| made_of == wanted) {
        return Ok(());
    }
    run(python().args(["-m", "unittest"]).current_dir(&source))?;
    let tool = componentize_py(&source)?;
    println!("making a component of examples/follow-up; this takes half a minute");
    let mut make = python();
    make.env("PYTHONPATH", tool).current_dir(root());
    make.args(["-c", "import sys, componentize_py; sys.exit(componentize_py.script())", "--quiet"]);
    make.args(["-d", "wit/ports", "-d", "wit/app", "-d", "examples/follow-up/wit", "-w", "example:follow-up/follow-up"]);
    make.args(["componentize", "--stub-wasi", "-p", "examples/follow-up", "app", "-o"]).arg(component);
    run(&mut make)?;
    Ok(fs::write(stamp, wanted)?)
}

/// The folder of the tool that `requirements.txt` names, fetched once.
fn componentize_py(source: &Path) -> Result<PathBuf> {
    let (list, folder) = (source.join("requirements.txt"), target().join("parts/componentize-py"));
    // It stands beside the tool once that is there.
    let (wanted, fetched) = (fs::read(&list)?, folder.join("requirements.txt"));
    if fs::read(&fetched).is_ok_and(|fetched| fetched == wanted) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let mut pip = python();
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore", "--no-deps"]);
    run(pip.arg("--require-hashes").arg("--requirement").arg(&list).arg("--target").arg(&folder))?;
    fs::write(fetched, wanted)?;
    Ok(folder)
}

/// It leaves no compiled files among the sources.
fn python() -> Command {
    let mut python = Command::new("python3");
    python.arg("-B");
    python
}

/// Of all that these folders have.
fn digest(folders: &[&Path]) -> Result<String> {
    let mut files = Vec::new();
    for folder in folders {
        collect(folder, &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        hash.update(format!("{} {}\n", file.display(), content.len()));
        hash.update(content);
    }
    Ok(format!("{:x}", hash.finalize()))
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if !path.is_dir() {
            into.push(path);
        } else if !path.ends_with("__pycache__") {
            collect(&path, into)?;
        }
    }
    Ok(())
}
