//! Style that a machine can check: file length, layering, dead files. Function length is clippy's (`too_many_lines`).

use crate::root;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines a source file may have.
const LONGEST: usize = 420;

/// What the modules of the host must not name, because it lies above them.
const LAYERS: [(&str, &[&str]); 10] = [
    (
        "store",
        &[
            "ports",
            "engine",
            "identity",
            "events",
            "schedule",
            "components",
            "http",
            "sse",
            "swap",
            "admin",
            "host",
            "cli",
            "config",
        ],
    ),
    ("dapr", &["ports", "engine", "events", "schedule", "components", "http", "sse", "admin", "host", "cli", "config"]),
    ("identity", &["ports", "engine", "events", "schedule", "components", "http", "sse", "admin", "host", "cli"]),
    ("ports", &["engine", "events", "schedule", "components", "http", "sse", "admin", "host", "cli"]),
    ("engine", &["events", "schedule", "components", "http", "sse", "swap", "admin", "host", "cli"]),
    ("swap", &["ports", "identity", "events", "schedule", "components", "http", "sse", "admin", "host", "cli"]),
    ("events", &["engine", "schedule", "components", "http", "sse", "admin", "host", "cli"]),
    ("schedule", &["events", "components", "http", "sse", "admin", "host", "cli"]),
    ("sse", &["engine", "schedule", "components", "admin", "host", "cli"]),
    ("http", &["components", "admin", "host", "cli"]),
];

/// Crates that only one folder may name.
const ONLY_IN: [(&str, &str); 3] =
    [("sqlx::", "host/src/store"), ("wasmtime", "host/src/engine host/src/ports"), ("rdkafka::", "host/src/events/kafka")];

/// Reports every fault at once.
pub fn tidy() -> Result<()> {
    let mut faults = Vec::new();
    let mut files = Vec::new();
    for folder in ["domain", "guest", "components", "host", "tests", "web", "xtask"] {
        sources(&root().join(folder), &mut files)?;
    }
    let known: BTreeSet<&PathBuf> = files.iter().collect();
    for path in &files {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let shown = path.strip_prefix(root()).unwrap_or(path).display().to_string();
        if text.lines().count() > LONGEST {
            faults
                .push(format!("{shown}: {} lines; split it by what changes together (at most {LONGEST})", text.lines().count()));
        }
        faults.extend(layering(&shown, &text));
        faults.extend(dead(path, &shown, &known));
        if shown.ends_with("mod.rs") && !text.starts_with("//!") {
            faults.push(format!("{shown}: opens with what lives here and what must not"));
        }
    }
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    if !faults.is_empty() {
        bail!("{} faults", faults.len());
    }
    println!("tidy: {} files", files.len());
    Ok(())
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, into)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
    Ok(())
}

fn layering(shown: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let code = || text.lines().filter(|line| !line.trim_start().starts_with("//"));
    if let Some(inside) = shown.strip_prefix("host/src/") {
        let module = inside.split(['/', '.']).next().unwrap_or_default();
        for (_, above) in LAYERS.iter().filter(|(layer, _)| *layer == module) {
            for name in above.iter().filter(|name| code().any(|line| line.contains(&format!("crate::{name}::")))) {
                faults.push(format!("{shown}: names crate::{name}, which lies above {module}"));
            }
        }
        for (name, homes) in ONLY_IN {
            let at_home = homes.split(' ').any(|home| shown.starts_with(home));
            if !at_home && code().any(|line| line.contains(name)) {
                faults.push(format!("{shown}: names {name}, whose home is {homes}"));
            }
        }
    }
    if shown.starts_with("domain/")
        && code().any(|line| line.contains("tokio") || line.contains("Utc::now") || line.contains("std::fs"))
    {
        faults.push(format!("{shown}: the domain does no I/O and asks for no time"));
    }
    faults
}

/// A file that no `mod` line names is compiled by nobody.
fn dead(path: &Path, shown: &str, known: &BTreeSet<&PathBuf>) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    if matches!(stem, "main" | "lib" | "build") || shown.contains("/bin/") {
        return None;
    }
    let folder = path.parent()?;
    let (name, folder) = if stem == "mod" { (folder.file_name()?.to_str()?, folder.parent()?) } else { (stem, folder) };
    let named = |parent: PathBuf| {
        known.contains(&parent)
            && fs::read_to_string(&parent)
                .is_ok_and(|text| text.lines().any(|line| line.trim_end().ends_with(&format!("mod {name};"))))
    };
    let beside = folder.parent().zip(folder.file_name()).map(|(up, name)| up.join(name).with_extension("rs"));
    let parents = [folder.join("mod.rs"), folder.join("lib.rs"), folder.join("main.rs")];
    // Code that is compiled in several places is named by its path.
    let elsewhere = || {
        let end = format!("/{name}/mod.rs\"]");
        let names =
            |text: String| text.lines().any(|line| line.trim_start().starts_with("#[path") && line.trim_end().ends_with(&end));
        stem == "mod" && known.iter().any(|file| fs::read_to_string(file).is_ok_and(names))
    };
    let alive = parents.into_iter().chain(beside).any(named) || elsewhere();
    (!alive).then(|| format!("{shown}: no `mod {name};` names it"))
}
