//! The table of options. A flag, a variable and a key of the file are three spellings of one line here.

/// One thing that an operator can decide.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    /// The key in the file. The flag is the same with dashes, the variable the same in capitals after `TIDINGS_`.
    pub key: &'static str,
    /// What stands for the value in `--help`.
    pub value: &'static str,
    pub help: &'static str,
    /// As text; for `--help` too.
    pub default: Option<&'static str>,
    pub reach: Reach,
}

/// Where an option can be set, and by whom it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every command takes it.
    Everywhere,
    /// What a running host needs: `up` and `check`.
    Host,
    /// As `Host`, but without a flag, since everybody on the machine can read a command line.
    Secret,
    /// As `Secret`, and its variable is the key in capitals, as a sidecar has it too.
    Sidecar,
    /// For tests: it has no flag, and no help names it.
    Test,
}

impl Opt {
    /// Its variable.
    pub fn variable(&self) -> String {
        let prefix = if self.reach == Sidecar { "" } else { "TIDINGS_" };
        format!("{prefix}{}", self.key.to_uppercase())
    }

    /// Its flag, without the dashes before it.
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }
}

const fn opt(key: &'static str, value: &'static str, default: Option<&'static str>, reach: Reach, help: &'static str) -> Opt {
    Opt { key, value, help, default, reach }
}

use Reach::{Everywhere, Host, Secret, Sidecar, Test};

