//! The session cookie, for browsers. Scripts cannot read it; no other site's form or script can send it along with a write.

use spin_sdk::http::HeaderValue;

/// `tidings_session`, as `Set-Cookie` gives it (RFC 6265).
pub struct Cookie(String);

impl Cookie {
    /// Valid for as long as the sign-in. Over TLS it is sent over TLS only.
    pub fn new(token: &str, seconds: u32, https: bool) -> Self {
        let secure = if https { "; Secure" } else { "" };
        Self(format!("tidings_session={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"))
    }

    /// Makes the browser forget it.
    pub fn cleared(https: bool) -> Self {
        Self::new("", 0, https)
    }

    /// A token of the host's has only characters that a header can carry.
    pub fn value(&self) -> HeaderValue {
        let value = HeaderValue::from_str(&self.0);
        value.unwrap_or_else(|_| HeaderValue::from_static("tidings_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"))
    }
}
