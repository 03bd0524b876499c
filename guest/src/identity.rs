//! The port `identity`: sessions, sign-up and sign-in, accounts and their API tokens. `wit/ports/identity.wit` says what each promises.

pub use crate::bindings::ports::identity::{AccountError, Credentials, Denied, SignedIn, User};

use crate::Session;
use crate::bindings::ports::identity as port;
use domain::time::Timestamp;
use uuid::Uuid;

/// What is known of an API token; never its secret.
#[derive(Clone, Debug)]
pub struct ApiToken {
    pub id: Uuid,
    pub name: String,
    pub scopes: Vec<String>,
    pub expires_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

impl TryFrom<port::ApiToken> for ApiToken {
    type Error = AccountError;

    fn try_from(token: port::ApiToken) -> Result<Self, AccountError> {
        let bad = || AccountError::Unavailable("the host gave a bad token".to_owned());
        let time = |millis| Timestamp::from_millis(millis).map_err(|_| bad());
        Ok(Self {
            id: Uuid::try_parse(&token.id).map_err(|_| bad())?,
            name: token.name,
            scopes: token.scopes,
            expires_at: token.expires_at.map(time).transpose()?,
            created_at: time(token.created_at)?,
            last_used_at: token.last_used_at.map(time).transpose()?,
        })
    }
}

/// Who sent the request: a session for that user, or why not.
pub async fn authenticate(credentials: Credentials) -> Result<Session, Denied> {
    port::authenticate(credentials).await.map(Session)
}

/// Makes an account and signs in to it. The caller has checked address and password.
pub async fn sign_up(email: String, password: String, name: Option<String>) -> Result<SignedIn, AccountError> {
    port::sign_up(email, password, name).await
}

/// Signs in to an account.
pub async fn sign_in(email: String, password: String) -> Result<SignedIn, AccountError> {
    port::sign_in(email, password).await
}

/// Ends the sign-in, or revokes the token, that the session came from.
pub async fn sign_out(session: &Session) -> Result<(), AccountError> {
    port::sign_out(&session.0).await
}

/// The session's user.
pub async fn me(session: &Session) -> Result<User, AccountError> {
    port::me(&session.0).await
}

/// Removes the account and all that is the user's.
pub async fn delete_account(session: &Session, password: String) -> Result<(), AccountError> {
    port::delete_account(&session.0, password).await
}

/// Replaces the password and ends the user's other sign-ins. The caller has checked the new one.
pub async fn change_password(session: &Session, current: String, new: String) -> Result<(), AccountError> {
    port::change_password(&session.0, current, new).await
}

/// A new API token and its secret, which is shown once.
pub async fn create_token(
    session: &Session,
    name: String,
    scopes: Vec<String>,
    expires_at: Option<Timestamp>,
) -> Result<(ApiToken, String), AccountError> {
    let new = port::create_token(&session.0, name, scopes, expires_at.map(Timestamp::millis)).await?;
    Ok((new.info.try_into()?, new.secret))
}

/// The user's API tokens.
pub async fn list_tokens(session: &Session) -> Result<Vec<ApiToken>, AccountError> {
    port::list_tokens(&session.0).await?.into_iter().map(ApiToken::try_from).collect()
}

/// False where the user has no such token.
pub async fn revoke_token(session: &Session, id: Uuid) -> Result<bool, AccountError> {
    port::revoke_token(&session.0, id.to_string()).await
}
