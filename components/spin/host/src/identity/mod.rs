//! Who is asking: accounts, sign-ins and API tokens, with the rules of the native host. No key is kept: what a client holds is
//! random, and of that only the hash is in the database.
//!
//! What differs: failed passwords are counted by address, not by peer, for nobody tells this component who is at the other end.

mod accounts;
mod api_tokens;
// The native host's own rules for cookies and origins, on the types beside them.
#[path = "../../../../../host/src/identity/credentials.rs"]
mod credentials;
mod passwords;
mod throttle;
mod types;

pub use accounts::*;
pub use api_tokens::*;
pub use types::*;

use crate::clock;
use crate::db::StoreError;
use crate::store::accounts as rows;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::account::Scope;
use domain::change::{Actor, ActorKind};
use domain::time::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Begins a token of a sign-in.
const SIGN_IN: &str = "tds_";
/// Begins an API token. By it a token is known for one of ours, by us and by scanners for leaked secrets.
const API_TOKEN: &str = "tdg_";

/// Who sent this request. Bad tokens are not throttled: they cannot be guessed.
pub async fn authenticate(credentials: &Credentials) -> Result<Principal, Denied> {
    let bearer = credentials::bearer(credentials, None)?;
    let now = clock::now();
    let found = match bearer.starts_with(API_TOKEN) {
        true => by_api_token(bearer, now).await,
        false => by_sign_in(bearer, now).await,
    };
    found.map_err(|error| Denied::Unavailable(shown(error)))?.ok_or(Denied::Invalid)
}

async fn by_sign_in(bearer: &str, now: Timestamp) -> Result<Option<Principal>, StoreError> {
    let sign_in = rows::sign_in(sign_in_id(bearer)).await?.filter(|sign_in| sign_in.expires_at > now);
    Ok(sign_in.map(|sign_in| Principal {
        actor: Actor { kind: ActorKind::User, id: sign_in.user.to_string() },
        user: sign_in.user,
        scopes: ALL_SCOPES.to_vec(),
        origin: Origin::SignIn(sign_in.id),
        expires_at: Some(sign_in.expires_at),
    }))
}

/// A secret that nobody can guess.
fn secret(prefix: &str) -> Result<String, AccountError> {
    let bytes = clock::random::<32>().map_err(|why| failed(&why))?;
    Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// The id of a sign-in is half of its token's hash: who finds one cannot say the other.
fn sign_in_id(token: &str) -> Uuid {
    let mut id = [0; 16];
    id.iter_mut().zip(hash(token)).for_each(|(byte, hashed)| *byte = hashed);
    Uuid::from_bytes(id)
}

/// The principal has this right.
fn need(principal: &Principal, scope: Scope) -> Result<(), AccountError> {
    if principal.allows(scope) { Ok(()) } else { Err(AccountError::Forbidden(scope.name().to_owned())) }
}

/// What a client may be told of a store's failure.
fn shown(error: StoreError) -> String {
    match error {
        StoreError::Unavailable(reason) => reason,
        StoreError::Conflict => "somebody else was faster; try again".to_owned(),
    }
}

/// A fault of ours: the cause goes to the log, and nowhere else.
fn failed(cause: &str) -> AccountError {
    eprintln!("accounts: {cause}");
    AccountError::Unavailable("this cannot be done just now; the cause is in the log".to_owned())
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(shown(error))
    }
}

#[cfg(test)]
mod tests;
