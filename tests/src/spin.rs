//! The stock Spin CLI in place of a host: the same components, from the `spin.toml` at the top.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

#[allow(clippy::disallowed_methods, reason = "set by `cargo xtask test`")]
fn program() -> OsString {
    std::env::var_os("SPIN").unwrap_or_else(|| "spin".into())
}

/// Whether there is one.
pub fn is_there() -> bool {
    Command::new(program()).arg("--version").output().is_ok_and(|out| out.status.success())
}

/// `spin up`, with its database in this folder. It starts another process, and so is the first of a group.
pub fn command(state: &Path, port: u16) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(program());
    command.arg("up").arg("--from").arg(root.join("spin.toml")).arg("--state-dir").arg(state);
    command.arg("--listen").arg(format!("127.0.0.1:{port}"));
    command.process_group(0);
    command
}

/// The address, from the line that says so.
pub fn address(line: &str) -> Option<String> {
    Some(line.trim().strip_prefix("Serving ")?.to_owned())
}
