//! The words of `wit/ports/identity.wit`, as this component speaks them.

use domain::account::Scope;
use domain::change::Actor;
use domain::id::UserId;
use domain::time::Timestamp;
use uuid::Uuid;

/// What a person who signed in may do: everything.
pub const ALL_SCOPES: [Scope; 3] = [Scope::TasksRead, Scope::TasksWrite, Scope::Account];

/// Who acts, with which rights, and what can end them: the one thing from which a session is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub user: UserId,
    pub actor: Actor,
    pub scopes: Vec<Scope>,
    pub origin: Origin,
    /// From this moment on it is nobody; `None` for an API token without an expiry.
    pub expires_at: Option<Timestamp>,
}

impl Principal {
    /// Whether it has this right; `tasks:write` grants `tasks:read`.
    pub fn allows(&self, needed: Scope) -> bool {
        self.scopes.iter().any(|scope| scope.implies(needed))
    }
}

/// Where a principal's rights come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A sign-in with a password; a browser's cookie and a bearer token are the same sign-in.
    SignIn(Uuid),
    /// An API token.
    Token(Uuid),
    /// A component that acts at a moment.
    Component,
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

/// Why a request has no principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// 401.
    Missing,
    /// 401. It never says which part was wrong.
    Invalid,
    /// 400.
    Ambiguous,
    /// 403.
    CrossSite,
    /// 503, with a reason fit to be shown.
    Unavailable(String),
}

/// Why an account's business was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountError {
    /// Wrong password or unknown address, after the same work. 401.
    Wrong,
    /// 409.
    Taken,
    /// Seconds to wait, at least 1. 429.
    Throttled(u32),
    /// The scope that is lacking. 403.
    Forbidden(String),
    /// 401.
    Ended,
    /// 503, with a reason fit to be shown.
    Unavailable(String),
}

/// Whom a session belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub name: Option<String>,
}

/// A sign-in has begun.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub user: User,
    /// A bearer token, and the value of the session cookie.
    pub access_token: String,
    /// Seconds.
    pub expires_in: u32,
}
