//! Who is asking: built-in accounts, sign-ins, API tokens, and tokens of an external issuer.
//!
//! A [`Principal`] is the only way to a session. Passwords are hashed, tokens signed, checked and throttled here; no
//! component ever holds a key. What must not live here: HTTP answers, WIT, SQL, anything about tasks.

mod config;
mod secret;
mod types;

pub use config::{ExternalIssuer, IdentityConfig, IssuerKeys, PasswordCost};
pub use secret::Secret;
pub use types::{AccountError, Credentials, Denied, Ended, NewApiToken, Origin, Principal, Scope, Scopes, SignedIn, User};
