//! The versions that are kept in the data folder, and which of them are active.
//!
//! `components/` has `active.json`, and each version's wasm under its digest. A file is whole or not there: it is written aside, synced and
//! renamed. Native code is not kept: it would be run as it stands.

use crate::engine::{Refusal, Wasm};
use anyhow::Context;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How many versions of a component are kept, beside the application's own.
const DEEP: usize = 5;
const ACTIVE: &str = "active.json";

/// The versions of one component that were swapped in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    /// The application's own, which they replaced. Under another they are not active.
    pub own: String,
    /// Oldest first; the last one serves. None: the application's own.
    pub versions: Vec<String>,
    /// Until when the last one is on probation.
    #[serde(default)]
    pub probation: Option<Timestamp>,
}

/// All that is active, by component.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub components: BTreeMap<String, Stack>,
}

impl Kept {
    /// One more, on probation until then.
    pub fn push(&mut self, name: &str, own: &str, version: &str, probation: Timestamp) {
        let empty = || Stack { own: own.to_owned(), versions: Vec::new(), probation: None };
        let stack = self.components.entry(name.to_owned()).or_insert_with(empty);
        stack.versions.push(version.to_owned());
        stack.probation = Some(probation);
        if stack.versions.len() > DEEP {
            stack.versions.remove(0);
        }
    }

    /// One less; the one that is active then.
    pub fn pop(&mut self, name: &str) -> Option<String> {
        let stack = self.components.get_mut(name)?;
        stack.versions.pop()?;
        stack.probation = None;
        let active = stack.versions.last().unwrap_or(&stack.own).clone();
        if stack.versions.is_empty() {
            self.components.remove(name);
        }
        Some(active)
    }

    /// What [`Kept::pop`] would answer, for each component.
    pub fn previous(&self) -> BTreeMap<String, String> {
        let previous = |(name, _): (&String, &Stack)| Some((name.clone(), self.clone().pop(name)?));
        self.components.iter().filter_map(previous).collect()
    }
}

/// The folder.
pub struct Shelf(PathBuf);

impl Shelf {
    /// Made where it is missing.
    pub fn open(data: &Path) -> anyhow::Result<Self> {
        let folder = data.join("components");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(Self(folder))
    }

    /// What is active. A file that makes no sense is an error: it says which versions serve, and is not guessed.
    pub fn read(&self) -> anyhow::Result<Kept> {
        let path = self.0.join(ACTIVE);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| {
                format!("{} makes no sense: remove it, and the application's own components serve", path.display())
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Kept::default()),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// Keeps what is active, and lets go of what is no longer on the way back.
    pub fn keep(&self, kept: &Kept) -> Result<(), Refusal> {
        let text = serde_json::to_vec_pretty(kept).map_err(|error| Refusal(error.to_string()))?;
        self.write(ACTIVE, &text)?;
        let needed: BTreeSet<String> =
            kept.components.values().flat_map(|stack| &stack.versions).map(|version| file(version)).collect();
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(WASM) && !needed.contains(&name) {
                // It is only too much; the next swap tries again.
                _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    /// Keeps a version.
    pub fn put(&self, wasm: &Wasm) -> Result<(), Refusal> {
        self.write(&file(wasm.digest()), &wasm.bytes)
    }

    /// The wasm of a version that is kept.
    pub fn wasm(&self, version: &str) -> Result<Wasm, Refusal> {
        let path = self.0.join(file(version));
        let bytes = fs::read(&path).map_err(|error| Refusal(format!("{} cannot be read: {error}", path.display())))?;
        let wasm = Wasm::new(bytes.into());
        if wasm.digest() != version {
            return Err(Refusal(format!("{} is not what was kept: it was changed", path.display())));
        }
        Ok(wasm)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Refusal> {
        let (path, aside) = (self.0.join(name), self.0.join(format!("{name}.new")));
        let written = create(&aside).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
        let renamed = written.and_then(|()| fs::rename(&aside, &path)).and_then(|()| File::open(&self.0)?.sync_all());
        renamed.map_err(|error| {
            _ = fs::remove_file(&aside);
            Refusal(format!("{} cannot be written: {error}", path.display()))
        })
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)
}

const WASM: &str = ".wasm";

fn file(version: &str) -> String {
    format!("{}{WASM}", version.replace(':', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Timestamp {
        Timestamp::parse("2026-11-27T09:00:00Z").unwrap()
    }

    #[test]
    fn the_way_back_leads_to_the_applications_own() {
        let mut kept = Kept::default();
        for version in ["a", "b"] {
            kept.push("todos", "own", version, soon());
        }
        assert_eq!(kept.previous()["todos"], "a");
        assert_eq!((kept.pop("todos"), kept.pop("todos"), kept.pop("todos")), (Some("a".into()), Some("own".into()), None));
        assert_eq!((kept.pop("web"), kept), (None, Kept::default()));
    }

    #[test]
    fn what_is_kept_is_read_again_and_the_rest_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path()).unwrap();
        let mut kept = shelf.read().unwrap();
        let wasm: Vec<Wasm> = (0..9_u8).map(|n| Wasm::new(vec![n].into())).collect();
        let versions: Vec<&str> = wasm.iter().map(Wasm::digest).collect();
        for wasm in &wasm {
            shelf.put(wasm).unwrap();
            kept.push("todos", "own", wasm.digest(), soon());
            shelf.keep(&kept).unwrap();
        }
        assert_eq!(shelf.read().unwrap(), kept);
        assert_eq!(shelf.wasm(versions[8]).unwrap().bytes.as_ref(), [8]);
        assert!(shelf.wasm(versions[3]).is_err(), "six versions ago");
        assert_eq!(fs::read_dir(folder.path().join("components")).unwrap().count(), DEEP + 1);
        let path = folder.path().join("components").join(file(versions[8]));
        fs::write(path, "another").unwrap();
        assert!(shelf.wasm(versions[8]).unwrap_err().0.contains("was changed"));
        fs::write(folder.path().join("components").join(ACTIVE), "{").unwrap();
        assert!(format!("{:#}", shelf.read().unwrap_err()).contains("remove it"));
    }
}
