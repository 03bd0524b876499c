//! Who is asking: built-in accounts, sign-ins, API tokens, and tokens of an external issuer.
//!
//! A [`Principal`] is the only way to a session. Passwords are hashed, tokens signed, checked and throttled here; no
//! component ever holds a key. What must not live here: HTTP answers, WIT, SQL, anything about tasks.

mod accounts;
mod config;
mod credentials;
mod external;
mod jwks;
#[cfg(test)]
mod jwks_tests;
mod jwt;
mod passwords;
mod signing;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod throttle;
mod tokens;
mod types;

pub use crate::secret::Secret;
pub use crate::store::Ended;
pub use config::{ExternalIssuer, IdentityConfig, IssuerKeys, PasswordCost};
pub use domain::account::Scope;
pub use signing::SigningKey;
pub use types::{AccountError, Credentials, Denied, NewApiToken, Origin, Principal, Scopes, SignedIn, User};

use crate::clock::Clock;
use crate::store::{Accounts, StoreError};
use crate::task::Tasks;
use domain::change::{Actor, ActorKind};
use domain::time::Timestamp;
use external::External;
use passwords::Passwords;
use rand::TryRngCore;
use std::sync::Arc;
use std::time::Duration;
use throttle::Throttle;
use tokens::Touches;
use tokio::sync::broadcast;
use uuid::Uuid;

/// Says who is asking, and keeps what that rests on.
pub struct Identity {
    accounts: Arc<dyn Accounts>,
    clock: Arc<dyn Clock>,
    key: SigningKey,
    passwords: Passwords,
    throttle: Throttle,
    touches: Touches,
    /// `None`: accounts are built in.
    external: Option<External>,
    public_url: Option<String>,
    sign_in_lifetime: Duration,
}

impl Identity {
    /// Fails where the cost of a password is out of range or no TLS client can be made.
    pub fn new(
        accounts: Arc<dyn Accounts>,
        clock: Arc<dyn Clock>,
        tasks: &Tasks,
        key: SigningKey,
        config: IdentityConfig,
    ) -> anyhow::Result<Self> {
        let external = config.external.map(|issuer| External::new(issuer, clock.clone(), tasks.clone())).transpose()?;
        Ok(Self {
            passwords: Passwords::new(config.passwords)?,
            throttle: Throttle::default(),
            touches: Touches::default(),
            public_url: config.public_url,
            sign_in_lifetime: config.sign_in_lifetime,
            accounts,
            clock,
            key,
            external,
        })
    }

    /// Who sent this request. Bad tokens are not throttled: they cannot be guessed.
    pub async fn authenticate(&self, credentials: &Credentials) -> Result<Principal, Denied> {
        let bearer = credentials::bearer(credentials, self.public_url.as_deref())?;
        let now = self.clock.now();
        if tokens::is_api_token(bearer) {
            return self.by_api_token(bearer, now).await;
        }
        match &self.external {
            Some(external) => external.check(bearer, now).await,
            None => self.by_sign_in(bearer, now).await,
        }
    }

    /// Hears of all that ends from now on, so that what is open in its name can be closed; a listener that falls behind is told so,
    /// and asks [`Identity::still_valid`]. Expiry is not announced: it is in [`Principal::expires_at`].
    pub fn ended(&self) -> broadcast::Receiver<Ended> {
        self.accounts.ended()
    }

    /// Whether the principal is still somebody: for one who may have missed an announcement.
    pub async fn still_valid(&self, principal: &Principal) -> Result<bool, StoreError> {
        if principal.expires_at.is_some_and(|at| at <= self.clock.now()) {
            return Ok(false);
        }
        match principal.origin {
            Origin::SignIn(id) => Ok(self.accounts.sign_in(id).await?.is_some()),
            Origin::Token(id) => Ok(self.accounts.tokens(&principal.user).await?.iter().any(|token| token.id == id)),
            Origin::External | Origin::Host => Ok(true),
        }
    }

    async fn by_sign_in(&self, bearer: &str, now: Timestamp) -> Result<Principal, Denied> {
        let signed = self.key.check(bearer, now)?;
        let sign_in = self.accounts.sign_in(signed.sign_in).await.map_err(|error| Denied::Unavailable(shown(error)))?;
        if !sign_in.is_some_and(|sign_in| sign_in.user == signed.user && sign_in.expires_at > now) {
            return Err(Denied::Invalid);
        }
        Ok(Principal {
            actor: Actor { kind: ActorKind::User, id: signed.user.to_string() },
            user: signed.user,
            scopes: Scopes::all(),
            origin: Origin::SignIn(signed.sign_in),
            expires_at: Some(signed.expires_at),
        })
    }

    fn new_id(&self) -> Uuid {
        let millis = u64::try_from(self.clock.now().millis()).unwrap_or(0);
        let nanos = u32::try_from(millis % 1000 * 1_000_000).unwrap_or(0);
        Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, millis / 1000, nanos))
    }
}

/// What a client may be told of a store's failure; what it may not be told is logged.
fn shown(error: StoreError) -> String {
    match error {
        StoreError::Unavailable(reason) => reason,
        StoreError::Conflict => "somebody else was faster; try again".into(),
        StoreError::Internal(cause) => {
            tracing::error!(error = format!("{cause:#}"), "accounts could not be read or written");
            "accounts cannot be read or written just now".into()
        }
    }
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(shown(error))
    }
}

/// From the operating system: for keys, salts and tokens.
fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes)?;
    Ok(bytes)
}
