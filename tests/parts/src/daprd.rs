//! Dapr: sidecars, and the authority that gives them their certificates. They work with the very files of `dapr/`, in which only
//! addresses of this machine take the place of those of a cluster.

use crate::{Process, free_port, made};
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use uuid::Uuid;

/// How long a sidecar may take until its components are there.
const STARTS_WITHIN: Duration = Duration::from_secs(30);
/// What the files of `dapr/` say, and stands for something else here.
const BROKERS: &str = "redpanda:9092";
const REDIS: &str = "redis:6379";
const CRON: &str = "@every 5m";
const SENTRY: &str = "dapr-sentry.dapr-system.svc.cluster.local:443";
const TRUST_DOMAIN: &str = "cluster.local";
const GROUP: &str = "consumerGroup, value: \"";
const TOPIC: &str = "  topic: ";
/// The group by whose component those of others are made.
const MODEL: &str = "recurring-handler-group";
/// Only a cluster has it.
const ONLY_ON_KUBERNETES: &str = "secrets-kubernetes.yaml";

/// What the sidecars share: certificates, and the files that they read. Sidecars find each other by asking the whole machine, so there is
/// one mesh at a time: another waits until this is dropped.
#[derive(Debug)]
pub struct Mesh {
    sentry: Process,
    sentry_port: u16,
    folder: TempDir,
    options: MeshOptions,
    /// Held while files are written.
    writing: Mutex<()>,
    /// What a sidecar shows to its app.
    pub app_token: String,
    /// What an app shows to its sidecar.
    pub api_token: String,
    /// Held as long as the file is open, and let go of last.
    _alone: File,
}

/// What a mesh is to work with.
#[derive(Clone, Debug)]
pub struct MeshOptions {
    /// `HOST:PORT`.
    pub brokers: String,
    /// `HOST:PORT`.
    pub redis: String,
    /// When the cron binding fires, in the words of `bindings.cron`.
    pub cron: String,
    /// Each app has the components that are its own; false: one app has all of them.
    pub scoped: bool,
    /// The subscriptions are those of `dapr/`; false: those that each app asks for.
    pub declared: bool,
    /// Groups beside those of `dapr/`, whose components are made like the others'.
    pub groups: Vec<String>,
}

/// Whose sidecar it is to be.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    pub app_id: &'a str,
    /// Tells replicas of one app apart.
    pub pod: &'a str,
    /// Where the app reaches it, on 127.0.0.1.
    pub http_port: u16,
    /// Where it reaches the app.
    pub app_port: u16,
    /// What the names of topics and groups begin with.
    pub prefix: &'a str,
}

/// One sidecar. Dropping it ends it.
#[derive(Debug)]
pub struct Daprd {
    process: Process,
    command: Command,
    folder: PathBuf,
    name: String,
    http_port: u16,
    app_port: u16,
}

impl Mesh {
    /// Whether there is a daprd, on PATH or made by xtask.
    pub fn present() -> bool {
        program("daprd").is_ok() && program("sentry").is_ok()
    }

    /// Starts the authority and writes the files.
    pub fn start(options: &MeshOptions) -> Result<Self> {
        let alone = File::create(std::env::temp_dir().join("tidings-mesh.lock"))?;
        alone.lock()?;
        let folder = tempfile::tempdir()?;
        let (sentry_port, health_port) = (free_port()?, free_port()?);
        fs::create_dir(folder.path().join("credentials"))?;
        let mut command = Command::new(program("sentry")?);
        command.args(["--mode", "standalone", "--listen-address", "127.0.0.1", "--trust-domain", "localhost"]);
        command.args(["--port", &sentry_port.to_string(), "--metrics-port", &free_port()?.to_string()]);
        command.args(["--healthz-listen-address", "127.0.0.1", "--healthz-port", &health_port.to_string()]);
        command
            .arg("--issuer-credentials")
            .arg(folder.path().join("credentials"))
            .arg("--config")
            .arg(folder.path().join("config.yaml"));
        command.env("NAMESPACE", "default");
        write_config(folder.path(), sentry_port)?;
        let mut sentry = Process::start("sentry", &command, folder.path())?;
        sentry.listens(sentry_port, STARTS_WITHIN)?;
        let token = || Uuid::now_v7().simple().to_string();
        Ok(Self {
            sentry,
            sentry_port,
            folder,
            options: options.clone(),
            writing: Mutex::default(),
            app_token: token(),
            api_token: token(),
            _alone: alone,
        })
    }

    /// Starts a sidecar, and waits until its components are there.
    pub fn sidecar(&self, beside: Beside<'_>) -> Result<Daprd> {
        let Beside { app_id, pod, http_port, app_port, prefix } = beside;
        let path = |name: &str| self.folder.path().join(name);
        let mut command = Command::new(program("daprd")?);
        command.args(["--app-id", app_id, "--app-port", &app_port.to_string(), "--dapr-http-port", &http_port.to_string()]);
        for port in ["--dapr-grpc-port", "--dapr-internal-grpc-port", "--metrics-port"] {
            command.args([port, &free_port()?.to_string()]);
        }
        for address in ["--dapr-listen-addresses", "--dapr-internal-grpc-listen-address", "--metrics-listen-address"] {
            command.args([address, "127.0.0.1"]);
        }
        // Slowly enough that an app which comes back at once keeps its subscriptions: docs/adr/0013-what-the-dapr-bus-promises.md
        command.args(["--enable-app-health-check", "--app-health-threshold", "3"]);
        command.args(["--app-health-probe-interval", "3", "--app-health-probe-timeout", "2500"]);
        command.args(["--enable-mtls", "--sentry-address", &format!("127.0.0.1:{}", self.sentry_port)]);
        command.args(["--control-plane-trust-domain", "localhost", "--log-as-json"]);
        command.arg("--resources-path").arg(self.resources(prefix)?).arg("--config").arg(path("config.yaml"));
        command.env("DAPR_TRUST_ANCHORS", fs::read_to_string(path("credentials/ca.crt"))?);
        command.envs([("DAPR_HOST_IP", "127.0.0.1"), ("NAMESPACE", "default"), ("POD_NAME", pod)]);
        command.envs([("APP_API_TOKEN", &self.app_token), ("DAPR_API_TOKEN", &self.api_token)]);
        let name = format!("daprd-{pod}");
        let process = Process::start(&name, &command, self.folder.path())?;
        let mut daprd = Daprd { process, command, folder: self.folder.path().to_owned(), name, http_port, app_port };
        daprd.outbound()?;
        Ok(daprd)
    }

