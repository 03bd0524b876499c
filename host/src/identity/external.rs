//! Tokens of an external issuer: whom it names is the user.

use super::jwks::KeySet;
use super::jwt::{Alg, Unverified};
use super::{Denied, ExternalIssuer, IssuerKeys, Origin, Principal, Scope, Scopes};
use crate::clock::Clock;
use crate::task::Tasks;
use domain::change::{Actor, ActorKind};
use domain::time::Timestamp;
use jsonwebtoken::DecodingKey;
use std::sync::Arc;

/// How far the issuer's clock may be from ours.
const LEEWAY_MS: i64 = 5_000;

pub(super) struct External {
    issuer: String,
    audience: String,
    keys: Keys,
}

enum Keys {
    Set(Arc<KeySet>),
    Secret(DecodingKey),
}

impl External {
    pub fn new(config: ExternalIssuer, clock: Arc<dyn Clock>, tasks: Tasks) -> anyhow::Result<Self> {
        let keys = match config.keys {
            IssuerKeys::Jwks(url) => Keys::Set(KeySet::new(url, clock, tasks)?),
            IssuerKeys::Secret(secret) => Keys::Secret(DecodingKey::from_secret(secret.expose().as_bytes())),
        };
        Ok(Self { issuer: config.issuer, audience: config.audience, keys })
    }

    /// The algorithm has to be one of the kind of key that was configured, before any key is looked at: else an RSA key,
    /// which is public, would do as an HMAC secret.
    pub async fn check(&self, token: &str, now: Timestamp) -> Result<Principal, Denied> {
        let token = Unverified::parse(token)?;
        let claims = match (&self.keys, token.alg) {
            (Keys::Secret(secret), Alg::Hs256) => token.verify(secret)?,
            (Keys::Set(set), Alg::Rs256 | Alg::Es256 | Alg::EdDsa) => {
                let key = set.find(token.kid.as_deref(), token.alg).await?.ok_or(Denied::Invalid)?;
                token.verify(&key)?
            }
            _ => return Err(Denied::Invalid),
        };
        let expires_at = claims.check(&self.issuer, &self.audience, LEEWAY_MS, now)?;
        let user: domain::id::UserId = claims.sub.parse().map_err(|_| Denied::Invalid)?;
        let actor = Actor { kind: ActorKind::User, id: user.to_string() };
        let scopes = scopes(claims.scope.as_deref());
        Ok(Principal { user, actor, scopes, origin: Origin::External, expires_at: Some(expires_at) })
    }
}

/// A token that names scopes of ours has these; one that names none is a person's own, and may do all.
fn scopes(claim: Option<&str>) -> Scopes {
    let named: Scopes = claim.unwrap_or_default().split(' ').filter_map(|name| Scope::new(name).ok()).collect();
    if named.is_empty() { Scopes::all() } else { named }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Secret;
    use crate::identity::testing::FixedClock;
    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    use serde_json::{Value, json};

    const SECRET: &str = "an external issuer's shared secret";

    fn external() -> External {
        let keys = IssuerKeys::Secret(Secret::new(SECRET));
        let config = ExternalIssuer { issuer: "issuer".into(), audience: "us".into(), keys };
        External::new(config, FixedClock::at(0), Tasks::default()).unwrap()
    }

    fn claims() -> Value {
        json!({"iss": "issuer", "aud": ["us"], "sub": "alice", "exp": 100})
    }

    fn token(alg: Algorithm, secret: &str, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(alg), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }

    #[tokio::test]
    async fn the_subject_is_the_user_until_the_token_ends() {
        let now = Timestamp::from_millis(0).unwrap();
        let principal = external().check(&token(Algorithm::HS256, SECRET, &claims()), now).await.unwrap();
        assert_eq!(principal.user.as_str(), "alice");
        assert_eq!(principal.actor, Actor { kind: ActorKind::User, id: "alice".into() });
        assert_eq!((principal.origin, principal.scopes), (Origin::External, Scopes::all()));
        assert_eq!(principal.expires_at, Some(Timestamp::from_millis(105_000).unwrap()));
        let late = Timestamp::from_millis(105_000).unwrap();
        assert!(external().check(&token(Algorithm::HS256, SECRET, &claims()), late).await.is_err());
    }

    #[tokio::test]
    async fn another_secret_another_algorithm_and_a_bad_subject_are_refused() {
        let now = Timestamp::from_millis(0).unwrap();
        let external = external();
        let mut bad = claims();
        bad["sub"] = json!("a\nb");
        for token in [
            token(Algorithm::HS256, "another secret of the same length!", &claims()),
            token(Algorithm::HS384, SECRET, &claims()),
            token(Algorithm::HS512, SECRET, &claims()),
            token(Algorithm::HS256, SECRET, &bad),
        ] {
            assert_eq!(external.check(&token, now).await, Err(Denied::Invalid));
        }
    }

    #[test]
    fn scopes_of_ours_restrict_and_others_do_not() {
        assert_eq!(scopes(None), Scopes::all());
        assert_eq!(scopes(Some("openid profile")), Scopes::all());
        assert_eq!(scopes(Some("openid tasks:read")).names(), ["tasks:read"]);
    }
}
