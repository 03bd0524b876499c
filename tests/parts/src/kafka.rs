//! Apache Kafka: one broker, which is its own controller.

use crate::{Link, Process, certify, free_port};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tempfile::TempDir;

/// Any 16 bytes in base64.
const CLUSTER: &str = "dGlkaW5ncy10ZXN0cy0xMg";
/// Who may log in to a guarded broker, and with what.
pub const USER: &str = "ada";
pub const PASSWORD: &str = "correct-horse-battery";

/// A broker. Dropping it kills it, and removes what it keeps.
#[derive(Debug)]
pub struct Kafka {
    process: Mutex<Process>,
    folder: TempDir,
    ports: Ports,
    /// The only way to it, where it is to be broken.
    link: Option<Link>,
    /// Its process dies with the thread that started it: this one ends when nobody is at the other end.
    _thread: Option<Sender<()>>,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    plain: u16,
    controller: u16,
    login: u16,
    tls: u16,
    mutual_tls: u16,
}

impl Kafka {
    /// Whether it can be started here: Java, and the jars that `cargo xtask test` fetches.
    pub fn present() -> bool {
        let java = Command::new("java").arg("-version").output().is_ok_and(|out| out.status.success());
        java && jars().is_ok_and(|jars| jars.is_dir())
    }

    /// Starts a broker that lets everybody do everything.
    pub fn start() -> Result<Self> {
        Self::start_with(false, false)
    }

    /// The same, behind a [`Self::link`].
    pub fn start_linked() -> Result<Self> {
        Self::start_with(false, true)
    }

    /// Starts a broker that has, beside the listener for everybody, one for logins, and two by TLS, one of which wants a certificate of
    /// whoever comes. [`USER`] may do nothing there but log in, as long as nobody gives them a right.
    pub fn start_guarded() -> Result<Self> {
        Self::start_with(true, false)
    }

    /// One broker for all who want one at the same time. It ends with the last that holds it.
    pub fn shared() -> Result<Arc<Self>> {
        static SHARED: Mutex<Weak<Kafka>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kafka) = shared.upgrade() {
            return Ok(kafka);
        }
        let (started, starting) = channel();
        let (alive, until_dropped) = channel::<()>();
        std::thread::spawn(move || {
            _ = started.send(Self::start());
            // Until the other end is dropped.
            _ = until_dropped.recv();
        });
        let kafka = Arc::new(Self { _thread: Some(alive), ..starting.recv().context("a thread has ended")?? });
        *shared = Arc::downgrade(&kafka);
        Ok(kafka)
    }

    fn start_with(guarded: bool, linked: bool) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let ports = Ports {
            plain: free_port()?,
            controller: free_port()?,
            login: free_port()?,
            tls: free_port()?,
            mutual_tls: free_port()?,
        };
        if guarded {
            make_keys(folder.path())?;
        }
        fs::write(folder.path().join("log4j.properties"), LOG)?;
        let link = if linked { Some(Link::to(ports.plain)?) } else { None };
        let reached_at = link.as_ref().map_or(ports.plain, Link::port);
        fs::write(folder.path().join("server.properties"), properties(folder.path(), ports, reached_at, guarded))?;
        let mut format = java(folder.path())?;
        format.args(["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", "server.properties"]);
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"].into_iter().filter(|_| guarded) {
            format.arg("--add-scram").arg(format!("{mechanism}=[name={USER},password={PASSWORD}]"));
        }
        let format = format.output()?;
        if !format.status.success() {
            bail!(
                "its folder cannot be made: {}{}",
                String::from_utf8_lossy(&format.stdout),
                String::from_utf8_lossy(&format.stderr)
            );
        }
        let process = Mutex::new(launch(folder.path(), ports)?);
        Ok(Self { process, folder, ports, link, _thread: None })
    }

    /// What to name as its brokers.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.link.as_ref().map_or(self.ports.plain, Link::port))
    }

    /// The way to it, where it was started with one.
    pub fn link(&self) -> Option<&Link> {
        self.link.as_ref()
    }

    /// The same, for who logs in.
    pub fn brokers_with_login(&self) -> String {
        format!("127.0.0.1:{}", self.ports.login)
    }

    /// The same, for who comes by TLS.
    pub fn brokers_with_tls(&self) -> String {
        format!("localhost:{}", self.ports.tls)
    }

    /// The same, for who comes by TLS, with a certificate.
    pub fn brokers_with_mutual_tls(&self) -> String {
        format!("localhost:{}", self.ports.mutual_tls)
    }

    /// Its certificate, PEM.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.crt")
    }

    /// A certificate that it trusts, and its key; both PEM.
    pub fn client_certificate(&self) -> (PathBuf, PathBuf) {
        (self.folder.path().join("client.crt"), self.folder.path().join("client.key"))
    }

    /// It answers nobody any more, and keeps all connections, until [`Self::go_on`].
    pub fn freeze(&self) -> Result<()> {
        self.process().signal("STOP")
    }

    pub fn go_on(&self) -> Result<()> {
        self.process().signal("CONT")
    }

    /// `kill -9`.
    pub fn kill(&self) {
        self.process().kill();
    }

    /// Asks it to end, and waits.
    pub fn stop(&self) {
        self.process().stop("TERM", Duration::from_secs(20));
    }

    /// Starts again what was killed or stopped, on the same data and ports.
    pub fn start_again(&self) -> Result<()> {
        *self.process() = launch(self.folder.path(), self.ports)?;
        Ok(())
    }

    /// Runs one of Kafka's own tools on it, such as `kafka.admin.AclCommand`.
    pub fn tool(&self, class: &str, args: &[&str]) -> Result<String> {
        let mut command = java(self.folder.path())?;
        let out = command.arg(class).args(["--bootstrap-server", &self.brokers()]).args(args).output()?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        if out.status.success() { Ok(text) } else { bail!("{class}: {text}{}", String::from_utf8_lossy(&out.stderr)) }
    }

    fn process(&self) -> std::sync::MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the jars are: in the target folder, beside the program that runs.
