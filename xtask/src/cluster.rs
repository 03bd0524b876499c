//! `cargo xtask cluster`: all that a cluster has, on this machine: PostgreSQL, Kafka, Redis, Dapr's authority, and each role with its sidecar, two
//! of them twice. It ends with Ctrl-C, and nothing of it is kept but the logs.

use crate::{build, dapr, kafka, system, target};
use anyhow::{Context, Result, bail};
use parts::{Beside, Daprd, Kafka, Mesh, MeshOptions, Postgres, Process, Redis, free_port, postgres_programs};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long a host may take until it accepts connections, and until it has ended.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
const STOPS_WITHIN: Duration = Duration::from_secs(5);
/// Of one host: all of them share the server's hundred.
const CONNECTIONS: &str = "10";

/// One host: its app, which of its replicas it is, its roles, and its public port; the operations listener has the next one.
struct Pod {
    app: &'static str,
    replica: u16,
    roles: &'static str,
    port: u16,
}

const PODS: [Pod; 7] = [
    Pod { app: "backend-api", replica: 1, roles: "api", port: 8080 },
    Pod { app: "backend-api", replica: 2, roles: "api", port: 8082 },
    Pod { app: "notification-svc", replica: 1, roles: "notifications", port: 8084 },
    Pod { app: "sse-gateway", replica: 1, roles: "sse", port: 8086 },
    Pod { app: "sse-gateway", replica: 2, roles: "sse", port: 8088 },
    Pod { app: "frontend", replica: 1, roles: "web", port: 8090 },
    Pod { app: "mcp-server", replica: 1, roles: "mcp", port: 8092 },
];

/// The servers, in the order in which they are dropped: who needs another goes first.
struct Servers {
    mesh: Mesh,
    _redis: Redis,
    kafka: Kafka,
    postgres: Postgres,
}

/// A host and its sidecar.
struct Running {
    host: Process,
    _sidecar: Daprd,
}

/// Starts everything, says what runs where, and waits for Ctrl-C.
pub fn run() -> Result<()> {
    system::for_the_tests()?;
    let binary = build::build()?;
    kafka::jars()?;
    dapr::programs()?;
    let there = [
        ("PostgreSQL", postgres_programs().is_some()),
        ("Kafka", Kafka::present()),
        ("Redis", Redis::present()),
        ("Dapr", Mesh::present()),
    ];
    let missing: Vec<&str> = there.into_iter().filter(|(_, there)| !there).map(|(name, _)| name).collect();
    if !missing.is_empty() {
        bail!("a cluster needs {}, which cannot be had here; what is said above says why", missing.join(" and "));
    }
    // From here on, Ctrl-C is a reason to tidy up.
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let folder = target().join("cluster");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(&folder)?;
    let servers = servers()?;
    let database = servers.postgres.database()?;
    // Before a sidecar asks for a topic, and the broker makes one as it thinks best.
    let mut migrate = Command::new(&binary);
    migrate.arg("migrate").arg("--data").arg(folder.join("migrate")).env("TIDINGS_DATABASE_URL", &database);
    crate::run(migrate.env("TIDINGS_BUS", "kafka").env("TIDINGS_KAFKA_BROKERS", servers.kafka.brokers()))?;
    let mut pods = Vec::new();
    for pod in &PODS {
        pods.push(pod.start(&binary, &folder, &servers, &database)?);
    }
    let here = std::env::current_dir().unwrap_or_default();
    let shown = |path: &Path| path.strip_prefix(&here).unwrap_or(path).display().to_string();
    println!("\nlogs and data folders: {}", shown(&folder));
    println!("the topics: {} events --topic task-events --data {}", shown(&binary), shown(&PODS[0].data(&folder)));
    println!("Ctrl-C ends it; nothing is kept");
    signals.forever().next();
    println!("stopping");
    for pod in &pods {
        drop(pod.host.signal("TERM"));
    }
    for mut pod in pods {
        pod.host.end(STOPS_WITHIN);
    }
    drop(servers);
    Ok(())
}

fn servers() -> Result<Servers> {
    let postgres = Postgres::start().context("PostgreSQL")?;
    println!("{:<20} 127.0.0.1:{}", "PostgreSQL", postgres.port());
    let kafka = Kafka::start().context("Kafka")?;
    println!("{:<20} {}", "Kafka", kafka.brokers());
    let redis = Redis::start().context("Redis")?;
    println!("{:<20} {}", "Redis", redis.address());
    let (brokers, address) = (kafka.brokers(), redis.address());
    let options =
        MeshOptions { brokers, redis: address, cron: "@every 1m".to_owned(), scoped: true, declared: true, groups: Vec::new() };
    let mesh = Mesh::start(&options).context("Dapr's authority")?;
    Ok(Servers { mesh, _redis: redis, kafka, postgres })
}

impl Pod {
    fn name(&self) -> String {
        format!("{}-{}", self.app, self.replica)
    }

    fn data(&self, folder: &Path) -> PathBuf {
        folder.join(self.name())
    }

    fn start(&self, binary: &Path, folder: &Path, servers: &Servers, database: &str) -> Result<Running> {
        let (app_port, sidecar_port) = (free_port()?, free_port()?);
        let address = |port: u16| format!("127.0.0.1:{port}");
        let (name, public, ops) = (self.name(), address(self.port), address(self.port + 1));
        let mut command = Command::new(binary);
        command.arg("up").envs([
            ("TIDINGS_ROLES", self.roles),
            ("TIDINGS_LISTEN", &public),
            ("TIDINGS_OPS_LISTEN", &ops),
            ("TIDINGS_APP_LISTEN", &address(app_port)),
            ("TIDINGS_DATABASE_URL", database),
            ("TIDINGS_DATABASE_CONNECTIONS", CONNECTIONS),
            ("TIDINGS_BUS", "dapr"),
            ("TIDINGS_MEMORY", "dapr"),
            ("TIDINGS_KAFKA_BROKERS", &servers.kafka.brokers()),
            ("DAPR_HTTP_PORT", &sidecar_port.to_string()),
            ("DAPR_API_TOKEN", &servers.mesh.api_token),
            ("APP_API_TOKEN", &servers.mesh.app_token),
        ]);
        command.arg("--data").arg(self.data(folder));
        let mut host = Process::start(&name, &command, folder)?;
        host.listens(self.port, STARTS_WITHIN)?;
        let mut sidecar =
            servers.mesh.sidecar(Beside { app_id: self.app, pod: &name, http_port: sidecar_port, app_port, prefix: "" })?;
        sidecar.finds_its_app()?;
        println!("{name:<20} http://{public}  ops http://{ops}  sidecar http://{}  {}", address(sidecar_port), self.roles);
        Ok(Running { host, _sidecar: sidecar })
    }
}
