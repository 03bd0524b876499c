//! What the build, the tests and the cluster need of the system, where it comes as packages of the system.

use crate::run;
use anyhow::Result;
use std::process::Command;

/// A package of Debian, what it is needed for, and whether it is there.
struct Package {
    name: &'static str,
    purpose: &'static str,
    is_there: fn() -> bool,
}

const OPENSSL: Package = Package {
    name: "libssl-dev",
    purpose: "the build: it has the headers of OpenSSL, for TLS to Kafka",
    is_there: || std::path::Path::new("/usr/include/openssl/ssl.h").exists() || answers("pkg-config", &["--exists", "openssl"]),
};
const POSTGRESQL: Package =
    Package { name: "postgresql", purpose: "the tests on PostgreSQL", is_there: || parts::postgres_programs().is_some() };
const REDIS: Package =
    Package { name: "redis-server", purpose: "the tests with Dapr", is_there: || answers("redis-server", &["--version"]) };
const CHROMIUM: Package = Package { name: "chromium", purpose: "the tests of the dashboard", is_there: has_chromium };
const NODE: Package = Package {
    name: "nodejs",
    purpose: "the tests of the dashboard, and of MCP clients",
    is_there: || answers("node", &["--version"]),
};
const NPM: Package = Package {
    name: "npm",
    purpose: "the tests of the dashboard, and of MCP clients",
    is_there: || answers("npm", &["--version"]),
};

const PIP: Package =
    Package { name: "python3-pip", purpose: "the component of examples/, and the tests of MCP clients", is_there: has_python };

/// Installs what the build needs and is missing, where this is a Debian and we may.
pub fn for_the_build() -> Result<()> {
    install(&[OPENSSL])
}

/// And what the tests need.
pub fn for_the_tests() -> Result<()> {
    install(&[POSTGRESQL, REDIS, CHROMIUM, NODE, NPM, PIP])
}

/// Whether PostgreSQL is there.
pub fn has_postgres() -> bool {
    (POSTGRESQL.is_there)()
}

/// Whether there is a browser, and what drives it.
pub fn has_browser() -> bool {
    has_chromium() && has_node()
}

/// Whether there is Node.js, and what fetches packages for it.
pub fn has_node() -> bool {
    (NODE.is_there)() && (NPM.is_there)()
}

/// Whether there is a stock Spin CLI.
#[allow(clippy::disallowed_methods, reason = "SPIN names it, for xtask as for the tests")]
pub fn has_spin() -> bool {
    let program = std::env::var("SPIN").unwrap_or_else(|_| "spin".to_owned());
    answers(&program, &["--version"])
}

/// Whether there is a Python that componentize-py runs on, and what fetches that.
pub fn has_python() -> bool {
    answers("python3", &["-c", "import pip, sys; sys.exit(sys.version_info < (3, 10))"])
}

fn has_chromium() -> bool {
    answers("chromium", &["--version"])
}

fn install(wanted: &[Package]) -> Result<()> {
    let missing: Vec<&Package> = wanted.iter().filter(|package| !(package.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout == b"0\n");
    if root && answers("apt-get", &["--version"]) {
        let apt = |args: &[&str]| run(Command::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive"));
        apt(&["update"])?;
        let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
        return apt(&[&["install", "-y", "--no-install-recommends"], names.as_slice()].concat());
    }
    for Package { name, purpose, .. } in missing {
        println!("{name} is missing (on Debian: apt-get install {name}); it is for {purpose}");
    }
    Ok(())
}

/// Whether a program is there and does this with success.
pub fn answers(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|out| out.status.success())
}
