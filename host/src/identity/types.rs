//! The words of `wit/ports/identity.wit`, as the host speaks them.

use super::Secret;
use crate::store::{ApiToken, Ended};
use domain::account::Scope;
use domain::change::Actor;
use domain::id::UserId;
use domain::time::Timestamp;
use std::fmt;
use uuid::Uuid;

/// Who acts, with which rights, and what can end them: the one thing from which a session is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub user: UserId,
    pub actor: Actor,
    pub scopes: Scopes,
    pub origin: Origin,
    /// From this moment on it is nobody; `None` for an API token without an expiry.
    pub expires_at: Option<Timestamp>,
}

/// Where a principal's rights come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A sign-in with a password; a browser's cookie and a bearer token are the same sign-in.
    SignIn(Uuid),
    /// An API token.
    Token(Uuid),
    /// A token of an external issuer, which nothing here can end before it expires.
    External,
    /// The host itself, for a component that acts on an event or at a moment.
    Host,
}

impl Ended {
    /// Whether this ends the principal.
    pub fn ends(&self, principal: &Principal) -> bool {
        match self {
            Self::SignIn(id) => principal.origin == Origin::SignIn(*id),
            Self::Token { user, id } => principal.user == *user && principal.origin == Origin::Token(*id),
            Self::SignIns { user, but } => {
                principal.user == *user && matches!(principal.origin, Origin::SignIn(id) if Some(id) != *but)
            }
            Self::User(user) => principal.user == *user,
            Self::Unheard => false,
        }
    }
}

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// What a person who signed in may do: everything.
    pub fn all() -> Self {
        ALL.into_iter().collect()
    }

    /// Whether the set grants this right; `tasks:write` grants `tasks:read`.
    pub fn allow(self, needed: Scope) -> bool {
        ALL.into_iter().any(|scope| self.has(scope) && scope.implies(needed))
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names that were granted, without what they imply.
    pub fn names(self) -> Vec<String> {
        ALL.into_iter().filter(|scope| self.has(*scope)).map(|scope| scope.name().to_owned()).collect()
    }

    fn has(self, scope: Scope) -> bool {
        self.0 & bit(scope) != 0
    }
}

const ALL: [Scope; 3] = [Scope::TasksRead, Scope::TasksWrite, Scope::Account];

fn bit(scope: Scope) -> u8 {
    match scope {
        Scope::TasksRead => 1,
        Scope::TasksWrite => 2,
        Scope::Account => 4,
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | bit(scope)))
    }
}

/// What a request says of its sender: every value of each header, none left out and none joined.
#[derive(Clone, Default)]
pub struct Credentials {
    /// In capitals. All but GET and HEAD count as writes.
    pub method: String,
    pub authorization: Vec<String>,
    pub cookie: Vec<String>,
    pub origin: Option<String>,
    pub sec_fetch_site: Option<String>,
    pub host: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("method", &self.method).finish_non_exhaustive()
    }
}

/// Why a request has no principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// 401.
    #[error("no credentials")]
    Missing,
    /// 401. It never says which part was wrong.
    #[error("these credentials are not valid, or no longer")]
    Invalid,
    /// 400.
    #[error("more than one Authorization header")]
    Ambiguous,
    /// 403.
    #[error("a cookie alone does not authorise a write from another origin")]
    CrossSite,
    /// 503, with a reason fit to be shown.
    #[error("{0}")]
    Unavailable(String),
}

/// Why an account's business was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Wrong password or unknown address, after the same work. 401.
    #[error("wrong address or password")]
    Wrong,
    /// 409.
    #[error("the address has an account")]
    Taken,
    /// Seconds to wait, at least 1. 429.
    #[error("too many failures; wait {0} s")]
    Throttled(u32),
    /// 404.
    #[error("accounts live with an external issuer")]
    External,
    /// The scope that is lacking. 403.
    #[error("this needs the scope {0}")]
    Forbidden(String),
    /// 401.
    #[error("the session has ended")]
    Ended,
    /// 503, with a reason fit to be shown.
    #[error("{0}")]
    Unavailable(String),
}

/// Whom a session belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    /// `None` with an external issuer.
    pub email: Option<String>,
    pub name: Option<String>,
}

/// A sign-in has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    pub user: User,
    /// A bearer token, and the value of the session cookie.
    pub access_token: Secret,
    /// Seconds.
    pub expires_in: u32,
}

/// An API token was made.
#[derive(Clone, Debug)]
pub struct NewApiToken {
    pub info: ApiToken,
    /// Shown once; only its hash is kept.
    pub secret: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn write_implies_read_and_nothing_else() {
        let write: Scopes = [Scope::TasksWrite].into_iter().collect();
        assert!(write.allow(Scope::TasksRead) && write.allow(Scope::TasksWrite) && !write.allow(Scope::Account));
        assert_eq!(write.names(), ["tasks:write"]);
        let read: Scopes = [Scope::TasksRead].into_iter().collect();
        assert!(read.allow(Scope::TasksRead) && !read.allow(Scope::TasksWrite) && !read.allow(Scope::Account));
        let account: Scopes = [Scope::Account].into_iter().collect();
        assert!(!account.allow(Scope::TasksRead) && account.allow(Scope::Account));
        assert!(!Scopes::default().allow(Scope::TasksRead) && Scopes::default().is_empty());
    }

    #[test]
    fn credentials_do_not_show_their_headers() {
        let shown = format!("{:?}", Credentials { authorization: vec!["Bearer abc".into()], ..Credentials::default() });
        assert!(!shown.contains("abc"), "{shown}");
    }
}
