//! Accounts and tokens.

use super::fields::{Object, document, items, string, text};
use crate::account::Scope;
use crate::error::Error;
use crate::time::Timestamp;
use serde_json::Value;
use std::fmt;

/// The shortest password of a new account, in characters.
pub const LEAST_PASSWORD: usize = 8;
/// The longest.
pub const MOST_PASSWORD: usize = 1_024;

/// A password. It does not show itself in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Gives it away, to be checked or hashed.
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The body of `POST /api/auth/sign-up`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignUp {
    /// Lower-case.
    pub email: String,
    pub password: Password,
    pub name: Option<String>,
}

/// The body of `POST /api/auth/sign-in`. Nothing is said of what no account can have: it is just wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Lower-case.
    pub email: String,
    pub password: Password,
}

/// The body of `PUT /api/account/password`. The two may be the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordChange {
    pub current: Password,
    pub new: Password,
}

/// The body of `POST /api/tokens`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    pub name: String,
    pub scopes: Vec<Scope>,
    pub expires_at: Option<Timestamp>,
}

pub fn sign_up(body: &[u8]) -> Result<SignUp, Error> {
    document(body, |value, at, faults| {
        let mut fields = Object::new(value, at, faults)?;
        let email = fields.require("email", text(email));
        let password = fields.require("password", new_password);
        let name = fields.take("name", text(short_line)).value();
        fields.end(&[]);
        Some(SignUp { email: email?, password: password?, name })
    })
}

pub fn sign_in(body: &[u8]) -> Result<SignIn, Error> {
    document(body, |value, at, faults| {
        let mut fields = Object::new(value, at, faults)?;
        let email = fields.require("email", text(storable));
        let password = fields.require("password", string);
        fields.end(&[]);
        Some(SignIn { email: email?.trim().to_lowercase(), password: Password(password?) })
    })
}

/// The body of `DELETE /api/account`.
pub fn account_deletion(body: &[u8]) -> Result<Password, Error> {
    document(body, |value, at, faults| {
        let mut fields = Object::new(value, at, faults)?;
        let password = fields.require("password", string);
        fields.end(&[]);
        password.map(Password)
    })
}

pub fn password_change(body: &[u8]) -> Result<PasswordChange, Error> {
    document(body, |value, at, faults| {
        let mut fields = Object::new(value, at, faults)?;
        let current = fields.require("current_password", string);
        let new = fields.require("new_password", new_password);
        fields.end(&[]);
        Some(PasswordChange { current: Password(current?), new: new? })
    })
}

pub fn new_token(body: &[u8], now: Timestamp) -> Result<NewToken, Error> {
    document(body, |value, at, faults| {
        let mut fields = Object::new(value, at, faults)?;
        let name = fields.require("name", text(short_line));
        let scopes = fields.require_deep("scopes", |value, at, faults| {
            let mut kept: Vec<Scope> = Vec::new();
            let read = items(value, at, faults, |value, at, faults| {
                let scope = text(Scope::new)(value).map_err(|why| faults.add(at, why)).ok()?;
                if kept.contains(&scope) {
                    faults.add(at, "is given once");
                }
                kept.push(scope);
                Some(())
            });
            if read.as_ref().is_some_and(Vec::is_empty) {
                faults.add(at, "names at least one scope");
            }
            read.map(|_| kept)
        });
        let expires_at = fields.take("expires_at", |value| match text(Timestamp::parse)(value)? {
            at if at <= now => Err("is a time in the future".to_owned()),
            at => Ok(at),
        });
        fields.end(&[]);
        Some(NewToken { name: name?, scopes: scopes?, expires_at: expires_at.value() })
    })
}

/// A password that an account is given. One that only has to be right is any string.
fn new_password(value: Value) -> Result<Password, String> {
    let password = string(value)?;
    match password.chars().count() {
        LEAST_PASSWORD..=MOST_PASSWORD => Ok(Password(password)),
        length => Err(format!("a password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters, not {length}")),
    }
}

/// Any text that a database can be asked for.
fn storable(text: &str) -> Result<String, &'static str> {
    if text.contains('\0') { Err("has no U+0000") } else { Ok(text.to_owned()) }
}

/// A name: 1 to 100 characters after trimming, none of them a control character.
fn short_line(text: &str) -> Result<String, String> {
    let name = text.trim();
    match name.chars().count() {
        1..=100 if !name.chars().any(char::is_control) => Ok(name.to_owned()),
        _ => Err("a name has 1 to 100 characters, none of them a control character".to_owned()),
    }
}

/// A valid e-mail address in the sense of HTML (<https://html.spec.whatwg.org/#valid-e-mail-address>), in lower case.
fn email(text: &str) -> Result<String, &'static str> {
    let address = text.trim();
    let local = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    let label = |label: &str| {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        label.len() <= 63
            && edge(label.chars().next())
            && edge(label.chars().next_back())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    match address.split_once('@') {
        Some((name, domain))
            if address.len() <= 254
                && (1..=64).contains(&name.len())
                && name.chars().all(local)
                && domain.split('.').all(label) =>
        {
            Ok(address.to_ascii_lowercase())
        }
        _ => Err("is an e-mail address, such as ada@example.org"),
    }
}
