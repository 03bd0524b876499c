//! The real parts that Tidings works with: servers that tests, the bench and `cargo xtask cluster` start on loopback, each on a free
//! port, in a folder of its own, for as long as somebody holds it. What must not live here: assertions; anything of Tidings itself.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test's fault is a panic"))]

mod daprd;
pub mod kafka;
mod link;
mod postgres;
mod process;
mod redis;

pub use daprd::{Beside, Daprd, Mesh, MeshOptions};
pub use kafka::Kafka;
pub use link::Link;
pub use postgres::{Postgres, programs as postgres_programs};
pub use process::{Process, free_port, signal, signal_group};
pub use redis::Redis;

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whether to go on: false, with a clear line, where the part is missing; in CI (`--require-all`) that is a failure.
#[allow(clippy::disallowed_methods, reason = "set by `cargo xtask test --require-all`")]
pub fn present(part: &str, present: bool) -> bool {
    let required = std::env::var("IT_REQUIRE_ALL").is_ok();
    assert!(present || !required, "{part} is missing, and every part is required");
    if !present {
        println!("skipped: {part} is missing");
    }
    present
}

/// A key, and a certificate of its own, for 127.0.0.1 and `localhost`; both PEM.
fn certify(folder: &Path, key: &Path, certificate: &Path) -> Result<()> {
    let config = folder.join("openssl.cnf");
    let text = "[req]\ndistinguished_name=dn\nx509_extensions=own\n[dn]\n[own]\nbasicConstraints=critical,CA:FALSE\n\
                subjectAltName=IP:127.0.0.1,DNS:localhost\n";
    std::fs::write(&config, text)?;
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost", "-config"]);
    let out =
        openssl.arg(config).arg("-keyout").arg(key).arg("-out").arg(certificate).output().context("cannot start openssl")?;
    if out.status.success() { Ok(()) } else { bail!("openssl: {}", String::from_utf8_lossy(&out.stderr)) }
}

/// Where xtask keeps what it has made of a part, beside everything else that is built.
pub fn made(part: &str) -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let release = here.ancestors().find(|folder| folder.ends_with("release")).context("everything is built with --release")?;
    Ok(release.with_file_name("parts").join(part))
}
