//! The audit log: who replaced which component by what, and what became of it. One CloudEvent a line, in the data folder; nothing is ever
//! removed from it.

use crate::engine::Refusal;
use anyhow::Context;
use domain::time::Timestamp;
use serde_json::json;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// Who had it done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Whoever may use the data folder.
    Command,
    /// `--watch`, since the file has changed.
    Watch,
    /// The host itself: it failed too often.
    Probation,
}

impl By {
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Watch => "watch",
            Self::Probation => "probation",
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Swapped,
    RolledBack,
    Refused,
}

impl What {
    /// The CloudEvents type.
    fn kind(self) -> &'static str {
        match self {
            Self::Swapped => "component.swapped",
            Self::RolledBack => "component.rolled-back",
            Self::Refused => "component.refused",
        }
    }
}

/// What there is to say of it.
pub struct Entry<'a> {
    pub component: &'a str,
    pub from: Option<&'a str>,
    pub to: Option<&'a str>,
    pub by: By,
    pub why: Option<&'a str>,
}

/// What is put down of it.
pub struct Line(String);

impl Entry<'_> {
    pub fn line(&self, what: What, now: Timestamp) -> Line {
        let Self { component, from, to, by, why } = self;
        let data = json!({"component": component, "from": from, "to": to, "by": by.name(), "why": why});
        let event = json!({
            "specversion": "1.0", "id": Uuid::now_v7(), "source": "/tidings/host", "type": what.kind(), "time": now.to_string(), "data": data,
        });
        Line(format!("{event}\n"))
    }
}

/// The log.
pub struct Audit {
    path: PathBuf,
    file: Mutex<File>,
}

impl Audit {
    pub fn open(data: &Path) -> anyhow::Result<Self> {
        let path = data.join("audit.jsonl");
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let file = file.with_context(|| format!("the audit log {} cannot be opened", path.display()))?;
        Ok(Self { path, file: Mutex::new(file) })
    }

    /// When it answers, the line is on the disk.
    pub fn put(&self, line: &Line) -> Result<(), Refusal> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // One write: a line is whole, or ends where the next one begins.
        let written = file.write_all(line.0.as_bytes()).and_then(|()| file.sync_data());
        written.map_err(|error| Refusal(format!("the audit log {} cannot be written: {error}", self.path.display())))
    }

    pub fn read(&self) -> anyhow::Result<String> {
        match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            read => read.with_context(|| format!("the audit log {} cannot be read", self.path.display())),
        }
    }
}
