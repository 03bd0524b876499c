//! A `tidings up` process on free ports, with a data folder that outlives it.

use crate::client::Client;
use crate::documented;
use crate::setup::{Place, Setup};
use crate::spin;
use parts::{Beside, Daprd, Mesh, free_port, signal, signal_group};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// How a host is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// More arguments of `tidings up`.
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    /// A program, with its arguments, that runs `tidings` with the rest; it must replace itself by it.
    pub under: Vec<String>,
    /// The public port; 0 picks one.
    pub port: u16,
    /// Where another host has its data, to share it; none: in a place of its own.
    pub beside: Option<Place>,
    /// The port of the application listener; 0 picks one.
    pub app_port: u16,
}

/// A running host. Dropping it kills it.
pub struct Host {
    child: Child,
    /// Whether it is the first of a group, and ends with all of it.
    grouped: bool,
    data: PathBuf,
    folder: Option<tempfile::TempDir>,
    place: Place,
    /// Where the set-up has them; it outlives the process.
    sidecar: Option<Daprd>,
    log: Arc<Mutex<String>>,
    pub public: String,
    pub ops: String,
    pub app: String,
}

/// The program under test.
#[allow(clippy::disallowed_methods, reason = "set by `cargo xtask test`")]
pub fn binary() -> PathBuf {
    if let Ok(path) = std::env::var("IT_BINARY") {
        return path.into();
    }
    let here = std::env::current_exe().expect("a test has a path");
    let release = here.ancestors().find(|folder| folder.ends_with("release")).expect("tests are built with --release");
    release.join("tidings")
}

/// One host for all tests that run at the same time and leave nothing behind but users of their own. It ends with the last
/// that holds it.
pub fn shared() -> Arc<Host> {
    static SHARED: Mutex<Weak<Host>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let host = Arc::new(Host::start());
        *shared = Arc::downgrade(&host);
        host
    })
}

/// A new user of the shared host, which lives as long as its clients do.
pub async fn someone() -> Client {
    let host = shared();
    host.someone().await.keeping(host)
}

/// A client of the shared host without credentials.
pub fn anyone() -> Client {
    let host = shared();
    host.client().keeping(host)
}

impl Host {
    /// Starts on an empty data folder of its own.
    pub fn start() -> Self {
        Self::start_with(&Options::default())
    }

