//! One server process.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A running server. Dropping it kills it; it also dies with this process, however that ends.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it; what it prints goes into `NAME.log` in this folder.
    pub fn start(name: &str, command: &Command, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let out =
            File::options().create(true).append(true).open(&log).with_context(|| format!("cannot write {}", log.display()))?;
        // The kernel ends it with us, so that a test runner that is killed leaves nothing behind.
        let mut bound = Command::new("setpriv");
        bound.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
        for (variable, value) in command.get_envs() {
            match value {
                Some(value) => bound.env(variable, value),
                None => bound.env_remove(variable),
            };
        }
        if let Some(at) = command.get_current_dir() {
            bound.current_dir(at);
        }
        // Ctrl-C at a terminal is for us: we know in which order things end.
        bound.process_group(0).stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = spawn_for_good(bound).with_context(|| format!("cannot start {name}: {command:?}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until something is so. Fails when the process ends first, or when it takes too long.
    pub fn ready(&mut self, within: Duration, mut is_so: impl FnMut() -> bool) -> Result<()> {
        let until = Instant::now() + within;
        while !is_so() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.name, self.log());
            }
            if Instant::now() > until {
                bail!("{} was not ready within {within:?}:\n{}", self.name, self.log());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Waits until it accepts connections on this port of 127.0.0.1.
    pub fn listens(&mut self, port: u16, within: Duration) -> Result<()> {
        self.ready(within, || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
    }

    /// Sends a signal by its name, such as `TERM`, `STOP`, `CONT`.
    pub fn signal(&self, name: &str) -> Result<()> {
        signal(self.pid(), name).with_context(|| self.name.clone())
    }

    /// It and its children answer nobody any more, and keep all connections, until [`Self::go_on`].
    pub fn freeze(&self) -> Result<()> {
        self.signal_family("STOP")
    }

    pub fn go_on(&self) -> Result<()> {
        self.signal_family("CONT")
    }

    fn signal_family(&self, name: &str) -> Result<()> {
        let pid = self.pid();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let mut kill = Command::new("kill");
        // One of them may have ended meanwhile.
        drop(kill.arg(format!("-{name}")).args(children.split_whitespace()).stderr(Stdio::null()).status());
        self.signal(name)
    }

    /// `kill -9`, then waits until it is gone.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Asks it to end with this signal, and waits; kills it where it does not.
    pub fn stop(&mut self, signal: &str, within: Duration) {
        drop(self.signal(signal));
        self.end(within);
    }

    /// Waits until it has ended; kills it where it does not.
    pub fn end(&mut self, within: Duration) {
        let until = Instant::now() + within;
        while Instant::now() < until && matches!(self.child.try_wait(), Ok(None)) {
            sleep(Duration::from_millis(20));
        }
        self.kill();
    }
}

/// Sends a signal to a process by its name, such as `TERM`, `STOP`, `CONT`.
pub fn signal(pid: u32, name: &str) -> Result<()> {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status()?;
    if status.success() { Ok(()) } else { bail!("kill -{name}: {status}") }
}

/// The same, for a process and all that it has started, where it is the first of their group.
pub fn signal_group(first: u32, name: &str) -> Result<()> {
    let mut kill = Command::new("kill");
    let status = kill.args([&format!("-{name}"), "--", &format!("-{first}")]).stderr(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { bail!("kill -{name} of a group: {status}") }
}

/// The kernel ends a process with the thread that started it, and a test's thread ends with the test. So all are started by one
/// thread, which lasts as long as we do.
fn spawn_for_good(command: Command) -> std::io::Result<Child> {
    type Wanted = (Command, Sender<std::io::Result<Child>>);
    static PARENT: LazyLock<Mutex<Sender<Wanted>>> = LazyLock::new(|| {
        let (wanted, all) = channel::<Wanted>();
        std::thread::spawn(move || {
            for (mut command, started) in all {
                drop(started.send(command.spawn()));
            }
        });
        Mutex::new(wanted)
    });
    let gone = || std::io::Error::other("the thread that starts processes has ended");
    let (started, child) = channel();
    PARENT.lock().unwrap_or_else(PoisonError::into_inner).send((command, started)).map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The ports that are given out: below those that Linux takes for itself, which anybody may have at the next moment.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// A port of 127.0.0.1 that nobody has just now, and that is given to nobody else here.
pub fn free_port() -> Result<u16> {
    static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| AtomicU32::new(std::process::id().wrapping_mul(251)));
    for _ in PORTS {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed) % u32::try_from(PORTS.len())?;
        let port = PORTS.start + u16::try_from(turn)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("all ports from {} to {} are taken", PORTS.start, PORTS.end)
}
