//! The servers that the tests and the cluster use, where they come as packages of the system.

use crate::run;
use anyhow::Result;
use std::process::Command;

/// Installs what is missing, where this is a Debian and we may. Whether something is still missing.
pub fn install() -> Result<bool> {
    let missing = || parts::postgres_programs().is_none();
    if !missing() {
        return Ok(false);
    }
    let root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout == b"0\n");
    let debian = Command::new("apt-get").arg("--version").output().is_ok_and(|out| out.status.success());
    if root && debian {
        run(Command::new("apt-get")
            .args(["install", "-y", "--no-install-recommends", "postgresql"])
            .env("DEBIAN_FRONTEND", "noninteractive"))?;
    } else {
        println!("PostgreSQL is missing: install it (on Debian: apt-get install postgresql) to run the tests that need it");
    }
    Ok(missing())
}
