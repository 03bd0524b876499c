//! What an operator decides: read once, at start, into the structs below; every fault is reported at once.
//!
//! The only place that reads the environment. What must not live here: anything that acts on what was decided.

pub mod options;
mod sources;
#[cfg(test)]
mod tests;
mod values;

pub use sources::{Faults, Sources};
pub use values::duration as parse_duration;

use crate::dapr::SidecarConfig;
use crate::events::kafka::{self, KafkaConfig, KafkaOptions};
use crate::faultpoint::FaultPoint;
use crate::identity::{ExternalIssuer, IdentityConfig};
use crate::roles::Roles;
use crate::secret::Secret;
use crate::store::postgres::DatabaseConfig;
use domain::time::Timestamp;
use sources::Said;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// All of it.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data folder.
    pub data: PathBuf,
    /// Where tasks are kept; `None`: in the data folder.
    pub database: Option<DatabaseConfig>,
    pub listen: ListenConfig,
    /// A `spin.toml`; `None`: the components that the program carries.
    pub manifest: Option<PathBuf>,
    pub swap: SwapConfig,
    pub identity: IdentityConfig,
    pub roles: Roles,
    pub bus: BusKind,
    /// The cluster; the bus need not be its own for it to be known.
    pub kafka: Option<KafkaConfig>,
    /// What the names of topics begin with on a broker.
    pub topic_prefix: String,
    /// What keeps short-lived state.
    pub memory: MemoryKind,
    /// Set where bus or memory need it.
    pub sidecar: Option<SidecarConfig>,
    pub drain: DrainConfig,
    pub log: LogConfig,
    /// Worker threads; `None`: one a core.
    pub threads: Option<usize>,
    pub test: TestConfig,
    /// What is odd, but no fault; for the log, once there is one.
    pub remarks: Vec<String>,
}

/// What carries events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusKind {
    /// The store's own log.
    Local,
    Kafka,
    /// A broker, through the sidecar.
    Dapr,
}

/// What keeps short-lived state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryKind {
    Local,
    /// The sidecar's state store.
    Dapr,
}

/// Where Tidings is spoken to.
#[derive(Clone, Debug)]
pub struct ListenConfig {
    pub public: SocketAddr,
    pub ops: SocketAddr,
    /// What a sidecar calls; none: off.
    pub app: Option<SocketAddr>,
    /// What the sidecar must show there; none: nothing.
    pub app_token: Option<Secret>,
    /// Connections to the public listener at one time.
    pub max_connections: usize,
}

/// How components are replaced.
#[derive(Clone, Copy, Debug)]
pub struct SwapConfig {
    /// As their files change.
    pub watch: bool,
    /// How long a new version is watched.
    pub probation: Duration,
}

/// What a test does to a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TestConfig {
    /// A clock that can be moved, and where it begins; none inside: at the system's time.
    pub clock: Option<Option<Timestamp>>,
    pub fault: Option<FaultPoint>,
}

/// How the host stops.
#[derive(Clone, Copy, Debug)]
pub struct DrainConfig {
    /// How long open requests may take to end.
    pub timeout: Duration,
    /// Over which time streams are ended.
    pub stream_spread: Duration,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// In the syntax of `tracing_subscriber::EnvFilter`.
    pub filter: String,
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    Auto,
    Human,
    Json,
}

impl Config {
    /// Makes sense of the sources, or says everything that is wrong with them.
    pub fn read(sources: &Sources) -> Result<Self, Faults> {
        let mut faults = Vec::new();
        let said = sources.merged(&mut faults);
        let mut reader = Reader { said, faults };
        let database = reader.database();
        let listen = reader.listen();
        let manifest = reader.text("manifest").map(PathBuf::from);
        let swap = reader.swap(manifest.is_some());
        let identity = reader.identity();
        let roles = reader.required("roles", Roles::parse);
        let (bus, memory) = (reader.required("bus", values::bus), reader.required("memory", values::memory));
        let topic_prefix = reader.optional("kafka_prefix", kafka::prefix).unwrap_or_default();
        let kafka = reader.kafka(bus, &topic_prefix);
        let sidecar = reader.sidecar(bus, memory);
        let drain = reader.drain();
        let log = reader.log();
        let data = reader.text("data").map(PathBuf::from);
        let threads = reader.optional("threads", values::count);
        let test = reader.test();
        let remark = |name: &str| format!("{name} is set, but there is no such option: see `tidings up --help`");
        let mut remarks: Vec<String> = sources.unknown_variables().into_iter().map(remark).collect();
        if listen.as_ref().is_some_and(|listen| listen.app.is_some() && listen.app_token.is_none()) {
            remarks
                .push("APP_API_TOKEN is not set: whoever reaches the application listener is taken for the sidecar".to_owned());
        }
        let whole = || {
            let (data, listen, swap, identity, roles) = (data?, listen?, swap?, identity?, roles?);
            let (bus, memory, drain, log) = (bus?, memory?, drain?, log?);
            Some(Self {
                data,
                database,
                listen,
                manifest,
                swap,
                identity,
                roles,
                bus,
                kafka,
                topic_prefix,
                memory,
                sidecar,
                drain,
                log,
                threads,
                test,
                remarks,
            })
        };
        match whole() {
            Some(config) if reader.faults.is_empty() => Ok(config),
            _ => Err(Faults(reader.faults)),
        }
    }
}

