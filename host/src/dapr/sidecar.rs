//! The client of the sidecar.

use crate::identity::Secret;
use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use form_urlencoded::byte_serialize;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use reqwest::{Body, Response, Url};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Where a host shows that it is the sidecar's (<https://docs.dapr.io/operations/security/api-token/>), and the sidecar that it is the host's.
pub const TOKEN: &str = "dapr-api-token";
/// The component that publishes, of `dapr/components`.
const PUBSUB: &str = "pubsub";
/// What is published.
const CLOUD_EVENT: &str = "application/cloudevents+json";
/// How the sidecar is told that an entry is base64.
const BYTES: &str = "application/octet-stream";
/// Otherwise the sidecar would write another JSON text than ours, with a trace of its own.
const RAW: &str = "metadata.rawPayload=true";
/// How long a sidecar on the same machine may take to accept a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// How long a record may take until the broker has it.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of an answer that is read.
const LONGEST_ANSWER: usize = 4 << 20;

/// Where the sidecar is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SidecarConfig {
    /// Of this machine.
    pub port: u16,
    /// What it wants to be shown; none: nothing.
    pub token: Option<Secret>,
}

/// A sidecar.
pub struct Sidecar {
    client: reqwest::Client,
    base: Url,
    port: u16,
}

/// A record that is to be published: bytes, as they are.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    pub topic: &'a str,
    pub key: Option<&'a [u8]>,
    pub value: &'a [u8],
    /// Each becomes a header of the record.
    pub headers: &'a [(&'a str, String)],
}

/// A record of many that are published by one call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    /// Its place, which is how the answer names it.
    entry_id: String,
    /// In base64: the sidecar would write JSON anew.
    event: String,
    content_type: &'static str,
    metadata: BTreeMap<&'static str, &'a str>,
}

/// Those of many that the broker does not have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    failed_entries: Vec<FailedEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FailedEntry {
    entry_id: String,
    #[serde(default)]
    error: String,
}

/// Why the sidecar did not do what it was asked, fit to be shown to operators.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("the sidecar does not answer on port {0}: see that it runs, and that DAPR_HTTP_PORT is its port")]
    Unreachable(u16),
    #[error("the sidecar did not answer in time")]
    Late,
    #[error("the sidecar does not know us: DAPR_API_TOKEN has to be the same for both")]
    Unknown,
    #[error("the sidecar has no component {0}: see dapr/components, and that its scopes name this app")]
    NoComponent(&'static str),
    #[error("this path is not for a sidecar")]
    NoPath,
    #[error("the sidecar answered {status}: {message}")]
    Failed { status: StatusCode, message: String },
}

/// What the sidecar itself says of an error.
#[derive(Deserialize)]
struct Said {
    #[serde(rename = "errorCode")]
    code: String,
    message: String,
}

impl Sidecar {
    pub fn new(config: &SidecarConfig) -> anyhow::Result<Arc<Self>> {
        let mut shown = HeaderMap::new();
        if let Some(token) = &config.token {
            let mut value = HeaderValue::from_str(token.expose()).context("DAPR_API_TOKEN cannot be sent in a header")?;
            value.set_sensitive(true);
            shown.insert(TOKEN, value);
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, config.port));
        let client = reqwest::Client::builder()
            .default_headers(shown)
            .connect_timeout(CONNECT_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            // What is asked of the sidecar is asked of it alone, whatever the environment says.
            .no_proxy()
            .build()
            .context("cannot make a client for the sidecar")?;
        Ok(Arc::new(Self { client, base: Url::parse(&format!("http://{address}/v1.0/"))?, port: config.port }))
    }

    /// Publishes a record, and waits until the broker has it. A record that is given up may still arrive.
    pub async fn publish(&self, record: &Outgoing<'_>) -> Result<(), Trouble> {
        let mut url = self.url(&["publish", PUBSUB, record.topic]);
        url.set_query(Some(&metadata(record)));
        let sent = self.client.post(url).timeout(PUBLISHED_WITHIN).header(CONTENT_TYPE, CLOUD_EVENT);
        let answer = sent.body(Bytes::copy_from_slice(record.value)).send().await.map_err(|error| self.trouble(&error))?;
        self.read(answer, PUBSUB).await.map(drop)
    }

