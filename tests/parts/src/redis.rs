//! Redis, which keeps what the sidecars' state store is given.

use crate::{Process, free_port};
use anyhow::Result;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// How long it may take until it accepts connections.
const STARTS_WITHIN: Duration = Duration::from_secs(10);

/// A Redis that keeps nothing on the disk. Dropping it ends it.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    port: u16,
    folder: TempDir,
}

impl Redis {
    /// Whether this machine has one.
    pub fn present() -> bool {
        Command::new("redis-server").arg("--version").output().is_ok_and(|out| out.status.success())
    }

    /// Starts on a free port.
    pub fn start() -> Result<Self> {
        let (port, folder) = (free_port()?, tempfile::tempdir()?);
        let process = begin(port, &folder)?;
        Ok(Self { process, port, folder })
    }

    /// Starts again on the same port, after it was killed; it remembers nothing.
    pub fn start_again(&mut self) -> Result<()> {
        self.process.kill();
        self.process = begin(self.port, &self.folder)?;
        Ok(())
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// To kill it, or to stop it for a while.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

fn begin(port: u16, folder: &TempDir) -> Result<Process> {
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no", "--dir"])
        .arg(folder.path());
    let mut process = Process::start("redis", &command, folder.path())?;
    process.listens(port, STARTS_WITHIN)?;
    Ok(process)
}
