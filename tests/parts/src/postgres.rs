//! PostgreSQL: a server with a cluster of its own, databases in it for whoever wants one.

use super::{Process, certify, free_port};
use anyhow::{Context, Result, bail};
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tempfile::TempDir;

const USER: &str = "tidings";
/// With what a URL must write otherwise.
const PASSWORD: &str = "se/cret#1";
const PASSWORD_IN_URL: &str = "se%2Fcret%231";
/// Where Debian's package has its programs, beside `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// A running server on 127.0.0.1. Dropping it stops it and removes its data.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    programs: PathBuf,
    owner: Option<Owner>,
    folder: TempDir,
    port: u16,
    databases: AtomicU32,
}

/// As whom the server runs where we are root, which it refuses to be.
#[derive(Clone, Copy, Debug)]
struct Owner {
    user: u32,
    group: u32,
}

/// Where the programs are, if PostgreSQL is installed.
pub fn programs() -> Option<PathBuf> {
    let whole = |folder: &PathBuf| ["initdb", "postgres", "createdb", "psql"].iter().all(|name| folder.join(name).is_file());
    let mut versions: Vec<PathBuf> =
        fs::read_dir(DEBIAN).into_iter().flatten().flatten().map(|entry| entry.path().join("bin")).collect();
    versions.sort();
    #[allow(clippy::disallowed_methods, reason = "as a shell does")]
    let path = std::env::var("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(versions.into_iter().rev()).find(whole)
}

impl Postgres {
    /// One server for all that run at the same time. It ends with the last that holds it.
    pub fn shared() -> Result<Arc<Self>> {
        static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Ok(server);
        }
        let server = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&server);
        Ok(server)
    }

    /// Makes a cluster and starts its server.
    pub fn start() -> Result<Self> {
        let programs = programs().context("PostgreSQL is not installed")?;
        let owner = Owner::needed()?;
        let folder = TempDir::with_prefix("postgres-")?;
        let (data, secret) = (folder.path().join("data"), folder.path().join("password"));
        fs::write(&secret, PASSWORD)?;
        let (key, certificate) = (folder.path().join("server.key"), folder.path().join("server.crt"));
        certify(folder.path(), &key, &certificate)?;
        if let Some(owner) = owner {
            for path in [folder.path(), &secret, &key, &certificate] {
                chown(path, Some(owner.user), Some(owner.group))?;
            }
        }
        let mut initdb = run_as(owner, &programs.join("initdb"));
        initdb.args(["--no-sync", "--auth", "scram-sha-256", "--username", USER, "--encoding", "UTF8", "--locale", "C.UTF-8"]);
        done(initdb.arg("--pwfile").arg(&secret).arg("--pgdata").arg(&data).current_dir(folder.path()))?;
        let port = free_port()?;
        let process = Process::start("postgres", &server(owner, &programs, folder.path(), port), folder.path())?;
        let mut postgres = Self { process, programs, owner, folder, port, databases: AtomicU32::new(0) };
        postgres.await_ready()?;
        Ok(postgres)
    }

    /// A new database; its URL.
    pub fn database(&self) -> Result<String> {
        let name = format!("tidings_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        done(self.client("createdb").arg(&name))?;
        Ok(self.url(&name))
    }

    /// The URL of a database, for its owner.
    pub fn url(&self, name: &str) -> String {
        format!("postgres://{USER}:{PASSWORD_IN_URL}@127.0.0.1:{}/{name}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate by which it is known.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.crt")
    }

    /// Runs statements in a database; what they answer, a row a line.
    pub fn sql(&self, url: &str, statements: &str) -> Result<String> {
        let name = url.rsplit('/').next().unwrap_or_default();
        let name = name.split('?').next().unwrap_or_default();
        let psql = self.client("psql").args(["-XqtA", "-v", "ON_ERROR_STOP=1", "-d", name, "-c", statements]).output()?;
        succeeded("psql", &psql)?;
        Ok(String::from_utf8_lossy(&psql.stdout).trim_end().to_owned())
    }

    /// The server's process, for signals.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Ends it as a crash of the machine does: nothing is written any more.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same port. It must have ended.
    pub fn restart(&mut self) -> Result<()> {
        let command = server(self.owner, &self.programs, self.folder.path(), self.port);
        self.process = Process::start("postgres", &command, self.folder.path())?;
        self.await_ready()
    }

    fn await_ready(&mut self) -> Result<()> {
        let probe = Self::client_of(&self.programs, self.port);
        self.process.ready(Duration::from_secs(30), || {
            let mut psql = probe("psql");
            psql.args(["-XqtA", "-d", "postgres", "-c", "SELECT 1"]).output().is_ok_and(|out| out.status.success())
        })
    }

    fn client(&self, program: &str) -> Command {
        Self::client_of(&self.programs, self.port)(program)
    }

    fn client_of(programs: &Path, port: u16) -> impl Fn(&str) -> Command + use<> {
        let programs = programs.to_owned();
        move |program| {
            let mut command = Command::new(programs.join(program));
            command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", USER]).env("PGPASSWORD", PASSWORD);
            command
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A fast shutdown: it gives back what it has of the kernel.
        self.process.stop("INT", Duration::from_secs(10));
    }
}

/// The server, which asks for little memory and keeps what it commits.
fn server(owner: Option<Owner>, programs: &Path, folder: &Path, port: u16) -> Command {
    let mut command = run_as(owner, &programs.join("postgres"));
    command.arg("-D").arg(folder.join("data")).current_dir(folder);
    let settings = [
        ("port", port.to_string()),
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("unix_socket_directories", String::new()),
        ("max_connections", "300".to_owned()),
        ("shared_buffers", "64MB".to_owned()),
        ("fsync", "on".to_owned()),
        ("ssl", "on".to_owned()),
        ("ssl_key_file", folder.join("server.key").display().to_string()),
        ("ssl_cert_file", folder.join("server.crt").display().to_string()),
    ];
    for (name, value) in settings {
        command.args(["-c", &format!("{name}={value}")]);
    }
    command
}

/// A command in the name of the server's owner, which dies with us: the kernel forgets that wish where the user changes.
fn run_as(owner: Option<Owner>, program: &Path) -> Command {
    let Some(Owner { user, group }) = owner else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &user.to_string(), "--regid", &group.to_string(), "--clear-groups", "--pdeathsig", "INT", "--"]);
    command.arg(program);
    command
}

impl Owner {
    /// Nobody, where we are not root.
    fn needed() -> Result<Option<Self>> {
        let us = Command::new("id").arg("-u").output()?;
        if String::from_utf8_lossy(&us.stdout).trim() != "0" {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd")?;
        let find = |name: &str| {
            let fields: Vec<&str> = users.lines().find(|line| line.starts_with(&format!("{name}:")))?.split(':').collect();
            Some(Self { user: fields.get(2)?.parse().ok()?, group: fields.get(3)?.parse().ok()? })
        };
        find("postgres").or_else(|| find("nobody")).map(Some).context("there is no user postgres or nobody to run PostgreSQL as")
    }
}

/// Runs to its end; anything but success is an error with what it said.
fn done(command: &mut Command) -> Result<()> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let out = command.output().with_context(|| format!("cannot start {shown}"))?;
    succeeded(&shown, &out)
}

fn succeeded(shown: &str, out: &Output) -> Result<()> {
    if !out.status.success() {
        bail!("{shown} ended with {}: {}", out.status, String::from_utf8_lossy(&out.stderr));
    }
    Ok(())
}
