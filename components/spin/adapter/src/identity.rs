//! The port `identity`.

use super::{Adapter, bindings};
use bindings::ports::identity::{AccountError, ApiToken, Credentials, Denied, Guest, NewApiToken, SignedIn, User};
use bindings::ports::ledger::{self, SessionBorrow};
use domain::time::Timestamp;
use spin_host::Session;
use spin_host::identity::{self, Principal};
use spin_host::store::accounts;
use uuid::Uuid;

impl From<Credentials> for identity::Credentials {
    fn from(said: Credentials) -> Self {
        Self {
            method: said.method,
            authorization: said.authorization,
            cookie: said.cookie,
            origin: said.origin,
            sec_fetch_site: said.sec_fetch_site,
            host: said.host,
        }
    }
}

impl From<identity::Denied> for Denied {
    fn from(denied: identity::Denied) -> Self {
        match denied {
            identity::Denied::Missing => Self::Missing,
            identity::Denied::Invalid => Self::Invalid,
            identity::Denied::Ambiguous => Self::Ambiguous,
            identity::Denied::CrossSite => Self::CrossSite,
            identity::Denied::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl From<identity::AccountError> for AccountError {
    fn from(error: identity::AccountError) -> Self {
        match error {
            identity::AccountError::Wrong => Self::Wrong,
            identity::AccountError::Taken => Self::Taken,
            identity::AccountError::Throttled(seconds) => Self::Throttled(seconds),
            identity::AccountError::Forbidden(scope) => Self::Forbidden(scope),
            identity::AccountError::Ended => Self::Ended,
            identity::AccountError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl From<identity::User> for User {
    fn from(user: identity::User) -> Self {
        Self { id: user.id.to_string(), email: Some(user.email), name: user.name }
    }
}

impl From<identity::SignedIn> for SignedIn {
    fn from(signed_in: identity::SignedIn) -> Self {
        Self { user: signed_in.user.into(), access_token: signed_in.access_token, expires_in: signed_in.expires_in }
    }
}

impl From<accounts::ApiToken> for ApiToken {
    fn from(token: accounts::ApiToken) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name,
            scopes: token.scopes,
            expires_at: token.expires_at.map(Timestamp::millis),
            created_at: token.created_at.millis(),
            last_used_at: token.last_used_at.map(Timestamp::millis),
        }
    }
}

/// Whose session it is; an ended session is nobody's.
fn principal<'s>(session: &'s SessionBorrow<'_>) -> Result<&'s Principal, AccountError> {
    let session = session.get::<Session>();
    session.allow(None).map(|()| session.principal()).map_err(|_| AccountError::Ended)
}

impl Guest for Adapter {
    async fn authenticate(credentials: Credentials) -> Result<ledger::Session, Denied> {
        let principal = identity::authenticate(&credentials.into()).await?;
        Ok(ledger::Session::new(Session::new(principal)))
    }

    async fn sign_up(email: String, password: String, name: Option<String>) -> Result<SignedIn, AccountError> {
        Ok(identity::sign_up(&email, &password, name).await?.into())
    }

    async fn sign_in(email: String, password: String) -> Result<SignedIn, AccountError> {
        Ok(identity::sign_in(&email, &password).await?.into())
    }

    async fn sign_out(session: SessionBorrow<'_>) -> Result<(), AccountError> {
        Ok(identity::sign_out(principal(&session)?).await?)
    }

    async fn me(session: SessionBorrow<'_>) -> Result<User, AccountError> {
        Ok(identity::me(principal(&session)?).await?.into())
    }

    async fn delete_account(session: SessionBorrow<'_>, password: String) -> Result<(), AccountError> {
        Ok(identity::delete_account(principal(&session)?, &password).await?)
    }

    async fn change_password(session: SessionBorrow<'_>, current: String, new: String) -> Result<(), AccountError> {
        Ok(identity::change_password(principal(&session)?, &current, &new).await?)
    }

    async fn create_token(
        session: SessionBorrow<'_>,
        name: String,
        scopes: Vec<String>,
        expires_at: Option<i64>,
    ) -> Result<NewApiToken, AccountError> {
        let expires_at = expires_at.map(|at| Timestamp::from_millis(at).unwrap_or(Timestamp::MAX));
        let (token, secret) = identity::create_token(principal(&session)?, &name, &scopes, expires_at).await?;
        Ok(NewApiToken { info: token.into(), secret })
    }

    async fn list_tokens(session: SessionBorrow<'_>) -> Result<Vec<ApiToken>, AccountError> {
        let tokens = identity::list_tokens(principal(&session)?).await?;
        Ok(tokens.into_iter().map(Into::into).collect())
    }

    async fn revoke_token(session: SessionBorrow<'_>, id: String) -> Result<bool, AccountError> {
        let principal = principal(&session)?;
        let Ok(id) = Uuid::try_parse(&id) else { return Ok(false) };
        Ok(identity::revoke_token(principal, id).await?)
    }
}