fn jars() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let release = here.ancestors().find(|folder| folder.ends_with("release")).context("nothing was built with --release")?;
    Ok(release.with_file_name("parts").join("kafka"))
}

fn java(folder: &Path) -> Result<Command> {
    let mut command = Command::new("java");
    command.current_dir(folder).args([
        "-Xmx512m",
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Dlog4j.configuration=file:log4j.properties",
    ]);
    command.arg("-cp").arg(jars()?.join("*"));
    Ok(command)
}

fn launch(folder: &Path, ports: Ports) -> Result<Process> {
    let mut command = java(folder)?;
    command.args(["kafka.Kafka", "server.properties"]);
    let mut process = Process::start("kafka", &command, folder)?;
    process.listens(ports.plain, Duration::from_secs(60))?;
    Ok(process)
}

const LOG: &str = "log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c %m%n
";

/// `reached_at`: the port of the listener for everybody, as its clients know it.
fn properties(folder: &Path, ports: Ports, reached_at: u16, guarded: bool) -> String {
    let Ports { plain, controller, login, tls, mutual_tls } = ports;
    let folder = folder.display();
    let others = if guarded {
        format!(",LOGIN://127.0.0.1:{login},TLS://localhost:{tls},MUTUAL://localhost:{mutual_tls}")
    } else {
        String::new()
    };
    let mut text = format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{plain}{others},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{reached_at}{others}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_PLAINTEXT,TLS:SSL,MUTUAL:SSL
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"
    );
    if guarded {
        text += &format!(
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:CN=localhost
listener.name.login.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.login.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.login.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.login.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\";
listener.name.tls.ssl.keystore.location={folder}/server.pem
listener.name.tls.ssl.keystore.type=PEM
listener.name.mutual.ssl.keystore.location={folder}/server.pem
listener.name.mutual.ssl.keystore.type=PEM
listener.name.mutual.ssl.truststore.location={folder}/client.crt
listener.name.mutual.ssl.truststore.type=PEM
listener.name.mutual.ssl.client.auth=required
"
        );
    }
    text
}

/// Keys and certificates of the broker and of a client, and the former's in one file.
fn make_keys(folder: &Path) -> Result<()> {
    let at = |name: &str| folder.join(name);
    for name in ["server", "client"] {
        certify(folder, &at(&format!("{name}.key")), &at(&format!("{name}.crt")))?;
    }
    let both = fs::read_to_string(at("server.key"))? + &fs::read_to_string(at("server.crt"))?;
    Ok(fs::write(at("server.pem"), both)?)
}