/// Every option there is.
pub const OPTIONS: &[Opt] = &[
    opt(
        "data",
        "DIR",
        Some("tidings-data"),
        Everywhere,
        "The data folder: database, signing key, admin socket. Made if missing, mode 0700",
    ),
    opt(
        "log",
        "FILTER",
        Some("info"),
        Everywhere,
        "What is logged: error, warn, info, debug, trace, or a filter such as info,tidings::http=debug",
    ),
    opt("log_format", "FORMAT", Some("auto"), Everywhere, "human, json, or auto: human on a terminal, json otherwise"),
    opt("listen", "ADDR", Some("127.0.0.1:8080"), Host, "The public listener; port 0 picks one"),
    opt("ops_listen", "ADDR", Some("127.0.0.1:8081"), Host, "The operations listener: /healthz, /readyz, /metrics"),
    opt("app_listen", "ADDR", None, Host, "The application listener: what a Dapr sidecar calls; off unless set"),
    opt("app_api_token", "TEXT", None, Sidecar, "What the sidecar must show on the application listener (Dapr's own variable)"),
    opt(
        "public_url",
        "URL",
        None,
        Host,
        "Where browsers reach Tidings, if that is not the listener's own address: an origin that may write with a cookie",
    ),
    opt(
        "roles",
        "LIST",
        Some("all"),
        Host,
        "What this process does: all, or some of api, notifications, sse, mcp, web; what others do is asked of them through Dapr",
    ),
    opt("manifest", "FILE", None, Host, "A spin.toml whose components run in place of the built-in ones"),
    opt(
        "watch",
        "SWITCH",
        Some("off"),
        Host,
        "on: a component of the manifest whose file changes is swapped, as `tidings swap` does",
    ),
    opt(
        "probation",
        "TIME",
        Some("1m"),
        Host,
        "How long a component that was swapped in is watched: where more than one call in ten fails, the version before comes back",
    ),
    opt(
        "database_url",
        "URL",
        None,
        Secret,
        "The PostgreSQL database that tasks are kept in, in place of the data folder's SQLite",
    ),
    opt(
        "database_url_file",
        "FILE",
        None,
        Everywhere,
        "A file that holds the URL of the PostgreSQL database that tasks are kept in, in place of the data folder's SQLite: \
         postgres://USER:PASSWORD@HOST/DATABASE, with ?sslmode=verify-full&sslrootcert=FILE for TLS",
    ),
    opt("database_connections", "N", Some("16"), Everywhere, "Connections to the PostgreSQL database at one time, 4 or more"),
    opt("database_timeout", "TIME", Some("5s"), Everywhere, "How long the PostgreSQL database may take for one statement"),
    opt(
        "bus",
        "KIND",
        Some("local"),
        Host,
        "What carries events: local (the store's own log), kafka, dapr (a broker, through the sidecar)",
    ),
    opt("kafka_brokers", "LIST", None, Host, "Where the Kafka cluster is: host:port, several with commas"),
    opt(
        "kafka_prefix",
        "TEXT",
        None,
        Host,
        "Before the name of every topic and group, where several Tidings share a cluster; through Dapr, its components name the groups",
    ),
    opt(
        "kafka_topic_replication",
        "N",
        None,
        Host,
        "On how many brokers a topic that is made is kept; by default as the cluster has it",
    ),
    opt("kafka_sasl_mechanism", "NAME", None, Host, "How to log in: PLAIN (the default), SCRAM-SHA-256, SCRAM-SHA-512"),
    opt("kafka_sasl_username", "TEXT", None, Host, "The user who logs in to the cluster; none: no login"),
    opt("kafka_sasl_password", "TEXT", None, Secret, "That user's password"),
    opt("kafka_sasl_password_file", "FILE", None, Host, "A file that holds the password; line breaks at its end are cut off"),
    opt("kafka_tls", "SWITCH", Some("off"), Host, "on: talk to the cluster by TLS"),
    opt("kafka_tls_ca_file", "FILE", None, Host, "Whose certificates to trust (PEM); by default whom the system trusts"),
    opt("kafka_tls_cert_file", "FILE", None, Host, "Our own certificate (PEM), where the cluster wants one"),
    opt("kafka_tls_key_file", "FILE", None, Host, "Its key (PEM)"),
    opt(
        "memory",
        "KIND",
        Some("local"),
        Host,
        "What keeps short-lived state: local (the store), dapr (the sidecar's state store)",
    ),
    opt("dapr_http_port", "PORT", None, Sidecar, "Where the sidecar of this host listens, on this machine (Dapr's own variable)"),
    opt("dapr_api_token", "TEXT", None, Sidecar, "What the sidecar wants to be shown (Dapr's own variable)"),
    opt("jwt_issuer", "URL", None, Host, "The external issuer whose tokens are accepted in place of built-in accounts"),
    opt("jwt_audience", "TEXT", None, Host, "The audience that the issuer's tokens must name"),
    opt("jwks_url", "URL", None, Host, "Where the issuer's public keys are; https, or http on loopback"),
    opt("jwt_secret", "TEXT", None, Secret, "The issuer's shared secret (HS256), 32 bytes or more"),
    opt(
        "jwt_secret_file",
        "FILE",
        None,
        Host,
        "A file that holds the issuer's shared secret; line breaks at its end are cut off",
    ),
    opt("sign_in_lifetime", "TIME", Some("30d"), Host, "How long a sign-in with a password lasts"),
    opt(
        "max_connections",
        "N",
        Some("20000"),
        Host,
        "How many connections the public listener holds at one time; more wait to be accepted",
    ),
    opt("drain_timeout", "TIME", Some("20s"), Host, "How long open requests may take to end once the host is told to stop"),
    opt(
        "stream_spread",
        "TIME",
        Some("1s"),
        Host,
        "Over which time streams are ended when the host stops, so that their clients do not all return at once",
    ),
    opt("threads", "N", None, Host, "Worker threads; by default one a core"),
    opt("test_clock", "TIME", None, Test, "`system`, or where the clock begins; it can then be moved by `tidings clock`"),
    opt("test_fault", "NAME:N", None, Test, "Ends the process when it passes a point for the N-th time: see faultpoint.rs"),
];

/// The option of this key.
pub fn find(key: &str) -> Option<&'static Opt> {
    OPTIONS.iter().find(|option| option.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_spelled_alike() {
        for (at, option) in OPTIONS.iter().enumerate() {
            assert!(option.key.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", option.key);
            assert!(OPTIONS[..at].iter().all(|other| other.key != option.key), "{} twice", option.key);
        }
        assert_eq!(find("ops_listen").unwrap().variable(), "TIDINGS_OPS_LISTEN");
        assert_eq!(find("ops_listen").unwrap().flag(), "ops-listen");
    }
}
