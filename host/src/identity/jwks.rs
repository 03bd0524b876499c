//! The keys of an external issuer (RFC 7517): fetched from the one configured address, kept for five minutes, asked for
//! again when a token names a key that is not among them.

use super::Denied;
use super::jwt::Alg;
use crate::clock::Clock;
use crate::task::Tasks;
use anyhow::{Context, bail};
use domain::time::Timestamp;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use reqwest::Url;
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a key is trusted without asking again.
const KEPT_MS: i64 = 5 * 60_000;
/// How often the issuer is asked at most, whatever the tokens name and whether it answered.
const PAUSE_MS: i64 = 10_000;
const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_BYTES: usize = 256 * 1024;

pub(super) struct KeySet {
    url: Url,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    known: Mutex<Known>,
    /// One asks; the others wait for the answer.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    keys: Vec<Key>,
    fetched_at: Option<Timestamp>,
    asked_at: Option<Timestamp>,
}

struct Key {
    kid: Option<String>,
    alg: Alg,
    key: DecodingKey,
}

/// What is known of a key without asking.
enum Lookup {
    Found(DecodingKey),
    /// It could be new, or the keys are old: ask.
    Ask,
    /// The issuer was asked just now and did not name it.
    Unknown,
    /// The issuer was asked just now and did not answer.
    Unanswered,
}

impl KeySet {
    pub fn new(url: Url, clock: Arc<dyn Clock>, tasks: Tasks) -> anyhow::Result<Arc<Self>> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .https_only(url.scheme() == "https")
            .build()
            .context("cannot make a client for TIDINGS_JWKS_URL")?;
        Ok(Arc::new(Self { url, client, clock, tasks, known: Mutex::default(), asking: tokio::sync::Mutex::default() }))
    }

    /// The key of this id for this algorithm. Without an id: the only key for the algorithm.
    pub async fn find(self: &Arc<Self>, kid: Option<&str>, alg: Alg) -> Result<Option<DecodingKey>, Denied> {
        match self.look(kid, alg) {
            Lookup::Found(key) => return Ok(Some(key)),
            Lookup::Unknown => return Ok(None),
            Lookup::Unanswered => return Err(unanswered()),
            Lookup::Ask => {}
        }
        // In a task of its own: a client that hangs up does not stop the fetch that others wait for.
        let (this, wanted) = (self.clone(), kid.map(str::to_owned));
        let asked = self.tasks.spawn("jwks", async move { this.ask(wanted.as_deref(), alg).await });
        asked.await.unwrap_or_else(|_| Err(unanswered()))
    }

    async fn ask(&self, kid: Option<&str>, alg: Alg) -> Result<Option<DecodingKey>, Denied> {
        let _asking = self.asking.lock().await;
        if matches!(self.look(kid, alg), Lookup::Ask) {
            self.refresh().await;
        }
        match self.look(kid, alg) {
            Lookup::Found(key) => Ok(Some(key)),
            Lookup::Unknown => Ok(None),
            Lookup::Ask | Lookup::Unanswered => Err(unanswered()),
        }
    }

    fn look(&self, kid: Option<&str>, alg: Alg) -> Lookup {
        let now = self.clock.now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = known.fetched_at.is_some_and(|at| within(at, now, KEPT_MS));
        let asked = known.asked_at.is_some_and(|at| within(at, now, PAUSE_MS));
        match known.find(kid, alg) {
            Some(key) if fresh => Lookup::Found(key.clone()),
            _ if !asked => Lookup::Ask,
            _ if fresh => Lookup::Unknown,
            _ => Lookup::Unanswered,
        }
    }

    async fn refresh(&self) {
        let fetched = self.fetch().await;
        let now = self.clock.now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.asked_at = Some(now);
        match fetched {
            Ok(keys) => {
                known.keys = keys;
                known.fetched_at = Some(now);
            }
            Err(error) => tracing::warn!(error = format!("{error:#}"), "the issuer's keys could not be fetched"),
        }
    }

    async fn fetch(&self) -> anyhow::Result<Vec<Key>> {
        let mut answer = self.client.get(self.url.clone()).send().await?.error_for_status()?;
        if answer.status() != reqwest::StatusCode::OK {
            bail!("it answered {}", answer.status());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > MAX_BYTES {
                bail!("it is longer than {MAX_BYTES} bytes");
            }
            body.extend_from_slice(&chunk);
        }
        parse(&body)
    }
}

fn unanswered() -> Denied {
    Denied::Unavailable("the issuer's keys cannot be fetched just now".into())
}

/// A time that lies ahead comes from a clock that was set back, and is not recent.
fn within(at: Timestamp, now: Timestamp, millis: i64) -> bool {
    at <= now && now.millis() - at.millis() < millis
}

impl Known {
    fn find(&self, kid: Option<&str>, alg: Alg) -> Option<&DecodingKey> {
        let mut fitting = self.keys.iter().filter(|key| key.alg == alg && (kid.is_none() || key.kid.as_deref() == kid));
        let first = fitting.next()?;
        if fitting.next().is_some() { None } else { Some(&first.key) }
    }
}

/// Keys that are not for us (encryption, other algorithms, symmetric) are left out, and do not spoil the rest.
fn parse(body: &[u8]) -> anyhow::Result<Vec<Key>> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set = serde_json::from_slice(body).context("it is no JWK set")?;
    Ok(set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok()).filter_map(usable).collect())
}

/// A key's own words are respected: what it is for, what may be done with it, and by which algorithm.
fn usable(jwk: Jwk) -> Option<Key> {
    let signs = jwk.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
    let verifies = jwk.common.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let (alg, name) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Alg::Rs256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => (Alg::Es256, KeyAlgorithm::ES256),
        AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => (Alg::EdDsa, KeyAlgorithm::EdDSA),
        _ => return None,
    };
    if !signs || !verifies || jwk.common.key_algorithm.is_some_and(|own| own != name) {
        return None;
    }
    Some(Key { key: DecodingKey::from_jwk(&jwk).ok()?, kid: jwk.common.key_id, alg })
}
