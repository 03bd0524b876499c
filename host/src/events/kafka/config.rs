//! What a Kafka cluster is to be told. `host/src/config` reads the options; here they are made sense of.

use crate::identity::Secret;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use std::path::{Path, PathBuf};

/// Where the cluster is, and who we are to it.
#[derive(Clone, Debug)]
pub struct KafkaConfig {
    /// `host:port`, several with commas.
    pub brokers: String,
    /// Before the name of every topic and group.
    pub prefix: String,
    /// Of topics that are made; none: the cluster's default.
    pub replication: Option<i32>,
    /// None: the cluster asks nobody who they are.
    pub login: Option<Login>,
    /// None: no TLS.
    pub tls: Option<Tls>,
}

/// A name and a password (SASL).
#[derive(Clone, Debug)]
pub struct Login {
    pub mechanism: &'static str,
    pub username: String,
    pub password: Secret,
}

/// The files of a connection by TLS; all of them PEM.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Whom to trust; none: whom the system trusts.
    pub ca_file: Option<PathBuf>,
    /// Our own certificate and its key.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// The options, as they were said.
#[derive(Clone, Debug, Default)]
pub struct KafkaOptions {
    pub brokers: Option<String>,
    pub prefix: String,
    pub replication: Option<i32>,
    pub mechanism: Option<&'static str>,
    pub username: Option<String>,
    pub password: Option<Secret>,
    pub tls: bool,
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
}

/// What a password can be shown by.
pub const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

impl KafkaConfig {
    /// None where no brokers are given; every fault at once where the options make no sense together.
    pub fn from_options(options: KafkaOptions) -> Result<Option<Self>, Vec<String>> {
        let mut faults = Vec::new();
        let login = login(&options, &mut faults);
        let tls = tls(&options, &mut faults);
        let KafkaOptions { brokers, prefix, replication, .. } = options;
        match brokers {
            _ if !faults.is_empty() => Err(faults),
            Some(brokers) => Ok(Some(Self { brokers, prefix, replication, login, tls })),
            None => Ok(None),
        }
    }

    /// What every client of ours has in common.
    pub(super) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.brokers).set("client.id", "tidings");
        // A connection without an answer is given up and made anew; after an outage we are back soon.
        client.set("socket.timeout.ms", "10000").set("reconnect.backoff.max.ms", "2000");
        client.set("socket.keepalive.enable", "true").set("socket.nagle.disable", "true");
        // New parts of a topic are noticed within this time.
        client.set("topic.metadata.refresh.interval.ms", "30000");
        let protocol = match (&self.login, &self.tls) {
            (None, None) => "plaintext",
            (None, Some(_)) => "ssl",
            (Some(_), None) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        client.set("security.protocol", protocol);
        if let Some(Login { mechanism, username, password }) = &self.login {
            client.set("sasl.mechanism", *mechanism).set("sasl.username", username).set("sasl.password", password.expose());
        }
        if let Some(Tls { ca_file, client: own }) = &self.tls {
            let mut file = |key: &str, path: &Path| _ = client.set(key, path.display().to_string());
            ca_file.iter().for_each(|path| file("ssl.ca.location", path));
            if let Some((cert, key)) = own {
                file("ssl.certificate.location", cert);
                file("ssl.key.location", key);
            }
        }
        // Its own log goes through ours, which decides what is shown.
        client.set_log_level(RDKafkaLogLevel::Info);
        client
    }
}

fn login(options: &KafkaOptions, faults: &mut Vec<String>) -> Option<Login> {
    let KafkaOptions { mechanism, username, password, .. } = options;
    if mechanism.is_none() && username.is_none() && password.is_none() {
        return None;
    }
    let mut needs = |name: &str, there: bool| {
        if !there {
            faults.push(format!("{name} is not set: a login needs TIDINGS_KAFKA_SASL_USERNAME and TIDINGS_KAFKA_SASL_PASSWORD"));
        }
    };
    needs("TIDINGS_KAFKA_SASL_USERNAME", username.is_some());
    needs("TIDINGS_KAFKA_SASL_PASSWORD", password.is_some());
    let mechanism = mechanism.unwrap_or("PLAIN");
    Some(Login { mechanism, username: username.clone()?, password: password.clone()? })
}

