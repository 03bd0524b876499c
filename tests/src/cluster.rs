//! Hosts beside real sidecars, which work with the same broker and the same Redis.

use crate::host::{Host, Options, sidecar_variables};
use crate::setup::Place;
use parts::{Beside, Daprd, Kafka, Link, Mesh, MeshOptions, Redis, free_port, present};
use std::time::Duration;

/// What hosts and their sidecars share. There is one mesh at a time: another waits until it has gone.
pub struct Cluster {
    pub mesh: Mesh,
    pub redis: Redis,
    /// The way to Redis.
    pub to_redis: Link,
    pub kafka: Kafka,
}

/// A host and its sidecar.
pub struct Pod {
    pub sidecar: Daprd,
    pub host: Host,
    /// With which the host starts again.
    pub options: Options,
}

impl Cluster {
    /// None where a part is missing on this machine. `scoped`: each app has only what is its own.
    pub fn start(scoped: bool) -> Option<Self> {
        let there = present("Kafka", Kafka::present()) && present("Redis", Redis::present()) && present("Dapr", Mesh::present());
        there.then(|| {
            let (kafka, redis) = (Kafka::start_linked().expect("Kafka"), Redis::start().expect("Redis"));
            let to_redis = Link::to(redis.port()).expect("a way to Redis");
            let (brokers, redis_at) = (kafka.brokers(), format!("127.0.0.1:{}", to_redis.port()));
            let options = MeshOptions {
                brokers,
                redis: redis_at,
                cron: "@every 1s".to_owned(),
                scoped,
                declared: true,
                groups: Vec::new(),
            };
            Self { mesh: Mesh::start(&options).expect("a mesh"), redis, to_redis, kafka }
        })
    }

    /// Starts a host with these roles, and the sidecar of this app beside it. `beside`: on the database of others.
    pub fn pod(&self, app: &str, replica: u16, roles: &str, env: &[(&str, &str)], beside: Option<Place>) -> Pod {
        let port = free_port().expect("a port");
        let ours = [("TIDINGS_KAFKA_BROKERS", self.kafka.brokers()), ("TIDINGS_ROLES", roles.to_owned())];
        let env = sidecar_variables(&self.mesh, port)
            .into_iter()
            .chain(ours)
            .chain(env.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let env = env.map(|(name, value)| (name.to_owned(), value)).collect();
        let options = Options { env, app_port: free_port().expect("a port"), beside, ..Options::default() };
        let host = Host::start_with(&options);
        let pod = format!("{app}-{replica}");
        let beside = Beside { app_id: app, pod: &pod, http_port: port, app_port: options.app_port, prefix: "" };
        // The certificate authority may be away for a moment while it takes in what it has just made; a pod would be started again.
        let again = |_| {
            std::thread::sleep(Duration::from_secs(2));
            self.mesh.sidecar(beside)
        };
        let mut sidecar = self.mesh.sidecar(beside).or_else(again).expect("a sidecar");
        sidecar.finds_its_app().expect("it finds its app");
        Pod { sidecar, host, options }
    }
}
