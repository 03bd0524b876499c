//! API tokens: for programs, with scopes and an expiry. Only their hashes are kept.

use super::accounts::{internal, need};
use super::{AccountError, Denied, Identity, NewApiToken, Origin, Principal, Scope, Scopes, Secret, random, shown};
use crate::store::ApiToken;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::change::{Actor, ActorKind};
use domain::time::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// By it a token is known for one of ours, by us and by scanners for leaked secrets.
const PREFIX: &str = "tdg_";
/// How exactly the last use is kept.
const TOUCH_MS: i64 = 60_000;
/// Recent uses that are remembered; beyond, those that are recent no longer are dropped.
const TOUCHES: usize = 4096;

/// Whether a bearer token claims to be an API token.
pub(super) fn is_api_token(bearer: &str) -> bool {
    bearer.starts_with(PREFIX)
}

impl Identity {
    /// Makes a token. Needs `account`; it can be given no scope that the principal lacks.
    pub async fn create_token(
        &self,
        principal: &Principal,
        name: &str,
        scopes: &[String],
        expires_at: Option<Timestamp>,
    ) -> Result<NewApiToken, AccountError> {
        need(principal, Scope::Account)?;
        for name in scopes {
            let scope = Scope::new(name).map_err(|_| AccountError::Forbidden(name.clone()))?;
            need(principal, scope)?;
        }
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<32>().map_err(internal)?));
        let info = ApiToken {
            id: self.new_id(),
            user: principal.user.clone(),
            name: name.to_owned(),
            scopes: parsed(scopes).names(),
            hash: hash(&secret),
            created_at: self.clock.now(),
            expires_at,
            last_used_at: None,
        };
        self.accounts.create_token(&info).await?;
        // As with a sign-in: not for an account that was deleted meanwhile.
        if self.external.is_none() && self.accounts.account(&principal.user).await?.is_none() {
            self.accounts.revoke_token(&principal.user, info.id).await?;
            return Err(AccountError::Ended);
        }
        Ok(NewApiToken { info, secret: Secret::new(secret) })
    }

    /// Needs `account`.
    pub async fn list_tokens(&self, principal: &Principal) -> Result<Vec<ApiToken>, AccountError> {
        need(principal, Scope::Account)?;
        Ok(self.accounts.tokens(&principal.user).await?)
    }

    /// False where the user has no such token. Needs `account`.
    pub async fn revoke_token(&self, principal: &Principal, id: Uuid) -> Result<bool, AccountError> {
        need(principal, Scope::Account)?;
        Ok(self.accounts.revoke_token(&principal.user, id).await?)
    }

    pub(super) async fn by_api_token(&self, bearer: &str, now: Timestamp) -> Result<Principal, Denied> {
        let found = self.accounts.token_by_hash(&hash(bearer)).await.map_err(|error| Denied::Unavailable(shown(error)))?;
        let token = found.filter(|token| token.expires_at.is_none_or(|at| at > now)).ok_or(Denied::Invalid)?;
        self.touch(&token, now).await;
        Ok(Principal {
            user: token.user,
            actor: Actor { kind: ActorKind::Token, id: token.id.to_string() },
            scopes: parsed(&token.scopes),
            origin: Origin::Token(token.id),
            expires_at: token.expires_at,
        })
    }

    /// A disk that takes no writes does not stop reads: the last use is then not kept.
    async fn touch(&self, token: &ApiToken, now: Timestamp) {
        let recently = token.last_used_at.is_some_and(|at| is_recent(at, now));
        if recently || !self.touches.first(token.id, now) {
            return;
        }
        if let Err(error) = self.accounts.touch_token(token.id, now).await {
            tracing::debug!(%error, "the last use of a token was not kept");
        }
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

fn parsed(names: &[String]) -> Scopes {
    names.iter().filter_map(|name| Scope::new(name).ok()).collect()
}

fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now.millis() - at.millis() < TOUCH_MS
}

/// Who was touched within the last minute, so that requests side by side, or a disk that fails, cause one write a minute.
#[derive(Default)]
pub(super) struct Touches(Mutex<HashMap<Uuid, Timestamp>>);

impl Touches {
    /// Whether this is the first use within a minute.
    fn first(&self, token: Uuid, now: Timestamp) -> bool {
        let mut touched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if touched.get(&token).is_some_and(|at| is_recent(*at, now)) {
            return false;
        }
        if touched.len() >= TOUCHES {
            touched.retain(|_, at| is_recent(*at, now));
        }
        touched.insert(token, now);
        true
    }
}