fn tls(options: &KafkaOptions, faults: &mut Vec<String>) -> Option<Tls> {
    let KafkaOptions { tls, ca_file, cert_file, key_file, .. } = options;
    let files = [("CA", ca_file), ("CERT", cert_file), ("KEY", key_file)];
    for (name, path) in files.into_iter().filter_map(|(name, path)| Some((name, path.as_ref()?))) {
        if !tls {
            faults.push(format!(
                "TIDINGS_KAFKA_TLS_{name}_FILE is set, but TIDINGS_KAFKA_TLS is off: turn it on, or remove the file"
            ));
        } else if let Err(error) = std::fs::File::open(path) {
            faults.push(format!("TIDINGS_KAFKA_TLS_{name}_FILE: {} cannot be read: {error}", path.display()));
        }
    }
    if cert_file.is_some() != key_file.is_some() {
        faults.push("TIDINGS_KAFKA_TLS_CERT_FILE and TIDINGS_KAFKA_TLS_KEY_FILE go together: set both or none".to_owned());
    }
    let client = cert_file.clone().zip(key_file.clone());
    tls.then(|| Tls { ca_file: ca_file.clone(), client })
}

/// `host:port`, or several with commas between them.
pub fn brokers(text: &str) -> Result<String, String> {
    let one = |broker: &str| {
        let (host, port) = broker.rsplit_once(':').unwrap_or((broker, ""));
        let good = !host.is_empty() && !host.contains(['/', ' ', '@']) && port.parse::<u16>().is_ok_and(|port| port > 0);
        if good { Ok(()) } else { Err(format!("`{broker}` is no broker with a port, such as kafka.example.org:9092")) }
    };
    text.split(',').map(str::trim).try_for_each(one)?;
    Ok(text.replace(' ', ""))
}

/// What may stand before a topic's name.
pub fn prefix(text: &str) -> Result<String, String> {
    let good = text.len() <= 100 && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
    if good { Ok(text.to_owned()) } else { Err(format!("`{text}` is no part of a topic's name: letters, digits, `.`, `-`, `_`")) }
}

/// One of [`MECHANISMS`].
pub fn mechanism(text: &str) -> Result<&'static str, String> {
    let found = MECHANISMS.into_iter().find(|mechanism| mechanism.eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("`{text}` is none of {}", MECHANISMS.join(", ")))
}

/// How often each event is kept.
pub fn replication(text: &str) -> Result<i32, String> {
    match text.parse() {
        Ok(factor) if factor > 0 && factor <= i32::from(i16::MAX) => Ok(factor),
        _ => Err(format!("`{text}` is no number of brokers from 1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_means_no_cluster() {
        assert!(KafkaConfig::from_options(KafkaOptions::default()).unwrap().is_none());
    }

    #[test]
    fn a_login_is_whole_and_never_shown() {
        let half =
            KafkaOptions { password: Some(Secret::new("hunter2")), key_file: Some("/nowhere/key".into()), ..Default::default() };
        let faults = KafkaConfig::from_options(half.clone()).unwrap_err();
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[0].contains("SASL_USERNAME") && !faults.concat().contains("hunter2"), "{faults:?}");
        let whole = KafkaOptions {
            brokers: Some("k:1".into()),
            username: Some("ada".into()),
            key_file: None,
            tls: true,
            mechanism: Some("SCRAM-SHA-512"),
            ..half
        };
        let config = KafkaConfig::from_options(whole).unwrap().unwrap();
        let client = config.client();
        assert_eq!(client.get("security.protocol"), Some("sasl_ssl"));
        assert_eq!((client.get("sasl.mechanism"), client.get("sasl.password")), (Some("SCRAM-SHA-512"), Some("hunter2")));
        assert!(!format!("{config:?}{client:?}").contains("hunter2"), "{config:?}");
    }

    #[test]
    fn values_are_looked_at() {
        assert_eq!(brokers("a:1, b.example:9092,[::1]:3"), Ok("a:1,b.example:9092,[::1]:3".to_owned()));
        for bad in ["", "a", "a:", "a:0", ":1", "kafka://a:1", "a:1,,b:2", "a:99999", "u@a:1"] {
            assert!(brokers(bad).is_err(), "{bad}");
        }
        assert!(prefix("staging.").is_ok() && prefix("a b").is_err() && prefix("ä").is_err());
        assert_eq!(mechanism("scram-sha-256"), Ok("SCRAM-SHA-256"));
        assert!(mechanism("GSSAPI").is_err() && replication("0").is_err() && replication("3") == Ok(3));
    }
}
