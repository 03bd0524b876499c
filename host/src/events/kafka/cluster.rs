//! What all clients of one cluster share: names, what is known of how the cluster is, and the words for what goes wrong.

use super::config::KafkaConfig;
use crate::store::StoreError;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Statistics};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long a question to the cluster may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// One cluster.
pub(super) struct Cluster {
    pub config: KafkaConfig,
    state: watch::Sender<State>,
    /// What a client reported last of its connections.
    reported: Mutex<Option<String>>,
}

/// How the cluster is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// It was not reached yet, or its topics are not there yet; and why, where that is known.
    Unready(Option<String>),
    Well,
    /// It was well before.
    Away(String),
}

impl Cluster {
    pub fn new(config: KafkaConfig) -> Arc<Self> {
        Arc::new(Self { config, state: watch::Sender::new(State::Unready(None)), reported: Mutex::default() })
    }

    /// A topic's name there.
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.config.prefix)
    }

    /// A group's name there.
    pub fn group(&self, name: &str) -> String {
        format!("{}{name}", self.config.prefix)
    }

    /// A topic's own name, from its name there.
    pub fn own_name<'a>(&self, topic: &'a str) -> &'a str {
        topic.strip_prefix(&self.config.prefix).unwrap_or(topic)
    }

    pub fn client(&self) -> ClientConfig {
        self.config.client()
    }

    /// For a client that only reports.
    pub fn context(self: &Arc<Self>) -> Reports {
        Reports(self.clone())
    }

    /// It was reached, and its topics are there.
    pub fn is_well(&self) {
        let was = self.state.send_replace(State::Well);
        *self.reported.lock().unwrap_or_else(PoisonError::into_inner) = None;
        match was {
            State::Well => {}
            State::Unready(_) => tracing::info!(brokers = self.config.brokers, "the broker is there, and so are its topics"),
            State::Away(_) => tracing::info!(brokers = self.config.brokers, "the broker is back"),
        }
    }

    /// It was not reached, or not as it should be.
    pub fn is_away(&self, reason: &str) {
        let said = self.state.borrow().reason().is_some_and(|said| said == reason);
        if !said {
            tracing::warn!(brokers = self.config.brokers, reason, "the broker cannot be worked with: trying again");
        }
        self.state.send_modify(|state| match state {
            State::Unready(_) => *state = State::Unready(Some(reason.to_owned())),
            State::Well | State::Away(_) => *state = State::Away(reason.to_owned()),
        });
    }

    /// Why nothing goes there just now; none: it does.
    pub fn away(&self) -> Option<String> {
        let state = self.state.borrow();
        match &*state {
            State::Well => None,
            State::Unready(None) => {
                Some(self.reported().map_or_else(|| "it was not reached yet".to_owned(), |reported| advise(&reported)))
            }
            State::Unready(Some(reason)) | State::Away(reason) => Some(reason.clone()),
        }
    }

    /// Waits until its topics were there once.
    pub async fn ready(&self) {
        let mut state = self.state.subscribe();
        // The sender is ours.
        _ = state.wait_for(|state| !matches!(state, State::Unready(_))).await;
    }

    /// As [`Self::ready`], for so long at most; whether they were.
    pub async fn ready_within(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.ready()).await.is_ok()
    }

    /// What to say of an error, with what a client reported of its connections meanwhile.
    pub fn explain(&self, error: &KafkaError) -> String {
        let reported = self.reported();
        let transport = [
            RDKafkaErrorCode::BrokerTransportFailure,
            RDKafkaErrorCode::AllBrokersDown,
            RDKafkaErrorCode::OperationTimedOut,
            RDKafkaErrorCode::MessageTimedOut,
            RDKafkaErrorCode::TimedOutQueue,
        ];
        match reported {
            Some(reported) if error.rdkafka_error_code().is_none_or(|code| transport.contains(&code)) => advise(&reported),
            _ => advise(&plain(error)),
        }
    }

    fn reported(&self) -> Option<String> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a caller gets.
    pub fn failed(&self, error: &KafkaError) -> StoreError {
        StoreError::Unavailable(format!("the broker: {}", self.explain(error)))
    }
}

impl State {
    fn reason(&self) -> Option<&str> {
        match self {
            Self::Well | Self::Unready(None) => None,
            Self::Unready(Some(reason)) | Self::Away(reason) => Some(reason),
        }
    }
}

/// An error without the value of an option, which may be a secret.
fn plain(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, what, key, _) => format!("the option {key}: {what}"),
        KafkaError::ClientCreation(what) | KafkaError::AdminOpCreation(what) => what.clone(),
        other => other.rdkafka_error_code().map_or_else(|| other.to_string(), |code| code.to_string()),
    }
}

/// What librdkafka says, and what is to be done about it.
fn advise(text: &str) -> String {
    // Behind the cause it puts how long that took, which makes two alike look different.
    let text = text.split(" (after ").next().unwrap_or(text);
    let has = |words: &[&str]| words.iter().any(|word| text.to_lowercase().contains(word));
    let advice = if has(&["authentication"]) {
        "see TIDINGS_KAFKA_SASL_USERNAME, TIDINGS_KAFKA_SASL_PASSWORD and TIDINGS_KAFKA_SASL_MECHANISM"
    } else if has(&["authorization"]) {
        "give this user the right, or name another with TIDINGS_KAFKA_SASL_USERNAME"
    } else if has(&["ssl", "certificate", "disconnected while requesting apiversion", "connection closed"]) {
        "see TIDINGS_KAFKA_TLS, TIDINGS_KAFKA_TLS_CA_FILE and whether this port of the broker wants TLS, a login, or a certificate of ours \
         (TIDINGS_KAFKA_TLS_CERT_FILE)"
    } else if has(&["resolve", "refused", "transport failure", "brokers", "timed out"]) {
        "does it run, and is TIDINGS_KAFKA_BROKERS right?"
    } else {
        return text.to_owned();
    };
    format!("{text}: {advice}")
}

/// Takes what a client reports into our own log, and keeps it for [`Cluster::explain`].
#[derive(Clone)]
pub(super) struct Reports(Arc<Cluster>);

impl ClientContext for Reports {
    /// A connection that fails is said here each time anew; once is enough, and that is [`Cluster::is_away`]'s to do.
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::warn!(facility, text, "librdkafka")
            }
            _ => tracing::debug!(facility, text, "librdkafka"),
        }
    }

    fn stats(&self, _: Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
        // That all are down says nothing of why.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.0.reported.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Reports {}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::types::RDKafkaConfRes;

    #[test]
    fn what_goes_wrong_is_said_with_what_to_do_and_without_secrets() {
        let refused =
            advise("ssl://k:1/bootstrap: SASL authentication error: Authentication failed (after 312ms in state AUTH_REQ)");
        assert!(refused.contains("TIDINGS_KAFKA_SASL_PASSWORD") && !refused.contains("312ms"), "{refused}");
        assert!(
            advise("k:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused").contains("TIDINGS_KAFKA_BROKERS")
        );
        let bad = KafkaError::ClientConfig(
            RDKafkaConfRes::RD_KAFKA_CONF_INVALID,
            "Invalid value".into(),
            "sasl.password".into(),
            "hunter2".into(),
        );
        assert_eq!(plain(&bad), "the option sasl.password: Invalid value");
    }
}
