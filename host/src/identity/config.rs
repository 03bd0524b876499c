//! What identity needs to be told. `host/src/config.rs` reads the options; here they are made sense of.

use super::Secret;
use std::net::IpAddr;
use std::time::Duration;

/// Everything that an operator can decide about identity.
#[derive(Clone, Debug)]
pub struct IdentityConfig {
    /// Where browsers reach Tidings (`TIDINGS_PUBLIC_URL`): an origin that a cookie write may come from, beside the request's own host.
    pub public_url: Option<String>,
    /// How long a sign-in with a password lasts.
    pub sign_in_lifetime: Duration,
    pub passwords: PasswordCost,
    /// `None`: built-in accounts.
    pub external: Option<ExternalIssuer>,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            public_url: None,
            sign_in_lifetime: Duration::from_secs(30 * 24 * 60 * 60),
            passwords: PasswordCost::default(),
            external: None,
        }
    }
}

/// What one password costs to check. The default is OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
#[derive(Clone, Copy, Debug)]
pub struct PasswordCost {
    pub memory_kib: u32,
    pub passes: u32,
    /// Hashes at one time; more wait. By default half of the cores: the other half is for those who are signed in.
    pub at_once: usize,
    /// How many may wait; more are told to come again. The last of them should be served within a request's deadline.
    pub waiting: usize,
}

impl Default for PasswordCost {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { memory_kib: 19 * 1024, passes: 2, at_once: (cores / 2).max(1), waiting: 128 }
    }
}

/// An issuer whose tokens are accepted in place of built-in accounts.
#[derive(Clone, Debug)]
pub struct ExternalIssuer {
    /// What `iss` must be.
    pub issuer: String,
    /// What `aud` must be or contain.
    pub audience: String,
    pub keys: IssuerKeys,
}

/// One kind of key for one issuer, never both: that is how an RSA public key becomes an HMAC secret.
#[derive(Clone, Debug)]
pub enum IssuerKeys {
    /// RS256, ES256 or EdDSA, by a JWK set.
    Jwks(reqwest::Url),
    /// HS256.
    Secret(Secret),
}

impl ExternalIssuer {
    /// From `TIDINGS_JWT_ISSUER`, `_AUDIENCE`, `TIDINGS_JWKS_URL` and `TIDINGS_JWT_SECRET`: `None` where none is set,
    /// every fault at once where they make no sense together.
    pub fn from_options(
        issuer: Option<String>,
        audience: Option<String>,
        jwks_url: Option<String>,
        secret: Option<Secret>,
    ) -> Result<Option<Self>, Vec<String>> {
        if issuer.is_none() && audience.is_none() && jwks_url.is_none() && secret.is_none() {
            return Ok(None);
        }
        let mut faults = Vec::new();
        let issuer = required(issuer, "TIDINGS_JWT_ISSUER", &mut faults);
        let audience = required(audience, "TIDINGS_JWT_AUDIENCE", &mut faults);
        let keys = issuer_keys(jwks_url, secret).map_err(|fault| faults.push(fault)).ok();
        match (issuer, audience, keys) {
            (Some(issuer), Some(audience), Some(keys)) => Ok(Some(Self { issuer, audience, keys })),
            _ => Err(faults),
        }
    }
}

fn required(value: Option<String>, name: &str, faults: &mut Vec<String>) -> Option<String> {
    let value = value.filter(|value| !value.is_empty());
    if value.is_none() {
        faults.push(format!("{name} is not set: an external issuer needs TIDINGS_JWT_ISSUER and TIDINGS_JWT_AUDIENCE"));
    }
    value
}

fn issuer_keys(jwks_url: Option<String>, secret: Option<Secret>) -> Result<IssuerKeys, String> {
    match (jwks_url, secret) {
        (Some(_), Some(_)) => {
            Err("TIDINGS_JWKS_URL and TIDINGS_JWT_SECRET are both set: one issuer has one kind of key; remove one".into())
        }
        (None, None) => Err("an external issuer needs TIDINGS_JWKS_URL or TIDINGS_JWT_SECRET".into()),
        (Some(url), None) => jwks_url_from(&url).map(IssuerKeys::Jwks),
        // RFC 7518 section 3.2: a key of the hash's size or larger.
        (None, Some(secret)) if secret.expose().len() < 32 => Err("TIDINGS_JWT_SECRET has fewer than 32 bytes (RFC 7518)".into()),
        (None, Some(secret)) => Ok(IssuerKeys::Secret(secret)),
    }
}

fn jwks_url_from(text: &str) -> Result<reqwest::Url, String> {
    let url = reqwest::Url::parse(text).map_err(|error| format!("TIDINGS_JWKS_URL is no URL: {error}"))?;
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        _ => Err("TIDINGS_JWKS_URL must be https (http only on loopback): whoever can change the keys can be anyone".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(issuer: &str, audience: &str, url: &str, secret: &str) -> Result<Option<ExternalIssuer>, Vec<String>> {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        ExternalIssuer::from_options(some(issuer), some(audience), some(url), some(secret).map(Secret::new))
    }

    #[test]
    fn nothing_set_means_built_in_accounts() {
        assert!(from("", "", "", "").unwrap().is_none());
    }

    #[test]
    fn never_both_kinds_of_key() {
        let faults = from("i", "a", "https://issuer.example/jwks", &"s".repeat(32)).unwrap_err();
        assert!(faults[0].contains("both"), "{faults:?}");
    }

    #[test]
    fn faults_come_together_and_without_the_secret() {
        let faults = from("", "", "", "hunter2").unwrap_err();
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(!faults.concat().contains("hunter2"));
    }

    #[test]
    fn plain_http_only_on_loopback() {
        for good in ["https://x.example/k", "http://localhost:9/k", "http://127.0.0.1/k", "http://[::1]:8080/k"] {
            assert!(from("i", "a", good, "").is_ok(), "{good}");
        }
        for bad in ["http://x.example/k", "http://127.0.0.1.x.example/k", "http://localhost.x.example/k", "file:///etc/k", "k"] {
            assert!(from("i", "a", bad, "").is_err(), "{bad}");
        }
    }
}