/// Takes values out of what was said, and collects what is wrong with them. `None` means that a fault was noted, or, for
/// `optional`, that nothing was said.
struct Reader {
    said: BTreeMap<&'static str, Said>,
    faults: Vec<String>,
}

impl Reader {
    fn optional<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let said = self.said.get(key)?;
        match parse(&said.text) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.faults.push(format!("{}: {fault}", said.at));
                None
            }
        }
    }

    /// For options that have a default.
    fn required<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        if !self.said.contains_key(key) {
            self.faults.push(format!("{key} is not set"));
        }
        self.optional(key, parse)
    }

    fn text(&mut self, key: &str) -> Option<String> {
        self.optional(key, |text| if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text.to_owned()) })
    }

    fn database(&mut self) -> Option<DatabaseConfig> {
        let url = self.secret("database_url", "database_url_file");
        let connections = self.required("database_connections", values::count);
        let timeout = self.required("database_timeout", longer_than_nothing);
        let at = ["database_url", "database_url_file"].iter().find_map(|key| self.said.get(key)).map(|said| said.at.clone());
        let database = DatabaseConfig::new(&url?, connections?, timeout?);
        database.map_err(|fault| self.faults.push(format!("{}: {fault}", at.unwrap_or_default()))).ok()
    }

    fn listen(&mut self) -> Option<ListenConfig> {
        let public = self.required("listen", values::address);
        let ops = self.required("ops_listen", values::address);
        let app = self.optional("app_listen", values::address);
        let app_token = self.text("app_api_token").map(Secret::new);
        let max_connections = self.required("max_connections", values::count);
        Some(ListenConfig { public: public?, ops: ops?, app, app_token, max_connections: max_connections? })
    }

    fn identity(&mut self) -> Option<IdentityConfig> {
        let lifetime = self.required("sign_in_lifetime", longer_than_nothing);
        let public_url = self.optional("public_url", origin);
        let (issuer, audience, jwks_url) = (self.text("jwt_issuer"), self.text("jwt_audience"), self.text("jwks_url"));
        let secret = self.secret("jwt_secret", "jwt_secret_file");
        let external = match ExternalIssuer::from_options(issuer, audience, jwks_url, secret) {
            Ok(external) => external,
            Err(faults) => {
                self.faults.extend(faults);
                return None;
            }
        };
        Some(IdentityConfig { public_url, sign_in_lifetime: lifetime?, external, ..IdentityConfig::default() })
    }

    /// A secret, or the file that holds it; both is a fault. No message shows what it is.
    fn secret(&mut self, key: &str, file_key: &str) -> Option<Secret> {
        let (plain, file) = (self.text(key), self.text(file_key));
        match (plain, file) {
            (Some(_), Some(_)) => {
                self.faults.push(format!("{key} and {file_key} are both set: remove one"));
                None
            }
            (Some(plain), None) => Some(Secret::new(plain)),
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) => Some(Secret::new(text.trim_end_matches(['\r', '\n']))),
                Err(error) => {
                    self.faults.push(format!("{file_key}: {path} cannot be read: {error}"));
                    None
                }
            },
            (None, None) => None,
        }
    }

    /// The sidecar, where there is one; for what goes through it, there has to be.
    fn sidecar(&mut self, bus: Option<BusKind>, memory: Option<MemoryKind>) -> Option<SidecarConfig> {
        let before = self.faults.len();
        let port = self.optional("dapr_http_port", values::port);
        let token = self.text("dapr_api_token").map(Secret::new);
        let needs = [("TIDINGS_BUS=dapr", bus == Some(BusKind::Dapr)), ("TIDINGS_MEMORY=dapr", memory == Some(MemoryKind::Dapr))];
        if port.is_none() && self.faults.len() == before {
            let needing = needs.iter().filter(|(_, needs)| *needs);
            self.faults.extend(needing.map(|(what, _)| format!("DAPR_HTTP_PORT is not set: {what} needs it, such as 3500")));
        }
        if bus == Some(BusKind::Dapr) && !self.said.contains_key("app_listen") {
            self.faults.push("TIDINGS_APP_LISTEN is not set: with TIDINGS_BUS=dapr, events arrive there".to_owned());
        }
        Some(SidecarConfig { port: port?, token })
    }

    /// The cluster, where its brokers are given; with `bus`, they have to be.
    fn kafka(&mut self, bus: Option<BusKind>, prefix: &str) -> Option<KafkaConfig> {
        let path = |text: &str| Ok(PathBuf::from(text));
        let before = self.faults.len();
        let options = KafkaOptions {
            brokers: self.optional("kafka_brokers", kafka::brokers),
            prefix: prefix.to_owned(),
            replication: self.optional("kafka_topic_replication", kafka::replication),
            mechanism: self.optional("kafka_sasl_mechanism", kafka::mechanism),
            username: self.text("kafka_sasl_username"),
            password: self.secret("kafka_sasl_password", "kafka_sasl_password_file"),
            tls: self.required("kafka_tls", values::switch) == Some(true),
            ca_file: self.optional("kafka_tls_ca_file", path),
            cert_file: self.optional("kafka_tls_cert_file", path),
            key_file: self.optional("kafka_tls_key_file", path),
        };
        if self.faults.len() == before && bus == Some(BusKind::Kafka) && options.brokers.is_none() {
            self.faults
                .push("TIDINGS_KAFKA_BROKERS is not set: TIDINGS_BUS=kafka needs it, such as kafka.example.org:9092".to_owned());
        }
        KafkaConfig::from_options(options).unwrap_or_else(|faults| {
            self.faults.extend(faults);
            None
        })
    }

    fn swap(&mut self, has_manifest: bool) -> Option<SwapConfig> {
        let watch = self.required("watch", values::switch)?;
        if watch && !has_manifest {
            self.faults
                .push("TIDINGS_WATCH is on, but there is no manifest whose files could change: name it by --manifest".to_owned());
        }
        Some(SwapConfig { watch, probation: self.required("probation", values::duration)? })
    }

    fn drain(&mut self) -> Option<DrainConfig> {
        let timeout = self.required("drain_timeout", values::duration);
        let stream_spread = self.required("stream_spread", values::duration);
        Some(DrainConfig { timeout: timeout?, stream_spread: stream_spread? })
    }

    fn log(&mut self) -> Option<LogConfig> {
        let filter = self.required("log", |text| {
            tracing_subscriber::EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| format!("`{text}`: {error}"))
        });
        let format = self.required("log_format", |text| match text {
            "auto" => Ok(LogFormat::Auto),
            "human" => Ok(LogFormat::Human),
            "json" => Ok(LogFormat::Json),
            other => Err(format!("`{other}` is none of auto, human, json")),
        });
        Some(LogConfig { filter: filter?, format: format? })
    }

    fn test(&mut self) -> TestConfig {
        let clock = self.optional("test_clock", |text| match text {
            "system" => Ok(None),
            text => Timestamp::parse(text).map(Some).map_err(|bad| format!("`{text}`: {bad}, or `system`")),
        });
        TestConfig { clock, fault: self.optional("test_fault", FaultPoint::parse) }
    }
}

fn longer_than_nothing(text: &str) -> Result<Duration, String> {
    values::duration(text).and_then(|time| if time.is_zero() { Err(format!("`{text}` is no time at all")) } else { Ok(time) })
}

/// An http or https URL without a path, as browsers send it in `Origin`.
fn origin(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).map_err(|error| format!("`{text}` is no URL: {error}"))?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    match url.scheme() {
        "http" | "https" if bare => Ok(url.origin().ascii_serialization()),
        _ => Err(format!("`{text}` is no http or https URL without a path, such as https://tasks.example.org")),
    }
}
