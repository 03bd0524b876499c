//! The JSON that clients get to see of accounts and tokens.

use domain::time::Timestamp;
use guest::identity;
use serde::Serialize;

#[derive(Serialize)]
pub struct User<'a> {
    id: &'a str,
    email: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'a> From<&'a identity::User> for User<'a> {
    fn from(user: &'a identity::User) -> Self {
        Self { id: &user.id, email: user.email.as_deref(), name: user.name.as_deref() }
    }
}

#[derive(Serialize)]
pub struct SignedIn<'a> {
    user: User<'a>,
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u32,
}

impl<'a> From<&'a identity::SignedIn> for SignedIn<'a> {
    fn from(signed_in: &'a identity::SignedIn) -> Self {
        Self {
            user: (&signed_in.user).into(),
            access_token: &signed_in.access_token,
            token_type: "Bearer",
            expires_in: signed_in.expires_in,
        }
    }
}

/// An API token, without its secret.
#[derive(Serialize)]
pub struct Token<'a> {
    id: String,
    name: &'a str,
    scopes: &'a [String],
    expires_at: Option<Timestamp>,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
}

impl<'a> From<&'a identity::ApiToken> for Token<'a> {
    fn from(token: &'a identity::ApiToken) -> Self {
        Self {
            id: token.id.to_string(),
            name: &token.name,
            scopes: &token.scopes,
            expires_at: token.expires_at,
            created_at: token.created_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// An API token that was just made: the one answer that holds its secret.
#[derive(Serialize)]
pub struct Created<'a> {
    id: String,
    name: &'a str,
    scopes: &'a [String],
    expires_at: Option<Timestamp>,
    token: &'a str,
}

impl<'a> Created<'a> {
    pub fn new(info: &'a identity::ApiToken, token: &'a str) -> Self {
        Self { id: info.id.to_string(), name: &info.name, scopes: &info.scopes, expires_at: info.expires_at, token }
    }
}

#[derive(Serialize)]
pub struct Items<T> {
    pub items: Vec<T>,
}
