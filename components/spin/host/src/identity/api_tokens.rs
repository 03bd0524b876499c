//! API tokens: for programs, with scopes and an expiry. Only their hashes are kept.

use super::{API_TOKEN, AccountError, Origin, Principal, hash, need, rows, secret};
use crate::clock;
use crate::db::StoreError;
use crate::store::accounts::ApiToken;
use domain::account::Scope;
use domain::change::{Actor, ActorKind};
use domain::time::Timestamp;
use uuid::Uuid;

/// How exactly the last use is kept, in milliseconds.
const TOUCH: i64 = 60_000;

/// Makes a token, with its secret. Needs `account`; it can be given no scope that the principal lacks.
pub async fn create_token(
    principal: &Principal,
    name: &str,
    scopes: &[String],
    expires_at: Option<Timestamp>,
) -> Result<(ApiToken, String), AccountError> {
    need(principal, Scope::Account)?;
    for name in scopes {
        let scope = Scope::new(name).map_err(|_| AccountError::Forbidden(name.clone()))?;
        need(principal, scope)?;
    }
    let secret = secret(API_TOKEN)?;
    let now = clock::now();
    let token = ApiToken {
        id: clock::new_id(now),
        user: principal.user.clone(),
        name: name.to_owned(),
        scopes: super::ALL_SCOPES
            .map(Scope::name)
            .into_iter()
            .filter(|held| scopes.iter().any(|name| name == held))
            .map(str::to_owned)
            .collect(),
        created_at: now,
        expires_at,
        last_used_at: None,
    };
    if rows::create_token(&token, hash(&secret)).await? { Ok((token, secret)) } else { Err(AccountError::Ended) }
}

/// Needs `account`.
pub async fn list_tokens(principal: &Principal) -> Result<Vec<ApiToken>, AccountError> {
    need(principal, Scope::Account)?;
    Ok(rows::tokens(&principal.user).await?)
}

/// False where the user has no such token. Needs `account`.
pub async fn revoke_token(principal: &Principal, id: Uuid) -> Result<bool, AccountError> {
    need(principal, Scope::Account)?;
    Ok(rows::revoke_token(&principal.user, id).await?)
}

pub(super) async fn by_api_token(bearer: &str, now: Timestamp) -> Result<Option<Principal>, StoreError> {
    let found = rows::token_by_hash(hash(bearer)).await?;
    let Some(token) = found.filter(|token| token.expires_at.is_none_or(|at| at > now)) else { return Ok(None) };
    let is_recent = |at: Timestamp| at <= now && now.millis() - at.millis() < TOUCH;
    if !token.last_used_at.is_some_and(is_recent) {
        // A disk that takes no writes does not stop reads: the last use is then not kept.
        let _ = rows::touch_token(token.id, now).await;
    }
    Ok(Some(Principal {
        user: token.user,
        actor: Actor { kind: ActorKind::Token, id: token.id.to_string() },
        scopes: token.scopes.iter().filter_map(|name| Scope::new(name).ok()).collect(),
        origin: Origin::Token(token.id),
        expires_at: token.expires_at,
    }))
}