    /// Where the files are for topics whose names begin with this.
    fn resources(&self, prefix: &str) -> Result<PathBuf> {
        let folder = self.folder.path().join(format!("resources-{prefix}"));
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if !folder.exists() {
            write_resources(&folder, &self.options, prefix)?;
        }
        Ok(folder)
    }

    /// The authority's process.
    pub fn sentry(&mut self) -> &mut Process {
        &mut self.sentry
    }
}

impl Daprd {
    /// Where its app reaches it: `DAPR_HTTP_PORT`.
    pub fn http_port(&self) -> u16 {
        self.http_port
    }

    /// Where it reaches its app.
    pub fn app_port(&self) -> u16 {
        self.app_port
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// To kill it, or to stop it for a while.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Starts again on the same ports, after it has ended.
    pub fn start_again(&mut self) -> Result<()> {
        self.process.kill();
        self.process = Process::start(&self.name, &self.command, &self.folder)?;
        self.outbound()
    }

    /// Waits until its components are there, whatever its app does.
    fn outbound(&mut self) -> Result<()> {
        let port = self.http_port;
        self.process.ready(STARTS_WITHIN, || get(port, "/v1.0/healthz/outbound").is_ok_and(|status| status == 204))
    }

    /// Waits until it has found its app; what that subscribes to comes a little later.
    pub fn finds_its_app(&mut self) -> Result<()> {
        let port = self.http_port;
        self.process.ready(STARTS_WITHIN, || get(port, "/v1.0/healthz").is_ok_and(|status| status == 204))
    }
}

/// A file of `dapr/`.
fn original(name: impl AsRef<Path>) -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dapr").join(name);
    fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
}

/// How sidecars work, on this machine.
fn write_config(folder: &Path, sentry_port: u16) -> Result<()> {
    let text = original("config.yaml")?.replace(SENTRY, &format!("127.0.0.1:{sentry_port}")).replace(TRUST_DOMAIN, "localhost");
    // Nobody collects traces here.
    Ok(fs::write(folder.join("config.yaml"), text.replace("samplingRate: \"1\"", "samplingRate: \"0\""))?)
}

/// What sidecars work with, on this machine.
fn write_resources(folder: &Path, options: &MeshOptions, prefix: &str) -> Result<()> {
    let (group, topic) = (format!("{GROUP}{prefix}"), format!("{TOPIC}{prefix}"));
    let places = [(BROKERS, &*options.brokers), (REDIS, &options.redis), (CRON, &options.cron), (GROUP, &group), (TOPIC, &topic)];
    let here = |name: &Path| -> Result<()> {
        let text = places.into_iter().fold(original(name)?, |text, (there, here)| text.replace(there, here));
        let everybodys = |line: &&str| options.scoped || !line.starts_with("scopes:");
        let text: Vec<&str> = text.lines().filter(everybodys).collect();
        Ok(fs::write(folder.join(name.file_name().unwrap_or_default()), text.join("\n"))?)
    };
    fs::create_dir(folder)?;
    for part in ["components", "subscriptions"].into_iter().filter(|part| options.declared || *part != "subscriptions") {
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dapr").join(part))? {
            let name = entry?.file_name();
            if name != ONLY_ON_KUBERNETES {
                here(&Path::new(part).join(name))?;
            }
        }
    }
    here(Path::new("resiliency.yaml"))?;
    let components = fs::read_to_string(folder.join("pubsub-redpanda.yaml"))?;
    let model = components.split("\n---\n").find(|text| text.contains(&format!("name: {MODEL}"))).context("no group to go by")?;
    for group in &options.groups {
        fs::write(folder.join(format!("{group}.yaml")), model.replace(MODEL, group))?;
    }
    Ok(())
}

/// The program on PATH, or the one that xtask has made.
fn program(name: &str) -> Result<PathBuf> {
    let on_path = Command::new(name).arg("--version").output().is_ok_and(|out| out.status.success());
    let made = made("dapr")?.join(name);
    match (on_path, made.is_file()) {
        (true, _) => Ok(name.into()),
        (false, true) => Ok(made),
        (false, false) => bail!("there is no {name}, neither on PATH nor made by `cargo xtask parts`"),
    }
}

/// The status of a plain request.
fn get(port: u16, path: &str) -> Result<u16> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    write!(socket, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let (mut head, begun) = (Vec::new(), Instant::now());
    while !head.ends_with(b"\r\n") && begun.elapsed() < Duration::from_secs(1) {
        let mut byte = [0];
        socket.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let line = String::from_utf8_lossy(&head).into_owned();
    line.split(' ').nth(1).and_then(|status| status.parse().ok()).with_context(|| format!("no answer of HTTP: {line:?}"))
}