    /// Publishes keyed records of one topic, and waits until the broker has them. In which order it takes them is not said. Those that it
    /// has not, by their places, with the reason.
    pub async fn publish_all(&self, topic: &str, records: &[(&str, &[u8])]) -> Result<BTreeMap<usize, Trouble>, Trouble> {
        let entry = |(place, &(key, value)): (usize, &(_, &[u8]))| Entry {
            entry_id: place.to_string(),
            event: STANDARD.encode(value),
            content_type: BYTES,
            metadata: BTreeMap::from([("partitionKey", key), ("content-type", CLOUD_EVENT)]),
        };
        let entries: Vec<Entry<'_>> = records.iter().enumerate().map(entry).collect();
        let mut url = self.url(&["publish", "bulk", PUBSUB, topic]);
        url.set_query(Some(RAW));
        let sent = self.client.post(url).timeout(PUBLISHED_WITHIN).header(CONTENT_TYPE, "application/json");
        let body = serde_json::to_vec(&entries).unwrap_or_default();
        let answer = sent.body(body).send().await.map_err(|error| self.trouble(&error))?;
        let status = answer.status();
        let said = limited(answer).await.map_err(|error| self.trouble(&error))?;
        if status.is_success() {
            return Ok(BTreeMap::new());
        }
        let failed: Option<Failed> = serde_json::from_slice(&said).ok();
        let failed = failed.map(|failed| failed.failed_entries).filter(|failed| !failed.is_empty());
        let named = |entry: FailedEntry| {
            let place = entry.entry_id.parse().ok().filter(|place| *place < records.len())?;
            Some((place, Trouble::Failed { status, message: entry.error }))
        };
        failed.and_then(|failed| failed.into_iter().map(named).collect()).ok_or_else(|| refused(status, &said, PUBSUB))
    }

    /// Asks a component for something, in JSON.
    pub(super) async fn ask(
        &self,
        path: &[&str],
        component: &'static str,
        body: Vec<u8>,
        within: Duration,
    ) -> Result<(StatusCode, Bytes), Trouble> {
        let sent = self.client.post(self.url(path)).timeout(within).header(CONTENT_TYPE, "application/json").body(body);
        self.read(sent.send().await.map_err(|error| self.trouble(&error))?, component).await
    }

    /// Calls another app through its own sidecar: what is asked for, of whom, with what. The answer is whoever's answers.
    pub(super) async fn invoke(&self, app: &str, request: http::Request<Body>) -> Result<Response, Trouble> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let url = self.invoked(app, path).ok_or(Trouble::NoPath)?;
        let sent = self.client.request(parts.method, url).headers(parts.headers).body(body);
        sent.send().await.map_err(|error| self.trouble(&error))
    }

    /// None where the path is not taken as it stands: one with dots in it could lead from the app to the sidecar's own functions.
    pub(super) fn invoked(&self, app: &str, path_and_query: &str) -> Option<Url> {
        let inside = format!("/v1.0/invoke/{app}/method");
        let url = Url::parse(&format!("http://127.0.0.1:{}{inside}{path_and_query}", self.port)).ok()?;
        let path = path_and_query.split('?').next()?;
        (path.starts_with('/') && url.path().strip_prefix(&inside)? == path).then_some(url)
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// The answer of the sidecar itself.
    async fn read(&self, answer: Response, component: &'static str) -> Result<(StatusCode, Bytes), Trouble> {
        let status = answer.status();
        let body = limited(answer).await.map_err(|error| self.trouble(&error))?;
        if status.is_success() { Ok((status, body)) } else { Err(refused(status, &body, component)) }
    }

    pub(super) fn trouble(&self, error: &reqwest::Error) -> Trouble {
        if error.is_timeout() && !error.is_connect() { Trouble::Late } else { Trouble::Unreachable(self.port) }
    }
}

/// What a sidecar means by an error.
pub(super) fn refused(status: StatusCode, body: &[u8], component: &'static str) -> Trouble {
    let said: Option<Said> = serde_json::from_slice(body).ok();
    match said {
        _ if status == StatusCode::UNAUTHORIZED => Trouble::Unknown,
        Some(said) if said.code.ends_with("_NOT_FOUND") || said.code.ends_with("_NOT_CONFIGURED") => {
            Trouble::NoComponent(component)
        }
        Some(said) => Trouble::Failed { status, message: said.message },
        None => Trouble::Failed { status, message: "no reason was given".to_owned() },
    }
}

/// What is said of a record, in the query of its call.
fn metadata(record: &Outgoing<'_>) -> String {
    let mut query = RAW.to_owned();
    let content_type = [("content-type", CLOUD_EVENT.as_bytes())].into_iter();
    let key = record.key.map(|key| ("partitionKey", key)).into_iter();
    let headers = record.headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    for (name, value) in content_type.chain(key).chain(headers) {
        query.extend(["&metadata.", name, "="].into_iter().chain(byte_serialize(value)));
    }
    query
}

async fn limited(mut answer: Response) -> Result<Bytes, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        let room = LONGEST_ANSWER.saturating_sub(body.len());
        body.extend(chunk.iter().take(room));
    }
    Ok(body.into())
}