    /// Starts on an empty data folder of its own.
    pub fn start_with(options: &Options) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        let mut host = Self::start_in(&data, options);
        host.folder = Some(folder);
        host
    }

    /// The stock Spin CLI, whatever the set-up, on an empty folder of its own.
    pub fn start_spin() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        let place = Place::Folder(data.clone());
        let mut host = Self::spin(&data, &Options::default(), place).unwrap_or_else(|log| panic!("Spin did not start:\n{log}"));
        host.folder = Some(folder);
        host
    }

    /// Starts on this data folder.
    pub fn start_in(data: &Path, options: &Options) -> Self {
        Self::try_start_in(data, options).unwrap_or_else(|log| panic!("the host did not start:\n{log}"))
    }

    /// Starts on this data folder; the log, where it ends before it is ready.
    pub fn try_start_in(data: &Path, options: &Options) -> Result<Self, String> {
        Self::launch(data, options, &mut None)
    }

    /// Starts beside this sidecar, or one that is started behind it, where the set-up has them.
    fn launch(data: &Path, options: &Options, sidecar: &mut Option<Daprd>) -> Result<Self, String> {
        let place = options.beside.clone().unwrap_or_else(|| Place::new(data));
        if Setup::of_this_run() == Setup::Spin {
            return Self::spin(data, options, place);
        }
        let ports = place.mesh().map(|_| match sidecar {
            Some(daprd) => (daprd.http_port(), daprd.app_port()),
            None => (free_port().expect("a port"), free_port().expect("a port")),
        });
        let app_port = ports.map_or(options.app_port, |(_, app_port)| app_port);
        let mut command = match options.under.as_slice() {
            [] => Command::new(binary()),
            [program, args @ ..] => {
                let mut command = Command::new(program);
                command.args(args).arg(binary());
                command
            }
        };
        command.args([
            "up",
            "--ops-listen",
            "127.0.0.1:0",
            "--app-listen",
            &format!("127.0.0.1:{app_port}"),
            "--listen",
            &format!("127.0.0.1:{}", options.port),
            "--data",
        ]);
        command.arg(data).args(&options.args).envs(place.variables());
        if let Some(((mesh, _), (http_port, _))) = place.mesh().zip(ports) {
            command.envs(sidecar_variables(mesh, http_port));
        }
        command.envs(options.env.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {}: {error}", binary().display()));
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().expect("piped");
        let reader = std::thread::spawn({
            let log = log.clone();
            move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let mut log = log.lock().expect("log");
                    log.push_str(&line);
                    log.push('\n');
                }
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (mut public, mut ops, mut app, mut line) = (None, None, None, String::new());
        while public.is_none() || ops.is_none() || app.is_none() {
            line.clear();
            if stdout.read_line(&mut line).unwrap_or(0) == 0 {
                let status = child.wait().expect("wait");
                reader.join().expect("reader");
                return Err(format!("{}{status}", log.lock().expect("log")));
            }
            match line.split_whitespace().collect::<Vec<_>>()[..] {
                ["listening", "public", url] => public = Some(url.to_owned()),
                ["listening", "ops", url] => ops = Some(url.to_owned()),
                ["listening", "app", url] => app = Some(url.to_owned()),
                _ => {}
            }
        }
        std::thread::spawn(move || stdout.read_to_end(&mut Vec::new()));
        let [public, ops, app] = [public, ops, app].map(Option::unwrap_or_default);
        let mut host = Self {
            child,
            grouped: false,
            data: data.to_owned(),
            folder: None,
            place,
            sidecar: sidecar.take(),
            log,
            public,
            ops,
            app,
        };
        if let Some(((mesh, prefix), (http_port, app_port))) = host.place.mesh().zip(ports).filter(|_| host.sidecar.is_none()) {
            let pod = uuid::Uuid::now_v7().simple().to_string();
            let beside = Beside { app_id: "backend-api", pod: &pod, http_port, app_port, prefix };
            host.sidecar = Some(mesh.sidecar(beside).expect("a sidecar"));
        }
        Ok(host)
    }

    /// The stock Spin CLI, which has a public listener and a folder, and takes no options of ours.
    fn spin(data: &Path, options: &Options, place: Place) -> Result<Self, String> {
        let ours = (&options.args, &options.env, &options.under);
        assert_eq!(ours, (&vec![], &vec![], &vec![]), "Spin takes none of these: name the test in tests/spin-has-not.txt");
        let port = if options.port == 0 { free_port().expect("a port") } else { options.port };
        let mut command = spin::command(data, port);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start Spin; SPIN names it: {error}"));
        let log = Arc::new(Mutex::new(String::new()));
        let keep = |from: Box<dyn Read + Send>, log: &Arc<Mutex<String>>, told: std::sync::mpsc::Sender<String>| {
            let log = log.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(from).lines().map_while(Result::ok) {
                    // Whoever has heard enough listens no more.
                    drop(told.send(line.clone()));
                    let mut log = log.lock().expect("log");
                    log.push_str(&line);
                    log.push('\n');
                }
            });
        };
        let (told, lines) = std::sync::mpsc::channel();
        keep(Box::new(child.stdout.take().expect("piped")), &log, told.clone());
        keep(Box::new(child.stderr.take().expect("piped")), &log, told);
        // It ends with both of its outputs.
        let Some(public) = lines.iter().find_map(|line| spin::address(&line)) else {
            let status = child.wait().expect("wait");
            return Err(format!("{}{status}", log.lock().expect("log")));
        };
        let (ops, app) = (String::new(), String::new());
        Ok(Self { child, grouped: true, data: data.to_owned(), folder: None, place, sidecar: None, log, public, ops, app })
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The public port.
    pub fn port(&self) -> u16 {
        self.public.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("log").clone()
    }

    /// A client without credentials.
    pub fn client(&self) -> Client {
        Client::new(&self.public)
    }

    /// A client of the application listener, as its sidecar is one.
    pub fn as_sidecar(&self) -> Client {
        let client = Client::new(&self.app);
        match self.place.mesh() {
            Some((mesh, _)) => client.as_sidecar(&mesh.app_token),
            None => client,
        }
    }

    /// A client of a new user.
    pub async fn user(&self, name: &str) -> Client {
        self.client().sign_up(&format!("{name}@example.org")).await
    }

    /// A client of a new user, whom nobody else is called like.
    pub async fn someone(&self) -> Client {
        self.user(&uuid::Uuid::now_v7().simple().to_string()).await
    }

    /// `kill -9`, then waits until it is gone.
    pub fn kill(&mut self) {
        if self.grouped {
            signal_group(self.pid(), "KILL").expect("a signal");
        }
        drop(self.child.kill());
        self.child.wait().expect("wait");
    }

    /// It answers nobody any more, and keeps all connections, until [`Self::go_on`].
    pub fn freeze(&self) {
        signal(self.pid(), "STOP").expect("a signal");
    }

    pub fn go_on(&self) {
        signal(self.pid(), "CONT").expect("a signal");
    }

    /// SIGTERM; whether it ended with success within 30 s.
    pub fn stop(&mut self) -> bool {
        signal(self.pid(), "TERM").expect("a signal");
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("wait") {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// Starts again on the same data folder and, so that clients find it, the same port. The old process must be gone.
    pub fn restart(&mut self, options: &Options) {
        self.try_restart(options).unwrap_or_else(|log| panic!("the host did not start:\n{log}"));
    }

    /// Starts again as [`Self::restart`] does; the log, where it ends before it is ready.
    pub fn try_restart(&mut self, options: &Options) -> Result<(), String> {
        let options = Options { port: self.port(), beside: Some(self.place.clone()), ..options.clone() };
        let mut next = Self::launch(&self.data, &options, &mut self.sidecar)?;
        next.folder = self.folder.take();
        *self = next;
        Ok(())
    }

    /// Whether the process has ended.
    pub fn gone(&mut self) -> bool {
        self.child.try_wait().expect("wait").is_some()
    }

    /// Runs another command of the program on this data folder: status, standard output, standard error.
    pub fn cli(&self, args: &[&str]) -> (i32, String, String) {
        cli_with(&[args, &["--data", &self.data.display().to_string()]].concat(), self.place.variables())
    }

    /// From now on it is this moment; the host was started with a clock that can be moved.
    pub async fn set_clock(&self, at: &str) {
        let (status, _, error) = tokio::task::block_in_place(|| self.cli(&["clock", "--to", at]));
        assert_eq!(status, 0, "{error}");
    }

    /// The lines of `tidings events`, of one topic or of all.
    pub fn log_of(&self, topic: Option<&str>) -> Vec<Value> {
        let (status, lines, error) = self.cli(&[&["events"][..], &topic.map_or(vec![], |topic| vec!["--topic", topic])].concat());
        assert_eq!(status, 0, "{error}");
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The lines of `tidings events`, of one topic or of all. What is not as docs/events.yaml has it fails the test.
    pub fn events(&self, topic: Option<&str>) -> Vec<Value> {
        let lines = self.log_of(topic);
        lines.iter().for_each(documented::hold);
        lines
    }

    /// Where it has its data, for what a test does to that behind the host's back.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// A file of `/proc` of the host.
    pub fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.pid())).expect("proc")
    }

    /// Resident memory, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

/// What tells a host of its sidecar.
pub(crate) fn sidecar_variables(mesh: &Mesh, http_port: u16) -> [(&'static str, String); 5] {
    [
        ("TIDINGS_BUS", "dapr".to_owned()),
        ("TIDINGS_MEMORY", "dapr".to_owned()),
        ("DAPR_HTTP_PORT", http_port.to_string()),
        ("DAPR_API_TOKEN", mesh.api_token.clone()),
        ("APP_API_TOKEN", mesh.app_token.clone()),
    ]
}

impl Drop for Host {
    fn drop(&mut self) {
        if self.grouped {
            drop(signal_group(self.pid(), "KILL"));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs the program to its end: status, standard output, standard error.
pub fn cli(args: &[&str]) -> (i32, String, String) {
    cli_with(args, Vec::new())
}

/// The same, with these variables.
pub fn cli_with(args: &[&str], variables: Vec<(&str, String)>) -> (i32, String, String) {
    let out = Command::new(binary()).args(args).envs(variables).stdin(Stdio::null()).output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (out.status.code().unwrap_or(-1), text(out.stdout), text(out.stderr))
}
