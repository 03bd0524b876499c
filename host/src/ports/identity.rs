//! The port `identity`: conversions around [`crate::identity::Identity`], and the only place where a component's session is made.

use super::bindings::ports::identity::{
    AccountError, ApiToken, Credentials, Denied, Host, HostWithStore, NewApiToken, SignedIn, User,
};
use super::ledger::{OpenSession, open_session, session};
use super::patience::in_time;
use super::{Backing, Ports, Session, View};
use crate::identity::{self, Principal, Secret};
use domain::time::Timestamp;
use std::net::IpAddr;
use uuid::Uuid;
use wasmtime::Result;
use wasmtime::component::{Accessor, Resource};

type Answer<T> = std::result::Result<T, AccountError>;

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
            identity::AccountError::External => Self::External,
            identity::AccountError::Forbidden(scope) => Self::Forbidden(scope),
            identity::AccountError::Ended => Self::Ended,
            identity::AccountError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl From<identity::User> for User {
    fn from(user: identity::User) -> Self {
        Self { id: user.id.to_string(), email: user.email, name: user.name }
    }
}

impl From<identity::SignedIn> for SignedIn {
    fn from(signed_in: identity::SignedIn) -> Self {
        Self {
            user: signed_in.user.into(),
            access_token: signed_in.access_token.expose().to_owned(),
            expires_in: signed_in.expires_in,
        }
    }
}

impl From<crate::store::ApiToken> for ApiToken {
    fn from(token: crate::store::ApiToken) -> Self {
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

/// What stands behind the ports, and who is at the other end.
fn backing<T: 'static>(accessor: &Accessor<T, Ports>) -> (Backing, IpAddr) {
    accessor.with(|mut access| {
        let context = access.get().context;
        (context.backing.clone(), context.peer)
    })
}

/// The same, and whose session it is; an ended session is nobody's.
fn with_session<T: 'static>(
    accessor: &Accessor<T, Ports>,
    handle: &Resource<OpenSession>,
) -> Result<std::result::Result<(Backing, Principal), AccountError>> {
    let session = session(accessor, handle)?;
    if session.allow(None).is_err() {
        return Ok(Err(AccountError::Ended));
    }
    Ok(Ok((backing(accessor).0, session.principal().clone())))
}

/// Does something with the session's principal.
macro_rules! as_principal {
    ($accessor:expr, $handle:expr, |$identity:ident, $principal:ident| $act:expr) => {
        match with_session($accessor, &$handle)? {
            Ok((backing, $principal)) => {
                let $identity = &backing.identity;
                Ok(in_time($accessor, identity::AccountError::Unavailable, $act).await.map(Into::into).map_err(Into::into))
            }
            Err(ended) => Ok(Err(ended)),
        }
    };
}

impl<T: Send + 'static> HostWithStore<T> for Ports {
    async fn authenticate(
        accessor: &Accessor<T, Self>,
        credentials: Credentials,
    ) -> Result<std::result::Result<Resource<OpenSession>, Denied>> {
        let (backing, _) = backing(accessor);
        let credentials = credentials.into();
        match in_time(accessor, identity::Denied::Unavailable, backing.identity.authenticate(&credentials)).await {
            Ok(principal) => accessor.with(|mut access| {
                let mut view = access.get();
                let (group, traceparent) = (view.context.component.clone(), view.context.traceparent.clone());
                let session = Session::new(backing.store, backing.clock, principal, group, traceparent);
                Ok(Ok(open_session(&mut view, session)?))
            }),
            Err(denied) => Ok(Err(denied.into())),
        }
    }

    async fn sign_up(
        accessor: &Accessor<T, Self>,
        email: String,
        password: String,
        name: Option<String>,
    ) -> Result<Answer<SignedIn>> {
        let (backing, _) = backing(accessor);
        let signed_in = backing.identity.sign_up(&email, Secret::new(password), name);
        let signed_in = in_time(accessor, identity::AccountError::Unavailable, signed_in).await;
        Ok(signed_in.map(Into::into).map_err(Into::into))
    }

    async fn sign_in(accessor: &Accessor<T, Self>, email: String, password: String) -> Result<Answer<SignedIn>> {
        let (backing, peer) = backing(accessor);
        let signed_in = backing.identity.sign_in(&email, Secret::new(password), peer);
        let signed_in = in_time(accessor, identity::AccountError::Unavailable, signed_in).await;
        Ok(signed_in.map(Into::into).map_err(Into::into))
    }

    async fn sign_out(accessor: &Accessor<T, Self>, handle: Resource<OpenSession>) -> Result<Answer<()>> {
        as_principal!(accessor, handle, |identity, principal| identity.sign_out(&principal))
    }

    async fn me(accessor: &Accessor<T, Self>, handle: Resource<OpenSession>) -> Result<Answer<User>> {
        as_principal!(accessor, handle, |identity, principal| identity.me(&principal))
    }

    async fn delete_account(accessor: &Accessor<T, Self>, handle: Resource<OpenSession>, password: String) -> Result<Answer<()>> {
        let (_, peer) = backing(accessor);
        as_principal!(accessor, handle, |identity, principal| identity.delete_account(&principal, Secret::new(password), peer))
    }

    async fn change_password(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenSession>,
        current: String,
        new: String,
    ) -> Result<Answer<()>> {
        let (_, peer) = backing(accessor);
        let (current, new) = (Secret::new(current), Secret::new(new));
        as_principal!(accessor, handle, |identity, principal| identity.change_password(&principal, current, new, peer))
    }

    async fn create_token(
        accessor: &Accessor<T, Self>,
        handle: Resource<OpenSession>,
        name: String,
        scopes: Vec<String>,
        expires_at: Option<i64>,
    ) -> Result<Answer<NewApiToken>> {
        let Ok(expires_at) = expires_at.map(Timestamp::from_millis).transpose() else {
            wasmtime::bail!("expires-at is beyond the years that there are");
        };
        as_principal!(accessor, handle, |identity, principal| identity.create_token(&principal, &name, &scopes, expires_at))
    }

    async fn list_tokens(accessor: &Accessor<T, Self>, handle: Resource<OpenSession>) -> Result<Answer<Vec<ApiToken>>> {
        let list = async |backing: Backing, principal: Principal| backing.identity.list_tokens(&principal).await;
        Ok(match with_session(accessor, &handle)? {
            Ok((backing, principal)) => {
                match in_time(accessor, identity::AccountError::Unavailable, list(backing, principal)).await {
                    Ok(tokens) => Ok(tokens.into_iter().map(Into::into).collect()),
                    Err(error) => Err(error.into()),
                }
            }
            Err(ended) => Err(ended),
        })
    }

    async fn revoke_token(accessor: &Accessor<T, Self>, handle: Resource<OpenSession>, id: String) -> Result<Answer<bool>> {
        let Ok(id) = Uuid::try_parse(&id) else { return Ok(Ok(false)) };
        as_principal!(accessor, handle, |identity, principal| identity.revoke_token(&principal, id))
    }
}

impl From<identity::NewApiToken> for NewApiToken {
    fn from(new: identity::NewApiToken) -> Self {
        Self { info: new.info.into(), secret: new.secret.expose().to_owned() }
    }
}

impl Host for View<'_> {}
